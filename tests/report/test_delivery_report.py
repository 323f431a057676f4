from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from todoke.errors import TodokeError
from todoke.outbox.mail import render_text
from todoke.report.deliveries import DeliveryMonth, collect, figures, file_name, has_results, workbook
from todoke.store.facts import EVENT, SHIPMENT

NAMES = {"title": "配送完了実績報告書", "programme": "在宅避難支援事業", "contractor": "事務局"}


def shipment(number: int, kind: str = "goods", **more: Any) -> dict[str, Any]:
    handed = more.pop("handed_over", None)
    return {
        "shipment_id": f"G{number}",
        "kind": kind,
        "state": "delivered",
        "handed_over_at": datetime.fromisoformat(handed) if handed else None,
        **{name: date.fromisoformat(day) for name, day in more.items()},
    }


def event(number: int, state: str, at: str) -> dict[str, Any]:
    moment = datetime.fromisoformat(at)
    return {"source": "carrier", "source_ref": f"{number}{state}{at}", "shipment_id": f"G{number}", "state": state} | {
        "occurred_at": moment
    }


def month(
    shipments: list[dict[str, Any]], events: list[dict[str, Any]] | None = None, period: str = "2026-11"
) -> DeliveryMonth:
    return collect(pa.Table.from_pylist(shipments, SHIPMENT), pa.Table.from_pylist(events or [], EVENT), period)


WORLD = [
    shipment(1, "catalogue", released_on="2026-10-30", handed_over="2026-11-02 09:00", delivered_on="2026-11-04"),
    shipment(2, "catalogue", released_on="2026-10-30", handed_over="2026-11-02 09:00"),
    shipment(3, released_on="2026-11-12", handed_over="2026-11-13 23:59", delivered_on="2026-12-01"),
    shipment(4, released_on="2026-11-12", handed_over="2026-11-13 09:00"),
]
EVENTS = [
    event(2, "returned_unknown_address", "2026-11-08 10:00"),
    event(2, "returned_unknown_address", "2026-12-02 10:00"),
    event(3, "delayed", "2026-11-30 23:59"),
    event(4, "lost", "2026-12-01 00:00"),
]


def test_a_month_counts_what_happened_in_it_once():
    total = figures(month(WORLD, EVENTS))["total"]
    assert total == {
        "released": 2,
        "handed_over": 4,
        "delivered": 1,
        "returned_unknown_address": 1,
        "returned_refused": 0,
        "returned_expired": 0,
        "lost": 0,
        "damaged": 0,
        "delayed": 1,
        "returned": 1,
        "accident": 1,
    }
    following = figures(month(WORLD, EVENTS, "2026-12"))["total"]
    assert {key: n for key, n in following.items() if n} == {"delivered": 1, "lost": 1, "accident": 1}


@pytest.mark.parametrize(("shipments", "events"), [(WORLD, EVENTS), (WORLD[:1], [])])
def test_a_month_that_was_kept_as_text_is_the_same_report(
    shipments: list[dict[str, Any]], events: list[dict[str, Any]]
):
    made = month(shipments, events)
    kept = DeliveryMonth.from_json(made.to_json())
    assert kept == made
    assert (figures(kept), workbook(kept, **NAMES)) == (figures(made), workbook(made, **NAMES))


def test_a_month_without_results_has_no_report():
    assert has_results(month(WORLD, EVENTS))
    assert not has_results(month(WORLD, EVENTS, "2026-10")), "released alone is no result"
    assert not has_results(month([], []))


def test_the_standing_at_the_end_of_a_month_adds_up():
    assert month(WORLD, EVENTS).standing.to_pylist() == [
        {
            "kind": "catalogue",
            "handed_over": 2,
            "delivered": 1,
            "returned": 1,
            "lost": 0,
            "damaged": 0,
            "on_the_way": 0,
        },
        {"kind": "goods", "handed_over": 2, "delivered": 0, "returned": 0, "lost": 0, "damaged": 0, "on_the_way": 2},
    ]


DAYS = st.none() | st.integers(1, 59)
STATES = st.sampled_from(["returned_refused", "returned_expired", "lost", "damaged", "delayed", "in_transit"])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(DAYS, DAYS, st.lists(st.tuples(STATES, st.integers(1, 59)), max_size=3)), max_size=8))
def test_months_and_standing_agree_for_any_history(parcels: list[tuple[int | None, int | None, list[tuple[str, int]]]]):
    def day(number: int | None) -> str | None:
        return None if number is None else date.fromordinal(date(2026, 11, 1).toordinal() + number - 1).isoformat()

    shipments, events = [], []
    for number, (handed, delivered, said) in enumerate(parcels):
        days = {"handed_over": day(handed), "delivered_on": day(delivered) if handed else None}
        shipments.append(shipment(number, **{name: text for name, text in days.items() if text}))
        events += [event(number, state, f"{day(at)} 12:00") for state, at in said]
    both = [figures(month(shipments, events, period))["total"] for period in ("2026-11", "2026-12")]
    standing = month(shipments, events, "2026-12").standing.to_pylist()
    handed_over = sum(total.get("handed_over", 0) for total in both)
    assert handed_over == sum(row["handed_over"] for row in standing)
    for row in standing:
        assert (
            row["handed_over"] == row["delivered"] + row["returned"] + row["lost"] + row["damaged"] + row["on_the_way"]
        )


def test_the_workbook_says_the_same_as_the_mail():
    november = month(WORLD, EVENTS)
    content = workbook(november, **NAMES)
    assert content == workbook(november, **NAMES)
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["月間集計", "累計", "日別", "事故一覧"]
    summary = [[cell.value for cell in row] for row in book["月間集計"]["A6:D8"]]
    assert summary == [["カタログ", 0, 2, 1], ["防災用品", 2, 2, 0], ["合計", 2, 4, 1]]
    standing = [[(cell.value, cell.data_type) for cell in row[1:]] for row in book["累計"]["A5:G5"]]
    assert standing == [[(2, "n"), (1, "n"), (1, "n"), (0, "n"), (0, "n"), (0, "n")]]
    daily = book["日別"]
    assert (daily["A6"].value.day, daily["B6"].value, daily["A35"].value.day, daily["A36"].value) == (
        1,
        "日",
        30,
        "合計",
    )
    assert len(daily._charts) == 1
    assert [cell.value for cell in book["事故一覧"][5]][1:4] == ["防災用品", "遅延", "G3"]


def test_a_month_without_accidents_says_so():
    page = openpyxl.load_workbook(io.BytesIO(workbook(month(WORLD[:1]), **NAMES)))["事故一覧"]
    assert "ありません" in page["A5"].value


def test_the_mail_can_be_read_on_its_own():
    text = render_text(
        "deliveries.txt.j2",
        client="防災課",
        desk="事務局（電話 0120-000-000）",
        file_name=file_name("gift", "2026-11"),
        **NAMES,
        **figures(month(WORLD, EVENTS)),
    )
    assert "・カタログ：発送 2、配達完了 1、返戻 1、事故 0" in text
    assert "・合計：発送 4、配達完了 1、返戻 1、事故 1" in text
    assert "返戻 1個の内訳：宛所不明 1、受取拒否 0、保管期限切れ 0" in text
    assert "累計（2026年11月30日現在、個）" in text and "配送中 2" in text
    assert "gift_deliveries_2026-11.xlsx" in text


def test_a_month_that_is_none_is_refused():
    with pytest.raises(TodokeError, match="2026-13"):
        month([], [], "2026-13")
