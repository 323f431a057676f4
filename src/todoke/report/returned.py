"""Workbooks that went out to be filled in and come back: which of ours it is, its answered rows, its errors marked."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.styles import Alignment, Font, PatternFill

from todoke.errors import FileRefused
from todoke.model.codes import Labelled
from todoke.outbox.workbook import Column

_ERROR = "エラー"
_MOST_ROWS, LONGEST = 100_000, 200


@dataclass(frozen=True)
class Form:
    """A kind of workbook: its columns, of which the first two name an item, and those that people fill in."""

    title: str
    columns: tuple[Column, ...]

    @property
    def answers(self) -> tuple[str, ...]:
        return tuple(column.key for column in self.columns if column.fill_in)

    @property
    def of_heading(self) -> dict[str, str]:
        return {column.heading: column.key for column in self.columns}


@dataclass(frozen=True)
class Opened:
    """A returned workbook: its form, the sheet, the last row of its headings, the columns by their keys."""

    form: Form
    sheet: Any
    top: int
    places: Mapping[str, int]


def opened(path: Path, name: str, forms: Sequence[Form], *, values: bool = True) -> tuple[Any, Opened]:
    """The workbook and what it is.

    Args:
        name: of the file, for errors.
        values: what formulas come to, not the formulas.

    Raises:
        FileRefused: `unknown_kind`: it is none of the forms; `damaged`.
    """
    try:
        with path.open("rb") as stream:
            book = openpyxl.load_workbook(io.BytesIO(stream.read()), data_only=values)
    except Exception:  # the library lets out whatever it stumbles over, with what is in the file
        raise FileRefused("damaged", "ワークブックを読めません", where=name) from None
    for form in forms:
        for sheet in book.worksheets:
            for row in range(1, min(sheet.max_row, 30) + 1):
                if text(sheet.cell(row, 1)) == form.columns[0].heading:
                    places = _places(sheet, row, form)
                    if places.keys() >= {*form.answers, form.columns[1].key}:
                        return book, Opened(form, sheet, row + 1, places)
    titles = "・".join(form.title for form in forms)
    raise FileRefused(
        "unknown_kind",
        f"{titles}ではありません（見出しの行がありません）",
        where=name,
        next_step=f"送信箱の{titles}に記入したものを送り直してもらってください",
    )


def _places(sheet: Any, row: int, form: Form) -> dict[str, int]:
    keys = form.of_heading
    return {
        keys[heading]: place
        for place in range(1, min(sheet.max_column, 100) + 1)
        for line in (row, row + 1)
        if (heading := text(sheet.cell(line, place))) in keys
    }


def answered(book: Opened) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Each row in which somebody has answered: its number in the sheet, and the item's name and the answers as text.

    None where a cell holds no text that we could take.
    """
    wanted = (*(column.key for column in book.form.columns[:2]), *book.form.answers)
    for row in range(book.top + 1, min(book.sheet.max_row, _MOST_ROWS) + 1):
        said = {key: text(book.sheet.cell(row, book.places[key])) for key in wanted if key in book.places}
        if any(said[key] != "" for key in book.form.answers):
            yield row, said


def text(cell: Any) -> str | None:
    """What somebody typed, as text; None when it is none: an error, a formula's own fault, a truth value."""
    value = cell.value
    if cell.data_type == "e" or isinstance(value, bool):
        return None
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def with_errors(
    path: Path, name: str, forms: Sequence[Form], errors: Mapping[int, Sequence[tuple[str, Labelled]]]
) -> bytes:
    """The sender's own workbook with a column more that says what is wrong in which cell.

    Args:
        errors: by row of the sheet: column (key) and what is wrong.
    """
    book, found = opened(path, name, forms, values=False)
    sheet, places = found.sheet, found.places
    column = sheet.max_column + 1
    red = PatternFill("solid", fgColor="FFFDE2E0")
    head = sheet.cell(found.top, column, _ERROR)
    head.font, head.alignment = Font(bold=True, color="FFB42318"), Alignment(horizontal="center")
    sheet.column_dimensions[head.column_letter].width = 44
    for row, wrong in errors.items():
        words = [f"{sheet.title}!{sheet.cell(row, places[key]).coordinate}: {finding.label}" for key, finding in wrong]
        cell = sheet.cell(row, column, "\n".join(words))
        cell.alignment, cell.fill = Alignment(wrap_text=True, vertical="center"), red
        for key, _ in wrong:
            sheet.cell(row, places[key]).fill = red
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()
