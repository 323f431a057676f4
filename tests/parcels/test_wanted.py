"""Comparing only households in question finds what comparing all finds, whatever lives their parcels have had."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parcel_lives import KEY, A, Parcels, desired_parcels, goods, lived, released, settled, steps_of_life, toilet

from todoke.errors import TodokeError
from todoke.model.changes import Parcel, content_digest
from todoke.model.codes import Cause, ShipmentKind
from todoke.parcels.diff import ParcelDiff, diff
from todoke.parcels.wanted import WANTED, Held, changed_parcels, goods_wanted, one_item_wanted
from todoke.store.facts import REVISION, SHIPMENT

_AT = datetime(2026, 11, 20, 9)


def _held(parcels: Parcels, *, handed_rev_known: bool = True) -> Held:
    """The parcels as the ledger's facts show them."""
    shipments = [
        {
            "shipment_id": p.shipment_id,
            "household_no": p.household_no,
            "kind": p.kind,
            "sequence": p.sequence,
            "cause": p.cause,
            "cause_ref": p.cause_ref,
            "state": p.state,
            "revision": max(p.revisions),
            "released_rev": p.released_rev,
            "handed_over_at": None if p.handed_rev is None else _AT,
            "handed_rev": p.handed_rev if handed_rev_known else None,
        }
        for p in parcels.values()
    ]
    revisions = [
        {"shipment_id": p.shipment_id, "rev": rev, **vars(revision)}
        for p in parcels.values()
        for rev, revision in p.revisions.items()
    ]
    return Held(pa.Table.from_pylist(shipments, SHIPMENT), pa.Table.from_pylist(revisions, REVISION))


def _table(wanted: list[Parcel]) -> pa.Table:
    rows = [
        {
            **{name: getattr(p, name) for name in ("household_no", "kind", "cause", "cause_ref", "source_ref")},
            **{name: getattr(p, name) for name in ("points", "held", "effect_kind")},
            "content_digest": content_digest(p.lines),
            "content": "\n".join(f"{code}\t{quantity}" for code, quantity in p.lines),
        }
        for p in wanted
    ]
    return pa.Table.from_pylist(rows, WANTED)


@given(steps_of_life, desired_parcels(), st.booleans(), st.data())
def test_what_is_left_out_would_have_changed_nothing(
    steps: list[tuple[str, list[Parcel]]], last: list[Parcel], handed_rev_known: bool, data: st.DataObject
) -> None:
    parcels = lived(steps)[-1]
    moved = sorted(data.draw(st.sets(st.sampled_from(sorted(parcels))))) if parcels else []
    toilets, _ = settled({}, [toilet("H1"), toilet("H2")])
    everything = diff(KEY, "tiny", last, parcels.values(), displaced=toilets.values(), moved=moved)
    held = _held(parcels, handed_rev_known=handed_rev_known)
    assert changed_parcels(KEY, "tiny", _table(last), held, displaced=_held(toilets), moved=moved) == everything


def test_a_quiet_day_changes_nothing() -> None:
    wanted = [goods("H1"), goods("H2")]
    parcels = released(settled({}, wanted)[0], ["H1"])
    assert changed_parcels(KEY, "tiny", _table(wanted), _held(parcels)) == ParcelDiff((), ())


def test_a_parcel_planned_twice_is_an_error_although_it_is_as_it_should_be() -> None:
    parcels, _ = settled({}, [goods()])
    with pytest.raises(TodokeError, match="二重"):
        changed_parcels(KEY, "tiny", _table([goods(), goods()]), _held(parcels))


def test_goods_have_their_lines_their_points_and_the_batch_of_their_household() -> None:
    parcel = pa.table(
        {
            "household_no": ["H1", "H2"],
            "cause": ["first", "first"],
            "cause_ref": ["", ""],
            "source_ref": ["W:1", "P:2"],
            "held": [False, True],
        }
    )
    line = pa.table(
        {
            "household_no": ["H1", "H2", "H1"],
            "cause": ["first"] * 3,
            "cause_ref": [""] * 3,
            "item_code": ["B", "A", "A"],
            "quantity": pa.array([2, 1, 1], pa.int64()),
        }
    )
    catalogue = pa.table({"item_code": ["A", "B"], "points": pa.array([3000, 6000], pa.int32())})
    household = pa.table({"household_no": ["H1", "H2"], "confidential": [False, True]})
    rows = {row["household_no"]: row for row in goods_wanted(parcel, line, catalogue, household).to_pylist()}
    assert (rows["H1"]["points"], rows["H1"]["content"], rows["H1"]["effect_kind"]) == (15000, "A\t1\nB\t2", "goods")
    assert rows["H1"]["content_digest"] == content_digest((("B", 2), ("A", 1)))
    assert (rows["H2"]["points"], rows["H2"]["held"], rows["H2"]["effect_kind"]) == (3000, True, "goods_confidential")
    assert rows["H2"]["content_digest"] == content_digest(A)


def test_a_first_parcel_of_one_item_says_how_many() -> None:
    households = pa.table(
        {"household_no": ["1", "2"], "quantity": [45, 15], "held": [False, True], "confidential": [True, False]}
    )
    one, two = one_item_wanted(households, ShipmentKind.TOILET, "TOILET").to_pylist()
    assert one["content_digest"] == content_digest((("TOILET", 45),))
    assert (one["effect_kind"], two["effect_kind"]) == ("toilet_confidential", "toilet")
    assert (one["cause"], one["cause_ref"], one["held"], two["held"]) == (Cause.FIRST, "", False, True)
