"""The checks that look at one application alone: number, matching, legibility, identity, lines, points."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from oracle_nouns import Card, Household, Line, Shipment, Web, World

if TYPE_CHECKING:
    from todoke.orders.reconcile import OrderRules

REVIEW_REASONS = frozenset(
    {
        "illegible",
        "unknown_household",
        "departed",
        "identity",
        "no_items",
        "unknown_item",
        "refused_item",
        "over_points",
        "toilet_shipped",
        "no_application",
        "already_shipped",
    }
)
STATUS_OF: dict[str | None, str] = {
    **dict.fromkeys(REVIEW_REASONS, "review"),
    None: "accepted",
    "late": "rejected",
    "duplicate": "rejected",
    "declined": "withdrawn",
}


# ---------------------------------------------------------------- folding and numbers

_SMALL = str.maketrans("ァィゥェォッャュョヮ", "アイウエオツヤユヨワ")


def fold_kana(text: str | None) -> str:
    folded = unicodedata.normalize("NFKC", text or "")
    katakana = "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in folded)
    return "".join("ー" if c in "ー-‐−–—" else c for c in katakana if not c.isspace()).translate(_SMALL)


def digits(text: str | None) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text or "") if c in "0123456789")


def well_formed(number: str | None) -> bool:
    """ISO 7064 MOD 97-10 over ten digits."""
    text = number or ""
    return len(text) == 10 and all(c in "0123456789" for c in text) and int(text) % 97 == 1


# ---------------------------------------------------------------- one application


@dataclass
class Application:
    """An application of either source after the checks that need no other application."""

    ref: str
    source: str
    household: Household | None
    received_at: datetime
    lines: tuple[Line, ...]
    cancelled: bool = False
    reason: str | None = None
    points: int = 0
    settled: bool = False

    @property
    def candidate(self) -> bool:
        return self.settled or (not self.cancelled and self.reason is None)

    @property
    def in_review(self) -> bool:
        return not self.cancelled and not self.settled and self.reason in REVIEW_REASONS

    @property
    def place(self) -> tuple[date, bool, datetime, bytes]:
        return (self.received_at.date(), self.source == "postcard", self.received_at, self.ref.encode())

    @property
    def content(self) -> Counter[str]:
        content: Counter[str] = Counter()
        for line in self.lines:
            content[line.item_code or ""] += line.quantity or 0
        return content


class Book:
    """The world as known at the end of `as_of`, looked up the ways the rules need."""

    def __init__(self, world: World, rules: OrderRules) -> None:
        self.rules = rules
        self.end = datetime.combine(rules.as_of + timedelta(days=1), time.min)
        self.households = world.households
        self.by_number = {h.application_no: h for h in world.households}
        self.items = {i.item_code: i for i in world.items}
        self.web = [w for w in world.web if w.submitted_at < self.end]
        self.cards = [c for c in world.cards if c.received_on <= rules.as_of]
        known = sorted(world.amendments, key=lambda a: (a.requested_at, a.ref.encode()))
        self.amendments = [a for a in known if a.requested_at < self.end]
        self.released = [
            s if s.handed_over_at is None or s.handed_over_at < self.end else replace(s, handed_over_at=None)
            for s in world.shipments
            if s.released_on is not None and s.released_on <= rules.as_of
        ]

    def shipped(self, household: Household, kind: str) -> list[Shipment]:
        return [s for s in self.released if s.household_no == household.household_no and s.kind == kind]

    def holder(self, number: str | None) -> Household | None:
        return self.by_number.get(number or "") if well_formed(number) else None

    def points(self, lines: tuple[Line, ...]) -> int:
        known = [x for x in lines if x.item_code in self.items and x.quantity is not None]
        return sum(self.items[x.item_code].points * x.quantity for x in known)

    def entitlement(self, household: Household) -> int:
        return household.members * self.rules.points_per_member

    def wrong_lines(self, lines: tuple[Line, ...], day: date) -> str | None:
        if not lines:
            return "no_items"
        if any(x.item_code not in self.items or x.quantity is None or x.quantity < 1 for x in lines):
            return "unknown_item"
        if any(not self.items[x.item_code].orderable_on(day) for x in lines):
            return "refused_item"
        return None

    def wrong_order(self, app: Application) -> str | None:
        """The checks that both sources share, once the household is known and not departed."""
        assert app.household is not None
        if wrong := self.wrong_lines(app.lines, app.received_at.date()):
            return wrong
        if app.points > self.entitlement(app.household):
            return "over_points"
        its_goods = {s.source_ref for s in self.shipped(app.household, "goods")}
        if self.shipped(app.household, "toilet") and app.ref not in its_goods:
            return "toilet_shipped"
        return None

    # ------------------------------------------------------------ web

    def judge_web(self, web: Web) -> Application:
        app = Application(
            f"W:{web.application_id}", "web", self.holder(web.application_no), web.submitted_at, web.lines
        )
        app.points = self.points(web.lines)
        app.cancelled = web.cancelled_at is not None and web.cancelled_at < self.end
        if app.received_at.date() > self.rules.deadline:
            app.reason = "late"
        elif app.household is None:
            app.reason = "unknown_household"
        elif app.household.state != "live":
            app.reason = "departed"
        else:
            app.reason = self.wrong_order(app)
        return app

    # ------------------------------------------------------------ postcards

    def judge_card(self, card: Card) -> Application:
        counted_on = card.received_on
        if self.rules.postmark and card.postmarked_on is not None:
            counted_on = card.postmarked_on
        lines = tuple(Line(s.item_code, s.quantity) for s in card.filled)
        app = Application(
            f"P:{card.card_no}", "postcard", self.sender(card), datetime.combine(counted_on, time.min), lines
        )
        app.points = self.points(lines)
        if app.received_at.date() > self.rules.deadline:
            app.reason = "late"
        elif self.declines(card):
            app.reason = "declined"
        elif self.illegible(card, app.household):
            app.reason = "illegible"
        elif app.household is None:
            app.reason = "unknown_household"
        elif app.household.state != "live":
            app.reason = "departed"
        elif not (self.name_agrees(card, app.household) or self.postal_agrees(card, app.household)):
            app.reason = "identity"
        else:
            app.reason = self.wrong_order(app)
        return app

    def number_readable(self, card: Card) -> bool:
        return card.number.sure(self.rules.threshold) and not card.number.blank

    def name_comparable(self, card: Card) -> bool:
        return card.name.sure(self.rules.threshold) and fold_kana(card.name.text) != ""

    def postal_comparable(self, card: Card) -> bool:
        return card.postal.sure(self.rules.threshold) and digits(card.postal.text) != ""

    def name_agrees(self, card: Card, household: Household) -> bool:
        return self.name_comparable(card) and fold_kana(card.name.text) in map(fold_kana, household.kana)

    def postal_agrees(self, card: Card, household: Household) -> bool:
        known = {household.postal_code, household.delivery_postal} - {None}
        return self.postal_comparable(card) and digits(card.postal.text) in known

    def sender(self, card: Card) -> Household | None:
        """By the number when it is good; else the one household that alone is near."""
        if self.number_readable(card) and (holder := self.holder(card.number.text)):
            return holder
        read = digits(card.number.text)
        near = [h for h in self.households if h.state != "deleted" and self.near(card, read, h)]
        return near[0] if len(near) == 1 else None

    def near(self, card: Card, read: str, household: Household) -> bool:
        return (
            len(read) == 10
            and sum(a != b for a, b in zip(read, household.application_no, strict=True)) <= 1
            and self.name_agrees(card, household)
            and self.postal_agrees(card, household)
        )

    @staticmethod
    def marked(card: Card) -> bool:
        return not card.declined.blank and card.declined.text != "0"

    def declines(self, card: Card) -> bool:
        return self.marked(card) and card.declined.sure(self.rules.threshold)

    def mark_unreadable(self, card: Card) -> bool:
        unsure = not card.declined.sure(self.rules.threshold)
        return unsure and (self.marked(card) or card.declined.confidence is not None)

    def illegible(self, card: Card, sender: Household | None) -> bool:
        return (
            any(not slot.readable(self.rules.threshold) for slot in card.filled)
            or self.mark_unreadable(card)
            or (sender is None and not self.number_readable(card))
            or not (self.name_comparable(card) or self.postal_comparable(card))
        )
