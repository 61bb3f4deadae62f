"""Gets an Asterisk onto the machine: the one that is there, the distribution's, or a private tree beside the project.

A private tree is what apt would unpack for `asterisk` from Debian's forky, put into a directory of ours by an apt that has its own state:
no root is needed, no maintainer script runs, and the host's packages are not touched. Its programs run through the tree's own loader.
"""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from ivr.problem import Problem
from pbx.asterisk.layout import Installation, alone
from pbx.settings import Settings

OLDEST = 20
PACKAGES = ("asterisk", "asterisk-core-sounds-en-gsm", "sip-tester", "espeak-ng")
"""Asterisk, and the two programs that the tests and the prompts are made with."""
SUITE = "forky"
SBIN = "/usr/sbin:/usr/local/sbin"
DOWNLOAD_S = 3600.0
"""105 MB: a quarter of an hour on a line of 1 Mbit/s."""

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
    try:
        return _private_tree(settings, _silent) or _on_path(settings, _silent)
    except (OSError, subprocess.SubprocessError):
        return None  # there is one, and it does not run


def _silent(line: str) -> None:
    """For those who only want to know."""


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line for line in (error.stderr or b"").decode("utf-8", "replace").splitlines() if line.strip()]
        return f"{error.cmd[0]} {lines[-1] if lines else error.returncode}"
    return str(error)


# --- the four ways ------------------------------------------------------------------------------------------------


def _private_tree(settings: Settings, report: Report) -> Installation | None:
    stamp = settings.tree_dir / "smartpbx.json"
    if not (stamp.exists() and Path(settings.tree_dir, "usr/sbin/asterisk").exists()):
        return None
    try:
        made = msgspec.json.decode(stamp.read_bytes(), type=Installation)
    except msgspec.DecodeError:
        return None
    return msgspec.structs.replace(made, root=str(settings.tree_dir))


def _on_path(settings: Settings, report: Report) -> Installation | None:
    program = shutil.which("asterisk") or shutil.which("asterisk", path=SBIN)
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
    rights = _root_rights()
    if rights is None or shutil.which("apt-cache") is None or shutil.which("asterisk", path=SBIN) is not None:
        return None  # or somebody runs an older one here: leave it in peace
    policy = subprocess.run(["apt-cache", "policy", "asterisk"], capture_output=True, text=True, timeout=60, check=True)
    match = re.search(r"Candidate: (?:\d+:)?(\d+)", policy.stdout)
    if match is None or int(match.group(1)) < OLDEST:
        return None
    report("Cài Asterisk từ kho gói của hệ điều hành …")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES[:2]]
    subprocess.run([*rights, *install], capture_output=True, timeout=DOWNLOAD_S, check=True)
    if Path("/run/systemd/system").exists():
        # The package starts one of its own, on every address; ours is another.
        subprocess.run([*rights, "systemctl", "disable", "--now", "asterisk"], capture_output=True, check=False)
    return _on_path(settings, report)


def _root_rights() -> list[str] | None:
    """What to put before a command that needs root; None where nobody gives us the right without being asked."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    allowed = subprocess.run(["sudo", "-n", "true"], capture_output=True, timeout=20, check=False).returncode == 0
    return ["sudo", "-n"] if allowed else None


def _make_tree(settings: Settings, report: Report) -> Installation | None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    tree = settings.tree_dir
    tree.parent.mkdir(parents=True, exist_ok=True)
    with alone(tree.with_name(f"{tree.name}.lock")):
        if (made := _private_tree(settings, report)) is not None:
            return made  # somebody else made it while we waited
        packages = _download(tree.with_name(f"{tree.name}.apt"), report)
        work = tree.with_name(f"{tree.name}.new")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            report(f"Giải nén {len(packages)} gói …")
            _unpack(packages, work)
            made = _finish(work, tree, report)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(packages[0].parents[2])
        return made


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


def _download(place: Path, report: Report) -> list[Path]:
    """Everything that the packages need, from an apt that believes nothing is installed.

    What came stays in `place`, so that a try after a broken line goes on there.
    """
    for directory in ("lists/partial", "cache/archives/partial", "etc"):
        (place / directory).mkdir(parents=True, exist_ok=True)
    (place / "status").touch()
    (place / "sources.list").write_text(f"deb [signed-by={_keyring()}] {_mirror()} {SUITE} main\n")
    conf = _APT_CONF.replace("PLACE", str(place)).replace("ARCH", _architecture())
    (place / "apt.conf").write_text(conf + _way_out())
    env = {**os.environ, "APT_CONFIG": str(place / "apt.conf"), "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    report("Tải Asterisk 22 về thư mục riêng, không động vào hệ thống …")
    subprocess.run(["apt-get", "update", "-qq"], env=env, capture_output=True, timeout=300, check=True)
    install = ["apt-get", "install", "-y", "-qq", "--download-only", *PACKAGES]
    asked = subprocess.run([*install, "--print-uris"], env=env, capture_output=True, text=True, timeout=60, check=True)
    # 'http://…' name size hash; those that are there already are not named.
    wanted = [line.split() for line in asked.stdout.splitlines() if line.startswith("'")]
    report(f"{len(wanted)} gói, {sum(int(line[2]) for line in wanted) / 1e6:.0f} MB …")
    subprocess.run(install, env=env, capture_output=True, timeout=DOWNLOAD_S, check=True)
    subprocess.run(["apt-get", "autoclean", "-qq"], env=env, capture_output=True, timeout=60, check=True)
    return sorted((place / "cache/archives").glob("*.deb"))


def _way_out() -> str:
    """The proxy and certificates that this machine's own apt reaches its mirror with."""
    asked = ["apt-config", "dump", "--format", '%F "%v";%n']
    shown = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout
    return "".join(f"{line}\n" for line in shown.splitlines() if re.match(r"Acquire::(https?|ForceIPv\d)\b", line))


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
    """The mirror of Debian that this machine's own apt uses, or the one for all."""
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for source in sources:
        if source.is_file():
            for url in re.findall(r"(?:^deb\s+(?:\[[^]]*]\s+)?|^URIs:\s*)(\S+)", source.read_text(), re.MULTILINE):
                if url.rstrip("/").endswith("/debian"):
                    return str(url)
    return "http://deb.debian.org/debian"  # packages are signed: it need not be a trusted one


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
