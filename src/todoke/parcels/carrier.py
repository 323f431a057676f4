"""What the carrier reports of each parcel: its files read, row by row (G12)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from operator import itemgetter
from typing import Any, BinaryIO

import pyarrow as pa

from todoke.clock import TOKYO
from todoke.errors import FileRefused
from todoke.intake.dates import parse_date
from todoke.intake.text import Block, read_blocks
from todoke.model.codes import CarrierFinding
from todoke.store.schema import CARRIER_RESULT, QUARANTINE

FIELDS = ("出荷番号", "改訂", "送り状番号", "状態", "日時", "備考")
_TIME_OF_DAY = re.compile(r"(.+?)(?:[ T]*\b(\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII)
_FOURTEEN_DIGITS = re.compile(r"(\d{8})(\d{2})(\d{2})(\d{2})?", re.ASCII)


@dataclass(frozen=True)
class CarrierFile:
    """A file as read. `rows` = rows of `results` (`CARRIER_RESULT`) + rows of `quarantine`.

    `blank`: lines with nothing in them beside these.
    """

    rows: int
    results: pa.Table
    quarantine: pa.Table
    blank: int


def read_results(stream: BinaryIO, receipt_no: str, states: Mapping[str, str]) -> CarrierFile:
    """Reads a results file (CP932, header of `interfaces.md`); `states`: the carrier's words to our codes.

    Whether a shipment is known is not looked at here: that is the ledger's to say.

    Raises:
        FileRefused: a column is missing.
    """
    blocks = read_blocks(stream)
    header = [cell.strip() for cell in next(blocks).rows[0]]
    if missing := [name for name in FIELDS if name not in header]:
        raise FileRefused(
            "header",
            "配送結果ファイルの見出しに必要な項目がありません",
            where=", ".join(missing),
            next_step="運送会社に出力の設定を確かめ、再送を依頼してください",
        )
    pick = itemgetter(*(header.index(name) for name in FIELDS))
    taken: list[tuple[Any, ...]] = []
    bad: list[dict[str, Any]] = []
    blank = 0
    for block in blocks:
        blank += block.blank
        _read_block(block, pick, states, taken, bad)
        for row in block.bad:
            field = "" if row.column is None else header[row.column]
            place = {"row_no": row.row_no, "byte_offset": row.offset}
            bad.append({**place, "field": field, "reason": row.reason.value})
    bad.sort(key=itemgetter("row_no"))
    return CarrierFile(
        len(taken) + len(bad),
        _table(taken, receipt_no),
        pa.Table.from_pylist([{"receipt_no": receipt_no, **row} for row in bad], QUARANTINE),
        blank,
    )


def parse_moment(text: str) -> datetime | None:
    """The time that `2026-11-05 09:30[:00]`, `2026/11/5 9:30`, `20261105093000` or a day alone names, else None.

    Eras are understood too (`intake.dates`).
    """
    try:
        moment = datetime.fromisoformat(text)  # nearly every row; the rest is ten times slower
    except ValueError:
        return _as_written(text)
    return moment.astimezone(TOKYO).replace(tzinfo=None) if moment.tzinfo else moment


def _as_written(text: str) -> datetime | None:
    found = _FOURTEEN_DIGITS.fullmatch(text) or _TIME_OF_DAY.fullmatch(text)
    day = parse_date(found[1]) if found else None
    if found is None or day is None:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups()[1:])
    try:
        return datetime.combine(day, time(hour, minute, second))
    except ValueError:
        return None


def _read_block(
    block: Block,
    pick: itemgetter[Any],
    states: Mapping[str, str],
    taken: list[tuple[Any, ...]],
    bad: list[dict[str, Any]],
) -> None:
    for row_no, cells in zip(block.row_nos, block.rows, strict=True):
        shipment, revision, tracking, word, when, note = (cell.strip() for cell in pick(cells))
        state, moment = states.get(word), parse_moment(when)
        if not shipment:
            fault = ("出荷番号", CarrierFinding.SHIPMENT_ID_MISSING)
        elif revision and not (revision.isascii() and revision.isdigit() and len(revision) < 5):
            fault = ("改訂", CarrierFinding.REVISION_INVALID)
        elif state is None:
            fault = ("状態", CarrierFinding.STATE_UNKNOWN)
        elif moment is None:
            fault = ("日時", CarrierFinding.MOMENT_INVALID)
        else:
            number = int(revision) if revision else None
            taken.append((shipment, number, tracking or None, state, moment, note or None, row_no))
            continue
        bad.append({"row_no": row_no, "field": fault[0], "reason": fault[1].value})


def _table(taken: list[tuple[Any, ...]], receipt_no: str) -> pa.Table:
    names = ("shipment_id", "revision", "tracking_no", "state", "occurred_at", "note", "row_no")
    columns: dict[str, Any] = dict(zip(names, zip(*taken, strict=True), strict=True)) if taken else {}
    columns["receipt_no"] = (receipt_no,) * len(taken)
    return pa.table(
        [pa.array(columns.get(field.name, ()), field.type) for field in CARRIER_RESULT], schema=CARRIER_RESULT
    )
