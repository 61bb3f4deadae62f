"""A PostgreSQL of our own for one test session: unprivileged, in a temporary directory, on a socket in the file system and no port."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

PROGRAMS = "/usr/lib/postgresql/*/bin"
CURE = "PostgreSQL's programs are missing. Install them and try again: apt-get install postgresql"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with server() as address:
        yield address


@contextmanager
def server() -> Iterator[str]:
    """Address of a server, to be followed by a database's name: `address.format("name")`."""
    programs = find_programs()
    # Not below pytest's own directory, which another user may not enter.
    place = Path(tempfile.mkdtemp(prefix="smartpbx-pg-"))
    user = unprivileged_user(place)
    subprocess.run(
        [programs / "initdb", "-D", place / "data", "-A", "trust", "-U", "postgres", "-N", "-E", "UTF8", "--locale=C"],
        check=True, capture_output=True, cwd=place, user=user,
    )  # fmt: skip
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={place}", "-c", "fsync=off"]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", place / "data", *options], stdout=log, stderr=log, cwd=place, user=user
        )
    try:
        await_ready(process, place)
        yield f"postgresql:///{{}}?host={place}&user=postgres"
    finally:
        process.send_signal(signal.SIGINT)  # TERM would wait for connections that a failed test left open
        process.wait(20)
        shutil.rmtree(place)


@pytest.fixture
def postgres_url(postgres: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of the test's own."""
    name = f"t{abs(hash(request.node.nodeid)):x}"
    with psycopg.connect(postgres.format("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield postgres.format(name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def find_programs() -> Path:
    """The newest that Debian installed; installs them when root, else says what to install."""
    found = installed()
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        install()
        found = installed()
    if not found:
        pytest.fail(CURE)
    return found[-1]


def installed() -> list[Path]:
    return sorted(Path("/").glob(PROGRAMS.lstrip("/")), key=lambda path: int(path.parent.name))


def install() -> None:
    """The programs alone: Debian's package would also make a cluster and start it with the machine."""
    answers = Path("/etc/postgresql-common/createcluster.conf")
    if not answers.exists():
        answers.parent.mkdir(exist_ok=True)
        answers.write_text("create_main_cluster = false\n")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold"]
    if subprocess.run([*command, "postgresql"], env=environment, capture_output=True).returncode:
        subprocess.run(["apt-get", "update", "-qq"], env=environment, capture_output=True, check=True)
        subprocess.run([*command, "postgresql"], env=environment, capture_output=True, check=True)


def unprivileged_user(place: Path) -> str | None:
    """PostgreSQL refuses to run as root; whoever else runs the tests runs it himself."""
    if os.geteuid() != 0:
        return None
    shutil.chown(place, "postgres")
    return "postgres"


def await_ready(server: "subprocess.Popen[bytes]", place: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            psycopg.connect(f"postgresql:///postgres?host={place}&user=postgres").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    pytest.fail(f"PostgreSQL did not start: {(place / 'log').read_text()}")
