"""How long a search takes over so many transcripts, on SQLite and on PostgreSQL: `python -m tests.benchmarks.bench_search [200000]`."""

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import msgspec
import sqlalchemy as sa

from pbx.demo.conversations import conversations
from recordings.search import Narrowing, Search
from recordings.spoken import many, spoken, tokens, vector_of
from recordings.store import keep_calls
from recordings.tables import open_log, transcripts, writing
from recordings.words import Word
from tests.calls import call
from tests.postgres_fixture import server

SURNAMES = [
    "nguyễn",
    "trần",
    "lê",
    "phạm",
    "hoàng",
    "giáp",
    "vi",
    "lục",
    "thân",
    "ngô",
    "đỗ",
    "bùi",
    "dương",
    "đặng",
    "hà",
    "chu",
]
PLACES = [
    "tân",
    "yên",
    "lục",
    "ngạn",
    "lục",
    "nam",
    "yên",
    "thế",
    "hiệp",
    "hòa",
    "việt",
    "yên",
    "sơn",
    "động",
    "lạng",
    "giang",
    "yên",
    "dũng",
    "đa",
    "mai",
    "thọ",
    "xương",
    "dĩnh",
    "kế",
    "tân",
    "mỹ",
]
PROCEDURES = [
    "đăng ký khai sinh", "cấp lại căn cước công dân", "chuyển nhượng quyền sử dụng đất", "tách thửa đất", "đăng ký hộ kinh doanh",
    "cấp giấy phép xây dựng nhà ở", "hưởng trợ cấp thất nghiệp", "đổi giấy phép lái xe", "chứng thực bản sao",
    "phiếu lý lịch tư pháp", "cấp thẻ bảo hiểm y tế", "đăng ký kết hôn", "xóa đăng ký thường trú", "đính chính sổ đỏ",
    "tạm ngừng kinh doanh", "cấp đổi biển số xe",
]  # fmt: skip
ASKED = [
    "hồ sơ", "đất đai", "dat dai", '"sổ đỏ"', "so do", "căn cước", "can cuoc cong dan", "khai sinh -kết", "thất ngh*",
    "kinh doanh lục ngạn", '"giấy phép xây dựng"', "giay phep lai xe", "nguyễn", "giáp yên thế", "tách thửa", "tach thua",
    "khai xinh", "trợ cấp sơn động", "biển số", "lý lịch tư pháp", "vâng ạ", "không có từ này", "hoàng hồ sơ đất",
    "chứng thực bản sao", "đính chính",
]  # fmt: skip
FIRST = 1_760_000_000_000
AT_ONCE = 5_000


def talks(count: int) -> Iterator[tuple[Word, ...]]:
    at_random = random.Random(1022)
    sentences = [" ".join(tokens(turn.text)) for c in conversations() for turn in c.turns]
    for _ in range(count):
        turns = at_random.sample(sentences, at_random.randint(3, 8))
        who = f"tôi là {at_random.choice(SURNAMES)} văn {at_random.choice(PLACES)}"
        turns.insert(1, f"{who} ở {' '.join(at_random.choices(PLACES, k=2))}")
        turns.insert(2, f"muốn hỏi về {at_random.choice(PROCEDURES)}")
        at, words = 0.0, []
        for place, turn in enumerate(turns):
            for word in turn.split():
                words.append(Word(word, round(at, 2), round(at + 0.3, 2), 0.9, ("caller", "agent")[place % 2]))
                at += 0.4
        yield tuple(words)


def fill(engine: sa.Engine, count: int) -> float:
    """Seconds that writing and indexing took."""
    began = time.monotonic()
    made, at_random = talks(count), random.Random(7)
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(count, first + AT_ONCE))
        records = [
            call(
                n,
                recorded=True,
                arrived_at=FIRST + n * 97_000,
                queue=at_random.choice(("ho-tich", "dat-dai", "lao-dong")),
                visits=(),
            )
            for n in numbers
        ]
        said = [next(made) for _ in numbers]
        rows = many([(record.call_id, record.arrived_at, words) for record, words in zip(records, said, strict=True)])
        kept = [
            {"call_id": record.call_id, "state": "done", "model": "m", "text": "", "folded": "", "words": msgspec.to_builtins(words),
             "reason": "", "duration_ms": 1, "made_at": 1} for record, words in zip(records, said, strict=True)
        ]  # fmt: skip
        with writing(engine) as connection:
            keep_calls(connection, records)
            connection.execute(transcripts.insert(), kept)
            if connection.dialect.name == "postgresql":
                columns = "id, call_id, exact, folded, sound, said"
                values = ":id, :call_id, :exact, :folded, :sound, CAST(:said AS tsvector)"
                statement = f"INSERT INTO spoken ({columns}) VALUES ({values})"
                texts = [{k: row[k] for k in ("exact", "folded", "sound")} for row in rows]
                connection.execute(
                    sa.text(statement), [row | {"said": vector_of(t)} for row, t in zip(rows, texts, strict=True)]
                )
            else:
                connection.execute(spoken.insert(), rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return time.monotonic() - began


def measure(engine: sa.Engine, count: int) -> None:
    search = Search(engine)
    last = FIRST + count * 97_000
    narrowed = [Narrowing(), Narrowing(queue="dat-dai"), Narrowing(since=last - 86_400_000 * 30)]
    spent: list[tuple[float, str, int]] = []
    for only in narrowed:
        for text in ASKED:
            for _ in range(3):
                began = time.perf_counter()
                found = search.find(text, only)
                spent.append((1000 * (time.perf_counter() - began), text, len(found.hits)))
    times = sorted(ms for ms, _, _ in spent)
    print(
        f"  {len(times)} searches: median {median(times):.0f} ms, p95 {quantiles(times, n=20)[18]:.0f} ms, longest {times[-1]:.0f} ms"
    )
    for ms, text, hits in sorted(spent, reverse=True)[:5]:
        print(f"    {ms:6.0f} ms  {text}  ({hits} shown)")


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "log.sqlite")
        engine = open_log(f"sqlite:///{file}")
        took = fill(engine, count)
        print(
            f"SQLite: {count} transcripts indexed in {took:.0f} s, {file.stat().st_size / count:,.0f} bytes a call in all"
        )
        measure(engine, count)
        engine.dispose()
    with server() as address:
        engine = open_log(address.format("postgres"))
        took = fill(engine, count)
        print(f"PostgreSQL: {count} transcripts indexed in {took:.0f} s")
        measure(engine, count)
        engine.dispose()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
