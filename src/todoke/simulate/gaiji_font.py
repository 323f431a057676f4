"""A real EUDC.TTE (TrueType, U+E000…) whose glyphs are drawn from their code points."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

_EM, _ASCENT, _STROKE = 1024, 880, 56
_LOW, _HIGH = 40, 984
_EPOCH_1904 = 3_800_000_000


def make_eudc_font(code_points: Iterable[int], path: Path) -> Path:
    """Write a TrueType font with one glyph of its own shape for each code point, and `.notdef`.

    The same code points give the same bytes. Returns `path`.
    """
    points = sorted(set(code_points))
    names = {point: f"uni{point:04X}" for point in points}
    glyphs = {".notdef": _box(TTGlyphPen(None)).glyph()}
    glyphs |= {names[point]: _draw(point) for point in points}
    builder = FontBuilder(_EM, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(names)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (_EM, _LOW)))
    builder.setupHorizontalHeader(ascent=_ASCENT, descent=_ASCENT - _EM)
    builder.setupNameTable({"familyName": "EUDC", "styleName": "Regular", "psName": "EUDC-Regular"})
    builder.setupOS2(sTypoAscender=_ASCENT, sTypoDescender=_ASCENT - _EM, usWinAscent=_ASCENT, fsType=0)
    builder.setupPost()
    builder.updateHead(created=_EPOCH_1904, modified=_EPOCH_1904)
    builder.font.recalcTimestamp = False
    builder.save(str(path))
    return Path(path)


def _draw(point: int) -> object:
    """A character-like shape: a left part of bars and a right part whose strokes spell the code point."""
    pen = TTGlyphPen(None)
    rng = np.random.default_rng(point)
    for level in range(4):
        y = _baseline(_LOW + 80 + level * 230)
        _bar(pen, _LOW, y, _LOW + int(rng.choice((220, 280, 340))), y + _STROKE)
    _bar(pen, _LOW + 120, _baseline(_LOW), _LOW + 120 + _STROKE, _baseline(_HIGH))
    left = _LOW + 400
    for bit in range(12):
        row, column = divmod(bit, 3)
        x, y = left + column * 180, _baseline(_LOW + 60 + row * 230)
        if point >> bit & 1:
            _bar(pen, x, y, x + 160, y + _STROKE)
        else:
            _bar(pen, x + 50, y - 40, x + 50 + _STROKE, y + 130)
    return pen.glyph()


def _box(pen: TTGlyphPen) -> TTGlyphPen:
    low, high = _baseline(_LOW), _baseline(_HIGH)
    for x0, y0, x1, y1 in (
        (_LOW, low, _HIGH, low + _STROKE),
        (_LOW, high - _STROKE, _HIGH, high),
        (_LOW, low, _LOW + _STROKE, high),
        (_HIGH - _STROKE, low, _HIGH, high),
    ):
        _bar(pen, x0, y0, x1, y1)
    return pen


def _baseline(height: int) -> int:
    """Height above the foot of the em square as a font coordinate."""
    return height - (_EM - _ASCENT)


def _bar(pen: TTGlyphPen, x0: int, y0: int, x1: int, y1: int) -> None:
    pen.moveTo((x0, y0))
    for corner in ((x0, y1), (x1, y1), (x1, y0)):
        pen.lineTo(corner)
    pen.closePath()
