"""All that is kept of one number, handed out to whom it belongs: as data and as something to read, with the audio."""

import html
import zipfile
from pathlib import Path

import msgspec
import sqlalchemy as sa

from pbx.numbers import same
from recordings.citizens import forms_of
from recordings.queries import CallDetail, Log
from recordings.shelf import Shelf
from recordings.tables import callbacks, calls


class Handed(msgspec.Struct, frozen=True):
    """How much was handed out; `unheard` are calls whose audio could not be read."""

    calls: int
    audio: int
    callbacks: int
    unheard: tuple[str, ...]


def export(engine: sa.Engine, shelf: Shelf, number: str, target: Path) -> Handed:
    """Write a zip with everything of this number, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    log, forms = Log(engine), forms_of(same(number) or number)
    with engine.connect() as connection:
        ids = (
            connection.execute(sa.select(calls.c.call_id).where(calls.c.caller.in_(forms)).order_by(calls.c.arrived_at))
            .scalars()
            .all()
        )
        asked = connection.execute(sa.select(callbacks).where(callbacks.c.number.in_(forms))).mappings().all()
    found = [detail for call_id in ids if (detail := log.call(call_id)) is not None]
    fresh, audio, unheard = target.with_name(f".{target.name}.new"), 0, []
    try:
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as file:
            for detail in found:
                if detail.play is None:
                    continue
                try:
                    file.writestr(f"ghi-am/{detail.record.call_id}.ogg", shelf.get(detail.play.name, detail.play))
                    audio += 1
                except OSError:
                    unheard.append(detail.record.call_id)
            file.writestr(
                "cuoc-goi.json", msgspec.json.format(msgspec.json.encode([_data(d) for d in found]), indent=1)
            )
            file.writestr("hen-goi-lai.json", msgspec.json.encode([dict(row) for row in asked]))
            file.writestr("doc-truoc.html", _page(found, len(asked)))
        fresh.chmod(0o600)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return Handed(len(found), audio, len(asked), tuple(unheard))


def _data(detail: CallDetail) -> dict[str, object]:
    turns = [{"who": turn.channel, "start_s": turn.start, "text": turn.text} for turn in detail.turns]
    return {"call": msgspec.to_builtins(detail.record), "transcript": turns}


def _page(found: list[CallDetail], asked: int) -> str:
    rows = "".join(
        f"<li><b>{d.record.call_id}</b>: {html.escape(d.record.outcome.value)}<br>"
        + "<br>".join(html.escape(f"{turn.channel}: {turn.text}") for turn in d.turns)
        + "</li>"
        for d in found
    )
    return (
        '<!doctype html><html lang="vi"><meta charset="utf-8"><title>Dữ liệu của quý vị</title>'
        f"<h1>Dữ liệu của quý vị tại tổng đài</h1><p>{len(found)} cuộc gọi, {asked} lần hẹn gọi lại. "
        f"Số riêng tư trong lời nói đã được che.</p><ol>{rows}</ol></html>"
    )
