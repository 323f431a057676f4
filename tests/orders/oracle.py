"""The daily reconciliation in plain Python, read off `interfaces.md` and kept apart from the SQL.

One household at a time: its applications in order, its amendments as a fold over them, its parcels.
Nothing here is fast; everything here is meant to be checked by eye against the rules.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from oracle_checks import STATUS_OF, Application, Book, digits
from oracle_nouns import Amendment, Card, Decision, Household, Parcel, ParcelLine, Shipment, World

if TYPE_CHECKING:
    from todoke.orders.reconcile import OrderRules

HOLDING_REASONS = frozenset({"no_items", "unknown_item", "refused_item", "over_points"})


# ---------------------------------------------------------------- one household


@dataclass
class Change:
    """An amendment in the fold: what became of it and, for an accepted one, the parcel it is in."""

    amendment: Amendment
    own_points: int
    total: int = 0
    reason: str | None = None
    superseded: bool = False
    parcel: str = ""

    @property
    def orders_something(self) -> bool:
        """A replace or add that counts or still may; a later replace, cancel or decline makes it superseded."""
        return self.amendment.action in {"replace", "add"} and self.reason != "late"

    @property
    def stands(self) -> bool:
        """An accepted replace or add that nothing later took back."""
        return self.reason is None and not self.superseded and self.amendment.action in {"replace", "add"}


@dataclass
class HouseholdFold:
    """Amendments in order over a household's applications; a parcel goes by its cause_ref ('' = first)."""

    book: Book
    household: Household
    applications: list[Application] = field(default_factory=list)
    amendments: list[Amendment] = field(default_factory=list)
    segment_start: datetime | None = None
    changes: list[Change] = field(default_factory=list)
    parcels: list[str] = field(default_factory=lambda: [""])

    def __post_init__(self) -> None:
        self.goods = self.book.shipped(self.household, "goods")
        self.toilets = bool(self.book.shipped(self.household, "toilet"))

    def run(self) -> None:
        self.applications.sort(key=lambda a: a.place)
        for amendment in self.amendments:
            self.amend(amendment)

    # ------------------------------------------------------------ what stands

    def taken_back(self, app: Application) -> bool:
        """Received before the last accepted cancel or decline."""
        return self.segment_start is not None and app.received_at <= self.segment_start

    def withdrawn(self, app: Application) -> bool:
        return app.cancelled or self.taken_back(app)

    def candidates(self) -> list[Application]:
        return [a for a in self.applications if a.candidate and not self.withdrawn(a)]

    def carried(self) -> Application | None:
        """The application whose order the released first parcel carries, while it is a candidate."""
        first = {s.source_ref for s in self.goods if s.sequence == 1}
        return next((a for a in self.candidates() if a.ref in first), None)

    def waiting_at(self, t: datetime) -> list[Application]:
        """Good, settled or in review, received in this segment and not after t."""
        return [
            a
            for a in self.applications
            if a.received_at <= t and not self.taken_back(a) and (a.candidate or a.in_review)
        ]

    def target(self, t: datetime) -> Application | None:
        return self.carried() or next(iter(self.waiting_at(t)), None)

    def last_replace(self) -> Change | None:
        return next((c for c in reversed(self.changes) if c.stands and c.amendment.action == "replace"), None)

    def total_before(self) -> int:
        """Points of the order that stands as far as the fold has come, with what was added to it.

        Whichever application stands counts, received before the amendment or not: so no order of
        arrival lets a household's parcels exceed its points.
        """
        standing = self.carried() or next(iter(self.candidates()), None)
        base = standing.points if standing is not None else 0
        if replaced := self.last_replace():
            base = replaced.own_points
        return base + sum(c.own_points for c in self.changes if c.stands and c.amendment.action == "add")

    # ------------------------------------------------------------ one amendment

    def amend(self, amendment: Amendment) -> None:
        change = Change(amendment, self.book.points(amendment.lines))
        if amendment.action == "replace":
            change.total = change.own_points
        elif amendment.action == "add":
            change.total = self.total_before() + change.own_points
        change.reason = self.failing(change)
        if change.reason is None:
            self.accept(change)
        self.changes.append(change)

    def failing(self, change: Change) -> str | None:
        a, t, rules = change.amendment, change.amendment.requested_at, self.book.rules
        if self.household.state != "live":
            return "departed"
        if a.action in {"replace", "add"} and t.date() > rules.deadline and not rules.amend_until_handover:
            return "late"
        if a.action != "decline" and not self.waiting_at(t):
            return "no_application"
        if self.already_shipped(a):
            return "already_shipped"
        if a.action in {"cancel", "decline"}:
            return None
        if wrong := self.book.wrong_lines(a.lines, t.date()):
            return wrong
        return "over_points" if change.total > self.book.entitlement(self.household) else None

    def already_shipped(self, a: Amendment) -> bool:
        if a.action == "add":
            return self.toilets
        return any(gone(s, a.requested_at) for s in self.goods) or (a.action == "replace" and self.toilets)

    def accept(self, change: Change) -> None:
        t = change.amendment.requested_at
        if change.amendment.action == "add":
            change.parcel = self.parcel_to_join(change.amendment)
            return
        if change.amendment.action == "replace":
            target = self.target(t)
            if target is not None and target.in_review:
                target.settled = True
        else:
            self.segment_start = t
        for earlier in self.changes:
            earlier.superseded = earlier.superseded or earlier.orders_something

    def parcel_to_join(self, add: Amendment) -> str:
        """The newest parcel the carrier has not got at that moment, else a new one."""
        for cause_ref in reversed(self.parcels):
            shipments = [s for s in self.goods if s.cause in {"first", "add"} and s.cause_ref == cause_ref]
            if not any(gone(s, add.requested_at) for s in shipments):
                return cause_ref
        self.parcels.append(add.ref)
        return add.ref

    # ------------------------------------------------------------ the end of the fold

    def standing(self) -> Application | None:
        if self.goods:
            return self.carried()
        return next(iter(self.candidates()), None)

    def decisions(self) -> list[Decision]:
        standing = self.standing()
        decided = [self.decide_application(a, standing) for a in self.applications]
        return decided + [decide_amendment(c, self.household) for c in self.changes]

    def decide_application(self, app: Application, standing: Application | None) -> Decision:
        plain = Decision(
            app.ref, app.source, self.household.household_no, app.received_at, "withdrawn", None, app.points
        )
        if self.withdrawn(app):
            return plain
        if app is standing:
            return replace(plain, status="accepted")
        if app.candidate:
            differs = standing is not None and app.content != standing.content
            return replace(plain, status="rejected", reason="duplicate", differs_from_standing=differs)
        return replace(plain, status=STATUS_OF[app.reason], reason=app.reason)

    def shipping(self) -> tuple[list[Parcel], list[ParcelLine]]:
        standing = self.standing()
        if standing is None:
            return [], []
        no, home = self.household.household_no, self.household
        waits = any(c.reason in HOLDING_REASONS and not c.superseded for c in self.changes)
        held = (home.confidential and not home.instructed) or waits
        replaced = self.last_replace()
        contents = {ref: Counter[str]() for ref in self.parcels}
        base = replaced.amendment.lines if replaced else standing.lines
        adds = [c for c in self.changes if c.stands and c.amendment.action == "add"]
        for ref, lines in [("", base)] + [(c.parcel, c.amendment.lines) for c in adds]:
            for line in lines:
                contents[ref][line.item_code or ""] += line.quantity or 0
        parcels = [Parcel(no, cause_of(ref), ref, standing.ref, held) for ref in self.parcels]
        content = [
            ParcelLine(no, cause_of(ref), ref, item, quantity)
            for ref, counted in contents.items()
            for item, quantity in counted.items()
        ]
        return parcels, content


def gone(shipment: Shipment, t: datetime) -> bool:
    return shipment.handed_over_at is not None and shipment.handed_over_at <= t


def cause_of(cause_ref: str) -> str:
    return "add" if cause_ref else "first"


def decide_amendment(change: Change, household: Household | None) -> Decision:
    a = change.amendment
    status, reason = ("superseded", None) if change.superseded else (STATUS_OF[change.reason], change.reason)
    household_no = household.household_no if household else None
    return Decision(a.ref, "phone", household_no, a.requested_at, status, reason, change.total)


def decide_nobodys(app: Application) -> Decision:
    """An application that no household could be found for."""
    status, reason = ("withdrawn", None) if app.cancelled else (STATUS_OF[app.reason], app.reason)
    return Decision(app.ref, app.source, None, app.received_at, status, reason, app.points)


def decide(world: World, rules: OrderRules) -> tuple[list[Decision], list[Parcel], list[ParcelLine]]:
    """Every decision, parcel and parcel line of the world at the end of `rules.as_of`."""
    book = Book(world, rules)
    folds = {h.household_no: HouseholdFold(book, h) for h in world.households}
    decisions: list[Decision] = []
    for app in [book.judge_web(w) for w in book.web] + [book.judge_card(c) for c in book.cards]:
        if app.household is None:
            decisions.append(decide_nobodys(app))
        else:
            folds[app.household.household_no].applications.append(app)
    for amendment in book.amendments:
        holder = book.holder(amendment.application_no)
        if holder is None:
            decisions.append(decide_amendment(Change(amendment, 0, reason="unknown_household"), None))
        else:
            folds[holder.household_no].amendments.append(amendment)
    parcels: list[Parcel] = []
    lines: list[ParcelLine] = []
    for fold in folds.values():
        fold.run()
        decisions += fold.decisions()
        planned, content = fold.shipping()
        parcels += planned
        lines += content
    return decisions, parcels, lines


def possible_senders(world: World, rules: OrderRules) -> set[str]:
    """Households that an order in review may come from while it is nobody's."""
    book = Book(world, rules)
    possible: set[str] = set()
    for web in book.web:
        app = book.judge_web(web)
        if app.household is None and app.in_review:
            possible |= {h.household_no for h in book.households if near_number(web.application_no, h)}
    for amendment in book.amendments:
        if book.holder(amendment.application_no) is None:
            possible |= {h.household_no for h in book.households if near_number(amendment.application_no, h)}
    for card in book.cards:
        app = book.judge_card(card)
        if app.household is None and app.in_review:
            possible |= {h.household_no for h in book.households if may_have_sent(book, card, h)}
    return possible


def near_number(read: str | None, household: Household) -> bool:
    seen = digits(read)
    return len(seen) == 10 and sum(a != b for a, b in zip(seen, household.application_no, strict=True)) <= 1


def may_have_sent(book: Book, card: Card, household: Household) -> bool:
    postal_fits = not book.postal_comparable(card) or book.postal_agrees(card, household)
    return near_number(card.number.text, household) or (book.name_agrees(card, household) and postal_fits)
