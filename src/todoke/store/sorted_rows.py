"""Rows in the order of some of their columns, in memory that does not grow with their number."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import BinaryIO, Self, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from todoke.protect.encryption import TableCipher
from todoke.store.lake import write_parquet

#: Rows that are sorted at once, and rows of each such run that are in memory while the runs are read together.
_RUN_ROWS, _READ_ROWS = 1 << 15, 1 << 11
_KEY = "_key"


class SortedRows:
    """Rows that are added in any order, all with the same columns, and read in order, as often as needed.

    Text sorts by code point, numbers (not negative) by value, null before everything. Where there are more than some
    ten thousand rows, sorted runs lie in unnamed temporary files, encrypted under the contract's key.
    """

    def __init__(self, by: Sequence[str], cipher: TableCipher, beside: int = 1, run_rows: int = _RUN_ROWS) -> None:
        self._by, self._cipher, self._run_rows = by, cipher, run_rows // beside
        self._waiting: list[pa.Table] = []
        self._runs: list[BinaryIO] = []
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._opened.close()

    def add(self, rows: pa.Table) -> None:
        """Adds rows; not while they are read."""
        if rows.num_rows:
            self._waiting.append(rows.append_column(_KEY, _keys(rows, self._by)))
        if sum(part.num_rows for part in self._waiting) >= self._run_rows:
            self._spill()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        runs: list[Iterator[pa.Table]] = [self._read(run) for run in self._runs]
        if self._waiting:
            runs.append(iter([self._sorted()]))
        for rows in _merged(runs):
            yield from rows.drop_columns([_KEY]).combine_chunks().to_batches(max_chunksize=_RUN_ROWS)

    def _sorted(self) -> pa.Table:
        return pa.concat_tables(self._waiting).sort_by(_KEY)

    def _spill(self) -> None:
        run = cast(BinaryIO, self._opened.enter_context(tempfile.TemporaryFile()))  # noqa: SIM115
        rows = self._sorted()
        groups = (rows.slice(first, _READ_ROWS) for first in range(0, rows.num_rows, _READ_ROWS))
        write_parquet(groups, rows.schema, run, self._cipher.for_writing())
        self._runs.append(run)
        self._waiting = []
        del rows, groups
        give_back()

    def _read(self, run: BinaryIO) -> Iterator[pa.Table]:
        run.seek(0)
        file = pq.ParquetFile(run, decryption_properties=self._cipher.for_reading())
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, use_threads=False)


def give_back() -> None:
    """Returns free memory to the system: the allocators keep it, each for itself, beside what is in work."""
    for pool in (pa.default_memory_pool(), pa.system_memory_pool()):
        pool.release_unused()


class InOrder:
    """Rows that come in the order of a text column, taken from the front up to a value of it."""

    def __init__(self, parts: Iterable[pa.Table], by: str, schema: pa.Schema) -> None:
        self._parts, self._by = iter(parts), by
        self._left = schema.empty_table()

    def until(self, last: str | None) -> pa.Table:
        """The next rows that are not beyond `last`; all that are left for None."""
        taken = []
        while last is None or not self._left.num_rows or self._left[self._by][-1].as_py() <= last:
            taken.append(self._left)
            if (part := next(self._parts, None)) is None:
                self._left = self._left.slice(0, 0)
                return pa.concat_tables(taken)
            self._left = part
        count = _count_until(self._left[self._by], last)
        taken.append(self._left.slice(0, count))
        self._left = self._left.slice(count)
        return pa.concat_tables(taken)


def _keys(rows: pa.Table, by: Sequence[str]) -> pa.ChunkedArray:
    """One text for each row that sorts as the columns do one after the other."""
    columns = [
        rows[name] if pa.types.is_string(rows.schema.field(name).type) else pc.utf8_lpad(rows[name].cast("string"), 20)
        for name in by
    ]
    return pc.binary_join_element_wise(*columns, "\0", null_handling="replace", null_replacement="")


def _merged(runs: Iterable[Iterator[pa.Table]]) -> Iterator[pa.Table]:
    """Rows of sorted runs, in order: at each step all that are not beyond the first end of a part in work."""
    heads = [(part, run) for run in runs if (part := next(run, None)) is not None]
    while heads:
        fence = min(part[_KEY][-1].as_py() for part, _ in heads)
        taken, left = [], []
        for part, run in heads:
            count = _count_until(part[_KEY], fence)
            taken.append(part.slice(0, count))
            rest = part.slice(count) if count < part.num_rows else next(run, None)
            if rest is not None:
                left.append((rest, run))
        yield pa.concat_tables(taken).sort_by(_KEY)
        heads = left


def _count_until(column: pa.ChunkedArray, last: str) -> int:
    """How many values of a sorted column are not beyond `last`."""
    return int(pc.sum(pc.less_equal(column, last)).as_py() or 0)
