from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.intake.numbers import READ_AS, household_number, household_size, in_one_writing, member_number, postal_code

_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


@given(st.from_regex(r"[0-9]{1,15}", fullmatch=True), st.data())
def test_a_household_number_is_the_same_in_any_width_and_with_any_blanks(number, data):
    places = data.draw(st.lists(st.tuples(st.integers(0, len(number)), st.sampled_from(" 　\t")), max_size=4))
    sent = data.draw(st.sampled_from([number, number.translate(_WIDE)]))
    for place, blank in places:
        sent = sent[:place] + blank + sent[place:]
    assert household_number(sent) == number


@pytest.mark.parametrize("sent", ["153-0061", "1530061"])
def test_a_postal_code_in_the_usual_writing_stays_as_it_is(sent):
    assert postal_code(sent) == sent


@given(
    st.sampled_from(["", "〒", "〒 ", "　"]),
    st.sampled_from(["", " ", "-", "－", "ー", "‐", "−", "―", "ｰ", "–", " － "]),
    st.booleans(),
    st.sampled_from(["", " ", "　"]),
)
def test_a_postal_code_is_the_same_with_its_mark_and_any_hyphen(mark, hyphen, wide, end):
    sent = f"{mark}153{hyphen}0061{end}"
    assert postal_code(sent.translate(_WIDE) if wide else sent).replace("-", "") == "1530061"


@given(st.text(st.sampled_from("0１ー-人世〒 ①²٣a"), max_size=9))
def test_what_is_no_number_in_any_writing_stays_as_it_was_sent(text):
    for read in READ_AS.values():
        assert read(text) == text or read(text).isdecimal()
        assert read(read(text)) == read(text)
    assert read is not None


def test_a_size_may_be_followed_by_what_it_counts_and_a_members_number_may_not():
    assert [household_size(text) for text in ("2人", "１２ 名", "02", "2.0", "人", "２世帯")] == [
        *("2", "12", "02", "2.0", "人", "２世帯")
    ]
    assert [member_number(text) for text in (" ０１ ", "2人", "")] == ["01", "2人", ""]


def test_a_column_keeps_its_rows_and_what_was_not_sent():
    column = pa.array(["００1", None, "x", "", "001", "００1"])
    assert in_one_writing("household_no", column).to_pylist() == ["001", None, "x", "", "001", "001"]
    assert in_one_writing("building", column) is column
    assert in_one_writing("member_no", pa.nulls(2, pa.string())).to_pylist() == [None, None]
