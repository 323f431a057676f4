"""Records, an EUDC font and kept files that the label tests share; every person in them is made up."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import BinaryIO

import pyarrow as pa
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph

FIELDS = (
    "household_no",
    "ward_no",
    "application_no",
    "postal_code",
    "town",
    "block",
    "building",
    "name",
    "sort_mark",
    "flags",
)
#: What the EUDC font of the tests has at these code points.
DRAWN, ALSO_DRAWN, EMPTY, FLAT, NOTDEF, AFTER, MISSING = (0xE000 + n for n in range(7))


def eudc_font(size: int = 256, *, nudge: float = 0, composite: bool = False) -> bytes:
    """An EUDC font: two drawn gaiji, an empty outline, one without area, one pointing to .notdef.

    Args:
        size: units of an em.
        nudge: how far the first gaiji's upright is moved, in em.
        composite: the second gaiji is made of the parts of another glyph.
    """
    names = {DRAWN: "g1", ALSO_DRAWN: "g2", EMPTY: "blank", FLAT: "flat", NOTDEF: ".notdef", AFTER: "g2"}
    boxes = {
        ".notdef": [(0, 0, 0.9, 0.9)],
        "g1": [(0.1, 0, 0.9, 0.2), (0.4 + nudge, 0.2, 0.6 + nudge, 0.85)],
        "flat": [(0, 0.5, 0.9, 0.5)],
    }
    boxes["g2"] = [(0.1, 0.6, 0.9, 0.8), (0.1, 0.1, 0.9, 0.3), (0.42, -0.05, 0.58, 0.88)]
    glyphs: dict[str, Glyph] = {"blank": TTGlyphPen(None).glyph()}
    for name, rectangles in boxes.items():
        pen = TTGlyphPen(None)
        for left, low, right, high in rectangles:
            corners = [
                (round(x * size), round(y * size)) for x, y in ((left, low), (left, high), (right, high), (right, low))
            ]
            pen.moveTo(corners[0])
            for corner in corners[1:]:
                pen.lineTo(corner)
            pen.closePath()
        glyphs[name] = pen.glyph()
    if composite:
        glyphs["part"] = glyphs["g2"]
        pen = TTGlyphPen({"part": glyphs["part"]})
        pen.addComponent("part", (1, 0, 0, 1, 0, 0))
        glyphs["g2"] = pen.glyph()
    builder = FontBuilder(size, isTTF=True)
    builder.setupGlyphOrder([".notdef", "g1", "g2", "blank", "flat", *(["part"] if composite else [])])
    builder.setupCharacterMap(names)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (size, 0)))
    builder.setupHorizontalHeader(ascent=round(0.88 * size), descent=-round(0.12 * size))
    builder.setupNameTable({"psName": "EUDC"})
    builder.setupPost()
    out = BytesIO()
    builder.save(out)
    return out.getvalue()


def record(number: int, **values: str) -> dict[str, object]:
    """A label record with plain values unless told otherwise."""
    plain = {
        "household_no": f"{number:08d}",
        "ward_no": f"{number:08d}",
        "application_no": f"{number * 97 + 1:010d}",
        "postal_code": "1520001",
        "town": "中央町",
        "block": f"{number % 2 + 1}丁目{number % 30 + 1}番{number % 20 + 1}号",
        "building": "",
        "name": "見本　太郎",
        "sort_mark": f"中央-{number % 7:02d}",
        "flags": "",
    }
    return {"label_no": number, **plain, **values}


def batches(records: Iterable[dict[str, object]], size: int = 50) -> list[pa.RecordBatch]:
    """Records as Arrow batches."""
    schema = pa.schema([("label_no", pa.int32()), *((name, pa.string()) for name in FIELDS)])
    return pa.Table.from_pylist(list(records), schema=schema).to_batches(max_chunksize=size)


class Shelf:
    """Files written by a render, by name."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def open(self, name: str) -> BinaryIO:
        shelf = self

        class Kept(BytesIO):
            def close(self) -> None:
                shelf.files[name] = self.getvalue()
                super().close()

        return Kept()
