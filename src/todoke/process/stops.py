"""Holding and stopping at once what a new register forbids, and the carrier's stop files (G09, G12).

Every process that publishes a register or releases parcels calls it, so that nothing leaves on the word of an older
register, and no stop waits for another process's day.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from todoke.model.changes import Changes
from todoke.model.codes import ShipmentKind
from todoke.parcels.diff import STOP
from todoke.parcels.safeguard import households_at_risk, safeguard
from todoke.parcels.wanted import Held
from todoke.process.batch_contents import publish_shipping
from todoke.process.pulled import taken_out
from todoke.process.releasing import claimed
from todoke.process.workspace import Computation, Counts, Workspace
from todoke.store import facts
from todoke.store.ledger import Pin

_KINDS = tuple(ShipmentKind)
_LABELLED = (ShipmentKind.CATALOGUE, ShipmentKind.TOILET, ShipmentKind.NOTICE)


def stop(contract: str, on: date) -> Counts:
    """Holds, stops and puts out the stop file; nothing to do is no work.

    Returns:
        held: parcels put on hold or stopped now; incidents newly found; stops: parcels in the stop files.
    """
    ws = Workspace.open(contract, on)
    held = hold(ws)
    return {**held, "stops": put_out(ws)}


def hold(ws: Workspace) -> dict[str, int]:
    """Settles what the register in force forbids, and what is to be pulled; returns how many parcels and incidents."""
    if not _register(ws):
        return {"held": 0, "incidents": 0}

    def plan(tx: Connection, pin: Pin, _as_of: date) -> Computation:
        household = ws.head_table("household", pin)
        out = {kind: taken_out(ws, tx, pin, kind) for kind in _LABELLED}
        barred = [(number, str(kind)) for kind, each in out.items() for number in each.households]
        numbers = sorted({*households_at_risk(household), *(number for number, _ in barred)})
        shipments = facts.shipments(tx, ws.contract.id, _KINDS, households=numbers)
        revisions = facts.revisions(tx, ws.contract.id, _KINDS, households=numbers)
        items = facts.items(tx, ws.contract.id, _KINDS, households=numbers)
        open_now = facts.differences(tx, ws.contract.id)

        def compute() -> Changes:
            held = Held(shipments, revisions)
            found = safeguard(ws.ledger.keys.id_key, ws.contract.id, household, held, items, pulled=barred)
            known = set(zip(*(open_now[name].to_pylist() for name in ("shipment_id", "kind", "state")), strict=True))
            incidents = tuple(d for d in found.differences if (d.shipment_id, d.kind, "open") not in known)
            return Changes(parcels=found.changes, differences=incidents, register_version=pin.heads["household"].id)

        return compute

    done = ws.settle("stops", plan, only_changes=True)
    return {
        "held": done.counts["parcels"] if done else 0,
        "incidents": done.counts["differences"] if done else 0,
    }


def _register(ws: Workspace) -> bool:
    with ws.ledger.read() as tx:
        return "household" in ws.ledger.heads(tx)


def put_out(ws: Workspace) -> int:
    """The stop files of everything that is to be stopped or cancelled; returns how many parcels."""
    stopped = 0
    for then, batch in claimed(ws, STOP):
        publish_shipping(then, batch)
        stopped += batch.members
    return stopped
