"""A form of labels that cannot be printed is refused when the contract is read, with its key and what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from todoke.contract.label_forms import Labels
from todoke.contract.loader import _said

TWELVE: dict[str, Any] = {
    "columns": 2, "rows": 6, "width_mm": 86.4, "height_mm": 42.3, "left_mm": 18.6, "top_mm": 21.6,
}  # fmt: skip
ROLL: dict[str, Any] = {
    "columns": 1, "rows": 1, "width_mm": 100, "height_mm": 60, "left_mm": 0, "top_mm": 1.5, "barcode_pt": 10,
    "page_mm": {"width": 100, "height": 63},
}  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"width_mm": 67.9, "barcode_pt": 8}, "width_mm・barcode_pt: .*68mm以上.*null にして"),
        ({"barcode_pt": 7.9}, "barcode_pt: .*8〜11.5"),
        ({"barcode_pt": 11.6}, "barcode_pt: .*8〜11.5"),
        ({"offset_mm": {"x": 0.25}}, "offset_mm.x: .*0.1mm単位"),
        ({"offset_mm": {"y": -0.01}}, "offset_mm.y: .*0.1mm単位"),
        ({"columns": 3}, "width_mm: .*用紙（210mm）からはみ出します.*page_mm"),
        ({"page_mm": {"height": 200}}, "height_mm: .*用紙（200mm）"),
        ({"free_text": "重要\n至急"}, "free_text"),
        ({"sort_mark": "block"}, "sort_mark"),
        ({"forms": {"postcard": {}}}, "forms\n.*postcard"),
        ({"forms": {"toilet": {"width_mm": 60}}}, "forms.toilet\n.*barcode_pt"),
        ({"height_mm": 8, "barcode_pt": None}, "height_mm: .*8mm.*25.5mm以上"),
        ({"width_mm": 20, "barcode_pt": None}, "width_mm: .*20mm.*46mm以上"),
        ({"gaiji_fonts": ["fonts/EUDC.TTE"]}, "gaiji_fonts\n.*ファイル名"),
        ({"gaiji_fonts": ["EUDC"]}, "gaiji_fonts\n.*ファイル名"),
        ({"gaiji_fonts": ["EUDC.TTE", "eudc.tte"]}, "gaiji_fonts\n.*2度"),
        ({"forms": {"catalogue_confidential": {"methods": {"宅配": {}}}}}, "methods\n.*局留"),
        ({"forms": {"catalogue": {"methods": {"局留": {}}}}}, "forms\n.*秘匿世帯"),
        ({"forms": {"toilet_confidential": {"methods": {"局留": {"rows": 7}}}}}, "methods.局留\n.*height_mm"),
    ],
)
def test_what_cannot_be_printed_names_its_key_and_the_way_out(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Labels.model_validate(TWELVE | wrong)


def test_a_narrow_label_without_a_barcode_is_allowed() -> None:
    assert Labels.model_validate(TWELVE | {"width_mm": 60, "barcode_pt": None}).layout.barcode_pt is None


def test_a_form_of_its_own_says_only_what_differs() -> None:
    labels = Labels.model_validate(
        TWELVE
        | {"free_text": "重要：防災カタログ在中", "forms": {"toilet": {"free_text": "携帯トイレ在中"}, "notice": ROLL}}
    )
    assert labels.form("catalogue") is labels
    assert labels.form("toilet").layout == labels.layout
    assert labels.form("toilet").free_text == "携帯トイレ在中"
    assert labels.form("notice").free_text == "重要：防災カタログ在中"
    assert (labels.form("notice").layout.per_sheet, labels.form("notice").layout.page_height_mm) == (1, 63)


def test_a_delivery_method_may_differ_from_its_confidential_batch_in_what_it_says() -> None:
    methods = {"局留": {"free_text": "窓口でお渡しください"}, "別住所": ROLL}
    confidential = {"free_text": "防災カタログ在中", "methods": methods}
    labels = Labels.model_validate(TWELVE | {"forms": {"catalogue_confidential": confidential}})
    kind = "catalogue_confidential"
    assert labels.form(kind).free_text == "防災カタログ在中"
    assert labels.methods("catalogue") == {} and set(labels.methods(kind)) == {"局留", "別住所"}
    kept, elsewhere = (labels.methods(kind)[method] for method in ("局留", "別住所"))
    assert (kept.layout, kept.free_text) == (labels.layout, "窓口でお渡しください")
    assert (elsewhere.layout.per_sheet, elsewhere.free_text) == (1, "防災カタログ在中")
    assert Labels.model_validate(labels.model_dump()) == labels


#: A 角2 envelope as a wide one, and as a tall one; the label lies clear of everything.
WIDE: dict[str, Any] = {"width": 332, "height": 240, "left": 120, "top": 100}
TALL: dict[str, Any] = {"width": 240, "height": 332, "left": 80, "top": 120}


@pytest.mark.parametrize(
    ("placed", "told"),
    [
        (WIDE, None),
        (TALL, None),
        (WIDE | {"left": 6.0}, None),
        (WIDE | {"left": 4.5}, "縁から9.5mm"),
        (WIDE | {"left": 244.0}, None),
        (WIDE | {"left": 246.0}, "はみ出します"),
        (WIDE | {"top": 194.0}, None),
        (WIDE | {"top": 195.0}, "縁から9.7mm"),
        (WIDE | {"left": 244, "top": 2}, "消印"),
        (WIDE | {"left": 244, "top": 2, "postmark": False}, None),
        (WIDE | {"left": 6, "top": 4}, None),
        (TALL | {"left": 6, "top": 30}, "消印"),
        (TALL | {"left": 150, "top": 4}, None),
        (WIDE | {"top": float("nan")}, "有限"),
    ],
)
def test_bars_keep_clear_of_the_envelopes_edge_and_of_the_postmark(placed: dict[str, Any], told: str | None) -> None:
    if told is None:
        assert Labels.model_validate(TWELVE | {"placement_mm": placed}).placement_mm
        return
    with pytest.raises(ValidationError) as refused:
        Labels.model_validate(TWELVE | {"placement_mm": placed})
    assert any(re.search(told, _said(error)) for error in refused.value.errors())


def test_what_was_read_reads_the_same_again() -> None:
    labels = Labels.model_validate(TWELVE | {"forms": {"notice": ROLL}})
    assert Labels.model_validate(labels.model_dump()) == labels


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"columns": 0}, "0より大きい値"),
        ({"columns": 2.5}, "整数に"),
        ({"left_mm": -1}, "0以上の値"),
        ({"free_txt": "x"}, "ない項目"),
        ({"width_mm": "広い"}, "数にして"),
        ({"sort_mark": "block"}, "'town'"),
        ({"free_text": "あ" * 41}, "40文字以内"),
        ({"offset_mm": {"x": float("inf")}}, "有限の数"),
        ({"width_mm": float("nan")}, "有限|0より大きい"),
    ],
)
def test_every_fault_of_a_form_is_told_in_japanese(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Labels.model_validate(TWELVE | wrong)
    said = [_said(error) for error in refused.value.errors()]
    assert any(re.search(told, text) for text in said)
    assert not any(re.search(r"[A-Za-z]{3,} [a-z]{2,} ", text) for text in said)
