"""`<contract>_orders`: the daily reconciliation – land, settle, release (G12, G17–G20)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from todoke.contract import loader
from todoke.errors import KeyMissing
from todoke.intake.inbox import IncomingFile
from todoke.model.changes import Changes, DecisionChange, effect_kind
from todoke.model.codes import ShipmentKind
from todoke.orders import postcards, web
from todoke.orders.folding import delivery_postals, kana_keys
from todoke.orders.reconcile import Desired, OrderInputs, OrderRules, reconcile
from todoke.orders.reconcile import possible_senders as find_possible_senders
from todoke.parcels.ledger_parcels import new_and_settled
from todoke.parcels.wanted import Held, changed_parcels, goods_wanted
from todoke.process import stops
from todoke.process.address_changes import moved_parcels
from todoke.process.arrivals_quality import POSTCARDS, check_arrivals
from todoke.process.batch_contents import publish_shipping
from todoke.process.catalogue import land_catalogue
from todoke.process.parcels_again import goods_again
from todoke.process.receiving import Landing, receive
from todoke.process.register_inputs import instructions_in_force
from todoke.process.releasing import claimed
from todoke.process.review import publish_review
from todoke.process.workspace import Computation, Counts, Workspace
from todoke.quality.arrivals import card_frame
from todoke.quality.remarks import CardRules, card_remarks
from todoke.store import facts
from todoke.store.engine import Engine
from todoke.store.ledger import Pin
from todoke.store.sqlfiles import load

if TYPE_CHECKING:
    import pandas as pd

_NOTHING_SHIPPED = facts.SHIPMENT.append(pa.field("source_ref", pa.string())).empty_table()
_RELEASED = tuple(effect_kind(ShipmentKind.GOODS, confidential=each) for each in (False, True))


def land_web(contract: str, on: date) -> Counts:
    """Applications, amendments and the catalogue as they stand at the source; unchanged rows make no version.

    Returns:
        rows by dataset; late_changes: rows changed at the source after the deadline, which are not taken.
    """
    ws = Workspace.open(contract, on)
    land_catalogue(ws)
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
    current = web.extract(web_url(contract))
    known = {name: ws.head_table(name, pin) for name in web.ORDER_TABLES} if "web_application" in pin.heads else None
    taken, late = web.hold_late_changes(known, current, ws.contract.applications.deadline)
    ws.commit_tables({**taken, "late_change": late}, pin.heads, ["web"])
    return {name: table.num_rows for name, table in taken.items()} | {"late_changes": late.num_rows}


def web_url(contract: str) -> str:
    """The SQLAlchemy URL of the contract's web database.

    Raises:
        KeyMissing: it is not set.
    """
    name = f"TODOKE_{contract.upper()}_WEB"
    url = os.environ.get(name)
    if not url:
        raise KeyMissing(
            "Web申込データベースの接続先がありません",
            where=name,
            next_step=f"Airflowの接続 {contract}_web か環境変数を設定してください",
        )
    return url


def land_postcards(contract: str, on: date) -> Counts:
    """Takes the scanned postcards of `inbox/<contract>/postcards` (CP932)."""
    ws = Workspace.open(contract, on)
    return receive(ws, {"postcards": _read_postcards})


def _read_postcards(ws: Workspace, file: IncomingFile, payload: Path, receipt_no: str, pin: Pin) -> Landing:
    with payload.open("rb") as stream:
        new = postcards.read_cards(stream, receipt_no)
    known = postcards.Cards(ws.head_table("postcard", pin), ws.head_table("postcard_line", pin))
    merged, repeated = postcards.merge_cards(known, new.cards)
    bad = pa.concat_tables([new.quarantine, repeated])
    tables = {"postcard": merged.card, "postcard_line": merged.line, "postcard_bad_row": bad}
    adds = frozenset({"postcard_bad_row"})
    return Landing(new.rows, new.rows - bad.num_rows, bad.num_rows, tables, adds=adds, blank=new.blank)


def check_postcards(contract: str, on: date) -> Counts:
    """Checks the postcards taken so far when new ones have come; stops only for what the reader should not have taken.

    Returns:
        rows, remarks, page; nothing when nothing is new.
    """
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)

    def look() -> tuple[pa.Table, pd.DataFrame]:
        card, line = ws.head_table("postcard", pin), ws.head_table("postcard_line", pin)
        item_codes = ws.head_table("catalogue", pin, ["item_code"])["item_code"]
        terms = ws.contract.applications
        rules = CardRules(terms.confidence_threshold, terms.opens_on, ws.contract.term.ends_on)
        return card_remarks(card, line, item_codes, rules), card_frame(card, line, item_codes, rules)

    return check_arrivals(ws, pin, POSTCARDS, look, "postcard_line", "postcard_bad_row", "catalogue")


@dataclass(frozen=True)
class _Facts:
    """What the ledger holds of goods and toilets, pinned."""

    numbers: pa.Table
    goods: Held
    toilets: Held
    decisions: pa.Table
    differences: pa.Table
    moved: list[str]
    again: pa.Table

    @classmethod
    def read(cls, ws: Workspace, tx: Connection, pin: Pin) -> _Facts:
        contract = ws.contract.id
        goods, toilets = (
            Held(facts.shipments(tx, contract, [kind]), facts.revisions(tx, contract, [kind]))
            for kind in ("goods", "toilet")
        )
        return cls(
            facts.numbers(tx, contract),
            goods,
            toilets,
            facts.decisions(tx, contract),
            facts.differences(tx, contract),
            moved_parcels(ws, tx, pin, ["goods"]),
            goods_again(ws, tx, pin, goods),
        )


def settle(contract: str, on: date) -> Counts:
    """Decides everything received up to the frontier and writes what changed.

    A date before the frontier is restated – its decisions are computed and counted, nothing of it is written – and
    effects are computed at the frontier.

    Returns:
        settlement (empty when nothing changed), applications by status on `on`, changes by kind.
    """
    ws = Workspace.open(contract, on)
    restated: dict[str, int] = {}

    def plan(tx: Connection, pin: Pin, as_of: date) -> Computation:
        known = _Facts.read(ws, tx, pin)

        def compute() -> Changes:
            inputs = order_inputs(ws, pin, known.numbers, _shipment_facts(known))
            desired = decide(ws, inputs, as_of)
            restated.update(_statuses(desired if on == as_of else decide(ws, inputs, on)))
            return _changes(ws, pin, desired, known, inputs)

        return compute

    done = ws.settle("orders", plan)
    counts: Counts = {"settlement": done.id if done else "", **restated}
    return counts | (done.counts if done else {"decisions": 0, "parcels": 0, "differences": 0})


def decide(ws: Workspace, inputs: OrderInputs, as_of: date) -> Desired:
    """The reconciliation of a day under the contract as it is on that day."""
    with Engine() as engine:
        return reconcile(engine, inputs, _rules(ws, as_of))


def possible_senders(ws: Workspace, pin: Pin, numbers: pa.Table, as_of: date) -> pa.Table:
    """household_no of those that an order in review, so far nobody's, may come from; what was shipped says nothing."""
    with Engine() as engine:
        return find_possible_senders(engine, order_inputs(ws, pin, numbers, _NOTHING_SHIPPED), _rules(ws, as_of))


def _rules(ws: Workspace, as_of: date) -> OrderRules:
    contract = loader.load(ws.contract.id, as_of)
    return OrderRules(
        as_of=as_of,
        deadline=contract.applications.deadline,
        points_per_member=contract.entitlement.points_per_member,
        threshold=contract.applications.confidence_threshold,
        postmark=contract.applications.postcard_day == "postmark",
        amend_until_handover=contract.applications.amend_until == "handover",
    )


def order_inputs(ws: Workspace, pin: Pin, numbers: pa.Table, shipment: pa.Table) -> OrderInputs:
    """Everything the rules read, from the pinned versions and facts."""
    person = ws.head_table("person", pin, ["household_no", "member_kana", "head_kana"])
    return OrderInputs(
        household=ws.head_table("household", pin),
        application_number=numbers,
        kana_key=kana_keys(person),
        delivery_postal=delivery_postals(instructions_in_force(ws, pin.heads)),
        web_application=ws.head_table("web_application", pin),
        web_line=ws.head_table("web_line", pin),
        postcard=postcards.with_keys(ws.head_table("postcard", pin)),
        postcard_line=postcards.with_quantities(ws.head_table("postcard_line", pin)),
        amendment=ws.head_table("amendment", pin),
        amendment_line=ws.head_table("amendment_line", pin),
        catalogue=ws.head_table("catalogue", pin),
        shipment=shipment,
    )


def _shipment_facts(known: _Facts) -> pa.Table:
    """Released goods and toilets with the application whose order they carry."""
    columns = ["shipment_id", "household_no", "kind", "sequence", "cause", "cause_ref", "released_on", "handed_over_at"]
    shipments = pa.concat_tables([known.goods.shipments, known.toilets.shipments])
    released = shipments.filter(pc.is_valid(shipments["released_on"])).select([*columns, "released_rev"])
    revisions = pa.concat_tables([known.goods.revisions, known.toilets.revisions]).select(
        ["shipment_id", "rev", "source_ref"]
    )
    # what the household's goods stand for does not change when a later revision withdraws them
    first = revisions.filter(pc.equal(revisions["rev"], 1)).drop_columns(["rev"])
    return released.join(first, "shipment_id").drop_columns(["shipment_id", "released_rev"])


def _statuses(desired: Desired) -> dict[str, int]:
    counted = pc.value_counts(desired.decision["status"]).to_pylist()
    return {f"on_date_{item['values']}": item["counts"] for item in counted}


def _changes(ws: Workspace, pin: Pin, desired: Desired, known: _Facts, inputs: OrderInputs) -> Changes:
    parcels = changed_parcels(
        ws.ledger.keys.id_key,
        ws.contract.id,
        pa.concat_tables(
            [goods_wanted(desired.parcel, desired.parcel_line, inputs.catalogue, inputs.household), known.again]
        ),
        known.goods,
        displaced=known.toilets,
        moved=known.moved,
    )
    found, gone = new_and_settled(parcels.differences, known.differences, known.goods.shipments)
    register = pin.heads.get("household")
    return Changes(
        decisions=_decision_changes(desired.decision, known.decisions),
        parcels=parcels.changes,
        differences=found,
        settled_differences=gone,
        register_version=register.id if register else "",
    )


def _decision_changes(desired: pa.Table, known: pa.Table) -> tuple[DecisionChange, ...]:
    with Engine() as engine:
        changed = engine.run(load("orders", "82_changed_decision"), {"desired": desired, "known": known})
    return tuple(DecisionChange(*row) for row in zip(*(column.to_pylist() for column in changed.columns), strict=True))


def release(contract: str, on: date) -> Counts:
    """Locks and puts out what is to be shipped or stopped, and the operators' review workbook.

    Returns:
        parcels and batches by kind; review: items in the workbook.
    """
    ws = Workspace.open(contract, on)
    held = stops.hold(ws)
    counts: Counts = {"batches": 0, "goods": 0, **held, "stops": stops.put_out(ws)}
    for kind in _RELEASED:
        for then, batch in claimed(ws, kind, refresh=lambda: stops.hold(ws)):
            publish_shipping(then, batch)
            counts["batches"] = int(counts["batches"]) + 1
            counts["goods"] = int(counts["goods"]) + batch.members
    return counts | {"review": publish_review(ws)}
