"""Whose number, points and parcels a household takes over that the ward numbered anew or made of two."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from programme import Programme
from register_steps import (
    ANEW,
    answers,
    asked,
    corrections,
    household,
    named_former,
    numbered,
    renumbered,
    sends,
    state,
    stop,
)
from small_ward import COUPLE, FAMILY, HEADER, INSTRUCTION_HEADER, SINGLE, correction, home_of, table

from todoke.errors import TodokeError
from todoke.process import register_answers
from todoke.process.pulled import named
from todoke.process.register_inputs import instructions_in_force
from todoke.process.workspace import Workspace
from todoke.store.ledger import fetch_view

NEXT, LATER, LAST = date(2026, 7, 22), date(2026, 7, 23), date(2026, 7, 24)
RICE = "3006"


def test_a_list_means_the_household_by_whichever_of_its_numbers_it_names(july: Programme):
    renumbered(july, NEXT)
    answers(july, "same", LATER)
    found = [(SINGLE, "153-0064", "下目黒", "9-8-7", "", "宛所不明")]
    july.ward_sends("readdress", table(("世帯番号", "郵便番号", "町名", "番地", "方書", "理由"), found), LAST)
    july.ward_sends("pull_out", stop(SINGLE, ANEW.no), LAST)
    told = [(no, "局留", "1500002", "", "", "見本", f"{no}局") for no in (SINGLE, ANEW.no)]
    sends(july, LAST, special_delivery=table(INSTRUCTION_HEADER, told))
    assert {row["block"] for row in july.version("person") if row["household_no"] == SINGLE} == {"9-8-7"}
    ws = Workspace.open("gift", LAST)
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
        assert [each.household_no for each in named(ws, tx, pin)] == [SINGLE, SINGLE]
    in_force = instructions_in_force(ws, pin.heads).to_pylist()
    assert [row["held_at"] for row in in_force if row["household_no"] == SINGLE] == [f"{SINGLE}局", f"{ANEW.no}局"]
    newest = in_force[-1]
    assert household(july, SINGLE)["instruction"] == f"{newest['receipt_no']}/{newest['row_no']}"
    assert household(july, SINGLE)["instructed"]


def merges(programme: Programme, on: date) -> str:
    """Two households are deleted, and one with the members of both is added; its number."""
    first, second = home_of(FAMILY), home_of(COUPLE)
    whole = replace(first, no="00009001", members=(*first.members, *second.members))
    rows = [*named_former(whole, FAMILY)[: len(first.members)], *named_former(whole, COUPLE)[len(first.members) :]]
    gone = [correction(home, "削除", "合併", "2026-05-20") for home in (first, second)]
    sends(programme, on, corrections=corrections(*gone), additions=table(HEADER, rows))
    return whole.no


def test_a_merger_takes_over_the_predecessor_whose_points_are_used_and_loses_nothing_of_the_other(november: Programme):
    november.applies("w1", COUPLE, "2026-11-10 12:00", [(RICE, 1)])
    november.run("orders", date(2026, 11, 10))
    november.hands_over(date(2026, 11, 11), "goods")
    before, on = numbered(november), date(2026, 11, 12)
    merged = merges(november, on)
    assert asked() == [("same_household", merged, other) for other in sorted((FAMILY, COUPLE))]
    assert (state(november, merged), merged in numbered(november)) == (("held", "same_household"), False)
    question = {row["other_no"]: row["question_id"] for row in register_answers.questions("gift")}
    with pytest.raises(TodokeError, match="すでに出荷"):
        register_answers.answer("gift", question[FAMILY], "same", "admin")
    register_answers.answer("gift", question[COUPLE], "same", "admin")
    with pytest.raises(TodokeError, match="すでに別の世帯を引き継いで"):
        register_answers.answer("gift", question[FAMILY], "same", "admin")
    register_answers.answer("gift", question[FAMILY], "different", "admin")
    november.run("register", on)
    november.applies("w2", COUPLE, "2026-11-12 12:00", [(RICE, 1)])
    november.applies("w3", FAMILY, "2026-11-12 12:00", [(RICE, 1)])
    november.run("orders", on)
    whole = household(november, COUPLE)
    assert (whole["ward_no"], whole["members"], whole["state"]) == (merged, 5, "live")
    with november.ledger.read() as tx:
        view = fetch_view(tx, "points_current", "gift")
    points = {row["household_no"]: (row["entitlement"], row["used"]) for row in view}
    assert (points[COUPLE], points[FAMILY][1]) == ((15000, 3000), 0)
    assert november.decision("W:w2") == ("rejected", "duplicate")
    assert november.decision("W:w3") == ("review", "departed"), "the other's number waits for a person"
    assert (state(november, FAMILY)[0], numbered(november)) == ("held", before)
    assert len(november.rows("shipment", kind="goods")) == 1
    assert november.faults() == []


def test_a_merger_of_two_whose_points_are_both_used_stays_held(november: Programme):
    for number, home in enumerate((COUPLE, FAMILY)):
        november.applies(f"w{number}", home, "2026-11-10 12:00", [(RICE, 1)])
    november.run("orders", date(2026, 11, 10))
    november.hands_over(date(2026, 11, 11), "goods")
    merged = merges(november, date(2026, 11, 12))
    for question in register_answers.questions("gift"):
        with pytest.raises(TodokeError, match="すでに出荷"):
            register_answers.answer("gift", question["question_id"], "same", "admin")
    assert state(november, merged) == ("held", "same_household")
    # it came from one of them only
    question = {row["other_no"]: row["question_id"] for row in register_answers.questions("gift")}
    register_answers.answer("gift", question[FAMILY], "different", "admin")
    assert register_answers.answer("gift", question[COUPLE], "same", "admin") == {"recorded": 1}
    november.run("register", date(2026, 11, 12))
    assert (household(november, COUPLE)["ward_no"], state(november, COUPLE)) == (merged, ("live", None))
