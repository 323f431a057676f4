"""特定個人情報 never gets in: by the name of a column, or by what a column without a known name holds."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.contract.model import Layout
from todoke.errors import FileRefused
from todoke.intake.my_number import is_my_number, refuse, refuse_workbook

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
        '"個人\n　番号"',
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
    number = with_check_digit("12345678901")
    for cell in (number, f'="{number}"'):
        with pytest.raises(FileRefused):
            refuse(payload(tmp_path, "世帯番号,整理番号", f"1,{cell}"), LAYOUT, "a.csv")


def test_household_numbers_of_twelve_digits_are_no_individual_numbers(tmp_path):
    layout = Layout(required={"世帯番号": "household_no"}, optional={"旧世帯番号": "former_household_no"})
    numbers = [with_check_digit(f"{n:011d}") for n in range(50)]
    for header in ("世帯番号,旧世帯番号", '"世帯\n番号",旧 世帯番号'):
        refuse(payload(tmp_path, header, *(f"{number},{number}" for number in numbers)), layout, "a.csv")


WORDS = ["{}", "{} 確認済", "番号：{}", '"{}\n（写）"']


@pytest.mark.parametrize("form", WORDS)
@pytest.mark.parametrize("encoding", ["cp932", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("width", [{}, {48 + n: 0xFF10 + n for n in range(10)}], ids=["narrow", "wide"])
def test_such_numbers_in_a_column_that_the_layout_knows_are_refused(tmp_path, form, encoding, width):
    numbers = [with_check_digit(f"{n * 7919:011d}") for n in range(1, 4)]
    told = [f"{number[:4]}-{number[4:8]} {number[8:]}".translate(width) for number in numbers]
    rows = [f"{n},{form.format(number)}" for n, number in enumerate(told)]
    blank = [f"{n},転入" for n in range(1000)]
    layout = LAYOUT.model_copy(update={"encoding": "cp932" if encoding == "cp932" else "utf-8-sig"})
    with pytest.raises(FileRefused, match="2列目") as refused:
        refuse(payload(tmp_path, "世帯番号,備考", *blank, *rows, *blank, encoding=encoding), layout, "a.csv")
    assert refused.value.reason == "my_number"


def test_two_such_numbers_among_notes_may_be_chance_but_not_beside_their_name(tmp_path):
    number = with_check_digit("12345678901")
    refuse(payload(tmp_path, "世帯番号,備考", *[f"1,受付 {number}"] * 2, "2,転入"), LAYOUT, "a.csv")
    with pytest.raises(FileRefused):
        refuse(payload(tmp_path, "世帯番号,備考", f"1,個人番号 {number}", "2,転入"), LAYOUT, "a.csv")
    refuse(payload(tmp_path, "世帯番号,備考", "1,個人番号は不要", "2,個人番号 123456789012"), LAYOUT, "a.csv")


@given(st.lists(st.integers(0, 10**12 - 1), min_size=20, max_size=200, unique=True))
def test_ordinary_numbers_of_twelve_digits_in_notes_pass(tmp_path_factory, numbers):
    """Telephone numbers with their country, receipt numbers by the day: one of ten is right by chance."""
    folder = tmp_path_factory.mktemp("numbers")
    right = sum(is_my_number(f"{number:012d}") for number in numbers)
    notes = [f"{n},{number:012d}" for n, number in enumerate(numbers)]
    try:
        refuse(payload(folder, "世帯番号,備考", *notes), LAYOUT, "a.csv")
    except FileRefused:
        assert 5 * right >= 4 * len(numbers)
    else:
        assert 5 * right < 4 * len(numbers)


def test_thirteen_digits_and_dates_in_a_row_are_no_individual_numbers(tmp_path):
    rows = [f"{n},{with_check_digit(f'{n:011d}')}7" for n in range(1, 50)]
    refuse(payload(tmp_path, "世帯番号,備考", *rows, *["1,2026-07-21 2026-07-22"] * 9), LAYOUT, "a.csv")


@pytest.mark.parametrize("written", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("read", ["utf-8-sig", "cp932"])
@pytest.mark.parametrize("name", ["個人番号", "番号"])
def test_a_file_in_another_code_than_the_layouts_is_looked_at_all_the_same(tmp_path, written, read, name):
    """It will be refused for its code, but its original would be kept."""
    layout = LAYOUT.model_copy(update={"encoding": read})
    rows = [f"{n},{with_check_digit(f'{n:011d}')}" for n in range(1, 9)]
    with pytest.raises(FileRefused) as refused:
        refuse(payload(tmp_path, f"世帯番号,{name}", *rows, encoding=written), layout, "a.csv")
    assert refused.value.reason == "my_number"


def test_the_first_look_at_the_bytes_misses_no_number_wherever_it_stands(tmp_path):
    number = with_check_digit("98765432109")
    wide = "　".join(number.translate({48 + n: 0xFF10 + n for n in range(10)}))
    filled = ("1," + "あ" * 30 + "\r\n").encode("cp932")
    for place in range(0, 128, 7):
        file = tmp_path / "payload"
        head = "世帯番号,備考\r\n".encode("cp932") + b"1," + b"x" * place + b"\r\n" + filled * ((1 << 14) - 3)
        assert 0 <= (1 << 20) - len(head) < 200  # the first piece that is read ends before, within or behind the number
        file.write_bytes(head + f"2,個人番号 {wide}\r\n".encode("cp932"))
        with pytest.raises(FileRefused):
            refuse(file, LAYOUT, "a.csv")


def workbook(path: Path, *rows: tuple[object, ...]) -> Path:
    book = openpyxl.Workbook()
    other = book.create_sheet("控え")
    for row in rows:
        other.append(row)
    book.save(path)
    return path


NUMBER = with_check_digit("12345678901")


@pytest.mark.parametrize(
    "rows",
    [
        [("世帯番号", "個人番号"), ("1", int(NUMBER))],
        [("世帯番号", "備考"), ("1", f"マイナンバー {NUMBER}")],
        [("世帯番号", "備考"), *[("1", with_check_digit(f"{n:011d}")) for n in range(1, 5)]],
    ],
)
def test_such_numbers_in_a_cell_of_any_sheet_of_a_workbook_are_refused(tmp_path: Path, rows):
    with pytest.raises(FileRefused, match="2列目") as refused:
        refuse_workbook(workbook(tmp_path / "payload", *rows), "a.xlsx")
    assert refused.value.reason == "my_number" and NUMBER not in str(refused.value)


def test_a_workbook_that_holds_none_or_is_none_passes(tmp_path: Path):
    rows = [(f"{n:012d}", "個人番号は不要です", 1.5, None) for n in range(100)]
    refuse_workbook(workbook(tmp_path / "a.xlsx", ("世帯番号", "備考"), *rows), "a.xlsx")
    (tmp_path / "b.xlsx").write_bytes(b"none")
    refuse_workbook(tmp_path / "b.xlsx", "b.xlsx")


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
