from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import openpyxl
import pyarrow as pa
from openpyxl.worksheet.worksheet import Worksheet

from todoke.parcels.review import review_items, review_workbook
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
) -> pa.Table:
    return review_items(
        pa.Table.from_pylist(decisions or [], DECISION),
        pa.Table.from_pylist([{"household_no": "0001", "application_no": "0012345689"}], NUMBER),
        pa.Table.from_pylist(late or [], LATE),
        pa.Table.from_pylist(differences or [], DIFFERENCE),
        pa.Table.from_pylist([{"shipment_id": "G1", "household_no": "0001"}], SHIPMENT),
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
    headings = [sheet.cell(5, column).value or sheet.cell(4, column).value for column in range(1, 15)]
    assert headings[:3] == ["管理番号", "版", "申込番号"]
    assert headings[9:] == ["決定", "訂正\n申込番号", "訂正\n商品コード×数量", "担当者", "理由"]
    assert (sheet["A6"].value, sheet["C6"].value) == ("W:2", "0012345689")
    assert [sheet.cell(6, column).value for column in range(10, 15)] == [None] * 5
    rule = sheet.data_validations.dataValidation[0]
    assert (str(rule.sqref), rule.formula1) == ("J6", '"訂正,承認,却下,再照会"')


def test_a_day_with_nothing_to_decide_makes_a_workbook_too():
    assert page(items())["A6"].value.startswith("0件")
