"""Two spellings of one name, postal code or date are one."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.orders.folding import fold_column, fold_digits, fold_kana, fold_postal, kana_keys
from todoke.orders.japanese_dates import parse_date

KANA = st.text("ヤマモトショウタッャガパヴーｶﾞｰｼｮっょがぱ -　‐", max_size=12)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("ﾔﾏﾓﾄ ｼｮｳﾀ", "やまもと　しょうた"),
        ("ｶﾞﾄｰ ﾊﾟﾋﾞ", "ガトー　パビ"),
        ("カ゛トー", "ガトー"),
        ("か\u3099", "ガ"),
        ("ハットリ", "ハツトリ"),
        ("ミヤケ", "ミャヶ"),
        ("ワタナベ", "ヮタナベ"),
        ("サトー", "サト-"),
        ("サトー", "サト―"),
        ("サト－", "サト"),
        ("ゔぃ", "ヴイ"),
        ("Ａｎｎ", "ANN"),
    ],
)
def test_spellings_of_one_name_have_one_key(left: str, right: str) -> None:
    assert fold_kana(left) == fold_kana(right)


@pytest.mark.parametrize(
    ("left", "right"), [("カトウ", "ガトウ"), ("ハト", "パト"), ("サトウ", "サトオ"), ("ア", "イ")]
)
def test_different_names_have_different_keys(left: str, right: str) -> None:
    assert fold_kana(left) != fold_kana(right)


@given(KANA)
def test_folding_a_key_changes_nothing(name: str) -> None:
    assert fold_kana(fold_kana(name)) == fold_kana(name)


@pytest.mark.parametrize("text", ["153-8573", "１５３－８５７３", "〒153‐8573", " 1538573", "153ー8573"])
def test_a_postal_code_is_its_digits(text: str) -> None:
    assert fold_postal(text) == "1538573"


def test_a_number_loses_width_spaces_and_hyphens_only() -> None:
    assert fold_digits("１２ ３４-５６‐a") == "123456a"


def test_columns_keep_nulls_and_chunks() -> None:
    column = pa.chunked_array([["ﾔﾏ", None, "ヤマ"], ["や ま"], []], pa.string())
    assert fold_column(column, fold_kana).to_pylist() == ["ヤマ", None, "ヤマ", "ヤマ"]
    assert fold_column(pa.chunked_array([], pa.string()), fold_kana).to_pylist() == []


def test_a_household_is_known_by_the_kana_of_every_member_and_of_the_head() -> None:
    person = pa.table(
        {
            "household_no": ["1", "1", "2"],
            "member_kana": ["やま はな", "やま たろう", None],
            "head_kana": ["ヤマ タロウ", "ヤマ タロウ", "ー"],
        }
    )
    assert sorted(map(tuple, (row.values() for row in kana_keys(person).to_pylist()))) == [
        ("1", "ヤマタロウ"),
        ("1", "ヤマハナ"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-01",
        "2026/6/1",
        "20260601",
        "R8.6.1",
        "r08.06.01",
        "令和8年6月1日",
        "令和８年６月１日",
        "２０２６／６／１",
    ],
)
def test_every_form_of_a_date_is_the_same_day(text: str) -> None:
    assert parse_date(text) == date(2026, 6, 1)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("令和元年5月1日", date(2019, 5, 1)),
        ("H31.4.30", date(2019, 4, 30)),
        ("H31.5.1", None),
        ("昭和64年1月7日", date(1989, 1, 7)),
        ("昭和64年1月8日", None),
        ("T15.12.24", date(1926, 12, 24)),
        ("明治45年7月29日", date(1912, 7, 29)),
        ("2026-02-29", None),
        ("2026-06", None),
        ("2026-0601", None),
        ("6/1/2026", None),
        ("R8/6/1", None),
        ("", None),
    ],
)
def test_a_day_that_does_not_exist_is_none(text: str, day: date | None) -> None:
    assert parse_date(text) == day
