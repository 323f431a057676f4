"""Turns a ward's CSV file into a dataset by its layout: header names of the contract, any column order (G02, G03)."""

from __future__ import annotations

import json
import re
from typing import BinaryIO, NamedTuple

import pyarrow as pa

from todoke.contract.model import Intake, Layout
from todoke.errors import FileRefused
from todoke.intake.text import BadRow, Block, Encoding, read_blocks
from todoke.store.schema import QUARANTINE

_HOUSEHOLD_NO = re.compile(r"[0-9]{1,15}")
_RESEND = "見出し行を契約のレイアウトと見比べ、区に再送を依頼するか、レイアウトの設定を直してください"


class LayoutResult(NamedTuple):
    """A file as read: `rows_in` = rows of `table` + rows of `quarantine`."""

    table: pa.Table
    quarantine: pa.Table
    rows_in: int


def read_layout(
    stream: BinaryIO, layout: Layout, schema: pa.Schema, receipt_no: str, *, encoding: Encoding = "cp932"
) -> LayoutResult:
    """Read a whole file; cells stay text exactly as sent.

    Args:
        stream: the decoded payload, CP932 CSV with one header row.
        layout: header name → canonical name. An optional column that is absent becomes null; other columns
            are kept in `extra` as JSON, where the schema has it.
        schema: of the table, all text apart from `row_no`, which counts data rows from 1.
        receipt_no: goes into `receipt_no`, where the schema has it.

    Raises:
        FileRefused: `columns_missing`, `columns_twice`, or as `text.read_rows`.
    """
    blocks = read_blocks(stream, encoding=encoding)
    places = _Places(next(blocks).rows[0], layout)
    batches, bad = [], []
    for block in blocks:
        if block.rows:
            batches.append(_batch(block, places, schema, receipt_no))
        bad += block.bad
    table = pa.Table.from_batches(batches, schema)
    return LayoutResult(table, _quarantine(bad, places, receipt_no), table.num_rows + len(bad))


def check_bad_rows(result: LayoutResult, intake: Intake) -> None:
    """Refuse a file with unreadable rows where the contract says so, or with more than it allows.

    Raises:
        FileRefused: `bad_rows`, with the first row numbers.
    """
    bad = result.quarantine.num_rows
    allowed = 0 if intake.bad_rows == "refuse" else result.rows_in * intake.bad_rows_per_mille / 1000
    if bad > allowed:
        first = "、".join(str(n) for n in result.quarantine["row_no"].slice(0, 10).to_pylist())
        raise FileRefused(
            "bad_rows",
            f"読めない行が{bad}行あります（{result.rows_in}行中、許容は{int(allowed)}行）",
            where=f"{first}行目{'ほか' if bad > 10 else ''}",
            next_step="文字コード（Shift_JIS）と書式を確かめ、区に再送を依頼してください",
        )


class _Places:
    """Where each canonical column stands in the file."""

    def __init__(self, header: list[str], layout: Layout) -> None:
        names = [name.strip() for name in header]
        # Only names that the contract knows are shown: without a header the first row is somebody's data.
        missing = [name for name in layout.required if name not in names]
        if missing:
            raise FileRefused(
                "columns_missing", f"必要な列がありません: {'、'.join(missing)}", where="1行目", next_step=_RESEND
            )
        known = layout.required | layout.optional
        twice = [name for name in known if names.count(name) > 1]
        if twice:
            raise FileRefused(
                "columns_twice", f"同じ列が2つあります: {'、'.join(twice)}", where="1行目", next_step=_RESEND
            )
        self.of = {canonical: names.index(name) for name, canonical in known.items() if name in names}
        self.extra = [(name, place) for place, name in enumerate(names) if name not in known]


def _batch(block: Block, places: _Places, schema: pa.Schema, receipt_no: str) -> pa.RecordBatch:
    count, cells = len(block.rows), list(zip(*block.rows, strict=True))
    columns = []
    for name in schema.names:
        if name in places.of:
            column = pa.array(cells[places.of[name]], pa.string())
        elif name == "row_no":
            column = pa.array(block.row_nos, pa.int32())
        elif name == "receipt_no":
            column = pa.repeat(pa.scalar(receipt_no, pa.string()), count)
        elif name == "extra" and places.extra:
            kept = [json.dumps({n: row[place] for n, place in places.extra}, ensure_ascii=False) for row in block.rows]
            column = pa.array(kept, pa.string())
        else:
            column = pa.nulls(count, schema.field(name).type)
        columns.append(column)
    return pa.record_batch(columns, schema=schema)


def _quarantine(bad: list[BadRow], places: _Places, receipt_no: str) -> pa.Table:
    headers = {place: canonical for canonical, place in places.of.items()}
    lines = [
        {
            "receipt_no": receipt_no,
            "row_no": row.row_no,
            "household_no": _household_no(row, places.of.get("household_no")),
            "field": None if row.column is None else headers.get(row.column, "extra"),
            "reason": str(row.reason),
        }
        for row in bad
    ]
    return pa.Table.from_pylist(lines, QUARANTINE)


def _household_no(row: BadRow, place: int | None) -> str | None:
    """The household of a bad row: in a row of the wrong length only a first cell is sure to be itself."""
    if place is None or place >= len(row.cells) or (row.column is None and place > 0):
        return None
    cell = row.cells[place]
    return cell if cell is not None and _HOUSEHOLD_NO.fullmatch(cell) else None
