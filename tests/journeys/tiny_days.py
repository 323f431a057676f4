"""Three days of the tiny contract in which everything happens that the protocol has a word for."""

from __future__ import annotations

from dataclasses import replace

from tiny_rules import Application, Household, Sources, day
from tiny_world import Office

FIRST = (
    Sources()
    .with_household(*(Household(f"H{n}") for n in range(1, 9)), Household("H9", confidential=True))
    .with_application(
        Application("W1", "H1", 1, (("A", 1),)),
        Application("W1b", "H1", 1, (("B", 1),)),
        Application("W2", "H2", 1, (("B", 1),)),
        Application("W3", "H3", 1, (("A", 2),)),
        Application("W4", "H4", 1, (("A", 1),)),
        Application("W9", "H9", 1, (("A", 1),)),
    )
)


def _second() -> Sources:
    was = {a.id: a for a in FIRST.applications}
    return FIRST.with_household(
        Household("H4", confidential=True),  # released: a stop
        Household("H9", confidential=True, instructed=True),  # held until now
    ).with_application(
        replace(was["W1"], lines=(("B", 1),)),  # handed over: a difference
        replace(was["W2"], lines=(("A", 2),)),  # between release and hand-over: the next revision
        replace(was["W3"], cancelled_on=2),  # released: a cancellation
        Application("W5", "H5", 2, (("A", 1),)),
        Application("W6", "H6", 2, (("Z", 1),)),  # waits for a person
    )


def _third() -> Sources:
    second = _second()
    was = {a.id: a for a in second.applications}
    return second.with_household(
        Household("H4", confidential=True, instructed=True), Household("H7", live=False), Household("H0")
    ).with_application(
        replace(was["W1"], lines=(("A", 1),)),  # as it was handed over: the difference is settled
        replace(was["W2"], lines=(("B", 2),)),
        replace(was["W6"], lines=(("B", 1),)),
        Application("W8", "H8", 3, (("A", 1),)),  # its toilets are planned, not released: they give way
        Application("X5", "H5", 3, (("B", 1),)),  # a further parcel
    )


SOURCES = (FIRST, _second(), _third())
TOILETS_FROM = day(2)
DAYS = len(SOURCES)
_TAKEN = (("H1", "H6"), ("H5", "H3"))
_KINDS = ("catalogue", "goods", "stop")


def run_day(office: Office, number: int) -> None:
    """All tasks of a day, in their order; each can be run again."""
    on = day(number)
    office.land(SOURCES[number - 1])
    if number > 1:  # the carrier reports what it took the day before
        office.hand_over(day(number - 1), _TAKEN[number - 2])
    office.settle_orders(on)
    office.settle_toilets(on)
    office.release(on, (*_KINDS, "toilet") if number == DAYS else _KINDS)
    office.mail(on)
