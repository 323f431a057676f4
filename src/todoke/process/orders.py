"""`<contract>_orders`: the daily reconciliation – land, settle, release (G12, G17–G20)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from todoke.contract import loader
from todoke.errors import KeyMissing
from todoke.intake.inbox import IncomingFile
from todoke.model.changes import Changes, DecisionChange, effect_kind
from todoke.model.codes import ShipmentKind
from todoke.orders import postcards, web
from todoke.orders.folding import delivery_postals, kana_keys
from todoke.orders.reconcile import Desired, OrderInputs, OrderRules, reconcile
from todoke.outbox.batch import Batch, claim_and_leftovers, publish
from todoke.parcels import review
from todoke.parcels.diff import diff
from todoke.parcels.ledger_parcels import actual_parcels, goods_parcels, new_and_settled
from todoke.process.arrivals_quality import POSTCARDS, check_arrivals
from todoke.process.batch_contents import contents, write_shipping
from todoke.process.catalogue import land_catalogue
from todoke.process.receiving import Landing, receive
from todoke.process.workspace import Computation, Counts, Workspace
from todoke.quality.arrivals import card_frame
from todoke.quality.remarks import CardRules, card_remarks
from todoke.store import facts
from todoke.store import tables as t
from todoke.store.engine import Engine
from todoke.store.ledger import Pin

if TYPE_CHECKING:
    import pandas as pd

_WEB_TABLES = ("web_application", "web_line", "amendment", "amendment_line", "survey_answer")

_RELEASED = (*(effect_kind(ShipmentKind.GOODS, confidential=each) for each in (False, True)), "stop")


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
    known = {name: ws.head_table(name, pin) for name in _WEB_TABLES} if "web_application" in pin.heads else None
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
    return receive(ws, "postcards", _read_postcards)


def _read_postcards(ws: Workspace, file: IncomingFile, payload: Path, receipt_no: str, pin: Pin) -> Landing:
    with payload.open("rb") as stream:
        new = postcards.read_cards(stream, receipt_no)
    known = postcards.Cards(ws.head_table("postcard", pin), ws.head_table("postcard_line", pin))
    merged, repeated = postcards.merge_cards(known, new.cards)
    bad = pa.concat_tables([ws.head_table("postcard_bad_row", pin), new.quarantine, repeated])
    tables = {"postcard": merged.card, "postcard_line": merged.line, "postcard_bad_row": bad}
    quarantined = new.quarantine.num_rows
    return Landing(new.rows, new.rows - quarantined, quarantined, tables)


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
    goods: pa.Table
    toilets: pa.Table
    goods_revisions: pa.Table
    toilet_revisions: pa.Table
    decisions: pa.Table
    differences: pa.Table

    @classmethod
    def read(cls, tx: Connection, contract: str) -> _Facts:
        return cls(
            facts.numbers(tx, contract),
            facts.shipments(tx, contract, ["goods"]),
            facts.shipments(tx, contract, ["toilet"]),
            facts.revisions(tx, contract, ["goods"]),
            facts.revisions(tx, contract, ["toilet"]),
            facts.decisions(tx, contract),
            facts.differences(tx, contract),
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
        known = _Facts.read(tx, contract)

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
    contract = loader.load(ws.contract.id, as_of)
    rules = OrderRules(
        as_of=as_of,
        deadline=contract.applications.deadline,
        points_per_member=contract.entitlement.points_per_member,
        threshold=contract.applications.confidence_threshold,
        postmark=contract.applications.postcard_day == "postmark",
        amend_until_handover=contract.applications.amend_until == "handover",
    )
    with Engine() as engine:
        return reconcile(engine, inputs, rules)


def order_inputs(ws: Workspace, pin: Pin, numbers: pa.Table, shipment: pa.Table) -> OrderInputs:
    """Everything the rules read, from the pinned versions and facts."""
    person = ws.head_table("person", pin, ["household_no", "member_kana", "head_kana"])
    return OrderInputs(
        household=ws.head_table("household", pin),
        application_number=numbers,
        kana_key=kana_keys(person),
        delivery_postal=delivery_postals(ws.head_table("delivery_instruction", pin)),
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
    shipments = pa.concat_tables([known.goods, known.toilets])
    released = shipments.filter(pc.is_valid(shipments["released_on"])).select([*columns, "released_rev"])
    revisions = pa.concat_tables([known.goods_revisions, known.toilet_revisions]).select(
        ["shipment_id", "rev", "source_ref"]
    )
    # what the household's goods stand for does not change when a later revision withdraws them
    first = revisions.filter(pc.equal(revisions["rev"], 1)).drop_columns(["rev"])
    return released.join(first, "shipment_id").drop_columns(["shipment_id", "released_rev"])


def _statuses(desired: Desired) -> dict[str, int]:
    counted = pc.value_counts(desired.decision["status"]).to_pylist()
    return {f"on_date_{item['values']}": item["counts"] for item in counted}


def _changes(ws: Workspace, pin: Pin, desired: Desired, known: _Facts, inputs: OrderInputs) -> Changes:
    catalogue, household = inputs.catalogue, inputs.household
    points = dict(zip(catalogue["item_code"].to_pylist(), catalogue["points"].to_pylist(), strict=True))
    confidential = set(household.filter(household["confidential"])["household_no"].to_pylist())
    parcels = diff(
        ws.ledger.keys.id_key,
        ws.contract.id,
        goods_parcels(desired.parcel, desired.parcel_line, points, confidential),
        actual_parcels(known.goods, known.goods_revisions),
        displaced=actual_parcels(known.toilets, known.toilet_revisions),
    )
    found, gone = new_and_settled(parcels.differences, known.differences, known.goods)
    register = pin.heads.get("household")
    return Changes(
        decisions=_decision_changes(desired.decision, known.decisions),
        parcels=parcels.changes,
        differences=found,
        settled_differences=gone,
        register_version=register.id if register else "",
    )


def _decision_changes(desired: pa.Table, known: pa.Table) -> tuple[DecisionChange, ...]:
    names = ("application_id", "source", "household_no", "received_at", "status", "reason", "points")
    before = {row[0]: row for row in zip(*(known[name].to_pylist() for name in (*names, "differs")), strict=True)}
    after = zip(*(desired[name].to_pylist() for name in (*names, "differs_from_standing")), strict=True)
    return tuple(DecisionChange(*row) for row in after if before.get(row[0]) != row)


def release(contract: str, on: date) -> Counts:
    """Locks and puts out what is to be shipped or stopped, and the operators' review workbook.

    Returns:
        parcels and batches by kind; review: items in the workbook.
    """
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        as_of = ws.ledger.pin(tx).frontier(on)
    counts: Counts = {"batches": 0, "goods": 0, "stop": 0}
    for kind in _RELEASED:
        for batch in claim_and_leftovers(ws.ledger, kind, as_of):
            _publish_shipping(ws, batch)
            counts["batches"] = int(counts["batches"]) + 1
            what = "stop" if kind == "stop" else "goods"
            counts[what] = int(counts[what]) + batch.members
    return counts | {"review": _publish_review(ws)}


def _publish_shipping(ws: Workspace, batch: Batch) -> None:
    parts = contents(ws, batch)
    name = f"{'stop' if batch.kind == 'stop' else 'shipping'}_{batch.business_on:%Y%m%d}.csv"
    publish(ws.ledger, batch, "shipping", lambda open_file: write_shipping(ws, batch, parts, open_file, name=name))


def _publish_review(ws: Workspace) -> int:
    """One workbook for each settlement of orders; the same settlement gives the same workbook."""
    with ws.ledger.read() as tx:
        last = tx.execute(
            select(t.settlement.c.id, t.settlement.c.as_of)
            .where(t.settlement.c.contract == ws.contract.id, t.settlement.c.process == "orders")
            .order_by(t.settlement.c.seq.desc())
            .limit(1)
        ).one_or_none()
        pin = ws.ledger.pin(tx)
        decisions = facts.decisions(tx, ws.contract.id)
        differences = facts.differences(tx, ws.contract.id)
        numbers = facts.numbers(tx, ws.contract.id)
        shipments = facts.differing_shipments(tx, ws.contract.id)
    if last is None:
        return 0
    items = review.review_items(decisions, numbers, _late_changes(ws, pin), differences, shipments)
    name = f"review/{last.as_of:%Y-%m-%d}_{last.id}/{ws.contract.id}_review_{last.as_of:%Y-%m-%d}.xlsx"
    if name not in ws.outbox.listing("review"):
        ws.outbox.put(name, review.review_workbook(items, programme=ws.contract.name, as_of=last.as_of))
    return int(items.num_rows)


def _late_changes(ws: Workspace, pin: Pin) -> pa.Table:
    """The changes not taken, with the application number that their row names."""
    number_of: dict[str, str] = {}
    for dataset, key, prefix in (("web_application", "application_id", "W:"), ("amendment", "amendment_id", "A:")):
        rows = ws.head_table(dataset, pin, [key, "application_no"])
        ids, numbers = rows[key].to_pylist(), rows["application_no"].to_pylist()
        number_of |= {f"{prefix}{name}": number for name, number in zip(ids, numbers, strict=True)}
    late = ws.head_table("late_change", pin)
    names = late["application_id"].to_pylist()
    return pa.table(
        {
            "application_id": late["application_id"],
            "application_no": pa.array([number_of.get(name) for name in names], pa.string()),
            "updated_at": late["changed_at"],
        }
    )
