"""Each reason of the daily reconciliation, and that the first check that fails gives it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from oracle_nouns import Reading, Shipment, Slot, Web
from stories import HOME, NUMBER, added_goods, card, ending, goods, on, phone, possible, toilets, web
from worlds import WIDE, between, neighbour, valid_number

#: What has to be wrong with a card for each reason, in the order of the checks; an earlier one hides the later ones.
CARD_FAULTS: dict[str, dict[str, Any]] = {
    "late": {"received_on": on("01-16")},
    "declined": {"declined": Reading("1", 0.80)},
    "illegible": {"declined": Reading("", 0.79)},
    "unknown_household": {"number": Reading(valid_number(99), 0.95)},
    "departed": {},
    "identity": {"name": Reading("ハットリ ジロウ", 0.95), "postal": Reading("1520001", 0.95)},
    "no_items": {"slots": ()},
    "unknown_item": {"slots": (Slot("X", "1", 0.95), Slot("REFUSED", "9", 0.95))},
    "refused_item": {"slots": (Slot("REFUSED", "9", 0.95),)},
    "over_points": {"slots": (Slot("A", "4", 0.95),)},
    "toilet_shipped": {},
    "duplicate": {},
}
CARD_STATUS = {"late": "rejected", "declined": "withdrawn", "duplicate": "rejected"}


@pytest.mark.parametrize("reason", CARD_FAULTS)
def test_the_first_check_that_a_card_fails_gives_its_reason(reason: str) -> None:
    hidden = list(CARD_FAULTS)[list(CARD_FAULTS).index(reason) :]
    changed: dict[str, Any] = {}
    for fault in reversed(hidden):
        changed |= CARD_FAULTS[fault]
    state = "held" if "departed" in hidden else "live"
    around: list[Web | Shipment] = [web("earlier", "12-11 10:00", "A")]
    if "toilet_shipped" in hidden:
        around.append(toilets("01-20"))

    end = ending(card("1", "01-15", "A", **changed), *around, homes=(replace(HOME, state=state),))

    assert end.of("P:1") == (CARD_STATUS.get(reason, "review"), reason)


#: Changes of the story (household, lines, time …) for each reason of an amendment, in the order of the checks.
AMENDMENT_CHECKS = (
    "unknown_household",
    "departed",
    "late",
    "no_application",
    "already_shipped",
    "no_items",
    "unknown_item",
    "refused_item",
    "over_points",
)
WRONG_LINES = {"no_items": "", "unknown_item": "X REFUSED A A A", "refused_item": "REFUSED A A A", "over_points": "C A"}


@pytest.mark.parametrize("reason", AMENDMENT_CHECKS)
def test_the_first_check_that_an_amendment_fails_gives_its_reason(reason: str) -> None:
    hidden = AMENDMENT_CHECKS[AMENDMENT_CHECKS.index(reason) :]
    items = next(WRONG_LINES[fault] for fault in hidden if fault in WRONG_LINES)
    when = "01-16 09:00" if "late" in hidden else "01-15 23:59"
    number = valid_number(99) if "unknown_household" in hidden else NUMBER
    facts: list[Any] = [phone("1", when, "replace", items, number=number)]
    if "no_application" not in hidden:
        facts.append(web("1", "12-11 10:00", "A"))
    if "already_shipped" in hidden:
        facts.append(goods("W:1", "12-12", "12-13 10:00"))
    state = "deleted" if "departed" in hidden else "live"

    end = ending(*facts, homes=(replace(HOME, state=state),))

    assert end.of("A:1") == ("rejected" if reason == "late" else "review", reason)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"slots": (Slot("A", "1", 0.79),)}, "illegible"),
        ({"slots": (Slot("A", "1", None),)}, "illegible"),
        ({"slots": (Slot("", "1", 0.95),)}, "illegible"),
        ({"slots": (Slot("A", "l", 0.95),)}, "illegible"),
        ({"slots": (Slot("A", "", 0.80),)}, None),
        ({"slots": (Slot("A", "０", 0.95),)}, "unknown_item"),
        ({"declined": Reading("1", 0.79)}, "illegible"),
        ({"declined": Reading("1", None)}, "illegible"),
        ({"declined": Reading("0", 0.95)}, None),
        ({"number": Reading("", 0.95), "name": Reading("ハットリ ジロウ", 0.95)}, "illegible"),
        ({"name": Reading("", 0.95), "postal": Reading("1538573", 0.79)}, "illegible"),
        ({"name": Reading("", 0.95)}, None),
        ({"name": Reading("ﾔﾏﾓﾄｼﾖｳﾀ", 0.95), "postal": Reading("1520001", 0.95)}, None),
        ({"name": Reading("ハットリ ジロウ", 0.95)}, None),
        ({"name": Reading("ハットリ ジロウ", 0.95), "postal": Reading("", None)}, "identity"),
    ],
)
def test_a_card_is_as_legible_as_its_fields(changed: dict[str, Any], reason: str | None) -> None:
    assert ending(card("1", "12-01", "A", **changed)).of("P:1")[1] == reason


@pytest.mark.parametrize(
    ("number", "confidence", "found"),
    [
        (NUMBER, 0.95, True),
        (NUMBER, 0.10, True),
        (NUMBER[:-1] + "0", 0.95, True),
        (NUMBER[:4] + "-" + NUMBER[4:], 0.95, True),
        (NUMBER.translate(WIDE), 0.95, True),
        ("00" + NUMBER[2:], 0.95, False),
        (NUMBER[:-1], 0.95, False),
        ("", None, False),
    ],
)
def test_a_misread_number_is_matched_by_one_digit_and_full_agreement(
    number: str, confidence: float | None, found: bool
) -> None:
    end = ending(card("1", "12-01", "A", number=Reading(number, confidence)))
    assert end.row("P:1")["household_no"] == ("0001" if found else None)


def test_a_card_that_is_near_two_households_belongs_to_none() -> None:
    other = replace(HOME, household_no="0002", application_no=neighbour(NUMBER))
    near_both = Reading(between(NUMBER, other.application_no), 0.95)
    end = ending(card("1", "12-01", "A", number=near_both), homes=(HOME, other))
    assert end.of("P:1") == ("review", "unknown_household")
    alone = ending(card("1", "12-01", "A", number=near_both), homes=(HOME, replace(other, state="deleted")))
    assert alone.row("P:1")["household_no"] == "0001"


OTHERS = Reading("ハットリ ジロウ", 0.95)
NOTHING = Reading("", None)
NEAR = NUMBER[:-1] + "0"


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"number": NOTHING}, True),
        ({"number": Reading(valid_number(99), 0.95)}, True),
        ({"number": NOTHING, "postal": NOTHING}, True),
        ({"number": NOTHING, "postal": Reading("1520001", 0.95)}, False),
        ({"number": NOTHING, "name": OTHERS}, False),
        ({"number": NOTHING, "name": NOTHING}, False),
        ({"number": Reading(NEAR, 0.10), "name": NOTHING, "postal": NOTHING}, True),
        ({"number": Reading(NEAR.translate(WIDE), 0.95), "name": OTHERS}, True),
        ({"number": Reading("00" + NUMBER[2:], 0.95), "name": OTHERS}, False),
        ({"number": NOTHING, "declined": Reading("1", 0.95)}, False),
        ({"number": NOTHING, "received_on": on("01-16")}, False),
        ({}, False),
        ({"name": OTHERS, "postal": NOTHING}, False),
    ],
)
def test_a_card_that_is_nobodys_may_come_from_whom_its_name_and_code_or_nearly_its_number_belongs_to(
    changed: dict[str, Any], found: bool
) -> None:
    assert possible(card("1", "12-01", "A", **changed)) == (["0001"] if found else [])


@pytest.mark.parametrize(("number", "found"), [(NEAR, True), (NUMBER, False), (valid_number(99), False)])
def test_an_order_by_web_or_phone_that_is_nobodys_may_come_from_whom_nearly_its_number_belongs_to(
    number: str, found: bool
) -> None:
    homes = ["0001"] if found else []
    assert possible(web("1", "12-01 10:00", "A", number=number)) == homes
    assert possible(phone("1", "12-01 10:00", "add", "A", number=number)) == homes
    assert possible(web("1", "12-01 10:00", "A", number=number, cancelled="12-02 10:00")) == []


def test_a_card_that_is_near_two_households_may_come_from_both() -> None:
    other = replace(HOME, household_no="0002", application_no=neighbour(NUMBER))
    near_both = Reading(between(NUMBER, other.application_no), 0.95)
    assert possible(card("1", "12-01", "A", number=near_both), homes=(HOME, other)) == ["0001", "0002"]


def test_a_valid_number_of_a_disagreeing_household_is_never_matched_to_another() -> None:
    other = Web("1", neighbour(NUMBER), on("12-01"), ())
    stranger = replace(
        HOME, household_no="0002", application_no=other.application_no, kana=("サトウ",), postal_code="1"
    )
    end = ending(card("1", "12-01", "A", number=Reading(other.application_no, 0.95)), homes=(HOME, stranger))
    assert end.of("P:1") == ("review", "identity")
    assert end.row("P:1")["household_no"] == "0002"


@pytest.mark.parametrize("number", ["", "123", "1234567890", "A234567889", NUMBER + "0", valid_number(99)])
def test_a_web_number_of_no_household_waits_for_a_person(number: str) -> None:
    assert ending(web("1", "12-01 10:00", "A", number=number)).of("W:1") == ("review", "unknown_household")


def test_rows_that_belong_to_nothing_change_nothing_and_stop_nothing() -> None:
    lost = Shipment("9999", "goods", 1, "first", "", "W:gone", on("12-01"))
    end = ending(
        web("1", "12-01 10:00", "A"), lost, added_goods("A:gone", "12-02"), phone("1", "12-03 09:00", "add", number="x")
    )
    assert end.of("A:1") == ("review", "unknown_household")
    assert end.desired.decision.num_rows == 2


def test_postmarks_count_only_where_the_contract_says_so() -> None:
    posted = card("1", "01-20", "A", postmarked_on=on("01-15"))
    assert ending(posted).of("P:1") == ("rejected", "late")
    assert ending(posted, postmark=True).of("P:1") == ("accepted", None)
    assert ending(card("1", "01-20", "A"), postmark=True).of("P:1") == ("rejected", "late")


def test_an_item_is_judged_on_the_day_the_order_was_received() -> None:
    assert ending(web("1", "12-09 23:59", "REFUSED")).of("W:1") == ("accepted", None)
    assert ending(web("1", "12-10 00:00", "REFUSED")).of("W:1") == ("review", "refused_item")
    assert ending(web("1", "01-04 23:59", "LATER")).of("W:1") == ("review", "refused_item")
    assert ending(web("1", "01-05 00:00", "LATER")).of("W:1") == ("accepted", None)


def test_what_happens_after_the_business_date_is_not_known_yet() -> None:
    story = (
        web("1", "12-01 10:00", "A", cancelled="12-05 00:00"),
        web("2", "12-05 00:00", "B"),
        phone("1", "12-05 00:00", "decline"),
        goods("W:1", "12-05"),
    )
    before = ending(*story, as_of=on("12-04"))
    assert [r["application_id"] for r in before.desired.decision.to_pylist()] == ["W:1"]
    assert before.of("W:1") == ("accepted", None)
    assert ending(*story, as_of=on("12-05")).of("W:1") == ("withdrawn", None)
