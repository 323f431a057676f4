"""A gaiji counts as drawn only if it leaves ink on its em, whatever its outline is (G04)."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.basePen import AbstractPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import given, settings
from hypothesis import strategies as st

from todoke.labels.faces import Face, Glyph

GAIJI = 0xE000
Corners = list[tuple[int, int]]
BOX: Corners = [(100, 100), (100, 800), (800, 800), (800, 100)]
NOTDEF: Corners = [(0, 0), (0, 900), (900, 900), (900, 0)]


def draw(pen: AbstractPen, *contours: Corners) -> None:
    for first, *others in contours:
        pen.moveTo(first)
        for point in others:
            pen.lineTo(point)
        pen.closePath()


def glyph_of(finish: Callable[[FontBuilder], None], *, truetype: bool, width: int) -> Glyph:
    builder = FontBuilder(1000, isTTF=truetype)
    builder.setupGlyphOrder([".notdef", "part", "gaiji"])
    builder.setupCharacterMap({GAIJI: "gaiji"})
    finish(builder)
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "part": (1000, 0), "gaiji": (width, 0)})
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"psName": "EUDC"})
    builder.setupPost()
    out = BytesIO()
    builder.save(out)
    return Face.read(out.getvalue(), "EUDC1").glyph(GAIJI)


def truetype(*contours: Corners, part: tuple[str, tuple[float, ...]] | None = None, width: int = 1000) -> Glyph:
    def finish(builder: FontBuilder) -> None:
        glyphs = {}
        for name, shape in {".notdef": [NOTDEF], "part": [BOX]}.items():
            pen = TTGlyphPen(None)
            draw(pen, *shape)
            glyphs[name] = pen.glyph()
        pen = TTGlyphPen(glyphs)
        if part:
            pen.addComponent(*part)
        draw(pen, *contours)
        builder.setupGlyf({**glyphs, "gaiji": pen.glyph()})

    return glyph_of(finish, truetype=True, width=width)


def compact(*contours: Corners) -> Glyph:
    def finish(builder: FontBuilder) -> None:
        programs = {}
        for name, shape in {".notdef": [NOTDEF], "part": [BOX], "gaiji": contours}.items():
            pen = T2CharStringPen(1000, None)
            draw(pen, *shape)
            programs[name] = pen.getCharString()
        builder.setupCFF("EUDC", {"FullName": "EUDC"}, programs, {})

    return glyph_of(finish, truetype=False, width=1000)


@pytest.mark.parametrize(
    "contours",
    [
        [[(100, 100), (800, 800)]],
        [[(100, 100), (800, 800), (450, 450)]],
        [[(x + 5000, y + 5000) for x, y in BOX]],
        [BOX, BOX[::-1]],
        [[(100, 500), (800, 500)]] * 12,
    ],
    ids=["diagonal", "collinear", "outside", "cancelled", "flat, many"],
)
def test_an_outline_that_leaves_no_ink_is_empty(contours: list[Corners]) -> None:
    assert compact(*contours) is Glyph.EMPTY
    if contours[0][0] != (5100, 5100):  # TrueType draws an outline at its side bearing, wherever its points lie
        assert truetype(*contours) is Glyph.EMPTY


def test_a_composite_scaled_to_nothing_and_a_glyph_without_width_are_empty() -> None:
    assert truetype(part=("part", (0, 0, 0, 0, 0, 0))) is Glyph.EMPTY
    assert truetype(BOX, width=0) is Glyph.EMPTY
    assert truetype(part=("part", (1, 0, 0, 1, 0, 0))) is Glyph.DRAWN


def test_the_box_of_notdef_is_no_gaiji() -> None:
    assert truetype(part=(".notdef", (1, 0, 0, 1, 0, 0))) is Glyph.NOTDEF
    assert compact(NOTDEF) is Glyph.NOTDEF


@given(st.integers(0, 700), st.integers(-100, 700), st.integers(40, 200), st.integers(40, 150), st.booleans())
@settings(max_examples=40, deadline=None)
def test_whatever_has_an_area_on_its_em_is_drawn(x: int, y: int, width: int, height: int, turned: bool) -> None:
    corners = [(x, y), (x, y + height), (x + width, y + height), (x + width, y)]
    assert compact(corners[::-1] if turned else corners) is Glyph.DRAWN
