"""Labels per CPU second, peak memory and bytes: `python bench/labels.py [households]`.

Plans holds and renders made-up households on the contract's layout; the peer is the same writer with the barcode
drawn as 67 rectangles, so the ratio shows what drawing it as a font saves. Writes to a temporary folder.
"""

from __future__ import annotations

import hashlib
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import pyarrow as pa

from todoke.labels import batch as printing
from todoke.labels.barcode import bars, encode
from todoke.labels.fonts import BAR_WIDTH, LONG, PITCH, SEMI, TIMING, FontSet
from todoke.labels.pdf import Drawing
from todoke.labels.sheet import Line, SheetLayout

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
                    "application_no": f"{digits(number, 'a', 10**10):010d}",
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


class RectangleDrawing(Drawing):
    """The peer: 67 filled rectangles a barcode."""

    def label(self, place: int, lines: list[Line], barcode: Line | None, mark: bytes = b"") -> bytes:
        drawn = super().label(place, lines, None, mark)
        if barcode is None:
            return drawn
        um = barcode.size / 12000
        spans = {"1": (0, LONG), "2": (LONG - SEMI, SEMI), "3": (0, SEMI), "4": ((LONG - TIMING) / 2, TIMING)}
        bars = b"".join(
            b"%.2f %.2f %.2f %.2f re "
            % (
                barcode.x + (n * PITCH + (PITCH - BAR_WIDTH) / 2) * um,
                barcode.y + spans[bar][0] * um,
                BAR_WIDTH * um,
                spans[bar][1] * um,
            )
            for n, bar in enumerate(barcode.text)
        )
        return drawn.replace(b"BT ", bars + b"f BT ", 1)


def cpu(work: Callable[[], object]) -> tuple[float, object]:
    """CPU seconds of this process, and what the work gave back."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 163_000
    records, layout = list(households(count)), SheetLayout()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = {}
    seconds["fonts"], fonts = cpu(FontSet.load)
    assert isinstance(fonts, FontSet)
    seconds["plan_holds"], plan = cpu(lambda: printing.plan_holds(records, layout, fonts))
    assert isinstance(plan, printing.HoldPlan)
    with TemporaryDirectory() as folder:

        def open_file(name: str) -> BinaryIO:
            return Path(folder, name).open("wb")

        seconds["render"], totals = cpu(lambda: printing.render(records, layout, fonts, open_file))
        assert isinstance(totals, printing.BatchTotals)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        printing.Drawing = RectangleDrawing
        seconds["render, rectangles"], peer = cpu(lambda: printing.render(records, layout, fonts, open_file))
        assert isinstance(peer, printing.BatchTotals)
        assert peer.labels == totals.labels == count - len(plan.held)
    seconds["barcode alone"], _ = cpu(
        lambda: [
            bars(found)
            for batch in records
            for town, block in zip(batch["town"].to_pylist(), batch["block"].to_pylist(), strict=True)
            if isinstance(found := encode("1520001", block + town), list)
        ]
    )
    report(count, seconds, totals, peer)
    print(f"{'peak RSS':22} {peak:.0f} MB, of which {before:.0f} MB before (interpreter, records)")


def report(count: int, seconds: dict[str, float], totals: printing.BatchTotals, peer: printing.BatchTotals) -> None:
    """Print the figures."""
    size, peer_size = (sum(file.bytes for file in result.files) / count for result in (totals, peer))
    render, rectangles = seconds["render"], seconds["render, rectangles"]
    lines = {name: f"{value:.2f} CPU s" for name, value in seconds.items()} | {
        "labels": f"{totals.labels}, held {len(totals.held)}, files {len(totals.files)}",
        "labels a CPU second": f"{count / render:,.0f}, planned too {count / (render + seconds['plan_holds']):,.0f}",
        "peer with rectangles": f"{count / rectangles:,.0f}, ratio {rectangles / render:.2f}",
        "KB per 1,000 labels": f"{size:.0f}, peer {peer_size:.0f}",
    }
    for name, text in lines.items():
        print(f"{name:22} {text}")


if __name__ == "__main__":
    main()
