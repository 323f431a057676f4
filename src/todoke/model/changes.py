"""What a settlement writes: the difference between what should be and what the ledger holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache

from todoke.model.codes import Cause, ShipmentKind

_CONFIDENTIAL = "_confidential"


@lru_cache(maxsize=65_536)  # most parcels hold what many others hold
def content_digest(lines: tuple[tuple[str, int], ...]) -> str:
    """The digest of what is in a parcel, in whatever order."""
    text = "\n".join(f"{code}\t{quantity}" for code, quantity in sorted(lines))
    return hashlib.sha256(text.encode()).hexdigest()


def effect_kind(kind: ShipmentKind, *, confidential: bool) -> str:
    """What a parcel is released together with: confidential households have batches of their own (G09)."""
    return f"{kind}{_CONFIDENTIAL}" if confidential else str(kind)


def is_confidential(effect_kind: str | None) -> bool:
    """Whether what is released so goes where a confidential household's parcels go."""
    return effect_kind is not None and effect_kind.endswith(_CONFIDENTIAL)


@dataclass(frozen=True)
class DecisionChange:
    """The new decision on an application (`W:…`, `P:…`) or an amendment (`A:…`)."""

    application_id: str
    source: str
    household_no: str | None
    received_at: datetime
    status: str
    reason: str | None
    points: int
    differs: bool


@dataclass(frozen=True)
class Parcel:
    """A parcel as it should be. `lines`: (item code, quantity), sorted by code."""

    household_no: str
    kind: ShipmentKind
    cause: Cause
    cause_ref: str
    source_ref: str
    lines: tuple[tuple[str, int], ...]
    points: int
    held: bool
    #: what is to be released together with it, as `effect_kind()` says
    effect_kind: str


@dataclass(frozen=True)
class ParcelChange:
    """One row to write for a parcel.

    `action`: instruct, replace, cancel, stop – what the carrier is told by this revision; drop – the revision was
    never told and is taken away.
    `rev` that is there already and was not released is overwritten; `effect_kind` None takes its effect away.
    """

    shipment_id: str
    household_no: str
    kind: ShipmentKind
    sequence: int
    cause: Cause
    cause_ref: str
    rev: int
    action: str
    state: str
    content_digest: str
    source_ref: str
    points: int
    lines: tuple[tuple[str, int], ...]
    effect_kind: str | None
    is_new: bool


@dataclass(frozen=True)
class DifferenceFound:
    """A corrected answer disagrees with what was handed over; operators decide."""

    shipment_id: str
    desired_digest: str
    kind: str


@dataclass(frozen=True)
class StateChange:
    """Where a parcel stands by all that its carrier has said of it."""

    shipment_id: str
    state: str
    handed_over_at: datetime | None
    handed_over_on: date | None
    handed_rev: int | None
    delivered_on: date | None
    tracking_no: str | None
    carrier: str


@dataclass(frozen=True)
class Changes:
    """Everything that one settlement writes."""

    decisions: tuple[DecisionChange, ...] = ()
    parcels: tuple[ParcelChange, ...] = ()
    differences: tuple[DifferenceFound, ...] = ()
    #: open differences that the facts have settled since
    settled_differences: tuple[DifferenceFound, ...] = ()
    states: tuple[StateChange, ...] = ()
    register_version: str = field(default="", compare=False)

    def __bool__(self) -> bool:
        return bool(self.decisions or self.parcels or self.differences or self.settled_differences or self.states)

    def counts(self) -> dict[str, int]:
        """How much changes, for logs."""
        return {
            "decisions": len(self.decisions),
            "parcels": len(self.parcels),
            "differences": len(self.differences),
            "states": len(self.states),
        }
