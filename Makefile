# `make demo` and `make test` do all the set-up they need; the rest is for people who work on it.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check

.PHONY: demo test check lock bench clean

demo: .venv/ready
	@$(BIN)/smartpbx demo $(ARGS)

# Most tests wait for telephones that ring in real time: two at a time take half as long.
test: .venv/dev check
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/dev
	$(BIN)/python -m tests.benchmarks

lock: .venv/dev
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

# Debian keeps venv in a package of its own.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	@echo "0/3  Chuẩn bị Python …"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv .venv; \
	  else echo "Python's venv is missing. Install it and try again: sudo apt-get install python3-venv"; exit 1; fi; }

.venv/ready: requirements.lock pyproject.toml | .venv/bin/python
	@echo "     Cài thư viện …"
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps -e .
	@touch $@

.venv/dev: .venv/ready requirements-dev.lock
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

clean:
	rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache
