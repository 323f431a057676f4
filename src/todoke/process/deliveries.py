"""`<contract>_deliveries`: what carriers say becomes the state of each parcel (G12)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, func, select

from todoke.intake.inbox import IncomingFile
from todoke.model.changes import Changes, StateChange
from todoke.model.codes import CarrierFinding, ShipmentKind
from todoke.parcels.carrier import read_results
from todoke.process.arrivals_quality import RESULTS, check_arrivals
from todoke.process.receiving import Landing, receive
from todoke.process.workspace import Computation, Counts, Workspace
from todoke.quality.arrivals import result_frame
from todoke.quality.remarks import result_remarks
from todoke.store import facts
from todoke.store import tables as t
from todoke.store.bulk import insert_rows
from todoke.store.ledger import Pin
from todoke.store.schema import QUARANTINE

if TYPE_CHECKING:
    import pandas as pd

_SOURCE = "carrier"
_PROCESS = "deliveries"


def land_results(contract: str, on: date) -> Counts:
    """Takes the carrier's files of `inbox/<contract>/carrier`; the same event in two files is one fact."""
    return receive(Workspace.open(contract, on), {_SOURCE: _read})


def _read(ws: Workspace, file: IncomingFile, payload: Path, receipt_no: str, pin: Pin) -> Landing:
    with payload.open("rb") as stream:
        read = read_results(stream, receipt_no, ws.contract.carrier.states)
    with ws.ledger.read() as tx:
        ours = facts.shipments(tx, ws.contract.id, list(ShipmentKind), ("shipment_id",))["shipment_id"]
    known = pc.is_in(read.results["shipment_id"], value_set=ours.combine_chunks())
    results, strange = read.results.filter(known), read.results.filter(pc.invert(known))
    unknown = [
        {"receipt_no": receipt_no, "row_no": row, "field": "出荷番号", "reason": CarrierFinding.SHIPMENT_UNKNOWN.value}
        for row in strange["row_no"].to_pylist()
    ]
    bad = pa.concat_tables([read.quarantine, pa.Table.from_pylist(unknown, QUARANTINE)])
    return Landing(
        read.rows,
        results.num_rows,
        bad.num_rows,
        {"carrier_result": results, "carrier_bad_row": bad},
        also=lambda tx, seq: _keep_events(tx, results, seq),
        adds=frozenset({"carrier_bad_row"}),
        blank=read.blank,
    )


def _keep_events(tx: Connection, results: pa.Table, seq: int) -> None:
    columns = ("shipment_id", "revision", "tracking_no", "state", "occurred_at")
    insert_rows(
        tx,
        t.shipment_event,
        ("source", "source_ref", "shipment_id", "state", "revision", "tracking_no", "occurred_at", "landed_seq"),
        (
            (
                _SOURCE,
                f"{shipment}/{revision or 0}/{state}/{occurred_at:%Y%m%d%H%M%S}",
                shipment,
                state,
                revision,
                tracking_no,
                occurred_at,
                seq,
            )
            for shipment, revision, tracking_no, state, occurred_at in zip(
                *(results[name].to_pylist() for name in columns), strict=True
            )
        ),
        skip_known=True,
    )


def check_results(contract: str, on: date) -> Counts:
    """Checks the parcels of which results have come since the last settlement; stops only for what the reader should
    not have taken.

    Returns:
        rows, remarks, page; nothing when nothing is new.
    """
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)

    def look() -> tuple[pa.Table, pd.DataFrame]:
        with ws.ledger.read() as tx:
            last = _last_settled(tx, contract)
            events = facts.events(tx, landed_after=last)
            shipments = facts.reported_shipments(tx, contract, -1 if last is None else last)
        term = ws.contract.term
        found = result_remarks(events, shipments, term.starts_on, term.ends_on)
        return found, result_frame(events, shipments, term.starts_on, term.ends_on)

    return check_arrivals(ws, pin, RESULTS, look, "carrier_bad_row")


def _last_settled(tx: Connection, contract: str) -> int | None:
    c = t.settlement.c
    last: int | None = tx.execute(
        select(func.max(c.seq)).where(c.contract == contract, c.process == _PROCESS)
    ).scalar_one()
    return last


def settle(contract: str, on: date) -> Counts:
    """Brings every parcel of which something new was said to the state that all its events say.

    Returns:
        changed: how many parcels moved.
    """
    ws = Workspace.open(contract, on)

    def plan(tx: Connection, _pin: Pin, _as_of: date) -> Computation:
        events = facts.events(tx, landed_after=_last_settled(tx, contract))
        return lambda: Changes(states=_states(facts.latest_state(events), ws.contract.carrier.name))

    done = ws.settle(_PROCESS, plan)
    return {"changed": done.counts["states"] if done else 0}


def _states(table: pa.Table, carrier: str) -> tuple[StateChange, ...]:
    columns = ("shipment_id", "state", "handed_over_at", "handed_over_on", "handed_revision", "delivered_on")
    return tuple(
        StateChange(number, state, handed_at, handed_on, rev, delivered_on, tracking_no, carrier)
        for number, state, handed_at, handed_on, rev, delivered_on, tracking_no in zip(
            *(table[name].to_pylist() for name in (*columns, "tracking_no")), strict=True
        )
    )
