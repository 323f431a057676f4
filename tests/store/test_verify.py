"""Verifying finds every head, claim and state that does not follow from its log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, update

import databases
from todoke.model.changes import Changes, DecisionChange, Parcel, StateChange
from todoke.model.codes import Cause, ShipmentKind
from todoke.outbox.batch import Claim, claim
from todoke.parcels.diff import diff
from todoke.store import tables as t
from todoke.store.lake import Lake
from todoke.store.ledger import Ledger, Pin, insert_ignoring_conflicts
from todoke.store.schema import HOUSEHOLD
from todoke.store.settle import settle
from todoke.store.verify import verify

_DAY = date(2026, 11, 10)
_AT = datetime(2026, 11, 11, 9)
Statement = Callable[[Connection], Any]


@pytest.fixture
def sound(ledger: Ledger) -> Ledger:
    """A ledger with two versions, decisions, four parcels (released, delivered, planned, on hold) and a batch."""
    lake = Lake(ledger)
    for rows in (HOUSEHOLD.empty_table(), HOUSEHOLD.empty_table().from_pylist([{"household_no": "1"}], HOUSEHOLD)):
        staged = lake.stage("household", rows, ["test"])
        with ledger.write() as tx:
            ledger.commit_version(tx, staged, ledger.heads(tx).get("household"))
    decisions = tuple(
        DecisionChange(f"W:{n}", "web", str(n), datetime(2026, 11, 9), "accepted", None, 3000, False) for n in range(4)
    )

    def plan(numbers: range, held: int) -> Callable[[Connection, Pin, date], Callable[[], Changes]]:
        parcels = [
            Parcel(str(n), ShipmentKind.GOODS, Cause.FIRST, "", f"W:{n}", (("A", 1),), 3000, n == held, "goods")
            for n in numbers
        ]
        changes = diff(ledger.keys.id_key, databases.CONTRACT, parcels, []).changes
        return lambda _tx, _pin, _as_of: lambda: Changes(decisions, changes)

    settle(ledger, "orders", _DAY, plan(range(2), 9))
    claim(ledger, {"goods": Claim()}, _DAY)
    settle(ledger, "orders", _DAY, plan(range(2, 4), 3))
    with ledger.read() as tx:
        number = tx.execute(t.shipment.select().where(t.shipment.c.household_no == "0")).one().id
    event = {"source": "carrier", "source_ref": "1", "shipment_id": number, "state": "handed_over", "revision": 1,
             "occurred_at": _AT, "landed_seq": 1}  # fmt: skip
    with ledger.write() as tx:
        ledger.move(tx)
        insert_ignoring_conflicts(tx, t.shipment_event, [event])
    state = StateChange(number, "handed_over", _AT, _AT.date(), 1, None, None, "carrier")
    settle(ledger, "deliveries", _AT.date(), lambda _tx, _pin, _as_of: lambda: Changes(states=(state,)))
    return ledger


def test_a_sound_ledger_has_no_faults(sound: Ledger) -> None:
    assert verify(sound) == []


def test_an_empty_ledger_has_no_faults(ledger: Ledger) -> None:
    assert verify(ledger) == []


_s, _d, _h, _r, _e = (x.c for x in (t.shipment, t.decision, t.decision_head, t.shipment_revision, t.effect))
_PLANNED = _s.household_no == "2"

#: What is broken, and the words that must be found.
_BROKEN: dict[str, tuple[Any, str]] = {
    "stream behind": (update(t.stream).values(seq=1), "位置"),
    "frontier": (update(t.stream).values(settled_through=_AT.date()), "日付"),
    "version gone": (delete(t.dataset_version).where(t.dataset_version.c.number == 1), "版の連なり"),
    "head differs": (update(t.decision_head).where(_h.application_id == "W:1").values(points=1), "現在の決定"),
    "head reason": (update(t.decision_head).where(_h.application_id == "W:1").values(reason="late"), "現在の決定"),
    "head gone": (delete(t.decision_head).where(_h.application_id == "W:1"), "現在の決定"),
    "head behind": (update(t.decision_head).where(_h.application_id == "W:1").values(seq=1), "現在の決定"),
    "log gap": (delete(t.decision).where(_d.application_id == "W:1", _d.seq == 1), "欠番"),
    "settlement gone": (delete(t.settlement).where(t.settlement.c.seq == 3), "確定"),
    "revision gone": (delete(t.shipment_revision).where(_r.source_ref == "W:2"), "改訂番号"),
    "revision number": (update(t.shipment).where(_PLANNED).values(revision=2), "改訂番号"),
    "content": (update(t.shipment_item).values(quantity=2), "要約値"),
    "item gone": (delete(t.shipment_item), "要約値"),
    "effect gone": (delete(t.effect).where(_e.batch_id.is_(None)), "予定"),
    "effect kind": (update(t.effect).where(_e.batch_id.is_(None)).values(kind="toilet"), "予定"),
    "batch gone": (delete(t.batch), "バッチ"),
    "batch count": (update(t.batch).values(members=3), "構成"),
    "claim gone": (delete(t.claim).where(t.claim.c.household_no == "3"), "権利"),
    "claim too much": (
        insert(t.claim).values(contract="tiny", household_no="9", claim="entitlement", shipment_id="G9"),
        "権利",
    ),
    "released alone": (update(t.shipment).where(_PLANNED).values(released_rev=1), "出荷済み"),
    "release day": (update(t.shipment).where(_s.household_no == "1").values(released_on=date(2026, 1, 1)), "出荷済み"),
    "state": (update(t.shipment).where(_PLANNED).values(state="on_hold"), "状態"),
    "carrier's state": (update(t.shipment).where(_s.household_no == "0").values(state="delivered"), "状態"),
    "hand-over": (update(t.shipment).where(_s.household_no == "0").values(handed_rev=2), "状態"),
}


@pytest.mark.parametrize("what", _BROKEN)
def test_what_does_not_follow_from_the_log_is_found(sound: Ledger, what: str) -> None:
    statement, words = _BROKEN[what]
    with sound.write() as tx:
        assert tx.execute(statement).rowcount != 0
    assert any(words in fault for fault in verify(sound)), verify(sound)


def test_many_faults_are_counted_and_some_are_named(sound: Ledger) -> None:
    rows = [
        {"contract": "tiny", "household_no": str(n), "claim": "catalogue", "shipment_id": f"C{n}"} for n in range(9)
    ]
    with sound.write() as tx:
        tx.execute(insert(t.claim), rows)
    assert verify(sound) == ["世帯の権利が出荷の記録と一致しません：C0, C1, C2, C3, C4 ほか4件"]
