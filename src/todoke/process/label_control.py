"""The control totals of the labels, each counted from its own source, so that a household that is lost is missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, exists, select

from todoke.errors import StalePlan
from todoke.labels.batch import control_totals
from todoke.model.codes import Cause, ShipmentKind, ShipmentState
from todoke.process.ward_count import WardCount
from todoke.process.workspace import Workspace
from todoke.store import pulls
from todoke.store import tables as t

_TAKEN_BACK = (ShipmentState.STOPPED, ShipmentState.CANCELLED)


def control(
    ws: Workspace, tx: Connection, keys: list[str], ward: WardCount, declined: Collection[str]
) -> dict[str, int]:
    """The totals over all batches of the run – of its business date – as they are once these are printed (G04, G08).

    Labels: households printed on this date, or with these, once each. Held: those whose parcel waits, for a person or
    for its own approval, and those in question, which have no number yet. Excluded: deleted ones without a label, those
    that declined before they had one, and those printed on an earlier date. Counted apart: pulled, households with a
    label and no catalogue that goes or went; reprinted, labels printed once more; resent, catalogues beyond a
    household's first.

    Args:
        declined: households that want nothing.

    Raises:
        GateClosed: a household is in none of them, or in neither register nor quarantine.
        StalePlan: another register has been published since the ward's count was taken.
    """
    register = ws.ledger.heads(tx)["household"]
    if register.id != ward.register:
        raise StalePlan("区の世帯数を数えた後に世帯台帳が更新されました", where=register.id)
    printing_now = {key.rpartition("/")[0] for key in keys}
    labels, before, held, resent, standing = _parcels(ws, tx, ShipmentKind.CATALOGUE, printing_now)
    deleted, unnumbered = _without_parcel(ws, tx)
    sent_before = before - labels
    held = (held | unnumbered) - labels - sent_before
    deleted = deleted - labels - sent_before - held
    refused = (set(declined) & _registered(ws, tx)) - labels - sent_before - held - deleted
    return control_totals(
        labels=len(labels),
        held=len(held),
        excluded=len(deleted) + len(refused) + len(sent_before),
        apart={
            "deleted": len(deleted),
            "declined": len(refused),
            "sent_before": len(sent_before),
            "pulled": len((labels | sent_before) - standing),
            "reprinted": pulls.reprinted(tx, ws.contract.id),
            "resent": len(resent),
        },
        households=register.rows,
        ward_households=ward.households,
        quarantined=ward.quarantined,
    )


def handout_control(
    ws: Workspace,
    tx: Connection,
    keys: list[str],
    ward: WardCount,
    kind: ShipmentKind,
    standings: Mapping[str, str],
    *,
    once: bool,
) -> dict[str, int]:
    """The same totals of toilets or notices: each household of the register is printed, held or excluded (G04, G15).

    Excluded are those printed on an earlier date and, by their standing, all without a parcel that is to go: applied,
    waiting, not_reached, not_entitled; and `later`, who have come to be without an application since the only notice.

    Args:
        standings: by household_no, what `parcels.nonapplicants.standing` says.
        once: whether nobody is added after the first has been printed.

    Raises: as `control`.
    """
    register = ws.ledger.heads(tx)["household"]
    if register.id != ward.register:
        raise StalePlan("区の世帯数を数えた後に世帯台帳が更新されました", where=register.id)
    labels, before, held, *_ = _parcels(ws, tx, kind, {key.rpartition("/")[0] for key in keys})
    sent_before, registered = before - labels, _registered(ws, tx)
    held -= labels | sent_before
    causes = Counter(standings.get(number) for number in registered - labels - sent_before - held)
    excluded = {
        "sent_before": len(sent_before),
        "applied": causes["applied"],
        "waiting": causes["waiting"],
        "not_reached": causes["not_reached"],
        "not_entitled": causes["excluded"],
        "later": causes["toilets"] if once and before else 0,
    }
    return control_totals(
        labels=len(labels),
        held=len(held),
        excluded=sum(excluded.values()),
        apart=excluded,
        households=register.rows,
        ward_households=ward.households,
        quarantined=ward.quarantined,
    )


def _parcels(ws: Workspace, tx: Connection, kind: ShipmentKind, printing_now: set[str]) -> tuple[set[str], ...]:
    """Households with a parcel: printed on this date, printed before, waiting; printed parcels sent again; and
    households with a printed one that is not stopped."""
    c, on = t.shipment.c, ws.ledger.pin(tx).frontier(ws.on)
    mine = (c.contract == ws.contract.id) & (c.kind == kind)
    labels, before, held, resent, standing = set[str](), set[str](), set[str](), set[str](), set[str]()
    for parcel, household, state, released_on, cause in tx.execute(
        select(c.id, c.household_no, c.state, c.released_on, c.cause).where(mine)
    ):
        if cause != Cause.FIRST and (parcel in printing_now or released_on is not None):
            resent.add(parcel)
        if parcel in printing_now or (released_on is not None and state not in _TAKEN_BACK):
            standing.add(household)
        if parcel in printing_now or released_on == on:
            labels.add(household)
        elif released_on is not None:
            before.add(household)
        elif state in (ShipmentState.ON_HOLD, ShipmentState.PLANNED):
            held.add(household)
    return labels, before, held, resent, standing


def _registered(ws: Workspace, tx: Connection) -> set[str]:
    e = t.entitlement.c
    return set(tx.execute(select(e.household_no).where(e.contract == ws.contract.id)).scalars())


def _without_parcel(ws: Workspace, tx: Connection) -> tuple[set[str], set[str]]:
    """Households of the register that are deleted, and those that are in question and have no number."""
    e, n = t.entitlement.c, t.application_number.c
    mine = e.contract == ws.contract.id
    numbered = exists().where(n.contract == e.contract, n.household_no == e.household_no)
    deleted = select(e.household_no).where(mine, e.state == "deleted")
    unnumbered = select(e.household_no).where(mine, e.state != "deleted", ~numbered)
    return set(tx.execute(deleted).scalars()), set(tx.execute(unnumbered).scalars())
