"""The query to the ward (照会票) as a workbook, its answered copy as rows (G04).

It names households by number and rows by place; no name and no address. Of values it shows those of coded fields alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

from todoke.model.codes import QueryDecision
from todoke.outbox.workbook import Column, Sheet, render
from todoke.quality.queries import Item
from todoke.report.returned import LONGEST, Form, Opened, answered

TITLE = "照会票"
_ANSWER = "区の回答"
_COLUMNS = (
    Column("item_no", "管理番号", 15),
    Column("digest", "版", 15),
    Column("file_name", "ファイル名", 31, wrap=True),
    Column("row_no", "行", 7),
    Column("household_no", "世帯番号", 17, null="–"),
    Column("heading", "項目", 14, null="–", wrap=True),
    Column("sent", "送られた値", 12, null="–", wrap=True),
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
FORM = Form(TITLE, _COLUMNS)
_ITEM = pa.schema(
    [(name, pa.int32() if name in ("row_no", "round") else pa.string()) for name in (c.key for c in _COLUMNS[:10])]
)
_SHORT = ("item_no", "digest", "decision", "by_whom", "note")


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
        "※ 「行」は、見出しを除いた何行目かです。空の行は数えません。"
        "氏名・住所は載せていません。お手元のファイルの行で確かめてください。",
        "※ 訂正:「訂正後の値」で検査し直します。却下: その世帯を取り込みません。再照会: 次の照会票でもう一度伺います。",
    )
    sheet = Sheet(TITLE, _COLUMNS, pa.Table.from_pylist(rows, _ITEM), filter=True, instructions=instructions)
    return render([sheet], title="取り込めなかった世帯の照会票", subtitle=programme, password=password)


def read_answers(book: Opened) -> list[Returned]:
    """The rows of a returned 照会票 that hold an answer."""
    return [_returned(row, said) for row, said in answered(book)]


def _returned(row: int, said: dict[str, str | None]) -> Returned:
    value = said["value"]
    unreadable = value is None or len(value) > LONGEST or any(ord(sign) < 0x20 for sign in value)
    short = {key: (said[key] or "")[:LONGEST] for key in _SHORT}
    return Returned(row, **short, value=None if unreadable else value or None, unreadable=unreadable)
