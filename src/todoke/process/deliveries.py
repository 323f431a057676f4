"""`<contract>_deliveries`: what carriers say becomes the state of each parcel (G12)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, bindparam, select, update

from todoke.intake.inbox import IncomingFile
from todoke.parcels.carrier import latest_state, read_results
from todoke.process.receiving import Landing, receive
from todoke.process.workspace import Counts, Workspace
from todoke.store import facts
from todoke.store import tables as t
from todoke.store.ledger import Ledger, Pin, insert_ignoring_conflicts
from todoke.store.schema import QUARANTINE

_SOURCE = "carrier"
_KINDS = ("catalogue", "goods", "toilet", "coupon", "notice")
_STATE = ("state", "handed_over_at", "handed_over_on", "handed_rev", "delivered_on", "tracking_no")


def land_results(contract: str, on: date) -> Counts:
    """Takes the carrier's files of `inbox/<contract>/carrier`; the same event in two files is one fact."""
    return receive(Workspace.open(contract, on), _SOURCE, _read)


def _read(ws: Workspace, file: IncomingFile, payload: Path, receipt_no: str, pin: Pin) -> Landing:
    with payload.open("rb") as stream:
        read = read_results(stream, receipt_no, ws.contract.carrier.states)
    with ws.ledger.read() as tx:
        ids = tx.execute(select(t.shipment.c.id).where(t.shipment.c.contract == ws.contract.id)).scalars().all()
    known = pc.is_in(read.results["shipment_id"], value_set=pa.array(ids, pa.string()))
    results, strange = read.results.filter(known), read.results.filter(pc.invert(known))
    unknown = [
        {"receipt_no": receipt_no, "row_no": row, "field": "出荷番号", "reason": "shipment_unknown"}
        for row in strange["row_no"].to_pylist()
    ]
    bad = pa.concat_tables([read.quarantine, pa.Table.from_pylist(unknown, QUARANTINE)])
    tables = {"carrier_result": results}
    if bad.num_rows:
        tables["carrier_bad_row"] = pa.concat_tables([ws.head_table("carrier_bad_row", pin), bad])
    return Landing(read.rows, results.num_rows, bad.num_rows, tables, also=lambda tx: _keep_events(tx, results))


def _keep_events(tx: Connection, results: pa.Table) -> None:
    columns = ("shipment_id", "revision", "tracking_no", "state", "occurred_at")
    rows: list[dict[str, object]] = [
        {
            "source": _SOURCE,
            "source_ref": f"{shipment}/{revision or 0}/{state}/{occurred_at:%Y%m%d%H%M%S}",
            "shipment_id": shipment,
            "state": state,
            "revision": revision,
            "tracking_no": tracking_no,
            "occurred_at": occurred_at,
        }
        for shipment, revision, tracking_no, state, occurred_at in zip(
            *(results[name].to_pylist() for name in columns), strict=True
        )
    ]
    insert_ignoring_conflicts(tx, t.shipment_event, rows)


def settle(contract: str, on: date) -> Counts:
    """Brings every parcel to the state that its events say.

    Returns:
        changed: how many parcels moved.
    """
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        shipments = facts.shipments(tx, contract, _KINDS)
        events = facts.events(tx, contract)
    return {"changed": _advance(ws.ledger, shipments, latest_state(events), ws.contract.carrier.name)}


def _advance(ledger: Ledger, shipments: pa.Table, states: pa.Table, carrier: str) -> int:
    """Writes the states that differ; they follow from all facts, and facts only grow: two runs cannot disagree."""
    now = {
        row[0]: row[1:]
        for row in zip(
            *(
                shipments[name].to_pylist()
                for name in ("shipment_id", "state", "handed_over_at", "handed_rev", "delivered_on", "tracking_no")
            ),
            strict=True,
        )
    }
    changed = []
    columns = ("shipment_id", "state", "handed_over_at", "handed_over_on", "handed_revision", "delivered_on")
    for number, state, handed_at, handed_on, rev, delivered_on, tracking_no in zip(
        *(states[name].to_pylist() for name in (*columns, "tracking_no")), strict=True
    ):
        if now[number] != (state, handed_at, rev, delivered_on, tracking_no):
            values = (state, handed_at, handed_on, rev, delivered_on, tracking_no)
            changed.append({"key_id": number, **{f"new_{n}": v for n, v in zip(_STATE, values, strict=True)}})
    if not changed:
        return 0
    with ledger.write() as tx:
        ledger.move(tx)
        tx.execute(
            update(t.shipment)
            .where(t.shipment.c.id == bindparam("key_id"))
            .values(carrier=carrier, **{name: bindparam(f"new_{name}") for name in _STATE}),
            changed,
        )
    return len(changed)
