"""What went wrong in other cities' programmes, and what time does to an order, told household by household."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

import pytest
from oracle_nouns import Amendment, Card, Household, Item, Line, Reading, Shipment, Slot, Web, World
from worlds import ITEMS, numbers, to_inputs

from todoke.orders.reconcile import OrderRules, reconcile
from todoke.store.engine import Engine

RULES = OrderRules(
    as_of=date(2027, 1, 15),
    deadline=date(2027, 1, 15),
    points_per_member=3000,
    threshold=0.80,
    postmark=False,
    amend_until_handover=False,
)
HOME = Household("000001", numbers(2)[0], members=3, kana=("ヤマモト ショウタ",), postal_code="1538573")
NEXT_DOOR = replace(HOME, household_no="000002", application_no=numbers(2)[1], kana=("ガトー ハナ",))
FIRST = ("first", "")

Outcome = tuple[dict[str, tuple[str, str | None]], dict[tuple[str, str], dict[str, int]]]


def at(day: int, hour: int = 12) -> datetime:
    """In December 2026."""
    return datetime.combine(date(2026, 12, day), time(hour))


def web(id_: str, when: datetime, *codes: str, home: Household = HOME) -> Web:
    return Web(id_, home.application_no, when, tuple(Line(code, 1) for code in codes))


def card(no: str, day: date, *codes: str, home: Household = HOME) -> Card:
    return Card(
        card_no=no,
        received_on=day,
        postmarked_on=None,
        number=Reading(home.application_no, 0.97),
        name=Reading(home.kana[0], 0.97),
        postal=Reading(home.postal_code, 0.97),
        declined=Reading("", None),
        slots=tuple(Slot(code, "1", 0.97) for code in codes),
    )


def change(id_: str, when: datetime, action: str, *codes: str) -> Amendment:
    return Amendment(id_, HOME.application_no, when, action, tuple(Line(code, 1) for code in codes))


def sent(source: str, released: date, handed_over: datetime | None = None) -> Shipment:
    return Shipment(HOME.household_no, "goods", 1, "first", "", source, released, handed_over)


def settle(rules: OrderRules = RULES, **facts: tuple[Any, ...]) -> Outcome:
    """Status and reason of each application; contents of each parcel of any household."""
    world = World((HOME, NEXT_DOOR), ITEMS, **facts)
    with Engine(memory_limit="256MB") as engine:
        desired = reconcile(engine, to_inputs(world), rules)
    decisions = {r["application_id"]: (r["status"], r["reason"]) for r in desired.decision.to_pylist()}
    parcels: dict[tuple[str, str], dict[str, int]] = {
        (p["cause"], p["cause_ref"]): {} for p in desired.parcel.to_pylist()
    }
    for line in desired.parcel_line.to_pylist():
        parcels[line["cause"], line["cause_ref"]][line["item_code"]] = line["quantity"]
    return decisions, parcels


def test_an_order_made_online_and_by_post_is_sent_once() -> None:
    """門真市 paid such households twice; here the earlier one stands and the other is listed as differing."""
    world = World((HOME,), ITEMS, web=(web("1", at(10), "A"),), cards=(card("1", date(2026, 12, 9), "B"),))
    with Engine(memory_limit="256MB") as engine:
        desired = reconcile(engine, to_inputs(world), RULES)
    decisions = {r["application_id"]: r for r in desired.decision.to_pylist()}
    assert decisions["P:1"]["status"] == "accepted"
    assert (decisions["W:1"]["status"], decisions["W:1"]["reason"]) == ("rejected", "duplicate")
    assert decisions["W:1"]["differs_from_standing"]
    assert [p["source_ref"] for p in desired.parcel.to_pylist()] == ["P:1"]


def test_on_one_day_the_web_goes_before_the_post() -> None:
    decisions, parcels = settle(web=(web("1", at(9, 23), "A"),), cards=(card("1", date(2026, 12, 9), "B"),))
    assert decisions == {"W:1": ("accepted", None), "P:1": ("rejected", "duplicate")}
    assert parcels == {FIRST: {"A": 1}}


def test_cards_of_a_file_scanned_twice_are_all_duplicates_and_ship_nothing_more() -> None:
    """天栄村 sent one file to the bank twice; the second scan of every card changes no parcel."""
    cards = (card("001", date(2026, 12, 9), "B"), card("002", date(2026, 12, 9), "A", home=NEXT_DOOR))
    again = tuple(replace(c, card_no=f"1{c.card_no}", received_on=date(2026, 12, 10)) for c in cards)
    _, once = settle(cards=cards)
    decisions, twice = settle(cards=cards + again)
    assert twice == once
    assert decisions["P:1001"] == decisions["P:1002"] == ("rejected", "duplicate")


def test_an_order_that_has_left_makes_the_same_parcel_again_and_no_second_one() -> None:
    orders = (web("1", at(9), "A"),)
    _, planned = settle(web=orders)
    later = (*orders, web("2", at(12), "A", "B"))
    decisions, after = settle(web=later, shipments=(sent("W:1", date(2026, 12, 10), at(11)),))
    assert after == planned
    assert decisions["W:2"] == ("rejected", "duplicate")


def test_an_earlier_card_found_after_release_does_not_displace_what_has_left() -> None:
    decisions, parcels = settle(
        web=(web("1", at(9), "A"),),
        cards=(card("late-scan", date(2026, 12, 1), "B"),),
        shipments=(sent("W:1", date(2026, 12, 10)),),
    )
    assert decisions == {"W:1": ("accepted", None), "P:late-scan": ("rejected", "duplicate")}
    assert parcels == {FIRST: {"A": 1}}


@pytest.mark.parametrize(
    ("mark", "outcome"),
    [
        (Reading("1", 0.80), ("withdrawn", "declined")),
        (Reading("1", 0.79), ("review", "illegible")),
        (Reading("1", None), ("review", "illegible")),
        (Reading("", 0.50), ("review", "illegible")),
        (Reading("", 0.99), ("accepted", None)),
        (Reading(None, None), ("accepted", None)),
        (Reading("0", 0.99), ("accepted", None)),
    ],
)
def test_a_decline_mark_is_never_overlooked(mark: Reading, outcome: tuple[str, str | None]) -> None:
    """倉敷市 shipped to people who had marked 辞退; an unsure mark goes to a person, with no parcel."""
    decisions, parcels = settle(cards=(replace(card("1", date(2026, 12, 9), "A"), declined=mark),))
    assert decisions == {"P:1": outcome}
    assert bool(parcels) == (outcome[0] == "accepted")


def test_goods_after_toilets_wait_for_a_person() -> None:
    toilets = Shipment(HOME.household_no, "toilet", 1, "first", "", "", date(2027, 1, 21))
    late_scan = (card("1", date(2027, 1, 14), "A"),)
    after = replace(RULES, as_of=date(2027, 2, 1))
    decisions, parcels = settle(after, cards=late_scan, shipments=(toilets,))
    assert decisions == {"P:1": ("review", "toilet_shipped")}
    assert parcels == {}
    before, _ = settle(replace(RULES, as_of=date(2027, 1, 20)), cards=late_scan, shipments=(toilets,))
    assert before == {"P:1": ("accepted", None)}, "the toilets had not left on that day"


def test_a_change_between_release_and_hand_over_changes_the_same_parcel() -> None:
    orders, released = (web("1", at(9), "A"),), sent("W:1", date(2026, 12, 10), at(12))
    for action, contents in [("replace", {"B": 1}), ("add", {"A": 1, "B": 1})]:
        decisions, parcels = settle(web=orders, amendments=(change("1", at(11), action, "B"),), shipments=(released,))
        assert decisions["A:1"] == ("accepted", None)
        assert parcels == {FIRST: contents}
    decisions, parcels = settle(web=orders, amendments=(change("1", at(11), "cancel"),), shipments=(released,))
    assert decisions == {"W:1": ("withdrawn", None), "A:1": ("accepted", None)}
    assert parcels == {}


def test_after_hand_over_nothing_is_taken_back_and_an_addition_travels_alone() -> None:
    orders, released = (web("1", at(9), "A"),), sent("W:1", date(2026, 12, 10), at(11))
    for action in ("replace", "cancel", "decline"):
        decisions, parcels = settle(web=orders, amendments=(change("1", at(11), action, "B"),), shipments=(released,))
        assert decisions == {"W:1": ("accepted", None), "A:1": ("review", "already_shipped")}
        assert parcels == {FIRST: {"A": 1}}
    adds = (change("1", at(12), "add", "A"), change("2", at(13), "add", "A"))
    decisions, parcels = settle(web=orders, amendments=adds, shipments=(released,))
    assert decisions == {"W:1": ("accepted", None), "A:1": ("accepted", None), "A:2": ("accepted", None)}
    assert parcels == {FIRST: {"A": 1}, ("add", "A:1"): {"A": 2}}


def test_a_day_decided_again_later_knows_only_what_that_day_knew() -> None:
    facts: dict[str, tuple[Any, ...]] = {
        "web": (replace(web("1", at(9), "A"), cancelled_at=at(20)), web("2", at(12), "B")),
        "amendments": (change("1", at(15), "add", "A"),),
        "shipments": (sent("W:1", date(2026, 12, 14), at(16)),),
    }
    decisions, parcels = settle(replace(RULES, as_of=date(2026, 12, 12)), **facts)
    assert decisions == {"W:1": ("accepted", None), "W:2": ("rejected", "duplicate")}
    assert parcels == {FIRST: {"A": 1}}


def test_a_replacement_settles_an_order_in_review_at_its_place() -> None:
    decisions, parcels = settle(
        web=(web("1", at(9), "C", "C"), web("2", at(10), "A")),
        amendments=(change("1", at(11), "replace", "B"), change("2", at(12), "replace", "A", "B")),
    )
    assert decisions == {
        "W:1": ("accepted", None),
        "W:2": ("rejected", "duplicate"),
        "A:1": ("superseded", None),
        "A:2": ("accepted", None),
    }
    assert parcels == {FIRST: {"A": 1, "B": 1}}


@pytest.mark.parametrize("good_day", [10, 12])
def test_additions_never_take_a_household_over_its_points(good_day: int) -> None:
    """The first order waits for a person; the addition counts on the order that stands, early or late."""
    decisions, parcels = settle(
        web=(web("1", at(9), "C", "C"), web("2", at(good_day), "C")),
        amendments=(change("1", at(11), "add", "A"),),
    )
    assert decisions == {"W:1": ("review", "over_points"), "W:2": ("accepted", None), "A:1": ("review", "over_points")}
    assert parcels == {FIRST: {"C": 1}}


def test_a_misread_number_finds_its_household_only_when_no_other_is_as_near() -> None:
    left, right = HOME.application_no, NEXT_DOOR.application_no
    apart = next(i for i in range(10) if left[i] != right[i])
    both_near = left[:apart] + right[apart] + left[apart + 1 :]
    misread = replace(card("1", date(2026, 12, 9), "A"), number=Reading(both_near, 0.97))
    decisions, _ = settle(cards=(misread,))
    assert decisions == {"P:1": ("accepted", None)}
    same_name = replace(NEXT_DOOR, kana=HOME.kana)
    world = World((HOME, same_name), (Item("A", 3000),), cards=(misread,))
    with Engine(memory_limit="256MB") as engine:
        desired = reconcile(engine, to_inputs(world), RULES)
    assert [(r["household_no"], r["reason"]) for r in desired.decision.to_pylist()] == [(None, "unknown_household")]
