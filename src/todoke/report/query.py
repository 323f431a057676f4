"""The query to the ward (照会票) as a workbook, its answered copy as rows, and that copy with errors marked (G04).

It names households by number and rows by place; no name and no address.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
from openpyxl.styles import Alignment, Font, PatternFill

from todoke.errors import FileRefused
from todoke.model.codes import QueryDecision, QueryFinding
from todoke.outbox.workbook import Column, Sheet, render
from todoke.quality.queries import Item

TITLE, _ERROR = "照会票", "エラー"
_MOST_ROWS, _LONGEST = 100_000, 200
_ANSWER = "区の回答"
_COLUMNS = (
    Column("item_no", "管理番号", 15),
    Column("digest", "版", 15),
    Column("file_name", "ファイル名", 31, wrap=True),
    Column("row_no", "行", 7),
    Column("household_no", "世帯番号", 17, null="–"),
    Column("heading", "項目", 14, null="–", wrap=True),
    Column("reason_label", "確認する理由", 20, wrap=True),
    Column("ask", "お願い", 38, wrap=True),
    Column("round", "回数", 7),
    Column(
        "decision",
        "決定",
        9,
        group=_ANSWER,
        fill_in=True,
        choices=tuple(decision.label for decision in QueryDecision),
    ),
    Column("value", "訂正後の値", 24, group=_ANSWER, fill_in=True, wrap=True),
    Column("by_whom", "担当者", 11, group=_ANSWER, fill_in=True, wrap=True),
    Column("note", "理由", 20, group=_ANSWER, fill_in=True, wrap=True),
)
_ITEM = pa.schema(
    [(name, pa.int32() if name in ("row_no", "round") else pa.string()) for name in (c.key for c in _COLUMNS[:9])]
)
_KEY_OF_HEADING = {column.heading: column.key for column in _COLUMNS}
_SHORT = ("item_no", "digest", "decision", "by_whom", "note")
_ANSWERS = ("decision", "value", "by_whom", "note")


@dataclass(frozen=True)
class Returned:
    """A row of the workbook in which somebody has answered; `row` is its number in the sheet.

    `value` is None where the cell is empty, `unreadable` where it holds no text that we could take.
    """

    row: int
    item_no: str
    digest: str
    decision: str
    by_whom: str
    note: str
    value: str | None
    unreadable: bool = False


def query_workbook(items: Sequence[Item], *, programme: str, password: str) -> bytes:
    """The workbook of items, under a password; equal for equal items."""
    rows = [{name: value or None for name, value in asdict(item).items() if name in _ITEM.names} for item in items]
    instructions = (
        f"{len(items)}件。黄色の欄に回答し、管理番号と版は変えずに、このファイルを返してください。",
        "※ 「行」は、見出しを除いた何行目かです。氏名・住所は載せていません。お手元のファイルの行で確かめてください。",
        "※ 訂正:「訂正後の値」で検査し直します。却下: その世帯を取り込みません。再照会: 次の照会票でもう一度伺います。",
    )
    sheet = Sheet(TITLE, _COLUMNS, pa.Table.from_pylist(rows, _ITEM), filter=True, instructions=instructions)
    return render([sheet], title="取り込めなかった世帯の照会票", subtitle=programme, password=password)


def read_answers(path: Path, name: str) -> list[Returned]:
    """The rows of a returned workbook that hold an answer.

    Args:
        name: of the file, for errors.

    Raises:
        FileRefused: `unknown_kind`: it is no 照会票; `damaged`.
    """
    sheet, top, places = _opened(_load(path, name, values=True), name)
    return list(_answered(sheet, top, places))


def _answered(sheet: Any, top: int, places: Mapping[str, int]) -> Iterator[Returned]:
    for row in range(top + 1, min(sheet.max_row, _MOST_ROWS) + 1):
        cells = {key: sheet.cell(row, place) for key, place in places.items()}
        if all(_text(cells[key]) == "" for key in _ANSWERS):
            continue
        value = _text(cells["value"])
        unreadable = value is None or len(value) > _LONGEST or any(ord(sign) < 0x20 for sign in value)
        said = {key: (_text(cells[key]) or "")[:_LONGEST] for key in _SHORT}
        yield Returned(row, **said, value=None if unreadable else value or None, unreadable=unreadable)


def _text(cell: Any) -> str | None:
    """What somebody typed, as text; None when it is none: an error, a formula's own fault, a truth value."""
    value = cell.value
    if cell.data_type == "e" or isinstance(value, bool):
        return None
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def with_errors(path: Path, name: str, errors: Mapping[int, Sequence[tuple[str, QueryFinding]]]) -> bytes:
    """The sender's own workbook with a column more that says what is wrong in which cell.

    Args:
        errors: by row of the sheet: column (key) and what is wrong.
    """
    book = _load(path, name, values=False)
    sheet, top, places = _opened(book, name)
    column = sheet.max_column + 1
    red = PatternFill("solid", fgColor="FFFDE2E0")
    head = sheet.cell(top, column, _ERROR)
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


def _load(path: Path, name: str, *, values: bool) -> Any:
    try:
        with path.open("rb") as stream:
            return openpyxl.load_workbook(io.BytesIO(stream.read()), data_only=values)
    except Exception:  # the library lets out whatever it stumbles over, with what is in the file
        raise FileRefused("damaged", "ワークブックを読めません", where=name) from None


def _opened(book: Any, name: str) -> tuple[Any, int, dict[str, int]]:
    """The sheet, the last row of its headings, and the columns by their keys."""
    for sheet in book.worksheets:
        for row in range(1, min(sheet.max_row, 30) + 1):
            if _text(sheet.cell(row, 1)) == _COLUMNS[0].heading:
                places = {
                    _KEY_OF_HEADING[text]: place
                    for place in range(1, min(sheet.max_column, 100) + 1)
                    for line in (row, row + 1)
                    if (text := _text(sheet.cell(line, place))) in _KEY_OF_HEADING
                }
                if places.keys() >= {column.key for column in _COLUMNS if column.key in (*_ANSWERS, "digest")}:
                    return sheet, row + 1, places
    raise FileRefused(
        "unknown_kind",
        "照会票ではありません（見出しの行がありません）",
        where=name,
        next_step="送信箱の照会票に記入したものを送り直してもらってください",
    )
