"""Who is in question: persons in two households, successors, stops, revisions – and what an answer makes of them."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from ward_rows import Row, household, table

from todoke.errors import GateClosed
from todoke.model.codes import VERDICTS, Question
from todoke.register.build import Register, Revision, build
from todoke.register.succession import aliases, under_identity
from todoke.store.schema import REGISTER_ANSWER, STOP_ROW

REFERENCE = date(2026, 6, 1)
BEFORE, AFTER = "2026-05-20", "2026-07-01"


def change(no: str, kind: str, reason: str = "誤り", on: str = AFTER, **row: object) -> list[Row]:
    said: Row = {"receipt_no": "C1", "change_kind": kind, "change_reason": reason, "changed_on": on, **row}
    return household(no, int(said.pop("size", 2)), **said)


def like(rows: list[Row], of: str, place: bool = True, former: str | None = None) -> list[Row]:
    """The rows with the members of household `of`, at its address or at another one."""
    others = household(of, len(rows))
    moved = {} if place else {"block": "9丁目9番9号"}
    return [
        {**row, "birth_date": other["birth_date"], "former_household_no": former, **moved}
        for row, other in zip(rows, others, strict=True)
    ]


def answer(kind: str, no: str, other: str | None, verdict: str, receipt: str | None = None) -> pa.Table:
    row = {"kind": kind, "household_no": no, "other_no": other, "receipt_no": receipt, "verdict": verdict}
    return pa.Table.from_pylist([row], REGISTER_ANSWER)


def states(register: Register) -> dict[str, tuple[str, str | None]]:
    rows = register.household.to_pylist()
    return {row["household_no"]: (row["state"], row["state_reason"]) for row in rows}


def asked(register: Register) -> list[tuple[str, str, str | None]]:
    return [(row["kind"], row["household_no"], row["other_no"]) for row in register.question.to_pylist()]


def test_every_question_has_its_answers():
    assert set(VERDICTS) == set(Question)


@pytest.mark.parametrize("kana", ["せたい　いち", "ｾﾀｲ ｲﾁ", "セタイイチ"])
def test_a_person_in_two_live_households_of_one_file_holds_both_and_is_asked_once(kana: str):
    rows = like(household("2", 1), "1")
    rows[0]["member_kana"] = kana
    made = build(table(household("1", 1), rows, household("3")), [], None, REFERENCE)
    assert states(made) == {"1": ("held", "person_twice"), "2": ("held", "person_twice"), "3": ("live", None)}
    assert asked(made) == [("person_twice", "1", "2")]
    for pair in (("1", "2"), ("2", "1")):
        said = answer("person_twice", *pair, "different")
        again = build(table(household("1", 1), rows, household("3")), [], None, REFERENCE, answers=said)
        assert {state for state, _ in states(again).values()} == {"live"}


def test_a_person_without_a_birth_date_is_nobody_that_could_be_found_again():
    rows = [household("1", 1, birth_date=None), household("2", 1, birth_date="")]
    made = build(table(*rows), [], None, REFERENCE)
    assert {state for state, _ in states(made).values()} == {"live"}


def test_a_member_that_a_correction_brings_holds_the_household_that_it_comes_to():
    grown = change("1", "更新", size=3)
    grown[2] |= {"birth_date": household("2")[0]["birth_date"], "member_kana": household("2")[0]["member_kana"]}
    made = build(table(household("1"), household("2")), [table(grown)], None, REFERENCE)
    assert states(made) == {"1": ("held", "person_twice"), "2": ("live", None)}


@pytest.mark.parametrize(
    ("place", "former", "expected"),
    [
        (True, None, [("same_household", "9", "1")]),
        (True, "1", [("same_household", "9", "1")]),
        (False, None, []),
        (False, "1", []),
        (False, "77", []),
    ],
)
def test_a_deleted_and_an_added_household_with_a_member_and_an_address_in_common_wait(place, former, expected):
    base, added = table(household("1"), household("2")), like(household("9", receipt_no="R2"), "1", place, former)
    made = build(pa.concat_tables([base, table(added)]), [table(change("1", "削除"))], None, REFERENCE)
    assert asked(made) == expected
    if expected:
        assert states(made)["9"] == ("held", "same_household")
    elif former == "1":
        assert "9" not in states(made)  # it stands under the number of its predecessor
        assert {r["household_no"]: r["ward_no"] for r in made.household.to_pylist()}["1"] == "9"
        assert states(made)["1"] == ("live", None)
    else:
        assert states(made)["9"] == ("live", None)


def test_households_of_the_base_file_are_nobodys_successors():
    made = build(table(household("1"), like(household("2"), "1")), [table(change("1", "削除"))], None, REFERENCE)
    assert (asked(made), states(made)["2"]) == ([], ("live", None))


def test_a_chain_of_successors_stands_under_its_first_number():
    base = pa.concat_tables(
        [
            table(household("1"), household("5")),
            table(like(household("2", receipt_no="R2"), "1", False, "1")),
            table(like(household("3", receipt_no="R3"), "1", former="2")),
        ]
    )
    gone = table(change("1", "削除", block="9丁目8番7号"), like(change("2", "削除"), "1", False))
    base = base.set_column(
        base.schema.get_field_index("town"), "town", pa.array(["下目黒"] * 4 + ["目黒"] * 2 + ["上目黒"] * 2)
    )
    made = build(base, [gone], None, REFERENCE)
    assert states(made) == {"1": ("live", None), "5": ("live", None)}
    assert {row["ward_no"] for row in made.household.to_pylist()} == {"3", "5"}
    assert {row["town"] for row in made.person.to_pylist() if row["household_no"] == "1"} == {"上目黒"}


def test_a_successor_that_is_deleted_later_is_deleted_under_its_first_number():
    base = pa.concat_tables([table(household("1")), table(like(household("2", receipt_no="R2"), "1", False, "1"))])
    later = table(like(change("2", "削除", receipt_no="C2"), "1", False))
    made = build(base, [table(change("1", "削除")), later], None, REFERENCE)
    assert states(made) == {"1": ("deleted", "error")}


def test_a_split_off_household_waits_while_the_one_it_came_from_lives():
    new = like(change("9", "追加", "分離", AFTER, size=1), "1", False, "1")
    made = build(table(household("1")), [table(new)], None, REFERENCE)
    assert states(made) == {"1": ("live", None), "9": ("held", "split")}


def test_a_merger_of_two_predecessors_is_never_decided_by_us():
    merged = like(household("9", receipt_no="R2"), "1", False, "1")
    merged[1]["former_household_no"] = "2"
    merged[1]["birth_date"] = household("2")[1]["birth_date"]
    base = pa.concat_tables([table(household("1"), household("2")), table(merged)])
    gone = table(change("1", "削除", "合併"), change("2", "削除", "合併"))
    made = build(base, [gone], None, REFERENCE)
    assert asked(made) == [("same_household", "9", "1"), ("same_household", "9", "2")]
    both = pa.concat_tables([answer("same_household", "9", no, "same") for no in "12"])
    with pytest.raises(GateClosed, match="引継ぎ"):
        build(base, [gone], None, REFERENCE, answers=both)


def test_a_stop_holds_what_is_live_and_leaves_deleted_what_is_deleted():
    stops = pa.Table.from_pylist([{"receipt_no": "S1", "household_no": no} for no in ("1", "2", "77")], STOP_ROW)
    made = build(table(household("1"), household("2")), [table(change("2", "削除"))], None, REFERENCE, stops=stops)
    assert states(made) == {"1": ("held", "stopped"), "2": ("deleted", "error")}


def revised(before: pa.Table, after: pa.Table, **options) -> Register:
    return build(before, [Revision(before, after, after["household_no"], "R2")], None, REFERENCE, **options)


def test_a_revision_changes_and_adds_and_removes_nothing_by_itself():
    before = table(household("1"), household("2"), household("3"))
    after = table(household("1", 3, receipt_no="R2"), household("3", receipt_no="R2"), household("4", receipt_no="R2"))
    made = revised(before, after)
    assert {row["household_no"]: row["members"] for row in made.household.to_pylist()} == {
        "1": 3,
        "2": 2,
        "3": 2,
        "4": 2,
    }
    assert set(states(made).values()) == {("live", None)}
    (question,) = made.question.to_pylist()
    assert (question["kind"], question["household_no"], question["receipt_no"]) == ("removed", "2", "R2")
    for verdict, state in (("remove", ("deleted", "error")), ("keep", ("live", None))):
        again = revised(before, after, answers=answer("removed", "2", None, verdict, "R2"))
        assert (states(again)["2"], asked(again)) == (state, [])


def test_a_household_whose_rows_are_in_quarantine_is_not_removed():
    before = table(household("1"), household("2"))
    after = table(household("1", receipt_no="R2"))
    named = pa.chunked_array([["1", "2"]])
    made = build(before, [Revision(before, after, named, "R2")], None, REFERENCE)
    assert (asked(made), states(made)["2"]) == ([], ("live", None))


def test_rows_about_any_number_of_a_chain_go_to_the_household():
    made = pa.table({"household_no": ["3", "2"], "other_no": ["2", "1"]})
    alias = aliases(made)
    assert [(row["household_no"], row["identity_no"], row["is_last"]) for row in alias.to_pylist()] == [
        ("1", "1", False),
        ("2", "1", False),
        ("3", "1", True),
    ]
    rows = pa.table({"household_no": ["3", "8", "2"], "note": ["a", "b", "c"]})
    assert under_identity(rows, alias)["household_no"].to_pylist() == ["1", "8", "1"]


@pytest.mark.parametrize("pairs", [[("2", "1"), ("3", "1")], [("3", "1"), ("3", "2")], [("1", "2"), ("2", "1")]])
def test_a_succession_that_cannot_be_stops_the_version(pairs):
    made = pa.table({"household_no": [a for a, _ in pairs], "other_no": [b for _, b in pairs]})
    with pytest.raises(GateClosed, match="引継ぎ"):
        aliases(made)
