"""The barcode of an address written as one line holds no figure of a town's name (G09)."""

from __future__ import annotations

import pytest
from label_samples import Shelf, batches, record

from todoke.contract.sheet_layout import SheetLayout
from todoke.labels.barcode import NoBarcode, symbol
from todoke.labels.batch import render
from todoke.labels.fonts import FontSet
from todoke.labels.postal_town import encode_whole


@pytest.mark.parametrize(
    ("postal_code", "address", "building", "number"),
    [
        ("1100011", "東京都台東区三ノ輪一丁目2番3号", "201", "1-2-3-201"),
        ("110-0011", "台東区三の輪1-2-3", "", "1-2-3"),
        ("1040032", "東京都中央区八丁堀4-1-1", "", "4-1-1"),
        ("1020081", "東京都千代田区　四番町5-3", "", "5-3"),
        ("1020081", "四番町5-3", "", "5-3"),
        ("1500002", "東京都渋谷区渋谷一丁目1番1号", "渋谷郵便局留", "1-1-1"),
    ],
)
def test_the_town_of_the_postal_code_is_taken_off(postal_code: str, address: str, building: str, number: str) -> None:
    assert encode_whole(postal_code, address, building) == symbol(postal_code, number)


@pytest.mark.parametrize(
    ("postal_code", "address", "reason"),
    [
        ("1040032", "東京都台東区三ノ輪一丁目2番3号", NoBarcode.TOWN_UNKNOWN),
        ("9999999", "八丁堀4-1-1", NoBarcode.TOWN_UNKNOWN),
        ("1000000", "八丁堀4-1-1", NoBarcode.POSTAL_CODE_GENERAL),
        ("104", "八丁堀4-1-1", NoBarcode.POSTAL_CODE_INVALID),
        ("1040032", "東京都中央区八丁堀", NoBarcode.NO_ADDRESS_NUMBER),
    ],
)
def test_no_barcode_rather_than_a_wrong_one(postal_code: str, address: str, reason: NoBarcode) -> None:
    assert encode_whole(postal_code, address, "") is reason


def test_a_label_without_a_town_of_its_own_is_encoded_so(fonts: FontSet, shelf: Shelf) -> None:
    sent = [record(1, postal_code="1040032", town="", block="東京都中央区八丁堀4-1-1")]
    render(batches(sent), SheetLayout(), fonts, shelf.open)
    assert " ".join(symbol("1040032", "4-1-1")) in shelf.files["manifest.csv"].decode()
