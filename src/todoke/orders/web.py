"""What residents and the call centre entered: the web database's tables as they are, and changes that came too late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from todoke.errors import Passing, TodokeError
from todoke.store.schema import DATASETS

Tables = Mapping[str, pa.Table]

ACTIONS = ("replace", "add", "cancel", "decline")
_CHUNK = 20_000
_TOKYO = ZoneInfo("Asia/Tokyo")
#: What Arrow and Python raise for a value that is none of its column's kind; their texts quote it.
_MISFIT = (ValueError, TypeError, AttributeError, OverflowError)


@dataclass(frozen=True)
class _Source:
    """A table of `interfaces.md`: its name there, the columns its rows are known by, those never empty."""

    table: str
    key: tuple[str, ...]
    required: tuple[str, ...]


_SOURCES = {
    "web_application": _Source("application", ("application_id",), ("application_id", "submitted_at")),
    "web_line": _Source("application_line", ("application_id", "line_no"), ("application_id", "line_no")),
    "amendment": _Source("amendment", ("amendment_id",), ("amendment_id", "requested_at", "action")),
    "amendment_line": _Source("amendment_line", ("amendment_id", "line_no"), ("amendment_id", "line_no")),
    "survey_answer": _Source("survey_answer", ("application_id", "question_code"), ("application_id",)),
}

#: The datasets that orders are decided from.
ORDER_TABLES = ("web_application", "web_line", "amendment", "amendment_line")

#: A change that was not taken: W: or A: id, and when it was made (NULL: the row is gone from the source).
LATE_CHANGE = pa.schema([("application_id", pa.string()), ("changed_at", pa.timestamp("us"))])


def extract(
    source: str | sa.Engine,
    datasets: Collection[str] = ORDER_TABLES,
    *,
    names: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, pa.Table]:
    """Tables of the web database at one moment, sorted by key, in the schemas of their datasets.

    Args:
        source: SQLAlchemy URL, or an engine.
        datasets: which; beside `ORDER_TABLES` there is survey_answer.
        names: of tables that are called otherwise there: `{"application": {"table": "orders", "application_id":
            "order_id"}}`, canonical to real.

    Raises:
        TodokeError: a value is none of its column's kind, a required column is empty or an amendment's action is
            unknown.
        Passing: the database broke off.
    """
    engine = sa.create_engine(source) if isinstance(source, str) else source
    try:
        with _snapshot(engine) as connection:
            tables = {
                dataset: _read(connection, DATASETS[dataset], expected, (names or {}).get(expected.table, {}))
                for dataset, expected in _SOURCES.items()
                if dataset in datasets
            }
    finally:
        if engine is not source:
            engine.dispose()
    if "amendment" in tables:
        _check_actions(tables["amendment"])
    return tables


def _check_actions(amendment: pa.Table) -> None:
    unknown = pc.invert(pc.is_in(amendment["action"], value_set=pa.array(ACTIONS)))
    if count := pc.sum(unknown).as_py():
        raise TodokeError(
            f"電話による変更の区分に不明な値が{count}件あります",
            where="amendment.action",
            next_step=f"ウェブ申込みの管理者に確認してください（使える値: {', '.join(ACTIONS)}）",
        )


def hold_late_changes(previous: Tables | None, current: Tables, deadline: date) -> tuple[dict[str, pa.Table], pa.Table]:
    """`current`, but rows seen before stay as they were where they were changed after the deadline's last day.

    A row keeps the time it was first seen with; one gone from the source is kept. One never seen is taken, but not
    that it was cancelled after the deadline: on the last evening one may be, before anybody has looked.

    Args:
        previous: what this function returned last time.

    Returns:
        The tables of `current`, and the changes not taken (`LATE_CHANGE`) for the operators.
    """
    if previous is None:
        return dict(current), LATE_CHANGE.empty_table()
    closed = datetime.combine(deadline + timedelta(days=1), datetime.min.time())
    held = dict(current)
    listed: dict[str, datetime | None] = {}
    held["web_application"], cancelled_late = _uncancelled(current["web_application"], closed)
    for rows, lines, received, prefix in (
        ("web_application", "web_line", "submitted_at", "W:"),
        ("amendment", "amendment_line", "requested_at", "A:"),
    ):
        before = _Orders(previous[rows], previous[lines])
        held[rows], held[lines], changes = _Orders(held[rows], held[lines]).held(before, received, closed)
        listed |= {prefix + name: at for name, at in changes}
    listed |= {f"W:{name}": at for name, at in cancelled_late.items()}
    late = [{"application_id": name, "changed_at": at} for name, at in sorted(listed.items())]
    return held, pa.Table.from_pylist(late, LATE_CHANGE)


def _uncancelled(rows: pa.Table, closed: datetime) -> tuple[pa.Table, dict[str, datetime]]:
    """Applications as they stood when the deadline was over, and when those cancelled since were, by id."""
    end = pa.scalar(closed, rows.schema.field("cancelled_at").type)
    is_late = pc.fill_null(
        pc.and_(pc.greater_equal(rows["cancelled_at"], end), pc.less(rows["submitted_at"], end)), False
    )
    late = rows.filter(is_late)
    place = rows.column_names.index("cancelled_at")
    standing = rows.set_column(place, "cancelled_at", pc.if_else(is_late, None, rows["cancelled_at"]))
    return standing, dict(zip(late["application_id"].to_pylist(), late["cancelled_at"].to_pylist(), strict=True))


@dataclass(frozen=True)
class _Orders:
    """Rows with their lines, known by the first column of both."""

    rows: pa.Table
    lines: pa.Table

    @property
    def key(self) -> str:
        return str(self.rows.column_names[0])

    @property
    def ids(self) -> pa.Array:
        return self.rows[self.key].combine_chunks()

    def only(self, ids: pa.Array) -> _Orders:
        return _Orders(
            self.rows.filter(pc.is_in(self.rows[self.key], value_set=ids)),
            self.lines.filter(pc.is_in(self.lines[self.key], value_set=ids)),
        )

    def without(self, ids: pa.Array) -> _Orders:
        return _Orders(
            self.rows.filter(pc.invert(pc.is_in(self.rows[self.key], value_set=ids))),
            self.lines.filter(pc.invert(pc.is_in(self.lines[self.key], value_set=ids))),
        )

    def contents(self) -> dict[str, list[object]]:
        """By id what was asked for; when it was last touched does not matter."""
        key = self.key
        found: dict[str, list[object]] = {row[key]: [row] for row in self.rows.drop_columns("updated_at").to_pylist()}
        for line in self.lines.sort_by("line_no").to_pylist():
            found.get(line[key], []).append(line)
        return found

    def held(
        self, before: _Orders, received: str, closed: datetime
    ) -> tuple[pa.Table, pa.Table, list[tuple[str, datetime | None]]]:
        """Rows and lines to take, and (id, changed at) of those that stay as they were before."""
        at = pc.index_in(self.rows[self.key], value_set=before.ids)
        rows = self.rows.set_column(
            self.rows.column_names.index(received),
            received,
            pc.coalesce(before.rows[received].combine_chunks().take(at.combine_chunks()), self.rows[received]),
        )
        taken = _Orders(rows, self.lines)
        is_late = pc.and_(pc.is_valid(at), pc.greater_equal(rows["updated_at"], pa.scalar(closed)))
        late = taken.only(rows.filter(pc.fill_null(is_late, False))[self.key].combine_chunks())
        gone = before.without(self.ids)
        kept = before.only(pa.concat_arrays([late.ids, gone.ids]))
        fresh = taken.without(late.ids)
        old = kept.contents()
        touched = dict(zip(late.ids.to_pylist(), late.rows["updated_at"].to_pylist(), strict=True))
        changes: list[tuple[str, datetime | None]] = [
            (name, touched[name]) for name, content in sorted(late.contents().items()) if content != old[name]
        ]
        changes += [(name, None) for name in sorted(gone.ids.to_pylist())]
        return (
            pa.concat_tables([fresh.rows, kept.rows]).sort_by(self.key),
            pa.concat_tables([fresh.lines, kept.lines]).sort_by([(self.key, "ascending"), ("line_no", "ascending")]),
            changes,
        )


@contextmanager
def _snapshot(engine: sa.Engine) -> Generator[sa.Connection]:
    """A connection that sees one state of all tables, so that no order is read without its lines."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
            return
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        yield connection


def _read(connection: sa.Connection, schema: pa.Schema, expected: _Source, names: Mapping[str, str]) -> pa.Table:
    # untyped: SQLAlchemy quotes the value that it could not convert
    columns: list[sa.Label[Any]] = [sa.column(names.get(field.name, field.name)).label(field.name) for field in schema]
    query = sa.select(*columns).select_from(sa.table(names.get("table", expected.table)))
    misfits: Counter[str] = Counter()
    try:
        result = connection.execution_options(stream_results=True, yield_per=_CHUNK).execute(query)
        batches = [_batch(rows, schema, misfits) for rows in result.partitions()]
    except sa.exc.DBAPIError as error:  # a driver may quote the text that it could not decode
        raise Passing(
            "ウェブ申込みのデータベースを読み切れません",
            where=f"{expected.table} ({type(error.orig).__name__})",
            next_step="ウェブ申込みの管理者に、接続・表と列の名前・文字コードを確認してください",
        ) from None
    table = pa.Table.from_batches(batches, schema)
    for name, count in misfits.items():
        raise _refusal(f"ウェブ申込みのデータに、日時・数・文字として読めない値が{count}件あります", expected, name)
    for name in expected.required:
        if empty := table[name].null_count:
            raise _refusal(f"ウェブ申込みのデータに空の項目が{empty}件あります", expected, name)
    return table.sort_by([(name, "ascending") for name in expected.key])


def _refusal(what: str, expected: _Source, column: str) -> TodokeError:
    return TodokeError(
        what, where=f"{expected.table}.{column}", next_step="ウェブ申込みの管理者に確認し、直してから再実行してください"
    )


def _batch(rows: Iterable[sa.Row[Any]], schema: pa.Schema, misfits: Counter[str]) -> pa.RecordBatch:
    """Rows in Arrow; counts in `misfits`, by column, the values that its type cannot hold."""
    columns: list[pa.Array] = []
    for field, values in zip(schema, zip(*rows, strict=True), strict=True):
        try:
            columns.append(_array(values, field.type))
        except _MISFIT:
            misfits[field.name] += sum(not _fits(value, field.type) for value in values)
            columns.append(pa.nulls(len(values), field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        _array([value], kind)
    except _MISFIT:
        return False
    return True


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(map(_local, values), kind)
    if pa.types.is_integer(kind) and any(isinstance(value, float) for value in values):
        raise ValueError  # Arrow would cut the fraction off
    return pa.array(values, kind)


def _local(value: str | datetime | None) -> datetime | None:
    """Naive Asia/Tokyo, whatever zone a column carries; SQLite keeps times as text."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(_TOKYO).replace(tzinfo=None) if moment is not None and moment.tzinfo else moment
