"""From what is to what should be: never a second parcel, never a silent recall, whatever the way."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parcel_lives import (
    KEY,
    B,
    Parcels,
    desired_parcels,
    goods,
    handed_over,
    lived,
    released,
    settled,
    steps_of_life,
    toilet,
)

from todoke.errors import TodokeError
from todoke.model.changes import Parcel, content_digest
from todoke.model.codes import Cause, ShipmentKind, ShipmentState
from todoke.parcels.diff import ActualParcel, ParcelDiff, diff


def _matters(parcels: Parcels) -> Parcels:
    """Without parcels that were planned and taken back before any release."""
    return {n: p for n, p in parcels.items() if p.released_rev is not None or p.state != ShipmentState.CANCELLED}


# -- the life of one parcel ----------------------------------------------------------------------------------


def test_before_its_release_a_parcel_simply_changes() -> None:
    parcels, _ = settled({}, [goods()])
    after, found = settled(parcels, [goods(lines=B)])
    [change] = found.changes
    assert (change.rev, change.action, change.lines, change.effect_kind) == (1, "instruct", B, "goods")
    assert after.keys() == parcels.keys()


def test_a_pending_revision_takes_the_source_of_the_order_that_it_carries_now() -> None:
    """Found by hypothesis: with equal lines it kept the application that had been withdrawn meanwhile."""
    parcels, _ = settled({}, [goods()])
    parcels, _ = settled(released(parcels, {"H1"}), [goods(lines=B, source="W1")])
    after, found = settled(parcels, [goods(lines=B, source="W2")])
    [change] = found.changes
    assert (change.rev, change.action, change.source_ref) == (2, "replace", "W2")
    assert settled(after, [goods(lines=B, source="W2")])[1].changes == ()


@pytest.mark.parametrize("changed", [{"held": True}, {"source": "W2"}, {"effect": "goods_confidential"}])
def test_a_hold_another_order_or_another_batch_is_a_change_too(changed: dict[str, object]) -> None:
    parcels, _ = settled({}, [goods()])
    after, found = settled(parcels, [goods(**changed)])
    assert len(found.changes) == 1
    [parcel] = after.values()
    assert parcel.state == (ShipmentState.ON_HOLD if "held" in changed else ShipmentState.PLANNED)
    assert parcel.revisions[1].effect_kind == (None if "held" in changed else changed.get("effect", "goods"))
    assert parcel.revisions[1].source_ref == changed.get("source", "W1")


def test_a_parcel_taken_back_before_its_release_comes_back_as_the_same_parcel() -> None:
    parcels, _ = settled({}, [goods()])
    cancelled, _ = settled(parcels, [])
    assert [p.state for p in cancelled.values()] == [ShipmentState.CANCELLED]
    again, found = settled(cancelled, [goods(source="W2")])
    assert again.keys() == parcels.keys()
    assert [(c.action, c.state, c.rev) for c in found.changes] == [("instruct", "planned", 1)]


@pytest.mark.parametrize(
    ("wanted", "action", "effect"),
    [([goods(lines=B)], "replace", "goods"), ([goods(held=True)], "stop", "stop"), ([], "cancel", "stop")],
    ids=["replace", "stop", "cancel"],
)
def test_between_release_and_hand_over_a_change_is_the_next_revision(
    wanted: list[Parcel], action: str, effect: str
) -> None:
    parcels, _ = settled({}, [goods()])
    parcels = released(parcels, ["H1"])
    after, found = settled(parcels, wanted)
    [change] = found.changes
    assert (change.rev, change.action, change.effect_kind, change.is_new) == (2, action, effect, False)
    assert after.keys() == parcels.keys()
    assert settled(after, wanted)[1].changes == ()


def test_a_revision_that_nobody_was_told_is_changed_in_its_place_and_dropped_when_it_is_not_needed() -> None:
    parcels, _ = settled({}, [goods()])
    parcels = released(parcels, ["H1"])
    cancelled, _ = settled(parcels, [])
    replaced, found = settled(cancelled, [goods(lines=B)])
    assert [(c.rev, c.action) for c in found.changes] == [(2, "replace")]
    back, found = settled(replaced, [goods()])
    assert [(c.rev, c.action) for c in found.changes] == [(2, "drop")]
    assert back == parcels


def test_after_hand_over_there_are_differences_and_no_changes() -> None:
    parcels, _ = settled({}, [goods()])
    parcels = handed_over(released(parcels, ["H1"]), ["H1"])
    hidden = goods(effect="goods_confidential")
    for wanted, kind in (([goods(lines=B)], "content"), ([], "not_wanted"), ([hidden], "incident")):
        after, found = settled(parcels, wanted)
        assert (after, [d.kind for d in found.differences]) == (parcels, [kind])
    for same in (goods(source="W2"), goods(held=True)):
        assert settled(parcels, [same])[1] == ParcelDiff((), ())


def test_what_was_pending_when_the_carrier_took_the_parcel_is_dropped() -> None:
    parcels, _ = settled({}, [goods()])
    sent = released(parcels, ["H1"])
    pending, _ = settled(sent, [goods(lines=B)])
    after, found = settled(handed_over(pending, ["H1"]), [goods(lines=B)])
    assert [(c.rev, c.action) for c in found.changes] == [(2, "drop")]
    assert [d.kind for d in found.differences] == ["content"]
    assert after == handed_over(sent, ["H1"])


def test_goods_take_the_place_of_toilets_that_have_not_been_released() -> None:
    toilets, _ = settled({}, [toilet("H1"), toilet("H2"), toilet("H3")])
    toilets = released(toilets, ["H2"])
    wanted = [goods("H1"), goods("H1", add="A:1"), goods("H2")]
    found = diff(KEY, "tiny", wanted, [], displaced=toilets.values())
    gone = [(c.household_no, c.state, c.effect_kind) for c in found.changes if c.kind is ShipmentKind.TOILET]
    assert gone == [("H1", ShipmentState.CANCELLED, None)]


def test_the_same_parcel_desired_twice_is_an_error() -> None:
    with pytest.raises(TodokeError):
        diff(KEY, "tiny", [goods(), goods(lines=B)], [])


def test_the_digest_of_a_content_does_not_depend_on_the_order_of_its_lines() -> None:
    assert content_digest((("A", 1), ("B", 2))) == content_digest((("B", 2), ("A", 1)))
    assert content_digest((("A", 12),)) != content_digest((("A1", 2),))


# -- any life of many parcels --------------------------------------------------------------------------------


@given(steps_of_life, desired_parcels())
def test_what_has_been_settled_needs_no_second_settling(
    steps: list[tuple[str, list[Parcel]]], last: list[Parcel]
) -> None:
    parcels, first = settled(lived(steps)[-1], last)
    again, second = settled(parcels, last)
    assert second.changes == ()
    assert second.differences == first.differences
    assert again == parcels


@given(steps_of_life)
def test_sequences_have_no_gap_and_no_household_has_two_first_parcels(steps: list[tuple[str, list[Parcel]]]) -> None:
    families = defaultdict(list)
    for p in lived(steps)[-1].values():
        families[p.household_no].append(p)
    for family in families.values():
        assert sorted(p.sequence for p in family) == list(range(1, len(family) + 1))
        assert [p.sequence for p in family if p.cause is Cause.FIRST] == [1]
        assert len({p.key for p in family}) == len(family)


@given(steps_of_life)
def test_what_has_gone_out_stays_as_it_was(steps: list[tuple[str, list[Parcel]]]) -> None:
    lives = lived(steps)
    for before, after in pairwise(lives):
        for number, p in before.items():
            now = after[number]
            assert (now.household_no, now.sequence, now.key) == (p.household_no, p.sequence, p.key)
            assert sorted(now.revisions) == list(range(1, max(now.revisions) + 1))
            told = [rev for rev in p.revisions if rev <= (p.released_rev or 0)]
            assert [now.revisions[rev] for rev in told] == [p.revisions[rev] for rev in told]
            assert p.handed_rev is None or now.handed_rev == p.handed_rev
            assert now.released_rev is not None or max(now.revisions) == 1


@given(steps_of_life, st.lists(desired_parcels(), max_size=3), desired_parcels())
def test_settles_on_the_way_do_not_change_where_it_ends(
    steps: list[tuple[str, list[Parcel]]], between: list[list[Parcel]], last: list[Parcel]
) -> None:
    """But for parcels planned and taken back again, and the numbers of parcels founded after those."""
    start = lived(steps)[-1]
    last = [p for p in last if p.cause is Cause.FIRST or any(p.cause_ref == old.cause_ref for old in start.values())]
    straight, _ = settled(start, last)
    by_detour = start
    for wanted in between:
        by_detour, _ = settled(by_detour, wanted)
    by_detour, _ = settled(by_detour, last)

    def by_place(parcels: Parcels) -> dict[tuple[str, ...], ActualParcel]:
        return {p.key: replace(p, shipment_id="", sequence=0) for p in _matters(parcels).values()}

    assert by_place(by_detour) == by_place(straight)
