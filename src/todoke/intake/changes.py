"""The 異動事由 of a corrections file as a table for the rules (`interfaces.md`, corrections)."""

from __future__ import annotations

import pyarrow as pa

from todoke.model.ward_values import REASONS


def change_reasons() -> pa.Table:
    """written, code."""
    return pa.table({"written": list(REASONS), "code": list(REASONS.values())})
