"""Fonts: what is embedded draws what was proven, and the barcode has the published measures."""

from __future__ import annotations

import logging
from io import BytesIO
from pathlib import Path

import pytest
from fontTools.pens.areaPen import AreaPen
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st
from label_samples import AFTER, ALSO_DRAWN, DRAWN, EMPTY, FLAT, MISSING, NOTDEF, eudc_font

from todoke.errors import FileRefused
from todoke.labels.cutting import Cut, check_font
from todoke.labels.faces import Face, Glyph, is_private, shapes
from todoke.labels.fonts import FontSet, barcode_font, barcode_font_size, base_font_path
from todoke.labels.wrapping import Style, fit
from todoke.model.barcode_measures import barcode_size_mm


@pytest.mark.parametrize(
    ("code_point", "glyph"),
    [
        (DRAWN, Glyph.DRAWN),
        (EMPTY, Glyph.EMPTY),
        (FLAT, Glyph.EMPTY),
        (NOTDEF, Glyph.NOTDEF),
        (MISSING, Glyph.MISSING),
        (0xF860, Glyph.MISSING),
        (ord("目"), Glyph.DRAWN),
        (0x0E01, Glyph.MISSING),
        (0x0A, Glyph.MISSING),
    ],
)
def test_what_the_fonts_have(fonts: FontSet, code_point: int, glyph: Glyph) -> None:
    assert fonts.glyph(chr(code_point)) is glyph
    assert (chr(code_point) in fonts.drawable) is (glyph is Glyph.DRAWN)


def test_private_glyphs_of_the_base_font_are_never_used() -> None:
    assert FontSet.load().glyph("\uf860") is Glyph.MISSING


def test_first_eudc_font_has_priority_and_the_second_fills_its_gaps() -> None:
    other = eudc_font(1024)
    both = FontSet.load([eudc_font(), other])
    assert both.elsewhere[chr(DRAWN)] == 1
    assert both.glyph(chr(EMPTY)) is Glyph.EMPTY
    assert FontSet.load([other]).widths[chr(DRAWN)] == 1.0


@pytest.mark.parametrize("damaged", [b"", b"PK\x03\x04nothing", eudc_font()[:200], b"\x00\x01\x00\x00" + b"\xff" * 64])
def test_a_damaged_font_is_refused(damaged: bytes) -> None:
    with pytest.raises(FileRefused) as refused:
        FontSet.load([damaged])
    assert refused.value.reason == "font_unreadable"


def test_a_text_is_cut_into_runs_by_font(fonts: FontSet) -> None:
    assert fonts.runs("見本\ue000\ue001花") == [(0, "見本"), (1, "\ue000\ue001"), (0, "花")]


def test_characters_beyond_the_bmp_get_a_code_of_two_bytes(fonts: FontSet) -> None:
    wide = next(char for char in fonts.drawable if char > "\uffff")
    assert len(fonts.cids("見" + wide)) == 4
    cut = fonts.cut({wide})[0]
    assert cut is not None
    assert fonts.cids(wide) in {cid.to_bytes(2, "big") for cid, code, _, _ in cut.glyphs if code == wide}


def test_subset_is_the_same_every_time_and_holds_no_more_than_asked(fonts: FontSet) -> None:
    first, again = (fonts.cut("中央町\ue000") for _ in range(2))
    assert [cut and cut.data for cut in first] == [cut and cut.data for cut in again]
    assert first[0] is not None
    assert len(first[0].glyphs) < 40
    assert first[1] is not None
    assert [code for _, code, _, _ in first[1].glyphs] == ["\ue000"]


def test_what_is_cut_is_not_in_the_log(fonts: FontSet, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert fonts.cut("中央町\ue000")[0] is not None
    assert not caplog.records


def test_barcode_font_has_the_published_measures() -> None:
    font = TTFont(BytesIO(barcode_font()))
    em, cmap = font["head"].unitsPerEm, font.getBestCmap()
    to_mm = barcode_font_size(10) / 72 * 25.4 / em
    measures = {}
    for bar in "1234":
        glyph = font["glyf"][cmap[ord(bar)]]
        measures[bar] = [round(v * to_mm, 6) for v in (glyph.xMax - glyph.xMin, glyph.yMin, glyph.yMax)]
        assert round(font["hmtx"][cmap[ord(bar)]][0] * to_mm, 6) == 1.2
    assert measures == {"1": [0.6, 0, 3.6], "2": [0.6, 1.2, 3.6], "3": [0.6, 0, 2.4], "4": [0.6, 1.2, 2.4]}


def test_barcode_length_at_the_published_sizes() -> None:
    assert [round(barcode_size_mm(a)[0], 2) for a in (8, 10, 11.5)] == [63.84, 79.8, 91.77]


def test_a_received_font_is_checked_by_its_file(tmp_path: Path) -> None:
    good, bad = tmp_path / "EUDC.TTE", tmp_path / "bad.TTE"
    good.write_bytes(eudc_font())
    bad.write_bytes(b"not a font")
    check_font(good, "EUDC.TTE")
    with pytest.raises(FileRefused, match=r"bad\.TTE"):
        check_font(bad, "bad.TTE")


SOUND = eudc_font(composite=True)


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_a_font_with_any_damage_is_refused_or_every_gaiji_of_it_can_be_proven_and_compared(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damaged = bytearray(SOUND)
    for place in data.draw(st.lists(st.integers(0, len(SOUND) - 1), min_size=1, max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.getbasetemp() / "damaged.TTE"
    file.write_bytes(bytes(damaged))
    try:
        check_font(file, "damaged.TTE")
    except FileRefused as refused:
        assert refused.reason == "font_unreadable"
        return
    face = Face.read(file, "damaged")
    drawn = {code for code in face.cmap if is_private(code) and face.glyph(code) is Glyph.DRAWN}
    assert shapes(face, drawn).keys() == drawn
    assert {cid for cid, *_ in Cut.of(face, ((code, chr(code)) for code in drawn)).glyphs} == drawn


KATSU, ITS_VARIANT = "葛", "葛\U000e0100"


def test_a_variation_sequence_is_one_character_with_a_glyph_of_its_own_and_extracts_as_written(fonts: FontSet) -> None:
    composed = fonts.composed(f"{ITS_VARIANT}城{KATSU}")
    assert [fonts.sequences.get(char, char) for char in composed] == [ITS_VARIANT, "城", KATSU]
    assert fonts.runs(composed) == [(0, composed)]
    assert len(fonts.cids(composed)) == 6
    cut = fonts.cut(composed)[0]
    assert cut is not None
    drawn = {text: (cid, glyph) for cid, text, glyph, _ in cut.glyphs}
    assert drawn[ITS_VARIANT][1] != drawn[KATSU][1]
    assert fonts.cids(composed)[:2] == drawn[ITS_VARIANT][0].to_bytes(2, "big")


def test_no_two_characters_share_a_code(fonts: FontSet) -> None:
    codes = [fonts.wide.get(ord(char), ord(char)) for char in {*fonts.drawable, *fonts.sequences}]
    assert len(set(codes)) == len(codes)
    assert max(codes) <= 0xFFFF


def test_the_packaged_mincho_is_drawn_as_truetype_and_its_gaps_are_never_filled() -> None:
    mincho = FontSet.load([eudc_font()], base_font_path("mincho"))
    gothic_only = FontSet.load().in_base - mincho.in_base - {*FontSet.load().sequences}
    assert all(mincho.glyph(char) is not Glyph.DRAWN for char in gothic_only)
    cut = mincho.cut("中央町永髙\ue000")[0]
    assert cut is not None
    glyph_ids = {text: glyph for _, text, glyph, _ in cut.glyphs}
    embedded = TTFont(BytesIO(cut.data))
    names = embedded.getGlyphOrder()
    boxes = {text: embedded["glyf"][names[glyph]] for _, text, glyph, _ in cut.glyphs}
    assert all(boxes[char].numberOfContours > 0 and boxes[char].yMax > boxes[char].yMin for char in "中央町永")
    bearings = {text: embedded["hmtx"][names[glyph]][1] for _, text, glyph, _ in cut.glyphs}
    assert all(bearings[char] == boxes[char].xMin > 0 for char in "中央町永（）")
    assert mincho.width("永") == 1.0
    whole = TTFont(base_font_path("mincho"))
    for char in "中央町永（髙":
        areas = []
        for font, glyph in ((whole, mincho.faces[0].cmap[ord(char)]), (embedded, glyph_ids[char])):
            pen, drawn = AreaPen(), font.getGlyphSet()
            drawn[font.getGlyphName(glyph)].draw(pen)
            areas.append(abs(pen.value))
        assert areas[0] == pytest.approx(areas[1], rel=0.01)


def test_the_same_drawing_has_the_same_shape_at_any_size_and_a_moved_line_another() -> None:
    points = [DRAWN, ALSO_DRAWN, AFTER, EMPTY]
    small, large, moved = (
        Face.read(font, "x") for font in (eudc_font(200), eudc_font(1000), eudc_font(200, nudge=0.05))
    )
    assert shapes(small, points) == shapes(large, points)
    assert shapes(small, points).keys() == {DRAWN, ALSO_DRAWN, AFTER}
    assert shapes(small, [ALSO_DRAWN])[ALSO_DRAWN] == shapes(small, [AFTER])[AFTER]
    assert shapes(moved, points)[DRAWN] != shapes(small, points)[DRAWN]
    assert shapes(moved, points)[AFTER] == shapes(small, points)[AFTER]


def test_a_composite_glyph_is_compared_by_what_it_draws() -> None:
    plain, composite = (Face.read(eudc_font(composite=composite), "x") for composite in (False, True))
    assert composite.glyph(AFTER) is Glyph.DRAWN
    assert shapes(plain, [AFTER]) == shapes(composite, [AFTER])


@given(st.lists(st.sampled_from([ITS_VARIANT, KATSU, "1", "ー", "ア"]), min_size=1, max_size=30), st.integers(40, 160))
@settings(deadline=None)
def test_fitting_never_parts_a_variation_sequence_and_counts_it_as_one(
    fonts: FontSet, pieces: list[str], width: int
) -> None:
    text = fonts.composed("".join(pieces))
    assert len(text) == len(pieces)
    assert fonts.width(text) == fonts.width("".join(piece[0] for piece in pieces))
    if (fitted := fit(text, Style(10, 7, 3), width, fonts)) is not None:
        written = ["".join(fonts.sequences.get(char, char) for char in line) for line in fitted.lines]
        assert "".join(written) == "".join(pieces)
        assert not any(line.startswith("\U000e0100") for line in written)
