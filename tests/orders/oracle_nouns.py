"""What the reconciliation's oracle reads and writes: plain frozen records, times naive Asia/Tokyo."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime

# ---------------------------------------------------------------- what comes in


@dataclass(frozen=True)
class Reading:
    """A field of a scanned postcard: the text as read and how sure the scanner was (0–1)."""

    text: str | None
    confidence: float | None

    def sure(self, threshold: float) -> bool:
        return self.confidence is not None and self.confidence >= threshold

    @property
    def blank(self) -> bool:
        return not (self.text or "").strip()


@dataclass(frozen=True)
class Household:
    household_no: str
    application_no: str
    members: int
    kana: tuple[str, ...]
    postal_code: str
    delivery_postal: str | None = None
    confidential: bool = False
    instructed: bool = False
    state: str = "live"


@dataclass(frozen=True)
class Item:
    item_code: str
    points: int
    orderable_from: date | None = None
    orderable_to: date | None = None
    refused_from: date | None = None

    def orderable_on(self, day: date) -> bool:
        refused = self.refused_from is not None and self.refused_from <= day
        early = self.orderable_from is not None and day < self.orderable_from
        gone = self.orderable_to is not None and day > self.orderable_to
        return not (refused or early or gone)


@dataclass(frozen=True)
class Line:
    item_code: str | None
    quantity: int | None


@dataclass(frozen=True)
class Web:
    application_id: str
    application_no: str
    submitted_at: datetime
    lines: tuple[Line, ...]
    cancelled_at: datetime | None = None


@dataclass(frozen=True)
class Slot:
    item_code: str | None
    quantity_text: str | None
    confidence: float | None

    @property
    def quantity(self) -> int | None:
        """Empty is 1; what is no number is None."""
        text = unicodedata.normalize("NFKC", self.quantity_text or "").strip()
        if not text:
            return 1
        try:
            return int(text)
        except ValueError:
            return None

    def readable(self, threshold: float) -> bool:
        code = Reading(self.item_code, self.confidence)
        return code.sure(threshold) and not code.blank and self.quantity is not None


@dataclass(frozen=True)
class Card:
    card_no: str
    received_on: date
    postmarked_on: date | None
    number: Reading
    name: Reading
    postal: Reading
    declined: Reading
    slots: tuple[Slot, ...]

    @property
    def filled(self) -> tuple[Slot, ...]:
        """A slot without code and quantity is ignored."""
        return tuple(s for s in self.slots if s.item_code or s.quantity_text)


@dataclass(frozen=True)
class Amendment:
    amendment_id: str
    application_no: str
    requested_at: datetime
    action: str
    lines: tuple[Line, ...] = ()

    @property
    def ref(self) -> str:
        return f"A:{self.amendment_id}"


@dataclass(frozen=True)
class Shipment:
    household_no: str
    kind: str
    sequence: int
    cause: str
    cause_ref: str
    source_ref: str
    released_on: date | None
    handed_over_at: datetime | None = None


@dataclass(frozen=True)
class World:
    households: tuple[Household, ...]
    items: tuple[Item, ...]
    web: tuple[Web, ...] = ()
    cards: tuple[Card, ...] = ()
    amendments: tuple[Amendment, ...] = ()
    shipments: tuple[Shipment, ...] = ()


# ---------------------------------------------------------------- what comes out


@dataclass(frozen=True)
class Decision:
    application_id: str
    source: str
    household_no: str | None
    received_at: datetime
    status: str
    reason: str | None
    points: int
    differs_from_standing: bool = False


@dataclass(frozen=True)
class Parcel:
    household_no: str
    cause: str
    cause_ref: str
    source_ref: str
    held: bool


@dataclass(frozen=True)
class ParcelLine:
    household_no: str
    cause: str
    cause_ref: str
    item_code: str
    quantity: int
