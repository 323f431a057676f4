from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import openpyxl
import pyarrow as pa
from openpyxl.worksheet.worksheet import Worksheet

from todoke.parcels.review import BAD_ROW, review_items, review_workbook
from todoke.store.facts import DECISION, DIFFERENCE, NUMBER, SHIPMENT

LATE = pa.schema([("application_id", pa.string()), ("application_no", pa.string()), ("updated_at", pa.timestamp("us"))])


def decision(application_id: str, status: str, reason: str | None, **more: Any) -> dict[str, Any]:
    fields = {
        "source": "web",
        "household_no": "0001",
        "received_at": datetime.fromisoformat("2026-11-12 10:00"),
        "points": 6000,
        "differs": False,
        "as_of": date(2026, 11, 12),
    }
    return {"application_id": application_id, "status": status, "reason": reason, **fields, **more}


def items(
    decisions: list[dict[str, Any]] | None = None,
    late: list[dict[str, Any]] | None = None,
    differences: list[dict[str, Any]] | None = None,
    bad_rows: list[dict[str, Any]] | None = None,
) -> pa.Table:
    return review_items(
        pa.Table.from_pylist(decisions or [], DECISION),
        pa.Table.from_pylist([{"household_no": "0001", "application_no": "0012345689"}], NUMBER),
        pa.Table.from_pylist(late or [], LATE),
        pa.Table.from_pylist(differences or [], DIFFERENCE),
        pa.Table.from_pylist([{"shipment_id": "G1", "household_no": "0001"}], SHIPMENT),
        pa.table({"application_id": ["P:6"], "image_file": ["20261112_0006.tif"]}),
        pa.Table.from_pylist(bad_rows or [], BAD_ROW),
    )


def difference(**more: Any) -> dict[str, Any]:
    return {"shipment_id": "G1", "desired_digest": "abcdef123456", "kind": "content", "state": "open", **more}


def test_only_what_waits_for_a_person_is_listed():
    listed = items(
        [
            decision("W:1", "accepted", None),
            decision("W:2", "review", "over_points"),
            decision("W:3", "rejected", "duplicate"),
            decision("W:4", "rejected", "duplicate", differs=True),
            decision("P:5", "rejected", "late"),
            decision("P:6", "review", "unknown_household", source="postcard", household_no=None),
        ]
    )
    assert listed.select(["item_no", "category", "reason", "application_no"]).to_pylist() == [
        {"item_no": "P:6", "category": "要確認", "reason": "申込番号不明", "application_no": None},
        {"item_no": "W:2", "category": "要確認", "reason": "ポイント超過", "application_no": "0012345689"},
        {"item_no": "W:4", "category": "内容相違の重複", "reason": "重複申込み", "application_no": "0012345689"},
    ]


def test_late_changes_and_open_differences_are_listed_with_numbers_of_their_own():
    late = {
        "application_id": "9",
        "application_no": "0012345689",
        "updated_at": datetime.fromisoformat("2027-01-16 00:10"),
    }
    listed = items(late=[late], differences=[difference(), difference(desired_digest="fff", state="settled")])
    assert listed["item_no"].to_pylist() == ["L:9", "D:G1:abcdef"]
    assert listed["received_on"].to_pylist() == [date(2027, 1, 16), None]


def bad_row(**more: Any) -> dict[str, Any]:
    row = {"source": "postcard", "receipt_no": "R12", "file_name": "postcards_20261112_01.csv", "row_no": 3}
    row |= {"received_at": datetime.fromisoformat("2026-11-12 18:00"), "field": "受付日", "reason": "日付の誤り"}
    return row | more


def test_a_row_that_was_not_taken_is_listed_by_its_place_and_reason():
    listed = items(bad_rows=[bad_row(), bad_row(source="carrier", receipt_no="R13", field="", reason="項目数の不一致")])
    assert listed["category"].to_pylist() == ["取り込めなかった行"] * 2
    assert listed["item_no"].to_pylist() == ["R:R12:3", "R:R13:3"]
    assert listed["source"].to_pylist() == ["はがき", "運送会社"]
    assert listed["reason"].to_pylist() == ["日付の誤り", "項目数の不一致"]
    assert [note.partition("。")[0] for note in listed["note"].to_pylist()] == [
        "postcards_20261112_01.csv の3件目「受付日」",
        "postcards_20261112_01.csv の3件目",
    ]


def test_a_card_is_shown_with_the_name_of_its_image():
    listed = items(
        [
            decision("P:6", "review", "illegible", source="postcard", household_no=None),
            decision("W:2", "review", "over_points"),
        ]
    )
    assert listed["image_file"].to_pylist() == ["20261112_0006.tif", None]


def test_the_digest_changes_with_the_item_and_only_then():
    one = items([decision("W:2", "review", "over_points")])
    same = items([decision("W:2", "review", "over_points"), decision("W:7", "review", "no_items")])
    other = items([decision("W:2", "review", "over_points", points=9000)])
    assert one["digest"][0] == same["digest"][0] != other["digest"][0]


def page(listed: pa.Table) -> Worksheet:
    content = review_workbook(listed, programme="事業", as_of=date(2026, 11, 12))
    assert content == review_workbook(listed, programme="事業", as_of=date(2026, 11, 12))
    return openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]


def test_the_workbook_keeps_numbers_as_text_and_leaves_the_answers_open():
    sheet = page(items([decision("W:2", "review", "over_points")]))
    headings = [sheet.cell(9, column).value or sheet.cell(8, column).value for column in range(1, 16)]
    assert headings[:3] == ["管理番号", "版", "申込番号"]
    assert headings[7] == "画像ファイル名"
    assert headings[10:] == ["決定", "訂正\n申込番号", "訂正\n商品コード×数量", "担当者", "理由"]
    assert (sheet["A10"].value, sheet["C10"].value) == ("W:2", "0012345689")
    assert [sheet.cell(10, column).value for column in range(11, 16)] == [None] * 5
    rule = sheet.data_validations.dataValidation[0]
    assert (str(rule.sqref), rule.formula1) == ("K10", '"訂正,承認,却下,再照会"')


def test_a_day_with_nothing_to_decide_makes_a_workbook_too():
    assert page(items())["A3"].value.startswith("0件")


def test_what_to_do_stands_above_the_rows_where_it_is_seen_first():
    sheet = page(items([decision("W:2", "review", "over_points")]))
    told = [sheet.cell(row, 1).value for row in range(3, 7)]
    assert told[0].startswith("1件。黄色の欄に回答し")
    assert all(line.startswith("※") for line in told[1:])
    assert sheet.cell(11, 1).value is None
    assert sheet.freeze_panes == "B10"
