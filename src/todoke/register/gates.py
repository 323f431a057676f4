"""The count gate: a register that lost more households than the contract allows does not pass (G01)."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from todoke.errors import GateClosed


def drift_gate(before: pa.ChunkedArray, after: pa.ChunkedArray, percent: float) -> int:
    """How many households are gone.

    Args:
        before: household numbers of the version before; for the first version, those of the landed file, so that a
            file that is mostly in quarantine does not pass for a register.
        after: those of the new version.
        percent: the most that may be gone (`register.drift_gate_percent`).

    Raises:
        GateClosed: more are gone.
    """
    known = pc.unique(before).drop_null()
    lost = len(known) - int(pc.sum(pc.is_in(known, pc.unique(after))).as_py() or 0)
    if lost * 100 > len(known) * percent:
        raise GateClosed(
            f"世帯が{lost}件（{lost * 100 / len(known):.1f}%）減っています。許容は{percent:g}%までです",
            where="世帯台帳",
            next_step="受領したファイルに不足がないか区に確かめてください"
            "（正しければ契約の drift_gate_percent を見直してください）",
        )
    return lost
