"""`<contract>_nonapplicants`: toilets for households that did not apply by the deadline (G15)."""

from __future__ import annotations

from datetime import date

import pyarrow.compute as pc

from todoke.contract.business_days import add_open_days
from todoke.model.codes import ShipmentKind
from todoke.process import handouts
from todoke.process.batch_contents import TOILET_ITEM
from todoke.process.handouts import Handout, ask, put_lists, settle
from todoke.process.workspace import Counts, Workspace

_PROCESS = "nonapplicants"
_KINDS = {"toilet": "携帯トイレの発送", "toilet_confidential": "携帯トイレの発送（秘匿世帯）"}


def due_on(ws: Workspace) -> date:
    """The first day on which toilets may go: the grace days after the deadline are over."""
    contract = ws.contract
    return add_open_days(contract.calendar, contract.applications.deadline, contract.toilets.grace_days)


def propose(contract: str, on: date) -> Counts:
    """Settles who gets toilets, puts out the lists of those who do not, and asks for approval.

    Returns:
        households by standing; requests newly made; nothing before the grace days are over.

    Raises:
        GateClosed: orders received up to the deadline have not all been settled.
    """
    ws = Workspace.open(contract, on)
    if on < due_on(ws):
        return {"not_due": 1}
    handout = _toilets(ws)
    done = settle(ws, handout)
    put_lists(ws, _PROCESS, done)
    return {
        "settlement": done.id,
        **done.counted,
        "undrawn": len(done.undrawn.held),
        "requests": ask(ws, handout, done),
    }


def claim_batches(contract: str, on: date) -> list[str]:
    """Locks the labels and instructions of households that a person has approved; `labels.print_batches` prints them.

    Returns:
        The ids of the batches to print; those that an earlier run left come first.

    Raises:
        NotApproved: something is pending and nothing of it is approved.
        GateClosed: households are missing from the totals; nothing has been locked for printing.
    """
    ws = Workspace.open(contract, on)
    return handouts.claim_batches(ws, _toilets(ws))


def _toilets(ws: Workspace) -> Handout:
    toilets, deadline = ws.contract.toilets, ws.contract.applications.deadline
    return Handout(
        _PROCESS,
        ShipmentKind.TOILET,
        _KINDS,
        TOILET_ITEM,
        declined_households=toilets.declined_households,
        listed=("waiting", "not_reached"),
        orders_until=lambda _: deadline,
        addressees=lambda not_applied, _: not_applied,
        quantity=lambda to: pc.multiply(to["members"], toilets.per_member),
    )
