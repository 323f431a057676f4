from __future__ import annotations

import re
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_quality_findings import GAIJI, MISTAKES, REFERENCE, SMALL_POSTAL, check
from ward_rows import Row, household, table

from todoke.errors import GateClosed
from todoke.quality.docs import quality_page
from todoke.quality.findings import accepted_rows
from todoke.quality.frame import suite_frame
from todoke.quality.suites import SuiteResult, agree, gate, run_suite

_MESS = {
    "household_no": ["1", "2", "3", "4X", ""],
    "household_size": ["1", "2", "3", "x"],
    "member_no": ["1", "2", "3", "x", "", None],
    "relationship": ["世帯主", "子", "", None],
    "member_name": ["一", "　", "\ue000", "\ue002"],
    "head_name": ["一", "二", ""],
    "member_kana": ["いち", "", "1", "ｲﾁ ー"],
    "postal_code": ["1530063", "153-0063", "1530061", "999", ""],
    "town": ["目黒", "目黒1丁目", "中目黒", "", "目黒本町"],
    "block": ["1", "", "　"],
    "birth_date": ["1990-01-01", "R8.6.2", "x", "", None],
    "change_kind": ["更新", None],
}
_ROWS = st.lists(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in _MESS.items()}), max_size=14)


def suite(rows: pa.Table, found: pa.Table, **options: object) -> SuiteResult:
    frame = suite_frame(rows, found, postal=SMALL_POSTAL, gaiji=GAIJI, reference_date=REFERENCE, **options)
    return run_suite("households", frame)


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
    landed = suite(rows, found)
    assert agree(landed, found) == []
    assert not landed.success
    with pytest.raises(GateClosed):
        gate(landed)
    kept = accepted_rows(rows, found)
    accepted = suite(kept, found)
    assert accepted.rows == kept.num_rows == 2
    gate(accepted)


def test_a_finding_too_many_or_too_few_is_a_disagreement():
    rows = everything_wrong()
    found = check(rows)
    result = suite(rows, found)
    assert agree(result, found.slice(1))
    assert agree(result, pa.concat_tables([found, found.slice(0, 1)]))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_ROWS, st.booleans())
def test_rules_and_suite_agree_on_any_rows(mess, known):
    rows = table(household("9", 2), [household("0", 1)[0] | row for row in mess])
    options = {"registered": pa.table({"household_no": ["2"]})} if known else {}
    found = check(rows, **options)
    assert agree(suite(rows, found, **options), found) == []
    gate(suite(accepted_rows(rows, found), found, **options))


def test_results_and_page_hold_no_value_of_a_record_and_refer_to_nothing():
    rows = everything_wrong()
    found = check(rows)
    landed, accepted = suite(rows, found), suite(accepted_rows(rows, found), found)
    page = quality_page(
        landed, accepted, found, rows_in=rows.num_rows, contract_name="試験", on=date(2026, 7, 21)
    ).decode()
    shown = page + repr(landed)
    for text in ("目黒花子", "せたい", "世帯9", "1丁目1番1号", "1987-02-30", "別人"):
        assert text not in shown
    assert not re.search(r"https?:|//|src=|href=|url\(", page)
    assert "隔離した行" in page
    assert "世帯の重複" in page
