"""Parcels in memory, what the ledger does with changes to them, and any life that many of them may have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import strategies as st

from todoke.model.changes import Parcel, ParcelChange
from todoke.model.codes import Cause, ShipmentKind, ShipmentState
from todoke.parcels.diff import ActualParcel, ActualRevision, ParcelDiff, diff

KEY = b"k" * 32
A, B = (("A", 1),), (("B", 1),)
Parcels = dict[str, ActualParcel]


def goods(household: str = "H1", *, lines=A, held=False, add="", source="W1", effect="goods") -> Parcel:  # type: ignore[no-untyped-def]
    cause = Cause.ADD if add else Cause.FIRST
    return Parcel(household, ShipmentKind.GOODS, cause, add, source, lines, 3000, held, effect)


def toilet(household: str = "H1") -> Parcel:
    return Parcel(household, ShipmentKind.TOILET, Cause.FIRST, "", "", (("T", 30),), 0, False, "toilet")


# -- what the ledger does with changes, in memory ------------------------------------------------------------


def written(parcels: Parcels, changes: Iterable[ParcelChange]) -> Parcels:
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


def settled(parcels: Parcels, desired: Iterable[Parcel]) -> tuple[Parcels, ParcelDiff]:
    found = diff(KEY, "tiny", desired, parcels.values())
    return written(parcels, found.changes), found


def released(parcels: Parcels, households: Iterable[str]) -> Parcels:
    told = {"stop": ShipmentState.STOPPED, "cancel": ShipmentState.CANCELLED}
    after = dict(parcels)
    for number, p in parcels.items():
        last = max(p.revisions)
        now = p.revisions[last]
        if p.household_no in households and now.effect_kind and p.handed_rev is None and last > (p.released_rev or 0):
            after[number] = replace(p, released_rev=last, state=told.get(now.action, ShipmentState.RELEASED))
    return after


def handed_over(parcels: Parcels, households: Iterable[str]) -> Parcels:
    return {
        number: replace(p, handed_rev=p.released_rev, state=ShipmentState.HANDED_OVER)
        if p.household_no in households and p.released_rev is not None and p.handed_rev is None
        else p
        for number, p in parcels.items()
    }


HOUSEHOLDS = ("H1", "H2")


@st.composite
def desired_parcels(draw: st.DrawFn) -> list[Parcel]:
    wanted = []
    for household in draw(st.sets(st.sampled_from(HOUSEHOLDS))):
        held = draw(st.booleans())
        for add in ("", *sorted(draw(st.sets(st.sampled_from(("A:1", "A:2")))))):
            lines, source = draw(st.sampled_from((A, B))), draw(st.sampled_from(("W1", "W2")))
            wanted.append(goods(household, lines=lines, held=held, add=add, source=source))
    return wanted


steps_of_life = st.lists(
    st.one_of(
        desired_parcels().map(lambda wanted: ("settle", wanted)),
        st.tuples(st.sampled_from(("release", "hand over")), st.sets(st.sampled_from(HOUSEHOLDS), min_size=1)),
    ),
    max_size=12,
)


def lived(steps: list[tuple[str, list[Parcel]]]) -> list[Parcels]:
    """The parcels after every step, from none."""
    lives: list[Parcels] = [{}]
    for step, what in steps:
        if step == "settle":
            lives.append(settled(lives[-1], what)[0])
        else:
            lives.append((released if step == "release" else handed_over)(lives[-1], what))  # type: ignore[arg-type]
    return lives
