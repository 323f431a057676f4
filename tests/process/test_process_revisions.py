"""Revisions correct what was published and take nothing back by themselves; the order of arrival does not matter."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    stop,
)
from small_ward import (
    COUPLE,
    FAMILY,
    GOOD,
    INSTRUCTION_HEADER,
    INSTRUCTIONS,
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
    table,
    without,
)

from todoke.errors import GateClosed
from todoke.process import register_answers
from todoke.process.addresses import delivery_addresses
from todoke.process.register_rebuild import rebuilt
from todoke.process.ward_files import FileName, counting
from todoke.process.workspace import Workspace

NEXT, LATER, LAST = date(2026, 7, 22), date(2026, 7, 23), date(2026, 7, 24)
LABELS = date(2026, 9, 7)
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
        with july.copied(tmp_path / str(place)) as programme, programme.entered():
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


def test_a_revision_that_gave_way_before_anybody_saw_it_has_brought_nobody(july: Programme):
    other = replace(home_of(QUIET), no="00009007", members=(("旧", "きゅう", "1998-08-08"),))
    never = replace(home_of(QUIET), no="00009008", members=(("無", "む", "1997-07-07"),))
    for name, homes in (("additions_20260722_01", (other, EXTRA, never)), ("additions_20260722_01_r2", (other,))):
        drop(july.inbox("lgwan"), f"{name}.csv.pgp", sealed(additions(*homes)))
        july.run("intake", NEXT)
    sends(july, NEXT, stop=stop(EXTRA.no))
    lines = {(row["household_no"], row["reason"]) for row in july.version("quarantine")}
    assert (EXTRA.no, "unknown_household") in lines
    sends(july, LATER, additions=additions(EXTRA))
    aside = {row["household_no"] for row in july.version("quarantine")}
    assert (state(july, EXTRA.no), EXTRA.no in aside) == (("held", "stopped"), False)
    assert state(july, other.no) == ("live", None)
    assert {"differs"}.isdisjoint(rebuilt("gift", 3).values())
    july.run("labels", LABELS)
    july.answer()
    july.run("labels", LABELS)
    closed = july.control("labels")[0]
    assert (closed["households"], closed["quarantined"], closed["ward_households"]) == (14, 1, 15)


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), max_size=4), max_size=5))
def test_of_a_file_that_nobody_saw_the_highest_revision_alone_counts(arrivals):
    """`arrivals`: what came between two publications: which file, and which revision of it."""
    names: dict[str, FileName] = {}
    versions: list[list[str]] = []
    for came in arrivals:
        for file, number in came:
            group = ("additions", file, 1)
            no = str(len(names))
            names[no] = FileName("20260722", ord(file), number, len(names), no, group, NEXT)
        versions.append(list(names))
    said = counting(versions, names)
    flat = [no for each in said for no in each]
    assert len(flat) == len(set(flat))
    for here, version in zip(said, versions, strict=True):
        last = {
            group: max(names[no] for no in version if names[no].group == group)
            for group in {names[no].group for no in version}
        }
        assert {names[no] for no in here} == set(last.values()) - {names[no] for no in flat if no not in here}


def test_a_household_that_a_later_revision_names_again_is_in_question_no_more(july: Programme):
    revision(july, "households_20260721_01_r2", households(without(LATE)), NEXT)
    assert asked() == [("removed", LATE, "")]
    revision(july, "households_20260721_01_r3", households([*without(LATE), home_of(LATE), EXTRA]), LATER)
    assert (asked(), state(july, EXTRA.no)) == ([], ("live", None))


def instructed(*numbers: str) -> bytes:
    return table(INSTRUCTION_HEADER, [(number, *INSTRUCTIONS[0][1:]) for number in numbers])


def goes_to(programme: Programme, number: str) -> str | None:
    """The postal code to which a household's parcels go."""
    with programme.ledger.read() as tx:
        heads = programme.ledger.heads(tx)
    rows = delivery_addresses(Workspace.open("gift", LAST), heads).to_pylist()
    return next((row["postal_code"] for row in rows if row["household_no"] == number), None)


@pytest.mark.parametrize("name", ["special_delivery_20260722_01_r1", "special_delivery_20260722_01"])
def test_who_is_left_out_of_a_published_special_delivery_stays_confidential_until_a_person_lets_go(
    july: Programme, name: str
):
    sends(july, NEXT, special_delivery=instructed(COUPLE))
    said = revision(july, name, instructed(SINGLE), LATER)
    assert (asked(), said["questions"]) == ([("removed", COUPLE, "")], 1)
    assert (household(july, COUPLE)["confidential"], household(july, SINGLE)["confidential"]) == (True, True)
    assert goes_to(july, COUPLE) == INSTRUCTIONS[0][2]
    again = rebuilt("gift", max(row["number"] for row in july.rows("dataset_version", dataset="register")))
    assert set(again.values()) - {again["receipts"]} == {"same"}
    answers(july, "remove", LAST)
    assert (household(july, COUPLE)["confidential"], asked()) == (False, [])
    assert goes_to(july, COUPLE) == home_of(COUPLE).postal_code


@pytest.mark.parametrize("name", ["stop_20260722_01_r1", "stop_20260722_01"])
def test_who_is_left_out_of_a_published_stop_list_stays_held_until_a_person_lets_go(july: Programme, name: str):
    sends(july, NEXT, stop=stop(COUPLE, SINGLE))
    resumed = next(row for row in register_answers.questions("gift") if row["household_no"] == SINGLE)
    register_answers.answer("gift", resumed["question_id"], "resume", "admin")
    revision(july, name, stop(FAMILY), LATER)
    assert [state(july, no) for no in (COUPLE, FAMILY)] == [("held", "stopped")] * 2
    assert state(july, SINGLE) == ("live", None)
    assert [row for row in asked() if row[0] == "removed"] == [("removed", COUPLE, "")]
    removed = next(row for row in register_answers.questions("gift") if row["kind"] == "removed")
    register_answers.answer("gift", removed["question_id"], "remove", "admin")
    july.run("register", LAST)
    assert (state(july, COUPLE), asked()) == (("live", None), [("stopped", FAMILY, "")])


def test_what_no_register_had_been_made_from_gives_way_to_the_revision_for_good(july: Programme):
    for day, name, number in ((NEXT, "special_delivery_20260722_01", COUPLE), (LATER, "stop_20260722_01", COUPLE)):
        for ending, content in (("", number), ("_r1", SINGLE)):
            made = stop(content) if name.startswith("stop") else instructed(content)
            drop(july.inbox("lgwan"), f"{name}{ending}.csv.pgp", sealed(made))
            july.run("intake", day)
    for ending, number in (("", FAMILY), ("_r1", THREE)):
        gone = corrections(correction(home_of(number), "削除"))
        drop(july.inbox("lgwan"), f"corrections_20260722_01{ending}.csv.pgp", sealed(gone))
        july.run("intake", LATER)
    july.run("register", LATER)
    # another version, so that these states have been published
    sends(
        july,
        LAST,
        stop=stop(QUIET),
        special_delivery=instructed(QUIET),
        corrections=corrections(correction(home_of(MOVER))),
    )
    assert (state(july, COUPLE), household(july, COUPLE)["confidential"]) == (("live", None), False)
    assert (state(july, FAMILY), state(july, THREE)) == (("live", None), ("deleted", "error"))
    assert asked() == [("stopped", SINGLE, ""), ("stopped", QUIET, "")]


def test_a_stop_holds_again_after_a_resumption_and_a_mistaken_resumption_is_taken_back(july: Programme):
    sends(july, NEXT, stop=stop(SINGLE))
    first = register_answers.questions("gift")[0]["question_id"]
    answers(july, "resume", NEXT)
    assert state(july, SINGLE) == ("live", None)
    assert register_answers.answer("gift", first, "hold", "op07") == {"recorded": 1}
    july.run("register", LATER)
    assert (state(july, SINGLE), asked()) == (("held", "stopped"), [("stopped", SINGLE, "")])
    answers(july, "resume", LATER)
    assert [row["verdict"] for row in july.version("register_answer")] == ["resume", "hold", "resume"]
    assert state(july, SINGLE) == ("live", None)
    july.ward_sends("stop", stop(SINGLE), LAST)
    assert july.run("intake", LAST)["receive"]["accepted_files"] == 1
    july.run("register", LAST)
    assert (state(july, SINGLE), asked()) == (("held", "stopped"), [("stopped", SINGLE, "")])
    july.ward_sends("stop", stop(SINGLE), LAST)
    assert july.run("intake", LAST)["receive"]["repeats"] == 1


def test_instructions_with_the_content_of_earlier_ones_count_anew_under_another_date(july: Programme):
    sends(july, NEXT, special_delivery=instructed(COUPLE))
    elsewhere = table(INSTRUCTION_HEADER, [(COUPLE, "局留", "1000001", *INSTRUCTIONS[0][3:])])
    sends(july, LATER, special_delivery=elsewhere)
    assert goes_to(july, COUPLE) == "1000001"
    sends(july, LAST, special_delivery=instructed(COUPLE))
    assert goes_to(july, COUPLE) == INSTRUCTIONS[0][2]


_BLOCKS = ("7-7-7", "8-8-8")


@pytest.mark.parametrize(
    "names",
    [
        ("20260722_01", "20260722_01", "20260722_01"),
        ("20260722_01", "20260723_01", "20260722_01"),
        ("20260722_01", "20260723_01", "20260724_01"),
        ("20260723_01", "20260722_01", "20260722_02"),
    ],
    ids=["one name", "the first name again", "later names", "the newer first"],
)
def test_an_older_content_that_a_person_wants_again_counts_last_whatever_its_name(july: Programme, names):
    a, b = (corrections(correction(replace(home_of(COUPLE), block=block))) for block in _BLOCKS)
    for day, name, content in zip((NEXT, LATER, LAST), names, (a, b, a), strict=True):
        drop(july.inbox("lgwan"), f"corrections_{name}.csv.pgp", sealed(content))
        july.run("intake", day)
        july.run("register", day)
    waits = july.rows("receipt", state="waiting")
    if waits:
        assert "より後のものとして扱います" in july.rows("approval_request")[-1]["body"]
        july.answer()
        july.run("intake", LAST)
        july.run("register", LAST)
    assert {row["block"] for row in july.version("person") if row["household_no"] == COUPLE} == {_BLOCKS[0]}


def test_a_content_sent_under_a_later_name_than_what_counts_waits_though_it_arrived_last(july: Programme):
    a, b = (corrections(correction(replace(home_of(COUPLE), block=block))) for block in _BLOCKS)
    for name, content in (("20260723_01", b), ("20260722_01", a), ("20260724_01", a)):
        drop(july.inbox("lgwan"), f"corrections_{name}.csv.pgp", sealed(content))
        said = july.run("intake", LAST)["receive"]
    assert said["waiting"] == 1
