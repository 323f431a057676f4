from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ward_rows import Row, household, table

from todoke.contract.layout import Layout
from todoke.intake.layouts import read_layout
from todoke.model.codes import Finding
from todoke.quality.findings import (
    EXPLAINS,
    RULES,
    Reference,
    accepted,
    accepted_rows,
    by_reason,
    findings,
    quarantined_households,
)
from todoke.quality.frame import suite_frame
from todoke.quality.postal import postal_table
from todoke.quality.suites import agree, run_suite
from todoke.store.engine import Engine
from todoke.store.schema import QUARANTINE, WARD_ROW

GAIJI = frozenset("\ue000\ue001")
REFERENCE = date(2026, 6, 1)
SMALL_POSTAL = pa.table(
    {"postal_code": ["1530063", "1530061", "1530000", "1520002"], "town": ["目黒", "中目黒", "", "目黒本町"]}
)
REFERENCES = Reference(SMALL_POSTAL, GAIJI, REFERENCE)
Spoil = Callable[[list[Row]], object]


def check(rows: pa.Table, **options: object) -> pa.Table:
    with Engine() as engine:
        return findings(engine, rows, REFERENCES, **options)


def reasons(rows: pa.Table, **options: object) -> list[tuple[str, str]]:
    """Distinct (household number, reason)."""
    found = check(rows, **options)
    return sorted(set(zip(found["household_no"].to_pylist(), found["reason"].to_pylist(), strict=True)))


def put(field: str, value: object, row: int | None = -1) -> Spoil:
    """Writes a value into one row, or with `row=None` into all."""

    def spoil(rows: list[Row]) -> None:
        for one in rows if row is None else [rows[row]]:
            one[field] = value

    return spoil


MISTAKES: dict[str, tuple[Finding, Spoil]] = {
    "size one too many": (Finding.SIZE_MISMATCH, put("household_size", "4", None)),
    "size one too few": (Finding.SIZE_MISMATCH, put("household_size", "2", None)),
    "size no number": (Finding.SIZE_MISMATCH, put("household_size", "三", None)),
    "size differs in one row": (Finding.SIZE_MISMATCH, put("household_size", "2")),
    "a row lost": (Finding.SIZE_MISMATCH, lambda rows: rows.pop(1)),
    "the head's row lost": (Finding.SIZE_MISMATCH, lambda rows: rows.pop(0)),
    "no head": (Finding.HEAD_MISSING, put("relationship", "同居人", 0)),
    "two heads": (Finding.HEAD_TWICE, put("relationship", "世帯主")),
    "gap in the numbers": (Finding.MEMBER_NO_GAP, put("member_no", "4")),
    "a number twice": (Finding.MEMBER_NO_GAP, put("member_no", "2")),
    "a number that is none": (Finding.MEMBER_NO_GAP, put("member_no", "x")),
    "the household twice": (Finding.HOUSEHOLD_DUPLICATE, lambda rows: rows.extend([{**row} for row in rows])),
    "one row twice": (Finding.HOUSEHOLD_DUPLICATE, lambda rows: rows.append({**rows[0]})),
    "unknown postal code": (Finding.POSTAL_CODE_UNKNOWN, put("postal_code", "9999999", None)),
    "postal code of six digits": (Finding.POSTAL_CODE_UNKNOWN, put("postal_code", "153006")),
    "no postal code": (Finding.POSTAL_CODE_UNKNOWN, put("postal_code", "", None)),
    "another town's postal code": (Finding.POSTAL_CODE_TOWN, put("postal_code", "1530061", None)),
    "a town that begins like another": (Finding.POSTAL_CODE_TOWN, put("town", "目黒本町", None)),
    "no block": (Finding.ADDRESS_MISSING, put("block", "　", None)),
    "no town in one row": (Finding.ADDRESS_MISSING, put("town", "")),
    "kana with a digit": (Finding.KANA_INVALID, put("member_kana", "せたい1")),
    "no kana": (Finding.KANA_INVALID, put("head_kana", "", None)),
    "no name": (Finding.NAME_MISSING, put("member_name", "　", 0)),
    "birth date impossible": (Finding.BIRTH_DATE_INVALID, put("birth_date", "1987-02-30")),
    "birth date of another century": (Finding.BIRTH_DATE_INVALID, put("birth_date", "1087-02-03")),
    "birth date after the reference date": (Finding.BIRTH_DATE_INVALID, put("birth_date", "R8.6.2")),
    "gaiji not in the font": (Finding.GAIJI_UNKNOWN, put("building", "コーポ\ue002", None)),
    "gaiji not in the font in one row": (Finding.GAIJI_UNKNOWN, put("member_name", "\ue757", 0)),
    "two addresses": (Finding.HOUSEHOLD_CONFLICT, put("block", "9番9号")),
    "a word for confidential that is no 1 or 0": (Finding.CONFIDENTIAL_INVALID, put("confidential", "有")),
    "confidential 01": (Finding.CONFIDENTIAL_INVALID, put("confidential", "01", None)),
    "an unknown kind of change": (Finding.CHANGE_INVALID, put("change_kind", "変更", None)),
    "two head's names": (Finding.HOUSEHOLD_CONFLICT, put("head_name", "別人")),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_one_mistake_gives_one_reason_and_takes_the_whole_household_and_no_other(name):
    reason, spoil = MISTAKES[name]
    wrong = household("20", 3)
    spoil(wrong)
    rows = table(household("10"), wrong, household("30", 1))
    found = check(rows)
    assert found.schema.equals(QUARANTINE)
    assert set(found["reason"].to_pylist()) == {str(reason)}
    assert set(found["household_no"].to_pylist()) == {"20"}
    assert set(accepted_rows(rows, found)["household_no"].to_pylist()) == {"10", "30"}


def test_sound_households_have_no_finding_whatever_the_ward_leaves_out_or_how_it_writes():
    plain = household("1", 3, member_no=None, birth_date=None, relationship=None, confidential=None)
    plain[0]["member_name"] = plain[0]["head_name"]
    for row in plain:
        row["head_name"] = plain[0]["member_name"]
    others = [
        household("2", postal_code="1530063", town="目黒二丁目"),
        household("3", head_kana="ｾﾀｲ ｲﾁ", building="メゾン\ue000"),
        household("4", postal_code="1530000", town="どこか"),
        household("5", birth_date="昭和35年4月1日"),
        household("6", birth_date=""),
    ]
    assert reasons(table(plain, *others)) == []


@pytest.mark.parametrize(("heads", "reason"), [(0, "head_missing"), (2, "head_twice")])
def test_without_relationships_the_head_is_the_member_with_the_heads_name(heads, reason):
    rows = household("1", 3, relationship=None, head_name="頭")
    for row in rows[:heads]:
        row["member_name"] = "頭"
    assert reasons(table(rows)) == [("1", reason)]


def test_a_row_without_a_household_number_is_out_and_its_text_is_not_shown():
    rows = table(household("目黒花子", 1), household("", 1), household("12345678901234567", 1), household("12X", 1))
    found = check(rows)
    assert found["reason"].to_pylist() == ["household_no_missing"] * 4
    assert found["household_no"].to_pylist() == [None, None, "12345678901234567", "12X"]
    assert accepted_rows(rows, found).num_rows == 0


def test_a_bad_row_explains_what_is_missing_in_its_household():
    rows = household("1", 3)
    rows.pop(0)
    line = {"receipt_no": "R1", "row_no": 9, "household_no": "1", "field": None, "reason": "ragged"}
    assert reasons(table(rows), bad_rows=pa.Table.from_pylist([line], QUARANTINE)) == [("1", "ragged")]


def test_two_mistakes_are_two_reasons():
    rows = household("1", 3)
    rows[0]["relationship"] = "子"
    rows[1]["birth_date"] = "x"
    assert [reason for _, reason in reasons(table(rows))] == ["birth_date_invalid", "head_missing"]


def test_an_added_household_that_is_there_already_is_a_duplicate():
    rows = table(
        household("1"),
        household("1", receipt_no="R2"),
        household("2", receipt_no="R2"),
        household("2", receipt_no="R3"),
    )
    found = check(rows, bringing={"R1": 0, "R2": 1, "R3": 2})
    assert set(found["reason"].to_pylist()) == {"household_duplicate"}
    assert quarantined_households(found).to_pylist() == [
        {"receipt_no": "R2", "household_no": "1"},
        {"receipt_no": "R3", "household_no": "2"},
    ]
    assert check(rows, bringing={"R1": 0}).num_rows == 0, "the others tell of changes"


def test_only_who_was_taken_has_been_brought():
    """A household that is in quarantine for whatever reason, or that the ward did not want, may be sent again."""
    spoilt = [[{**row, "receipt_no": "R1"} for row in household(no, 3)] for no in "123"]
    for rows, mistake in zip(spoilt, ("no block", "size one too many", "one row twice"), strict=True):
        MISTAKES[mistake][1](rows)
    again = [household(no, 3, receipt_no="R2") for no in "12345"]
    rows = table(*spoilt, household("4"), household("5"), *again, household("1", 3, receipt_no="R3"))
    unwanted = {"receipt_no": "R1", "row_no": 11, "household_no": "4", "field": None, "reason": "not_wanted"}
    unread = unwanted | {"row_no": 99, "household_no": "1", "reason": "ragged"}
    bringing = {"R1": 0, "R2": 1, "R3": 2}

    def duplicates(**options: object) -> list[tuple[str, str]]:
        found = check(rows, bringing=bringing, bad_rows=pa.Table.from_pylist([unwanted, unread], QUARANTINE), **options)
        duplicate = found.filter(pc.equal(found["reason"], "household_duplicate"))
        return [(row["receipt_no"], row["household_no"]) for row in duplicate.to_pylist()]

    assert duplicates() == [("R1", "3"), ("R2", "5"), ("R3", "1")]
    published = pa.chunked_array([["2", "1"]])
    assert duplicates(published=published) == [("R1", "3"), ("R2", "1"), ("R2", "2"), ("R2", "5"), ("R3", "1")]


def test_each_file_is_judged_by_itself():
    second = household("1", receipt_no="R2")
    second[0]["block"] = ""
    rows = table(household("1"), second)
    found = check(rows)
    assert quarantined_households(found).to_pylist() == [{"receipt_no": "R2", "household_no": "1"}]
    assert set(accepted_rows(rows, found)["receipt_no"].to_pylist()) == {"R1"}


def test_a_change_may_tell_of_a_birth_after_the_reference_date():
    rows = household("1", changed_on="2026-08-01", change_kind="更新", change_reason="その他")
    rows[1]["birth_date"] = "2026-07-15"
    assert reasons(table(rows)) == []
    rows[1]["birth_date"] = "2026-08-15"
    assert reasons(table(rows)) == [("1", "birth_date_invalid")]


@pytest.mark.parametrize("text", ["1", "0", "", "１", "０", " 1\u3000", "\u3000", None])
def test_confidential_is_said_in_any_width_and_with_any_blanks(text):
    assert reasons(table(household("1", confidential=text))) == []


@pytest.mark.parametrize(
    ("kind", "reason", "day", "field"),
    [
        ("更新", "誤り", "", None),
        ("削除", "死亡", "R8.7.1", None),
        ("変更", "誤り", "", "change_kind"),
        ("更新", "転居 ", "2026-07-01", None),
        ("更新", "\u3000誤り\u3000", "", None),
        ("更新", "\u3000", "2026-07-01", "change_reason"),
        ("更新", None, "2026-07-01", "change_reason"),
        ("更新", "転居", "", "changed_on"),
        ("更新", "転居", "2026-02-30", "changed_on"),
        ("更新", "誤り", "きのう", "changed_on"),
    ],
)
def test_a_change_that_cannot_be_carried_out_names_its_first_wrong_field(kind, reason, day, field):
    found = check(table(household("1", 2, change_kind=kind, change_reason=reason, changed_on=day)))
    assert found["field"].to_pylist() == [field] * (2 if field else 0)
    assert set(found["reason"].to_pylist()) == ({"change_invalid"} if field else set())


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from([None, *MISTAKES])), min_size=1, max_size=12))
def test_rows_in_are_accepted_plus_those_of_quarantined_households(plan):
    homes = []
    for number, (size, mistake) in enumerate(plan):
        rows = household(str(100 + number), 3 if mistake else size)
        if mistake:
            MISTAKES[mistake][1](rows)
        homes.append(rows)
    rows = table(*homes)
    found = check(rows)
    out = set(quarantined_households(found)["household_no"].to_pylist())
    assert out == {str(100 + n) for n, (_, mistake) in enumerate(plan) if mistake}
    kept = accepted_rows(rows, found)
    assert kept.num_rows == sum(len(home) for home, (_, mistake) in zip(homes, plan, strict=True) if not mistake)
    assert {reason for _, mistake in plan if mistake for reason in [MISTAKES[mistake][0]]} == set(by_reason(found))


def test_what_explains_what_is_closed_so_that_an_explanation_is_always_reported():
    for reason, explained in EXPLAINS.items():
        assert reason not in explained
        for other in explained:
            assert set(EXPLAINS.get(other, ())) <= set(explained)


def test_the_towns_of_a_few_codes_are_those_of_the_whole_country():
    few = postal_table(pa.chunked_array([["153-0063", "1520000", "1010065", "", None, "153"]]))
    whole = {tuple(place.values()) for place in postal_table().to_pylist()}
    assert {tuple(place.values()) for place in few.to_pylist()} == {
        place for place in whole if place[0] in ("1530063", "1520000", "1010065")
    }


def test_the_whole_country_is_there_with_the_27_towns_of_meguro():
    towns = {(place["postal_code"], place["town"]) for place in postal_table().to_pylist()}
    assert len(towns) > 120_000
    assert {("1530063", "目黒"), ("1520002", "目黒本町"), ("1520000", "")} <= towns


def test_in_a_wide_file_members_close_up_over_empty_columns_and_a_household_of_nobody_is_set_aside():
    """A gap between the columns is no gap in the household; columns that are not all empty are somebody."""
    fields = ("member_name", "member_kana", "relationship")
    once = ("household_no", "head_name", "head_kana", "postal_code", "town", "block", "household_size")
    layout = Layout.model_validate(
        {
            "required": {name: name for name in once},
            "members": {"most": 3, "required": {f"{{n}}{f}": f for f in fields}},
        }
    )
    header = [*once, *(f"{n}{field}" for n in (1, 2, 3) for field in fields)]
    head, child, nobody = ("甲　一", "こう　いち", "世帯主"), ("甲　二", "こう　に", "子"), ("", "　", "")
    home = ("甲　一", "こう　いち", "1530063", "目黒", "1-1")
    rows = [
        ("1", *home, "2", *head, *nobody, *child),
        ("2", *home, "1", *nobody, *nobody, *head),
        ("3", *home, "0", *nobody, *nobody, *nobody),
        ("4", *home, "1", *nobody, *nobody, *nobody),
        ("5", *home, "2", *head, *("", "", "子"), *nobody),
        ("6", *home, "3", *head, *nobody, *child),
    ]
    raw = "".join(",".join(row) + "\r\n" for row in (header, *rows)).encode("cp932")
    landed = pa.Table.from_batches(read_layout(io.BytesIO(raw), layout, WARD_ROW, "R1"), WARD_ROW)
    numbers = zip(*(landed[name].to_pylist() for name in ("household_no", "member_no")), strict=True)
    assert list(numbers)[:3] == [("1", "1"), ("1", "2"), ("2", "1")]
    assert [pair for pair in reasons(landed) if pair[1] in ("name_missing", "size_mismatch", "member_no_gap")] == [
        *(("3", "name_missing"), ("3", "size_mismatch"), ("4", "name_missing"), ("5", "name_missing")),
        ("6", "size_mismatch"),
    ]
    assert set(accepted_rows(landed, check(landed))["household_no"].to_pylist()) == {"1", "2"}


def test_a_town_may_stand_behind_its_own_city_and_prefecture_and_behind_no_others():
    whole = ("目黒", "目黒区目黒", "東京都目黒区目黒", "東京都目黒区目黒二丁目", "目黒区目黒1丁目")
    wrong = (
        "品川区目黒",
        "東京都目黒",
        "目黒区中目黒",
        "東京都目黒区",
        "目黒区目黒本町",
        "神奈川県目黒区目黒",
        "区目黒",
    )
    homes = [household(str(no), postal_code="1530063", town=town) for no, town in enumerate((*whole, *wrong))]
    rows = table(*homes, household("99", postal_code="1520000", town="東京都目黒区どこか"))
    reference = Reference(postal_table(rows["postal_code"]), GAIJI, REFERENCE)
    with Engine() as engine:
        found = findings(engine, rows, reference)
    assert set(found["reason"].to_pylist()) == {"postal_code_town"}
    aside = sorted({int(no) for no in found["household_no"].to_pylist()})
    assert aside == list(range(len(whole), len(whole) + len(wrong)))
    taken = accepted(rows, found)
    frame = suite_frame(rows, found, reference, accepted=taken, points_per_member=3000)
    agree(run_suite("households", frame), found, RULES)
