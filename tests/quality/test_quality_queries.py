"""What the ward is asked about its quarantine, and what its answers change: exactly the cells that they name."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st
from ward_rows import household, table

from todoke.contract import loader
from todoke.contract.layout import Layout
from todoke.intake.numbers import READ_AS, household_number
from todoke.quality.queries import HOUSEHOLD_WIDE, Sent, SentFile, corrected, heading, items, with_rejected
from todoke.store.schema import QUARANTINE, QUERY_ANSWER

LONG = loader.load("gift").layouts["households"]
WIDE = Layout.model_validate(
    {
        "required": {"世帯番号": "household_no", "世帯人数": "household_size"},
        "members": {"most": 3, "required": {"世帯員{n}氏名": "member_name", "世帯員{n}氏名かな": "member_kana"}},
    }
)
ROWS = table(household("1001", 3), household("1002", 2), household("1003", 1, receipt_no="R2"))
FIELDS = ("postal_code", "block", "household_size", "member_name", "member_kana", "birth_date")


def finding(row_no: int, number: str | None, field: str | None, reason: str, receipt: str = "R1") -> dict[str, object]:
    return {"receipt_no": receipt, "row_no": row_no, "household_no": number, "field": field, "reason": reason}


def asked(
    lines: list[dict[str, object]],
    layout: Layout = LONG,
    answers: list[dict[str, object]] | None = None,
    sent: Sent | None = None,
):
    said = pa.Table.from_pylist(answers or [], QUERY_ANSWER)
    files = {"R1": SentFile("households_20260721_01.csv", layout)}
    return items(pa.Table.from_pylist(lines, QUARANTINE), files, said, sent or {}, lambda *told: "/".join(told))


def test_a_households_field_is_asked_once_and_a_members_for_each_row():
    lines = [finding(row, "1001", "postal_code", "postal_code_unknown") for row in (1, 2, 3)]
    lines += [finding(row, "1001", "member_kana", "kana_invalid") for row in (1, 2)]
    lines.append(finding(1, "1003", "block", "address_missing", receipt="of another file"))
    assert [(item.row_no, item.heading) for item in asked(lines)] == [
        (1, "郵便番号"),
        (1, "世帯員氏名かな"),
        (2, "世帯員氏名かな"),
    ]


def test_only_what_another_value_mends_can_be_corrected():
    lines = [finding(1, "1001", "household_size", "size_mismatch"), finding(2, None, None, "ragged")]
    lines += [
        finding(3, "1001", "household_no", "household_duplicate"),
        finding(4, "1001", "member_no", "member_no_gap"),
    ]
    assert [item.correctable for item in asked(lines)] == [True, False, False, False]


def test_in_the_wide_form_a_members_cell_has_no_row_of_its_own():
    lines = [finding(1, "1001", "member_kana", "kana_invalid"), finding(1, "1001", "household_size", "size_mismatch")]
    assert [(item.heading, item.correctable) for item in asked(lines, WIDE)] == [
        ("世帯員○氏名かな", False),
        ("世帯人数", True),
    ]
    assert heading(WIDE, "extra") == ""


def test_another_version_of_an_item_follows_from_asking_again_alone():
    lines = [finding(1, "1001", "block", "address_missing"), finding(4, "1002", "block", "address_missing")]
    first, other = asked(lines)
    again = {"item_no": first.item_no, "decision": "ask_again", "receipt_no": "R1", "household_no": "1001"}
    second, same = asked(lines, answers=[again])
    assert (second.item_no, second.round, same) == (first.item_no, 2, other)
    assert second.digest != first.digest
    rejected = again | {"decision": "reject"}
    assert asked(lines, answers=[rejected]) == [other]


def answer(row: int, field: str, value: str) -> dict[str, object]:
    at = ROWS.slice(row, 1).to_pylist()[0]
    place = {name: at[name] for name in ("receipt_no", "row_no", "household_no")}
    return {**place, "field": field, "decision": "correct", "value": value}


@given(st.lists(st.tuples(st.integers(0, ROWS.num_rows - 1), st.sampled_from(FIELDS), st.text(max_size=4)), max_size=6))
def test_a_correction_changes_the_cells_that_it_names_and_no_other(corrections: list[tuple[int, str, str]]):
    expected = ROWS.to_pylist()
    for row, field, value in corrections:
        at = expected[row]
        for other in expected:
            same = ("receipt_no", "household_no") if field in HOUSEHOLD_WIDE else ("receipt_no", "row_no")
            if all(other[name] == at[name] for name in same):
                other[field] = READ_AS.get(field, str)(value)
    answers = pa.Table.from_pylist([answer(*each) for each in corrections], QUERY_ANSWER)
    assert corrected(ROWS, answers).to_pylist() == expected


def test_a_number_that_the_ward_answers_may_be_written_in_any_way():
    said = [answer(0, "postal_code", "〒１５３－００６１"), answer(3, "household_size", "２ 人")]
    rows = corrected(ROWS, pa.Table.from_pylist(said, QUERY_ANSWER))
    assert rows["postal_code"].to_pylist()[:3] == ["1530061"] * 3
    assert rows["household_size"].to_pylist()[3:5] == ["2", "2"]


@given(st.lists(st.sampled_from(["1", "2", "３", " ４"]), min_size=1, max_size=5), st.booleans())
def test_a_number_that_is_put_right_again_and_again_is_the_last_one_and_no_other_households(numbers, then_a_block):
    answers, now = [], "1002"
    for number in numbers:
        said = finding(4, now, "household_no", "unknown_household")
        answers.append({**said, "decision": "correct", "value": number})
        now = household_number(number)
    if then_a_block:
        answers.append({**finding(4, now, "block", "address_missing"), "decision": "correct", "value": "9番"})
    found = corrected(ROWS, pa.Table.from_pylist(answers, QUERY_ANSWER)).to_pylist()
    expected = ROWS.to_pylist()
    for row in expected:
        if row["household_no"] == "1002":
            row |= {"household_no": now} | ({"block": "9番"} if then_a_block else {})
    assert found == expected


def test_a_rejected_household_has_a_line_of_its_own_once():
    found = pa.Table.from_pylist([finding(1, "1001", "block", "address_missing")], QUARANTINE)
    rejected = [answer(0, field, "") | {"decision": "reject"} for field in ("block", "postal_code")]
    rejected += [{**answer(0, "block", ""), "decision": "reject", "receipt_no": "of another file"}]
    whole = with_rejected(found, ROWS, pa.Table.from_pylist(rejected, QUERY_ANSWER))
    assert whole["reason"].to_pylist() == ["address_missing", "not_wanted"]
    assert pc.unique(whole["household_no"]).to_pylist() == ["1001"]
    assert with_rejected(found, ROWS, QUERY_ANSWER.empty_table()) == found
