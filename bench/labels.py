"""Labels per CPU second, peak memory and bytes: `python bench/labels.py [households] [--mincho] [--alone]`.

Plans holds and renders made-up households on the contract's layout, with proof, fitting, barcode and free text, and has
reportlab draw the same labels (`labels_reportlab.py`). `--alone` renders only, from a stream: memory stays flat.
`--mincho` renders in Noto Serif JP with a gaiji in every fiftieth name, and compares with nothing.
Writes to a temporary folder.
"""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import pyarrow as pa

import labels_reportlab
from todoke.contract.sheet_layout import SheetLayout
from todoke.labels import batch as printing
from todoke.labels.fonts import FontSet, base_font_path
from todoke.simulate.gaiji_font import make_eudc_font

FREE_TEXT = "重要：防災カタログ在中"
GAIJI = range(0xE000, 0xE064)

TOWNS = (
    *(
        "中央町",
        "目黒本町",
        "碑文谷",
        "鷹番",
        "原町",
        "洗足",
        "南",
        "東が丘",
        "柿の木坂",
        "八雲",
        "中根",
        "平町",
        "大岡山",
    ),
    *("緑が丘", "自由が丘", "駒場", "青葉台", "東山", "大橋", "上目黒", "中目黒", "祐天寺", "五本木", "三田", "目黒"),
    *("下目黒", "中町"),
)
BUILDINGS = (
    "",
    "",
    "コーポ見本",
    "グランドメゾン",
    "メゾン・ド・見本弐番館",
    "レジデンス目黒",
    "ザ・パークハウス見本フロントタワー",
)
#: The first level of JIS X 0208: as many kanji as the names of a ward hold.
KANJI = bytes(b for row in range(0xB0, 0xCF) for cell in range(0xA1, 0xFF) for b in (row, cell)).decode(
    "euc_jp", errors="ignore"
)


def digits(number: int, name: str, below: int) -> int:
    """A number below a limit that looks random and is the same every time."""
    return int.from_bytes(hashlib.blake2b(f"{name}{number}".encode(), digest_size=6).digest()) % below


def households(count: int, size: int = 8192) -> Iterator[pa.RecordBatch]:
    """Made-up label records, sorted by town."""
    for start in range(0, count, size):
        rows = []
        for number in range(start, min(start + size, count)):
            town = number * len(TOWNS) // count
            building = BUILDINGS[digits(number, "b", len(BUILDINGS))]
            name = "".join(KANJI[digits(number, f"n{n}", len(KANJI) if n > 2 else 800)] for n in range(4))
            rows.append(
                {
                    "label_no": number + 1,
                    "household_no": f"{number:08d}",
                    "ward_no": f"{number:08d}",
                    "application_no": f"{(number + 1) * 2_654_435_761 % 10**10:010d}",
                    "postal_code": f"{1520001 + town}",
                    "town": TOWNS[town],
                    "block": "{}丁目{}番{}号".format(*(1 + digits(number, f"c{n}", 5 + 12 * n) for n in range(3))),
                    "building": building and f"{building}{101 + digits(number, 'f', 900)}号室",
                    "name": f"{name[:2]}\u3000{name[2:]}",
                    "sort_mark": f"{TOWNS[town]}-{digits(number, 'r', 40):02d}",
                    "flags": "",
                }
            )
        yield pa.RecordBatch.from_pylist(rows)


class Households:
    """Made-up label records that are made whenever they are read."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return households(self._count)


def cpu(work: Callable[[], object]) -> tuple[float, object]:
    """CPU seconds of this process, and what the work gave back."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 163_000
    if "--alone" in sys.argv:
        stream(count)
        return
    if "--mincho" in sys.argv:
        mincho(count)
        return
    # Before anything is in memory: a child's peak begins at its parent's.
    print(f"{'peak RSS, streamed':32} ", end="", flush=True)
    subprocess.run([sys.executable, __file__, str(count), "--alone"], check=True)
    records, layout = list(households(count)), SheetLayout()
    seconds: dict[str, float] = {}
    fonts = FontSet.load()
    seconds["plan_holds"], plan = cpu(lambda: printing.plan_holds(records, layout, fonts, FREE_TEXT))
    with TemporaryDirectory() as folder:
        seconds["render"], totals = cpu(lambda: printing.render(records, layout, fonts, opener(folder), FREE_TEXT))
        assert isinstance(plan, printing.HoldPlan)
        assert isinstance(totals, printing.BatchTotals)
        for name, font in (("reportlab, rectangles", False), ("reportlab, barcode font", True)):
            seconds[name], printed = cpu(partial(labels_reportlab.write, records, layout, fonts, Path(folder), font))
            assert printed == totals.labels == count - len(plan.held)
    report(count, seconds, totals)


def opener(folder: str) -> Callable[[str], BinaryIO]:
    """Opens files of a folder by name."""
    return lambda name: Path(folder, name).open("wb")


def stream(count: int) -> None:
    """Render alone, records made as they are printed: what memory does as households grow."""
    fonts = FontSet.load()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    making, _ = cpu(lambda: [None for _ in households(count)])
    records = Households(count)
    with TemporaryDirectory() as folder:
        printed, _ = cpu(lambda: printing.render(records, SheetLayout(), fonts, opener(folder), FREE_TEXT))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak:.0f} MB, {before:.0f} before; render {printed - 2 * making:.1f} CPU s without making the households")


def mincho(count: int) -> None:
    """Renders in the second font with gaiji, and prints the rate: reading the records twice, and cutting the font."""
    records = [with_gaiji(batch) for batch in households(count)]
    with TemporaryDirectory() as folder:
        gaiji = make_eudc_font(GAIJI, Path(folder, "EUDC.TTE"))
        fonts = FontSet.load([gaiji], base_font_path("mincho"))
        seconds, totals = cpu(lambda: printing.render(records, SheetLayout(), fonts, opener(folder), FREE_TEXT))
        assert isinstance(totals, printing.BatchTotals)
        size = sum(file.bytes for file in totals.files) / count
    print(
        f"{totals.labels:,} labels in mincho: {seconds:.2f} CPU s, {totals.labels / seconds:,.0f} a CPU second,",
        end=" ",
    )
    print(f"{size:.0f} KB per 1,000 labels")


def with_gaiji(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The records, every fiftieth name beginning with a gaiji."""
    names = [
        chr(GAIJI[number // 50 % len(GAIJI)]) + name[1:] if number % 50 == 0 else name
        for number, name in zip(batch["label_no"].to_pylist(), batch["name"].to_pylist(), strict=True)
    ]
    return batch.set_column(batch.schema.get_field_index("name"), "name", pa.array(names, pa.string()))


def report(count: int, seconds: dict[str, float], totals: printing.BatchTotals) -> None:
    """Print the figures."""
    render, size = seconds["render"], sum(file.bytes for file in totals.files) / count
    lines = {name: f"{value:.2f} CPU s" for name, value in seconds.items()} | {
        "labels": f"{totals.labels}, held {len(totals.held)}, files {len(totals.files)}",
        "labels a CPU second": f"{count / render:,.0f}, planned too {count / (render + seconds['plan_holds']):,.0f}",
        "KB per 1,000 labels": f"{size:.0f}",
    }
    lines |= {f"times {name}": f"{value / render:.2f}" for name, value in seconds.items() if "reportlab" in name}
    for name, text in lines.items():
        print(f"{name:32} {text}")


if __name__ == "__main__":
    main()
