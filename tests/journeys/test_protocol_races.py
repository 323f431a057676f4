"""Settles, releases and writers of facts at the same time, in processes of their own."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

import processes
import pytest
from racing import RACERS, ROUNDS, race, sources
from sqlalchemy import func, select
from tiny_rules import day
from tiny_world import Office, dump

import databases
from todoke.outbox.batch import Outbox
from todoke.store import tables as t
from todoke.store.verify import verify

_PROCESS_SECONDS = 60


def _finish(office: Office) -> None:
    office.land(sources(ROUNDS))
    office.settle_orders(day(1))
    office.release(day(1))
    office.hand_over(day(1))


def _end(office: Office) -> dict[str, Any]:
    """What must not depend on who was faster: all but who wrote it when, and how it was cut into batches."""
    rows = dump(office)
    with office.ledger.read() as tx:
        s, d = t.shipment.c, t.decision_head.c
        decided = tx.execute(select(d.application_id, d.status, d.household_no, d.points)).tuples().all()
        parcels = tx.execute(select(s.id, s.state, s.revision, s.released_rev, s.released_on, s.handed_rev)).tuples()
        return {
            "decisions": sorted(decided),
            "shipments": sorted(parcels.all()),
            "items": rows["shipment_item"],
            "claims": rows["claim"],
            "events": sorted((e[1:4]) for e in rows["shipment_event"]),
            "files": Counter(_lines(office)),
        }


def _lines(office: Office) -> list[tuple[str, ...]]:
    out = Outbox(office.ledger)
    return [tuple(row) for name in out.listing() for row in csv.reader(io.StringIO(out.get(name).decode()))]


@pytest.mark.parametrize("attempt", range(2))
def test_racing_processes_end_as_one_after_the_other(stores: databases.Stores, tmp_path: Path, attempt: int) -> None:
    """The racers overtake each other at will; what nobody came to is done afterwards, once, by a normal run."""
    stores.keep("empty")
    office = Office(tmp_path / "mailbox")
    _finish(office)
    expected = _end(office)
    stores.restore("empty")
    start = processes.context().Barrier(len(RACERS))
    racers = [
        processes.context().Process(target=race, args=(stores.variables, str(tmp_path / "mailbox"), racer, start))
        for racer in range(len(RACERS))
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(_PROCESS_SECONDS)
    assert [racer.exitcode for racer in racers] == [0] * len(racers)

    office = Office(tmp_path / "mailbox")
    _finish(office)
    end = _end(office)
    assert end == expected
    assert set(end["files"].values()) == {1}, "nothing is released twice"
    assert verify(office.ledger) == []
    with office.ledger.read() as tx:
        moved = tx.execute(select(t.stream.c.seq)).scalar_one()
        # every settlement, batch, version and report of the carrier has moved the stream: none was lost
        settled = tx.execute(select(func.count()).select_from(t.settlement)).scalar_one()
        claimed = tx.execute(select(func.count()).select_from(t.batch)).scalar_one()
        versions = tx.execute(select(func.count()).select_from(t.dataset_version)).scalar_one()
    assert moved >= settled + claimed + versions
