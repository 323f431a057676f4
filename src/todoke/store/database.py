"""Opening a contract's ledger: a SQLite file by default, a PostgreSQL schema of its own in production.

SQLite is used as measured: WAL, `BEGIN IMMEDIATE` for every writer, a busy time-out of 30 s.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.schema import CreateSchema

from todoke.store.files import home

_MIGRATIONS = Path(__file__).parent / "migrations"
_WRITING = "todoke_writing"
_WAL_ATTEMPTS, _WAL_PAUSE_SECONDS = 600, 0.05


def ledger_url(contract: str) -> str:
    """The SQLAlchemy URL of a contract's ledger (`TODOKE_LEDGER`, else `ledger/<contract>.db`)."""
    given = os.environ.get("TODOKE_LEDGER")
    if given:
        return given
    folder = Path(home("ledger"))
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{(folder / f'{contract}.db').absolute()}"


@lru_cache(maxsize=32)
def _engine(url: str, contract: str, _process: int) -> Engine:
    engine = _connect(url, contract)
    _migrate(engine)
    return engine


def _connect(url: str, contract: str) -> Engine:
    # hidden parameters: the text of an error reaches logs and mails
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": 30}, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    schema = f"todoke_{contract}"
    options = {"options": f"-csearch_path={schema}"}
    engine = create_engine(url, connect_args=options, pool_pre_ping=True, hide_parameters=True)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": schema})
        if not inspect(connection).has_schema(schema):  # a role without the right to make one has been given it
            connection.execute(CreateSchema(schema))
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    _turn_on_wal(connection)
    for pragma in ("synchronous=FULL", "busy_timeout=30000", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")


def _turn_on_wal(connection: Any) -> None:
    """Of several that open a new ledger at once SQLite lets one change its mode; to the others it says locked, at once
    and whatever the busy time-out."""
    for pause in (*([_WAL_PAUSE_SECONDS] * _WAL_ATTEMPTS), None):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if pause is None:
                raise
            time.sleep(pause)


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def engine_of(contract: str) -> Engine:
    """The engine of a contract's ledger, with its tables at the newest revision."""
    return _engine(ledger_url(contract), contract, os.getpid())  # connections do not survive a fork


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A write transaction: committed when the block ends well, undone otherwise."""
    with engine.connect().execution_options(**{_WRITING: True}) as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read transaction that sees one state of the ledger throughout."""
    connection = engine.connect()
    if engine.dialect.name == "postgresql":
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
    with connection, connection.begin():
        yield connection


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    head = _newest_revision()
    with reading(engine) as connection:
        if _revision(connection) == head:
            return
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('todoke migration'))"))
        script = ScriptDirectory.from_config(config)
        context = MigrationContext.configure(
            connection, opts={"fn": lambda rev, _context: script._upgrade_revs("head", rev)}
        )
        with _operations(context):
            context.run_migrations()


def _revision(connection: Connection) -> str | None:
    """As Alembic keeps it; Alembic itself, asked, writes two lines into the log of every task."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


@contextlib.contextmanager
def _operations(context: MigrationContext) -> Iterator[None]:
    from alembic.operations import Operations

    with Operations.context(context):
        yield


@lru_cache(maxsize=1)
def _newest_revision() -> str | None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return ScriptDirectory.from_config(config).get_current_head()
