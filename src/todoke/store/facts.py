"""Facts of the ledger as Arrow tables, for rules and reports to compute on; their rows are in no order.

Sorting and joining a million rows there took SQLite two thirds of the time: whoever needs an order says so in its rule.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Select, and_, or_, select

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
DIFFERENCE = pa.schema([("shipment_id", _text), ("desired_digest", _text), ("kind", _text), ("state", _text)])


def _columns(table: object, schema: pa.Schema, **renamed: str) -> list[object]:
    return [table.c[renamed.get(name, name)] for name in schema.names]  # type: ignore[attr-defined]


def shipments(tx: Connection, contract: str, kinds: Sequence[str], columns: Sequence[str] = ()) -> pa.Table:
    """The parcels of some kinds; `columns`: only these of `SHIPMENT`."""
    schema = pa.schema([SHIPMENT.field(name) for name in columns]) if columns else SHIPMENT
    query = select(*_columns(t.shipment, schema, shipment_id="id")).where(  # type: ignore[call-overload]
        t.shipment.c.contract == contract, t.shipment.c.kind.in_(kinds)
    )
    return fetch(tx, query, schema)


def differing_shipments(tx: Connection, contract: str) -> pa.Table:
    """The parcels that a difference speaks of."""
    query = select(*_columns(t.shipment, SHIPMENT, shipment_id="id")).where(  # type: ignore[call-overload]
        t.shipment.c.contract == contract, t.shipment.c.id.in_(select(t.difference.c.shipment_id))
    )
    return fetch(tx, query, SHIPMENT)


def revisions(tx: Connection, contract: str, kinds: Sequence[str]) -> pa.Table:
    """Every revision of the parcels of some kinds."""
    query = (
        select(*_columns(t.shipment_revision, REVISION))  # type: ignore[call-overload]
        .join(t.shipment, t.shipment.c.id == t.shipment_revision.c.shipment_id)
        .where(t.shipment.c.contract == contract, t.shipment.c.kind.in_(kinds))
    )
    return fetch(tx, query, REVISION)


def items(tx: Connection, contract: str, kinds: Sequence[str]) -> pa.Table:
    """What is in every revision of the parcels of some kinds."""
    query = (
        select(*_columns(t.shipment_item, ITEM))  # type: ignore[call-overload]
        .join(t.shipment, t.shipment.c.id == t.shipment_item.c.shipment_id)
        .where(t.shipment.c.contract == contract, t.shipment.c.kind.in_(kinds))
    )
    return fetch(tx, query, ITEM)


def decisions(tx: Connection, contract: str) -> pa.Table:
    """The current decision on every application."""
    return fetch(tx, _decisions(contract), DECISION)


def undecided(tx: Connection, contract: str) -> pa.Table:
    """The current decisions that leave something to a person: in review, or a duplicate that differs."""
    c = t.decision_head.c
    differing = and_(c.reason == Reason.DUPLICATE, c.differs)
    return fetch(tx, _decisions(contract).where(or_(c.status == Status.REVIEW, differing)), DECISION)


def _decisions(contract: str) -> Select[Any]:
    columns = _columns(t.decision_head, DECISION)
    query: Select[Any] = select(*columns).where(t.decision_head.c.contract == contract)  # type: ignore[call-overload]
    return query


def numbers(tx: Connection, contract: str) -> pa.Table:
    """Every application number ever given."""
    query = select(*_columns(t.application_number, NUMBER)).where(  # type: ignore[call-overload]
        t.application_number.c.contract == contract
    )
    return fetch(tx, query, NUMBER)


def events(tx: Connection, states: Collection[str] = (), *, landed_after: int | None = None) -> pa.Table:
    """What carriers said of the parcels of this ledger, which is one contract's.

    Args:
        states: only what they said in these words.
        landed_after: leave out parcels of which nothing was landed after this position of the stream.
    """
    query: Select[Any] = select(*_columns(t.shipment_event, EVENT))  # type: ignore[call-overload]
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


def differences(tx: Connection, contract: str) -> pa.Table:
    """Every difference found between answers and what was handed over."""
    query = select(*_columns(t.difference, DIFFERENCE)).where(  # type: ignore[call-overload]
        t.difference.c.contract == contract
    )
    return fetch(tx, query, DIFFERENCE)


def entitled_households(tx: Connection, contract: str) -> dict[str, tuple[int, int, str]]:
    """Members, points and state by household, as last published."""
    query = select(
        t.entitlement.c.household_no, t.entitlement.c.members, t.entitlement.c.points, t.entitlement.c.state
    ).where(t.entitlement.c.contract == contract)
    return {row[0]: (row[1], row[2], row[3]) for row in tx.execute(query)}
