"""Settling a day: changes become rows of the ledger in one transaction, or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select, update

from todoke import ids
from todoke.errors import StalePlan
from todoke.model.changes import Changes, DecisionChange, ParcelChange
from todoke.model.codes import Claim, ShipmentKind, ShipmentState
from todoke.store import tables as t
from todoke.store.ledger import Ledger, Pin, analyze

_CLAIMED_BY = {
    ShipmentKind.CATALOGUE: Claim.CATALOGUE,
    ShipmentKind.GOODS: Claim.ENTITLEMENT,
    ShipmentKind.TOILET: Claim.ENTITLEMENT,
}
_MANY = 10_000
_ATTEMPTS = 20


@dataclass(frozen=True)
class Settlement:
    """A day that was settled: its id, the day effects were computed for, and how much changed."""

    id: str
    as_of: date
    counts: dict[str, int]


def settle(
    ledger: Ledger, process: str, on: date, plan: Callable[[Connection, Pin, date], Callable[[], Changes]]
) -> Settlement | None:
    """Computes and applies until the plan was not overtaken by another writer.

    Args:
        process: what settles (orders, labels…).
        on: the business date; effects are computed at the frontier.
        plan: reads all it needs in the read transaction that it is given, with the pinned state and the frontier,
            and returns the computation, which then runs outside any transaction.

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
        try:
            return apply(ledger, process, pin, as_of, changes)
        except StalePlan:
            continue
    raise StalePlan("ほかの処理と競合し続けています", where=process, next_step="しばらくしてから再実行してください")


def apply(ledger: Ledger, process: str, pin: Pin, as_of: date, changes: Changes) -> Settlement | None:
    """Writes `changes` if the ledger is still at the pinned position.

    Raises:
        StalePlan: it has moved since.
    """
    if not changes and _is_settled(ledger, process, as_of):
        return None
    inputs = json.dumps({name: ref.id for name, ref in sorted(pin.heads.items())})
    with ledger.write() as tx:
        _advance(ledger, tx, pin, as_of)
        seq = pin.seq + 1
        settlement_id = ids.identifier(ledger.keys.id_key, "settlement", ledger.contract, process, seq)
        tx.execute(
            insert(t.settlement).values(
                id=settlement_id,
                contract=ledger.contract,
                process=process,
                as_of=as_of,
                inputs_digest=hashlib.sha256(inputs.encode()).hexdigest(),
                seq=seq,
            )
        )
        _write_decisions(ledger, tx, settlement_id, as_of, changes)
        _write_parcels(ledger, tx, settlement_id, as_of, changes.parcels)
        _write_differences(ledger, tx, as_of, changes)
    return Settlement(settlement_id, as_of, changes.counts())


def _is_settled(ledger: Ledger, process: str, as_of: date) -> bool:
    with ledger.read() as tx:
        last = tx.execute(
            select(func.max(t.settlement.c.as_of)).where(
                t.settlement.c.contract == ledger.contract, t.settlement.c.process == process
            )
        ).scalar_one()
    return last is not None and last >= as_of


def _advance(ledger: Ledger, tx: Connection, pin: Pin, as_of: date) -> None:
    if pin.seq == 0:
        from todoke.store.ledger import insert_ignoring_conflicts

        insert_ignoring_conflicts(tx, t.stream, [{"contract": ledger.contract, "seq": 0}])
    moved = tx.execute(
        update(t.stream)
        .where(t.stream.c.contract == ledger.contract, t.stream.c.seq == pin.seq)
        .values(seq=pin.seq + 1, settled_through=as_of)
    )
    if moved.rowcount != 1:
        raise StalePlan("計画を立てた後に台帳が更新されました", where=ledger.contract)


def _write_decisions(ledger: Ledger, tx: Connection, settlement_id: str, as_of: date, changes: Changes) -> None:
    if not changes.decisions:
        return
    last_seq = {
        row.application_id: row.seq
        for row in tx.execute(
            select(t.decision_head.c.application_id, t.decision_head.c.seq).where(
                t.decision_head.c.contract == ledger.contract
            )
        )
    }

    def row(change: DecisionChange) -> dict[str, object]:
        return {
            "contract": ledger.contract,
            "application_id": change.application_id,
            "seq": last_seq.get(change.application_id, 0) + 1,
            "as_of": as_of,
            "settlement_id": settlement_id,
            "source": change.source,
            "household_no": change.household_no,
            "received_at": change.received_at,
            "status": change.status,
            "reason": change.reason,
            "points": change.points,
            "differs": change.differs,
            "register_version": changes.register_version,
        }

    rows = [row(change) for change in changes.decisions]
    tx.execute(insert(t.decision), rows)
    _replace(tx, t.decision_head, ("contract", "application_id"), rows, last_seq.__contains__)


def _replace(
    tx: Connection, table: Table, key: tuple[str, str], rows: list[dict[str, object]], known: Callable[[object], bool]
) -> None:
    """Puts heads in the place of those that are there."""
    old = [row for row in rows if known(row[key[1]])]
    if old:
        condition = [table.c[name] == bindparam(f"key_{name}") for name in key]
        tx.execute(delete(table).where(*condition), [{f"key_{name}": row[name] for name in key} for row in old])
    tx.execute(insert(table), rows)


def _write_parcels(
    ledger: Ledger, tx: Connection, settlement_id: str, as_of: date, parcels: tuple[ParcelChange, ...]
) -> None:
    if not parcels:
        return
    new = [p for p in parcels if p.is_new]
    old = [p for p in parcels if not p.is_new]
    if old:
        _forget(tx, old)
        tx.execute(
            update(t.shipment)
            .where(t.shipment.c.id == bindparam("key_id"))
            .values(state=bindparam("new_state"), revision=bindparam("new_revision")),
            [
                {"key_id": p.shipment_id, "new_state": p.state, "new_revision": p.rev - (p.action == "drop")}
                for p in old
            ],
        )
    if new:
        tx.execute(insert(t.shipment), [_shipment_row(ledger.contract, p) for p in new])
    kept = [p for p in parcels if p.action != "drop"]
    if not kept:
        return
    tx.execute(insert(t.shipment_revision), [_revision_row(settlement_id, p) for p in kept])
    lines = [
        {"shipment_id": p.shipment_id, "rev": p.rev, "item_code": code, "quantity": quantity}
        for p in kept
        for code, quantity in p.lines
    ]
    if lines:
        tx.execute(insert(t.shipment_item), lines)
    claims = [row for p in kept if (row := _claim_row(ledger.contract, p))]
    if claims:
        tx.execute(insert(t.claim), claims)
    effects = [_effect_row(ledger.contract, as_of, p) for p in kept if p.effect_kind]
    if effects:
        tx.execute(insert(t.effect), effects)
    if len(parcels) > _MANY:
        analyze(tx, "shipment", "shipment_revision", "shipment_item", "claim", "effect")


def _forget(tx: Connection, old: Iterable[ParcelChange]) -> None:
    """Takes away what an unreleased revision said, its effect, and the claim of a parcel not released."""
    keys = [{"key_id": p.shipment_id, "key_rev": p.rev} for p in old]
    for table in (t.shipment_revision, t.shipment_item, t.effect):
        tx.execute(
            delete(table).where(table.c.shipment_id == bindparam("key_id"), table.c.rev == bindparam("key_rev")), keys
        )
    unreleased = [
        {"key_id": p.shipment_id}
        for p in old
        if p.state in (ShipmentState.PLANNED, ShipmentState.ON_HOLD, ShipmentState.CANCELLED)
    ]
    if unreleased:
        tx.execute(delete(t.claim).where(t.claim.c.shipment_id == bindparam("key_id")), unreleased)


def _shipment_row(contract: str, p: ParcelChange) -> dict[str, object]:
    return {
        "id": p.shipment_id,
        "contract": contract,
        "household_no": p.household_no,
        "kind": p.kind,
        "sequence": p.sequence,
        "cause": p.cause,
        "cause_ref": p.cause_ref,
        "state": p.state,
        "revision": p.rev,
    }


def _revision_row(settlement_id: str, p: ParcelChange) -> dict[str, object]:
    return {
        "shipment_id": p.shipment_id,
        "rev": p.rev,
        "content_digest": p.content_digest,
        "action": p.action,
        "source_ref": p.source_ref,
        "points": p.points,
        "settlement_id": settlement_id,
    }


def _claim_row(contract: str, p: ParcelChange) -> dict[str, object] | None:
    takes = p.sequence == 1 and p.state in (ShipmentState.PLANNED, ShipmentState.ON_HOLD)
    if not takes or p.kind not in _CLAIMED_BY:
        return None
    return {
        "contract": contract,
        "household_no": p.household_no,
        "claim": _CLAIMED_BY[p.kind],
        "shipment_id": p.shipment_id,
    }


def _effect_row(contract: str, as_of: date, p: ParcelChange) -> dict[str, object]:
    return {
        "key": f"{p.shipment_id}/{p.rev}",
        "contract": contract,
        "kind": p.effect_kind,
        "shipment_id": p.shipment_id,
        "rev": p.rev,
        "due_on": as_of,
    }


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
