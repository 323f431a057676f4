"""`<contract>_reminders`: one notice to each household that has not applied by a day (G22)."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from todoke.contract.business_days import last_open_until
from todoke.errors import TodokeError
from todoke.model.changes import Changes
from todoke.model.codes import ShipmentKind, ShipmentState
from todoke.parcels.ledger_parcels import new_and_settled
from todoke.parcels.nonapplicants import settled_gate, standing, totals
from todoke.parcels.wanted import Held, changed_parcels, one_item_wanted
from todoke.process.address_changes import moved_parcels
from todoke.process.batch_contents import NOTICE_ITEM
from todoke.process.nonapplicants import (
    ask,
    chosen,
    inputs_of,
    last_orders,
    put_lists,
    receivers,
    release_labels,
    undrawn,
)
from todoke.process.orders import possible_senders
from todoke.process.workspace import Computation, Counts, Workspace
from todoke.store import facts
from todoke.store.ledger import Pin

_PROCESS = "reminders"
_KINDS = {"notice": "申込みのご案内（勧奨通知）", "notice_confidential": "申込みのご案内（勧奨通知・秘匿世帯）"}
_KIND = ShipmentKind.NOTICE.value


def propose(contract: str, on: date) -> Counts:
    """Settles who gets a notice, puts out the lists of those who do not, and asks for approval.

    Returns:
        households by standing (`toilets`: those that have not applied); requests newly made; nothing before the day.

    Raises:
        GateClosed: orders received up to the day before the last open day have not all been settled.
    """
    ws = Workspace.open(contract, on)
    if on < _due_on(ws):
        return {"not_due": 1}
    settlement, counted, lists = _settle(ws)
    put_lists(ws, _PROCESS, counted, lists)
    deadline = f"- 申込期限は {ws.contract.applications.deadline:%Y-%m-%d} です。\n"
    return {"settlement": settlement, **counted, "requests": ask(ws, _PROCESS, _KINDS, counted, deadline)}


def release(contract: str, on: date) -> Counts:
    """Labels and instructions for the notices that a person has approved.

    Returns:
        labels, batches, waiting: kinds that nobody has approved.

    Raises:
        NotApproved: something is pending and nothing of it is approved.
    """
    ws = Workspace.open(contract, on)
    return release_labels(ws, _PROCESS, _KINDS, resettle=lambda: _settle(ws))


def _due_on(ws: Workspace) -> date:
    if ws.contract.reminder is None:
        raise TodokeError(
            "この契約に勧奨通知の予定日がありません",
            where="reminder.day",
            next_step="契約ファイルに reminder.day を書いてください",
        )
    return ws.contract.reminder.day


def _settle(ws: Workspace) -> tuple[str, dict[str, int], dict[str, pa.Table]]:
    """The settlement's id ("" when nothing changed), households by standing, and the list of those not reached."""
    contract = ws.contract.id
    counted: dict[str, int] = {}
    lists: dict[str, pa.Table] = {}

    def plan(tx: Connection, pin: Pin, as_of: date) -> Computation:
        inputs = inputs_of(ws, tx, pin)
        settled, numbers = last_orders(tx, contract), facts.numbers(tx, contract)
        notices = Held(facts.shipments(tx, contract, [_KIND]), facts.revisions(tx, contract, [_KIND]))
        differences = facts.differences(tx, contract)
        moved = moved_parcels(ws, tx, pin, [_KIND])

        def compute() -> Changes:
            if _is_open(ws, notices.shipments):
                settled_gate(inputs, _orders_until(ws), settled)
            senders = possible_senders(ws, pin, numbers, as_of)
            table = standing(inputs, senders, declined_households=False)
            counted.update(totals(table))
            lists["not_reached"] = table.filter(pc.equal(table["standing"], "not_reached"))
            to = _addressees(ws, chosen(table), notices.shipments)
            household = receivers(to, inputs.household, undrawn(ws, pin, to, notices, ShipmentKind.NOTICE))
            quantity = pa.repeat(pa.scalar(1, pa.int32()), household.num_rows)
            wanted = one_item_wanted(household.append_column("quantity", quantity), ShipmentKind.NOTICE, NOTICE_ITEM)
            parcels = changed_parcels(ws.ledger.keys.id_key, contract, wanted, notices, moved=moved)
            found, gone = new_and_settled(parcels.differences, differences, notices.shipments)
            return Changes(
                parcels=parcels.changes,
                differences=found,
                settled_differences=gone,
                register_version=pin.heads["household"].id,
            )

        return compute

    done = ws.settle(_PROCESS, plan)
    return done.id if done else "", counted, lists


def _orders_until(ws: Workspace) -> date:
    """The last day whose orders must have been decided: that before the last open day before today."""
    return last_open_until(ws.contract.calendar, ws.on - timedelta(days=1)) - timedelta(days=1)


def _is_open(ws: Workspace, notices: pa.Table) -> bool:
    """Whether it still matters who has applied: a notice is to be planned, or one that is planned may go."""
    planned = pc.any(pc.equal(notices["state"], ShipmentState.PLANNED)).as_py()
    return ws.on <= ws.contract.applications.deadline and (planned or not notices.num_rows)


def _addressees(ws: Workspace, not_applied: pa.Array, notices: pa.Table) -> pa.Array:
    """household_no of those that are to have a notice.

    Who applies is taken out while the notice is ours; what has been released stays as it is. Once any has been, nobody
    is added, and after the deadline none goes any more: it is one reminder.
    """
    there = notices.filter(pc.not_equal(notices["state"], ShipmentState.CANCELLED))
    is_released = pc.is_valid(there["released_rev"])
    released = there.filter(is_released)["household_no"].combine_chunks()
    if ws.on > ws.contract.applications.deadline:
        return released
    if not len(released):
        return not_applied
    ours = there.filter(pc.invert(is_released))["household_no"].combine_chunks()
    return pa.concat_arrays([released, ours.filter(pc.is_in(ours, value_set=not_applied))])
