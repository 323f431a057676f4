"""Workbooks for a ward office: declared as sheets and columns, printed on A4, the same bytes every time.

A killed run renders again and its digest must agree, so nothing here reads the clock or chance. Text stays
text: `=…` is no formula, a code keeps its leading zeros.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from math import ceil
from typing import Any, Literal
from unicodedata import east_asian_width
from unittest.mock import patch

import pyarrow as pa
import xlsxwriter
from msoffcrypto.format.ooxml import OOXMLFile
from msoffcrypto.method import ecma376_agile
from msoffcrypto.method.container import ecma376_encrypted

from todoke.errors import TodokeError

MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_FONT = "游ゴシック"
_CREATED = datetime(2000, 1, 1)  # noqa: DTZ001 - a fixed mark instead of the clock
_A4 = 9
_LANDSCAPE_FROM = 100.0  # characters of all columns together
_ROW_HEIGHT, _LINE_HEIGHT = 18, 13.5
_ONE_PAGE_ROWS = 45
_INK, _RULE, _HEAD, _SUM, _FILL_IN = "#1F2A37", "#8A94A3", "#DCE6F1", "#F2F5F9", "#FFF9DB"
_CHART_FONT = {"name": _FONT, "size": 9, "color": _INK}
_PALETTE = ("#2F5D8C", "#D98E32", "#4E8F62", "#8C5A8A", "#7A7F87")


@dataclass(frozen=True)
class Column:
    """A column of a sheet.

    `key` names the column of `rows`; with `fill_in` it may be absent and the cells stay empty for people to
    fill. `group` puts one heading over neighbouring columns of the same group. `null` is shown for a missing
    value. `total` adds the column up under the table. `choices` are offered in each cell.
    """

    key: str
    heading: str
    width: float = 12
    number_format: str | None = None
    group: str = ""
    total: bool = False
    null: str = ""
    wrap: bool = False
    centred: bool = False
    fill_in: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A native chart under its table: `category` is a key, `series` are (key, name) pairs."""

    kind: Literal["column", "bar"]
    title: str
    category: str
    series: tuple[tuple[str, str], ...]
    stacked: bool = False
    category_format: str | None = None
    unit: str = "件"


@dataclass(frozen=True)
class Sheet:
    """One table, one sheet. `title` is the tab's name, at most 31 characters, without `[]:*?/\\`.

    `instructions` stand above the table, for who has to fill it in; `notes` below it.
    """

    title: str
    columns: tuple[Column, ...]
    rows: pa.Table
    notes: tuple[str, ...] = ()
    chart: Chart | None = None
    total_label: str = "合計"
    filter: bool = False
    instructions: tuple[str, ...] = ()


def render(sheets: Sequence[Sheet], *, title: str, subtitle: str, password: str | None = None) -> bytes:
    """The workbook as .xlsx bytes, equal for equal input; encrypted (ECMA-376 agile) under a `password`.

    Raises:
        TodokeError: a table has more rows, or a text more characters, than a sheet can hold.
    """
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
            "default_format_properties": {"font_name": _FONT, "font_size": 10, "font_color": _INK},
        },
    )
    book.set_properties({"title": title, "subject": subtitle, "created": _CREATED})
    formats = _Formats(book)
    for sheet in sheets:
        _write_sheet(book, sheet, formats, title, subtitle)
    book.close()
    return encrypted(buffer.getvalue(), password) if password else buffer.getvalue()


class _Formats:
    """Cell formats by what they look like: a workbook holds each only once."""

    def __init__(self, book: Any) -> None:
        self._book, self._made = book, dict[tuple[tuple[str, Any], ...], Any]()

    def of(self, **properties: Any) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format({"font_name": _FONT, "font_color": _INK, **properties})
        return self._made[key]

    def cell(self, **properties: Any) -> Any:
        return self.of(font_size=10, border=1, border_color=_RULE, valign="vcenter", **properties)

    def of_column(self, column: Column) -> dict[str, Any]:
        given, look = column.number_format, dict[str, Any]()
        if column.wrap:
            look["text_wrap"] = True
        if column.fill_in:
            look["bg_color"] = _FILL_IN
        text: dict[str, Any] = {"align": "center"} if column.centred else {"align": "left", "indent": 1}
        return {
            "text": self.cell(num_format="@", **text, **look),
            "missing": self.cell(num_format="@", align="center", **look),
            "number": self.cell(num_format=given or "#,##0", align="right", indent=1, **look),
            "day": self.cell(num_format=given or "yyyy/mm/dd", align="center", **look),
            "moment": self.cell(num_format=given or "yyyy/mm/dd hh:mm", align="center", **look),
        }

    def head(self) -> Any:
        return self.cell(bold=True, bg_color=_HEAD, align="center", text_wrap=True)


def _write_sheet(book: Any, sheet: Sheet, formats: _Formats, title: str, subtitle: str) -> None:
    page = book.add_worksheet(sheet.title)
    page.set_default_row(_ROW_HEIGHT)
    page.hide_gridlines(2)
    page.set_row(0, 26)
    page.write_string(0, 0, title, formats.of(bold=True, font_size=14, valign="vcenter"))
    page.write_string(1, 0, f"{subtitle}　{sheet.title}", formats.of(font_size=10, valign="vcenter"))
    for row, line in enumerate(sheet.instructions, start=2):
        page.write_string(row, 0, line, formats.of(font_size=10, valign="vcenter"))
    first = _write_headings(page, sheet, formats, top=3 + len(sheet.instructions))
    for position, column in enumerate(sheet.columns):
        page.set_column(position, position, column.width)
        _write_column(page, sheet, position, first, formats)
    _set_heights(page, sheet, first)
    below = first + sheet.rows.num_rows
    if any(column.total for column in sheet.columns):
        _write_totals(page, sheet, below, formats)
        below += 1
    for offset, note in enumerate(sheet.notes):
        page.write_string(below + offset, 0, note, formats.of(font_size=9, valign="vcenter"))
    if sheet.chart:
        chart_row = below + len(sheet.notes) + 1
        page.insert_chart(chart_row, 0, _chart(book, sheet, sheet.chart, first), {"object_position": 3})
    if sheet.filter and sheet.rows.num_rows:
        page.autofilter(first - 1, 0, below - 1, len(sheet.columns) - 1)
    _set_up_page(page, sheet, title, first)


def _write_headings(page: Any, sheet: Sheet, formats: _Formats, top: int) -> int:
    """Writes one heading row, or two where columns are grouped; returns the first row below."""
    head, columns = formats.head(), sheet.columns
    lines = max(_lines(column.heading, column.width) for column in columns)
    if not any(column.group for column in columns):
        page.set_row(top, _ROW_HEIGHT * lines)
        for position, column in enumerate(columns):
            page.write_string(top, position, column.heading, head)
        return top + 1
    page.set_row(top + 1, _ROW_HEIGHT * lines)
    position = 0
    while position < len(columns):
        group, end = columns[position].group, position
        while group and end + 1 < len(columns) and columns[end + 1].group == group:
            end += 1
        if not group:
            page.merge_range(top, position, top + 1, position, columns[position].heading, head)
        elif end == position:
            page.write_string(top, position, group, head)
        else:
            page.merge_range(top, position, top, end, group, head)
        for member in range(position, end + 1) if group else ():
            page.write_string(top + 1, member, columns[member].heading, head)
        position = end + 1
    return top + 2


def _write_column(page: Any, sheet: Sheet, position: int, first: int, formats: _Formats) -> None:
    column = sheet.columns[position]
    absent = column.fill_in and column.key not in sheet.rows.column_names
    values = [None] * sheet.rows.num_rows if absent else sheet.rows[column.key].to_pylist()
    looks = formats.of_column(column)
    for row, value in enumerate(values, start=first):
        if _write_value(page, (row, position), value, column.null, looks):
            raise TodokeError(
                "ワークブックに入りきらないデータです",
                where=f"シート「{sheet.title}」 列「{column.heading}」 {row - first + 1}行目",
                next_step="行数・文字数を確かめ、CSVでの提供に切り替えてください",
            )
    if column.choices and values:
        rule = {"validate": "list", "source": list(column.choices), "error_title": column.heading}
        page.data_validation(first, position, first + len(values) - 1, position, rule)


def _write_value(page: Any, cell: tuple[int, int], value: Any, null: str, looks: dict[str, Any]) -> int:
    """Writes one value by its type; non-zero when the sheet cannot hold it."""
    match value:
        case None if not null:
            wrote = page.write_blank(*cell, None, looks["text"])
        case None:
            wrote = page.write_string(*cell, null, looks["missing"])
        case bool():
            wrote = page.write_string(*cell, "○" if value else "", looks["missing"])
        case int() | float() | Decimal():
            wrote = page.write_number(*cell, value, looks["number"])
        case datetime():
            wrote = page.write_datetime(*cell, value, looks["moment"])
        case date():
            wrote = page.write_datetime(*cell, value, looks["day"])
        case _:
            wrote = page.write_string(*cell, str(value), looks["text"])
    return int(wrote)


def _set_heights(page: Any, sheet: Sheet, first: int) -> None:
    """Makes rows high enough for wrapped text: a program writing the file cannot leave that to Excel."""
    lines = [1] * sheet.rows.num_rows
    for column in sheet.columns:
        if column.wrap and column.key in sheet.rows.column_names:
            for row, text in enumerate(sheet.rows[column.key].to_pylist()):
                lines[row] = max(lines[row], _lines(text or "", column.width - 2))
    for row, number in enumerate(lines, start=first):
        if number > 1:
            page.set_row(row, _LINE_HEIGHT * number + 5)


def _lines(text: str, room: float) -> int:
    """Lines that a text takes where there is room for so many characters of half width."""
    return sum(max(ceil(_width(part) / max(room, 1)), 1) for part in text.split("\n"))


def _width(text: str) -> int:
    """Characters of half width that a text takes."""
    return sum(2 if east_asian_width(sign) in "WFA" else 1 for sign in text)


def _write_totals(page: Any, sheet: Sheet, row: int, formats: _Formats) -> None:
    label = formats.cell(bold=True, bg_color=_SUM, align="center")
    for position, column in enumerate(sheet.columns):
        if column.total:
            total = sum(value for value in sheet.rows[column.key].to_pylist() if value is not None)
            look = formats.cell(
                bold=True, bg_color=_SUM, align="right", indent=1, num_format=column.number_format or "#,##0"
            )
            page.write_number(row, position, total, look)
        else:
            page.write_string(row, position, sheet.total_label if position == 0 else "", label)


def _chart(book: Any, sheet: Sheet, plan: Chart, first: int) -> Any:
    chart = book.add_chart({"type": plan.kind, **({"subtype": "stacked"} if plan.stacked else {})})
    place = {column.key: position for position, column in enumerate(sheet.columns)}
    last = first + sheet.rows.num_rows - 1
    for (key, name), color in zip(plan.series, _PALETTE, strict=False):
        series: dict[str, Any] = {
            "name": name,
            "categories": [sheet.title, first, place[plan.category], last, place[plan.category]],
            "values": [sheet.title, first, place[key], last, place[key]],
            "gap": 50,
            "fill": {"color": color},
        }
        if plan.kind == "bar":
            series["data_labels"] = {"value": True, "num_format": "#,##0;;", "font": _CHART_FONT}
        chart.add_series(series)
    chart.set_title({"name": plan.title, "name_font": {**_CHART_FONT, "size": 12, "bold": True}})
    _set_axes(chart, plan)
    legend = {"none": True} if len(plan.series) == 1 else {"position": "bottom", "font": _CHART_FONT}
    chart.set_legend(legend)
    width = sum(int(column.width * 7 + 5) for column in sheet.columns)
    height = 80 + 34 * sheet.rows.num_rows if plan.kind == "bar" else 300
    chart.set_size({"width": max(width, 480), "height": height})
    return chart


def _set_axes(chart: Any, plan: Chart) -> None:
    category: dict[str, Any] = {
        "num_font": _CHART_FONT,
        "text_axis": True,
        "interval_unit": 1,
        "line": {"color": _RULE},
        "major_tick_mark": "none",
    }
    if plan.category_format:
        category["num_format"] = plan.category_format
    if plan.kind == "bar":  # lies on its side, the first row on top; the labels at the bars say how many
        chart.set_y_axis({**category, "reverse": True})
        chart.set_x_axis({"visible": False, "major_gridlines": {"visible": False}, "min": 0})
        return
    chart.set_x_axis(category)
    chart.set_y_axis(
        {
            "num_font": _CHART_FONT,
            "num_format": "#,##0",
            "min": 0,
            "name": plan.unit,
            "name_font": {**_CHART_FONT, "bold": False, "rotation": -90},
            "major_gridlines": {"visible": True, "line": {"color": "#D5DAE1", "width": 0.5}},
            "line": {"none": True},
        }
    )


def _set_up_page(page: Any, sheet: Sheet, title: str, first: int) -> None:
    if sum(column.width for column in sheet.columns) > _LANDSCAPE_FROM:
        page.set_landscape()
    page.set_paper(_A4)
    page.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
    page.center_horizontally()
    # Excel ignores manual breaks when it fits to width: a chart stays whole by fitting all on one page.
    page.fit_to_pages(1, 1 if sheet.chart and sheet.rows.num_rows <= _ONE_PAGE_ROWS else 0)
    page.repeat_rows(first - (2 if any(column.group for column in sheet.columns) else 1), first - 1)
    page.freeze_panes(first, 1)
    page.set_footer(f"&L&8{title.replace('&', '&&')}&C&8&P / &N ページ&R&8&A")


_swap = threading.Lock()


@contextmanager
def _without_chance_and_clock(password: str, plain: bytes) -> Iterator[None]:
    """msoffcrypto draws salts and keys from chance and stamps the time; here they follow from the content.

    Equal content gives equal bytes, other content other keys. PBKDF2 keeps guessing as slow as in the file.
    """
    seed = hashlib.pbkdf2_hmac("sha512", password.encode(), hashlib.sha256(plain).digest(), 100_000)
    numbers = count()

    def draw(size: int) -> bytes:
        return hmac.digest(seed, next(numbers).to_bytes(4, "big"), "sha512")[:size]

    with (
        _swap,
        patch.object(ecma376_agile, "_random_buffer", draw),
        patch.object(ecma376_encrypted, "datetime2filetime", lambda _now: 0),
    ):
        yield


def encrypted(plain: bytes, password: str) -> bytes:
    """A workbook under a password (ECMA-376 agile); equal for equal input."""
    sealed = io.BytesIO()
    with _without_chance_and_clock(password, plain):
        OOXMLFile(io.BytesIO(plain)).encrypt(password, sealed)
    return sealed.getvalue()
