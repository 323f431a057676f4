"""The SQL of the daily reconciliation says what the plain-Python oracle says, world by world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from oracle import decide
from oracle import possible_senders as senders_of
from oracle_nouns import Decision, Parcel, ParcelLine, World
from worlds import DAYS, DEADLINE, crowd, rules, to_inputs, worlds

from todoke.model.codes import Reason, Status
from todoke.orders.reconcile import OrderRules, possible_senders, reconcile
from todoke.store.engine import Engine

WORLD_BY_WORLD = settings(
    max_examples=45,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _rows(records: Iterable[Any]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(vars(record).values()) for record in records)


def _rows_of(table: pa.Table, record: type) -> Counter[tuple[Any, ...]]:
    columns = list(record.__dataclass_fields__)
    return Counter(tuple(row[c] for c in columns) for row in table.to_pylist())


def _differences(world: World, order_rules: OrderRules, *, backwards: bool = False) -> list[tuple[Any, ...]]:
    """Rows that only the SQL (marked sql) or only the oracle (marked oracle) has."""
    with Engine(memory_limit="256MB") as engine:
        desired = reconcile(engine, to_inputs(world, backwards=backwards), order_rules)
    wanted = decide(world, order_rules)
    given_ = (desired.decision, desired.parcel, desired.parcel_line)
    differences: list[tuple[Any, ...]] = []
    for table, records, record in zip(given_, wanted, (Decision, Parcel, ParcelLine), strict=True):
        ours, theirs = _rows_of(table, record), _rows(records)
        differences += [("sql", *row) for row in ours - theirs]
        differences += [("oracle", *row) for row in theirs - ours]
    with Engine(memory_limit="256MB") as engine:
        found = possible_senders(engine, to_inputs(world, backwards=backwards), order_rules)["household_no"].to_pylist()
    assert sorted(found) == sorted(senders_of(world, order_rules))
    return differences


@WORLD_BY_WORLD
@given(worlds(), rules())
def test_sql_decides_every_random_world_as_the_oracle_does(world: World, order_rules: OrderRules) -> None:
    assert _differences(world, order_rules) == []


@settings(WORLD_BY_WORLD, max_examples=6)
@given(worlds(), rules())
def test_the_order_of_arrival_changes_nothing(world: World, order_rules: OrderRules) -> None:
    assert _differences(world, order_rules, backwards=True) == []


@pytest.mark.parametrize("seed", range(6))
def test_sql_decides_a_crowd_of_households_as_the_oracle_does(seed: int) -> None:
    order_rules = OrderRules(
        as_of=DAYS[seed % 2 * 2 + 3],
        deadline=DEADLINE,
        points_per_member=3000,
        threshold=0.80,
        postmark=seed % 3 == 0,
        amend_until_handover=seed % 4 < 2,
    )
    assert _differences(crowd(seed), order_rules) == []


def test_the_worlds_reach_every_reason_and_status_of_every_source() -> None:
    order_rules = OrderRules(DAYS[5], DEADLINE, 3000, 0.80, postmark=False, amend_until_handover=False)
    decisions, parcels, _ = decide(crowd(1, 1000), order_rules)
    assert {d.reason for d in decisions} == {None, *map(str, Reason)}
    assert {d.status for d in decisions} == set(map(str, Status))
    assert {(p.cause, p.held) for p in parcels} == {(c, h) for c in ("first", "add") for h in (True, False)}
    assert {d.differs_from_standing for d in decisions} == {True, False}
