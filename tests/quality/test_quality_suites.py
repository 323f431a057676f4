from __future__ import annotations

import logging
import re
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_quality_findings import MISTAKES, REFERENCES, check
from ward_rows import Row, household, table

from todoke.errors import GateClosed
from todoke.model.codes import Finding
from todoke.quality.docs import Listing, quality_page
from todoke.quality.findings import RULES, Targets, accepted, accepted_rows, by_reason
from todoke.quality.frame import suite_frame
from todoke.quality.suites import SuiteResult, agree, gate, run_suite

_BLANK = ("\u3000", "\u00a0", "\t", "\n ")
_MESS = {
    "household_no": ["1", "2", "3", "4X", "", "1\n", "2\u3000"],
    "household_size": ["1", "2", "3", "x"],
    "member_no": ["1", "2", "3", "x", "", None, *_BLANK],
    "relationship": ["世帯主", "子", "", None, "世帯主\u3000", *_BLANK],
    "member_name": ["一", "\ue000", "\ue002", *_BLANK],
    "head_name": ["一", "二", "", *_BLANK],
    "member_kana": ["いち", "", "1", "ｲﾁ ー", "いち\n", *_BLANK],
    "postal_code": ["1530063", "153-0063", "1530061", "999", ""],
    "town": ["目黒", "目黒1丁目", "中目黒", "", "目黒本町", *_BLANK],
    "block": ["1", "", "\u30001", *_BLANK],
    "receipt_no": ["R1", "R1", "R2"],
    "birth_date": ["1887-01-01", "1990-01-01", "R8.6.2", "x", "", None, *_BLANK],
    "change_kind": ["更新", "削除 ", None],
    "change_reason": ["誤り", "転居", "x", "", None, "\u3000誤り ", *_BLANK],
    "changed_on": ["2026-07-01", "x", "", None, *_BLANK],
    "confidential": ["0", "1", "１", "0\u3000", "有", "", None, *_BLANK],
}
_ROWS = st.lists(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in _MESS.items()}), max_size=14)


def suites(
    rows: pa.Table,
    found: pa.Table,
    *,
    taken: pa.BooleanArray | None = None,
    **given: object,
) -> tuple[SuiteResult, SuiteResult]:
    """Over the rows taken and over all."""
    taken = accepted(rows, found) if taken is None else taken
    frame = suite_frame(rows, found, REFERENCES, accepted=taken, points_per_member=3000, **given)
    mask = np.asarray(taken)
    over_taken = run_suite("households", frame[mask])
    return over_taken, over_taken + run_suite("households", frame[~mask])


def everything_wrong() -> pa.Table:
    homes: list[list[Row]] = [household("9", 2)]
    for number, (_, spoil) in enumerate(MISTAKES.values()):
        rows = household(str(100 + number), 3)
        spoil(rows)
        homes.append(rows)
    return table(*homes, household("目黒花子", 1))


def test_the_suite_counts_what_the_rules_put_in_quarantine_and_passes_the_rest():
    rows = everything_wrong()
    found = check(rows)
    taken, all_rows = suites(rows, found)
    agree(all_rows, found, RULES)
    assert not all_rows.success
    with pytest.raises(GateClosed):
        gate(all_rows)
    gate(taken)
    assert (taken.rows, all_rows.rows) == (2, rows.num_rows)
    assert {check.reason for check in all_rows.checks if check.unexpected} == {
        str(rule) for rule in RULES if rule is not Finding.UNKNOWN_HOUSEHOLD
    }


def test_the_suite_over_two_parts_is_the_suite_over_all_rows():
    rows = everything_wrong()
    found = check(rows)
    frame = suite_frame(rows, found, REFERENCES, accepted=accepted(rows, found), points_per_member=3000)
    assert suites(rows, found)[1] == run_suite("households", frame)


def test_a_finding_too_many_or_too_few_is_a_disagreement_that_names_the_reason_and_both_counts():
    rows = everything_wrong()
    found = check(rows)
    result = suites(rows, found)[1]
    label = Finding(found["reason"][0].as_py()).label
    for other, counts in ((found.slice(1), (1, 0)), (pa.concat_tables([found, found.slice(0, 1)]), (1, 2))):
        with pytest.raises(GateClosed) as closed:
            agree(result, other, RULES)
        lines = by_reason(found)[Finding(found["reason"][0].as_py())][1]
        assert f"{label}: 品質検査 {lines}件、規則 {lines + counts[1] - counts[0]}件" in str(closed.value)


def test_a_household_of_which_a_row_was_lost_on_the_way_closes_the_gate():
    rows = table(household("1", 3), household("2", 1))
    found = check(rows)
    lost = pa.array([True, False, True, True])
    with pytest.raises(GateClosed, match="全員そろっている（1件）"):
        gate(suites(rows, found, taken=lost)[0])


def test_a_part_without_rows_passes_where_the_whole_has_some():
    """Whether nothing taken may be published is asked of a person, or the drift gate says it."""
    rows = table(household("1", 2, block=""))
    taken, all_rows = suites(rows, check(rows))
    with pytest.raises(GateClosed, match="行がある"):
        gate(taken)
    gate(taken.within(all_rows))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    _ROWS,
    st.sampled_from([{}, {"R1": 0, "R2": 1}, {"R1": 1, "R2": 0}, {"R1": 0, "R2": 0}]),
    st.lists(st.sampled_from(["1", "2", "x"]), max_size=2),
)
def test_rules_and_suite_agree_on_any_rows(mess, bringing, before):
    published = pa.chunked_array([before], pa.string())
    rows = table(household("9", 2), [household("0", 1)[0] | row for row in mess])
    known = pa.table({"household_no": ["1", "2"], "place": pa.array([-1, 1], pa.int32())})
    targets = Targets({"R2": 0}, known, Targets.none().notices)
    given = {"bringing": bringing, "published": published, "targets": targets}
    found = check(rows, **given)
    taken, all_rows = suites(rows, found, **given)
    agree(all_rows, found, RULES)
    gate(taken)


_SAME_IN_ALL_ROWS = {
    **{"head_name": "世帯7　一", "head_kana": "せたい　いち", "block": "1", "building": ""},
    **{"change_reason": "転居", "changed_on": "2026-07-01"},
}
_PADDING = st.sampled_from(["", " ", "\u3000"])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_blanks_around_a_value_are_no_conflict_within_a_household_and_another_value_is(data):
    rows = household("7", 3, change_kind="更新", **_SAME_IN_ALL_ROWS)
    for row, field in ((row, field) for row in rows for field in _SAME_IN_ALL_ROWS):
        row[field] = data.draw(_PADDING) + str(row[field]) + data.draw(_PADDING)
    other = data.draw(st.sampled_from([None, "block", "building", "change_reason"]))
    if other:
        rows[1][other] = "誤り" if other == "change_reason" else "2"
    found = check(table(household("9", 2), rows))
    assert found["reason"].to_pylist() == (["household_conflict"] if other else [])
    taken, all_rows = suites(table(household("9", 2), rows), found)
    agree(all_rows, found, RULES)
    gate(taken)


_SOUND_OR_NOT = st.tuples(st.sampled_from(["R1", "R2", "R3"]), st.sampled_from("123"), st.booleans(), st.booleans())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_SOUND_OR_NOT, max_size=9, unique_by=lambda sent: sent[:2]), st.sampled_from(["", "1", "3"]))
def test_rules_and_suite_agree_on_who_was_taken_before(sent, before):
    """The first sound one of a household is taken, whatever came before, unless it has been published."""
    homes = [household(no, 2, receipt_no=file, block="" if bad else "1") for file, no, bad, _ in sent]
    for rows, (*_, twice) in zip(homes, sent, strict=True):
        rows.extend([{**rows[0]}] if twice else [])
    rows = table(household("9", 1), *homes)
    given = {"bringing": {"R1": 0, "R2": 1, "R3": 2}, "published": pa.chunked_array([[before]])}
    found = check(rows, **given)
    taken, all_rows = suites(rows, found, **given)
    agree(all_rows, found, RULES)
    gate(taken)
    sound = sorted((no, file) for file, no, bad, twice in sent if not bad and not twice)
    first = {no: file for no, file in reversed(sound) if file == "R1" or no != before}
    kept = {(row["household_no"], row["receipt_no"]) for row in accepted_rows(rows, found).to_pylist()}
    assert kept == {*first.items(), ("9", "R1")}


def test_a_suite_that_cannot_be_run_closes_the_gate_without_a_value():
    rows = table(household("1", 2))
    frame = suite_frame(rows, check(rows), REFERENCES, accepted=pa.array([True] * 2), points_per_member=3000)
    with pytest.raises(GateClosed) as closed:
        run_suite("households", frame.drop(columns="block"))
    assert "世帯1" not in str(closed.value)
    assert closed.value.__cause__ is None


def test_results_and_page_hold_no_value_of_a_record_and_refer_to_nothing():
    rows = everything_wrong()
    found = check(rows)
    taken, all_rows = suites(rows, found)
    page = quality_page(
        taken,
        landed=all_rows,
        counts={"受領した行": rows.num_rows, "隔離した行": rows.num_rows - taken.rows},
        listings=[
            Listing(
                "隔離の理由",
                ("理由", "世帯"),
                [(reason.label, homes) for reason, (homes, _) in by_reason(found).items()],
                empty="",
            )
        ],
        contract_name="試験",
        on=date(2026, 7, 21),
    ).decode()
    shown = page + repr(all_rows)
    values = {
        str(value) for name in rows.column_names for value in rows[name].to_pylist() if value and name != "row_no"
    }
    telling = {value for value in values if len(value) > 3}
    assert len(telling) > 30
    assert {value for value in telling if value in shown} == set()
    assert not re.search(r"https?:|//|src=|href=|url\(", page)
    assert "隔離した行" in page
    assert "世帯の重複" in page


def test_great_expectations_is_heard_from_a_warning_on(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        suites(rows := table(household("1", 2)), check(rows))
        assert not [record for record in caplog.records if record.name.startswith("great_expectations")]
        logging.getLogger("great_expectations.data_context.types.base").warning("heard")
    assert [record.message for record in caplog.records][-1:] == ["heard"]


@pytest.mark.parametrize("blank", ["\u3000", "\u00a0", "\t", "\n", " \u3000"])
def test_rules_and_suite_mean_the_same_by_a_blank(blank):
    """A program of a ward that writes a full-width blank for nothing must not stop a whole register."""
    no_relationship = household("1", 2, relationship=blank)
    no_relationship[0]["member_name"] = no_relationship[0]["head_name"]
    no_number = household("2", 2, member_no=blank)
    padded = household("3", 2)
    padded[0]["relationship"] = f"世帯主{blank}"
    fields = ("block", "town", "member_name", "head_name", "member_kana")
    missing = [household(str(10 + place), 1, **{field: blank}) for place, field in enumerate(fields)]
    rows = table(no_relationship, no_number, padded, household(f"4{blank}", 1), *missing)
    found = check(rows)
    taken, all_rows = suites(rows, found)
    agree(all_rows, found, RULES)
    gate(taken)
    assert set(found["household_no"].to_pylist()) == {None, "10", "11", "12", "13", "14"}
    assert taken.rows == 6
