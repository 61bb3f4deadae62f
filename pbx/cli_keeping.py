"""Commands about what is kept: who looked, how long, what must stay, what goes on request, and originals that two people open."""

import getpass
import time
from pathlib import Path
from typing import Annotated

import typer

from ivr.problem import Problem
from pbx.settings import Settings, read_settings
from recordings.audit import Audit, of_number
from recordings.custodians import Custodians
from recordings.forgetting import Forgetting, hold, lift
from recordings.person import export
from recordings.queries import Log
from recordings.retention import load_rules
from recordings.shelf import Shelf
from recordings.tables import open_log

audit = typer.Typer(no_args_is_help=True, help="Nhật ký ai đã nghe, đọc, xoá / who listened, read, erased.")
retention = typer.Typer(no_args_is_help=True, help="Thời hạn lưu và xoá / how long things are kept.")
holds = typer.Typer(no_args_is_help=True, help="Giữ lại theo yêu cầu pháp lý / legal holds.")
person = typer.Typer(no_args_is_help=True, help="Quyền của một người đối với dữ liệu của mình / a person's own data.")
custodians = typer.Typer(
    no_args_is_help=True, help="Người giữ quyền nghe bản gốc / who may open originals, two together."
)

Reason = Annotated[str, typer.Option(help="Lý do, được ghi vào nhật ký / goes into the audit log.")]
DAY_MS = 86_400_000


def now() -> int:
    return time.time_ns() // 1_000_000


class Kept:
    """What these commands need of an installation."""

    def __init__(self) -> None:
        from pbx.run import open_shelf  # half a second of libraries

        self.settings: Settings = read_settings()
        self.engine = open_log(self.settings.database)
        self.shelf: Shelf = open_shelf(self.settings)
        self.audit = Audit(self.engine, self.settings.audit_anchors)
        self.who = getpass.getuser()

    def forgetting(self) -> Forgetting:
        return Forgetting(self.engine, self.shelf, load_rules(self.settings.keeping))


@audit.command("verify")
def verify() -> None:
    """Kiểm tra nhật ký còn nguyên vẹn / whether nobody touched the audit log."""
    broken = Kept().audit.verify()
    if broken is not None:
        raise Problem(
            f"Nhật ký bị can thiệp từ dòng {broken.seq} ({broken.why}). Hãy giữ nguyên máy và báo người phụ trách an toàn thông tin.",
            f"The audit log was touched from row {broken.seq} on ({broken.why}). Leave the machine as it is and tell who is responsible.",
        )
    print("✓ Nhật ký nguyên vẹn / the audit log is whole.")


@retention.command("plan")
def plan() -> None:
    """Những gì đã hết hạn lưu / what is due to go."""
    due = Kept().forgetting().plan(now())
    for kind in dict.fromkeys(one.kind for one in due):
        print(f"{kind:12} {sum(one.kind == kind for one in due)}")
    print("Không có gì hết hạn / nothing is due." if not due else "Xoá: smartpbx retention run")


@retention.command("run")
def run(clock_is_right: Annotated[bool, typer.Option("--clock-is-right")] = False) -> None:
    """Xoá những gì đã hết hạn, có biên bản / let go of what is due, with a manifest."""
    kept = Kept()
    gone = kept.forgetting().run(now(), kept.who, clock_is_right=clock_is_right)
    print(f"✓ {len(gone)} mục đã xoá / items gone.")


@holds.command("add")
def add(reason: Reason, call: str = "", number: str = "", days: int = 0) -> None:
    """Giữ lại một cuộc gọi hoặc mọi thứ của một số / hold a call, or all of a number."""
    kept = Kept()
    until = now() + days * DAY_MS if days else None
    print(hold(kept.engine, now(), kept.who, reason, call_id=call, number=number, until=until))


@holds.command("lift")
def lift_hold(hold_id: str, reason: Reason) -> None:
    """Thôi giữ / end a hold."""
    kept = Kept()
    lift(kept.engine, now(), kept.who, hold_id, reason)
    print("✓")


@person.command("export")
def hand_out(
    number: str, to: Annotated[Path, typer.Option(help="Tệp .zip / the zip file to write.")], reason: Reason
) -> None:
    """Mọi thứ đang lưu về một số điện thoại / everything that is kept of a number."""
    kept = Kept()
    kept.audit.note(kept.who, "export", of_number(number), reason)
    try:
        handed = export(kept.engine, kept.shelf, number, to)
    except OSError as e:
        raise Problem(f"Không ghi được {to}: {e.strerror}.", f"{to} cannot be written: {e.strerror}.") from e
    print(f"✓ {to}: {handed.calls} cuộc gọi, {handed.audio} ghi âm, {handed.callbacks} hẹn gọi lại")
    for call_id in handed.unheard:
        print(f"  ! không đọc được ghi âm / audio unreadable: {call_id}")


@person.command("erase")
def erase(number: str, reason: Reason, yes: Annotated[bool, typer.Option("--yes")] = False) -> None:
    """Xoá mọi thứ về một số, trừ những gì phải giữ / erase all of a number that nothing holds."""
    kept = Kept()
    if not yes and not typer.confirm("Không lấy lại được. Tiếp tục? / This cannot be undone. Go on?"):
        raise typer.Abort
    gone, held = kept.forgetting().erase(number, now(), kept.who, reason)
    print(f"✓ {len(gone)} mục của {len({one.call_id for one in gone})} cuộc gọi đã xoá / items gone.")
    for call_id in held:
        print(f"  giữ lại theo yêu cầu pháp lý / held: {call_id}")


@custodians.command("add")
def add_custodian(
    name: str, phrase: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)]
) -> None:
    """Thêm một người giữ quyền / add a custodian."""
    kept = Kept()
    kept.audit.note(kept.who, "custodian", name)
    Custodians(kept.settings.custodians_file).add(name, phrase)
    print("✓")


@custodians.command("open")
def open_original(
    call: str,
    to: Annotated[Path, typer.Option(help="Tệp .ogg / the file to write.")],
    reason: Reason,
    first: Annotated[str, typer.Option(prompt="Người thứ nhất / first custodian")],
    first_phrase: Annotated[str, typer.Option(prompt=True, hide_input=True)],
    second: Annotated[str, typer.Option(prompt="Người thứ hai / second custodian")],
    second_phrase: Annotated[str, typer.Option(prompt=True, hide_input=True)],
) -> None:
    """Hai người cùng mở bản gốc chưa che số / two people open an original in which nothing is masked."""
    kept = Kept()
    Custodians(kept.settings.custodians_file).check((first, first_phrase), (second, second_phrase))
    found = Log(kept.engine).call(call)
    original = (found.original or found.play) if found is not None else None
    if original is None or not reason.strip():
        raise Problem(
            f"Không có ghi âm của cuộc gọi {call}, hoặc thiếu lý do.",
            f"There is no recording of {call}, or no reason was given.",
        )
    for who in (first, second):
        kept.audit.note(who, "original", call, reason)
    to.touch(0o600)
    to.write_bytes(kept.shelf.get(original.name, original))
    print(f"✓ {to}")
