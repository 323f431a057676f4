"""Revisions correct what was published and take nothing back by themselves; the order of arrival does not matter."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from programme import Programme
from register_steps import (
    additions,
    answers,
    asked,
    corrections,
    household,
    numbered,
    revision,
    sends,
    state,
)
from small_ward import (
    COUPLE,
    FAMILY,
    GOOD,
    LATE,
    MOVER,
    QUIET,
    SINGLE,
    THREE,
    correction,
    drop,
    home_of,
    households,
    sealed,
    without,
)

from todoke.errors import GateClosed

NEXT, LATER, LAST = date(2026, 7, 22), date(2026, 7, 23), date(2026, 7, 24)
EXTRA = replace(home_of(QUIET), no="00009006", members=(("新", "あらた", "1999-09-09"),))


def test_a_revision_after_publication_acts_as_corrections_and_its_removals_wait(july: Programme):
    smaller = replace(home_of(THREE), members=home_of(THREE).members[:2])
    homes = [smaller if home.no == THREE else home for home in without(LATE)]
    said = revision(july, "households_20260721_01_r2", households([*homes, EXTRA]), NEXT)
    assert (said["households"], said["new_numbers"], said["questions"]) == (13, 1, 1)
    assert (household(july, THREE)["members"], state(july, EXTRA.no)) == (2, ("live", None))
    assert (asked(), state(july, LATE)) == ([("removed", LATE, "")], ("live", None))
    answers(july, "remove", LATER)
    assert (state(july, LATE), asked()) == (("deleted", "error"), [])
    assert LATE in numbered(july)


def test_a_removal_that_a_person_does_not_want_is_asked_again_only_by_another_revision(july: Programme):
    revision(july, "households_20260721_01_r2", households(without(LATE)), NEXT)
    answers(july, "keep", NEXT)
    assert (state(july, LATE), asked()) == (("live", None), [])
    revision(july, "households_20260721_01_r3", households([*without(LATE, THREE), home_of(THREE)]), LATER)
    assert (state(july, LATE), asked()) == (("live", None), [])


def test_a_revision_does_not_undo_corrections_of_what_it_leaves_as_it_was(july: Programme):
    moved = replace(home_of(COUPLE), block="9-9-9")
    sends(july, NEXT, corrections=corrections(correction(moved)))
    smaller = replace(home_of(THREE), members=home_of(THREE).members[:2])
    homes = [smaller if home.no == THREE else home for home in GOOD]
    revision(july, "households_20260723_01", households(homes), LATER)
    assert {row["block"] for row in july.version("person") if row["household_no"] == COUPLE} == {"9-9-9"}


def test_a_household_in_two_additions_files_is_the_first_ones(july: Programme):
    added = replace(home_of(QUIET), no="00009007", members=(("新", "あらた", "1999-09-09"),))
    larger = replace(added, members=(*added.members, ("緑", "みどり", "2001-01-01")))
    july.ward_sends("additions", additions(larger), LATER)
    july.ward_sends("additions", additions(added), NEXT)
    july.run("intake", LATER)
    said = july.run("register", LATER)
    assert (said["publish"]["new_numbers"], household(july, added.no)["members"]) == (1, 1)
    found = [(row["household_no"], row["reason"]) for row in july.version("quarantine")]
    assert (added.no, "household_duplicate") in found


def test_the_order_in_which_files_arrive_does_not_matter(july: Programme, tmp_path):
    early = [("corrections", corrections(correction(replace(home_of(COUPLE), block="7-7-7"))), NEXT)]
    early += [("corrections", corrections(correction(replace(home_of(COUPLE), block="8-8-8"))), LATER)]
    added = [
        replace(home_of(QUIET), no=f"0000901{n}", members=(("新", "あらた", f"1999-09-0{n + 1}"),)) for n in range(2)
    ]
    early += [("additions", additions(added[0]), NEXT), ("additions", additions(added[1]), LATER)]
    parts = []
    for place, files in enumerate((early, early[::-1])):
        with july.copied(tmp_path / str(place)).entered() as programme:
            for kind, content, on in files:
                programme.ward_sends(kind, content, on)
                programme.run("intake", LAST)
            programme.run("register", LAST)
            parts.append([programme.version(name) for name in ("person", "household")] + [numbered(programme)])
    assert parts[0] == parts[1]
    assert {row["block"] for row in parts[0][0] if row["household_no"] == COUPLE} == {"8-8-8"}


def test_a_revision_that_drops_too_many_closes_the_gate(july: Programme):
    july.ward_sends("households", households(without(LATE, QUIET, MOVER)), NEXT)
    july.run("intake", NEXT)
    with pytest.raises(GateClosed):
        july.run("register", NEXT)


def test_a_revised_corrections_file_keeps_what_it_leaves_out_until_a_person_lets_it_go(july: Programme):
    sends(july, NEXT, corrections=corrections(correction(home_of(SINGLE), "削除"), correction(home_of(FAMILY), "削除")))
    smaller = replace(home_of(THREE), members=home_of(THREE).members[:2])
    kept = corrections(correction(home_of(FAMILY), "削除"), correction(smaller))
    revision(july, "corrections_20260722_01_r2", kept, LATER)
    assert (state(july, SINGLE), asked()) == (("deleted", "error"), [("removed", SINGLE, "")])
    assert household(july, THREE)["members"] == 2
    answers(july, "remove", LAST)
    assert (state(july, SINGLE), state(july, FAMILY), asked()) == (("live", None), ("deleted", "error"), [])


def test_before_publication_the_highest_revision_takes_the_place_of_the_others(july: Programme):
    gone = [corrections(correction(home_of(number), "削除")) for number in (SINGLE, FAMILY)]
    for place, name in enumerate(("corrections_20260722_01_r2", "corrections_20260722_01")):
        drop(july.inbox("lgwan"), f"{name}.csv.pgp", sealed(gone[place]))
    july.run("intake", NEXT)
    july.run("register", NEXT)
    assert (state(july, SINGLE), state(july, FAMILY), asked()) == (("deleted", "error"), ("live", None), [])


def test_a_household_that_a_later_revision_names_again_is_in_question_no_more(july: Programme):
    revision(july, "households_20260721_01_r2", households(without(LATE)), NEXT)
    assert asked() == [("removed", LATE, "")]
    revision(july, "households_20260721_01_r3", households([*without(LATE), home_of(LATE), EXTRA]), LATER)
    assert (asked(), state(july, EXTRA.no)) == ([], ("live", None))
