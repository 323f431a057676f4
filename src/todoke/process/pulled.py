"""Whose parcels are to be pulled: the ward's lists, by whatever number they name a household, and the pull list."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from todoke.model.codes import PullReason, PullState, ShipmentKind
from todoke.parcels import pull_outs as rules
from todoke.process.gaiji_fonts import fonts_in_force, unpinned
from todoke.process.ward_files import file_names, highest_revisions
from todoke.process.workspace import Workspace
from todoke.store import pulls
from todoke.store.ledger import Pin

_COLUMNS = ["household_no", "ward_no"]


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
    first = {_number(row["household_no"]): row for receipt in reversed(files) for row in reversed(rows[receipt])}
    known = _first_numbers(ws, tx, list(first))
    return [Named(number, known.get(number), row["receipt_no"], row["row_no"]) for number, row in first.items()]


def _number(text: str | None) -> str:
    """A number as somebody typed it into a list by hand: in any width, with blanks around it."""
    return unicodedata.normalize("NFKC", text or "").strip()


def _first_numbers(ws: Workspace, tx: Connection, numbers: list[str]) -> dict[str, str]:
    """The numbers under which the register knows these households; older versions tell numbers long given up."""
    found: dict[str, str] = {}
    for version in reversed(ws.ledger.versions(tx, "household")):
        open_ones = pa.array([number for number in numbers if number not in found], pa.string())
        if not len(open_ones):
            break
        households = ws.version_table("household", version, _COLUMNS)
        for column in reversed(_COLUMNS):  # the number that we know it by goes before the ward's
            mine = households.filter(pc.is_in(households[column], open_ones))
            found |= zip(mine[column].to_pylist(), mine["household_no"].to_pylist(), strict=True)
    return found


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
    meant = [item for item in items if item.reason not in rules.OVERTAKEN and item.state is not PullState.WITHDRAWN]
    missed = [item.shipment_id for item in meant if item.handed_over]
    return TakenOut(sorted(by_ward | by_list), missed)
