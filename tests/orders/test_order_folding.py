"""Two spellings of one name or postal code are one."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.orders.folding import delivery_postals, fold_column, fold_kana, fold_postal, kana_keys

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
    assert {tuple(row.values()) for row in kana_keys(person).to_pylist()} == {("1", "ヤマタロウ"), ("1", "ヤマハナ")}


def test_a_delivery_postal_code_is_compared_as_a_cards_is() -> None:
    instruction = pa.table(
        {"household_no": ["1", "2"], "postal_code": ["１５２－０００１", None], "method": ["別住所", ""]}
    )
    assert delivery_postals(instruction)["postal_code"].to_pylist() == ["1520001", None]
