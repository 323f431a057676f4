"""What is ordered: the lines of applications and amendments, mostly within the household's points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SLOTS = 6
POINTS_A_MEMBER = 3000
UNKNOWN_ITEM = "9999"
_UNKNOWN = -1

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Lines:
    """Orders × 6 slots: `item` is the row of the catalogue (-1: a code that it does not have), `quantity`
    0 where a slot is empty."""

    item: Ints
    quantity: Ints

    def copy_rows(self, source: Ints, target: Ints) -> None:
        """Let the orders `target` repeat the orders `source`."""
        self.item[target], self.quantity[target] = self.item[source], self.quantity[source]

    def table(self, orders: Ints, codes: NDArray[Any]) -> pd.DataFrame:
        """The filled slots of `orders`: order (position in `orders`), line_no, item_code, quantity."""
        order, slot = np.nonzero(self.quantity[orders])
        item = self.item[orders][order, slot]
        return pd.DataFrame(
            {
                "order": order,
                "line_no": slot + 1,
                "item_code": np.where(item == _UNKNOWN, UNKNOWN_ITEM, codes[item]),
                "quantity": self.quantity[orders][order, slot],
            }
        )


@dataclass(frozen=True)
class Assortment:
    """The catalogue as the simulation needs it."""

    codes: NDArray[Any]
    points: Ints
    orderable_from: NDArray[np.datetime64]
    orderable_before: NDArray[np.datetime64]

    @classmethod
    def of(cls, catalogue: pd.DataFrame) -> Assortment:
        """From the columns of `interfaces.md`, as text or typed; an empty date is open."""

        def days(name: str) -> Any:
            return pd.to_datetime(catalogue[name].replace("", None)).to_numpy("datetime64[D]")

        far = np.datetime64("2999-12-31")
        until, refused = days("orderable_to") + 1, days("refused_from")
        ends = np.fmin(np.where(np.isnat(until), far, until), np.where(np.isnat(refused), far, refused))
        starts = days("orderable_from")
        return cls(
            codes=catalogue["item_code"].astype(str).to_numpy(object),
            points=catalogue["points"].astype(int).to_numpy(),
            orderable_from=np.where(np.isnat(starts), np.datetime64("1970-01-01"), starts),
            orderable_before=ends,
        )

    def orderable(self, item: Ints, day: NDArray[np.datetime64]) -> Flags:
        """Whether each item may be ordered on its day."""
        return np.asarray((self.orderable_from[item] <= day) & (day < self.orderable_before[item]))


def draw_lines(
    rng: np.random.Generator, assortment: Assortment, *, members: Ints, at: NDArray[np.datetime64], by_web: Flags
) -> Lines:
    """Lines that use up the points of `members` (one each), with the mistakes that applicants make.

    The web site lets few of them through: it shows no refused item and counts the points.
    """
    count = len(members)
    item, quantity = _within_points(rng, assortment, members)
    day = np.repeat(at.astype("datetime64[D]"), SLOTS).reshape(count, SLOTS)
    barred = (quantity > 0) & ~assortment.orderable(item, day)
    barred &= by_web[:, None] & (rng.random((count, SLOTS)) < 0.97)
    item = np.where(barred, (item + 1) % len(assortment.codes), item)
    over = rng.random(count) < np.where(by_web, 0.0005, 0.012)
    largest = int(np.argmax(assortment.points))
    item[over, -1] = largest
    quantity[over, -1] = 1 + members[over] * POINTS_A_MEMBER // assortment.points[largest]
    item[rng.random(count) < np.where(by_web, 0.0002, 0.004), 0] = _UNKNOWN
    quantity[rng.random(count) < np.where(by_web, 0.0001, 0.003)] = 0
    return Lines(item, quantity)


def _within_points(rng: np.random.Generator, assortment: Assortment, members: Ints) -> tuple[Ints, Ints]:
    """Fill slot by slot until the points, or the wish for more, end."""
    count = len(members)
    classes = [np.flatnonzero(assortment.points == POINTS_A_MEMBER * n) for n in (1, 2, 3)]
    favour = [rng.permutation(chosen) for chosen in classes]
    size = np.array([len(chosen) for chosen in classes])
    table = np.zeros((3, size.max()), np.int64)
    for row, chosen in enumerate(favour):
        table[row, : len(chosen)] = chosen
    item, quantity = np.zeros((count, SLOTS), np.int64), np.zeros((count, SLOTS), np.int64)
    left = members.copy()
    for slot in range(SLOTS):
        cost = np.minimum(rng.choice((1, 2, 3), size=count, p=(0.4, 0.3, 0.3)), np.maximum(left, 1))
        pick = (size[cost - 1] * rng.random(count) ** 1.6).astype(np.int64)
        several = np.where(rng.random(count) < 0.2, np.minimum(left // cost, 3), 1)
        item[:, slot] = table[cost - 1, pick]
        quantity[:, slot] = np.where(left >= cost, several, 0)
        left = left - quantity[:, slot] * cost
        left = np.where(rng.random(count) < 0.04, 0, left)
    return item, quantity
