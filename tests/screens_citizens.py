"""The citizen's side of the made-up morning of `tests.screens`: lost callers, callbacks, messages, a survey, blocks."""

from typing import Any

import msgspec

from pbx.callbacks import Attempt, Callback, CallbackState
from pbx.record import CallRecord, Outcome, Score, ToldWait
from pbx.service import now_ms
from recordings.store import keep_callbacks
from recordings.tables import writing
from recordings.words import Transcript, Word
from tests.browser import Hotline
from tests.front_desk import Truth

MINUTE = 60_000
FACTORS = ("access", "procedure", "officer", "result", "feedback")
SAID = "tôi ở xã tân tiến đường vào thôn ngập cả tuần nay đề nghị cơ quan cho người xuống xem giúp"
LAST = (
    (Outcome.CLOSED, ""),
    (Outcome.LEFT_IN_MENU, ""),
    (Outcome.ABANDONED, "dat-dai"),
    (Outcome.TIMEOUT, "ho-tich"),
    (Outcome.FAILED, ""),
)
PAGES = {
    "/lost": "lost", "/lost?done=booked&call=lost-1": "lost-done", "/callbacks": "callbacks", "/messages": "messages", "/survey": "survey",
    "/survey?queue=dat-dai": "survey-queue", "/reception": "reception", "/calls/pbx-rich": "citizen", "/calls?same=lost-1": "same",
    "/lost?span=own&first=2026-11-31&last=": "lost-wrong", "/reception?lang=en": "reception-english",
}  # fmt: skip


def citizens(centre: Hotline, pattern: CallRecord) -> None:
    """Fill the house and the log; `pattern` is any answered call."""
    _lose(centre, pattern)
    _promise(centre)
    _hear(centre, pattern)
    _rate(centre, pattern)
    centre.block("0987123456", now_ms() + 3 * 86_400_000, "Gọi quấy rối nhiều lần trong đêm", "trực ban")
    centre.block("02043855999", now_ms() + 3_600_000, "Máy fax gọi nhầm", "trực ban")
    shares = (0.84, 0.91, 0.58, None, 0.77)
    for queue, share in zip(centre.centre.queues, shares, strict=True):
        centre.truths[queue.name] = Truth(64, 41 if share else 0, share, share is not None and share < 0.7)


def _number(n: int) -> str:
    return f"09{n * 5_413_127 % 100_000_000:08}" if n % 7 else ""


def _lose(centre: Hotline, pattern: CallRecord) -> None:
    for n in range(18):
        outcome, queue = LAST[n % len(LAST)]
        for again in range(1 + n % 3):
            at = now_ms() - (20 + 11 * n + 3 * again) * MINUTE
            lost = msgspec.structs.replace(
                pattern, call_id=f"lost-{n}" if not again else f"lost-{n}-{again}", caller=_number(n),
                outcome=Outcome(outcome), queue=queue,
                arrived_at=at, ended_at=at + MINUTE, answered_at=None, talk_ms=0, hold_ms=0, recorded=False,
                visits=(), wait_ms=(17_000 + n * 31_000) if queue else 0, agent="", complete_by="reconciled" if n % 6 == 5 else "live",
                menu_path=("chao", "linh-vuc:2"), survey=(),
            )  # fmt: skip
            centre.keep(lost)
    at = now_ms() - 5 * MINUTE
    centre.keep(
        msgspec.structs.replace(
            pattern, call_id="found", caller=f"09{3 * 5_413_127:08}", arrived_at=at, ended_at=at + MINUTE
        )
    )


def _promise(centre: Hotline) -> None:
    now, state = now_ms(), CallbackState
    busy = Attempt(1, now - 9 * MINUTE, now - 8 * MINUTE, "busy")
    stories: list[dict[str, Any]] = [
        {"state": state.DIALLING, "attempts": (busy, Attempt(2, now - 20_000))},
        {"attempts": (busy,), "not_before": now + 6 * MINUTE},
        {},
        {"asked_by": "trực ban", "call_id": "", "not_before": now + 900 * MINUTE},
    ]
    known = [_callback(n, now) for n in range(10)]
    for n, changed in enumerate(stories):
        centre.promised[known[n].callback_id] = msgspec.structs.replace(known[n], **changed)
    ends = ("done", "done", "unreached", "cancelled", "expired", "done")
    ended = [
        msgspec.structs.replace(c, state=state(how), ended_at=now - n * 17 * MINUTE, attempts=(busy,))
        for n, (c, how) in enumerate(zip(known[4:], ends, strict=True))
    ]
    with writing(centre.engine) as connection:
        keep_callbacks(connection, ended)


def _callback(n: int, now: int) -> Callback:
    asked = now - (30 - n) * MINUTE
    number = f"09{n * 7_777_131 + 1_234_567:08}"
    return Callback(
        f"cb-{n}", f"pbx-{n}", number, ("dat-dai", "ho-tich")[n % 2], "vi", asked, asked, now, now + 5_000 * MINUTE
    )


def _hear(centre: Hotline, pattern: CallRecord) -> None:
    words = tuple(Word(w, n * 0.3, n * 0.3 + 0.25, 0.9, "mono") for n, w in enumerate(SAID.split()))
    for n in range(9):
        at = now_ms() - (7 + 23 * n) * MINUTE
        petition = n % 3 == 1
        left = msgspec.structs.replace(
            pattern, call_id=f"msg-{n}", caller=f"03{n * 6_543_217 % 100_000_000:08}", outcome=Outcome.VOICEMAIL, arrived_at=at,
            ended_at=at + 90_000, message="petition" if petition else "voicemail", message_ms=21_000 + 4_000 * n, visits=(), queue="",
            petition=f"261123-{n:03}" if petition else "", recorded=True, agent="", talk_ms=0, answered_at=None, wait_ms=0,
        )  # fmt: skip
        centre.keep(left, None if n == 0 else Transcript(words, "vosk-model-vi-8k-synthetic", 30.0))


def _rate(centre: Hotline, pattern: CallRecord) -> None:
    queues = [queue.name for queue in centre.centre.queues]
    for n in range(70):
        at = now_ms() - (40 + 13 * n) * MINUTE
        given = tuple(Score(f, 1 + (n * 7 + i * 3 + n * n // 5) % 5) for i, f in enumerate(FACTORS) if (n + i) % 4)
        kept = given[: n % 4] if n % 3 else ()
        rated = msgspec.structs.replace(
            pattern, call_id=f"rated-{n}", caller=f"07{n:08}", arrived_at=at, ended_at=at + MINUTE, queue=queues[n % 4], survey=kept
        )  # fmt: skip
        centre.keep(rated)
    at = pattern.arrived_at
    rich = msgspec.structs.replace(
        pattern, call_id="pbx-rich", survey=(Score("officer", 5), Score("result", 4)), dossier="2611200123", callback_id="cb-1",
        told=(ToldWait(at, "dat-dai", 4, 2, 120, 300), ToldWait(at + 1, "dat-dai", 2, 1, None, None, "thin"),
              ToldWait(at + 2, "dat-dai", 1, 2, 0, 60)),
        favoured_s=180, favoured="cut_off", petition="261123-004", message="petition", message_ms=41_000,
    )  # fmt: skip
    centre.keep(rich)
