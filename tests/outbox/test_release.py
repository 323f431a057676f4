"""A batch is claimed before it shows, is rendered from the same members however often, and never changes its files."""

from __future__ import annotations

import threading
from datetime import date, datetime, time
from typing import Any

import pytest
from released_parcels import DAY, LATER, plan_goods
from sqlalchemy import Connection, select, update

import databases
from todoke.errors import NotApproved, OutboxConflict, StalePlan
from todoke.ids import members_digest
from todoke.outbox.batch import (
    Batch,
    Claim,
    OpenFile,
    Outbox,
    batch_of,
    batches,
    claim,
    pending_keys,
    publish,
    unpublished,
)
from todoke.store import tables as t
from todoke.store.ledger import Ledger
from todoke.store.verify import verify


def _shipments(ledger: Ledger) -> dict[str, tuple[str, int | None, date | None]]:
    c = t.shipment.c
    with ledger.read() as tx:
        rows = tx.execute(select(c.household_no, c.state, c.released_rev, c.released_on)).tuples()
        return {row[0]: row[1:] for row in rows}


def _render(text: bytes) -> Any:
    def render(open_file: OpenFile) -> None:
        with open_file("a.csv") as file:
            file.write(text)
        with open_file("b.csv") as file:
            file.write(b"second")

    return render


@pytest.fixture
def planned(ledger: Ledger) -> Ledger:
    plan_goods(ledger, {"1": "A", "2": "A", "3": "A"}, held=frozenset({"3"}))
    return ledger


def _claimed(ledger: Ledger, kind: str = "goods", on: date = DAY) -> Batch:
    [batch] = claim(ledger, {kind: Claim()}, on)
    return batch


def test_a_claim_locks_what_is_pending_and_nothing_else(planned: Ledger) -> None:
    batch = _claimed(planned)
    assert (batch.members, batch.business_on, batch.published) == (2, DAY, False)
    assert _shipments(planned) == {
        "1": ("released", 1, DAY),
        "2": ("released", 1, DAY),
        "3": ("on_hold", None, None),
    }
    assert Outbox(planned).listing() == [], "locked before any file is visible"


def test_when_nothing_is_pending_nothing_is_written(planned: Ledger) -> None:
    assert claim(planned, {"toilet": Claim()}, DAY) == []
    assert claim(planned, {"goods": Claim()}, date(2026, 11, 9)) == [], "not due yet"
    _claimed(planned)
    with planned.read() as tx:
        before = planned.pin(tx).seq
    assert claim(planned, {"goods": Claim()}, DAY) == []
    with planned.read() as tx:
        assert planned.pin(tx).seq == before


def test_a_guard_that_says_no_locks_nothing(planned: Ledger) -> None:
    asked: list[list[str]] = []

    def guard(tx: Connection, keys: list[str]) -> dict[str, int]:
        asked.append(keys)
        assert keys == pending_keys(planned, tx, "goods", DAY)
        raise NotApproved("承認されていません")

    with pytest.raises(NotApproved):
        claim(planned, {"goods": Claim(guard)}, DAY)
    assert len(asked[0]) == 2
    assert {state for state, _, _ in _shipments(planned).values()} == {"planned", "on_hold"}


def test_figures_of_the_guard_stay_with_the_batch(planned: Ledger) -> None:
    claim(planned, {"goods": Claim(lambda _tx, keys: {"labels": len(keys)})}, DAY)
    [batch] = unpublished(planned, "goods")
    assert batch.notes == {"labels": 2}


def test_replacements_stops_and_cancellations_lock_as_they_are_told(planned: Ledger) -> None:
    _claimed(planned)
    plan_goods(planned, {"1": "B", "3": "A"}, on=LATER)  # 1 changed, 2 gone, 3 free
    assert len(claim(planned, {"stop": Claim()}, LATER)) == 1
    assert _claimed(planned, on=LATER).members == 2
    assert _shipments(planned) == {
        "1": ("released", 2, DAY),
        "2": ("cancelled", 2, DAY),
        "3": ("released", 1, LATER),
    }


def test_what_the_carrier_has_taken_is_not_released_again(planned: Ledger) -> None:
    _claimed(planned)
    plan_goods(planned, {"1": "B", "2": "A", "3": "A"}, held=frozenset({"3"}), on=LATER)
    with planned.write() as tx:
        planned.move(tx)
        handed = {"handed_over_at": datetime.combine(LATER, time(9)), "state": "handed_over"}
        tx.execute(update(t.shipment).where(t.shipment.c.household_no == "1").values(handed))
    assert claim(planned, {"goods": Claim()}, LATER) == []


def test_the_members_of_a_batch_name_it_for_ever(planned: Ledger) -> None:
    batch = _claimed(planned)
    with planned.read() as tx:
        keys = list(tx.execute(select(t.effect.c.key).where(t.effect.c.batch_id == batch.id)).scalars())
        digest = tx.execute(select(t.batch.c.members_digest)).scalar_one()
    assert digest == members_digest(keys) == members_digest(keys[::-1])


def test_a_published_batch_has_its_files_and_their_digest(planned: Ledger) -> None:
    batch = _claimed(planned)
    digest = publish(planned, batch, "shipping", _render(b"first"))
    out = Outbox(planned)
    assert out.listing("shipping") == [f"shipping/{batch.id}/a.csv", f"shipping/{batch.id}/b.csv"]
    assert out.get(f"shipping/{batch.id}/a.csv") == b"first"
    with planned.read() as tx:
        [kept] = batches(planned, tx, "goods")
        assert tx.execute(select(t.batch.c.sha256)).scalar_one() == digest
    assert kept.published
    assert unpublished(planned, "goods") == []


def test_files_lie_sealed_under_the_contracts_key(stores: databases.Stores, planned: Ledger) -> None:
    publish(planned, _claimed(planned), "shipping", _render(b"first"))
    files = [p for p in (stores.home / "outbox").rglob("*") if p.is_file()]
    assert {p.suffix for p in files} == {".age"}
    assert not any(b"first" in p.read_bytes() for p in files)


def test_a_batch_that_a_run_left_behind_is_rendered_again_from_the_same_members(planned: Ledger) -> None:
    left = _claimed(planned)

    def dies(open_file: OpenFile) -> None:
        with open_file("a.csv") as file:
            file.write(b"first")
        with open_file("b.csv") as file:
            file.write(b"sec")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(planned, left, "shipping", dies)
    assert Outbox(planned).listing() == [f"shipping/{left.id}/a.csv"]
    plan_goods(planned, {"1": "A", "2": "A", "3": "A"}, on=LATER)
    [again] = unpublished(planned, "goods")
    assert again == left
    publish(planned, again, "shipping", _render(b"first"))
    [new] = claim(planned, {"goods": Claim()}, LATER)
    assert (new.members, unpublished(planned, "goods")) == (1, [new])
    publish(planned, new, "shipping", _render(b"first"))
    assert unpublished(planned, "goods") == []


def test_the_same_batch_rendered_again_must_have_the_same_content(stores: databases.Stores, planned: Ledger) -> None:
    batch = _claimed(planned)
    first = publish(planned, batch, "shipping", _render(b"first"))
    before = {p: p.read_bytes() for p in (stores.home / "outbox").rglob("*.age")}
    assert publish(planned, batch, "shipping", _render(b"first")) == first
    with pytest.raises(OutboxConflict):
        publish(planned, batch, "shipping", _render(b"other"))
    assert {p: p.read_bytes() for p in (stores.home / "outbox").rglob("*.age")} == before


def test_what_is_cut_is_locked_at_once_in_batches_of_its_parts(planned: Ledger) -> None:
    plan_goods(planned, {"1": "A", "2": "A", "3": "A"})
    first, second = claim(
        planned, {"goods": Claim(lambda _tx, _keys: {"n": 3}, lambda keys: [keys[1:], keys[:1]])}, DAY
    )
    assert (first.members, first.notes) == (2, {"n": 3, "part": 1, "parts": 2})
    assert (second.members, second.notes) == (1, {"n": 3, "part": 2, "parts": 2})
    assert {state for state, _, _ in _shipments(planned).values()} == {"released"}
    assert {batch.id for batch in unpublished(planned, "goods")} == {first.id, second.id}
    for batch in (first, second):
        with planned.read() as tx:
            here = select(t.effect.c.key).where(t.effect.c.batch_id == batch.id)
            keys = list(tx.execute(here).scalars())
            digest = tx.execute(select(t.batch.c.members_digest).where(t.batch.c.id == batch.id)).scalar_one()
        assert digest == members_digest(keys)
        assert batch_of(planned, batch.id) == batch
    assert verify(planned) == []


@pytest.mark.parametrize("wrong", [lambda keys: [keys, keys[:1]], lambda keys: [["x"], keys[1:]]])
def test_parts_with_what_is_not_pending_or_twice_lock_nothing(planned: Ledger, wrong: Any) -> None:
    with pytest.raises(StalePlan):
        claim(planned, {"goods": Claim(cut=wrong)}, DAY)
    assert unpublished(planned, "goods") == []
    assert {state for state, _, _ in _shipments(planned).values()} == {"planned", "on_hold"}


def test_what_a_cut_leaves_out_stays_pending(planned: Ledger) -> None:
    [first] = claim(planned, {"goods": Claim(cut=lambda keys: [keys[:1]])}, DAY)
    assert (first.members, first.notes) == (1, {})
    assert sorted(state for state, _, _ in _shipments(planned).values()) == ["on_hold", "planned", "released"]
    assert _claimed(planned).members == 1
    assert verify(planned) == []


def test_kinds_that_are_claimed_together_are_all_locked_or_none_is(planned: Ledger) -> None:
    _claimed(planned)
    plan_goods(planned, {"1": "A", "2": "A", "3": "A"}, on=LATER, held=frozenset({"1"}))

    def refuses(_tx: Connection, _keys: list[str]) -> dict[str, int]:
        raise StalePlan("世帯台帳が更新されました")

    before = _shipments(planned)
    with pytest.raises(StalePlan):
        claim(planned, {"stop": Claim(), "goods": Claim(refuses)}, LATER)
    assert _shipments(planned) == before
    left = claim(planned, {"stop": Claim(lambda _tx, _keys: None), "goods": Claim()}, LATER)
    assert [batch.kind for batch in left] == ["goods"], "what its guard leaves stays pending"
    assert [batch.kind for batch in claim(planned, {"stop": Claim(), "goods": Claim()}, LATER)] == ["stop"]
    assert verify(planned) == []


def test_what_becomes_pending_while_it_is_cut_is_cut_anew(planned: Ledger) -> None:
    def cut(keys: list[str]) -> list[list[str]]:
        plan_goods(planned, {"1": "A", "2": "A", "3": "A"})
        return [[key] for key in keys]

    with pytest.raises(StalePlan):
        claim(planned, {"goods": Claim(cut=cut)}, DAY)
    assert [batch.members for batch in claim(planned, {"goods": Claim(cut=cut)}, DAY)] == [1, 1, 1]


def test_of_many_that_claim_at_once_one_gets_all(planned: Ledger) -> None:
    got: list[list[Batch]] = []
    threads = [threading.Thread(target=lambda: got.append(claim(planned, {"goods": Claim()}, DAY))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [batch.members for batches in got for batch in batches] == [2]
    assert len(got) == 5
