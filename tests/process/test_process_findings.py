"""What is wrong in any file of the ward is put aside and asked; nobody goes unprotected meanwhile, the rest goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from register_steps import corrections, sends, state
from small_ward import COUPLE, HEADER, HOMES, SECRET, SINGLE, correction, home_of, table

from todoke.errors import GateClosed
from todoke.process import register, register_checks

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
