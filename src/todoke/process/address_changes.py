"""Parcels on their way to an address, or by a delivery method, that is no longer the household's.

Nothing is kept for it: a batch names the versions that its addresses were taken from.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, func, select

from todoke.model.codes import ShipmentState
from todoke.process.addresses import delivery_addresses
from todoke.process.workspace import Workspace
from todoke.store import tables as t
from todoke.store.ledger import Pin, VersionRef, fetch

#: What an address is taken from.
_SOURCES = ("household", "person", "delivery_instruction")
_ON_THE_WAY = (
    *(ShipmentState.RELEASED, ShipmentState.HANDED_OVER, ShipmentState.IN_TRANSIT),
    *(ShipmentState.ABSENT, ShipmentState.HELD, ShipmentState.DELAYED),
)
CAME_BACK = (
    *(ShipmentState.RETURNED_UNKNOWN_ADDRESS, ShipmentState.RETURNED_REFUSED, ShipmentState.RETURNED_EXPIRED),
    ShipmentState.LOST,
)
_SENT = pa.schema([("shipment_id", pa.string()), ("household_no", pa.string())])
_WHERE_TO = ("postal_code", "town", "block", "building", "addressee", "delivery_method")


def moved_parcels(
    ws: Workspace,
    tx: Connection,
    pin: Pin,
    kinds: Sequence[str],
    states: Collection[ShipmentState] = _ON_THE_WAY,
) -> list[str]:
    """Ids of the parcels in some states whose label or instruction says another address or delivery method than now.

    By default those released and not yet delivered; what the carrier took counts once it has. A household that has no
    address any more is not among them: its parcels are stopped.
    """
    now = {name: pin.heads[name].id for name in _SOURCES if name in pin.heads}
    b = t.batch.c
    batches: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for number, inputs in tx.execute(select(b.id, b.inputs).where(b.contract == ws.contract.id)):
        then = {name: version for name, version in json.loads(inputs).items() if name in _SOURCES}
        if then != now:
            batches.setdefault(tuple(sorted(then.items())), []).append(number)
    if not batches:
        return []
    moved: list[str] = []
    current: pa.Table | None = None
    for then_ids, numbers in batches.items():
        sent = _sent(tx, kinds, states, numbers)
        if not sent.num_rows:
            continue
        if current is None:
            current = delivery_addresses(ws, pin.heads)
        then_heads = {name: ws.ledger.version(tx, version) for name, version in then_ids}
        moved += _elsewhere(sent, _where_to(ws, then_heads, sent), current)
    return sorted(moved)


def _sent(tx: Connection, kinds: Sequence[str], states: Collection[ShipmentState], batches: list[str]) -> pa.Table:
    """The parcels that the carrier has as these batches told it."""
    s, e = t.shipment.c, t.effect.c
    query = (
        select(s.id, s.household_no)
        .join(t.shipment, (s.id == e.shipment_id) & (func.coalesce(s.handed_rev, s.released_rev) == e.rev))
        .where(e.batch_id.in_(batches), s.kind.in_(kinds), s.state.in_(states))
    )
    return fetch(tx, query, _SENT)


def _where_to(ws: Workspace, versions: dict[str, VersionRef], sent: pa.Table) -> pa.Table:
    addresses = delivery_addresses(ws, versions)
    return addresses.filter(pc.is_in(addresses["household_no"], value_set=sent["household_no"].combine_chunks()))


def _elsewhere(sent: pa.Table, then: pa.Table, now: pa.Table) -> list[str]:
    columns = ["household_no", *_WHERE_TO]
    both = then.select(columns).join(now.select(columns), "household_no", join_type="inner", right_suffix="_now")
    same = pa.scalar(value=True)
    for name in _WHERE_TO:
        same = pc.and_(same, pc.equal(pc.fill_null(both[name], ""), pc.fill_null(both[f"{name}_now"], "")))
    households = both["household_no"].filter(pc.invert(same)) if both.num_rows else pa.chunked_array([[]], pa.string())
    found = sent["shipment_id"].filter(pc.is_in(sent["household_no"], value_set=households.combine_chunks()))
    ids: list[str] = found.to_pylist()
    return ids
