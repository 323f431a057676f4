"""Whoever the ward numbers anew, renames or makes the head: nobody becomes another person by it."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from ward_rows import Row, household, table

from todoke.register.build import Readdress, build
from todoke.store.schema import READDRESS_ROW

REFERENCE = date(2026, 6, 1)
LATE = {"receipt_no": "C1", "change_kind": "更新", "change_reason": "その他", "changed_on": "2026-07-01"}


def after(base: list[Row], sent: list[Row]) -> list[dict]:
    """The members after a change by an event after the reference date, by their number of before."""
    changed = [row | LATE for row in sent]
    return build(table(base), [table(changed)], None, REFERENCE).person.to_pylist()


def anew(rows: list[Row], order: list[int], head: int) -> list[Row]:
    """The same persons in another order, numbered by it; `head`: who is the head now, by the place of before."""
    name = {"head_name": rows[head]["member_name"], "head_kana": rows[head]["member_kana"]}
    return [
        rows[place] | name | {"member_no": str(number), "relationship": "世帯主" if place == head else "子"}
        for number, place in enumerate(order, 1)
    ]


def under_another_number(base: list[Row], sent: list[Row]) -> list[dict]:
    """The members after a late event has the ward delete the household and send it under another number."""
    gone = [row | LATE | {"change_kind": "削除"} for row in base]
    new = [row | LATE | {"receipt_no": "C2", "change_kind": "追加", "household_no": "9"} for row in sent]
    told = table([row | {"former_household_no": "1", "block": "9丁目9番9号"} for row in new])
    return build(table(base), [table(gone), told], None, REFERENCE).person.to_pylist()


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_a_successor_by_a_late_event_makes_the_head_whom_the_ward_names_and_nobody_another_person(data):
    size = data.draw(st.integers(1, 4))
    rows = household("1", size)
    for row in rows:
        row["birth_date"] = data.draw(st.sampled_from([row["birth_date"], ""]))
    order = data.draw(st.permutations(range(size)))
    head = data.draw(st.integers(0, size - 1))
    staying = order[: data.draw(st.integers(1, size))]
    head = head if head in staying else staying[0]
    found = under_another_number(rows, anew(rows, staying, head))
    assert [(row["household_no"], row["member_name"]) for row in found] == [("1", row["member_name"]) for row in rows]
    assert [place for place, row in enumerate(found) if row["is_head"]] == [head]
    assert {(row["head_name"], row["block"]) for row in found} == {(rows[head]["member_name"], "9丁目9番9号")}


@settings(deadline=None, max_examples=15)
@given(st.sampled_from(["1", "5", "9"]), st.booleans(), st.booleans())
def test_an_address_found_for_any_number_of_a_household_is_the_households_until_a_later_file(number, late, first):
    base, kind = household("1", 2), {} if late else {"changed_on": "2026-05-01"}
    chain = [("1", "5", "C"), ("5", "9", "D")]
    files = []
    for old, new, receipt in chain:
        gone = {"household_no": old, "change_kind": "削除", "block": f"{old}番"}
        told = {"household_no": new, "former_household_no": old, "change_kind": "追加", "block": f"{new}番"}
        sent = [row | LATE | kind | {"receipt_no": receipt} for row in base]
        files.append(table([row | gone for row in sent], [row | told for row in sent]))
    address = {"postal_code": "153-0064", "town": "下目黒", "block": "8番", "building": ""}
    row = {"receipt_no": "A", "row_no": 1, "household_no": number, **address}
    found = Readdress(pa.Table.from_pylist([row], READDRESS_ROW))
    made = build(table(base), [found, *files] if first else [*files, found], None, REFERENCE)
    assert {row["household_no"] for row in made.person.to_pylist()} == {"1"}
    assert {row["block"] for row in made.person.to_pylist()} == ({"9番"} if first else {"8番"})
    assert [row["household_no"] for row in made.alias.to_pylist()] == ["1", "5", "9"]


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_household_numbered_anew_keeps_who_is_who(data):
    size = data.draw(st.integers(1, 5))
    rows = household("1", size)
    for row in rows:
        row["birth_date"] = data.draw(st.sampled_from([row["birth_date"], rows[0]["birth_date"], ""]))
    order = data.draw(st.permutations(range(size)))
    head = data.draw(st.integers(0, size - 1))
    sent = anew(rows, order, head)
    renamed = data.draw(st.none() | st.integers(0, size - 1))
    if renamed is not None:
        other = sent[order.index(renamed)]
        other |= {"member_name": "改姓　新", "member_kana": "かいせい　あらた"}
    found = after(rows, sent)
    assert [row["member_no"] for row in found] == list(range(1, size + 1))
    for place, (before, now) in enumerate(zip(rows, found, strict=True)):
        own = (before["member_name"], before["member_kana"])
        assert (now["member_name"], now["member_kana"]) in (
            {own, ("改姓　新", "かいせい　あらた")} if place == renamed else {own}
        )
    born = {str(row["birth_date"] or "") for row in rows}
    before_dates = [str(row["birth_date"]) or None for row in rows]
    assert [row["birth_date"] and str(row["birth_date"]) for row in found] == before_dates
    heads = [place for place, row in enumerate(found) if row["is_head"]]
    assert len(heads) == 1
    if head != renamed:
        assert heads == [head]
    assert {row["head_name"] for row in found} == {rows[head]["member_name"]}
    if renamed is not None and len(born) == size and "" not in born:
        assert found[renamed]["member_name"] == "改姓　新", "another person of that day is not there"


def test_a_name_written_in_another_way_is_the_same_persons():
    rows = household("1", 3, birth_date="")
    sent = anew(rows, [2, 0, 1], 1)
    sent[0] |= {"member_kana": "ｾﾀｲ ﾐﾂ", "member_name": "世帯1 三"}
    found = after(rows, sent)
    assert [row["member_name"] for row in found] == ["世帯1　一", "世帯1　二", "世帯1 三"]
    assert [row["is_head"] for row in found] == [False, True, False]


def test_numbers_tell_who_was_renamed_only_where_nobody_elses_has_changed():
    rows = household("1", 3, birth_date="")
    other = {"member_name": "改姓　新", "member_kana": "かいせい　あらた"}
    same = anew(rows, [0, 1, 2], 0)
    same[1] |= other
    assert after(rows, same)[1]["member_name"] == "改姓　新"
    moved = anew(rows, [2, 1, 0], 0)
    moved[1] |= other
    assert after(rows, moved)[1]["member_name"] == rows[1]["member_name"]


def test_a_new_head_who_was_not_there_on_the_reference_date_is_none_of_the_members():
    rows = household("1", 2)
    new = household("1", 3)[2] | {"relationship": "世帯主"}
    sent = [{**row, "relationship": "子"} for row in rows] + [new]
    name = {"head_name": new["member_name"], "head_kana": new["member_kana"]}
    found = after(rows, [row | name | {"household_size": "3"} for row in sent])
    assert [(row["member_name"], row["is_head"]) for row in found] == [("世帯1　一", True), ("世帯1　二", False)]
    assert {row["head_name"] for row in found} == {"世帯1　三"}
