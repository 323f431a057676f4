"""Parcels planned in a ledger, ready to be released."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sqlalchemy import Connection

import databases
from todoke.model.changes import Changes, Parcel
from todoke.model.codes import Cause, ShipmentKind
from todoke.parcels.diff import diff
from todoke.parcels.ledger_parcels import actual_parcels
from todoke.store import facts
from todoke.store.ledger import Ledger, Pin
from todoke.store.settle import settle

DAY = date(2026, 11, 10)
LATER = date(2026, 11, 11)


def plan_goods(ledger: Ledger, lines_of: dict[str, str], *, on: date = DAY, held: frozenset[str] = frozenset()) -> None:
    """Settles one goods parcel for each household, with one item each."""
    parcels = [
        Parcel(no, ShipmentKind.GOODS, Cause.FIRST, "", "W:1", ((item, 1),), 3000, no in held, "goods")
        for no, item in lines_of.items()
    ]

    def plan(tx: Connection, _pin: Pin, _as_of: date) -> Callable[[], Changes]:
        have = actual_parcels(
            facts.shipments(tx, databases.CONTRACT, ["goods"]), facts.revisions(tx, databases.CONTRACT, ["goods"])
        )
        return lambda: Changes(parcels=diff(ledger.keys.id_key, databases.CONTRACT, parcels, have).changes)

    settle(ledger, "orders", on, plan)
