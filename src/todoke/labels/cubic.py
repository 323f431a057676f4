"""Glyphs of a font with cubic curves (CFF) as TrueType's, which alone can be named by their number in a PDF."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from io import BytesIO
from math import floor
from typing import Any

from fontTools.cu2qu import curve_to_quadratic
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib.tables._g_l_y_f import Glyph as TrueTypeGlyph
from fontTools.ttLib.tables._g_l_y_f import GlyphCoordinates
from fontTools.ttLib.tables.ttProgram import Program

#: Codes of matplotlib's paths; what is none of them closes a contour.
_MOVE, _LINE, _CURVE = 1, 2, 4
#: How far an outline that is turned into TrueType's curves may lie from the original, in em.
_CURVE_ERROR = 0.0005


def as_truetype(data: bytes, font: Any, numbers: Collection[int]) -> tuple[bytes, Mapping[int, int]]:
    """Some glyphs of a font with cubic curves with TrueType's: faster than to cut it down and turn it then.

    Args:
        data, font: the font file, and the same as fontTools reads it.
        numbers: those of the glyphs.

    Returns:
        a TrueType file, and which number each glyph has in it.
    """
    names = {number: font.getGlyphName(number) for number in numbers}
    glyphs, em, order = font.getGlyphSet(), font["head"].unitsPerEm, [".notdef", *sorted(names.values())]
    # imported here: it loads all of matplotlib, and most fonts are TrueType
    from matplotlib.ft2font import FT2Font, LoadFlags

    # FreeType reads a CFF outline twenty times as fast as fontTools does
    outlines, turned = FT2Font(BytesIO(data)), {}
    for name in order:
        outlines.load_glyph(font.getGlyphID(name), flags=LoadFlags.NO_SCALE)
        vertices, codes = outlines.get_path()
        turned[name] = _quadratic(vertices, codes, _CURVE_ERROR * em)
    builder = FontBuilder(em, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupGlyf(turned)
    bearings = {name: getattr(glyph, "xMin", 0) for name, glyph in turned.items()}
    builder.setupHorizontalMetrics({name: (glyphs[name].width, bearings[name]) for name in order})
    builder.setupHorizontalHeader(ascent=font["hhea"].ascent, descent=font["hhea"].descent)
    builder.setupPost(keepGlyphNames=False)
    builder.font.recalcTimestamp = False
    builder.updateHead(created=0, modified=0)
    out = BytesIO()
    builder.save(out)
    places = {name: place for place, name in enumerate(order)}
    return out.getvalue(), {number: places[name] for number, name in names.items()}


def _quadratic(vertices: Any, codes: Any, error: float) -> TrueTypeGlyph:
    """A TrueType glyph of an outline as FreeType gives it: vertices in 1/64 font units, codes of matplotlib's paths.

    As fontTools' pens (`Cu2QuPen`, `TTGlyphPen`) make it, at half the cost. Contours run the other way round.
    """
    corners, operations = (vertices * 64).tolist(), codes.tolist()
    points: list[tuple[int, int]] = []
    flags, ends, place = bytearray(), [], 0
    while place < len(operations):
        operation = operations[place]
        if operation == _MOVE:
            contour, on = [corners[place]], [1]
        elif operation == _LINE:
            contour.append(corners[place])
            on.append(1)
        elif operation == _CURVE:
            _, *curve = curve_to_quadratic([contour[-1], *corners[place : place + 3]], error)
            contour += curve
            on += [*([0] * (len(curve) - 1)), 1]
            place += 2
        else:
            whole = [(floor(x + 0.5), floor(y + 0.5)) for x, y in contour]
            if len(whole) > 1 and whole[-1] == whole[0]:
                del whole[-1], on[-1]
            points += whole[:1] + whole[:0:-1]
            flags += bytes(on[:1] + on[:0:-1])
            ends.append(len(points) - 1)
        place += 1
    glyph = TrueTypeGlyph()
    glyph.coordinates, glyph.flags, glyph.endPtsOfContours = GlyphCoordinates(points), flags, ends
    glyph.numberOfContours, glyph.program = len(ends), Program()
    glyph.program.fromBytecode(b"")
    return glyph
