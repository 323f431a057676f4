"""The residents' web site as a database of its own, with the tables of `interfaces.md`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    func,
    select,
    union_all,
    update,
)

_metadata = MetaData()

APPLICATION = Table(
    "application",
    _metadata,
    Column("application_id", String, primary_key=True),
    Column("application_no", String, nullable=False),
    Column("submitted_at", DateTime, nullable=False),
    Column("cancelled_at", DateTime),
    Column("updated_at", DateTime, nullable=False, index=True),
)
APPLICATION_LINE = Table(
    "application_line",
    _metadata,
    Column("application_id", String, primary_key=True),
    Column("line_no", Integer, primary_key=True),
    Column("item_code", String, nullable=False),
    Column("quantity", Integer, nullable=False),
)
AMENDMENT = Table(
    "amendment",
    _metadata,
    Column("amendment_id", String, primary_key=True),
    Column("application_no", String, nullable=False),
    Column("requested_at", DateTime, nullable=False),
    Column("action", String, nullable=False),
    Column("operator", String, nullable=False),
    Column("updated_at", DateTime, nullable=False, index=True),
)
AMENDMENT_LINE = Table(
    "amendment_line",
    _metadata,
    Column("amendment_id", String, primary_key=True),
    Column("line_no", Integer, primary_key=True),
    Column("item_code", String, nullable=False),
    Column("quantity", Integer, nullable=False),
)
SURVEY_ANSWER = Table(
    "survey_answer",
    _metadata,
    Column("application_id", String, primary_key=True),
    Column("question_code", String, primary_key=True),
    Column("answer", String, nullable=False),
    Column("answered_at", DateTime, nullable=False),
)

Rows = list[dict[str, Any]]


def create_tables(engine: Engine) -> None:
    """Make the tables that are missing."""
    _metadata.create_all(engine)


def written_through(connection: Connection) -> date | None:
    """The last day of which the database holds something, or None."""
    latest = union_all(
        select(func.max(APPLICATION.c.updated_at).label("at")),
        select(func.max(AMENDMENT.c.updated_at).label("at")),
    ).subquery()
    found: datetime | None = connection.scalar(select(func.max(latest.c.at)))
    return None if found is None else found.date()


def insert(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows, if there are any."""
    if rows:
        connection.execute(table.insert(), rows)


def cancel(connection: Connection, cancellations: Rows) -> None:
    """Mark applications of earlier days: rows of `id` and `at`."""
    if cancellations:
        statement = (
            update(APPLICATION)
            .where(APPLICATION.c.application_id == bindparam("id"))
            .values(cancelled_at=bindparam("at"), updated_at=bindparam("at"))
        )
        connection.execute(statement, cancellations)
