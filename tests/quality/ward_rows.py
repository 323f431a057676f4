"""Ward rows for tests: small made-up households of Meguro as `schema.WARD_ROW`."""

from __future__ import annotations

from datetime import date, timedelta
from zlib import crc32

import pyarrow as pa

from todoke.store.schema import WARD_ROW

Row = dict[str, object]


def household(no: str, size: int = 2, **changes: object) -> list[Row]:
    """A sound household's rows; `changes` go into every row."""
    rows = [
        {
            "receipt_no": "R1",
            "household_no": no,
            "head_name": f"世帯{no}　一",
            "head_kana": "せたい　いち",
            "member_name": f"世帯{no}　{'一二三四五六七'[n]}",
            "member_kana": "せたい　" + ("いち", "ふみ", "みつ", "よし", "いつ", "むつ", "なな")[n],
            "postal_code": "153-0063",
            "town": "目黒",
            "block": "1丁目1番1号",
            "building": "",
            "household_size": str(size),
            "member_no": str(n + 1),
            "birth_date": str(date(1940, 1, 1) + timedelta(crc32(no.encode()) % 20_000 + 1 + n)),
            "relationship": "世帯主" if n == 0 else "子",
            "confidential": "0",
        }
        for n in range(size)
    ]
    return [{**row, **changes} for row in rows]


def table(*households: list[Row]) -> pa.Table:
    """All rows in order, numbered from 1 in each receipt."""
    rows = [row for rows in households for row in rows]
    seen: dict[object, int] = {}
    for row in rows:
        seen[row["receipt_no"]] = seen.get(row["receipt_no"], 0) + 1
        row.setdefault("row_no", seen[row["receipt_no"]])
    return pa.Table.from_pylist(rows, WARD_ROW)
