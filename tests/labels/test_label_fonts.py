"""Fonts: what is embedded draws what was proven, and the barcode has the published measures."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from label_samples import DRAWN, EMPTY, FLAT, MISSING, NOTDEF, eudc_font

from todoke.errors import FileRefused
from todoke.labels.fonts import FontSet, Glyph, barcode_font, barcode_font_size, check_font
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
    assert fonts.glyph(code_point) is glyph
    assert (chr(code_point) in fonts.drawable) is (glyph is Glyph.DRAWN)


def test_private_glyphs_of_the_base_font_are_never_used() -> None:
    assert FontSet.load().glyph(0xF860) is Glyph.MISSING


def test_first_eudc_font_has_priority_and_the_second_fills_its_gaps() -> None:
    other = eudc_font(1024)
    both = FontSet.load([eudc_font(), other])
    assert both.elsewhere[chr(DRAWN)] == 1
    assert both.glyph(EMPTY) is Glyph.EMPTY
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
    assert fonts.cids(wide) in {cid.to_bytes(2, "big") for cid, code, _, _ in cut.glyphs if code == ord(wide)}


def test_subset_is_the_same_every_time_and_holds_no_more_than_asked(fonts: FontSet) -> None:
    first, again = (fonts.cut("中央町\ue000") for _ in range(2))
    assert [cut and cut.data for cut in first] == [cut and cut.data for cut in again]
    assert first[0] is not None
    assert len(first[0].glyphs) < 40
    assert first[1] is not None
    assert [code for _, code, _, _ in first[1].glyphs] == [0xE000]


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
    check_font(good)
    with pytest.raises(FileRefused, match=r"bad\.TTE"):
        check_font(bad)
