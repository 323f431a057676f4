"""A scanner's file: every row is taken or accounted for, and the first scan of a card stands."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest

from todoke.errors import FileRefused
from todoke.orders.postcards import FIELDS, Scan, merge_cards, read_cards, read_quantity, with_keys, with_quantities
from todoke.store.schema import POSTCARD, POSTCARD_LINE, QUARANTINE

GOOD = {
    "受付番号": "C1",
    "受付日": "R8.12.1",
    "消印日": "",
    "画像ファイル名": "c1.tif",
    "申込番号": "1234567889",
    "申込番号確信度": "0.98",
    "氏名カナ": "ﾔﾏﾓﾄ ｼｮｳﾀ",
    "氏名カナ確信度": "0.9",
    "郵便番号": "153-8573",
    "郵便番号確信度": "1",
    "商品コード1": "A",
    "数量1": "",
    "商品コード1確信度": "0.95",
    "数量3": "２",
    "商品コード5確信度": "0.1",
}


def scanned(*rows: dict[str, str], header: tuple[str, ...] = FIELDS, receipt_no: str = "R1") -> Scan:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({**GOOD, **row} for row in rows)
    return read_cards(io.BytesIO(text.getvalue().encode("cp932")), receipt_no)


def listed(scan: Scan) -> list[tuple[int, str, str]]:
    return [(row["row_no"], row["field"], row["reason"]) for row in scan.quarantine.to_pylist()]


def test_a_card_is_landed_as_read_with_its_filled_slots() -> None:
    scan = scanned({})
    assert (scan.rows, listed(scan)) == (1, [])
    assert scan.cards.card.schema == POSTCARD
    assert scan.cards.line.schema == POSTCARD_LINE
    [card] = scan.cards.card.to_pylist()
    assert card["received_on"] == date(2026, 12, 1)
    assert card["postmarked_on"] is None
    assert card["name_kana"] == GOOD["氏名カナ"]
    assert card["declined_confidence"] is None
    assert (card["receipt_no"], card["row_no"]) == ("R1", 1)
    assert [(s["line_no"], s["item_code"], s["quantity_text"]) for s in scan.cards.line.to_pylist()] == [
        (1, "A", ""),
        (3, "", "２"),
    ]


def test_keys_and_quantities_are_added_for_the_rules() -> None:
    cards = scanned({}).cards
    [card] = with_keys(cards.card).to_pylist()
    assert (card["name_key"], card["postal_key"]) == ("ヤマモトシヨウタ", "1538573")
    assert [(s["quantity"], s["quantity_readable"]) for s in with_quantities(cards.line).to_pylist()] == [
        (1, True),
        (2, True),
    ]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", (1, True)),
        (" ", (1, True)),
        ("１０", (10, True)),
        ("0", (0, True)),
        ("-1", (-1, True)),
        ("l", (None, False)),
        ("1.5", (None, False)),
        ("1_0", (None, False)),
        ("②個", (None, False)),
        ("9999999999", (None, False)),
    ],
)
def test_a_quantity_is_a_whole_number_or_unreadable(text: str, read: tuple[int | None, bool]) -> None:
    assert read_quantity(text) == read


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("受付番号", " ", "card_no_missing"),
        ("受付日", "", "date_invalid"),
        ("受付日", "2026-13-01", "date_invalid"),
        ("消印日", "昨日", "date_invalid"),
        ("氏名カナ確信度", "high", "confidence_invalid"),
        ("申込番号確信度", "98", "confidence_invalid"),
        ("辞退確信度", "nan", "confidence_invalid"),
        ("商品コード6確信度", "-1", "confidence_invalid"),
    ],
)
def test_a_row_that_cannot_be_used_is_listed_by_place_and_the_rest_is_taken(
    field: str, value: str, reason: str
) -> None:
    scan = scanned({}, {field: value} | ({} if field == "受付番号" else {"受付番号": "C2"}), {"受付番号": "C3"})
    assert listed(scan) == [(2, field, reason)]
    assert scan.cards.card["card_no"].to_pylist() == ["C1", "C3"]
    assert scan.rows == scan.cards.card.num_rows + scan.quarantine.num_rows
    assert scan.quarantine.schema == QUARANTINE


def test_a_ragged_row_is_listed_too() -> None:
    content = ",".join(FIELDS) + "\r\nC1,2026-12-01\r\n"
    scan = read_cards(io.BytesIO(content.encode("cp932")), "R1")
    assert listed(scan) == [(1, "", "ragged")]
    assert scan.cards.card.num_rows == 0


def test_a_file_without_a_column_is_refused_whole() -> None:
    with pytest.raises(FileRefused, match="辞退確信度"):
        scanned({}, header=tuple(name for name in FIELDS if name != "辞退確信度"))


def test_columns_may_stand_in_another_order() -> None:
    assert scanned({}, header=FIELDS[::-1]).cards.card.equals(scanned({}).cards.card)


def test_within_a_file_the_first_row_of_a_card_stands_and_a_differing_one_is_listed() -> None:
    scan = scanned({}, {}, {"商品コード1": "B"})
    assert scan.cards.line["item_code"].to_pylist() == ["A", ""]
    assert listed(scan) == [(3, "受付番号", "card_repeated")]


def test_across_files_the_first_scan_stands_and_a_differing_one_is_listed() -> None:
    known = scanned({}, {"受付番号": "C2"}).cards
    new = scanned({}, {"受付番号": "C2", "数量3": "3"}, {"受付番号": "C3", "商品コード1": "B"}, receipt_no="R2").cards
    merged, repeated = merge_cards(known, new)
    assert merged.card["card_no"].to_pylist() == ["C1", "C2", "C3"]
    assert merged.card["receipt_no"].to_pylist() == ["R1", "R1", "R2"]
    assert merged.line["quantity_text"].to_pylist() == ["", "２"] * 3
    assert repeated.schema == QUARANTINE
    assert [(r["receipt_no"], r["row_no"], r["reason"]) for r in repeated.to_pylist()] == [("R2", 2, "card_repeated")]
    again, none = merge_cards(merged, new)
    assert again.card.equals(merged.card)
    assert none.num_rows == 1
    assert merge_cards(None, new)[0] is new


def test_errors_and_lists_never_hold_what_a_card_says() -> None:
    scan = scanned({"受付日": "ヤマモトショウタ", "氏名カナ確信度": "0.5"})
    assert "ヤマモト" not in repr(scan.quarantine.to_pylist())
