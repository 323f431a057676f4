"""Households whose orders meet each other: duplicates, released parcels, toilets, requests by phone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from oracle_nouns import Reading
from stories import HOME, added_goods, card, ending, goods, phone, toilets, web


def test_the_first_good_application_stands_and_differing_duplicates_are_listed() -> None:
    end = ending(
        web("late-hour", "12-01 20:00", "A"),
        card("1", "12-01", "A"),
        card("2", "12-02", "B"),
        web("cancelled", "11-20 10:00", "C", cancelled="11-21 10:00"),
        web("broken", "11-25 10:00", "X"),
    )
    assert end.of("W:cancelled") == ("withdrawn", None)
    assert end.of("W:broken") == ("review", "unknown_item")
    assert end.of("W:late-hour") == ("accepted", None)  # web before postcard on the same day
    assert end.of("P:1") == end.of("P:2") == ("rejected", "duplicate")
    assert not end.row("P:1")["differs_from_standing"]
    assert end.row("P:2")["differs_from_standing"]
    assert end.parcels == {"": {"A": 1}}


def test_equal_times_are_ordered_by_the_bytes_of_the_id() -> None:
    end = ending(web("a", "12-01 10:00", "A"), web("Z", "12-01 10:00", "B"), web("10", "12-01 10:00", "C"))
    assert end.of("W:10") == ("accepted", None)
    assert end.of("W:Z") == end.of("W:a") == ("rejected", "duplicate")


def test_released_goods_keep_their_application_whatever_arrives_before_it() -> None:
    end = ending(web("1", "12-02 10:00", "A"), card("back", "12-01", "B"), goods("W:1", "12-03"))
    assert end.of("W:1") == ("accepted", None)
    assert end.of("P:back") == ("rejected", "duplicate")


def test_goods_that_left_for_a_withdrawn_application_leave_room_for_no_other() -> None:
    end = ending(
        web("1", "12-01 10:00", "A", cancelled="12-05 10:00"), web("2", "12-06 10:00", "B"), goods("W:1", "12-03")
    )
    assert end.of("W:2") == ("rejected", "duplicate")
    assert end.parcels == {}


def test_no_goods_after_toilets() -> None:
    cleared = ending(card("1", "12-01", "A"), toilets("01-20"))
    assert cleared.of("P:1") == ("review", "toilet_shipped")
    by_phone = ending(
        card("1", "12-01", "A", declined=Reading("", 0.5)), phone("1", "12-02 09:00", "replace", "B"), toilets("01-20")
    )
    assert by_phone.of("A:1") == ("review", "already_shipped")
    assert by_phone.parcels == {}
    assert ending(web("1", "12-01 10:00", "A"), goods("W:1", "12-02"), toilets("01-20")).of("W:1")[0] == "accepted"


def test_a_replace_settles_the_application_in_review_at_its_place() -> None:
    end = ending(
        card("1", "12-01", "A A A A"), web("2", "12-02 10:00", "C"), phone("1", "12-03 09:00", "replace", "A B")
    )
    assert end.of("P:1") == ("accepted", None)
    assert end.row("P:1")["points"] == 12000  # of its own lines
    assert end.of("W:2") == ("rejected", "duplicate")
    assert end.row("A:1")["points"] == 9000
    assert end.parcels == {"": {"A": 1, "B": 1}}
    assert end.desired.parcel["source_ref"].to_pylist() == ["P:1"]


def test_a_later_replace_supersedes_what_was_replaced_and_added() -> None:
    end = ending(
        web("1", "12-01 10:00", "A"),
        phone("1", "12-02 09:00", "replace", "B"),
        phone("2", "12-03 09:00", "add", "A"),
        phone("3", "12-04 09:00", "replace", "A"),
        phone("4", "12-05 09:00", "add", "A"),
    )
    assert end.of("A:1") == end.of("A:2") == ("superseded", None)
    assert [end.row(f"A:{n}")["points"] for n in range(1, 5)] == [6000, 9000, 3000, 6000]
    assert end.parcels == {"": {"A": 2}}


@pytest.mark.parametrize(("action", "items"), [("replace", "X"), ("replace", "C C"), ("replace", ""), ("add", "C")])
@pytest.mark.parametrize("later", ["replace", "cancel", "decline"])
def test_a_later_word_supersedes_a_request_in_review_and_the_parcel_waits_no_longer(
    action: str, items: str, later: str
) -> None:
    first, waiting = web("1", "12-01 10:00", "A"), phone("1", "12-02 09:00", action, items)
    assert ending(first, waiting).held

    end = ending(first, waiting, phone("2", "12-03 09:00", later, "B"), web("2", "12-04 10:00", "B"))

    assert end.of("A:1") == ("superseded", None)
    assert end.of("A:2") == ("accepted", None)
    assert end.parcels == {"": {"B": 1}}
    assert not end.held


def test_a_request_in_review_is_superseded_by_nothing_that_is_itself_in_review_or_comes_before_it() -> None:
    first, waiting = web("1", "12-01 10:00", "A"), phone("2", "12-02 09:00", "replace", "X")
    end = ending(first, phone("1", "12-02 08:00", "replace", "B"), waiting, phone("3", "12-03 09:00", "replace", "C C"))
    assert end.of("A:1") == ("accepted", None)
    assert end.of("A:2") == ("review", "unknown_item")
    assert end.of("A:3") == ("review", "over_points")
    assert end.held


def test_a_late_request_stays_rejected_and_a_cancel_in_review_stays_with_a_person() -> None:
    end = ending(
        phone("1", "12-01 09:00", "cancel"), web("1", "12-01 10:00", "A"), phone("2", "12-02 09:00", "replace", "B")
    )
    assert end.of("A:1") == ("review", "no_application")
    late = ending(
        web("1", "01-10 10:00", "A"), phone("1", "01-16 09:00", "replace", "B"), phone("2", "01-17 09:00", "cancel")
    )
    assert late.of("A:1") == ("rejected", "late")


def test_adds_never_take_a_household_over_its_points() -> None:
    end = ending(
        web("1", "12-01 10:00", "B"), phone("1", "12-02 09:00", "add", "A"), phone("2", "12-02 09:01", "add", "A")
    )
    assert end.of("A:2") == ("review", "over_points")
    assert end.row("A:2")["points"] == 12000
    assert end.parcels == {"": {"A": 1, "B": 1}}
    assert end.held  # until a person has looked at the second


def test_an_add_made_before_the_order_that_stands_counts_with_it() -> None:
    """The card waits, so the add is possible; the web order that comes after it is the one that stands."""
    end = ending(card("1", "12-01", "X"), phone("1", "12-02 09:00", "add", "B"), web("2", "12-03 10:00", "B"))
    assert end.of("A:1") == ("review", "over_points")
    assert end.parcels == {"": {"B": 1}}


def test_an_add_after_hand_over_founds_the_next_parcel_and_the_one_after_joins_it() -> None:
    first = web("1", "12-01 10:00", "A")
    sent = goods("W:1", "12-02", "12-03 10:00")
    adds = (phone("1", "12-03 09:59", "add", "A"), phone("2", "12-03 10:00", "add", "A"))
    assert ending(first, sent, *adds).parcels == {"": {"A": 2}, "A:2": {"A": 1}}

    more = (replace(HOME, members=6),)
    third = phone("3", "12-06 10:00", "add", "B")
    assert ending(first, sent, *adds, third, homes=more).parcels["A:2"] == {"A": 1, "B": 1}
    second_sent = added_goods("A:2", "12-04", "12-06 09:00")
    end = ending(first, sent, second_sent, *adds, third, homes=more)
    assert end.parcels == {"": {"A": 2}, "A:2": {"A": 1}, "A:3": {"B": 1}}
    assert end.row("A:3")["points"] == 15000


@pytest.mark.parametrize("action", ["replace", "cancel", "decline"])
def test_replace_and_cancel_touch_only_what_is_not_handed_over(action: str) -> None:
    items = "B" if action == "replace" else ""
    story = (web("1", "12-01 10:00", "A"), goods("W:1", "12-02", "12-03 10:00"))
    between = ending(*story, phone("1", "12-03 09:59", action, items))
    assert between.of("A:1") == ("accepted", None)
    assert between.parcels == ({"": {"B": 1}} if action == "replace" else {})
    after = ending(*story, phone("1", "12-03 10:00", action, items))
    assert after.of("A:1") == ("review", "already_shipped")
    assert after.parcels == {"": {"A": 1}}
    assert not after.held


def test_a_cancel_withdraws_everything_before_it_and_a_new_order_begins_anew() -> None:
    end = ending(
        web("1", "12-01 10:00", "A"),
        card("2", "12-02", "X"),
        phone("1", "12-03 09:00", "replace", "B"),
        phone("2", "12-04 09:00", "cancel"),
        web("3", "12-05 10:00", "C"),
    )
    assert end.of("W:1") == end.of("P:2") == ("withdrawn", None)
    assert end.of("A:1") == ("superseded", None)
    assert end.of("A:2") == ("accepted", None)
    assert end.row("A:2")["points"] == 0
    assert end.of("W:3") == ("accepted", None)
    assert end.parcels == {"": {"C": 1}}


def test_a_cancel_is_never_late_and_withdraws_even_what_was_late() -> None:
    end = ending(web("1", "01-10 10:00", "A"), web("2", "01-16 10:00", "A"), phone("1", "01-20 09:00", "cancel"))
    assert end.of("A:1") == ("accepted", None)
    assert end.of("W:1") == end.of("W:2") == ("withdrawn", None)


def test_declining_needs_no_application_but_cancelling_does() -> None:
    assert ending(phone("1", "12-01 09:00", "decline")).of("A:1") == ("accepted", None)
    assert ending(phone("1", "12-01 09:00", "cancel")).of("A:1") == ("review", "no_application")
    only_late = (web("1", "01-16 10:00", "A"), phone("1", "01-17 09:00", "cancel"))
    assert ending(*only_late).of("A:1") == ("review", "no_application")


def test_an_amendment_after_the_deadline_is_late_unless_the_contract_waits_for_hand_over() -> None:
    story = (web("1", "01-10 10:00", "A"), phone("1", "01-16 00:00", "add", "A"))
    assert ending(*story).of("A:1") == ("rejected", "late")
    assert ending(*story).parcels == {"": {"A": 1}}
    assert ending(*story, amend_until_handover=True).parcels == {"": {"A": 2}}


@pytest.mark.parametrize(("items", "held"), [("X", True), ("", True), ("C C", True), ("B", False)])
def test_a_parcel_waits_while_a_change_of_it_is_in_review(items: str, held: bool) -> None:
    end = ending(web("1", "12-01 10:00", "A"), phone("1", "12-02 09:00", "replace", items))
    assert end.held is held


@pytest.mark.parametrize(("confidential", "instructed", "held"), [(1, 0, True), (1, 1, False), (0, 0, False)])
def test_a_confidential_household_waits_for_the_wards_instruction(
    confidential: int, instructed: int, held: bool
) -> None:
    home = replace(HOME, confidential=bool(confidential), instructed=bool(instructed))
    assert ending(web("1", "12-01 10:00", "A"), homes=(home,)).held is held
