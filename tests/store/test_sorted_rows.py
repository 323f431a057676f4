"""Rows come back in order, whole and as often as they are asked for, however they came and however little memory is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.protect.encryption import TableCipher
from todoke.store.sorted_rows import InOrder, SortedRows

_CIPHER = TableCipher(b"k" * 32)
_SCHEMA = pa.schema([("town", pa.string()), ("revision", pa.int32()), ("place", pa.int64())])
_TOWNS = st.sampled_from([None, "", "一", "三田", "三", "\U00020b9f", "中町", "中", "a", "ab"])


def table(rows: list[tuple[str | None, int, int]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(_SCHEMA.names, row, strict=True)) for row in rows], _SCHEMA)


@given(st.lists(st.tuples(_TOWNS, st.integers(0, 120)), max_size=60), st.integers(1, 9), st.integers(1, 20))
def test_rows_come_in_order_again_and_again(rows: list[tuple[str | None, int]], size: int, run_rows: int) -> None:
    given_rows = [(*row, place) for place, row in enumerate(rows)]
    with SortedRows(("town", "revision", "place"), _CIPHER, run_rows) as held:
        for first in range(0, len(rows), size):
            held.add(table(given_rows[first : first + size]))
        read = [[tuple(row.values()) for batch in held for row in batch.to_pylist()] for _ in range(2)]
    assert read == [sorted(given_rows, key=lambda row: ((row[0] or "").encode(), *row[1:]))] * 2


@given(st.lists(st.integers(0, 40), max_size=60), st.lists(st.integers(0, 40), max_size=5), st.integers(1, 9))
def test_rows_in_order_are_taken_up_to_a_value_and_none_is_lost(values: list[int], ends: list[int], size: int) -> None:
    rows = [(f"{value:02d}", 0, place) for place, value in enumerate(sorted(values))]
    parts = (table(rows[first : first + size]) for first in range(0, len(rows), size))
    in_order, taken = InOrder(parts, "town", _SCHEMA), []
    for end in [*(f"{value:02d}" for value in sorted(ends)), None]:
        part = in_order.until(end)["town"].to_pylist()
        assert end is None or all(town <= end for town in part)
        taken += part
        assert end is None or taken == [town for town, _, _ in rows if town <= end]
    assert taken == [town for town, _, _ in rows]


def test_what_is_too_much_for_memory_lies_sealed_and_is_gone_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = (tmp_path / "run").open("w+b")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: kept)
    with SortedRows(("town",), _CIPHER, run_rows=10) as held:
        held.add(table([("秘密町", 0, place) for place in range(10)]))
        kept.flush()
        lies = (tmp_path / "run").read_bytes()
        assert len(lies) > 500
        assert "秘密町".encode() not in lies and b"revision" not in lies
        assert sum(batch.num_rows for batch in held) == 10
    assert kept.closed
