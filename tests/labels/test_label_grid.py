"""The printer's test grid shows each label where the labels themselves will be printed, with the offset in force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pypdfium2.raw as pdfium
import pytest
from pypdfium2 import PdfDocument

from todoke.contract.sheet_layout import MM, SheetLayout
from todoke.labels.grid import INSET_MM, grid

CONTINUOUS = SheetLayout(1, 1, 100, 60, 0, 1.5, barcode_pt=10, page_width_mm=100, page_height_mm=63)
SCALE = 600 / 72


def test_a_page_for_each_form_with_its_name_size_and_offset() -> None:
    pages = PdfDocument(grid({"標準": SheetLayout(offset_x_mm=0.3, offset_y_mm=-1.2), "notice": CONTINUOUS}))
    sizes = [tuple(round(side / MM) for side in page.get_size()) for page in pages]
    assert sizes == [(210, 297), (100, 63)]
    texts = [page.get_textpage().get_text_range() for page in pages]
    assert "標準" in texts[0] and "右へ +0.3mm" in texts[0] and "下へ -1.2mm" in texts[0]
    assert "notice" in texts[1] and "100×60mm" in texts[1]
    for page in pages:
        items = list(page.get_objects([pdfium.FPDF_PAGEOBJ_TEXT]))
        assert items and all(pdfium.FPDFFont_GetIsEmbedded(pdfium.FPDFTextObj_GetFont(item.raw)) for item in items)


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_the_outline_is_drawn_where_the_labels_will_be(shift: float) -> None:
    layout = replace(SheetLayout(), offset_x_mm=shift)
    image = PdfDocument(grid({"標準": layout}))[0].render(scale=SCALE, grayscale=True).to_numpy() < 100
    middle = round((297 - layout.top_mm - layout.height_mm * 1.5) * MM * SCALE)
    row = np.flatnonzero(image[image.shape[0] - middle, : round(150 * MM * SCALE)])
    for wanted in (layout.left_mm + shift, layout.left_mm + layout.width_mm + shift):
        assert np.abs(row / SCALE / MM - wanted).min() < 0.1
    # the ruler belongs to the paper: it does not move with the print
    tick = np.flatnonzero(image[round(4.5 * MM * SCALE)]) / SCALE / MM
    assert np.abs(tick - 100).min() < 0.1


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_the_outline_of_a_label_at_the_papers_edge_is_drawn_inside_it_where_it_can_be_measured(shift: float) -> None:
    layout = replace(CONTINUOUS, offset_x_mm=shift)
    page = PdfDocument(grid({"notice": layout}))[0]
    assert f"枠線はラベルの縁の{INSET_MM:g}mm内側" in page.get_textpage().get_text_range()
    image = page.render(scale=SCALE, grayscale=True).to_numpy() < 100
    row = np.flatnonzero(image[round(45.5 * MM * SCALE)]) / SCALE / MM
    column = np.flatnonzero(image[:, round(95.5 * MM * SCALE) - round(20.5 * MM * SCALE)]) / SCALE / MM
    for wanted in (INSET_MM + shift, 100 - INSET_MM + shift):
        assert np.abs(row - wanted).min() < 0.1
    for wanted in (1.5 + INSET_MM, 61.5 - INSET_MM):
        assert np.abs(column - wanted).min() < 0.1


def test_the_same_forms_give_the_same_bytes() -> None:
    assert grid({"標準": SheetLayout()}) == grid({"標準": SheetLayout()})
