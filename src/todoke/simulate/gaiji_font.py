"""A real EUDC.TTE (TrueType, U+E000…) whose glyphs are drawn from their code points."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

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
    """A character-like shape: a crossed upright, and 16 strokes of which some are there.

    The odd factor scatters the code point one to one over 16 bits: every shape differs, neighbours much.
    """
    pen = TTGlyphPen(None)
    code = point * 0x9E37 & 0xFFFF
    _bar(pen, _LOW + 100, _baseline(_LOW), _LOW + 100 + _STROKE, _baseline(_HIGH))
    _bar(pen, _LOW, _baseline(640), _LOW + 260, _baseline(640) + _STROKE)
    for bit in range(8):
        row, column = divmod(bit, 2)
        x, y = _LOW + 320 + column * 310, _baseline(_LOW + 20 + row * 280)
        if code >> bit & 1:
            _bar(pen, x, y, x + 310, y + _STROKE)
    for bit in range(8, 16):
        row, column = divmod(bit - 8, 3)
        x, y = _LOW + 310 + column * 290, _baseline(_LOW + 20 + row * 280)
        if code >> bit & 1:
            _bar(pen, x, y, x + _STROKE, y + 320)
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
