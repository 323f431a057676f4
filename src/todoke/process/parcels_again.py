"""Parcels that go once more: to another address that the ward found (G23), or because a person asks for it (G24)."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from todoke.model.codes import Cause, ShipmentKind
from todoke.parcels.wanted import WANTED, Held, sent_again
from todoke.process.address_changes import CAME_BACK, moved_parcels
from todoke.process.register_inputs import version_parts
from todoke.process.ward_files import FileName, as_judged, file_names, in_order_of_effect
from todoke.process.workspace import Workspace
from todoke.register.succession import under_identity
from todoke.store import facts
from todoke.store.engine import Engine
from todoke.store.ledger import Pin
from todoke.store.sqlfiles import load

AGAIN = pa.schema(
    [("household_no", pa.string()), ("cause", pa.string()), ("cause_ref", pa.string()), ("is_open", pa.bool_())]
)


def catalogues_again(ws: Workspace, tx: Connection, pin: Pin, shipments: pa.Table) -> pa.Table:
    """The catalogues beyond the first that should be, as `AGAIN`; `is_open`: not released yet.

    Args:
        shipments: every catalogue, `facts.SHIPMENT`.
    """
    asked = requested(ws, pin, ShipmentKind.CATALOGUE, shipments)
    return pa.concat_tables([asked, _readdressed(ws, tx, pin, shipments, asked)])


def requested(ws: Workspace, pin: Pin, kind: ShipmentKind, shipments: pa.Table) -> pa.Table:
    """The parcels of a kind that persons have asked for, as `AGAIN`."""
    requests = ws.head_table("resend_request", pin)
    mine = requests.filter(pc.equal(requests["kind"], kind.value))
    released = shipments.filter(pc.is_valid(shipments["released_rev"]))["cause_ref"].combine_chunks()
    columns = [
        mine["household_no"],
        pa.repeat(pa.scalar(Cause.RESEND.value), mine.num_rows),
        mine["request_id"],
        pc.invert(pc.is_in(mine["request_id"], value_set=released)),
    ]
    return pa.table(columns, schema=AGAIN)


def goods_again(ws: Workspace, tx: Connection, pin: Pin, goods: Held) -> pa.Table:
    """The goods asked for once more, as `WANTED`: what the carrier had, sent to where they live now (G24)."""
    requests = ws.head_table("resend_request", pin)
    mine = requests.filter(pc.equal(requests["kind"], ShipmentKind.GOODS.value))
    if not mine.num_rows:
        return WANTED.empty_table()
    households = pc.unique(mine["household_no"]).to_pylist()
    inputs = {
        "resend_request": mine,
        "shipment": goods.shipments,
        "revision": goods.revisions,
        "item": facts.items(tx, ws.contract.id, [ShipmentKind.GOODS], households=households),
        "household": ws.head_table("household", pin),
    }
    with Engine() as engine:
        lines = engine.run(load("parcels", "goods_again"), inputs)
    return sent_again(lines)


def _readdressed(ws: Workspace, tx: Connection, pin: Pin, shipments: pa.Table, asked: pa.Table) -> pa.Table:
    """By the ward's rows that the register in force is made from: before that the address is the old one."""
    parts = version_parts(ws, tx, pin.heads["register"], "input")
    if "readdress_row" not in parts:
        return AGAIN.empty_table()
    names = file_names(tx, ws.contract.id)
    said = ws.lake.read(parts["readdress_row"])
    rows = as_judged(ws, "readdress_row", said, ws.version_table("query_answer", parts.get("query_answer")))
    moved = moved_parcels(ws, tx, pin, [ShipmentKind.CATALOGUE], CAME_BACK)
    inputs = {
        "shipment": shipments,
        "moved": pa.table({"shipment_id": pa.array(moved, pa.string())}),
        "readdress": _placed(under_identity(rows, ws.head_table("household_alias", pin)), names),
        "asked": asked.filter(asked["is_open"]).select(["household_no"]),
    }
    with Engine() as engine:
        found = engine.run(load("parcels", "catalogue_again"), inputs)
    cause = pa.repeat(pa.scalar(Cause.READDRESS.value), found.num_rows)
    return pa.table([found["household_no"], cause, found["cause_ref"], found["is_open"]], schema=AGAIN)


def _placed(rows: pa.Table, names: Mapping[str, FileName]) -> pa.Table:
    """household_no, cause_ref, place in the order of effect, said_on: the day of the file."""
    rows = pa.concat_tables([rows.slice(0, 0), *(each for _, each in in_order_of_effect(rows, names))])
    reference = pc.binary_join_element_wise(rows["receipt_no"], pc.cast(rows["row_no"], pa.string()), "/")
    said = [names[receipt].said_on for receipt in rows["receipt_no"].to_pylist()]
    return pa.table(
        {
            "household_no": rows["household_no"],
            "cause_ref": reference,
            "place": pa.array(range(rows.num_rows), pa.int64()),
            "said_on": pa.array(said, pa.date32()),
        }
    )
