"""What the rules leave to people reaches them, and holds nothing that a card or the carrier's file says."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import openpyxl
from programme import Programme, one
from small_ward import COUPLE, FAMILY, LATE

FIRST, SECOND = date(2026, 11, 10), date(2026, 11, 11)
WATER, RICE = "3001", "3006"


def review(programme: Programme, on: date) -> list[dict[str, Any]]:
    """The items of the day's workbook by heading."""
    content = one([{"content": c} for name, c in programme.out("review").items() if f"/{on}_" in name])["content"]
    rows = list(openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True))
    top = next(number for number, row in enumerate(rows) if row[0] == "管理番号")
    return [dict(zip(rows[top], row, strict=True)) for row in rows[top + 2 :]]


def test_rows_of_postcards_that_were_not_taken_or_differ_from_the_first_scan_are_listed(november: Programme):
    card = november.card("H1", FAMILY, "ミホン　ハナコ", "153-0061", [(WATER, 1)], 受付日="2026-11-10")
    november.scans(FIRST, card, card | {"受付番号": "H2", "消印日": "きのうミホン"})
    november.run("orders", FIRST)
    november.scans(SECOND, card, card | {"商品コード1": RICE})
    november.run("orders", SECOND)

    bad = [item for item in review(november, SECOND) if item["区分"] == "取り込めなかった行"]

    assert [(item["確認する理由"], item["受付方法"], item["備考"].partition("。")[0]) for item in bad] == [
        ("日付の誤り", "はがき", "postcards_20261110_01.csv の2件目「消印日」"),
        ("受付番号の重複（内容相違）", "はがき", "postcards_20261111_01.csv の2件目「受付番号」"),
    ]
    assert "ミホン" not in str(review(november, SECOND))
    assert november.decision("P:H1") == ("accepted", None)
    assert november.parcel(FAMILY)["lines"] == {WATER: 1}
    receipts = {row["file_name"]: row for row in november.rows("receipt", kind="postcards")}
    for name in ("postcards_20261110_01.csv", "postcards_20261111_01.csv"):
        assert (receipts[name]["rows"], receipts[name]["accepted"], receipts[name]["quarantined"]) == (2, 1, 1)


def test_rows_of_the_carrier_that_were_not_taken_are_listed(november: Programme):
    ours = november.parcel(COUPLE, "catalogue")["id"]
    november.carrier_reports(FIRST, ("CZZZZZZZZZZZZZ", 1, "配達完了", "10:00"), (ours, 1, "ミホンさん宅", "12:00"))
    november.run("deliveries", FIRST)
    november.run("orders", FIRST)

    bad = review(november, FIRST)

    assert [(item["確認する理由"], item["受付方法"], item["備考"].partition("。")[0]) for item in bad] == [
        ("当方にない出荷番号", "運送会社", "results_20261110_01.csv の1件目「出荷番号」"),
        ("対応表にない状態", "運送会社", "results_20261110_01.csv の2件目「状態」"),
    ]
    assert "ミホン" not in str(bad)
    assert "CZZZ" not in str(bad)


def test_a_card_in_review_is_shown_with_the_name_of_its_image(november: Programme):
    card = november.card("H1", LATE, "シケン　ナナコ", "153-0064", [(WATER, 1)], 画像ファイル名="20261110_0001.tif")
    november.scans(FIRST, card | {"商品コード1確信度": 0.5})
    november.applies("w1", FAMILY, "2026-11-10 10:00", [("9999", 1)])
    november.run("orders", FIRST)
    assert [(item["管理番号"], item["画像ファイル名"]) for item in review(november, FIRST)] == [
        ("P:H1", "20261110_0001.tif"),
        ("W:w1", "–"),
    ]


def test_a_quantity_that_nobody_means_stops_no_day(november: Programme):
    november.scans(FIRST, november.card("H1", FAMILY, "ミホン　ハナコ", "153-0061", [(WATER, 999_999_999)]))
    november.applies("w1", LATE, "2026-11-10 10:00", [(WATER, 1)])
    november.phones("a1", LATE, "2026-11-10 11:00", "add", [(WATER, 2_147_483_647)])
    november.applies("w2", COUPLE, "2026-11-10 10:00", [(WATER, -2_147_483_647)])
    november.run("orders", FIRST)
    assert november.decision("P:H1") == november.decision("A:a1") == ("review", "over_points")
    assert november.decision("W:w2") == ("review", "unknown_item")
    before = november.traces()
    november.run("orders", FIRST)
    assert november.traces() == before
