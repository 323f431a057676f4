"""The customer barcode is exact: wrong bars send a parcel to another door."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.labels.barcode import (
    CHECK_VALUES,
    NoBarcode,
    address_number,
    after_town,
    bars,
    encode,
    symbol,
)

EXAMPLES = json.loads((Path(__file__).parent / "data/customer_barcode_examples.json").read_text("utf-8"))
ADDRESSES = st.text(
    alphabet="0123456789０１９一二十百〇ABFｂＦ-－ー−‐& ＆/／・.．　丁目番地号のノ線棟階コーポ中央町室", max_size=40
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["id"])
def test_published_example(example: dict[str, str]) -> None:
    number = address_number(example["addr_b"])
    assert number == example["number"]
    for code, published in zip(symbol(example["postal"], number), example["symbol"].split(), strict=True):
        assert published in {code, "?"}


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("6丁目7-14　ABCビル2F", "6-7-14-2"),
        ("東3丁目-20-5　郵便・A&bコーポB604号", "3-20-5B604"),
        ("29丁目1524-23　第2郵便ハウス501", "29-1524-23-2-501"),
        ("三丁目16番4号　郵政マンション205号", "3-16-4-205"),
        ("9丁目7-6　シティA棟1F1号", "9-7-6A1-1"),
        ("十一丁目二十番一〇三号", "11-20-103"),
        ("百二十番地", "120"),
        ("五本木の家12", "12"),
        ("２丁目３－４ー５", "2-3-4-5"),
        ("1−2‐3", "1-2-3"),
        ("一万二千番地", "12000"),
        ("万五番地", "10005"),
        ("二十三万四千五百六番地", "234506"),
        ("1万2千番地", "12000"),
        ("１万2345番地", "12345"),
        ("三田", ""),
        ("", ""),
    ],
)
def test_address_number_follows_the_rules_of_the_manual(address: str, number: str) -> None:
    assert address_number(address) == number


def test_symbol_is_cut_at_twenty_places() -> None:
    assert "".join(symbol("064-0804", "29-1524-23-2-501")[1:21]) == "064080429-1524-23-2-"


def test_letter_cut_in_two_keeps_its_control_code() -> None:
    assert symbol("910-0067", "3-80-25J1-2B")[19:21] == ["2", "CC1"]


def test_bars_of_the_published_symbol() -> None:
    assert (
        bars(symbol("2630023", "3-30-8-403")) == "1313232131214414413231231241431214441423141412314431243243243214131"
    )


def test_chome_written_with_the_town_belongs_to_the_address_number() -> None:
    assert address_number(after_town("中央町二丁目", "4番5号", "")) == "2-4-5"
    assert address_number(after_town("五本木", "1丁目4番5号", "101")) == "1-4-5-101"
    assert address_number(after_town("中央町二丁目\u3000 ", "3番4号\u3000", "")) == "2-3-4"


@pytest.mark.parametrize("before", ["目黒区", "東京都目黒区", "東京都八王子市", "三重県四日市市"])
@pytest.mark.parametrize("town", ["中央町", "中央町二丁目", "三田1丁目", "八丁堀四丁目"])
def test_the_city_before_a_town_is_no_part_of_the_address_number(before: str, town: str) -> None:
    assert after_town(before + town, "4番5号", "101") == after_town(town, "4番5号", "101")


@pytest.mark.parametrize(
    ("postal_code", "address", "reason"),
    [
        ("152-0000", "1-2-3", NoBarcode.POSTAL_CODE_GENERAL),
        ("1520001", "本町会館", NoBarcode.NO_ADDRESS_NUMBER),
        ("152000", "1-2-3", NoBarcode.POSTAL_CODE_INVALID),
        ("１５２０００１", "1-2-3", NoBarcode.POSTAL_CODE_INVALID),
    ],
)
def test_no_barcode_where_the_rules_forbid_it(postal_code: str, address: str, reason: NoBarcode) -> None:
    assert encode(postal_code, address) is reason


def test_symbol_refuses_what_it_cannot_express() -> None:
    with pytest.raises(ValueError, match="seven"):
        symbol("152", "1")
    with pytest.raises(ValueError, match="capital"):
        symbol("1520001", "1a")


@given(st.integers(1, 9_999_999).map("{:07d}".format), ADDRESSES)
def test_any_address_has_a_valid_barcode_or_a_reason(postal_code: str, address: str) -> None:
    found = encode(postal_code, address)
    if isinstance(found, NoBarcode):
        assert found is NoBarcode.POSTAL_CODE_GENERAL or not address_number(address)
        return
    assert len(found) == 23
    assert sum(CHECK_VALUES[code] for code in found[1:-1]) % 19 == 0
    assert re.fullmatch(r"13[1-4]{63}31", bars(found))


@given(ADDRESSES)
def test_address_number_has_no_hyphen_to_spare(address: str) -> None:
    number = address_number(address)
    assert re.fullmatch(r"(?:[0-9A-Z]+(?:-[0-9A-Z]+)*)?", number)
    assert not re.search(r"-[A-Z]|[A-Z]-", number)


@given(ADDRESSES)
def test_width_of_figures_and_letters_does_not_matter(address: str) -> None:
    wide = address.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    assert address_number(wide) == address_number(address)
