"""Gets an Asterisk onto the machine: the one that is there, the distribution's, or a private tree beside the project.

A private tree is what apt would unpack for `asterisk` from Debian's forky, put into a directory of ours by an apt that has its own state:
no root is needed, no maintainer script runs, and the host's packages are not touched. Its programs run through the tree's own loader.
"""

import contextlib
import fcntl
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from ivr.problem import Problem
from pbx.asterisk.layout import Installation
from pbx.settings import Settings

OLDEST = 20
PACKAGES = ("asterisk", "asterisk-core-sounds-en-gsm", "sip-tester", "espeak-ng")
"""Asterisk, and the two programs that the tests and the prompts are made with."""
SUITE = "forky"

Report = Callable[[str], None]


def provision(settings: Settings, report: Report = print) -> Installation:
    """An Asterisk of version 20 or newer; makes one if there is none.

    Raises:
        Problem: nothing worked; it says what was tried and what to install by hand.
    """
    tried: list[str] = []
    for way in (_private_tree, _on_path, _from_distribution, _make_tree):
        try:
            found = way(settings, report)
        except (OSError, subprocess.SubprocessError) as e:
            tried.append(f"{way.__name__.strip('_')}: {_reason(e)}")
            continue
        if found is not None:
            return found
    listed = "; ".join(tried) or "no way applies to this system"
    raise Problem(
        f"Không cài được Asterisk ({listed}). Hãy cài Asterisk 20 trở lên bằng tay rồi chạy lại, "
        f"hoặc chạy trên Debian/Ubuntu có apt và kết nối tới kho gói.",
        f"No Asterisk could be installed ({listed}). Install Asterisk 20 or newer by hand and run this again, "
        f"or use a Debian or Ubuntu machine whose apt reaches its mirror.",
    )


def installed(settings: Settings) -> Installation | None:
    """What a former provision found or made, without doing anything."""
    return _private_tree(settings, _silent) or _on_path(settings, _silent)


def _silent(line: str) -> None:
    """For those who only want to know."""


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line for line in (error.stderr or b"").decode("utf-8", "replace").splitlines() if line.strip()]
        return f"{error.cmd[0]} {lines[-1] if lines else error.returncode}"
    return str(error)


# --- the three ways -----------------------------------------------------------------------------------------------


def _private_tree(settings: Settings, report: Report) -> Installation | None:
    stamp = settings.tree_dir / "smartpbx.json"
    if not stamp.exists():
        return None
    made = msgspec.json.decode(stamp.read_bytes(), type=Installation)
    return msgspec.structs.replace(made, root=str(settings.tree_dir))


def _on_path(settings: Settings, report: Report) -> Installation | None:
    program = shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        return None
    version = _version([program])
    if version is None or int(version.split(".")[0]) < OLDEST:
        return None
    modules = next((p for p in Path("/usr/lib").glob("**/asterisk/modules/app_queue.so")), None)
    if modules is None or program != "/usr/sbin/asterisk":
        return None
    report(f"Asterisk {version} có sẵn: {program}")
    library = str(modules.parent.parent.parent.relative_to("/"))
    return Installation(root="/", version=version, library=library, private=False)


def _version(command: list[str]) -> str | None:
    shown = subprocess.run([*command, "-V"], capture_output=True, text=True, timeout=20, check=True).stdout
    match = re.search(r"Asterisk (?:certified[-/])?(\d+[.\d]*)", shown)
    return match.group(1) if match else None


def _from_distribution(settings: Settings, report: Report) -> Installation | None:
    if os.geteuid() != 0 or shutil.which("apt-cache") is None:
        return None
    policy = subprocess.run(["apt-cache", "policy", "asterisk"], capture_output=True, text=True, timeout=60, check=True)
    match = re.search(r"Candidate: (?:\d+:)?(\d+)", policy.stdout)
    if match is None or int(match.group(1)) < OLDEST:
        return None
    report("Cài Asterisk từ kho gói của hệ điều hành …")
    subprocess.run(["apt-get", "install", "-y", "-qq", "asterisk"], capture_output=True, timeout=900, check=True)
    return _on_path(settings, report)


def _make_tree(settings: Settings, report: Report) -> Installation | None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    tree = settings.tree_dir
    tree.parent.mkdir(parents=True, exist_ok=True)
    with _alone(tree.with_name(f"{tree.name}.lock")):
        if (made := _private_tree(settings, report)) is not None:
            return made
        work = tree.with_name(f"{tree.name}.new")
        shutil.rmtree(work, ignore_errors=True)
        report("Tải Asterisk 22 về thư mục riêng, không động vào hệ thống …")
        packages = _download(work / "apt")
        report(f"Giải nén {len(packages)} gói …")
        _unpack(packages, work)
        shutil.rmtree(work / "apt")
        return _finish(work, tree, report)


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _finish(work: Path, tree: Path, report: Report) -> Installation:
    library = next(work.glob("usr/lib/*/asterisk/modules")).parent.parent.relative_to(work)
    made = Installation(root=str(work), version="", library=str(library), private=True)
    version = _version(made.command("usr/sbin/asterisk"))
    if version is None:
        raise OSError("the unpacked Asterisk does not run")
    made = msgspec.structs.replace(made, version=version, root=str(tree))
    (work / "smartpbx.json").write_bytes(msgspec.json.encode(made))
    shutil.rmtree(tree, ignore_errors=True)
    work.rename(tree)
    report(f"Asterisk {version} sẵn sàng ở {tree}")
    return made


# --- apt with a state of its own ----------------------------------------------------------------------------------


def _download(place: Path) -> list[Path]:
    """Everything that the packages need, from an apt that believes nothing is installed."""
    for directory in ("lists/partial", "cache/archives/partial", "etc"):
        (place / directory).mkdir(parents=True)
    (place / "status").touch()
    (place / "sources.list").write_text(f"deb [signed-by={_keyring()}] {_mirror()} {SUITE} main\n")
    (place / "apt.conf").write_text(_APT_CONF.replace("PLACE", str(place)).replace("ARCH", _architecture()))
    env = {**os.environ, "APT_CONFIG": str(place / "apt.conf"), "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=env, capture_output=True, timeout=300, check=True)
    install = ["apt-get", "install", "-y", "-qq", "--download-only", *PACKAGES]
    subprocess.run(install, env=env, capture_output=True, timeout=900, check=True)
    return sorted((place / "cache/archives").glob("*.deb"))


_APT_CONF = """
Dir "PLACE";
Dir::State "PLACE";
Dir::State::lists "PLACE/lists";
Dir::State::status "PLACE/status";
Dir::Cache "PLACE/cache";
Dir::Etc "PLACE/etc";
Dir::Etc::sourcelist "PLACE/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "ARCH";
APT::Architectures "ARCH";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "3";
"""


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _keyring() -> Path:
    for path in ("/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"):
        if Path(path).exists():
            return Path(path)
    raise OSError("Debian's archive keys are missing: install the package debian-archive-keyring")


def _mirror() -> str:
    """The mirror of Debian that this machine's own apt uses."""
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for source in sources:
        if source.is_file():
            for url in re.findall(r"(?:^deb\s+(?:\[[^]]*]\s+)?|^URIs:\s*)(\S+)", source.read_text(), re.MULTILINE):
                if url.rstrip("/").endswith("/debian"):
                    return str(url)
    raise OSError("the apt sources name no Debian mirror")


def _unpack(packages: list[Path], tree: Path) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda package: _unpack_one(package, tree), packages))


def _unpack_one(package: Path, tree: Path) -> None:
    # Documentation and other people's man pages are a quarter of the size.
    skip = ["--exclude=./usr/share/doc/*", "--exclude=./usr/share/man/*", "--exclude=./usr/share/locale/*"]
    command = ["tar", "-x", "-C", str(tree), "--no-same-owner", "--keep-directory-symlink", *skip]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as unpacked:
        subprocess.run(command, stdin=unpacked.stdout, capture_output=True, timeout=120, check=True)
    if unpacked.returncode:
        raise OSError(f"{package.name} could not be unpacked")
