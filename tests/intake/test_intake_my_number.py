"""特定個人情報 never gets in: by the name of a column, or by what a column without a known name holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.contract.model import Layout
from todoke.errors import FileRefused
from todoke.intake.my_number import is_my_number, refuse

LAYOUT = Layout(required={"世帯番号": "household_no"}, optional={"備考": "note"})


def with_check_digit(body: str) -> str:
    """As the ordinance words it: P_n is the nth digit of the body from the right, Q_n is n + 1, from 7 on n - 5."""
    total = sum(int(digit) * (n + 1 if n <= 6 else n - 5) for n, digit in enumerate(reversed(body), 1))
    return body + str(0 if total % 11 <= 1 else 11 - total % 11)


bodies = st.text("0123456789", min_size=11, max_size=11)


@given(bodies)
def test_of_ten_check_digits_exactly_one_is_right(body):
    right = with_check_digit(body)
    assert [body + str(digit) for digit in range(10) if is_my_number(body + str(digit))] == [right]


@given(bodies)
def test_width_and_blanks_do_not_hide_a_number(body):
    number = with_check_digit(body)
    assert is_my_number(f"{number[:4]} {number[4:8]}-{number[8:]}")
    assert is_my_number(number.translate({ord(str(n)): chr(ord("０") + n) for n in range(10)}))


@given(st.text(max_size=20))
def test_any_text_is_judged_without_a_crash(text):
    assert is_my_number(text) in (True, False)


def payload(tmp_path: Path, header: str, *rows: str, encoding: str = "cp932") -> Path:
    file = tmp_path / "payload"
    file.write_bytes("".join(f"{line}\r\n" for line in (header, *rows)).encode(encoding))
    return file


@pytest.mark.parametrize(
    "name",
    [
        "個人番号",
        " 世帯主個人番号",
        "マイナンバー",
        "ﾏｲﾅﾝﾊﾞｰ",
        "MyNumber",
        "ＭＹ ＮＵＭＢＥＲ",
        "kojin_bango",
        "特定個人情報",
    ],
)
@pytest.mark.parametrize("layout", [LAYOUT, None])
def test_a_header_that_names_it_is_refused_even_with_empty_cells(tmp_path, name, layout):
    with pytest.raises(FileRefused, match="2列目") as refused:
        refuse(payload(tmp_path, f"世帯番号,{name}", "0001,"), layout, "a.csv")
    assert refused.value.reason == "my_number"


@pytest.mark.parametrize("encoding", ["cp932", "utf-8-sig"])
def test_a_nameless_column_of_such_numbers_is_refused_and_nothing_of_it_is_shown(tmp_path, encoding):
    numbers = [with_check_digit(f"{n:011d}") for n in range(1, 21)]
    rows = [f"{n:04d},{number if n % 3 else ''},x" for n, number in enumerate(numbers)]
    with pytest.raises(FileRefused) as refused:
        refuse(payload(tmp_path, "世帯番号,整理番号,その他", *rows, encoding=encoding), LAYOUT, "a.csv")
    assert "2列目" in str(refused.value) and "整理" not in str(refused.value)
    assert not any(number in str(refused.value) for number in numbers)


def test_one_row_is_enough(tmp_path):
    with pytest.raises(FileRefused):
        refuse(payload(tmp_path, "世帯番号,整理番号", f"1,{with_check_digit('12345678901')}"), LAYOUT, "a.csv")


def test_household_numbers_of_twelve_digits_are_no_individual_numbers(tmp_path):
    numbers = [with_check_digit(f"{n:011d}") for n in range(50)]
    refuse(payload(tmp_path, "世帯番号,備考", *(f"{number},{number}" for number in numbers)), LAYOUT, "a.csv")


def test_other_numbers_of_twelve_digits_pass_in_a_column_without_a_known_name(tmp_path):
    rows = [f"{n},{n:012d}" for n in range(1, 2001)]
    assert sum(is_my_number(row.split(",")[1]) for row in rows) > 100  # by chance
    refuse(payload(tmp_path, "世帯番号,通し番号", *rows), LAYOUT, "a.csv")


def test_files_of_other_senders_are_judged_by_their_headers_alone(tmp_path):
    refuse(payload(tmp_path, "出荷番号,送り状番号", f"G1,{with_check_digit('12345678901')}"), None, "a.csv")


@given(st.binary(max_size=300))
def test_what_is_no_readable_file_is_left_to_the_reader(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("fuzz") / "payload"
    file.write_bytes(content)
    try:
        refuse(file, LAYOUT, "a.csv")
    except FileRefused as refused:
        assert refused.reason == "my_number"
