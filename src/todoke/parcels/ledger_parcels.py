"""Parcels of the ledger's facts in the form that `diff` compares, and the differences that are new or gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pyarrow as pa

from todoke.model.changes import DifferenceFound
from todoke.model.codes import Cause, ShipmentKind
from todoke.parcels.diff import ActualParcel, ActualRevision


def actual_parcels(shipments: pa.Table, revisions: pa.Table) -> list[ActualParcel]:
    """Args:
    shipments: `facts.SHIPMENT`.
    revisions: `facts.REVISION` of the same parcels.
    """
    by_parcel: dict[str, dict[int, ActualRevision]] = defaultdict(dict)
    content = ("content_digest", "action", "source_ref", "points", "effect_kind")
    for number, rev, *values in _rows(revisions, "shipment_id", "rev", *content):
        by_parcel[number][rev] = ActualRevision(*values)
    columns = (
        "shipment_id",
        "household_no",
        "kind",
        "sequence",
        "cause",
        "cause_ref",
        "state",
        "released_rev",
        "handed_over_at",
        "handed_rev",
        "told_rev",
    )
    kinds, causes = {k.value: k for k in ShipmentKind}, {c.value: c for c in Cause}
    parcels = []
    for number, household, kind, sequence, cause, ref, state, released, handed_at, handed, told in _rows(
        shipments, *columns
    ):
        handed_rev = None if handed_at is None else (handed or told or released)
        parcels.append(
            ActualParcel(
                number,
                household,
                kinds[kind],
                sequence,
                causes[cause],
                ref,
                state,
                by_parcel[number],
                released,
                handed_rev,
            )
        )
    return parcels


def new_and_settled(
    found: Iterable[DifferenceFound], known: pa.Table, shipments: pa.Table
) -> tuple[tuple[DifferenceFound, ...], tuple[DifferenceFound, ...]]:
    """Differences to open, and open ones that are none any more.

    Args:
        known: `facts.DIFFERENCE`.
        shipments: the parcels that were compared; differences of others stay as they are.
    """
    found = list(found)
    compared = set(shipments["shipment_id"].to_pylist())
    wanted = {(d.shipment_id, d.desired_digest): d for d in found}
    open_now = {
        (number, digest): kind
        for number, digest, kind, state in _rows(known, "shipment_id", "desired_digest", "kind", "state")
        if state == "open" and number in compared
    }
    new = tuple(d for place, d in sorted(wanted.items()) if open_now.get(place) != d.kind)
    gone = tuple(
        DifferenceFound(number, digest, kind)
        for (number, digest), kind in sorted(open_now.items())
        if (number, digest) not in wanted
    )
    return new, gone


def _rows(table: pa.Table, *names: str) -> Iterable[tuple]:  # type: ignore[type-arg]  # columns differ in type
    return zip(*(table[name].to_pylist() for name in names), strict=True)
