"""`<contract>_reminders`: one notice to each household that has not applied by a day (G22)."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from todoke.contract.business_days import last_open_until
from todoke.errors import TodokeError
from todoke.model.codes import ShipmentKind, ShipmentState
from todoke.process import handouts
from todoke.process.batch_contents import NOTICE_ITEM
from todoke.process.handouts import Handout, ask, put_lists, settle
from todoke.process.workspace import Counts, Workspace

_PROCESS = "reminders"
_KINDS = {"notice": "申込みのご案内（勧奨通知）", "notice_confidential": "申込みのご案内（勧奨通知・秘匿世帯）"}


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
    handout = _notices(ws)
    done = settle(ws, handout)
    put_lists(ws, _PROCESS, done)
    deadline = f"- 申込期限は {ws.contract.applications.deadline:%Y-%m-%d} です。\n"
    return {
        "settlement": done.id,
        **done.counted,
        "undrawn": len(done.undrawn.held),
        "requests": ask(ws, handout, done, deadline),
    }


def claim_batches(contract: str, on: date) -> list[str]:
    """Locks the labels and instructions of the notices that a person has approved; `labels.print_batches` prints them.

    Returns:
        The ids of the batches to print; those that an earlier run left come first.

    Raises:
        NotApproved: something is pending and nothing of it is approved.
        GateClosed: households are missing from the totals; nothing has been locked for printing.
    """
    ws = Workspace.open(contract, on)
    return handouts.claim_batches(ws, _notices(ws))


def _due_on(ws: Workspace) -> date:
    if ws.contract.reminder is None:
        raise TodokeError(
            "この契約に勧奨通知の予定日がありません",
            where="reminder.day",
            next_step="契約ファイルに reminder.day を書いてください",
        )
    return ws.contract.reminder.day


def _notices(ws: Workspace) -> Handout:
    return Handout(
        _PROCESS,
        ShipmentKind.NOTICE,
        _KINDS,
        NOTICE_ITEM,
        declined_households=False,
        listed=("not_reached",),
        orders_until=lambda notices: _orders_until(ws) if _is_open(ws, notices) else None,
        addressees=lambda not_applied, notices: _addressees(ws, not_applied, notices),
        quantity=lambda to: pa.repeat(pa.scalar(1, pa.int32()), to.num_rows),
        once=True,
    )


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
