"""The pull list (引抜き一覧) to find printed envelopes by and to write down what became of them; the delivery list
(引抜き納品一覧) that goes to the ward with those pulled (G08).

They name labels by place and households by number; no name and no address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa

from todoke.clock import TOKYO
from todoke.model.codes import PullState, ShipmentKind
from todoke.outbox.workbook import Column, Sheet, render
from todoke.report.returned import LONGEST, Form, Opened, answered
from todoke.store.pulls import PullItem

TITLE = "引抜き一覧"
RESULTS = (PullState.FOUND, PullState.NOT_FOUND, PullState.PULLED, PullState.DELIVERED)
_DONE = (PullState.DELIVERED, PullState.TOO_LATE, PullState.WITHDRAWN)
_RESULT = "結果の記入"
_COLUMNS = (
    Column("item_no", "管理番号", 14),
    Column("digest", "版", 15),
    Column("kind", "種類", 16),
    Column("part", "分割", 7, number_format="0"),
    Column("batch", "束", 16),
    Column("file", "ファイル", 16),
    Column("sheet", "枚目", 7, number_format="0"),
    Column("position", "位置", 7, number_format="0"),
    Column("application_no", "申込番号", 13),
    Column("ward_no", "世帯番号", 17),
    Column("reason", "理由区分", 17),
    Column("state", "状態", 13),
    Column("result", "結果", 14, group=_RESULT, fill_in=True, choices=tuple(each.label for each in RESULTS)),
    Column("by_whom", "担当者", 12, group=_RESULT, fill_in=True, wrap=True),
    Column("note", "備考", 20, group=_RESULT, fill_in=True, wrap=True),
)
FORM = Form(TITLE, _COLUMNS)
_NUMBERS = ("part", "sheet", "position")
_ITEM = pa.schema(
    [(column.key, pa.int32() if column.key in _NUMBERS else pa.string()) for column in _COLUMNS if not column.fill_in]
)
_LEFT_OUT = (
    Column("receipt_no", "受領番号", 16),
    Column("row", "行", 7, number_format="0"),
    Column("ward_no", "世帯番号", 17),
    Column("why", "状況", 24),
    Column("next", "次にすること", 46),
)
_DELIVERED = (
    Column("place", "No.", 7),
    Column("application_no", "申込番号", 16),
    Column("ward_no", "世帯番号", 20),
    Column("reason", "理由", 20),
    Column("pulled_on", "引抜き日", 14),
    Column("checked", "区の確認", 14, fill_in=True),
)


@dataclass(frozen=True)
class Shown:
    """An item with its 版 and the number that the ward uses for the household now."""

    item: PullItem
    digest: str
    ward_no: str


@dataclass(frozen=True)
class LeftOut:
    """A row of the ward's list whose household has no label on the pull list; `ward_no` None: nobody knows it."""

    receipt_no: str
    row: int
    ward_no: str | None


@dataclass(frozen=True)
class Reported:
    """A row of the list in which somebody has written what became of an item; `row` is its number in the sheet."""

    row: int
    item_no: str
    digest: str
    result: str
    by_whom: str


def pull_workbook(shown: Sequence[Shown], left_out: Sequence[LeftOut], *, programme: str, password: str) -> bytes:
    """The list, in the order in which the envelopes lie, under a password; equal for equal items.

    A second sheet says of which rows of the ward's lists nothing is to be looked for, and why.
    """
    rows = [
        {
            "item_no": each.item.item_no,
            "digest": each.digest,
            "kind": _kind(each.item.batch_kind),
            "part": each.item.part,
            "batch": each.item.batch_id,
            "file": each.item.file,
            "sheet": each.item.sheet,
            "position": each.item.position,
            "application_no": each.item.application_no,
            "ward_no": each.ward_no,
            "reason": each.item.reason.label,
            "state": each.item.state.label,
        }
        for each in shown
    ]
    pages = sum(1 for _ in groupby(shown, key=lambda each: (each.item.batch_id, each.item.file, each.item.sheet)))
    open_ones = sum(each.item.state not in _DONE for each in shown)
    instructions = (
        f"{len(rows)}件（{pages}枚）、うち未了 {open_ones}件。"
        "印刷した順（印刷日・種類・分割・ファイル・枚目・位置）に並んでいます。",
        "黄色の欄に結果を記入し、管理番号と版は変えずに、このファイルを返してください。",
        "※ 位置は、用紙の左上を1として、左から右、上から下に数えます。宛名の申込番号で確かめてください。",
        "※ 「引渡し済み」は運送会社に渡した後のため引き抜けません。確認依頼にも載ります。",
    )
    sheets = [Sheet(TITLE, _COLUMNS, pa.Table.from_pylist(rows, _ITEM), filter=True, instructions=instructions)]
    if left_out:
        sheets.append(_left_out(left_out))
    return render(sheets, title="郵便物の引抜き一覧", subtitle=programme, password=password)


def _left_out(rows: Sequence[LeftOut]) -> Sheet:
    """A number that nobody knows may be anything: it is told by its place in the ward's file alone."""
    known = [row.ward_no is not None for row in rows]
    table = pa.table(
        {
            "receipt_no": [row.receipt_no for row in rows],
            "row": pa.array([row.row for row in rows], pa.int32()),
            "ward_no": pa.array([row.ward_no for row in rows], pa.string()),
            "why": ["まだ印字していません" if each else "台帳にない世帯番号です" for each in known],
            "next": [
                "印字せずに保留しています。探す必要はありません"
                if each
                else "区に番号を確かめてください（先頭の0など）"
                for each in known
            ],
        }
    )
    return Sheet("一覧にない世帯", _LEFT_OUT, table, instructions=("区の抽出データのうち、探す郵便物がないものです。",))


def _kind(batch_kind: str) -> str:
    plain = batch_kind.removesuffix("_confidential")
    return ShipmentKind(plain).label + ("（配送指定）" if plain != batch_kind else "")


def delivery_workbook(shown: Sequence[Shown], *, programme: str, password: str) -> bytes:
    """What goes to the ward with the pulled envelopes, under a password; equal for equal items."""
    rows = pa.table(
        {
            "place": pa.array(range(1, len(shown) + 1), pa.int32()),
            "application_no": [each.item.application_no for each in shown],
            "ward_no": [each.ward_no for each in shown],
            "reason": [each.item.reason.label for each in shown],
            "pulled_on": [each.item.at.astimezone(TOKYO).date() for each in shown],
        }
    )
    instructions = (f"引き抜いた郵便物 {len(shown)}件を納品します。",)
    sheet = Sheet("引抜き納品一覧", _DELIVERED, rows, instructions=instructions)
    return render([sheet], title="引き抜いた郵便物の納品一覧", subtitle=programme, password=password)


def read_results(book: Opened) -> list[Reported]:
    """The rows of a returned list that hold a result."""
    keys = ("item_no", "digest", "result", "by_whom")
    return [Reported(row, *((said[key] or "")[:LONGEST] for key in keys)) for row, said in answered(book)]
