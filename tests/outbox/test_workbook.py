from __future__ import annotations

import io
import time
import zipfile
from datetime import date, datetime
from decimal import Decimal

import msoffcrypto
import openpyxl
import pyarrow as pa
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from todoke.errors import TodokeError
from todoke.outbox.workbook import Chart, Column, Sheet, render

ROWS = pa.table(
    {
        "code": ["0012", '=HYPERLINK("http://example.jp")', "A&B\u0001"],
        "count": pa.array([1200, None, 3], pa.int64()),
        "day": pa.array([date(2026, 11, 2), None, date(2026, 11, 4)]),
        "moment": pa.array([datetime.fromisoformat("2026-11-02 09:30"), None, None], pa.timestamp("us")),
        "done": [True, False, None],
        "sum": [Decimal(7), None, Decimal("1.5")],
    }
)
COLUMNS = (
    Column("code", "コード", 14),
    Column("count", "件数", 10, total=True, group="実績", null="＊"),
    Column("day", "日付", 12, group="実績"),
    Column("moment", "日時", 18),
    Column("done", "済", 6),
    Column("sum", "計", 6, "0.0"),
    Column("answer", "決定", 10, fill_in=True, choices=("承認", "却下")),
)
CHART = Chart("column", "日別の件数", "code", (("count", "件数"),))


def book(sheets: list[Sheet] | None = None, password: str | None = None) -> bytes:
    return render(
        sheets or [Sheet("一覧", COLUMNS, ROWS, ("注記",), CHART, filter=True)],
        title="報告書",
        subtitle="事業",
        password=password,
    )


def opened(content: bytes) -> Worksheet:
    return openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]


def test_text_never_becomes_a_formula_or_a_number():
    page = opened(book())
    assert [(page.cell(row, 1).value, page.cell(row, 1).data_type) for row in (6, 7)] == [
        ("0012", "s"),
        ('=HYPERLINK("http://example.jp")', "s"),
    ]
    xml = zipfile.ZipFile(io.BytesIO(book())).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in xml and "<hyperlink" not in xml


def test_values_keep_their_type_and_missing_ones_their_mark():
    page = opened(book())
    assert [page.cell(row, 2).value for row in (6, 7, 8, 9)] == [1200, "＊", 3, 1203]
    assert page.cell(6, 3).value == datetime.fromisoformat("2026-11-02")
    assert page.cell(6, 4).value == datetime.fromisoformat("2026-11-02 09:30")
    assert [page.cell(row, 5).value for row in (6, 7)] == ["○", ""]
    assert [page.cell(row, 6).value for row in (6, 7, 8)] == [7, None, 1.5]
    assert (page.cell(9, 1).value, page.cell(10, 1).value) == ("合計", "注記")


def test_headings_are_grouped_frozen_and_repeated_on_every_page():
    page = opened(book())
    assert (page["B4"].value, page["B5"].value, page["C5"].value) == ("実績", "件数", "日付")
    assert {str(merged) for merged in page.merged_cells.ranges} == {
        "A4:A5",
        "B4:C4",
        "D4:D5",
        "E4:E5",
        "F4:F5",
        "G4:G5",
    }
    assert page.freeze_panes == "B6"
    assert page.print_title_rows == "$4:$5"


def test_it_prints_on_a4_with_page_numbers():
    page = opened(book())
    assert (page.page_setup.paperSize, page.page_setup.fitToHeight) == (9, None)
    assert page.sheet_properties.pageSetUpPr.fitToPage
    assert page.oddFooter.center.text == "&P / &N ページ"
    wide = opened(book([Sheet("広い", (Column("code", "コード", 120),), ROWS)]))
    assert (wide.page_setup.orientation, wide.page_setup.fitToHeight) == ("landscape", 0)


def test_cells_to_fill_in_offer_the_choices():
    rule = opened(book()).data_validations.dataValidation[0]
    assert (str(rule.sqref), rule.formula1) == ("G6:G8", '"承認,却下"')


def test_the_chart_is_native_and_names_its_cells():
    chart = zipfile.ZipFile(io.BytesIO(book())).read("xl/charts/chart1.xml").decode()
    assert "日別の件数" in chart and "'一覧'!$B$6:$B$8" in chart.replace("一覧!", "'一覧'!")


def test_equal_input_gives_equal_bytes_at_any_time():
    plain, sealed = book(), book(password="秘密のことば")
    time.sleep(1.1)
    assert (book(), book(password="秘密のことば")) == (plain, sealed)


def test_a_password_seals_and_only_that_password_opens():
    sealed = book(password="秘密のことば")
    assert not zipfile.is_zipfile(io.BytesIO(sealed))
    file = msoffcrypto.OfficeFile(io.BytesIO(sealed))
    file.load_key(password="秘密のことば", verify_password=True)
    plain = io.BytesIO()
    file.decrypt(plain, verify_integrity=True)
    assert plain.getvalue() == book()
    with pytest.raises(msoffcrypto.exceptions.InvalidKeyError):
        file.load_key(password="ちがうことば", verify_password=True)


def test_sealed_bytes_share_nothing_between_contents_or_passwords():
    one, other = book(password="a"), book(password="b")
    changed = render([Sheet("一覧", COLUMNS, ROWS.slice(1))], title="報告書", subtitle="事業", password="a")
    assert one[4096:8192] != other[4096:8192] != changed[4096:8192] != one[4096:8192]


def test_an_empty_table_is_a_sheet_too():
    page = opened(book([Sheet("空", COLUMNS, ROWS.slice(0, 0), filter=True)]))
    assert page["A6"].value == "合計" and page["B6"].value == 0


def test_wrapped_text_gets_a_row_high_enough():
    long = pa.table({"code": ["あ" * 60, "短い"]})
    page = opened(book([Sheet("長い", (Column("code", "備考", 22, wrap=True),), long)]))
    assert page.row_dimensions[5].height > 80
    assert page.row_dimensions[6].height == 18


def test_a_heading_wider_than_its_column_is_shown_whole():
    columns = (Column("code", "同一内容（変更なし）", 13), Column("count", "うち要確認", 10))
    page = opened(book([Sheet("見出し", columns, ROWS)]))
    assert page.row_dimensions[4].height == 36
    assert opened(book([Sheet("見出し", columns[1:], ROWS)])).row_dimensions[4].height == 18


def test_a_text_that_a_cell_cannot_hold_stops_without_showing_it():
    too_long = pa.table({"code": ["氏" * 40_000]})
    with pytest.raises(TodokeError) as caught:
        book([Sheet("長い", COLUMNS[:1], too_long)])
    assert "氏氏" not in str(caught.value) and "1行目" in str(caught.value)
