"""Writes the whole private configuration of one Asterisk: from the centre file, the settings and the templates beside this file.

Everything it needs lies in one directory; nothing listens beyond the chosen address; only the listed modules load. Written anew
each time, except for the secrets. Knows nothing of how Asterisk is started.
"""

import contextlib
import os
import sqlite3
import string
from pathlib import Path

from ivr.problem import Problem
from pbx.ami.actions import LEASE_S
from pbx.ami.translate import WANTED
from pbx.asterisk.layout import Installation, Secrets, make_secrets, write_private
from pbx.centre import Agent, Centre, Queue
from pbx.settings import Settings

TEMPLATES = Path(__file__).with_name("templates")
ALIVE_S = 6
"""The service is alive when its heartbeat is younger than this: three heartbeats."""
LINGER_S = 0.005
"""How long a caller's channel waits for what comes next before it goes back to looking every 20 ms."""
LONGEST_CALL_S = 3600
WAITING_KEYS = "12"
"""The keys that lead a waiting caller out of the queue; app_queue takes no others."""
ATTACH_S = 0.3
"""How long mixing into a caller's audio takes to begin."""
RETURNS = ("TIMEOUT", "FULL", "JOINEMPTY", "LEAVEEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL", "WITHDRAW", "CONTINUE",
           *(f"KEY{key}" for key in WAITING_KEYS))  # fmt: skip
EMPTY = ("ccss.conf", "udptl.conf", "codecs.conf", "queuerules.conf", "cli_aliases.conf", "acl.conf",
         "stasis.conf", "sorcery.conf", "pjproject.conf", "dsp.conf", "say.conf", "cli_permissions.conf", "http.conf",
         "extconfig.conf", "dnsmgr.conf", "cli.conf", "pjsip_notify.conf", "pjsip_wizard.conf", "res_pjsip.conf")  # fmt: skip
DIRECTORIES = ("etc", "var", "spool/recording", "spool/monitor", "run", "log", "keys", "keys/keys", "cache", "agi-bin",
               "data/sounds")  # fmt: skip
UNHEARD = frozenset(("VarSet", "DTMFEnd"))
"""Translated for other people's dialplans; ours tells the same by UserEvent, at a third of the volume."""


class _Template(string.Template):
    delimiter = "§"
    idpattern = "[a-z_]+"


def write_config(settings: Settings, centre: Centre, installation: Installation) -> Secrets:
    """Make or renew the configuration directory.

    Raises:
        Problem: the directory cannot be written.
    """
    home = settings.asterisk_dir
    _check_names(home, Path(installation.root), settings.prompts_dir)
    try:
        for directory in DIRECTORIES:
            (home / directory).mkdir(parents=True, exist_ok=True)
        secrets = make_secrets(settings, centre)
        values = _values(settings, centre, installation, secrets)
        for template in sorted(TEMPLATES.glob("*.conf")):
            write_private(home / "etc" / template.name, _Template(template.read_text("utf-8")).substitute(values))
        for name in EMPTY:
            write_private(home / "etc" / name, "")
        _link_sounds(settings, installation)
        _prepare_cel(home / "log" / "master.db")
        if os.geteuid() == 0:
            give_to(home, home.stat().st_uid, home.stat().st_gid)
    except OSError as e:
        raise Problem(
            f"Không ghi được cấu hình Asterisk vào {home}: {e.strerror}. Hãy cấp quyền ghi hoặc đổi SMARTPBX_DATA_DIR.",
            f"Cannot write the Asterisk configuration in {home}: {e.strerror}. "
            f"Give write permission or change SMARTPBX_DATA_DIR.",
        ) from e
    return secrets


def _check_names(*places: Path) -> None:
    """A comment, an option or a list of paths would end in the middle of such a name."""
    for place in places:
        if found := sorted({c for c in str(place) if c in ':,;()|"$[]{}\\' or not c.isprintable()}):
            shown = " ".join(found)
            raise Problem(
                f"Tên thư mục {place} có ký tự mà Asterisk không chấp nhận: {shown}. Hãy chuyển sang thư mục khác.",
                f"The directory {place} has a name that Asterisk cannot take: {shown}. Move it to another one.",
            )


def _values(settings: Settings, centre: Centre, installation: Installation, secrets: Secrets) -> dict[str, str]:
    return {
        "home": str(settings.asterisk_dir),
        "run": _run_directory(settings.asterisk_dir),
        "modules": str(installation.modules),
        # What writes CEL is a module of its own in later versions, and part of the next one in earlier ones.
        "cdrel": "load = res_cdrel_custom.so" if (installation.modules / "res_cdrel_custom.so").exists() else "",
        "sbin": str(Path(installation.root, "usr/sbin")),
        "system_name": secrets.system_name,
        "address": settings.bind_address,
        "sip_port": str(settings.sip_port),
        "ami_port": str(settings.ami_port),
        "rtp_start": str(settings.rtp_start),
        "rtp_end": str(settings.rtp_end),
        "events_user": settings.ami_events_user,
        "events_secret": secrets.events,
        "commands_user": settings.ami_commands_user,
        "commands_secret": secrets.commands,
        "filters": "\n".join(f"eventfilter(name({kind})) =" for kind in sorted(WANTED - UNHEARD)),
        "moh": str(_moh(settings)),
        "hotline": centre.hotline,
        "general": centre.general_queue,
        "alive": str(ALIVE_S),
        "lease": str(LEASE_S),
        "linger": str(LINGER_S),
        "attach": str(ATTACH_S),
        "recordings": str(settings.spool_dir),
        "keys": "\n".join(_KEY.replace("DIGIT", key).replace("LIMIT", str(ALIVE_S)) for key in WAITING_KEYS),
        "ring_extensions": "\n".join(_RING.replace("EXTENSION", agent.extension) for agent in centre.agents),
        # On this machine everybody has one address. Elsewhere the provider's callers may have an agent's number.
        "identifiers": "username,ip" if _on_loopback(settings) else "ip,username",
        "citizens": _citizens(settings),
        "trunk": _trunk(settings),
        "agents": "\n".join(_agent(agent, secrets.agents[agent.extension]) for agent in centre.agents),
        "queues": "\n".join(_queue(queue, centre) for queue in centre.queues),
        "returns": "\n".join(_RETURN.replace("STATUS", status).replace("LEASE", str(LEASE_S)) for status in RETURNS),
        "queue_extensions": "\n".join(_queue_extension(queue, settings) for queue in centre.queues),
        "agent_extensions": "\n".join(
            f"exten => {a.extension},1,Dial(PJSIP/{a.extension},20)\n same => n,Goto(smartpbx-missed,s,1)"
            for a in centre.agents
        ),
    }


def _run_directory(home: Path) -> str:
    """Of the control socket, whose name may have 107 bytes: a longer one is told from where Asterisk is started.

    Not always so, because Asterisk leaves a directory that access(2) denies it, which forgets that it may enter.
    """
    whole = home / "run"
    return str(whole) if len(os.fsencode(whole / "asterisk.ctl")) <= 107 else "run"


# --- phones -------------------------------------------------------------------------------------------------------


def _agent(agent: Agent, secret: str) -> str:
    who = agent.extension
    return f"""
[{who}](agent)
auth = {who}
aors = {who}
callerid = {_plain(agent.name)} <{who}>
[{who}]
type = auth
auth_type = digest
username = {who}
password = {secret}
[{who}]
type = aor
max_contacts = 1
remove_existing = yes
qualify_frequency = 15"""


def _citizens(settings: Settings) -> str:
    """Any phone on this very machine may play the citizen; nobody else can reach a loopback address."""
    if not _on_loopback(settings):
        return ""
    return (
        f"\n[citizens](inbound)\n[citizens]\ntype = identify\nendpoint = citizens\nmatch = {settings.bind_address}/32\n"
    )


def _on_loopback(settings: Settings) -> bool:
    return settings.bind_address.startswith("127.")


def _trunk(settings: Settings) -> str:
    if not settings.trunk_host:
        return ""
    return f"\n[trunk](inbound)\n[trunk]\ntype = identify\nendpoint = trunk\nmatch = {settings.trunk_host}\n"


# --- queues -------------------------------------------------------------------------------------------------------


def _queue(queue: Queue, centre: Centre) -> str:
    # Phones that are not registered are `unavailable`; a queue whose phones all are has nobody who serves it.
    nobody = "no" if queue.join_empty else "unavailable,invalid,unknown"
    lines = [
        f"\n[{queue.name}](base)",
        f"strategy = {queue.strategy}",
        f"timeout = {queue.ring_s}",
        f"retry = {queue.retry_s}",
        f"maxlen = {queue.max_callers}",
        f"servicelevel = {queue.service_level_s}",
        f"weight = {queue.weight}",
        f"joinempty = {'yes' if queue.join_empty else nobody}",
        f"leavewhenempty = {nobody}",
    ]
    if queue.record:
        # From the moment at which both are told of each other; MONITOR_OPTIONS of the dialplan gives each voice a file.
        lines.append("monitor-format = wav")
    members = (a for a in centre.agents if queue.name in a.queues)
    lines += [f"member => {a.interface},0,{_plain(a.name)},{a.interface}" for a in members]
    return "\n".join(lines)


def _plain(name: str) -> str:
    """A name that cannot end a field or begin a comment in a configuration file."""
    return "".join(c for c in name if c not in ',;"<>[]|\\' and c.isprintable())


_RETURN = """exten => STATUS,1,Set(TIMEOUT(absolute)=LEASE)
 same => n,AGI(agi:async)
 same => n,Goto(smartpbx-left,s,1)"""


_KEY = """exten => DIGIT,1,UserEvent(SmartPbxQueueReturned,Queue: ${SMARTPBX_QUEUE},Status: KEYDIGIT)
 same => n,CELGenUserEvent(SMARTPBX_QUEUE_RETURNED,${SMARTPBX_QUEUE}:KEYDIGIT)
 same => n,GotoIf($[${EPOCH} - 0${SMARTPBX_ALIVE} < LIMIT]?smartpbx-return,KEYDIGIT,1)
 same => n,Goto(smartpbx-queue,${SMARTPBX_QUEUE},1)"""
_RING = """exten => EXTENSION,1,Set(TIMEOUT(absolute)=3600)
 same => n,Dial(PJSIP/EXTENSION,25)
 same => n,GotoIf($["${DIALSTATUS}" = "ANSWER"]?bye)
 same => n,Goto(smartpbx-left,s,1)
 same => n(bye),Hangup()"""


def _queue_extension(queue: Queue, settings: Settings) -> str:
    recording = settings.spool_dir
    name = queue.name
    return f"""exten => {name},1,Set(TIMEOUT(absolute)={LONGEST_CALL_S + queue.max_wait_s})
 same => n,Set(__TRANSFER_CONTEXT=smartpbx-agent)
 same => n,Set(SMARTPBX_QUEUE={name})
 same => n,Set(QUEUESTATUS=)
 same => n,Set(MONITOR_FILENAME={recording}/${{UNIQUEID}})
 same => n,Set(MONITOR_OPTIONS=ar({recording}/${{UNIQUEID}}-caller.wav)t({recording}/${{UNIQUEID}}-agent.wav))
 same => n,Set(__DYNAMIC_FEATURES=recording-pause#recording-mark)
 same => n,Set(SMARTPBX_PLACE=${{SMARTPBX_POSITION}})
 same => n,Set(SMARTPBX_POSITION=)
 same => n,Queue({name},ct,,,{queue.max_wait_s},,,,${{SMARTPBX_PLACE}})
 same => n,StopMixMonitor()
 same => n,UserEvent(SmartPbxQueueReturned,Queue: {name},Status: ${{QUEUESTATUS}})
 same => n,CELGenUserEvent(SMARTPBX_QUEUE_RETURNED,{name}:${{QUEUESTATUS}})
 same => n,GotoIf($["${{QUEUESTATUS}}" = "" | ("${{QUEUESTATUS}}" = "CONTINUE" & "${{SMARTPBX_AFTER}}" = "")]?bye)
 same => n,GotoIf($[${{EPOCH}} - 0${{SMARTPBX_ALIVE}} < {ALIVE_S}]?smartpbx-return,${{QUEUESTATUS}},1)
 same => n,GotoIf($["${{QUEUESTATUS}}" = "CONTINUE"]?bye)
 same => n,Playback(smartpbx/sorry)
 same => n,Hangup()
 same => n(bye),Playback(smartpbx/goodbye)
 same => n,Hangup()"""


# --- files --------------------------------------------------------------------------------------------------------


def _moh(settings: Settings) -> Path:
    return settings.prompts_dir / "moh"


def _link_sounds(settings: Settings, installation: Installation) -> None:
    """Our own prompts for both languages; Asterisk's English ones for what only it says.

    Debian's `sounds/en` is an absolute link that leads nowhere outside a chroot, and without it transfers by key fail silently.
    """
    data = settings.asterisk_dir / "data"
    english = next(installation.shared.glob("sounds/en_US*"), installation.shared / "sounds")
    links = {
        data / "documentation": installation.shared / "documentation",
        data / "rest-api": installation.shared / "rest-api",
        data / "sounds/vi": settings.prompts_dir / "vi",
    }
    english_dir = data / "sounds/en"
    english_dir.mkdir(exist_ok=True)
    ours = settings.prompts_dir / "en"
    for sound in [*english.iterdir(), *(ours.iterdir() if ours.exists() else ())]:
        links[english_dir / sound.name] = sound
    for gone in set(english_dir.iterdir()) - links.keys():
        gone.unlink()
    for link, target in links.items():
        _link(link, target)


def _link(link: Path, target: Path) -> None:
    """Make or turn a link at once: a running Asterisk may be playing what lies behind it."""
    if link.is_symlink() and link.readlink() == target:
        return
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


def _prepare_cel(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA journal_mode=WAL")


def give_to(home: Path, uid: int, gid: int) -> None:
    """Make everything below the directory belong to the user that Asterisk runs as; the secrets stay ours."""
    for place, directories, files in os.walk(home):
        for name in [*directories, *files]:
            if name != "secrets.json":
                os.lchown(Path(place, name), uid, gid)
    os.chown(home, uid, gid)
