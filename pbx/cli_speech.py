"""Commands about what is heard: how well the recogniser hears."""

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pbx.settings import read_settings
from recordings.evaluate import Score, evaluate
from recordings.speech import Recogniser, peak_memory

speech = typer.Typer(no_args_is_help=True, help="Nhận dạng tiếng nói / speech recognition.")


@speech.callback()
def about() -> None:
    """Nhận dạng tiếng nói / speech recognition."""


@speech.command("evaluate")
def evaluated(
    place: Annotated[Path, typer.Argument(help="Thư mục có âm thanh và lời thật / sounds and what was said in them.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Tỉ lệ lỗi từ, tốc độ và bộ nhớ / word error rate, speed and memory."""
    engine = Recogniser(read_settings().speech_model)
    try:
        scores = evaluate(place, engine)
        memory = peak_memory(engine)
    finally:
        engine.close()
    if as_json:
        print(
            json.dumps(
                {"model": engine.name, "memory": memory, "sets": msgspec.to_builtins(scores)},
                ensure_ascii=False,
                indent=1,
            )
        )
        return
    print(f"{engine.name}; {memory >> 20} MB")
    print(f"{'':14}{'tệp':>6}{'từ':>7}{'WER':>8}{'thay':>6}{'sót':>6}{'thừa':>6}{'RTF':>7}")
    for score in scores:
        print(_line(score))
    for score in scores:
        for name, flaw in score.flaws:
            print(f"! {name}: {flaw}")


def _line(score: Score) -> str:
    wer = "–" if score.wer is None else f"{score.wer:.1%}"
    extra = f"  nghe {score.from_silence} từ trong im lặng" if score.from_silence else ""
    worst = "  hay nhầm: " + ", ".join(word for word, _ in score.worst[:5]) if score.worst else ""
    counts = f"{score.substituted:6}{score.deleted:6}{score.inserted:6}"
    return f"{score.name:14}{score.files:6}{score.words:7}{wer:>8}{counts}{score.rtf:7.3f}{extra}{worst}"
