"""Settling: all of a plan or nothing of it, and never on a state that has passed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, select

import databases
from todoke.errors import StalePlan, TodokeError
from todoke.model.changes import Changes, DecisionChange, DifferenceFound, Parcel
from todoke.model.codes import Cause, ShipmentKind
from todoke.outbox.batch import Claim, claim
from todoke.parcels.diff import diff
from todoke.parcels.ledger_parcels import actual_parcels
from todoke.store import facts
from todoke.store import tables as t
from todoke.store.ledger import Ledger, Pin
from todoke.store.settle import Settlement, settle
from todoke.store.verify import verify

_DAY = date(2026, 11, 10)
_LATER = date(2026, 12, 1)
Plan = Callable[[Connection, Pin, date], Callable[[], Changes]]


def _decision(status: str, number: str = "W:1", points: int = 3000) -> DecisionChange:
    return DecisionChange(number, "web", "1", datetime(2026, 11, 9), status, None, points, False)


def _always(changes: Changes) -> Plan:
    return lambda _tx, _pin, _as_of: lambda: changes


def _goods(household: str, kind: ShipmentKind = ShipmentKind.GOODS, *, held: bool = False) -> Parcel:
    return Parcel(household, kind, Cause.FIRST, "", "W:1", (("A", 1),), 3000, held, str(kind))


def _planned(ledger: Ledger, *parcels: Parcel, on: date = _DAY) -> Settlement | None:
    """Settles goods parcels, as the processes do."""
    kinds = sorted({str(p.kind) for p in parcels} | {"goods"})

    def plan(tx: Connection, _pin: Pin, _as_of: date) -> Callable[[], Changes]:
        have = actual_parcels(
            facts.shipments(tx, databases.CONTRACT, kinds), facts.revisions(tx, databases.CONTRACT, kinds)
        )
        return lambda: Changes(parcels=diff(ledger.keys.id_key, databases.CONTRACT, parcels, have).changes)

    return settle(ledger, "orders", on, plan)


def _rows(ledger: Ledger, *columns: Any) -> list[Any]:
    with ledger.read() as tx:
        return sorted(tuple(row) for row in tx.execute(select(*columns)))


def test_a_decision_that_changes_is_added_to_the_log_and_replaces_the_head(ledger: Ledger) -> None:
    for day, status in ((_DAY, "review"), (_LATER, "accepted")):
        settle(ledger, "orders", day, _always(Changes(decisions=(_decision(status), _decision(status, "W:2")))))
    c, h = t.decision.c, t.decision_head.c
    assert _rows(ledger, c.application_id, c.seq, c.status, c.as_of) == [
        ("W:1", 1, "review", _DAY),
        ("W:1", 2, "accepted", _LATER),
        ("W:2", 1, "review", _DAY),
        ("W:2", 2, "accepted", _LATER),
    ]
    assert _rows(ledger, h.application_id, h.seq, h.status) == [("W:1", 2, "accepted"), ("W:2", 2, "accepted")]
    assert verify(ledger) == []


def test_a_settled_day_without_changes_writes_nothing(ledger: Ledger) -> None:
    first = settle(ledger, "orders", _DAY, _always(Changes()))
    assert first is not None
    assert settle(ledger, "orders", _DAY, _always(Changes())) is None
    assert settle(ledger, "orders", date(2026, 11, 1), _always(Changes())) is None, "an earlier day is restated only"
    assert settle(ledger, "labels", _DAY, _always(Changes())) is not None, "another process has not settled it"
    assert settle(ledger, "orders", _LATER, _always(Changes())) is not None
    assert len(_rows(ledger, t.settlement.c.id)) == 3
    assert _rows(ledger, t.stream.c.seq, t.stream.c.settled_through) == [(3, _LATER)]


def test_an_earlier_day_settles_at_the_frontier(ledger: Ledger) -> None:
    settle(ledger, "orders", _LATER, _always(Changes()))
    done = settle(ledger, "orders", _DAY, _always(Changes(decisions=(_decision("accepted"),))))
    assert done is not None
    assert done.as_of == _LATER
    assert _rows(ledger, t.stream.c.settled_through) == [(_LATER,)]


def test_only_orders_close_a_day(ledger: Ledger) -> None:
    """Labels are swept at seven in the morning: yesterday's orders, run late, must not be settled into today."""
    settle(ledger, "orders", _DAY, _always(Changes()))
    swept = settle(ledger, "labels", _LATER, _always(Changes()))
    assert swept is not None
    assert swept.as_of == _LATER
    assert _rows(ledger, t.stream.c.settled_through) == [(_DAY,)]
    assert verify(ledger) == []


def test_a_plan_that_was_overtaken_is_made_again(ledger: Ledger) -> None:
    seen: list[int] = []

    def plan(_tx: Connection, pin: Pin, _as_of: date) -> Callable[[], Changes]:
        def compute() -> Changes:
            seen.append(pin.seq)
            if len(seen) < 3:
                with ledger.write() as tx:
                    ledger.move(tx)
            return Changes(decisions=(_decision("accepted", points=pin.seq),))

        return compute

    settle(ledger, "orders", _DAY, plan)
    assert seen == [0, 1, 2]
    assert _rows(ledger, t.decision.c.points) == [(2,)]


def test_a_plan_that_is_always_overtaken_gives_up_and_writes_nothing(ledger: Ledger) -> None:
    def plan(_tx: Connection, _pin: Pin, _as_of: date) -> Callable[[], Changes]:
        def compute() -> Changes:
            with ledger.write() as tx:
                ledger.move(tx)
            return Changes(decisions=(_decision("accepted"),))

        return compute

    with pytest.raises(StalePlan) as caught:
        settle(ledger, "orders", _DAY, plan)
    assert not caught.value.final
    assert _rows(ledger, t.decision.c.seq) == []


def test_nothing_is_computed_inside_a_transaction(ledger: Ledger) -> None:
    def plan(_tx: Connection, _pin: Pin, _as_of: date) -> Callable[[], Changes]:
        def compute() -> Changes:
            with ledger.write() as tx:  # would wait for ever if the plan held the ledger
                tx.execute(select(1))
            return Changes()

        return compute

    assert settle(ledger, "orders", _DAY, plan) is not None


def test_a_plan_that_breaks_a_promise_is_undone_as_a_whole(ledger: Ledger) -> None:
    """Toilets and goods both need the household's entitlement."""
    _planned(ledger, _goods("1"))
    before = _rows(ledger, t.stream.c.seq)
    with pytest.raises(TodokeError):
        _planned(ledger, _goods("1"), _goods("2"), _goods("1", ShipmentKind.TOILET))
    assert _rows(ledger, t.shipment.c.household_no) == [("1",)]
    assert _rows(ledger, t.stream.c.seq) == before
    assert verify(ledger) == []


def test_a_parcel_on_hold_keeps_its_claim_and_has_no_effect(ledger: Ledger) -> None:
    _planned(ledger, _goods("1"))
    _planned(ledger, _goods("1", held=True))
    assert _rows(ledger, t.shipment.c.state) == [("on_hold",)]
    assert _rows(ledger, t.effect.c.key) == []
    assert len(_rows(ledger, t.claim.c.shipment_id)) == 1
    _planned(ledger)
    assert _rows(ledger, t.shipment.c.state) == [("cancelled",)]
    assert _rows(ledger, t.claim.c.shipment_id) == []
    _planned(ledger, _goods("1"))
    assert _rows(ledger, t.shipment.c.state, t.shipment.c.revision) == [("planned", 1)]
    assert len(_rows(ledger, t.effect.c.key)) == len(_rows(ledger, t.claim.c.shipment_id)) == 1
    assert verify(ledger) == []


def test_what_was_released_keeps_its_claim_through_cancelling_and_coming_back(ledger: Ledger) -> None:
    _planned(ledger, _goods("1"))
    for parcels, state in (((), "cancelled"), ((_goods("1"),), "released"), ((_goods("1", held=True),), "stopped")):
        for kind in ("goods", "stop"):
            claim(ledger, {kind: Claim()}, _DAY)
        _planned(ledger, *parcels)
        assert len(_rows(ledger, t.claim.c.shipment_id)) == 1
        for kind in ("goods", "stop"):
            claim(ledger, {kind: Claim()}, _DAY)
        assert _rows(ledger, t.shipment.c.state) == [(state,)]
        assert len(_rows(ledger, t.claim.c.shipment_id)) == 1
        assert verify(ledger) == []
    assert _rows(ledger, t.shipment_revision.c.rev, t.shipment_revision.c.action) == [
        (1, "instruct"),
        (2, "cancel"),
        (3, "replace"),
        (4, "stop"),
    ]


def test_differences_open_settle_and_open_again(ledger: Ledger) -> None:
    found = DifferenceFound("G1", "d", "content")
    c = t.difference.c
    for changes, state in (
        (Changes(differences=(found,)), "open"),
        (Changes(settled_differences=(found,)), "settled"),
        (Changes(differences=(found,)), "open"),
    ):
        settle(ledger, "orders", _DAY, _always(changes))
        assert _rows(ledger, c.shipment_id, c.kind, c.state) == [("G1", "content", state)]


def test_a_settlement_says_how_much_changed(ledger: Ledger) -> None:
    done = settle(ledger, "orders", _DAY, _always(Changes(decisions=(_decision("accepted"),))))
    assert done is not None
    assert done.counts["decisions"] == 1
