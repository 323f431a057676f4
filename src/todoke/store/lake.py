"""The lake: datasets as chains of immutable Parquet versions.

Files lie under `<dataset>/<version_id>/<attempt>/`; the row of the ledger is the commit. Readers ask the ledger
and never list folders; files that no version names are swept after a day.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, BinaryIO, TypeAlias

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from todoke import clock
from todoke.protect.encryption import TableCipher
from todoke.store.files import FileStore, home
from todoke.store.ledger import Ledger, Staged, VersionRef
from todoke.store.schema import DATASETS, ENCRYPTED

#: Rows of a dataset, whole or as they come.
Rows: TypeAlias = pa.Table | Iterable[pa.RecordBatch]

#: Older than this, a file that nothing names is no longer in work.
DAY_SECONDS = 24 * 3600.0
#: Rows that are held before they are written: some five megabytes of a ward's.
_GROUP_ROWS = 1 << 15


class Lake:
    """The datasets of one contract."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._files = FileStore(f"{home('lake')}/{ledger.contract}")
        self._cipher = TableCipher(ledger.keys.table_key)

    def stage(self, dataset: str, rows: Rows, inputs: Sequence[str], after: VersionRef | None = None) -> Staged:
        """Writes rows under a key of their own; they become a version when the ledger names them.

        Batches are written as they come, so that memory does not grow with their number; what they raise ends the
        writing, and nothing is there.

        Args:
            dataset: a name in `schema.DATASETS`; the rows' columns are brought into its schema's order.
            inputs: ids and digests of everything the rows were made from; they name the version.
            after: a version whose rows stay and go before the new ones; its files are not written again.
        """
        version_id = self._ledger.version_id(dataset, *inputs)
        digest, kept = _RowsDigest(DATASETS[dataset]), after.files if after else ()
        for batch in self.batches(after) if after else ():
            digest.add(batch)
        groups = row_groups(rows, DATASETS[dataset])
        first = next(groups, None)
        if first is None and after is not None:
            return Staged(version_id, dataset, after.rows, kept, digest.close(), tuple(inputs))
        key = f"{dataset}/{version_id}/{secrets.token_hex(4)}/part-0.parquet"
        count = self._write(dataset, key, chain([] if first is None else [first], groups), digest)
        rows_in_all = count + (after.rows if after else 0)
        return Staged(version_id, dataset, rows_in_all, (*kept, key), digest.close(), tuple(inputs))

    def _write(self, dataset: str, key: str, groups: Iterable[pa.Table], digest: _RowsDigest) -> int:
        properties = self._cipher.for_writing() if dataset in ENCRYPTED else None
        count = 0

        def counted() -> Iterator[pa.Table]:
            nonlocal count
            for group in groups:
                digest.add(group)
                count += group.num_rows
                yield group

        with self._files.create(key) as stream:
            write_parquet(counted(), DATASETS[dataset], stream, properties)
        return count

    def read(self, version: VersionRef, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a version in their order; columns that were added later are null."""
        return pa.Table.from_batches(self.batches(version, columns), _schema(version.dataset, columns))

    def batches(self, version: VersionRef, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """As `read`, a row group at a time."""
        schema = _schema(version.dataset, columns)
        properties = self._cipher.for_reading() if version.dataset in ENCRYPTED else None
        for key in version.files:
            with self._files.open(key) as stream:
                file = pq.ParquetFile(stream, decryption_properties=properties)
                have = [name for name in schema.names if name in file.schema_arrow.names]
                for number in range(file.num_row_groups):
                    group = file.read_row_group(number, columns=have, use_threads=False)
                    for name in schema.names:
                        if name not in have:
                            group = group.append_column(name, pa.nulls(group.num_rows, schema.field(name).type))
                    yield from group.select(schema.names).cast(schema).to_batches()

    def contents(self, version: VersionRef) -> list[bytes]:
        """The files of a version as they lie there."""
        return [self._files.read(key) for key in version.files]

    def head(self, dataset: str) -> VersionRef | None:
        """The newest version of a dataset."""
        with self._ledger.read() as tx:
            return self._ledger.heads(tx).get(dataset)

    def sweep(self, *, older_than_seconds: float = DAY_SECONDS) -> int:
        """Removes files that no version names and that are old enough not to be in work; returns how many."""
        with self._ledger.read() as tx:
            named = {key for name in DATASETS for v in self._ledger.versions(tx, name) for key in v.files}
        removed, oldest = 0, clock.file_seconds() - older_than_seconds
        for key in self._files.listing():
            if key not in named and self._files.is_older(key, oldest):
                self._files.delete(key)
                removed += 1
        return removed + self._files.sweep_partial(older_than_seconds)


def _schema(dataset: str, columns: Sequence[str] | None) -> pa.Schema:
    schema = DATASETS[dataset]
    return schema if columns is None else pa.schema([schema.field(name) for name in columns])


def row_groups(rows: Rows, schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows in pieces of about `_GROUP_ROWS`, in the schema's form; small batches are put together."""
    if isinstance(rows, pa.Table):
        rows = rows.to_batches(max_chunksize=_GROUP_ROWS)
    waiting: list[pa.RecordBatch] = []
    for batch in chain(rows, [None]):
        if batch is not None and batch.num_rows:
            waiting.append(batch.select(schema.names).cast(schema))
        if waiting and (batch is None or sum(part.num_rows for part in waiting) >= _GROUP_ROWS):
            yield pa.Table.from_batches(waiting, schema)
            waiting = []


def write_parquet(groups: Iterable[pa.Table], schema: pa.Schema, stream: BinaryIO, properties: Any = None) -> None:
    """The one way in which rows become Parquet: equal groups become equal bytes, but for encryption."""
    with pq.ParquetWriter(stream, schema, compression="zstd", encryption_properties=properties) as writer:
        for group in groups:
            writer.write_table(group)


class _Hashing(io.RawIOBase):
    """A sink that keeps nothing but the digest."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        self.digest.update(view)
        return view.nbytes


class _RowsDigest:
    """`rows_digest` of rows that come in pieces."""

    def __init__(self, schema: pa.Schema) -> None:
        self._sink = _Hashing()
        options = pa.csv.WriteOptions(include_header=True, quoting_style="needed")
        self._writer = pa.csv.CSVWriter(pa.PythonFile(self._sink, mode="w"), schema, write_options=options)

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        self._writer.write(rows)

    def close(self) -> str:
        self._writer.close()
        return self._sink.digest.hexdigest()


def rows_digest(table: pa.Table) -> str:
    """SHA-256 of the rows in their order; the same for equal rows, however they are cut into chunks and files."""
    digest = _RowsDigest(table.schema)
    digest.add(table)
    return digest.close()
