"""Whom to hold while a register waits for a person: nothing goes where it may have to be taken back (G09)."""

from __future__ import annotations

import pyarrow as pa

from todoke.store import sqlfiles
from todoke.store.engine import Engine
from todoke.store.schema import REGISTER_CAUTION


def cautions(in_force: pa.Table, waiting: pa.Table) -> pa.Table:
    """Households to hold until the waiting register is released or refused.

    Args:
        in_force, waiting: `schema.HOUSEHOLD`.

    Returns:
        `schema.REGISTER_CAUTION`, sorted by household.
    """
    with Engine() as engine:
        engine.register("household_before", in_force)
        engine.register("household_after", waiting)
        return engine.fetch(sqlfiles.load("register", "caution")).cast(REGISTER_CAUTION)
