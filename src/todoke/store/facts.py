"""Facts of the ledger as Arrow tables, for rules and reports to compute on."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from sqlalchemy import Connection, select

from todoke.store import tables as t
from todoke.store.ledger import fetch

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
REPORTED = pa.schema([("shipment_id", _text), ("released_on", _on), ("released_rev", _int)])
DIFFERENCE = pa.schema([("shipment_id", _text), ("desired_digest", _text), ("kind", _text), ("state", _text)])


def _columns(table: object, schema: pa.Schema, **renamed: str) -> list[object]:
    return [table.c[renamed.get(name, name)] for name in schema.names]  # type: ignore[attr-defined]


def shipments(tx: Connection, contract: str, kinds: Sequence[str]) -> pa.Table:
    """The parcels of some kinds, by id."""
    query = (
        select(*_columns(t.shipment, SHIPMENT, shipment_id="id"))  # type: ignore[call-overload]
        .where(t.shipment.c.contract == contract, t.shipment.c.kind.in_(kinds))
        .order_by(t.shipment.c.id)
    )
    return fetch(tx, query, SHIPMENT)


def differing_shipments(tx: Connection, contract: str) -> pa.Table:
    """The parcels that a difference speaks of, by id."""
    query = (
        select(*_columns(t.shipment, SHIPMENT, shipment_id="id"))  # type: ignore[call-overload]
        .where(t.shipment.c.contract == contract, t.shipment.c.id.in_(select(t.difference.c.shipment_id)))
        .order_by(t.shipment.c.id)
    )
    return fetch(tx, query, SHIPMENT)


def revisions(tx: Connection, contract: str, kinds: Sequence[str]) -> pa.Table:
    """Every revision of the parcels of some kinds, by id and revision."""
    query = (
        select(*_columns(t.shipment_revision, REVISION))  # type: ignore[call-overload]
        .join(t.shipment, t.shipment.c.id == t.shipment_revision.c.shipment_id)
        .where(t.shipment.c.contract == contract, t.shipment.c.kind.in_(kinds))
        .order_by(t.shipment_revision.c.shipment_id, t.shipment_revision.c.rev)
    )
    return fetch(tx, query, REVISION)


def items(tx: Connection, contract: str, kinds: Sequence[str]) -> pa.Table:
    """What is in every revision of the parcels of some kinds."""
    query = (
        select(*_columns(t.shipment_item, ITEM))  # type: ignore[call-overload]
        .join(t.shipment, t.shipment.c.id == t.shipment_item.c.shipment_id)
        .where(t.shipment.c.contract == contract, t.shipment.c.kind.in_(kinds))
        .order_by(t.shipment_item.c.shipment_id, t.shipment_item.c.rev, t.shipment_item.c.item_code)
    )
    return fetch(tx, query, ITEM)


def decisions(tx: Connection, contract: str) -> pa.Table:
    """The current decision on every application, by id."""
    query = (
        select(*_columns(t.decision_head, DECISION))  # type: ignore[call-overload]
        .where(t.decision_head.c.contract == contract)
        .order_by(t.decision_head.c.application_id)
    )
    return fetch(tx, query, DECISION)


def numbers(tx: Connection, contract: str) -> pa.Table:
    """Every application number ever given, by household."""
    query = (
        select(*_columns(t.application_number, NUMBER))  # type: ignore[call-overload]
        .where(t.application_number.c.contract == contract)
        .order_by(t.application_number.c.household_no)
    )
    return fetch(tx, query, NUMBER)


def events(tx: Connection, contract: str, landed_after: int | None = None) -> pa.Table:
    """Everything carriers said about parcels of the contract.

    Args:
        landed_after: leave out parcels of which nothing was landed after this position of the stream.
    """
    query = (
        select(*_columns(t.shipment_event, EVENT))  # type: ignore[call-overload]
        .join(t.shipment, t.shipment.c.id == t.shipment_event.c.shipment_id)
        .where(t.shipment.c.contract == contract)
        .order_by(t.shipment_event.c.source, t.shipment_event.c.source_ref)
    )
    if landed_after is not None:
        newer = select(t.shipment_event.c.shipment_id).where(t.shipment_event.c.landed_seq > landed_after)
        query = query.where(t.shipment_event.c.shipment_id.in_(newer))
    return fetch(tx, query, EVENT)


def reported_shipments(tx: Connection, contract: str, landed_after: int) -> pa.Table:
    """shipment_id, released_on and released_rev of the parcels of which anything was landed after this position."""
    newer = select(t.shipment_event.c.shipment_id).where(t.shipment_event.c.landed_seq > landed_after)
    query = (
        select(*_columns(t.shipment, REPORTED, shipment_id="id"))  # type: ignore[call-overload]
        .where(t.shipment.c.contract == contract, t.shipment.c.id.in_(newer))
        .order_by(t.shipment.c.id)
    )
    return fetch(tx, query, REPORTED)


def differences(tx: Connection, contract: str) -> pa.Table:
    """Every difference found between answers and what was handed over."""
    query = (
        select(*_columns(t.difference, DIFFERENCE))  # type: ignore[call-overload]
        .where(t.difference.c.contract == contract)
        .order_by(t.difference.c.shipment_id, t.difference.c.desired_digest)
    )
    return fetch(tx, query, DIFFERENCE)


def entitled_households(tx: Connection, contract: str) -> dict[str, tuple[int, int, str]]:
    """Members, points and state by household, as last published."""
    query = select(
        t.entitlement.c.household_no, t.entitlement.c.members, t.entitlement.c.points, t.entitlement.c.state
    ).where(t.entitlement.c.contract == contract)
    return {row[0]: (row[1], row[2], row[3]) for row in tx.execute(query)}
