"""What is wrong in any file of the ward is put aside and asked; nobody goes unprotected meanwhile, the rest goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from register_steps import corrections, household, sends, state, stop
from small_ward import (
    COUPLE,
    HEADER,
    HOMES,
    INSTRUCTION_HEADER,
    NEIGHBOUR,
    QUIET,
    SECRET,
    SINGLE,
    WRONG,
    correction,
    home_of,
    secret,
    table,
)
from ward_queries import Query, returns

from todoke.errors import GateClosed
from todoke.process import register, register_checks, register_rebuild

DAY = date(2026, 7, 22)


def put_aside(programme) -> set[tuple[str, str]]:
    return {(row["household_no"], row["reason"]) for row in programme.version("quarantine")}


@pytest.mark.parametrize("word", ["１", "1　", "有", "01", "○"])
def test_no_word_for_confidential_lets_a_household_be_taken_for_public(fresh, word):
    column = HEADER.index("秘匿区分")
    rows = [
        tuple(word if place == column and home.no == SECRET else cell for place, cell in enumerate(row))
        for home in HOMES
        for row in home.rows()
    ]
    fresh.ward_sends_font()
    sends(fresh, DAY, households=table(HEADER, rows))
    known = {row["household_no"]: row["confidential"] for row in fresh.version("household")}
    aside = (SECRET, "confidential_invalid") in put_aside(fresh)
    assert known.get(SECRET, True) is True
    assert aside is (SECRET not in known)
    assert aside is (word in ("有", "01", "○"))


def test_one_wrong_reason_of_a_change_stops_its_household_alone(july):
    wrong = correction(replace(home_of(SINGLE), block="1-1-1"), "更新", "引越", "2026-07-01")
    right = correction(replace(home_of(COUPLE), block="9-9-9"))
    said = sends(july, DAY, corrections=corrections(wrong, right))
    assert said["version"] > 1
    assert (SINGLE, "change_invalid") in put_aside(july)
    blocks = {row["household_no"]: row["block"] for row in july.version("person")}
    assert (blocks[SINGLE], blocks[COUPLE]) == (home_of(SINGLE).block, "9-9-9")
    assert state(july, SINGLE) == ("live", None)


def test_a_file_that_is_put_aside_whole_is_told_as_what_it_does_to_the_register(fresh):
    fresh.ward_sends_font()
    fresh.ward_sends("households", table(HEADER, [row for home in HOMES for row in replace(home, size=9).rows()]), DAY)
    fresh.run("intake", DAY)
    said = register_checks.validate("gift", DAY)
    assert (said["accepted"], said["quarantined"]) == (0, said["rows"])
    with pytest.raises(GateClosed, match="減少13件"):
        register.publish("gift", DAY)


def with_a_ragged_row(header: tuple[str, ...], number: str) -> bytes:
    """A file of a hundred rows, of which that of one household has a cell too many."""
    sound = [(f"{other:08d}", *["x"] * (len(header) - 1)) for other in range(500_000, 500_099)]
    return table(header, [(number, *["x"] * len(header)), *sound])


@pytest.mark.parametrize(
    ("kind", "header", "confidential"),
    [("stop", ("世帯番号", "理由"), False), ("special_delivery", INSTRUCTION_HEADER, True)],
)
def test_a_stop_or_an_instruction_that_cannot_be_read_holds_its_household_and_is_asked(
    july, kind, header, confidential
):
    asked = len(july.out("queries"))
    sends(july, DAY, **{kind: with_a_ragged_row(header, SINGLE)})
    assert (SINGLE, "ragged") in put_aside(july)
    assert state(july, SINGLE) == ("held", "awaiting_answer")
    assert household(july, SINGLE)["confidential"] is confidential
    assert state(july, COUPLE) == ("live", None)
    assert len(july.out("queries")) > asked
    assert "differs" not in register_rebuild.rebuilt("gift", 2).values()


@pytest.mark.parametrize(
    ("rows", "held", "confidential"),
    [
        (correction(home_of(SINGLE), "削除", "死亡した", "2026-07-01"), True, False),
        (correction(home_of(SINGLE), "抹消", "死亡", "2026-07-01"), True, False),
        (correction(secret(home_of(SINGLE)), "更新", "ＤＶ", "2026-07-01"), True, True),
        (correction(home_of(SINGLE), "更新", "引越", "2026-07-01"), False, False),
    ],
)
def test_a_change_in_quarantine_that_may_forbid_a_delivery_holds_its_household(july, rows, held, confidential):
    sends(july, DAY, corrections=corrections(rows))
    assert state(july, SINGLE) == (("held", "awaiting_answer") if held else ("live", None))
    assert household(july, SINGLE)["confidential"] is confidential
    later = date(2026, 7, 23)
    sends(july, later, corrections=corrections(correction(replace(home_of(SINGLE), block="8-8-8"))))
    assert state(july, SINGLE) == ("live", None)


def test_a_number_that_lost_its_zeros_stops_or_changes_nobody_and_is_asked(july):
    bare = {number: number.lstrip("0") for number in (SINGLE, COUPLE, QUIET, NEIGHBOUR)}
    before = {row["household_no"] for row in july.version("household")}
    july.ward_sends("stop", table(("世帯番号", "理由"), [(bare[SINGLE], "x"), (f"{SINGLE}番", "x")]), DAY)
    july.ward_sends(
        "special_delivery", table(INSTRUCTION_HEADER, [(bare[NEIGHBOUR], *["x"] * 6), (COUPLE, *["x"] * 6)]), DAY
    )
    moved = correction(replace(home_of(COUPLE), no=bare[COUPLE]), "更新", "転居", "2026-05-01")
    died = correction(replace(home_of(QUIET), no=bare[QUIET]), "削除", "死亡", "2026-07-05")
    sends(july, DAY, corrections=corrections(moved, died))
    aside = put_aside(july)
    assert {(number, "unknown_household") for number in bare.values()} <= aside
    assert (None, "household_no_missing") in aside
    assert {row["household_no"] for row in july.version("household")} == before
    assert household(july, COUPLE)["confidential"], "a sound row of the same file counts"
    assert "differs" not in register_rebuild.rebuilt("gift", 2).values()


def test_a_wrong_number_in_a_stop_an_instruction_or_a_new_address_is_put_right_by_the_wards_answer(july):
    bare = {number: number.lstrip("0") for number in (SINGLE, COUPLE, NEIGHBOUR)}
    place = ("153-0064", "下目黒", "9-8-7", "")
    july.ward_sends("stop", stop(bare[SINGLE]), DAY)
    july.ward_sends("special_delivery", table(INSTRUCTION_HEADER, [(bare[COUPLE], *["x"] * 6)]), DAY)
    header = ("世帯番号", "郵便番号", "町名", "番地", "方書", "理由")
    before = july.version("household")
    sends(july, DAY, readdress=table(header, [(bare[NEIGHBOUR], *place, "宛所不明")]))
    assert {(number, "unknown_household") for number in bare.values()} <= put_aside(july)
    assert july.version("household") == before
    query = Query(july).answer(bare[SINGLE], "訂正", "0099999").answer(bare[COUPLE], "訂正", COUPLE)
    returns(july, query.answer(bare[NEIGHBOUR], "訂正", NEIGHBOUR).content())
    july.run("register", DAY)
    assert ("0099999", "unknown_household") in put_aside(july)
    assert (household(july, COUPLE)["confidential"], state(july, SINGLE)) == (True, ("live", None))
    assert {row["block"] for row in july.version("person") if row["household_no"] == NEIGHBOUR} == {"9-8-7"}
    returns(july, Query(july).answer("0099999", "訂正", SINGLE).content(), seq=2)
    july.run("register", DAY)
    assert state(july, SINGLE) == ("held", "stopped")
    assert "unknown_household" not in {reason for _, reason in put_aside(july)}
    for number in (3, 4):
        assert "differs" not in register_rebuild.rebuilt("gift", number).values()


def test_a_change_of_a_household_in_quarantine_or_added_before_is_no_fault(july):
    wrong = replace(home_of(WRONG), size=1)
    new = replace(home_of(SINGLE), no="00009001", surname=("新規", "しんき"), members=(("春", "はる", "1999-01-01"),))
    july.ward_sends("corrections", corrections(correction(new, "追加", "誤り"), correction(wrong)), DAY)
    july.run("intake", DAY)
    later = date(2026, 7, 23)
    sends(july, later, corrections=corrections(correction(replace(new, block="7-7-7"))), stop=stop(WRONG))
    assert "unknown_household" not in {reason for _, reason in put_aside(july)}
    assert state(july, WRONG) == ("held", "stopped")


def test_the_order_of_effect_says_who_is_known(july):
    new = replace(home_of(SINGLE), no="00009001", surname=("新規", "しんき"), members=(("春", "はる", "1999-01-01"),))
    july.ward_sends("corrections", corrections(correction(new)), DAY)
    sends(july, date(2026, 7, 23), corrections=corrections(correction(replace(new, block="7-7-7"), "追加", "誤り")))
    assert ("00009001", "unknown_household") in put_aside(july)
    assert state(july, "00009001") == ("live", None)
