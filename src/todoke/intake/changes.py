"""What a corrections file may say: 異動区分, 異動事由 (`interfaces.md`, corrections)."""

from __future__ import annotations

import pyarrow as pa

KINDS = ("更新", "削除", "追加")
#: 異動事由 as written, and the code a household's `state_reason` carries.
REASONS = {
    "誤り": "error",
    "転居": "moved",
    "転出": "left",
    "死亡": "died",
    "分離": "split",
    "合併": "merged",
    "その他": "other",
}


def change_reasons() -> pa.Table:
    """written, code."""
    return pa.table({"written": list(REASONS), "code": list(REASONS.values())})
