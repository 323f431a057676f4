"""What a new register forbids at once: parcels to hold or to stop, and incidents (G09).

The rules of each process come to the same in their own time; until then nothing goes where it must not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from todoke.model.changes import Parcel, effect_kind
from todoke.parcels.diff import ActualParcel, ParcelDiff, diff
from todoke.parcels.ledger_parcels import actual_parcels
from todoke.parcels.wanted import Held
from todoke.store.engine import Engine
from todoke.store.sqlfiles import load


def households_at_risk(household: pa.Table) -> list[str]:
    """Household numbers that may have a parcel to look at: confidential, held or deleted (`schema.HOUSEHOLD`)."""
    risk = pc.or_(household["confidential"], pc.not_equal(household["state"], "live"))
    numbers: list[str] = household["household_no"].filter(risk).to_pylist()
    return numbers


def safeguard(
    key: bytes,
    contract: str,
    household: pa.Table,
    held: Held,
    items: pa.Table,
    *,
    pulled: Collection[tuple[str, str]] = (),
) -> ParcelDiff:
    """Parcels not handed over become held ones, by a stop if they are released; handed over ones are incidents.

    Args:
        household: `schema.HOUSEHOLD` of the register in force.
        held: the parcels of `households_at_risk` and of `pulled`, of every kind.
        items: what is in their revisions, `facts.ITEM`.
        pulled: household and kind of the parcels that are to be pulled (G08).
    """
    with Engine() as engine:
        inputs = {"shipment": held.shipments, "revision": held.revisions, "household": household}
        inputs["pulled"] = pa.table(
            {
                "household_no": pa.array([number for number, _ in pulled], pa.string()),
                "kind": pa.array([kind for _, kind in pulled], pa.string()),
            }
        )
        found = engine.run(load("parcels", "endangered"), inputs)
    endangered = {row["shipment_id"]: (row["confidential"], row["rev"]) for row in found.to_pylist()}
    lines: dict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
    for number, rev, code, quantity in zip(*(column.to_pylist() for column in items.columns), strict=True):
        lines[number, rev].append((code, quantity))
    actual = [p for p in actual_parcels(held.shipments, held.revisions) if p.shipment_id in endangered]
    wanted = []
    for parcel in actual:
        confidential, rev = endangered[parcel.shipment_id]
        wanted.append(_on_hold(parcel, rev, tuple(sorted(lines[parcel.shipment_id, rev])), confidential))
    return diff(key, contract, wanted, actual)


def _on_hold(parcel: ActualParcel, rev: int, lines: tuple[tuple[str, int], ...], confidential: bool) -> Parcel:
    """The parcel with the content it has, but held."""
    last = parcel.revisions[rev]
    return Parcel(
        parcel.household_no,
        parcel.kind,
        parcel.cause,
        parcel.cause_ref,
        last.source_ref,
        lines,
        last.points,
        held=True,
        effect_kind=effect_kind(parcel.kind, confidential=confidential),
    )
