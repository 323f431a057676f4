"""What processes do at the same time in the races of `test_protocol_races.py`."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

from tiny_rules import Application, Household, Sources, day
from tiny_world import Office

import databases

ROUNDS = 6
_HOUSEHOLDS = tuple(Household(f"H{n:02}") for n in range(24))


def sources(portions: int) -> Sources:
    """What the sources show after some portions of the orders have come in; nothing is ever taken back."""
    orders = [Application(f"W{h.no}", h.no, 1, (("A", 1),)) for h in _HOUSEHOLDS]
    return replace(Sources(households=_HOUSEHOLDS), applications=tuple(orders[: 4 * portions]))


def settle_orders(office: Office) -> None:
    for _ in range(ROUNDS):
        office.settle_orders(day(1))


def release(office: Office) -> None:
    for _ in range(ROUNDS):
        office.release(day(1))


def land(office: Office) -> None:
    for portions in range(1, ROUNDS + 1):
        office.land(sources(portions))


def hear_the_carrier(office: Office) -> None:
    for _ in range(ROUNDS):
        office.hand_over(day(1))


#: Two settles, two releases and the writers of facts that they compete with.
RACERS = (settle_orders, settle_orders, release, release, land, hear_the_carrier)


def race(variables: dict[str, str | None], mailbox: str, racer: int, start: Barrier) -> None:
    """The body of one racing process."""
    with databases.environment(**variables):
        office = Office(Path(mailbox))
        start.wait()
        RACERS[racer](office)
