"""Whose parcels are to be pulled: the ward's lists, by whatever number they name a household, and the pull list."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from todoke.model.codes import PullReason, ShipmentKind
from todoke.parcels import pull_outs as rules
from todoke.process.gaiji_fonts import fonts_in_force, unpinned
from todoke.process.ward_files import file_names, highest_revisions
from todoke.process.workspace import Workspace
from todoke.register.succession import under_identity
from todoke.store import pulls
from todoke.store.ledger import Pin


@dataclass(frozen=True)
class Named:
    """A household that a pull-out file in effect names, where it first does.

    `household_no`: the number under which we know it; None: no version of the register has had it.
    """

    ward_no: str
    household_no: str | None
    receipt_no: str
    row_no: int


def named(ws: Workspace, tx: Connection, pin: Pin) -> list[Named]:
    """Everybody whom the ward's pull-out files name, each number once; of revisions of a file the highest counts."""
    if "pull_out_row" not in pin.heads:
        return []
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in ws.head_table("pull_out_row", pin).to_pylist():
        rows[row["receipt_no"]].append(row)
    files = highest_revisions(rows, file_names(tx, ws.contract.id))
    first = {row["household_no"] or "": row for receipt in reversed(files) for row in reversed(rows[receipt])}
    known = _known(ws, pin, list(first))
    return [Named(number, known.get(number), row["receipt_no"], row["row_no"]) for number, row in first.items()]


def _known(ws: Workspace, pin: Pin, numbers: list[str]) -> dict[str, str]:
    """The numbers under which the register knows these households, by those that the ward's lists name."""
    rows = pa.table({"household_no": pa.array(numbers, pa.string())})
    known = under_identity(rows, ws.head_table("household_alias", pin))["household_no"]
    here = pc.is_in(known, ws.head_table("household", pin, ["household_no"])["household_no"].combine_chunks())
    found = zip(numbers, known.to_pylist(), here.to_pylist(), strict=True)
    return {number: household for number, household, is_here in found if is_here}


@dataclass(frozen=True)
class TakenOut:
    """Of one kind of parcel: households whose parcel goes nowhere, and parcels whose wrong label the carrier has."""

    households: list[str]
    missed: list[str]


def taken_out(ws: Workspace, tx: Connection, pin: Pin, kind: str) -> TakenOut:
    """What the ward's lists and the pull list say of the parcels of a kind; the ward names catalogues.

    What the ward had put on the list stays there, whatever a later list says: its envelope is to be found first. A
    label that another has overtaken stops nothing.
    """
    items = [item for item in pulls.items(tx, ws.contract.id) if item.kind == kind]
    printed_wrong = [item.item_no for item in items if item.reason is PullReason.GAIJI]
    now = fonts_in_force(ws, tx) if printed_wrong else None
    redrawn = {item.item_no for item in items if item.item_no in printed_wrong and unpinned(item.settings) != now}
    by_list = {item.household_no for item in items if rules.stops_parcel(item, other_fonts=item.item_no in redrawn)}
    by_ward = set[str]()
    if kind == ShipmentKind.CATALOGUE:
        by_ward = {each.household_no for each in named(ws, tx, pin) if each.household_no is not None}
    missed = [item.shipment_id for item in items if rules.is_meant(item) and item.handed_over]
    return TakenOut(sorted(by_ward | by_list), missed)
