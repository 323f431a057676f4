"""The calculator: an own connection to an in-memory DuckDB for each use, Arrow in and Arrow out.

It keeps nothing, loads no extension and reaches no file or network. It does not spill either: DuckDB encrypts
spilled rows only with an extension, and names in kana must not lie on a disk in plain.

A process makes its DuckDB once, which takes 15 ms of processor time; a use takes a few µs of it. What a use registers
and creates is temporary: no other connection sees it, and it goes with its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import TracebackType
from typing import Any, Self, TypeAlias

import duckdb
import pyarrow as pa

from todoke.errors import TodokeError

Source: TypeAlias = pa.Table | pa.RecordBatchReader


class Engine:
    """Runs statements over registered Arrow tables; later statements read the results of earlier ones.

    Args:
        memory_limit: DuckDB's limit for all that is in use with this limit; work beyond it fails. A ward's
            reconciliation needs 128 MB, ten wards' 2 GB.
    """

    def __init__(self, memory_limit: str = "2GB") -> None:
        if (name := os.environ.get("TODOKE_ENGINE", "duckdb")) != "duckdb":
            raise TodokeError(
                "この計算エンジンは使えません", where="TODOKE_ENGINE", next_step=f"{name} を duckdb にしてください"
            )
        self._connection = _database(memory_limit).cursor()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(error, duckdb.FatalException | duckdb.InternalException):
            _database.cache_clear()  # it answers nothing any more

    def close(self) -> None:
        """Forgets everything."""
        self._connection.close()

    def register(self, name: str, table: Source) -> None:
        """Makes an Arrow table readable as `name`; a reader can be read by one statement only."""
        self._connection.register(name, table)

    def create(self, name: str, sql: str, params: Mapping[str, object] | None = None) -> None:
        """Keeps the result of a SELECT as table `name`."""
        self._execute("CREATE TEMP TABLE " + _quoted(name) + " AS ", sql, params)

    def append(self, name: str, sql: str, params: Mapping[str, object] | None = None) -> None:
        """Adds the rows of a SELECT to table `name`, column by position."""
        self._execute("INSERT INTO " + _quoted(name) + " ", sql, params)

    def fetch(self, sql: str, params: Mapping[str, object] | None = None) -> pa.Table:
        """The result of a SELECT, columns with the types that the statement gives them."""
        bound = _bound(sql, params)
        with _values_kept_out_of_errors():
            return self._connection.sql(sql, params=bound).to_arrow_table()

    def run(self, sql: str, inputs: Mapping[str, Source], params: Mapping[str, object] | None = None) -> pa.Table:
        """The result of one SELECT over `inputs`."""
        for name, table in inputs.items():
            self.register(name, table)
        return self.fetch(sql, params)

    def _execute(self, prefix: str, sql: str, params: Mapping[str, object] | None) -> None:
        bound = _bound(sql, params)
        with _values_kept_out_of_errors():
            self._connection.execute(prefix + sql, bound)


@lru_cache
def _database(memory_limit: str) -> duckdb.DuckDBPyConnection:
    """The process's DuckDB with a memory limit.

    It works in the thread that calls and has none of its own: a process that Airflow forks can go on using it. On a
    ward a second thread would save a fifth of the time and cost a third more work (measured).
    """
    database = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": memory_limit,
            "threads": 1,
            "async_threads": 0,
            "temp_directory": "",
            "preserve_insertion_order": False,
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database


@contextmanager
def _values_kept_out_of_errors() -> Iterator[None]:
    """DuckDB quotes the value that it could not convert; what a row says must not reach a log."""
    try:
        yield
    except (duckdb.DataError, duckdb.InvalidInputException) as error:
        raise TodokeError("データの値を計算できません", where=type(error).__name__) from None


def _bound(sql: str, params: Mapping[str, object] | None) -> dict[str, Any]:
    """Of `params` those that the statement names: DuckDB refuses both too few and too many."""
    wanted = _parameters(sql)
    given = params or {}
    if missing := sorted(wanted - given.keys()):
        raise TodokeError("SQLの引数が足りません", where=", ".join(missing))
    return {name: given[name] for name in wanted}


@lru_cache(maxsize=256)
def _parameters(sql: str) -> frozenset[str]:
    statements = duckdb.extract_statements(sql)
    if len(statements) != 1:
        raise TodokeError("1つのSQLファイルには1つの文だけを書いてください", where=f"{len(statements)}文")
    return frozenset(statements[0].named_parameters)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
