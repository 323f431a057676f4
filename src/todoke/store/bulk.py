"""Putting many rows into a table at the speed of the database: COPY on PostgreSQL, one prepared statement on SQLite.

Measured with 163,000 new parcels (815,000 rows): a third of the time of SQLAlchemy's own `executemany`, whose work per
row is larger than the database's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from psycopg import IntegrityError as PostgresIntegrityError
from psycopg import sql
from sqlalchemy import Column, ColumnElement, Connection, MetaData, Table, update
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from todoke.errors import TodokeError
from todoke.store.ledger import analyze

Row = tuple[Any, ...]


def insert_rows(
    tx: Connection, table: Table, names: Sequence[str], rows: Iterable[Row], *, skip_known: bool = False
) -> None:
    """Inserts rows inside the transaction `tx`.

    Args:
        names: the columns, in the order of the rows' values; every other column keeps NULL.
        rows: read once, never held as a whole here.
        skip_known: leave out rows whose key is there already.

    Raises:
        TodokeError: a row breaks a constraint; the database's words, which quote the row, are not repeated.
    """
    put = _copy if tx.dialect.name == "postgresql" else _execute_many
    try:
        put(tx, table, names, rows, skip_known)
    except (PostgresIntegrityError, tx.dialect.loaded_dbapi.IntegrityError):
        raise TodokeError(
            "台帳の一意性の決まりに反する行があります（二重の権利・出荷など）",
            where=table.name,
            next_step="todoke ledger verify の結果を添えて、担当の技術者に連絡してください",
        ) from None


def set_each(
    tx: Connection, key: Column[Any], column: Column[Any], values: Iterable[Row], where: ColumnElement[bool]
) -> int:
    """Gives `column` of many rows a value each, as one statement; returns how many rows changed.

    Args:
        key, column: of one table; `values` are pairs of theirs, a key once.
        where: what must hold of a row as well.
    """
    given = Table(
        f"given_{key.table.name}",
        MetaData(),
        Column("key", key.type, primary_key=True),
        Column("value", column.type),
        prefixes=["TEMPORARY"],
    )
    given.create(tx)
    insert_rows(tx, given, ("key", "value"), values)
    analyze(tx, given.name)
    changed = tx.execute(update(key.table).where(given.c.key == key, where).values({column: given.c.value})).rowcount
    given.drop(tx)
    return changed


def _copy(tx: Connection, table: Table, names: Sequence[str], rows: Iterable[Row], skip_known: bool) -> None:
    driver: Any = tx.connection.driver_connection
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    target = sql.Identifier(table.name)
    stage = sql.Identifier(f"new_{table.name}")
    with driver.cursor() as cursor:
        if skip_known:  # COPY knows no conflicts
            cursor.execute(sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {}) ON COMMIT DROP").format(stage, target))
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(stage if skip_known else target, columns)
        with cursor.copy(into) as copy:
            for row in _bound(tx, table, names, rows):
                copy.write_row(row)
        if skip_known:
            cursor.execute(
                sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM {2} ON CONFLICT DO NOTHING").format(
                    target, columns, stage
                )
            )
            cursor.execute(sql.SQL("DROP TABLE {}").format(stage))


def _execute_many(tx: Connection, table: Table, names: Sequence[str], rows: Iterable[Row], skip_known: bool) -> None:
    driver: Any = tx.connection.driver_connection
    statement = insert_sqlite(table).on_conflict_do_nothing() if skip_known else insert_sqlite(table)
    compiled = statement.compile(dialect=tx.dialect, column_keys=list(names))
    order = [names.index(name) for name in compiled.positiontup or ()]
    if order != list(range(len(names))):
        rows = (tuple(row[i] for i in order) for row in rows)
        names = [names[i] for i in order]
    driver.executemany(str(compiled), _bound(tx, table, names, rows))


def _bound(tx: Connection, table: Table, names: Sequence[str], rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with their values as the driver takes them (a date is text on SQLite)."""
    binders: list[tuple[int, Any]] = []
    for place, name in enumerate(names):
        binder: Any = table.c[name].type.dialect_impl(tx.dialect).bind_processor(tx.dialect)
        if binder is not None:
            binders.append((place, binder))
    if not binders:
        yield from rows
        return
    for row in rows:
        values = list(row)
        for place, binder in binders:
            values[place] = binder(values[place])
        yield tuple(values)
