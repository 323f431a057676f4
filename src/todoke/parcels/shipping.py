"""Shipping instructions in the carrier's layout: what to send where, what to replace, cancel or stop (G12)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from todoke.errors import TodokeError
from todoke.model.codes import Labelled, ShipmentKind
from todoke.store.engine import Engine
from todoke.store.sqlfiles import load

COLUMNS = (
    "出荷番号",
    "改訂",
    "区分",
    "種別",
    "申込番号",
    "郵便番号",
    "住所",
    "方書",
    "氏名",
    "商品コード",
    "商品名",
    "数量",
    "事業名",
    "問合せ先",
)


INSTRUCTION_ORDER = ("shipment_id", "revision", "item_code")


class Action(Labelled):
    """What the carrier is told by a revision."""

    INSTRUCT = "instruct", "出荷"
    REPLACE = "replace", "差替"
    CANCEL = "cancel", "取消"
    STOP = "stop", "停止"


_ACTION_LABELS = {action.value: action.label for action in Action}
_KIND_LABELS = {kind.value: kind.label for kind in ShipmentKind}
_SENDING = pa.array([Action.INSTRUCT.value, Action.REPLACE.value])
#: Parcels that are one thing in themselves; the others have lines.
_WITHOUT_LINES = pa.array([ShipmentKind.CATALOGUE.value, ShipmentKind.COUPON.value, ShipmentKind.NOTICE.value])
#: Look-alikes that CP932 knows under another code point (`〜` as FF5E): the same sign in print.
_CP932_SIGNS = str.maketrans("〜‖−¢£¬", "～∥－￠￡￢")


def instruction_rows(parcels: pa.Table, lines: pa.Table, addresses: pa.Table) -> pa.Table:
    """What the carrier is told, one row a parcel line, in the order of shipment and item (`INSTRUCTION_ORDER`).

    `parcels`: shipment_id, revision, action, kind, household_no, application_no; `lines`: shipment_id,
    item_code, item_name, quantity; `addresses`: household_no, postal_code, address, building, name – where it
    is to be delivered, one row a household. A cancelled or stopped parcel is one row without address or
    goods: its number is enough.

    Raises:
        TodokeError: no address, no line; names the shipment.
    """
    if pc.count_distinct(addresses["household_no"]).as_py() != addresses.num_rows:
        raise TodokeError("配送先が重複する世帯があります", next_step="世帯台帳と配送指示の版を確かめてください")
    with Engine() as engine:
        rows = engine.run(
            load("deliveries", "shipping_row"), {"parcel": parcels, "parcel_line": lines, "address": addresses}
        )
    sending = pc.is_in(rows["action"], value_set=_SENDING)
    _refuse(rows, pc.and_(sending, pc.is_null(rows["address"])), "配送先のない出荷があります")
    without_line = pc.and_(sending, pc.is_null(rows["item_code"]))
    _refuse(rows, pc.and_not(without_line, _by_itself(rows)), "商品のない出荷があります")
    return rows


def write_instructions(rows: Iterable[pa.Table], stream: BinaryIO, *, programme: str, desk: str) -> None:
    """Write the instruction file from rows as `instruction_rows` gives them: CP932, CRLF.

    Raises:
        TodokeError: a sign that CP932 has not; names the shipment, never its text.
    """
    stream.write(_encode([], [COLUMNS]))
    fixed = (programme.translate(_CP932_SIGNS), desk.translate(_CP932_SIGNS))
    for part in rows:
        columns = _columns(part)
        stream.write(_encode(columns, ((*row, *fixed) for row in zip(*columns, strict=True))))


def recall_rows(parcels: pa.Table) -> pa.Table:
    """Rows of the recall file, in the same layout: parcels to be cancelled or stopped, as their action says.

    Raises:
        TodokeError: a parcel is to be sent; it needs an address and does not belong here.
    """
    return instruction_rows(parcels, _NO_LINES, _NO_ADDRESSES)


_NO_LINES = pa.schema(
    [("shipment_id", pa.string()), ("item_code", pa.string()), ("item_name", pa.string()), ("quantity", pa.int32())]
).empty_table()
_NO_ADDRESSES = pa.schema(
    [(name, pa.string()) for name in ("household_no", "postal_code", "address", "building", "name")]
).empty_table()


def _refuse(rows: pa.Table, wrong: pa.ChunkedArray, what: str) -> None:
    found = rows["shipment_id"].filter(wrong)
    if len(found):
        raise TodokeError(
            what,
            where=f"出荷番号 {found[0]} ほか計{len(found)}件",
            next_step="台帳・カタログの版を確かめてから、もう一度実行してください",
        )


def _by_itself(rows: pa.Table) -> pa.ChunkedArray:
    """Whether a parcel is sent that is one thing in itself, without a line."""
    alone = pc.and_(pc.is_null(rows["item_code"]), pc.is_in(rows["kind"], value_set=_WITHOUT_LINES))
    return pc.and_(pc.is_in(rows["action"], value_set=_SENDING), alone)


def _columns(rows: pa.Table) -> list[list[object]]:
    """The values as the carrier reads them, column by column, without the two that never change."""
    kinds = [_KIND_LABELS[kind] for kind in rows["kind"].to_pylist()]
    names = [name.translate(_CP932_SIGNS) if name else name for name in rows["item_name"].to_pylist()]
    own = _by_itself(rows).to_pylist()
    return [
        rows["shipment_id"].to_pylist(),
        rows["revision"].to_pylist(),
        [_ACTION_LABELS[action] for action in rows["action"].to_pylist()],
        list(kinds),
        *(rows[name].to_pylist() for name in ("application_no", "postal_code", "address", "building", "name")),
        rows["item_code"].to_pylist(),
        [kind if alone else name for kind, name, alone in zip(kinds, names, own, strict=True)],
        [1 if alone else quantity for quantity, alone in zip(rows["quantity"].to_pylist(), own, strict=True)],
    ]


def _encode(columns: list[list[object]], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    try:
        return text.getvalue().encode("cp932")
    except UnicodeEncodeError:
        raise _unprintable(columns) from None


def _unprintable(columns: list[list[object]]) -> TodokeError:
    """Which shipment and column cannot be written; the text itself stays out of the error."""
    for position, column in enumerate(columns):
        for row, value in enumerate(column):
            try:
                str(value).encode("cp932")
            except UnicodeEncodeError:
                where = f"出荷番号 {columns[0][row]} 項目「{COLUMNS[position]}」"
                return TodokeError(
                    "運送会社の文字コード（CP932）で表せない文字があります",
                    where=where,
                    next_step="この出荷を保留し、区に表記を照会してください",
                )
    return TodokeError(
        "運送会社の文字コード（CP932）で表せない文字があります",
        where="事業名・問合せ先",
        next_step="契約ファイルの name と contractor.desk を直してください",
    )
