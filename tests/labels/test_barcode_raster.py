"""Our own drawing, read back from a 600 dpi raster: the bars on the paper are those of the address."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from label_samples import Shelf, batches, record
from pypdfium2 import PdfDocument

from todoke.contract.sheet_layout import MM, SheetLayout
from todoke.labels.barcode import after_town, bars, encode
from todoke.labels.batch import render
from todoke.labels.fonts import FontSet
from todoke.model.barcode_measures import BAR_WIDTH, BLANK_MM, PITCH

DOTS = 600 / 72
CONTINUOUS = SheetLayout(1, 1, 100, 60, 0, 1.5, barcode_pt=10, page_width_mm=100, page_height_mm=63)
TWENTY_FOUR = SheetLayout(columns=3, rows=8, width_mm=70, height_mm=33.9, left_mm=0, top_mm=12.9, barcode_pt=8)
BLOCKS = (
    "{0}丁目{1}番{2}号", "{0}-{1}-{2}", "{0}丁目{1}－{2}", "二丁目{1}番地{2}", "{0}丁目{1}番地の{2}",
    "十{0}丁目二十{0}番", "{0}ー{1}ー{2}", "{1}番地",
)  # fmt: skip
BUILDINGS = (
    "", "コーポ見本{3}号室", "ABCビル{0}F", "J1ビル{0}-B", "第2メゾン{3}", "シティA棟{3}",
    "見本＆ｂハイツB{3}号", "Ｌプラザ・{3}",
)  # fmt: skip


def addresses(count: int) -> list[dict[str, str]]:
    """Real towns of the ward with every form of block and building."""
    path = Path(__file__).parent / "data/meguro_towns.csv"
    towns = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    found = []
    for n in range(count):
        town, numbers = towns[n % len(towns)], (n % 5 + 1, n % 31 + 1, n % 17 + 1, 101 + n % 900)
        block, building = BLOCKS[n % len(BLOCKS)], BUILDINGS[n // len(BLOCKS) % len(BUILDINGS)]
        found.append(
            {
                "town": town["town"],
                "postal_code": town["postal_code"],
                "block": block.format(*numbers),
                "building": building.format(*numbers),
            }
        )
    return found


@pytest.mark.parametrize(
    ("layout", "count"), [(SheetLayout(), 516), (CONTINUOUS, 500), (TWENTY_FOUR, 96)], ids=["12", "continuous", "24"]
)
def test_every_barcode_is_read_back_as_its_address(
    fonts: FontSet, shelf: Shelf, layout: SheetLayout, count: int
) -> None:
    sent = addresses(count)
    render(batches(record(n, **values) for n, values in enumerate(sent, 1)), layout, fonts, shelf.open, "防災カタログ")
    left, foot, right, top = layout.barcode_box()
    blank, read = BLANK_MM * MM, []
    for page in PdfDocument(shelf.files["labels_001.pdf"]):
        image = page.render(scale=DOTS, grayscale=True).to_numpy() < 128
        for x, y in layout.corners():
            if len(read) == count:
                break
            # what is read is the bars with all of their blank: anything that stood in it would be a bar too many
            low, high = image.shape[0] - (y + top + blank) * DOTS, image.shape[0] - (y + foot - blank) * DOTS
            across = slice(max(0, round((x + left - blank) * DOTS)), round((x + right + blank) * DOTS))
            read.append(decoded(image[round(low) + 1 : round(high) - 1, across], layout.barcode_pt or 0))
    wanted = [encode(a["postal_code"], after_town(a["town"], a["block"], a["building"])) for a in sent]
    assert all(isinstance(symbol, list) for symbol in wanted)
    assert read == [bars(symbol) for symbol in wanted if isinstance(symbol, list)]
    assert len(set(read)) > count * 0.9


def decoded(black: np.ndarray, a: float) -> str:
    """The bars of a raster, black as true; each bar's width and distance to the next must be as published."""
    columns = black.any(axis=0)
    starts, ends = (np.flatnonzero(edge) + 1 for edge in (columns[1:] & ~columns[:-1], ~columns[1:] & columns[:-1]))
    dot = 25.4 / 600
    widths = (ends - starts) * dot
    assert np.abs(widths - BAR_WIDTH * a / 10_000).max() <= 2 * dot
    assert np.abs(np.diff(starts) * dot - PITCH * a / 10_000).max() <= 2 * dot
    rows = np.flatnonzero(black.any(axis=1))
    middle, third = (rows[0] + rows[-1]) / 2, (rows[-1] - rows[0]) / 3
    found = ""
    for start, end in zip(starts, ends, strict=True):
        bar = np.flatnonzero(black[:, (start + end) // 2])
        found += {(True, True): "1", (True, False): "2", (False, True): "3", (False, False): "4"}[
            bool(middle - bar[0] > third), bool(bar[-1] - middle > third)
        ]
    return found
