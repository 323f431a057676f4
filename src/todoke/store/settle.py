"""Settling a day: changes become rows of the ledger in one transaction, or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from todoke import ids
from todoke.errors import StalePlan
from todoke.model.changes import Changes, ParcelChange, StateChange
from todoke.model.codes import Claim, ShipmentKind, ShipmentState
from todoke.store import tables as t
from todoke.store.bulk import insert_rows
from todoke.store.ledger import MANY, Ledger, Pin, VersionRef, analyze

#: What a household's first parcel of a kind takes, once for all kinds that take it.
CLAIMED_BY = {
    ShipmentKind.CATALOGUE: Claim.CATALOGUE,
    ShipmentKind.GOODS: Claim.ENTITLEMENT,
    ShipmentKind.TOILET: Claim.ENTITLEMENT,
}
#: The process whose runs close a business day. Nothing else moves the frontier: a sweep at seven in the morning would
#: push yesterday's run, should it come late, into a day that is not over.
CLOSES_DAYS = "orders"
#: Datasets that a register consists of, with where the ward wants parcels to go.
REGISTER = ("household", "person", "delivery_instruction")
_DECISION = (
    "contract",
    "application_id",
    "seq",
    "as_of",
    "settlement_id",
    "source",
    "household_no",
    "received_at",
    "status",
    "reason",
    "points",
    "differs",
    "register_version",
)
_REVISION = (
    "shipment_id",
    "rev",
    "content_digest",
    "action",
    "source_ref",
    "points",
    "effect_kind",
    "settlement_id",
)
_ATTEMPTS = 20


@dataclass(frozen=True)
class Settlement:
    """A day that was settled: its id, the day effects were computed for, and how much changed."""

    id: str
    as_of: date
    counts: dict[str, int]


def settle(
    ledger: Ledger,
    process: str,
    on: date,
    plan: Callable[[Connection, Pin, date], Callable[[], Changes]],
    *,
    only_changes: bool = False,
) -> Settlement | None:
    """Computes and applies until the plan was not overtaken by another writer.

    Args:
        process: what settles (orders, labels…).
        on: the business date; effects are computed at the frontier.
        plan: reads all it needs in the read transaction that it is given, with the pinned state and the frontier,
            and returns the computation, which then runs outside any transaction.
        only_changes: a day without changes is no settlement; for what speaks for no day.

    Returns:
        The settlement, or None when the day had been settled and nothing changes: nothing is written then.

    Raises:
        StalePlan: overtaken again and again.
    """
    for _ in range(_ATTEMPTS):
        with ledger.read() as tx:
            pin = ledger.pin(tx)
            as_of = pin.frontier(on)
            compute = plan(tx, pin, as_of)
        changes = compute()
        if only_changes and not changes:
            return None
        try:
            return apply(ledger, process, pin, as_of, changes, on=on)
        except StalePlan:
            continue
    raise StalePlan("ほかの処理と競合し続けています", where=process, next_step="しばらくしてから再実行してください")


def apply(
    ledger: Ledger, process: str, pin: Pin, as_of: date, changes: Changes, *, on: date | None = None
) -> Settlement | None:
    """Writes `changes` if the ledger is still at the pinned position.

    Args:
        on: the day that the run speaks for, when it lies before `as_of`; it was settled with any later day.

    Raises:
        StalePlan: it has moved since.
    """
    if not changes and _is_settled(ledger, process, on or as_of, pin):
        return None
    with ledger.write() as tx:
        seq = ledger.move(tx, pin)
        if process == CLOSES_DAYS:
            here = t.stream.c.contract == ledger.contract
            tx.execute(update(t.stream).where(here).values(settled_through=pin.frontier(as_of)))
        settlement_id = ids.identifier(ledger.keys.id_key, "settlement", ledger.contract, process, seq)
        tx.execute(
            insert(t.settlement).values(
                id=settlement_id,
                contract=ledger.contract,
                process=process,
                as_of=as_of,
                inputs_digest=_digest(pin.heads),
                register_digest=register_digest(pin.heads),
                seq=seq,
            )
        )
        _write_decisions(ledger, tx, settlement_id, as_of, changes)
        _write_parcels(ledger, tx, settlement_id, as_of, changes.parcels)
        _write_differences(ledger, tx, as_of, changes)
        _write_states(tx, changes)
    return Settlement(settlement_id, as_of, changes.counts())


def _is_settled(ledger: Ledger, process: str, day: date, pin: Pin) -> bool:
    """Whether the process has settled the day, and last did so under the register in force."""
    c = t.settlement.c
    mine = (c.contract == ledger.contract) & (c.process == process)
    with ledger.read() as tx:
        last = tx.execute(select(func.max(c.as_of)).where(mine)).scalar_one()
        return last is not None and last >= day and settled_under(ledger, tx, process) == register_digest(pin.heads)


def settled_under(ledger: Ledger, tx: Connection, process: str) -> str | None:
    """The digest of the register under which a process settled last; what it has planned agrees with that one."""
    c = t.settlement.c
    last = select(c.register_digest).where(c.contract == ledger.contract, c.process == process)
    return tx.execute(last.order_by(c.seq.desc()).limit(1)).scalar()


def register_digest(heads: Mapping[str, VersionRef]) -> str:
    """The digest of the versions that decide whether a parcel may go, and where to."""
    return _digest({name: heads[name] for name in REGISTER if name in heads})


def _digest(heads: Mapping[str, VersionRef]) -> str:
    inputs = json.dumps({name: ref.id for name, ref in sorted(heads.items())})
    return hashlib.sha256(inputs.encode()).hexdigest()


def _write_decisions(ledger: Ledger, tx: Connection, settlement_id: str, as_of: date, changes: Changes) -> None:
    if not changes.decisions:
        return
    head = t.decision_head.c
    query = select(head.application_id, head.seq).where(head.contract == ledger.contract)
    last_seq: dict[str, int] = dict(tx.execute(query).tuples().all())
    rows = [
        (
            ledger.contract,
            change.application_id,
            last_seq.get(change.application_id, 0) + 1,
            as_of,
            settlement_id,
            change.source,
            change.household_no,
            change.received_at,
            change.status,
            change.reason,
            change.points,
            change.differs,
            changes.register_version,
        )
        for change in changes.decisions
    ]
    decided_before = [{"key_id": c.application_id} for c in changes.decisions if c.application_id in last_seq]
    if decided_before:
        here = (head.contract == ledger.contract) & (head.application_id == bindparam("key_id"))
        tx.execute(delete(t.decision_head).where(here), decided_before)
    insert_rows(tx, t.decision, _DECISION, rows)
    insert_rows(tx, t.decision_head, _DECISION, rows)
    if len(rows) > MANY:
        analyze(tx, "decision", "decision_head")


def _write_parcels(
    ledger: Ledger, tx: Connection, settlement_id: str, as_of: date, parcels: tuple[ParcelChange, ...]
) -> None:
    if not parcels:
        return
    contract = ledger.contract
    _change_old(tx, [p for p in parcels if not p.is_new])
    insert_rows(
        tx,
        t.shipment,
        ("id", "contract", "household_no", "kind", "sequence", "cause", "cause_ref", "state", "revision"),
        (
            (p.shipment_id, contract, p.household_no, p.kind, p.sequence, p.cause, p.cause_ref, p.state, p.rev)
            for p in parcels
            if p.is_new
        ),
    )
    kept = [p for p in parcels if p.action != "drop"]
    insert_rows(
        tx,
        t.shipment_revision,
        _REVISION,
        (
            (p.shipment_id, p.rev, p.content_digest, p.action, p.source_ref, p.points, p.effect_kind, settlement_id)
            for p in kept
        ),
    )
    insert_rows(
        tx,
        t.shipment_item,
        ("shipment_id", "rev", "item_code", "quantity"),
        ((p.shipment_id, p.rev, code, quantity) for p in kept for code, quantity in p.lines),
    )
    insert_rows(
        tx,
        t.claim,
        ("contract", "household_no", "claim", "shipment_id"),
        ((contract, p.household_no, claim, p.shipment_id) for p in kept if (claim := claimed_by(p))),
    )
    insert_rows(
        tx,
        t.effect,
        ("key", "contract", "kind", "shipment_id", "rev", "due_on"),
        (
            (f"{p.shipment_id}/{p.rev}", contract, p.effect_kind, p.shipment_id, p.rev, as_of)
            for p in kept
            if p.effect_kind
        ),
    )
    if len(parcels) > MANY:
        analyze(tx, "shipment", "shipment_revision", "shipment_item", "claim", "effect")


def _change_old(tx: Connection, old: list[ParcelChange]) -> None:
    """Takes away what an unreleased revision said, its effect, and the claim of a parcel not released."""
    if not old:
        return
    keys = [{"key_id": p.shipment_id, "key_rev": p.rev} for p in old]
    for table in (t.shipment_revision, t.shipment_item, t.effect):
        here = (table.c.shipment_id == bindparam("key_id")) & (table.c.rev == bindparam("key_rev"))
        tx.execute(delete(table).where(here), keys)
    # a parcel stays at revision 1 until it is released; what was released keeps its claim whatever comes
    unreleased = [{"key_id": p.shipment_id} for p in old if p.rev == 1]
    if unreleased:
        tx.execute(delete(t.claim).where(t.claim.c.shipment_id == bindparam("key_id")), unreleased)
    tx.execute(
        update(t.shipment)
        .where(t.shipment.c.id == bindparam("key_id"))
        .values(state=bindparam("new_state"), revision=bindparam("new_revision")),
        [{"key_id": p.shipment_id, "new_state": p.state, "new_revision": p.rev - (p.action == "drop")} for p in old],
    )


def claimed_by(parcel: ParcelChange) -> Claim | None:
    """The claim that a parcel takes when it is planned; the parcel keeps it once it has been released."""
    waits = parcel.rev == 1 and parcel.state in (ShipmentState.PLANNED, ShipmentState.ON_HOLD)
    return CLAIMED_BY.get(parcel.kind) if waits and parcel.sequence == 1 else None


def _write_differences(ledger: Ledger, tx: Connection, as_of: date, changes: Changes) -> None:
    if changes.settled_differences:
        tx.execute(
            update(t.difference)
            .where(
                t.difference.c.shipment_id == bindparam("key_id"),
                t.difference.c.desired_digest == bindparam("key_digest"),
            )
            .values(state="settled"),
            [{"key_id": d.shipment_id, "key_digest": d.desired_digest} for d in changes.settled_differences],
        )
    for found in changes.differences:
        place = (t.difference.c.shipment_id == found.shipment_id) & (
            t.difference.c.desired_digest == found.desired_digest
        )
        again = tx.execute(update(t.difference).where(place).values(state="open", kind=found.kind))
        if again.rowcount == 0:
            tx.execute(
                insert(t.difference).values(
                    contract=ledger.contract,
                    shipment_id=found.shipment_id,
                    desired_digest=found.desired_digest,
                    kind=found.kind,
                    state="open",
                    found_on=as_of,
                )
            )


def _write_states(tx: Connection, changes: Changes) -> None:
    columns = [field.name for field in fields(StateChange) if field.name != "shipment_id"]
    rows = [{"key_id": c.shipment_id, **{f"new_{name}": getattr(c, name) for name in columns}} for c in changes.states]
    if rows:
        values: dict[str, object] = {name: bindparam(f"new_{name}") for name in columns}
        tx.execute(update(t.shipment).where(t.shipment.c.id == bindparam("key_id")).values(**values), rows)
