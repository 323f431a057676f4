"""What has to change so that the parcels of the ledger become the parcels that should be (pure).

Until its release a parcel simply changes. Between release and hand-over a change is the next revision of the same
parcel. After hand-over it is a difference for people: never a second parcel, never a silent recall.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from todoke import ids
from todoke.errors import TodokeError
from todoke.model.changes import DifferenceFound, Parcel, ParcelChange, content_digest, is_confidential
from todoke.model.codes import Cause, ShipmentKind, ShipmentState

STOP = "stop"
DROP = "drop"


@dataclass(frozen=True)
class ActualRevision:
    """One revision: its content, what the carrier is told by it, whose order it is, how it is to be released."""

    content_digest: str
    action: str
    source_ref: str
    points: int
    effect_kind: str | None


@dataclass(frozen=True)
class ActualParcel:
    """A parcel as the ledger has it."""

    shipment_id: str
    household_no: str
    kind: ShipmentKind
    sequence: int
    cause: Cause
    cause_ref: str
    state: str
    revisions: Mapping[int, ActualRevision]
    released_rev: int | None
    handed_rev: int | None

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.household_no, self.kind, self.cause, self.cause_ref)


@dataclass(frozen=True)
class ParcelDiff:
    """Rows to write and differences to show."""

    changes: tuple[ParcelChange, ...]
    differences: tuple[DifferenceFound, ...]


def diff(
    key: bytes,
    contract: str,
    desired: Iterable[Parcel],
    actual: Iterable[ActualParcel],
    *,
    displaced: Iterable[ActualParcel] = (),
    moved: Collection[str] = (),
) -> ParcelDiff:
    """The changes that lead from `actual` to `desired`.

    Args:
        key: the contract's id key, for new parcels.
        desired: every parcel of the kinds concerned that should be.
        actual: every parcel of those kinds that the ledger has.
        displaced: parcels of another kind that yield, while unreleased, to a household's new first parcel
            (toilets to goods: both need the entitlement).
        moved: ids of parcels on their way to an address that is no longer the household's.

    Raises:
        TodokeError: two desired parcels are the same one.
    """
    have = {parcel.key: parcel for parcel in actual}
    want = _by_place(desired)
    last_sequence: dict[tuple[str, str], int] = defaultdict(int)
    for parcel in have.values():
        family = (parcel.household_no, str(parcel.kind))
        last_sequence[family] = max(last_sequence[family], parcel.sequence)
    yielding = {p.household_no: p for p in displaced if p.released_rev is None and p.state != ShipmentState.CANCELLED}

    changes: list[ParcelChange] = []
    differences: list[DifferenceFound] = []
    for place in sorted(want.keys() | have.keys(), key=_first_parcel_first):
        wanted, present = want.get(place), have.get(place)
        if present is None:
            assert wanted is not None
            last_sequence[place[0], place[1]] += 1
            changes.extend(_give_way(yielding, wanted))
            changes.append(_create(key, contract, wanted, last_sequence[place[0], place[1]]))
        elif present.handed_rev is not None:
            differences.extend(_after_hand_over(wanted, present, moved))
            changes.extend(_drop_pending(present))
        elif present.released_rev is None:
            change = _before_release(wanted, present)
            if change is not None and wanted is not None:
                changes.extend(_give_way(yielding, wanted))
            changes.extend([change] if change else [])
        else:
            change = _between(wanted, present, moved)
            changes.extend([change] if change else [])
    return ParcelDiff(tuple(changes), tuple(differences))


def _by_place(desired: Iterable[Parcel]) -> dict[tuple[str, str, str, str], Parcel]:
    want: dict[tuple[str, str, str, str], Parcel] = {}
    for parcel in desired:
        place = (parcel.household_no, str(parcel.kind), str(parcel.cause), parcel.cause_ref)
        if place in want:
            raise TodokeError(
                "同じ出荷が二重に計画されました", where=f"{parcel.kind} {parcel.cause} {parcel.cause_ref}"
            )
        want[place] = parcel
    return want


def _first_parcel_first(place: tuple[str, str, str, str]) -> tuple[str, str, bool, str, str]:
    household, kind, cause, reference = place
    return (household, kind, cause != Cause.FIRST, cause, reference)


def _give_way(yielding: dict[str, ActualParcel], wanted: Parcel) -> list[ParcelChange]:
    parcel = yielding.pop(wanted.household_no, None) if wanted.cause is Cause.FIRST else None
    return [] if parcel is None else [_cancelled_before_release(parcel)]


def _create(key: bytes, contract: str, wanted: Parcel, sequence: int) -> ParcelChange:
    return ParcelChange(
        ids.shipment_id(key, contract, wanted.household_no, wanted.kind, sequence),
        wanted.household_no,
        wanted.kind,
        sequence,
        wanted.cause,
        wanted.cause_ref,
        rev=1,
        action="instruct",
        state=ShipmentState.ON_HOLD if wanted.held else ShipmentState.PLANNED,
        content_digest=content_digest(wanted.lines),
        source_ref=wanted.source_ref,
        points=wanted.points,
        lines=wanted.lines,
        effect_kind=None if wanted.held else wanted.effect_kind,
        is_new=True,
    )


def _revised(
    present: ActualParcel, wanted: Parcel | None, *, rev: int, action: str, state: str, effect_kind: str | None
) -> ParcelChange:
    lines = wanted.lines if wanted else ()
    return ParcelChange(
        present.shipment_id,
        present.household_no,
        present.kind,
        present.sequence,
        present.cause,
        present.cause_ref,
        rev=rev,
        action=action,
        state=state,
        content_digest=content_digest(lines),
        source_ref=wanted.source_ref if wanted else "",
        points=wanted.points if wanted else 0,
        lines=lines,
        effect_kind=effect_kind,
        is_new=False,
    )


def _cancelled_before_release(present: ActualParcel) -> ParcelChange:
    rev = max(present.revisions)
    return _revised(present, None, rev=rev, action="cancel", state=ShipmentState.CANCELLED, effect_kind=None)


def _before_release(wanted: Parcel | None, present: ActualParcel) -> ParcelChange | None:
    if wanted is None:
        return None if present.state == ShipmentState.CANCELLED else _cancelled_before_release(present)
    state = ShipmentState.ON_HOLD if wanted.held else ShipmentState.PLANNED
    effect_kind = None if wanted.held else wanted.effect_kind
    rev = max(present.revisions)
    digest = content_digest(wanted.lines)
    now = ActualRevision(digest, "instruct", wanted.source_ref, wanted.points, effect_kind)
    if present.state == state and present.revisions[rev] == now:
        return None
    return _revised(present, wanted, rev=rev, action="instruct", state=state, effect_kind=effect_kind)


def _between(wanted: Parcel | None, present: ActualParcel, moved: Collection[str]) -> ParcelChange | None:
    """The next revision, or None; a revision that has not gone out yet is changed in its place."""
    last = max(present.revisions)
    released = present.released_rev or 0
    action = "cancel" if wanted is None else STOP if wanted.held else "replace"
    effect_kind = STOP if wanted is None or wanted.held else wanted.effect_kind
    next_one = _revised(
        present, wanted, rev=max(last, released + 1), action=action, state=present.state, effect_kind=effect_kind
    )
    now = ActualRevision(next_one.content_digest, action, next_one.source_ref, next_one.points, next_one.effect_kind)
    if _said(present.revisions[released]) == _said(now) and present.shipment_id not in moved:
        return _never_told(present) if last > released else None
    # a pending revision is still ours: whose order it carries has to be right too, not only what it tells
    return None if last > released and present.revisions[last] == now else next_one


def _said(revision: ActualRevision) -> tuple[str, str, str | None]:
    """What the carrier is told; a household that has become confidential since is to be delivered to elsewhere."""
    action = "replace" if revision.action == "instruct" else revision.action
    return (action, revision.content_digest, revision.effect_kind)


def _never_told(present: ActualParcel) -> ParcelChange:
    """Takes the pending revision away: what the carrier was told last stands."""
    rev = max(present.revisions)
    return _revised(present, None, rev=rev, action=DROP, state=present.state, effect_kind=None)


def _drop_pending(present: ActualParcel) -> list[ParcelChange]:
    """A revision that had not gone out when the carrier took the parcel never will."""
    return [_never_told(present)] if max(present.revisions) > (present.released_rev or 0) else []


def _after_hand_over(wanted: Parcel | None, present: ActualParcel, moved: Collection[str]) -> list[DifferenceFound]:
    handed = present.revisions.get(present.handed_rev or 0)
    digest = content_digest(wanted.lines if wanted else ())
    if wanted is None:
        return [DifferenceFound(present.shipment_id, digest, "not_wanted")]
    if is_confidential(wanted.effect_kind) and not (handed and is_confidential(handed.effect_kind)):
        return [DifferenceFound(present.shipment_id, digest, "incident")]
    if handed is None or handed.content_digest != digest:
        return [DifferenceFound(present.shipment_id, digest, "content")]
    return [DifferenceFound(present.shipment_id, digest, "address")] if present.shipment_id in moved else []
