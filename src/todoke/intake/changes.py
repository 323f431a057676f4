"""What a corrections file may say: 異動区分, 異動事由, 異動日 (`interfaces.md`, corrections)."""

from __future__ import annotations

import pyarrow as pa

from todoke.errors import FileRefused
from todoke.intake.dates import parse_date

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


def check_changes(rows: pa.Table) -> None:
    """Refuse corrections that cannot be carried out; only an error put right needs no date.

    Args:
        rows: `schema.WARD_ROW`.

    Raises:
        FileRefused: `change_invalid`, with the first row numbers.
    """
    wanted = rows.select(["row_no", "change_kind", "change_reason", "changed_on"]).to_pylist()
    bad = [
        row["row_no"]
        for row in wanted
        if row["change_kind"] not in KINDS
        or row["change_reason"] not in REASONS
        or not _dated(row["changed_on"] or "", needed=row["change_reason"] != "誤り")
    ]
    if bad:
        first = "、".join(str(number) for number in bad[:10])
        raise FileRefused(
            "change_invalid",
            f"異動区分・異動事由・異動日のいずれかが正しくない行が{len(bad)}行あります",
            where=f"{first}行目{'ほか' if len(bad) > 10 else ''}",
            next_step="区に、異動区分（更新・削除・追加）、異動事由、異動日を確かめてもらい、再送を依頼してください",
        )


def _dated(text: str, *, needed: bool) -> bool:
    return parse_date(text) is not None if text.strip() else not needed
