"""The lake: datasets as chains of immutable Parquet versions.

Files lie under `<dataset>/<version_id>/<attempt>/`; the row of the ledger is the commit. Readers ask the ledger
and never list folders; files that no version names are swept after a day.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from todoke import clock
from todoke.protect.encryption import TableCipher
from todoke.store.files import FileStore, home
from todoke.store.ledger import Ledger, Staged, VersionRef
from todoke.store.schema import DATASETS, ENCRYPTED

_DAY_SECONDS = 24 * 3600.0


class Lake:
    """The datasets of one contract."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._files = FileStore(f"{home('lake')}/{ledger.contract}")
        self._cipher = TableCipher(ledger.keys.table_key)

    def stage(self, dataset: str, table: pa.Table, inputs: Sequence[str]) -> Staged:
        """Writes a table under a key of its own; it becomes a version when the ledger names it.

        Args:
            dataset: a name in `schema.DATASETS`; the table's columns are brought into its schema's order.
            inputs: ids and digests of everything the rows were made from; they name the version.
        """
        table = table.select(DATASETS[dataset].names).cast(DATASETS[dataset])
        version_id = self._ledger.version_id(dataset, *inputs)
        key = f"{dataset}/{version_id}/{secrets.token_hex(4)}/part-0.parquet"
        properties = self._cipher.for_writing() if dataset in ENCRYPTED else None
        with self._files.create(key) as stream:
            write_parquet(table, stream, properties)
        return Staged(version_id, dataset, table.num_rows, (key,), rows_digest(table), tuple(inputs))

    def read(self, version: VersionRef, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a version in their order; columns that were added later are null."""
        schema = DATASETS[version.dataset]
        if columns is not None:
            schema = pa.schema([schema.field(name) for name in columns])
        properties = self._cipher.for_reading() if version.dataset in ENCRYPTED else None
        parts = []
        for key in version.files:
            with self._files.open(key) as stream:
                file = pq.ParquetFile(stream, decryption_properties=properties)
                have = [name for name in schema.names if name in file.schema_arrow.names]
                part = file.read(columns=have)
            for name in schema.names:
                if name not in have:
                    part = part.append_column(name, pa.nulls(part.num_rows, schema.field(name).type))
            parts.append(part.select(schema.names).cast(schema))
        return pa.concat_tables(parts) if parts else schema.empty_table()

    def contents(self, version: VersionRef) -> list[bytes]:
        """The files of a version as they lie there."""
        return [self._files.read(key) for key in version.files]

    def head(self, dataset: str) -> VersionRef | None:
        """The newest version of a dataset."""
        with self._ledger.read() as tx:
            return self._ledger.heads(tx).get(dataset)

    def sweep(self, *, older_than_seconds: float = _DAY_SECONDS) -> int:
        """Removes files that no version names and that are old enough not to be in work; returns how many."""
        with self._ledger.read() as tx:
            named = {key for name in DATASETS for v in self._ledger.versions(tx, name) for key in v.files}
        removed = 0
        for key in self._files.listing():
            if key not in named and self._files.modified_at(key) < clock.file_seconds() - older_than_seconds:
                self._files.delete(key)
                removed += 1
        return removed + self._files.sweep_partial(older_than_seconds)


def write_parquet(table: pa.Table, stream: BinaryIO, properties: Any = None) -> None:
    """The one way in which tables become Parquet: equal tables become equal bytes, but for encryption."""
    pq.write_table(table.combine_chunks(), stream, compression="zstd", encryption_properties=properties)


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


def rows_digest(table: pa.Table) -> str:
    """SHA-256 of the rows in their order; the same for equal rows, however they are cut into chunks and files."""
    sink = _Hashing()
    options = pa.csv.WriteOptions(include_header=True, quoting_style="needed")
    pa.csv.write_csv(table, pa.PythonFile(sink, mode="w"), options)
    return sink.digest.hexdigest()
