"""The 外字確認票 shows what the labels will show, and nothing of a resident (G04)."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pypdfium2.raw as pdfium
import pytest
from pypdfium2 import PdfDocument

sys.path.insert(0, str(Path(__file__).parents[1] / "labels"))

from label_samples import ALSO_DRAWN, DRAWN, EMPTY, MISSING, NOTDEF, batches, eudc_font, record

from todoke.contract.sheet_layout import MM, SheetLayout
from todoke.labels.batch import plan_holds
from todoke.labels.faces import Face, Glyph
from todoke.labels.fonts import FontSet, base_font_path
from todoke.report.gaiji_sheet import FontFile, Heading, SheetRow, gaiji_sheet

VARIANT, NO_VARIANT = "葛\U000e0100", "葛\U000e01ef"
FONTS = (FontFile("IPAexGothic", "ab" * 32), FontFile("EUDC.TTE", "cd" * 32), FontFile("EUDC_2.TTE", "ef" * 32))
HEADING = Heading("防災カタログ事業", "見本区防災課", "REGISTER-7", FONTS, 5)
CHARACTERS = (*map(chr, (DRAWN, ALSO_DRAWN, EMPTY, NOTDEF, MISSING)), VARIANT, NO_VARIANT)


def sheet(base: str = "gothic", count: int = 1, font: bytes = b"") -> tuple[bytes, FontSet]:
    fonts = FontSet.load([font or eudc_font(nudge=0.1)], base_font_path(base)).withholding(frozenset({chr(DRAWN)}))
    records = [record(n, name=f"山田{char}") for n in range(count) for char in CHARACTERS]
    before = Face.read(eudc_font(), "before")
    uses = plan_holds(batches(records), SheetLayout(), fonts).uses
    rows = [SheetRow(use, before if use.glyph is Glyph.RESHAPED else None) for use in uses]
    return gaiji_sheet(rows, HEADING, fonts), fonts


def page_texts(pdf: bytes) -> list[str]:
    return [page.get_textpage().get_text_bounded() for page in PdfDocument(pdf)]


@pytest.mark.parametrize("base", ["gothic", "mincho"])
def test_each_character_is_there_with_its_codes_counts_and_finding(base: str) -> None:
    pdf, _ = sheet(base, count=3)
    text = "".join(page_texts(pdf))
    flat = text.replace("\r\n", "").replace(" ", "")
    assert [flat.count(glyph.label) for glyph in Glyph] == [2, 1, 1, 1, 1, 1]
    assert all(f"U+{ord(char):04X}" in flat for char in "".join(CHARACTERS))
    assert "CP932F040" in flat and "CP932なし" in flat
    assert flat.count("3世帯") == flat.count("3文字") == len(CHARACTERS)
    assert chr(DRAWN) in text and VARIANT in text
    assert chr(EMPTY) not in text and chr(MISSING) not in text
    assert "山田" not in text and "中央町" not in text


def test_each_page_says_of_what_it_is_and_is_signed() -> None:
    pages = page_texts(sheet()[0])
    assert len(pages) == 2
    for number, text in enumerate(pages, 1):
        assert f"{number} / 2" in text
        assert all(word in text for word in ("見本区防災課", "防災カタログ事業", "REGISTER-7", "確認者", "確認日"))
        assert "EUDC.TTE" in text and "cdcdcdcdcdcdcdcd…" in text
        assert text.index("EUDC.TTE") < text.index("EUDC_2.TTE")
        assert "7種" in text and "5種" in text and "5世帯" in text


def test_glyphs_are_drawn_at_twenty_millimetres_and_more_with_embedded_fonts() -> None:
    sizes = {}
    for page in PdfDocument(sheet()[0]):
        for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT]):
            font, size = pdfium.FPDFTextObj_GetFont(item.raw), pdfium.c_float()
            assert pdfium.FPDFFont_GetIsEmbedded(font)
            pdfium.FPDFTextObj_GetFontSize(item.raw, size)
            sizes[round(size.value / MM)] = sizes.get(round(size.value / MM), 0) + 1
    assert sizes[22] == 3  # two gaiji and the variant


def test_the_old_shape_stands_beside_the_new_one() -> None:
    page = PdfDocument(sheet()[0])[0]
    filled = []
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH]):
        mode, stroke = pdfium.c_int(), pdfium.c_int()
        pdfium.FPDFPath_GetDrawMode(item.raw, mode, stroke)
        if mode.value:
            filled.append(item.get_bounds())
    (left, low, right, high) = filled[0]
    assert len(filled) == 1
    assert 55 * MM < left < right < 85 * MM
    assert 17 * MM < high - low < 22 * MM


def test_the_same_characters_give_the_same_bytes() -> None:
    pdf, fonts = sheet()
    assert sheet(font=fonts.faces[1].data)[0] == pdf


def test_a_base_font_without_a_sign_of_the_sheet_leaves_it_out() -> None:
    whole = FontSet.load([eudc_font()])
    fonts = replace(whole, widths={char: width for char, width in whole.widths.items() if char not in "□…外"})
    uses = plan_holds(batches([record(1, name=chr(DRAWN))]), SheetLayout(), fonts).uses
    assert "〓字確認票" in page_texts(gaiji_sheet([SheetRow(use) for use in uses], HEADING, fonts))[0]
