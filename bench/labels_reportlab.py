"""Peers of `bench/labels.py`: the same labels drawn by reportlab, barcode as rectangles or as our four-glyph font.

What an office would write: one canvas, the same wrapped lines at the same places, one embedded subset of each font.
No proof, no fitting of their own: they draw the lines that ours sets, and the setting counts in their time as in ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import pyarrow as pa
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib import TTFont as Font
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from todoke.contract.sheet_layout import SheetLayout
from todoke.labels.barcode import after_town, bars, encode
from todoke.labels.fonts import FontSet, barcode_font, base_font_path
from todoke.labels.gaiji import PRINTED_FIELDS, texts
from todoke.labels.sheet import Line, Misfit, Record, Typesetter
from todoke.model.barcode_measures import BAR_WIDTH, LONG, PITCH, SEMI, TIMING

SPANS = {"1": (0, LONG), "2": (LONG - SEMI, SEMI), "3": (0, SEMI), "4": ((LONG - TIMING) / 2, TIMING)}


def write(records: Iterable[pa.RecordBatch], layout: SheetLayout, fonts: FontSet, folder: Path, font: bool) -> int:
    """Write the labels as one PDF and give back how many; `font`: the barcode as a font, else as rectangles."""
    pdfmetrics.registerFont(TTFont("base", str(base_font_path())))
    if font:
        bars_font(folder / "bars.ttf")
        pdfmetrics.registerFont(TTFont("bars", str(folder / "bars.ttf")))
    size = (layout.page_width_mm * 72 / 25.4, layout.page_height_mm * 72 / 25.4)
    canvas = Canvas(str(folder / "peer.pdf"), pagesize=size, pageCompression=1, initialFontName="base")
    corners, count = layout.corners(), 0
    for lines, symbol in labels(records, Typesetter(layout, fonts)):
        if count and count % layout.per_sheet == 0:
            canvas.showPage()
        x, y = corners[count % layout.per_sheet]
        for line in lines:
            canvas.setFont("base", line.size)
            canvas.drawString(x + line.x, y + line.y, line.text)
        if symbol and font:
            canvas.setFont("bars", symbol.size)
            canvas.drawString(x + symbol.x, y + symbol.y, symbol.text)
        elif symbol:
            rectangles(canvas, x + symbol.x, y + symbol.y, symbol)
        count += 1
    canvas.save()
    return count


def bars_font(path: Path) -> None:
    """Our barcode font with the tables without which reportlab reads none."""
    builder = FontBuilder(font=Font(BytesIO(barcode_font())))
    builder.setupNameTable({"familyName": "bars", "styleName": "Regular", "psName": "bars"})
    builder.setupOS2()
    builder.save(path)


def labels(records: Iterable[pa.RecordBatch], setter: Typesetter) -> Iterator[tuple[list[Line], Line | None]]:
    """The lines and the bars of each label."""
    for batch in records:
        columns = [texts(batch, name) for name in PRINTED_FIELDS]
        for record in map(Record._make, zip(*columns, strict=True)):
            lines = setter.set_label(record)
            if isinstance(lines, Misfit):
                continue
            symbol = encode(record.postal_code, after_town(record.town, record.block, record.building))
            yield lines, setter.barcode_line(bars(symbol)) if isinstance(symbol, list) else None


def rectangles(canvas: Canvas, x: float, y: float, symbol: Line) -> None:
    """67 filled rectangles."""
    um = symbol.size / 12000
    for n, bar in enumerate(symbol.text):
        low, high = SPANS[bar]
        left = x + (n * PITCH + (PITCH - BAR_WIDTH) / 2) * um
        canvas.rect(left, y + low * um, BAR_WIDTH * um, high * um, stroke=0, fill=1)
