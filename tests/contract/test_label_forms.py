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
