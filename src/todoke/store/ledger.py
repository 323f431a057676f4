"""The ledger of one contract: the commit of every dataset version, decision, claim, parcel, batch and mail.

Nothing is computed inside a write transaction. Every writer of facts moves the stream on, so that a plan made
before it is found to be stale.
"""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Select, Table, func, insert, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from todoke import ids
from todoke.errors import StaleParent, StalePlan
from todoke.store import tables as t
from todoke.store.database import engine_of, reading, writing
from todoke.store.keys import KeyRing


@dataclass(frozen=True)
class VersionRef:
    """An immutable version of a dataset; `files` are keys in the lake.

    Attributes:
        inputs: its parents – receipt numbers, ids of versions, and digests of what else the rows were made with.
        seq: the position of the stream at which it became the head.
    """

    id: str
    dataset: str
    number: int
    rows: int
    files: tuple[str, ...]
    rows_digest: str
    inputs: tuple[str, ...] = ()
    seq: int = 0


@dataclass(frozen=True)
class Staged:
    """Files written to the lake that no version names yet."""

    id: str
    dataset: str
    rows: int
    files: tuple[str, ...]
    rows_digest: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pin:
    """One state of the ledger, pinned in one read transaction."""

    contract: str
    seq: int
    settled_through: date | None
    heads: dict[str, VersionRef]

    def frontier(self, on: date) -> date:
        """The day that effects are computed for when a run speaks for `on`."""
        return max(on, self.settled_through or on)


class Ledger:
    """Opens, reads and writes the ledger of `contract`."""

    def __init__(self, contract: str, keys: KeyRing | None = None) -> None:
        self.contract = contract
        self.keys = keys or KeyRing.of(contract)
        self._engine = engine_of(contract)
        self.is_postgresql = self._engine.dialect.name == "postgresql"

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction over one state."""
        with reading(self._engine) as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction; all of it or nothing."""
        with writing(self._engine) as connection:
            yield connection

    # -- the stream ---------------------------------------------------------------------------------------

    def move(self, tx: Connection, pin: Pin | None = None) -> int:
        """Moves the stream on and returns the new position: the first statement of every writer of facts.

        Raises:
            StalePlan: `pin` is given and the ledger has moved since; pin again and compute again.
        """
        here = t.stream.c.contract == self.contract
        if pin is not None:
            here &= t.stream.c.seq == pin.seq
        if pin is None or pin.seq == 0:
            insert_ignoring_conflicts(tx, t.stream, [{"contract": self.contract, "seq": 0}])
        moved = tx.execute(update(t.stream).where(here).values(seq=t.stream.c.seq + 1))
        if moved.rowcount == 0:
            raise StalePlan("計画を立てた後に台帳が更新されました", where=self.contract)
        return int(tx.execute(select(t.stream.c.seq).where(t.stream.c.contract == self.contract)).scalar_one())

    def lock(self, tx: Connection) -> None:
        """Lets no other writer of this contract in until the transaction ends, without moving the stream."""
        if self.is_postgresql:  # on SQLite a write transaction is alone from its beginning
            row = select(t.stream).where(t.stream.c.contract == self.contract).with_for_update()
            if tx.execute(row).one_or_none() is None:
                insert_ignoring_conflicts(tx, t.stream, [{"contract": self.contract, "seq": 0}])
                tx.execute(row)

    def pin(self, tx: Connection) -> Pin:
        """The stream's position, the frontier and the newest version of every dataset."""
        row = tx.execute(
            select(t.stream.c.seq, t.stream.c.settled_through).where(t.stream.c.contract == self.contract)
        ).one_or_none()
        return Pin(self.contract, row.seq if row else 0, row.settled_through if row else None, self.heads(tx))

    # -- dataset versions ---------------------------------------------------------------------------------

    def heads(self, tx: Connection) -> dict[str, VersionRef]:
        """The newest version of every dataset that has one."""
        newest = (
            select(t.dataset_version.c.dataset, func.max(t.dataset_version.c.number).label("number"))
            .where(t.dataset_version.c.contract == self.contract)
            .group_by(t.dataset_version.c.dataset)
            .subquery()
        )
        rows = tx.execute(
            select(t.dataset_version)
            .join(
                newest,
                (t.dataset_version.c.dataset == newest.c.dataset) & (t.dataset_version.c.number == newest.c.number),
            )
            .where(t.dataset_version.c.contract == self.contract)
        )
        return {row.dataset: _version(row) for row in rows}

    def versions(self, tx: Connection, dataset: str) -> list[VersionRef]:
        """Every version of a dataset, oldest first."""
        rows = tx.execute(
            select(t.dataset_version)
            .where(t.dataset_version.c.contract == self.contract, t.dataset_version.c.dataset == dataset)
            .order_by(t.dataset_version.c.number)
        )
        return [_version(row) for row in rows]

    def version(self, tx: Connection, version_id: str) -> VersionRef:
        """The version of that id."""
        return _version(tx.execute(select(t.dataset_version).where(t.dataset_version.c.id == version_id)).one())

    def next_version(self, staged: Staged, head: VersionRef | None) -> VersionRef:
        """The version that staged files become on `head`; `head` itself when the rows are equal."""
        if head is not None and head.rows_digest == staged.rows_digest:
            return head
        number = (head.number if head else 0) + 1
        # the same inputs may come back (A, B, A): a version is named by its place in the chain too
        return VersionRef(
            f"{staged.id}-{number}",
            staged.dataset,
            number,
            staged.rows,
            staged.files,
            staged.rows_digest,
            staged.inputs,
        )

    def commit_version(self, tx: Connection, staged: Staged, parent: VersionRef | None) -> VersionRef:
        """Makes staged files the next version of their dataset; equal rows make no version.

        Raises:
            StaleParent: another version has been put on `parent` meanwhile.
        """
        self.lock(tx)
        head = self.heads(tx).get(staged.dataset)
        version = self.next_version(staged, head)
        if version == head:
            return head
        if (head.id if head else "") != (parent.id if parent else ""):
            raise StaleParent("ほかの処理が先に新しい版を登録しました", where=staged.dataset)
        version = replace(version, seq=self.move(tx))
        manifest = {"files": version.files, "rows": version.rows, "inputs": version.inputs, "seq": version.seq}
        tx.execute(
            insert(t.dataset_version).values(
                id=version.id,
                contract=self.contract,
                dataset=version.dataset,
                number=version.number,
                parent=head.id if head else "",
                manifest=json.dumps(manifest),
                rows_digest=version.rows_digest,
            )
        )
        return version

    def version_id(self, dataset: str, *inputs: str) -> str:
        """The HMAC that names a version made from `inputs` (ids, digests, revisions)."""
        return ids.identifier(self.keys.id_key, "version", self.contract, dataset, *inputs, length=16)


def _version(row: object) -> VersionRef:
    manifest = json.loads(row.manifest)  # type: ignore[attr-defined]
    return VersionRef(
        row.id,  # type: ignore[attr-defined]
        row.dataset,  # type: ignore[attr-defined]
        row.number,  # type: ignore[attr-defined]
        manifest["rows"],
        tuple(manifest["files"]),
        row.rows_digest,  # type: ignore[attr-defined]
        tuple(manifest["inputs"]),
        manifest["seq"],
    )


def insert_ignoring_conflicts(tx: Connection, table: Table, rows: list[dict[str, object]]) -> int:
    """Inserts what is not there yet, whatever key it collides with; returns how many rows are new."""
    if not rows:
        return 0
    put = insert_postgresql if tx.dialect.name == "postgresql" else insert_sqlite
    statement = put(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return tx.execute(statement, rows).rowcount


def fetch(tx: Connection, query: Select[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    """The rows of a query as an Arrow table; the query's columns are in the schema's order."""
    with tx.execute(query) as result:
        cursor: Any = result.cursor  # the driver's own tuples: half the time of SQLAlchemy's rows
        parts = list(_tables(cursor.fetchmany, schema))
    return pa.concat_tables(parts).combine_chunks() if parts else schema.empty_table()


def fetch_parts(tx: Connection, query: Select[tuple[object, ...]], schema: pa.Schema) -> Iterator[pa.Table]:
    """As `fetch`, some thousand rows at a time, so that memory does not grow with their number."""
    if tx.dialect.name == "sqlite":  # whose cursor gives rows as it finds them
        with tx.execute(query) as result:
            cursor: Any = result.cursor
            yield from _tables(cursor.fetchmany, schema)
        tx.exec_driver_sql("PRAGMA shrink_memory")  # its pages are not needed again: up to 64 MB
        return
    with tx.execute(query, execution_options={"stream_results": True}) as result:
        yield from _tables(result.fetchmany, schema)


def _tables(fetchmany: Callable[[int], Sequence[Any]], schema: pa.Schema) -> Iterator[pa.Table]:
    while True:
        with _no_garbage():
            if not (rows := fetchmany(_FETCHED)):
                return
            columns = zip(zip(*rows, strict=True), schema, strict=True)
            part = pa.table([_array(column, field.type) for column, field in columns], schema=schema)
        yield part


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    """Tuples of texts and numbers refer to nothing: looking through them for garbage took a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _array(column: tuple[object, ...], kind: pa.DataType) -> pa.Array:
    """SQLite has no type for booleans, dates and times: they come as numbers and text."""
    first = next((value for value in column if value is not None), None)
    if isinstance(first, str) and not pa.types.is_string(kind):
        return pa.array(column, pa.string()).cast(kind)
    if type(first) is int and pa.types.is_boolean(kind):
        return pa.array(column, pa.int8()).cast(kind)
    return pa.array(column, kind)


def fetch_view(tx: Connection, name: str, contract: str) -> list[dict[str, object]]:
    """The rows of one of `tables.VIEWS`, for people and exports."""
    assert name in t.VIEWS, name
    query: Select[Any] = select(literal_column("*")).select_from(text(name))
    if name != "shipment_line":
        query = query.where(text("contract = :contract")).params(contract=contract)
    return [dict(row) for row in tx.execute(query).mappings()]


#: Rows taken from the driver at once: few enough to stay in the processor's cache.
_FETCHED = 10_000
#: So many new rows make the statistics of before misleading.
MANY = 10_000


def analyze(tx: Connection, *names: str) -> None:
    """Gives PostgreSQL's planner the truth about tables just filled; measured: minutes against seconds."""
    if tx.dialect.name == "postgresql":
        for name in names:
            tx.execute(text(f"ANALYZE {name}"))
