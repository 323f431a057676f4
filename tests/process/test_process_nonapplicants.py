"""Toilets go to nobody who may have applied, and to nobody before everything up to the deadline is decided (G15)."""

from __future__ import annotations

from datetime import date

import pytest
from programme import Programme, one
from small_ward import COUPLE, FAMILY, LATE, QUIET, SINGLE

from todoke.errors import GateClosed

DEADLINE, AFTER_DEADLINE, TOILETS_GO = date(2027, 1, 15), date(2027, 1, 18), date(2027, 1, 20)
ARRIVED, SENT_AGAIN = date(2026, 11, 4), date(2026, 11, 20)
WATER = "3001"


def toilets_go(programme: Programme, on: date = TOILETS_GO) -> None:
    programme.run("nonapplicants", on)
    programme.answer()
    programme.run("nonapplicants", on)


def with_toilets(programme: Programme) -> set[str]:
    return {row["household_no"] for row in programme.rows("shipment", kind="toilet", state="released")}


def listed(programme: Programme, name: str) -> list[str]:
    [content] = [c for n, c in programme.out("nonapplicants").items() if n.endswith(f"/{name}.csv")]
    return content.decode("cp932").split()[1:]


def test_a_household_to_which_an_unreadable_card_points_waits_for_a_person(november: Programme):
    blurred = november.card("H1", LATE, "シケン　ナナコ", "153-0064", [(WATER, 1)], 申込番号="", 申込番号確信度=0.1)
    november.scans(DEADLINE, blurred)
    november.run("orders", AFTER_DEADLINE)
    assert one(november.rows("decision_head"))["household_no"] is None
    assert november.decision("P:H1") == ("review", "illegible")

    toilets_go(november)

    assert listed(november, "waiting") == [LATE]
    assert LATE not in with_toilets(november)
    assert COUPLE in with_toilets(november)


def test_a_household_whose_number_was_misread_on_the_web_waits_for_a_person(november: Programme):
    number = november.number(QUIET)
    november.applies("w1", QUIET, "2026-12-01 10:00", [(WATER, 1)], number=f"{number[:9]}{(int(number[9]) + 1) % 10}")
    november.run("orders", AFTER_DEADLINE)
    assert november.decision("W:w1") == ("review", "unknown_household")
    toilets_go(november)
    assert listed(november, "waiting") == [QUIET]


@pytest.mark.parametrize("settled", [(), (date(2026, 11, 10),), (DEADLINE,)])
def test_nobody_is_a_non_applicant_before_orders_are_settled_for_a_day_after_the_deadline(
    november: Programme, settled: tuple[date, ...]
):
    for day in settled:
        november.run("orders", day)
    with pytest.raises(GateClosed, match=r"2027-01-15.*申込の突合と出荷指示"):
        november.run("nonapplicants", TOILETS_GO)
    assert november.rows("shipment", kind="toilet") == []
    assert november.rows("settlement", process="nonapplicants") == []

    november.run("orders", AFTER_DEADLINE)
    toilets_go(november)
    assert FAMILY in with_toilets(november)


@pytest.mark.parametrize("source", ["web", "postcard", "phone"])
def test_nobody_is_a_non_applicant_while_something_landed_is_not_decided(november: Programme, source: str):
    from todoke.process import orders

    november.run("orders", AFTER_DEADLINE)
    match source:
        case "web":
            november.applies("w1", FAMILY, "2027-01-15 23:59", [(WATER, 1)])
        case "phone":
            november.phones("a1", FAMILY, "2027-01-15 17:59", "decline")
        case "postcard":
            november.scans(DEADLINE, november.card("H1", FAMILY, "ミホン　ハナコ", "153-0061", [(WATER, 1)]))
    orders.land_web("gift", AFTER_DEADLINE)
    orders.land_postcards("gift", AFTER_DEADLINE)
    with pytest.raises(GateClosed, match="1件"):
        november.run("nonapplicants", TOILETS_GO)

    november.run("orders", AFTER_DEADLINE)
    assert november.run("nonapplicants", TOILETS_GO)["propose"]["applied"] == int(source != "phone")


def test_what_is_received_after_the_deadline_does_not_close_the_gate(november: Programme):
    from todoke.process import orders

    november.run("orders", AFTER_DEADLINE)
    november.applies("w1", FAMILY, "2027-01-16 00:00", [(WATER, 1)])
    november.scans(AFTER_DEADLINE, november.card("H1", COUPLE, "シコウ　サクラ", "1530051", [(WATER, 1)]))
    orders.land_web("gift", AFTER_DEADLINE)
    orders.land_postcards("gift", AFTER_DEADLINE)
    assert november.run("nonapplicants", TOILETS_GO)["propose"]["applied"] == 0


@pytest.mark.parametrize("word", ["宛所不明", "受取拒否", "保管期限切れ", "紛失"])
def test_a_household_whose_catalogue_came_back_was_not_reached(november: Programme, word: str):
    november.carrier_reports(ARRIVED, (november.parcel(SINGLE, "catalogue")["id"], 1, word, "15:00"))
    november.run("deliveries", ARRIVED)
    november.run("orders", AFTER_DEADLINE)
    toilets_go(november)
    assert SINGLE in listed(november, "not_reached")
    assert SINGLE not in with_toilets(november)


def test_a_catalogue_that_came_back_and_was_then_delivered_after_all_has_reached_its_household(november: Programme):
    parcel = november.parcel(SINGLE, "catalogue")["id"]
    november.carrier_reports(ARRIVED, (parcel, 1, "保管期限切れ", "15:00"))
    november.carrier_reports(SENT_AGAIN, (parcel, 1, "配達完了", "15:00"))
    november.run("deliveries", SENT_AGAIN)
    november.run("orders", AFTER_DEADLINE)
    toilets_go(november)
    assert SINGLE in with_toilets(november)
