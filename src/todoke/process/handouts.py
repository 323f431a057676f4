"""One parcel to each household that has not applied by a day: toilets and reminders (G15, G22).

Who has not applied, who is asked, what the ward is told and how labels leave is the same; what differs is a `Handout`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, func, select

from todoke.labels.batch import HoldPlan
from todoke.model.changes import Changes
from todoke.model.codes import ShipmentKind
from todoke.outbox.batch import Guard, pending_keys
from todoke.parcels.ledger_parcels import new_and_settled
from todoke.parcels.nonapplicants import SHIPMENT_COLUMNS, NonApplicantInputs, settled_gate, standing, totals
from todoke.parcels.pull_outs import too_late
from todoke.parcels.wanted import Held, changed_parcels, one_item_wanted
from todoke.process import approvals
from todoke.process.address_changes import moved_parcels
from todoke.process.addresses import address_parts
from todoke.process.held_labels import put_held
from todoke.process.label_claims import batches_told, claim_approved
from todoke.process.label_control import handout_control
from todoke.process.labels import ask_inspection, hold_plan
from todoke.process.orders import possible_senders
from todoke.process.pulled import taken_out
from todoke.process.ward_count import ward_count
from todoke.process.workspace import Computation, Workspace
from todoke.store import facts
from todoke.store import tables as t
from todoke.store.ledger import Pin

_SHIPMENTS = ("catalogue", "goods", "toilet")


@dataclass(frozen=True)
class Handout:
    """What a process sends to households that have not applied.

    Attributes:
        kinds: the titles of its requests by kind of batch.
        declined_households: whether those that declined goods are among them.
        listed: the standings that the ward gets lists of.
        orders_until: given the parcels of this kind, the last day whose orders must have been decided; None when it
            does not matter any more who has applied.
        addressees: given household_no of those that have not applied and the parcels, of those that are to have one.
        quantity: given household_no and members, how many of the item each gets.
        once: whether nobody is added after the first has been printed.
    """

    process: str
    kind: ShipmentKind
    kinds: Mapping[str, str]
    item_code: str
    declined_households: bool
    listed: tuple[str, ...]
    orders_until: Callable[[pa.Table], date | None]
    addressees: Callable[[pa.Array, pa.Table], pa.Array]
    quantity: Callable[[pa.Table], pa.Array]
    once: bool = False


@dataclass(frozen=True)
class Settled:
    """The settlement's id ("" when nothing changed), households by standing, the lists for the ward, who is held.

    `undrawn`: those whose label cannot be printed, each with its reason and the characters concerned.
    """

    id: str
    counted: dict[str, int]
    lists: dict[str, pa.Table]
    undrawn: HoldPlan


def settle(ws: Workspace, handout: Handout) -> Settled:
    """Settles who gets one.

    Raises:
        GateClosed: orders that count have not all been settled.
    """
    contract, kind = ws.contract.id, handout.kind
    counted: dict[str, int] = {}
    lists: dict[str, pa.Table] = {}
    undrawn = HoldPlan(0, {})

    def plan(tx: Connection, pin: Pin, as_of: date) -> Computation:
        inputs = inputs_of(ws, tx, pin)
        orders_settled, numbers = _last_orders(tx, contract), facts.numbers(tx, contract)
        parcels = Held(facts.shipments(tx, contract, [kind]), facts.revisions(tx, contract, [kind]))
        differences = facts.differences(tx, contract)
        moved = moved_parcels(ws, tx, pin, [kind])
        out = taken_out(ws, tx, pin, kind)

        def compute() -> Changes:
            nonlocal undrawn
            until = handout.orders_until(parcels.shipments)
            if until is not None:
                settled_gate(inputs, until, orders_settled)
            senders = possible_senders(ws, pin, numbers, as_of)
            table = standing(inputs, senders, declined_households=handout.declined_households)
            counted.update(totals(table))
            lists.update({name: table.filter(pc.equal(table["standing"], name)) for name in handout.listed})
            not_applied = table.filter(pc.equal(table["standing"], "toilets"))["household_no"].combine_chunks()
            to = handout.addressees(not_applied, parcels.shipments)
            undrawn = _undrawn(ws, pin, to, parcels, kind)
            to = _receivers(to, inputs.household, pa.array([*sorted(undrawn.held), *out.households], pa.string()))
            wanted = one_item_wanted(to.append_column("quantity", handout.quantity(to)), kind, handout.item_code)
            found = changed_parcels(ws.ledger.keys.id_key, contract, wanted, parcels, moved=moved)
            late = too_late(parcels.shipments, out.households, out.missed)
            new, gone = new_and_settled([*late, *found.differences], differences, parcels.shipments)
            return Changes(
                parcels=found.changes,
                differences=new,
                settled_differences=gone,
                register_version=pin.heads["household"].id,
            )

        return compute

    done = ws.settle(handout.process, plan)
    return Settled(done.id if done else "", counted, lists, undrawn)


def _undrawn(ws: Workspace, pin: Pin, households: pa.Array, held: Held, kind: ShipmentKind) -> HoldPlan:
    """Of these households those whose label cannot be printed; where a parcel is released it has been."""
    released = held.shipments.filter(pc.is_valid(held.shipments["released_rev"]))["household_no"].combine_chunks()

    def parts() -> Iterator[pa.Table]:
        for _, addresses in address_parts(ws, pin.heads):
            number = addresses["household_no"]
            left = pc.and_not(pc.is_in(number, value_set=households), pc.is_in(number, value_set=released))
            yield addresses.filter(left)

    return hold_plan(ws, parts(), kind)


def _last_orders(tx: Connection, contract: str) -> date | None:
    """The last day that orders were settled for."""
    c = t.settlement.c
    last = select(func.max(c.as_of)).where(c.contract == contract, c.process == "orders")
    day: date | None = tx.execute(last).scalar_one()
    return day


def inputs_of(ws: Workspace, tx: Connection, pin: Pin) -> NonApplicantInputs:
    """What the rules about non-applicants read of one state of the ledger."""
    quarantine = ws.head_table("quarantine", pin, ["household_no"])
    numbers = quarantine.filter(pc.is_valid(quarantine["household_no"])).group_by("household_no").aggregate([])
    return NonApplicantInputs(
        household=ws.head_table("household", pin),
        quarantined=numbers,
        decision=facts.decisions(tx, ws.contract.id),
        web_application=ws.head_table("web_application", pin, ["application_id", "submitted_at"]),
        amendment=ws.head_table("amendment", pin),
        postcard=ws.head_table("postcard", pin, ["card_no", "received_on", "postmarked_on"]),
        shipment=facts.shipments(tx, ws.contract.id, _SHIPMENTS, SHIPMENT_COLUMNS),
    )


def _receivers(households: pa.Array, household: pa.Table, barred: pa.Array) -> pa.Table:
    """Of these households those that are not deleted: household_no, members, confidential, held as the register says.

    A parcel that is released is recalled by it (G09).
    """
    live = household.filter(
        pc.and_(pc.is_in(household["household_no"], value_set=households), pc.not_equal(household["state"], "deleted"))
    )
    unknown_place = pc.and_not(live["confidential"], live["instructed"])
    held = pc.or_(pc.equal(live["state"], "held"), unknown_place)
    held = pc.or_(held, pc.is_in(live["household_no"], value_set=barred))
    return live.select(["household_no", "members", "confidential"]).append_column("held", held)


def put_lists(ws: Workspace, process: str, done: Settled) -> None:
    """Households that wait or were not reached, for the ward's decision: shipped to neither, forgotten neither.

    Once for each settlement of `process`; a run that was killed after its settlement leaves them to the next one. Who
    is held because the label cannot be printed is listed whenever that is another list.
    """
    c = t.settlement.c
    last = select(c.id).where(c.contract == ws.contract.id, c.process == process).order_by(c.seq.desc())
    with ws.ledger.read() as tx:
        folder = f"{process}/{tx.execute(last.limit(1)).scalar_one()}"
    if done.undrawn.listed:
        put_held(ws, folder, done.undrawn)
    there = ws.outbox.listing(folder)
    if f"{folder}/control.json" in there:
        return
    for name, table in done.lists.items():
        if f"{folder}/{name}.csv" in there:
            continue
        rows = io.StringIO()
        sheet = csv.writer(rows)
        sheet.writerow(["世帯番号"])
        sheet.writerows([number] for number in table["ward_no"].to_pylist())
        ws.outbox.put(f"{folder}/{name}.csv", rows.getvalue().encode("cp932"))
    ws.outbox.put(f"{folder}/control.json", json.dumps(done.counted).encode())


def ask(ws: Workspace, handout: Handout, done: Settled, note: str = "") -> int:
    """Asks a person about what is pending of each kind; returns how many requests are new.

    About the test pack first, when the ward has inspected none of the same form and fonts (G06).

    Args:
        note: one more line of the request, without personal data.
    """
    asked, counted, undrawn = 0, done.counted, len(done.undrawn.held)
    unprinted = f"- 印字できず保留 {undrawn:,}世帯（送信箱の {handout.process}/ の held の一覧）\n" if undrawn else ""
    for kind, title in handout.kinds.items():
        with ws.ledger.read() as tx:
            keys = pending_keys(ws.ledger, tx, kind, ws.ledger.pin(tx).frontier(ws.on))
            digest, passed = approvals.content_digest(ws, tx, kind, keys), approvals.form_passed(ws, tx, kind)
        if keys and not passed:
            asked += bool(ask_inspection(ws, kind, title, keys))
        elif keys:
            body = (
                f"{title} {len(keys):,}世帯分を承認しますか。\n\n"
                f"- 申込済み {counted['applied']:,}、確認待ち {counted['waiting']:,}、"
                f"未到達 {counted['not_reached']:,}、対象外 {counted['excluded']:,}\n"
                f"{unprinted}{batches_told(ws, len(keys))}{note}"
                "- 承認はこの一覧だけに効きます。内容が変われば、改めて依頼します。\n"
            )
            asked += approvals.request(ws, f"{handout.process}:{kind}", digest, title, body, labels=len(keys))
    return asked


def claim_batches(ws: Workspace, handout: Handout) -> list[str]:
    """Locks the labels of each kind that a person has approved, in batches that `labels.print_batches` prints."""

    def note() -> Guard:
        with ws.ledger.read() as tx:
            pin = ws.ledger.pin(tx)
            inputs, numbers = inputs_of(ws, tx, pin), facts.numbers(tx, ws.contract.id)
        senders = possible_senders(ws, pin, numbers, pin.frontier(ws.on))
        table = standing(inputs, senders, declined_households=handout.declined_households)
        standings = dict(zip(table["household_no"].to_pylist(), table["standing"].to_pylist(), strict=True))
        ward, once = ward_count(ws, pin.heads["household"]), handout.once
        return lambda tx, keys: handout_control(ws, tx, keys, ward, handout.kind, standings, once=once)

    return claim_approved(ws, handout.process, handout.kinds, resettle=lambda: settle(ws, handout), note=note)
