"""The form that goes with a confidential batch: how the ward has each of its parcels delivered (G09)."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from todoke.errors import GateClosed
from todoke.model.ward_values import DELIVERY_METHODS
from todoke.outbox.workbook import Column, Sheet, render

NAME = "delivery_methods.xlsx"
_COLUMNS = (
    Column("shipment_id", "出荷番号", 30),
    Column("application_no", "申込番号", 13),
    Column("postal_code", "送付先郵便番号", 14),
    Column("address", "送付先住所", 40, wrap=True),
    Column("building", "送付先方書", 22, wrap=True),
    Column("held_at", "留置先名称", 22, wrap=True),
    Column("recipient_name", "送付先氏名", 18, wrap=True),
)
_NOTE = "送付先はすべて区の指示によるものです。台帳の住所は使わず、この表の送付先だけで配送してください。"


def delivery_methods(parcels: pa.Table, *, count: int, batch: str, programme: str, title: str) -> bytes:
    """The workbook, one sheet for each method that occurs; equal for equal input.

    Args:
        parcels: shipment_id, application_no, delivery_method, postal_code, address, building, held_at,
            recipient_name.
        count: how many parcels the batch has; batch: its id.

    Raises:
        GateClosed: a parcel of the batch would be on no sheet: no method that we know is said of it.
    """
    by_method = ((method, parcels.filter(pc.equal(parcels["delivery_method"], method))) for method in DELIVERY_METHODS)
    sheets = [Sheet(method, _COLUMNS, rows, notes=(_NOTE,)) for method, rows in by_method if rows.num_rows]
    listed = sum(sheet.rows.num_rows for sheet in sheets)
    if listed != count:
        raise GateClosed(
            f"{NAME} の行数（{listed}）が束の数（{count}）と違います",
            where=batch,
            next_step="秘匿世帯の配送方法（営業所留・局留・別住所）を確かめ、担当の技術者に連絡してください",
        )
    return render(sheets, title=title, subtitle=programme)
