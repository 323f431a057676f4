"""Facts of the ledger as Arrow tables, for rules and reports to compute on; their rows are in no order.

Sorting and joining a million rows there took SQLite two thirds of the time: whoever needs an order says so in its rule.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, Select, String, Table, and_, case, cast, func, or_, select

from todoke.model.codes import Reason, Status
from todoke.store import tables as t
from todoke.store.engine import Engine
from todoke.store.ledger import fetch
from todoke.store.sqlfiles import load

_text, _int, _on, _at = pa.string(), pa.int32(), pa.date32(), pa.timestamp("us")

SHIPMENT = pa.schema(
    [
        ("shipment_id", _text),
        ("household_no", _text),
        ("kind", _text),
        ("sequence", _int),
        ("cause", _text),
        ("cause_ref", _text),
        ("state", _text),
        ("revision", _int),
        ("released_rev", _int),
        ("released_on", _on),
        ("handed_over_at", _at),
        ("handed_rev", _int),
        ("told_rev", _int),
        ("delivered_on", _on),
        ("tracking_no", _text),
    ]
)
REVISION = pa.schema(
    [
        ("shipment_id", _text),
        ("rev", _int),
        ("content_digest", _text),
        ("action", _text),
        ("source_ref", _text),
        ("points", _int),
        ("effect_kind", _text),
    ]
)
ITEM = pa.schema([("shipment_id", _text), ("rev", _int), ("item_code", _text), ("quantity", _int)])
DECISION = pa.schema(
    [
        ("application_id", _text),
        ("source", _text),
        ("household_no", _text),
        ("received_at", _at),
        ("status", _text),
        ("reason", _text),
        ("points", _int),
        ("differs", pa.bool_()),
        ("as_of", _on),
    ]
)
NUMBER = pa.schema([("household_no", _text), ("application_no", _text)])
EVENT = pa.schema(
    [
        ("source", _text),
        ("source_ref", _text),
        ("shipment_id", _text),
        ("state", _text),
        ("revision", _int),
        ("tracking_no", _text),
        ("occurred_at", _at),
    ]
)
REPORTED = pa.schema([("shipment_id", _text), ("released_on", _on), ("released_rev", _int)])
DIFFERENCE = pa.schema([("shipment_id", _text), ("desired_digest", _text), ("kind", _text), ("state", _text)])


#: Households in one statement: SQLite and PostgreSQL both take many more parameters.
_IN_ONE = 500


def _told_at_hand_over() -> ColumnElement[Any]:
    """The revision that the carrier had when it took a parcel without saying which: files leave after their day."""
    s, r, e, b = t.shipment.c, t.shipment_revision.c, t.effect.c, t.batch.c
    key = r.shipment_id.concat("/").concat(cast(r.rev, String))
    last_before = (
        select(func.max(r.rev))
        .join(t.effect, e.key == key)
        .join(t.batch, b.id == e.batch_id)
        .where(r.shipment_id == s.id, b.business_on < func.coalesce(s.handed_over_on, b.business_on))
        .scalar_subquery()
    )
    doubtful = and_(s.handed_over_at.is_not(None), s.handed_rev.is_(None), s.revision > 1)
    return case((doubtful, func.coalesce(last_before, 1)), else_=None)


_SHIPMENT_COLUMN: dict[str, ColumnElement[Any]] = {
    **{name: t.shipment.c[name] for name in SHIPMENT.names if name in t.shipment.c},
    "shipment_id": t.shipment.c.id,
    "told_rev": _told_at_hand_over(),
}


def shipments(
    tx: Connection,
    contract: str,
    kinds: Sequence[str],
    columns: Sequence[str] = (),
    *,
    households: Sequence[str] | None = None,
) -> pa.Table:
    """The parcels of some kinds.

    Args:
        columns: only these of `SHIPMENT`.
        households: only theirs.
    """
    schema = pa.schema([SHIPMENT.field(name) for name in columns]) if columns else SHIPMENT
    query = select(*(_SHIPMENT_COLUMN[name] for name in schema.names)).where(*_mine(contract, kinds))
    return _fetch_of(tx, query, schema, households)


def _mine(contract: str, kinds: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return t.shipment.c.contract == contract, t.shipment.c.kind.in_(kinds)


def _fetch_of(tx: Connection, query: Select[Any], schema: pa.Schema, households: Sequence[str] | None) -> pa.Table:
    """The rows of all households, or of a few, some hundreds at a time."""
    if households is None:
        return fetch(tx, query, schema)
    some = [households[start : start + _IN_ONE] for start in range(0, len(households), _IN_ONE)]
    parts = [fetch(tx, query.where(t.shipment.c.household_no.in_(part)), schema) for part in some]
    return pa.concat_tables(parts) if parts else schema.empty_table()


def differing_shipments(tx: Connection, contract: str) -> pa.Table:
    """The parcels that a difference speaks of."""
    query = select(*(_SHIPMENT_COLUMN[name] for name in SHIPMENT.names)).where(
        t.shipment.c.contract == contract, t.shipment.c.id.in_(select(t.difference.c.shipment_id))
    )
    return fetch(tx, query, SHIPMENT)


def revisions(
    tx: Connection, contract: str, kinds: Sequence[str], *, households: Sequence[str] | None = None
) -> pa.Table:
    """Every revision of the parcels of some kinds; `households`: only theirs."""
    query = _with_shipment(t.shipment_revision, REVISION).where(*_mine(contract, kinds))
    return _fetch_of(tx, query, REVISION, households)


def items(tx: Connection, contract: str, kinds: Sequence[str], *, households: Sequence[str] | None = None) -> pa.Table:
    """What is in every revision of the parcels of some kinds; `households`: only theirs."""
    query = _with_shipment(t.shipment_item, ITEM).where(*_mine(contract, kinds))
    return _fetch_of(tx, query, ITEM, households)


def _with_shipment(table: Table, schema: pa.Schema) -> Select[Any]:
    columns = [table.c[name] for name in schema.names]
    return select(*columns).join(t.shipment, t.shipment.c.id == table.c.shipment_id)


def decisions(tx: Connection, contract: str) -> pa.Table:
    """The current decision on every application."""
    return fetch(tx, _decisions(contract), DECISION)


def undecided(tx: Connection, contract: str) -> pa.Table:
    """The current decisions that leave something to a person: in review, or a duplicate that differs."""
    c = t.decision_head.c
    differing = and_(c.reason == Reason.DUPLICATE, c.differs)
    return fetch(tx, _decisions(contract).where(or_(c.status == Status.REVIEW, differing)), DECISION)


def _decisions(contract: str) -> Select[Any]:
    c = t.decision_head.c
    return select(*(c[name] for name in DECISION.names)).where(c.contract == contract)


def numbers(tx: Connection, contract: str) -> pa.Table:
    """Every application number ever given."""
    c = t.application_number.c
    query = select(c.household_no, c.application_no).where(c.contract == contract)
    return fetch(tx, query, NUMBER)


def events(tx: Connection, states: Collection[str] = (), *, landed_after: int | None = None) -> pa.Table:
    """What carriers said of the parcels of this ledger, which is one contract's.

    Args:
        states: only what they said in these words.
        landed_after: leave out parcels of which nothing was landed after this position of the stream.
    """
    query: Select[Any] = select(*(t.shipment_event.c[name] for name in EVENT.names))
    if states:
        query = query.where(t.shipment_event.c.state.in_(states))
    if landed_after is not None:
        newer = select(t.shipment_event.c.shipment_id).where(t.shipment_event.c.landed_seq > landed_after)
        query = query.where(t.shipment_event.c.shipment_id.in_(newer))
    return fetch(tx, query, EVENT)


def latest_state(events: pa.Table) -> pa.Table:
    """Where each shipment stands, one row each, by `include/sql/deliveries/shipment_state.sql`.

    In: source, source_ref, shipment_id, state, revision, tracking_no, occurred_at (`EVENT`). Out:
    shipment_id, state, state_at, handed_over_at, handed_over_on, handed_revision, delivered_on, tracking_no.
    """
    with Engine() as engine:
        return engine.run(load("deliveries", "shipment_state"), {"shipment_event": events})


def reported_shipments(tx: Connection, contract: str, landed_after: int) -> pa.Table:
    """shipment_id, released_on and released_rev of the parcels of which anything was landed after this position."""
    newer = select(t.shipment_event.c.shipment_id).where(t.shipment_event.c.landed_seq > landed_after)
    columns = (_SHIPMENT_COLUMN[name] for name in REPORTED.names)
    query = select(*columns).where(t.shipment.c.contract == contract, t.shipment.c.id.in_(newer))
    return fetch(tx, query, REPORTED)


def differences(tx: Connection, contract: str) -> pa.Table:
    """Every difference found between answers and what was handed over."""
    c = t.difference.c
    query = select(c.shipment_id, c.desired_digest, c.kind, c.state).where(c.contract == contract)
    return fetch(tx, query, DIFFERENCE)


def entitled_households(tx: Connection, contract: str) -> dict[str, tuple[int, int, str]]:
    """Members, points and state by household, as last published."""
    query = select(
        t.entitlement.c.household_no, t.entitlement.c.members, t.entitlement.c.points, t.entitlement.c.state
    ).where(t.entitlement.c.contract == contract)
    return {row[0]: (row[1], row[2], row[3]) for row in tx.execute(query)}
