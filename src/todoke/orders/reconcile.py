"""The daily reconciliation: from everything received to one decision each and the parcels that should exist.

Pure: the same tables and rules give the same result, whatever the order of the rows and whenever it runs. The rules
themselves are the statements of `include/sql/orders/`, in the order told here (`interfaces.md`, daily reconciliation).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

import pyarrow as pa

from todoke.store import sqlfiles
from todoke.store.engine import Engine

_PROCESS = "orders"

#: Tables of every order taken by itself, each by the statement of its name.
_EACH_ORDER = (
    "10_addressee",
    "12_shipped",
    "20_card",
    "22_card_match",
    "24_card_household",
    "26_card_agreement",
    "30_application",
    "32_amendment_in_turn",
    "40_order_line",
    "42_order_content",
    "50_application_check",
)
#: Tables made before the first amendment is looked at.
_BEFORE_AMENDMENTS = (
    "52_contender",
    "60_amendment_case",
    "62_amendment_outcome",
)
#: Tables made when the outcome of every amendment is known.
_AFTER_AMENDMENTS = (
    "66_amendment_effect",
    "68_withdrawal",
    "70_candidate",
    "72_standing",
    "74_differing",
    "90_parcel_order",
)

DECISION = pa.schema(
    [
        ("application_id", pa.string()),
        ("source", pa.string()),
        ("household_no", pa.string()),
        ("received_at", pa.timestamp("us")),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("points", pa.int64()),
        ("differs_from_standing", pa.bool_()),
    ]
)
PARCEL = pa.schema(
    [
        ("household_no", pa.string()),
        ("cause", pa.string()),
        ("cause_ref", pa.string()),
        ("source_ref", pa.string()),
        ("held", pa.bool_()),
    ]
)
PARCEL_LINE = pa.schema(
    [
        ("household_no", pa.string()),
        ("cause", pa.string()),
        ("cause_ref", pa.string()),
        ("item_code", pa.string()),
        ("quantity", pa.int64()),
    ]
)


@dataclass(frozen=True)
class OrderInputs:
    """Everything a day is decided from, as Arrow tables; postal codes are 7 digits, times naive Asia/Tokyo.

    Attributes:
        household: `HOUSEHOLD` of the register version in force, deleted and held households too.
        application_number: household_no, application_no of every household ever published.
        kana_key: household_no, kana_key (`folding.kana_keys`).
        delivery_postal: household_no, postal_code of delivery instructions (`folding.delivery_postals`).
        web_application, web_line, amendment, amendment_line, catalogue: datasets of their names.
        postcard: `POSTCARD` with name_key and postal_key (`postcards.with_keys`).
        postcard_line: `POSTCARD_LINE` with quantity and quantity_readable (`postcards.with_quantities`).
        shipment: household_no, kind, sequence, cause, cause_ref, source_ref, released_on, handed_over_at.
    """

    household: pa.Table
    application_number: pa.Table
    kana_key: pa.Table
    delivery_postal: pa.Table
    web_application: pa.Table
    web_line: pa.Table
    postcard: pa.Table
    postcard_line: pa.Table
    amendment: pa.Table
    amendment_line: pa.Table
    catalogue: pa.Table
    shipment: pa.Table


@dataclass(frozen=True)
class OrderRules:
    """What the contract says on the business date `as_of`; facts after that day are left out.

    Attributes:
        deadline: the last day applications are taken.
        threshold: a postcard's field read with less confidence is unreadable.
        postmark: postcards count by postmark where there is one.
        amend_until_handover: `replace` and `add` are taken after the deadline.
    """

    as_of: date
    deadline: date
    points_per_member: int
    threshold: float
    postmark: bool
    amend_until_handover: bool


@dataclass(frozen=True)
class Desired:
    """What should be: `DECISION` by application_id, `PARCEL` and `PARCEL_LINE` (kind goods) by household and cause."""

    decision: pa.Table
    parcel: pa.Table
    parcel_line: pa.Table


def reconcile(engine: Engine, inputs: OrderInputs, rules: OrderRules) -> Desired:
    """Decides every application and amendment and says which goods parcels should exist, with what in them.

    Args:
        engine: a fresh engine; it is left filled.
    """
    params = _read_orders(engine, inputs, rules)
    for name in _BEFORE_AMENDMENTS:
        _create(engine, name, params)
    _follow_amendments(engine, params)
    for name in _AFTER_AMENDMENTS:
        _create(engine, name, params)
    return Desired(
        decision=_fetch(engine, "80_decision", params).cast(DECISION),
        parcel=_fetch(engine, "92_parcel", params).cast(PARCEL),
        parcel_line=_fetch(engine, "94_parcel_line", params).cast(PARCEL_LINE),
    )


def possible_senders(engine: Engine, inputs: OrderInputs, rules: OrderRules) -> pa.Table:
    """household_no of the households that an order in review may come from while nobody knows whose it is.

    Args:
        engine: a fresh engine; it is left filled.
    """
    return _fetch(engine, "84_possible_sender", _read_orders(engine, inputs, rules))


def _read_orders(engine: Engine, inputs: OrderInputs, rules: OrderRules) -> dict[str, object]:
    """Judges every order by itself; returns the parameters of all statements."""
    params = {field.name: getattr(rules, field.name) for field in fields(rules)}
    for field in fields(inputs):
        engine.register(field.name, getattr(inputs, field.name))
    for name in _EACH_ORDER:
        _create(engine, name, params)
    return params


def _follow_amendments(engine: Engine, params: dict[str, object]) -> None:
    """Each amendment stands on what the household's one before it left: all first ones, all second ones, …"""
    step = sqlfiles.load(_PROCESS, "64_amendment_step")
    last_turn = _fetch(engine, "63_last_turn", params)["turn"][0].as_py()
    for turn in range(1, last_turn + 1):
        engine.append("amendment_outcome", step, {**params, "turn": turn})


def _create(engine: Engine, name: str, params: dict[str, object]) -> None:
    engine.create(name.partition("_")[2], sqlfiles.load(_PROCESS, name), params)


def _fetch(engine: Engine, name: str, params: dict[str, object]) -> pa.Table:
    return engine.fetch(sqlfiles.load(_PROCESS, name), params)
