"""The ledger's own promises: one state to read, one stream, times with a zone, one schema on both databases."""

from __future__ import annotations

import os
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Engine, create_engine, insert, inspect, select
from sqlalchemy.exc import IntegrityError, StatementError

import databases
from todoke.errors import StalePlan, TodokeError
from todoke.store import database, facts
from todoke.store import tables as t
from todoke.store.bulk import insert_rows
from todoke.store.ledger import Ledger, fetch, fetch_parts, fetch_view, insert_ignoring_conflicts

_EVENT = {"source": "carrier", "source_ref": "1", "shipment_id": "G1", "state": "delivered", "landed_seq": 1}


def _events(*refs: str) -> list[dict[str, object]]:
    return [_EVENT | {"source_ref": ref, "occurred_at": datetime(2026, 11, 10, 9)} for ref in refs]


def test_the_stream_moves_by_one_and_stops_whoever_planned_before(ledger: Ledger) -> None:
    with ledger.read() as tx:
        before = ledger.pin(tx)
    assert (before.seq, before.settled_through, before.heads) == (0, None, {})
    with ledger.write() as tx:
        assert ledger.move(tx) == 1
    with ledger.write() as tx:
        assert ledger.move(tx) == 2
    with ledger.read() as tx:
        pinned = ledger.pin(tx)
    with pytest.raises(StalePlan), ledger.write() as tx:
        ledger.move(tx, before)
    with ledger.write() as tx:
        assert ledger.move(tx, pinned) == 3


def test_rows_in_parts_are_those_that_come_at_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("todoke.store.ledger._FETCHED", 2)
    schema = pa.schema([("source_ref", pa.string()), ("occurred_at", pa.timestamp("us", "UTC"))])
    schema, c = pa.schema([("source_ref", pa.string()), ("state", pa.string())]), t.shipment_event.c
    query = select(c.source_ref, c.state).order_by(c.source_ref)
    with ledger.write() as tx:
        insert_ignoring_conflicts(tx, t.shipment_event, _events("1", "2", "3", "4", "5"))
    with ledger.read() as tx:
        parts = list(fetch_parts(tx, query, schema))
        assert [part.num_rows for part in parts] == [2, 2, 1]
        assert pa.concat_tables(parts).to_pylist() == fetch(tx, query, schema).to_pylist()
        assert list(fetch_parts(tx, query.where(c.source_ref == "9"), schema)) == []


def test_effects_are_computed_at_the_frontier(ledger: Ledger) -> None:
    with ledger.write() as tx:
        ledger.move(tx)
        tx.execute(t.stream.update().values(settled_through=date(2026, 12, 1)))
    with ledger.read() as tx:
        pin = ledger.pin(tx)
    assert pin.frontier(date(2026, 11, 5)) == date(2026, 12, 1)
    assert pin.frontier(date(2026, 12, 5)) == date(2026, 12, 5)


def test_a_reader_sees_one_state_while_others_write(ledger: Ledger) -> None:
    with ledger.write() as tx:
        ledger.move(tx)
    with ledger.read() as tx:
        first = ledger.pin(tx).seq
        with ledger.write() as other:
            ledger.move(other)
        assert ledger.pin(tx).seq == first
    with ledger.read() as tx:
        assert ledger.pin(tx).seq == first + 1


def test_what_a_failed_transaction_wrote_is_undone(ledger: Ledger) -> None:
    with pytest.raises(KeyboardInterrupt), ledger.write() as tx:
        ledger.move(tx)
        insert_ignoring_conflicts(tx, t.shipment_event, _events("1"))
        raise KeyboardInterrupt
    with ledger.read() as tx:
        assert ledger.pin(tx).seq == 0
        assert facts.events(tx).num_rows == 0


def test_writers_wait_for_each_other(ledger: Ledger) -> None:
    def move() -> None:
        for _ in range(10):
            with ledger.write() as tx:
                ledger.move(tx)

    threads = [threading.Thread(target=move) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ledger.read() as tx:
        assert ledger.pin(tx).seq == 40


_DECISION = (
    *("contract", "application_id", "seq", "as_of", "settlement_id", "source", "household_no", "received_at"),
    *("status", "reason", "points", "differs", "register_version"),
)


def test_facts_that_are_there_are_not_put_twice_and_are_counted(ledger: Ledger) -> None:
    with ledger.write() as tx:
        assert insert_ignoring_conflicts(tx, t.shipment_event, _events("1", "2")) == 2
        assert insert_ignoring_conflicts(tx, t.shipment_event, _events("2", "3")) == 1
        assert insert_ignoring_conflicts(tx, t.shipment_event, []) == 0


def test_bulk_rows_arrive_as_any_other_rows_do(ledger: Ledger) -> None:
    row = ("tiny", "W:1", 1, date(2026, 11, 10), "S", "web", None, datetime(2026, 11, 9, 23, 59, 59, 1), "accepted",
           None, 3000, True, "V")  # fmt: skip
    with ledger.write() as tx:
        insert_rows(tx, t.decision, _DECISION, iter([row]))
        insert_rows(tx, t.decision_head, _DECISION[::-1], [row[::-1]])
    with ledger.read() as tx:
        [kept] = tx.execute(select(t.decision)).all()
        [head] = facts.decisions(tx, databases.CONTRACT).to_pylist()
    assert tuple(kept) == row
    assert (head["received_at"], head["as_of"], head["differs"], head["household_no"]) == (row[7], row[3], True, None)


def test_a_second_claim_of_a_household_is_refused_without_quoting_the_row(ledger: Ledger) -> None:
    names = ("contract", "household_no", "claim", "shipment_id")
    with ledger.write() as tx:
        insert_rows(tx, t.claim, names, [("tiny", "0001234", "entitlement", "G1")])
    for row in (("tiny", "0001234", "entitlement", "T1"), ("tiny", "9999999", "entitlement", "G1")):
        with pytest.raises(TodokeError) as caught, ledger.write() as tx:
            insert_rows(tx, t.claim, names, [row])
        assert caught.value.where == "claim"
        assert row[1] not in str(caught.value)
        assert caught.value.__suppress_context__
    with ledger.read() as tx:
        assert tx.execute(select(t.claim.c.shipment_id)).scalars().all() == ["G1"]


def test_the_database_itself_refuses_a_second_claim(ledger: Ledger) -> None:
    row = {"contract": "tiny", "household_no": "0001234", "claim": "catalogue", "shipment_id": "C1"}
    with ledger.write() as tx:
        tx.execute(insert(t.claim), [row])
    with pytest.raises(IntegrityError) as caught, ledger.write() as tx:
        tx.execute(insert(t.claim), [row | {"shipment_id": "C2"}])
    assert "0001234" not in str(caught.value).split("[SQL")[1], "parameters are hidden"


def test_a_further_parcel_needs_a_cause(ledger: Ledger) -> None:
    row = {"id": "G2", "contract": "tiny", "household_no": "1", "kind": "goods", "sequence": 2, "cause": "first",
           "cause_ref": "", "state": "planned", "revision": 1}  # fmt: skip
    with pytest.raises(IntegrityError), ledger.write() as tx:
        tx.execute(insert(t.shipment), [row])


def test_clock_fields_refuse_naive_times_and_come_back_in_utc(ledger: Ledger) -> None:
    row = {"key": "k", "message_id": "m", "digest": "d", "state": "sent"}
    with pytest.raises(StatementError), ledger.write() as tx:
        tx.execute(insert(t.send), [row | {"sent_at": datetime(2026, 11, 10, 9)}])
    tokyo = datetime.fromisoformat("2026-11-10T09:00:00+09:00")
    with ledger.write() as tx:
        tx.execute(insert(t.send), [row | {"sent_at": tokyo}])
    with ledger.read() as tx:
        kept = tx.execute(select(t.send.c.sent_at)).scalar_one()
    assert kept == tokyo
    assert kept.tzinfo is UTC


def test_views_tell_every_time_in_tokyo(ledger: Ledger) -> None:
    at_night, in_tokyo = datetime(2026, 11, 9, 16, 30, 5, 7, UTC), datetime(2026, 11, 10, 1, 30, 5, 7)
    decided = ("tiny", "W:1", 1, date(2026, 11, 10), "S", "web", None, in_tokyo, "accepted", None, 0, False, "V")
    receipt = {"receipt_no": "R1", "contract": "tiny", "source": "lgwan", "file_name": "f", "sha256": "s", "bytes": 1,
               "rows": 0, "accepted": 0, "quarantined": 0, "received_at": at_night, "received_by": "a", "kind": "k",
               "state": "accepted", "arrived_ns": 1, "arrival": 1, "seq": 1, "file_seq": 0,
               "file_revision": 0}  # fmt: skip
    report = {"contract": "tiny", "kind": "deliveries", "due_on": date(2026, 12, 10), "state": "sent"}
    with ledger.write() as tx:
        tx.execute(insert(t.decision_head).values(dict(zip(_DECISION, decided, strict=True))))
        tx.execute(insert(t.receipt).values(receipt))
        tx.execute(insert(t.deliverable).values(report | {"period": "2026-10", "sent_at": at_night}))
        tx.execute(insert(t.deliverable).values(report | {"period": "2026-11", "approved_at": at_night}))
    with ledger.read() as tx:
        [expected] = [row["received_at"] for row in fetch_view(tx, "decision_current", "tiny")]
        [received] = [row["received_at"] for row in fetch_view(tx, "receipt_current", "tiny")]
        reports = {row["period"]: row for row in fetch_view(tx, "deliverable_current", "tiny")}
    assert str(expected) == "2026-11-10 01:30:05.000007"
    assert received == expected
    assert (reports["2026-10"]["sent_at"], reports["2026-10"]["approved_at"]) == (expected, None)
    assert (reports["2026-11"]["sent_at"], reports["2026-11"]["approved_at"]) == (None, expected)


def test_every_view_can_be_read(ledger: Ledger) -> None:
    with ledger.read() as tx:
        assert [fetch_view(tx, name, databases.CONTRACT) for name in t.VIEWS] == [[]] * len(t.VIEWS)


def test_facts_have_the_types_of_their_schema_even_when_there_are_none(ledger: Ledger) -> None:
    with ledger.write() as tx:
        insert_ignoring_conflicts(tx, t.shipment_event, _events("1"))
    with ledger.read() as tx:
        assert facts.shipments(tx, databases.CONTRACT, ["goods"]).schema == facts.SHIPMENT
        query: Any = select(t.shipment_event.c.occurred_at, t.shipment_event.c.revision)
        schema = pa.schema([("occurred_at", pa.timestamp("us")), ("revision", pa.int32())])
        assert fetch(tx, query, schema).to_pylist() == [{"occurred_at": datetime(2026, 11, 10, 9), "revision": None}]


def test_a_forked_process_makes_connections_of_its_own(ledger: Ledger) -> None:
    with ledger.write() as tx:
        ledger.move(tx)
    child = os.fork()
    if child == 0:
        own = Ledger(databases.CONTRACT)
        with own.write() as tx:
            own.move(tx)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with ledger.write() as tx:
        assert ledger.move(tx) == 3


# -- migrations -----------------------------------------------------------------------------------------------


def _shape(engine: Engine) -> dict[str, Any]:
    """Columns, keys, constraints and indexes of every table."""
    about = inspect(engine)
    shape = {}
    for name in about.get_table_names():
        if name == "alembic_version":
            continue
        shape[name] = {
            "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in about.get_columns(name)],
            "key": sorted(about.get_pk_constraint(name)["constrained_columns"]),
            "unique": sorted(sorted(u["column_names"]) for u in about.get_unique_constraints(name)),
            "checks": sorted(c["name"] or "" for c in about.get_check_constraints(name)),
            "indexes": sorted(
                (i["name"], i["column_names"]) for i in about.get_indexes(name) if not i.get("duplicates_constraint")
            ),
        }
    return shape


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(stores: databases.Stores, tmp_path: Path) -> None:
    migrated = database.engine_of(databases.CONTRACT)
    if stores.kind == "sqlite":
        fresh = create_engine(f"sqlite:///{tmp_path}/fresh.db")
        t.metadata.create_all(fresh)
    else:
        other = databases.Stores("postgresql", tmp_path / "other")
        fresh = create_engine(str(other.variables["TODOKE_LEDGER"]), connect_args={"options": "-csearch_path=fresh"})
        with fresh.begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA fresh")
        t.metadata.create_all(fresh)
    by_code, by_migrations = _shape(fresh), _shape(migrated)
    assert by_migrations == by_code
    assert set(inspect(migrated).get_view_names()) | {"application_number"} == set(t.VIEWS)
    fresh.dispose()
    if stores.kind == "postgresql":
        other.removed()


def test_many_may_open_a_new_ledger_at_once(stores: databases.Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each contract has a schema, or a file, of its own."""
    monkeypatch.setenv("TODOKE_OTHER_KEY", databases.KEY)
    failures: list[BaseException] = []
    start = threading.Barrier(6)

    def open_it() -> None:
        try:
            start.wait()
            connected = database._connect(database.ledger_url("other"), "other")
            database._migrate(connected)
            connected.dispose()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    other = Ledger("other")
    with other.write() as tx:
        other.move(tx)
    with Ledger(databases.CONTRACT).read() as tx:
        assert tx.execute(select(t.stream)).all() == []
    database.engine_of("other").dispose()
