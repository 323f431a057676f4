"""What holds for every ward, whatever it sends."""

from __future__ import annotations

import random
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import rules, settle
from worlds import ITEMS, crowd, to_inputs

from todoke.model.codes import Reason, Status
from todoke.orders.reconcile import DECISION, PARCEL, PARCEL_LINE, OrderInputs

POINTS = {item.item_code: item.points for item in ITEMS}


@pytest.mark.parametrize(("seed", "postmark", "until_handover"), [(11, False, False), (12, True, True)])
def test_one_decision_each_one_order_a_household_and_never_more_than_its_points(
    seed: int, postmark: bool, until_handover: bool
) -> None:
    ward = crowd(seed, 1500)
    desired = settle(to_inputs(ward), rules(postmark=postmark, amend_until_handover=until_handover)).desired
    decisions = desired.decision.to_pylist()

    assert len(decisions) == len(ward.web) + len(ward.cards) + len(ward.amendments)
    assert len({d["application_id"] for d in decisions}) == len(decisions)
    assert {d["status"] for d in decisions} <= set(Status)
    assert {d["reason"] for d in decisions} - {None} <= set(Reason)

    standing = Counter(d["household_no"] for d in decisions if d["status"] == "accepted" and d["source"] != "phone")
    assert set(standing.values()) == {1}
    firsts = Counter(p["household_no"] for p in desired.parcel.to_pylist() if p["cause"] == "first")
    assert firsts == standing

    spent: Counter[str] = Counter()
    for line in desired.parcel_line.to_pylist():
        spent[line["household_no"]] += POINTS[line["item_code"]] * line["quantity"]
    assert all(spent[home.household_no] <= home.members * 3000 for home in ward.households)

    toilets = {s.household_no for s in ward.shipments if s.kind == "toilet" and s.released_on}
    goods = {s.household_no for s in ward.shipments if s.kind == "goods" and s.released_on}
    assert not (toilets - goods) & set(standing)


WARD = to_inputs(crowd(21, 60))
SETTLED = settle(WARD, rules()).desired


@settings(max_examples=6, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(dice: random.Random) -> None:
    shuffled = {name: _shuffled(table, dice) for name, table in vars(WARD).items()}
    again = settle(OrderInputs(**shuffled), rules()).desired
    assert again.decision.equals(SETTLED.decision)
    assert again.parcel.equals(SETTLED.parcel)
    assert again.parcel_line.equals(SETTLED.parcel_line)


def _shuffled(table: pa.Table, dice: random.Random) -> pa.Table:
    rows = list(range(table.num_rows))
    dice.shuffle(rows)
    return table.take(pa.array(rows, pa.int64()))


def test_a_day_without_anything_has_a_result_in_the_same_schemas() -> None:
    nothing = OrderInputs(**{name: table.schema.empty_table() for name, table in vars(WARD).items()})
    desired = settle(nothing, rules()).desired
    assert (desired.decision.schema, desired.decision.num_rows) == (DECISION, 0)
    assert (desired.parcel.schema, desired.parcel.num_rows) == (PARCEL, 0)
    assert (desired.parcel_line.schema, desired.parcel_line.num_rows) == (PARCEL_LINE, 0)
