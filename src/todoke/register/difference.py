"""What lies between two versions of the register, in counts: never a value of a row (G01)."""

from __future__ import annotations

import pyarrow as pa

from todoke.store import sqlfiles
from todoke.store.engine import Engine


def difference(
    household_before: pa.Table, person_before: pa.Table, household_after: pa.Table, person_after: pa.Table
) -> dict[str, int]:
    """Households by kind of change; one that changed in two ways counts in both.

    Args:
        household_before, household_after: `schema.HOUSEHOLD`.
        person_before, person_after: `schema.PERSON`.

    Returns:
        added, removed (rows that are there or not), members (who is in it), address, name, confidential, instructed,
        state_<before>_<after>, number (the ward's own for it); those that did not occur are left out.
    """
    inputs = {
        "household_before": household_before,
        "person_before": person_before,
        "household_after": household_after,
        "person_after": person_after,
    }
    with Engine() as engine:
        for name, table in inputs.items():
            engine.register(name, table)
        engine.create("member_changed", sqlfiles.load("register", "difference_member"))
        rows = engine.fetch(sqlfiles.load("register", "difference"))
    return {row["kind"]: row["households"] for row in rows.to_pylist()}
