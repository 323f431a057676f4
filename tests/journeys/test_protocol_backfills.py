"""Backfills: whichever days are run again, in whatever order and at once, the end is that of an undisturbed run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tiny_rules import Application, Household, Sources, day
from tiny_world import Office, dump, outbox

import databases
from todoke.store import tables as t
from todoke.store.verify import verify

DAYS = 30
TOILETS_FROM = day(18)
#: A month takes a second to live through: what fails is shown as it was drawn.
_NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
_HOUSEHOLDS = ("H1", "H2", "H3", "H4")


@dataclass(frozen=True)
class Happening:
    """Something that the sources show from the evening of a day on; `dated` may lie long before it."""

    landed: int
    kind: str
    household: str
    dated: int
    lines: tuple[tuple[str, int], ...]

    def shown_by(self, sources: Sources, number: int) -> Sources:
        """The sources with this in them."""
        mine = [a for a in sources.applications if a.household == self.household]
        if self.kind == "order":
            return sources.with_application(Application(f"W{number:02}", self.household, self.dated, self.lines))
        if self.kind == "change" and mine:
            return sources.with_application(replace(mine[-1], lines=self.lines))
        if self.kind == "withdraw" and mine:
            return sources.with_application(replace(mine[0], cancelled_on=self.dated))
        if self.kind in ("hide", "show", "leave"):
            return sources.with_household(
                Household(self.household, self.kind != "leave", self.kind == "show", self.kind != "leave")
            )
        return sources


_happenings = st.builds(
    lambda landed, kind, household, late, lines: Happening(landed, kind, household, max(1, landed - late), lines),
    st.integers(1, DAYS),
    st.sampled_from(("order", "order", "order", "change", "change", "withdraw", "hide", "show", "leave")),
    st.sampled_from(_HOUSEHOLDS),
    st.sampled_from((0, 0, 1, 5, 20)),
    st.sampled_from(((("A", 1),), (("B", 1),), (("A", 1), ("B", 1)))),
)


@dataclass(frozen=True)
class Story:
    """A month. `runs`: days with a regular run; `taken`: when the carrier takes the parcels of some households."""

    happenings: tuple[Happening, ...]
    runs: frozenset[int]
    taken: dict[int, frozenset[str]]

    def live_through(self, office: Office, disturb: Callable[[Office, int], None]) -> None:
        """Lands, regular runs, hand-overs, in their order; `disturb` is called after each with the last run's day."""
        sources = Sources().with_household(*map(Household, _HOUSEHOLDS))
        office.land(sources)
        last_run = 0
        for number in range(1, DAYS + 1):
            for index, happening in enumerate(self.happenings):
                if happening.landed == number:
                    sources = happening.shown_by(sources, index)
                    office.land(sources)
                    disturb(office, last_run)
            if number in self.runs or number == DAYS:
                office.settle_orders(day(number))
                disturb(office, number)
                office.settle_toilets(day(number))
                office.release(day(number), ("catalogue", "goods", "stop", "toilet"))
                last_run = number
                disturb(office, last_run)
            if number in self.taken and last_run:
                office.hand_over(day(last_run), self.taken[number])
                disturb(office, last_run)


_stories = st.builds(
    lambda happenings, runs, taken: Story(tuple(happenings), runs, taken),
    st.lists(_happenings, min_size=3, max_size=9),
    st.frozensets(st.integers(1, DAYS - 1), min_size=2, max_size=4),
    st.dictionaries(st.integers(8, 24), st.frozensets(st.sampled_from(_HOUSEHOLDS), min_size=1), max_size=2),
)
#: At each opportunity: days (of those already run) to run again, in this order or all at once.
_disturbances = st.lists(st.tuples(st.lists(st.integers(1, DAYS), max_size=2), st.booleans()), min_size=4, max_size=8)


def _backfill(office: Office, days: list[int], *, at_once: bool) -> None:
    """Runs days again as a backfill does: everything but releasing and mailing."""

    def again(number: int) -> None:
        office.settle_orders(day(number))
        office.settle_toilets(day(number))
        office.settle_deliveries(day(number))

    if not at_once:
        for number in days:
            again(number)
        return
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            again(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in days]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def _end(office: Office) -> dict[str, Any]:
    """What is the same: see the test's docstring."""
    with office.ledger.read() as tx:
        s, d, e, r, i = (x.c for x in (t.shipment, t.decision_head, t.effect, t.shipment_revision, t.shipment_item))
        never_was = set(tx.execute(select(s.id).where(s.state == "cancelled", s.released_rev.is_(None))).scalars())

        def rows(*columns: Any) -> list[Any]:
            found = tx.execute(select(*columns)).tuples().all()
            return sorted((row for row in found if row[0] not in never_was), key=repr)

        end: dict[str, Any] = {
            "shipments": rows(*(column for column in s)),
            "revisions": rows(r.shipment_id, r.rev, r.content_digest, r.action, r.source_ref, r.points, r.effect_kind),
            "items": rows(*(column for column in i)),
            "effects": rows(e.shipment_id, e.rev, e.kind, e.batch_id),
            "decisions": rows(d.application_id, d.household_no, d.status, d.reason, d.points, d.received_at),
        }
    everything = dump(office)
    end |= {name: everything[name] for name in ("claim", "batch", "shipment_event", "dataset_version")}
    end["differences"] = [row for row in everything["difference"] if "open" in row]
    end["settled_through"] = [row[2] for row in everything["stream"]]
    end["differences"] = [row[:-1] for row in end["differences"]]  # not the day on which it was found
    return end | {"outbox": outbox(office)}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest) -> Iterator[databases.Stores]:
    """Stores that every story begins with anew."""
    stores = databases.Stores(request.param, databases.folder("backfill") / "home")
    with stores.entered():
        stores.keep("empty")
        yield stores
    stores.removed()


def _office(empty: databases.Stores) -> Office:
    empty.restore("empty")
    return Office(empty.home / "mailbox", toilets_from=TOILETS_FROM)


def _undisturbed(_office: Office, _last_run: int) -> None:
    pass


@settings(max_examples=6, phases=_NO_SHRINKING, suppress_health_check=[HealthCheck.too_slow])
@given(story=_stories, disturbances=_disturbances)
@example(  # an order is changed and changed back between release and hand-over
    Story(
        (
            Happening(1, "order", "H1", 1, (("A", 1),)),
            Happening(3, "change", "H1", 3, (("B", 1),)),
            Happening(4, "change", "H1", 4, (("A", 1),)),
        ),
        frozenset({2, 5}),
        {6: frozenset({"H1"})},
    ),
    [([1], False)] * 9,
)
@example(  # an order gives way to an equal one before its release
    Story(
        (
            Happening(3, "order", "H1", 1, (("A", 1),)),
            Happening(4, "order", "H1", 2, (("A", 1),)),
            Happening(5, "withdraw", "H1", 2, ()),
            Happening(9, "order", "H1", 1, (("B", 1),)),
        ),
        frozenset({2, 6, 10}),
        {7: frozenset({"H1"})},
    ),
    [([1, 2], True)] * 9,
)
def test_backfills_during_a_month_change_nothing(
    empty: databases.Stores, story: Story, disturbances: list[tuple[list[int], bool]]
) -> None:
    """A month with regular runs, parcels handed over in its middle, and facts that are landed days after their date.

    The same month is lived twice: undisturbed, and with backfills thrown in after landings, settles, releases and
    hand-overs: days already passed, in any order, with gaps, repeated, in parallel. A backfill does not release.

    *The same* means, because facts arrive between the runs: both months have the same facts at each release and at
    each hand-over, for these are what lock parcels. Equal are then parcels with all their revisions and contents,
    claims, effects with their batches, decisions, open differences, dataset versions, and every outgoing file to the
    byte. What a backfill has merely been the first to see may differ: positions of the stream, which settlement wrote
    a row and on what day it was decided or due, parcels that were planned and taken back before any release, and
    differences that were found and settled again.
    """
    office = _office(empty)
    story.live_through(office, _undisturbed)
    expected = _end(office)
    assert verify(office.ledger) == []

    left = list(disturbances)

    def disturb(office: Office, last_run: int) -> None:
        if left and last_run:
            days, at_once = left.pop(0)
            _backfill(office, [1 + number % last_run for number in days], at_once=at_once)

    office = _office(empty)
    story.live_through(office, disturb)
    assert _end(office) == expected
    assert verify(office.ledger) == []


@settings(max_examples=5, phases=_NO_SHRINKING, suppress_health_check=[HealthCheck.too_slow])
@given(
    happenings=st.lists(_happenings, min_size=4, max_size=10),
    days=st.lists(st.integers(1, DAYS), min_size=3, max_size=8)
    .map(lambda days: [*days, DAYS])
    .flatmap(st.permutations),
    at_once=st.booleans(),
)
def test_a_month_settled_in_any_order_of_its_days_is_released_as_if_settled_once(
    empty: databases.Stores, happenings: list[Happening], days: list[int], at_once: bool
) -> None:
    """All facts are there; days run in any order, with gaps and repeats, one by one or at once. Same: as above."""
    sources = Sources().with_household(*map(Household, _HOUSEHOLDS))
    for index, happening in enumerate(happenings):
        sources = happening.shown_by(sources, index)
    ends = []
    for order in ([DAYS], days):
        office = _office(empty)
        office.land(sources)
        _backfill(office, order, at_once=at_once)
        office.release(day(DAYS), ("catalogue", "goods", "stop", "toilet"))
        ends.append(_end(office))
        assert verify(office.ledger) == []
    assert ends[0] == ends[1]
