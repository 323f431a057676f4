"""Who gets toilets: households that did not apply, and where all the others stand (G15)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from todoke.store.engine import Engine
from todoke.store.sqlfiles import load

#: What the rules read of `facts.SHIPMENT`.
SHIPMENT_COLUMNS = ("household_no", "kind", "state", "released_on", "handed_over_at")
STANDINGS = ("applied", "toilets", "waiting", "not_reached", "excluded")


@dataclass(frozen=True)
class NonApplicantInputs:
    """`household`: the register in force; `quarantined`: household_no; `decision`: `facts.DECISION`; `amendment`;
    `shipment`: `SHIPMENT_COLUMNS` of catalogues, goods and toilets."""

    household: pa.Table
    quarantined: pa.Table
    decision: pa.Table
    amendment: pa.Table
    shipment: pa.Table


def standing(inputs: NonApplicantInputs, *, declined_households: bool) -> pa.Table:
    """Every household of the register and the quarantine with its standing, by household number.

    Args:
        declined_households: whether those that declined goods get toilets.

    Returns:
        household_no, members, confidential, standing (one of `STANDINGS`).
    """
    with Engine() as engine:
        for name in ("household", "quarantined", "decision", "amendment", "shipment"):
            engine.register(name, getattr(inputs, name))
        for name in ("declined", "catalogue_reached"):
            engine.create(name, load("nonapplicants", name))
        return engine.fetch(load("nonapplicants", "standing"), {"declined_households": declined_households})


def totals(standings: pa.Table) -> dict[str, int]:
    """How many households stand where; the sum is the register."""
    counted = Counter(standings["standing"].to_pylist())
    return {name: counted.get(name, 0) for name in STANDINGS}
