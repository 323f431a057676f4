"""From what is to what should be: never a second parcel, never a silent recall, whatever the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.errors import TodokeError
from todoke.model.changes import Parcel, ParcelChange, content_digest
from todoke.model.codes import Cause, ShipmentKind, ShipmentState
from todoke.parcels.diff import ActualParcel, ActualRevision, ParcelDiff, diff

_KEY = b"k" * 32
_A, _B = (("A", 1),), (("B", 1),)
Parcels = dict[str, ActualParcel]


def _goods(household: str = "H1", *, lines=_A, held=False, add="", source="W1", effect="goods") -> Parcel:  # type: ignore[no-untyped-def]
    cause = Cause.ADD if add else Cause.FIRST
    return Parcel(household, ShipmentKind.GOODS, cause, add, source, lines, 3000, held, effect)


def _toilet(household: str = "H1") -> Parcel:
    return Parcel(household, ShipmentKind.TOILET, Cause.FIRST, "", "", (("T", 30),), 0, False, "toilet")


# -- what the ledger does with changes, in memory ------------------------------------------------------------


def _written(parcels: Parcels, changes: Iterable[ParcelChange]) -> Parcels:
    after = dict(parcels)
    for c in changes:
        now = ActualRevision(c.content_digest, c.action, c.source_ref, c.points, c.effect_kind)
        if c.is_new:
            assert c.shipment_id not in after
            after[c.shipment_id] = ActualParcel(
                c.shipment_id, c.household_no, c.kind, c.sequence, c.cause, c.cause_ref, c.state, {1: now}, None, None
            )
            continue
        before = after[c.shipment_id]
        assert c.rev > (before.released_rev or 0), "what has gone out is never rewritten"
        revisions = {rev: r for rev, r in before.revisions.items() if rev != c.rev}
        if c.action != "drop":
            revisions[c.rev] = now
        after[c.shipment_id] = replace(before, state=c.state, revisions=revisions)
    return after


def _settled(parcels: Parcels, desired: Iterable[Parcel]) -> tuple[Parcels, ParcelDiff]:
    found = diff(_KEY, "tiny", desired, parcels.values())
    return _written(parcels, found.changes), found


def _released(parcels: Parcels, households: Iterable[str]) -> Parcels:
    told = {"stop": ShipmentState.STOPPED, "cancel": ShipmentState.CANCELLED}
    after = dict(parcels)
    for number, p in parcels.items():
        last = max(p.revisions)
        now = p.revisions[last]
        if p.household_no in households and now.effect_kind and p.handed_rev is None and last > (p.released_rev or 0):
            after[number] = replace(p, released_rev=last, state=told.get(now.action, ShipmentState.RELEASED))
    return after


def _handed_over(parcels: Parcels, households: Iterable[str]) -> Parcels:
    return {
        number: replace(p, handed_rev=p.released_rev, state=ShipmentState.HANDED_OVER)
        if p.household_no in households and p.released_rev is not None and p.handed_rev is None
        else p
        for number, p in parcels.items()
    }


def _matters(parcels: Parcels) -> Parcels:
    """Without parcels that were planned and taken back before any release."""
    return {n: p for n, p in parcels.items() if p.released_rev is not None or p.state != ShipmentState.CANCELLED}


# -- the life of one parcel ----------------------------------------------------------------------------------


def test_before_its_release_a_parcel_simply_changes() -> None:
    parcels, _ = _settled({}, [_goods()])
    after, found = _settled(parcels, [_goods(lines=_B)])
    [change] = found.changes
    assert (change.rev, change.action, change.lines, change.effect_kind) == (1, "instruct", _B, "goods")
    assert after.keys() == parcels.keys()


def test_a_pending_revision_takes_the_source_of_the_order_that_it_carries_now() -> None:
    """Found by hypothesis: with equal lines it kept the application that had been withdrawn meanwhile."""
    parcels, _ = _settled({}, [_goods()])
    parcels, _ = _settled(_released(parcels, {"H1"}), [_goods(lines=_B, source="W1")])
    after, found = _settled(parcels, [_goods(lines=_B, source="W2")])
    [change] = found.changes
    assert (change.rev, change.action, change.source_ref) == (2, "replace", "W2")
    assert _settled(after, [_goods(lines=_B, source="W2")])[1].changes == ()


@pytest.mark.parametrize("changed", [{"held": True}, {"source": "W2"}, {"effect": "goods_confidential"}])
def test_a_hold_another_order_or_another_batch_is_a_change_too(changed: dict[str, object]) -> None:
    parcels, _ = _settled({}, [_goods()])
    after, found = _settled(parcels, [_goods(**changed)])
    assert len(found.changes) == 1
    [parcel] = after.values()
    assert parcel.state == (ShipmentState.ON_HOLD if "held" in changed else ShipmentState.PLANNED)
    assert parcel.revisions[1].effect_kind == (None if "held" in changed else changed.get("effect", "goods"))
    assert parcel.revisions[1].source_ref == changed.get("source", "W1")


def test_a_parcel_taken_back_before_its_release_comes_back_as_the_same_parcel() -> None:
    parcels, _ = _settled({}, [_goods()])
    cancelled, _ = _settled(parcels, [])
    assert [p.state for p in cancelled.values()] == [ShipmentState.CANCELLED]
    again, found = _settled(cancelled, [_goods(source="W2")])
    assert again.keys() == parcels.keys()
    assert [(c.action, c.state, c.rev) for c in found.changes] == [("instruct", "planned", 1)]


@pytest.mark.parametrize(
    ("wanted", "action", "effect"),
    [([_goods(lines=_B)], "replace", "goods"), ([_goods(held=True)], "stop", "stop"), ([], "cancel", "stop")],
    ids=["replace", "stop", "cancel"],
)
def test_between_release_and_hand_over_a_change_is_the_next_revision(
    wanted: list[Parcel], action: str, effect: str
) -> None:
    parcels, _ = _settled({}, [_goods()])
    parcels = _released(parcels, ["H1"])
    after, found = _settled(parcels, wanted)
    [change] = found.changes
    assert (change.rev, change.action, change.effect_kind, change.is_new) == (2, action, effect, False)
    assert after.keys() == parcels.keys()
    assert _settled(after, wanted)[1].changes == ()


def test_a_revision_that_nobody_was_told_is_changed_in_its_place_and_dropped_when_it_is_not_needed() -> None:
    parcels, _ = _settled({}, [_goods()])
    parcels = _released(parcels, ["H1"])
    cancelled, _ = _settled(parcels, [])
    replaced, found = _settled(cancelled, [_goods(lines=_B)])
    assert [(c.rev, c.action) for c in found.changes] == [(2, "replace")]
    back, found = _settled(replaced, [_goods()])
    assert [(c.rev, c.action) for c in found.changes] == [(2, "drop")]
    assert back == parcels


def test_after_hand_over_there_are_differences_and_no_changes() -> None:
    parcels, _ = _settled({}, [_goods()])
    parcels = _handed_over(_released(parcels, ["H1"]), ["H1"])
    hidden = _goods(effect="goods_confidential")
    for wanted, kind in (([_goods(lines=_B)], "content"), ([], "not_wanted"), ([hidden], "incident")):
        after, found = _settled(parcels, wanted)
        assert (after, [d.kind for d in found.differences]) == (parcels, [kind])
    for same in (_goods(source="W2"), _goods(held=True)):
        assert _settled(parcels, [same])[1] == ParcelDiff((), ())


def test_what_was_pending_when_the_carrier_took_the_parcel_is_dropped() -> None:
    parcels, _ = _settled({}, [_goods()])
    released = _released(parcels, ["H1"])
    pending, _ = _settled(released, [_goods(lines=_B)])
    after, found = _settled(_handed_over(pending, ["H1"]), [_goods(lines=_B)])
    assert [(c.rev, c.action) for c in found.changes] == [(2, "drop")]
    assert [d.kind for d in found.differences] == ["content"]
    assert after == _handed_over(released, ["H1"])


def test_goods_take_the_place_of_toilets_that_have_not_been_released() -> None:
    toilets, _ = _settled({}, [_toilet("H1"), _toilet("H2"), _toilet("H3")])
    toilets = _released(toilets, ["H2"])
    wanted = [_goods("H1"), _goods("H1", add="A:1"), _goods("H2")]
    found = diff(_KEY, "tiny", wanted, [], displaced=toilets.values())
    gone = [(c.household_no, c.state, c.effect_kind) for c in found.changes if c.kind is ShipmentKind.TOILET]
    assert gone == [("H1", ShipmentState.CANCELLED, None)]


def test_the_same_parcel_desired_twice_is_an_error() -> None:
    with pytest.raises(TodokeError):
        diff(_KEY, "tiny", [_goods(), _goods(lines=_B)], [])


def test_the_digest_of_a_content_does_not_depend_on_the_order_of_its_lines() -> None:
    assert content_digest((("A", 1), ("B", 2))) == content_digest((("B", 2), ("A", 1)))
    assert content_digest((("A", 12),)) != content_digest((("A1", 2),))


# -- any life of many parcels --------------------------------------------------------------------------------

_HOUSEHOLDS = ("H1", "H2")


@st.composite
def _desired(draw: st.DrawFn) -> list[Parcel]:
    wanted = []
    for household in draw(st.sets(st.sampled_from(_HOUSEHOLDS))):
        held = draw(st.booleans())
        for add in ("", *sorted(draw(st.sets(st.sampled_from(("A:1", "A:2")))))):
            lines, source = draw(st.sampled_from((_A, _B))), draw(st.sampled_from(("W1", "W2")))
            wanted.append(_goods(household, lines=lines, held=held, add=add, source=source))
    return wanted


_steps = st.lists(
    st.one_of(
        _desired().map(lambda wanted: ("settle", wanted)),
        st.tuples(st.sampled_from(("release", "hand over")), st.sets(st.sampled_from(_HOUSEHOLDS), min_size=1)),
    ),
    max_size=12,
)


def _lived(steps: list[tuple[str, list[Parcel]]]) -> list[Parcels]:
    """The parcels after every step, from none."""
    lives: list[Parcels] = [{}]
    for step, what in steps:
        if step == "settle":
            lives.append(_settled(lives[-1], what)[0])
        else:
            lives.append((_released if step == "release" else _handed_over)(lives[-1], what))  # type: ignore[arg-type]
    return lives


@given(_steps, _desired())
def test_what_has_been_settled_needs_no_second_settling(
    steps: list[tuple[str, list[Parcel]]], last: list[Parcel]
) -> None:
    parcels, first = _settled(_lived(steps)[-1], last)
    again, second = _settled(parcels, last)
    assert second.changes == ()
    assert second.differences == first.differences
    assert again == parcels


@given(_steps)
def test_sequences_have_no_gap_and_no_household_has_two_first_parcels(steps: list[tuple[str, list[Parcel]]]) -> None:
    families = defaultdict(list)
    for p in _lived(steps)[-1].values():
        families[p.household_no].append(p)
    for family in families.values():
        assert sorted(p.sequence for p in family) == list(range(1, len(family) + 1))
        assert [p.sequence for p in family if p.cause is Cause.FIRST] == [1]
        assert len({p.key for p in family}) == len(family)


@given(_steps)
def test_what_has_gone_out_stays_as_it_was(steps: list[tuple[str, list[Parcel]]]) -> None:
    lives = _lived(steps)
    for before, after in pairwise(lives):
        for number, p in before.items():
            now = after[number]
            assert (now.household_no, now.sequence, now.key) == (p.household_no, p.sequence, p.key)
            assert sorted(now.revisions) == list(range(1, max(now.revisions) + 1))
            told = [rev for rev in p.revisions if rev <= (p.released_rev or 0)]
            assert [now.revisions[rev] for rev in told] == [p.revisions[rev] for rev in told]
            assert p.handed_rev is None or now.handed_rev == p.handed_rev
            assert now.released_rev is not None or max(now.revisions) == 1


@given(_steps, st.lists(_desired(), max_size=3), _desired())
def test_settles_on_the_way_do_not_change_where_it_ends(
    steps: list[tuple[str, list[Parcel]]], between: list[list[Parcel]], last: list[Parcel]
) -> None:
    """But for parcels planned and taken back again, and the numbers of parcels founded after those."""
    start = _lived(steps)[-1]
    last = [p for p in last if p.cause is Cause.FIRST or any(p.cause_ref == old.cause_ref for old in start.values())]
    straight, _ = _settled(start, last)
    by_detour = start
    for wanted in between:
        by_detour, _ = _settled(by_detour, wanted)
    by_detour, _ = _settled(by_detour, last)

    def by_place(parcels: Parcels) -> dict[tuple[str, ...], ActualParcel]:
        return {p.key: replace(p, shipment_id="", sequence=0) for p in _matters(parcels).values()}

    assert by_place(by_detour) == by_place(straight)
