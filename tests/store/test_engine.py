"""The calculator takes Arrow, gives Arrow, and reaches nothing else."""

from __future__ import annotations

from datetime import date, datetime
from multiprocessing import get_context
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from todoke.errors import TodokeError
from todoke.store import sqlfiles
from todoke.store.engine import Engine

NUMBERS = pa.table({"no": ["001", "002", "003"], "n": pa.array([1, 2, None], pa.int32())})


def test_types_survive_the_way_through() -> None:
    table = pa.table(
        {
            "text": ["0012", None],
            "count": pa.array([1, 2], pa.int32()),
            "part": pa.array([0.5, None], pa.float64()),
            "on": pa.array([date(2026, 6, 1), None], pa.date32()),
            "at": pa.array([datetime.fromisoformat("2026-06-01 09:00:00.000001"), None], pa.timestamp("us")),
            "flag": [True, None],
        }
    )
    with Engine() as engine:
        assert engine.run("SELECT * FROM t", {"t": table}).equals(table)


def test_later_statements_read_the_results_of_earlier_ones() -> None:
    with Engine() as engine:
        engine.register("number", NUMBERS)
        engine.create("big", "SELECT no FROM number WHERE n >= $least", {"least": 2, "unused": 0})
        engine.append("big", "SELECT no FROM number WHERE n IS NULL")
        assert sorted(engine.fetch("SELECT no FROM big")["no"].to_pylist()) == ["002", "003"]


def test_one_use_sees_nothing_of_another_and_leaves_nothing_behind() -> None:
    with Engine() as other:
        other.register("number", NUMBERS)
        other.create("big", "SELECT no FROM number")
        with Engine() as engine:
            for name in ("number", "big"):
                with pytest.raises(duckdb.CatalogException):
                    engine.fetch(f"SELECT * FROM {name}")
            engine.create("big", "SELECT 1 AS n")
        assert other.fetch("SELECT COUNT(*) AS n FROM big")["n"].to_pylist() == [3]
    held = "SELECT COALESCE(SUM(memory_usage_bytes), 0) AS n FROM duckdb_memory()"
    with Engine(memory_limit="64MB") as engine:
        engine.create("rows", "SELECT UNNEST(RANGE(100000)) AS n")
        assert engine.fetch(held)["n"].to_pylist() > [0]
    with Engine(memory_limit="64MB") as engine:
        assert engine.fetch(held)["n"].to_pylist() == [0]


def test_a_forked_process_goes_on_calculating() -> None:
    with Engine() as engine:
        engine.register("number", NUMBERS)
        assert engine.fetch("SELECT COUNT(*) AS n FROM number")["n"].to_pylist() == [3]
        child = get_context("fork").Process(target=_calculate)
        child.start()
        child.join(30)
        assert child.exitcode == 0


def _calculate() -> None:
    with Engine() as engine:
        engine.create("rows", "SELECT UNNEST(RANGE(100000)) AS n")
        assert engine.fetch("SELECT SUM(n) AS n FROM rows")["n"].to_pylist() == [4999950000]


def test_a_database_that_has_failed_for_good_is_not_used_again() -> None:
    def shared() -> str:
        with Engine() as engine:
            return engine.fetch("SELECT MIN(tag) AS tag FROM lasting")["tag"][0].as_py()

    with pytest.raises(duckdb.FatalException), Engine() as engine:
        engine.fetch("CREATE TABLE lasting AS SELECT 'failed' AS tag")  # as no rule does: for all to see
        assert shared() == "failed"
        raise duckdb.FatalException("the database has been invalidated")
    with pytest.raises(duckdb.CatalogException):
        shared()


def test_a_stream_of_batches_is_read_as_it_comes() -> None:
    reader = pa.RecordBatchReader.from_batches(NUMBERS.schema, NUMBERS.to_batches(max_chunksize=1))
    with Engine() as engine:
        assert engine.run("SELECT SUM(n) AS n FROM stream", {"stream": reader})["n"].to_pylist() == [3]


def test_missing_parameters_and_second_statements_are_refused() -> None:
    with Engine() as engine:
        with pytest.raises(TodokeError, match="day"):
            engine.fetch("SELECT $day AS day")
        with pytest.raises(TodokeError, match="2文"):
            engine.fetch("SELECT 1; SELECT 2")


def test_no_file_no_setting_and_no_variable_is_in_reach(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    hidden = NUMBERS  # a Python variable that a replacement scan would find
    assert hidden.num_rows == 3
    with Engine() as engine:
        for sql in (f"SELECT * FROM '{secret}'", f"SELECT * FROM read_csv('{secret}')", "SELECT * FROM hidden"):
            with pytest.raises(duckdb.Error):
                engine.fetch(sql)
        with pytest.raises(TodokeError):
            engine.create("x", "SELECT 1; SET enable_external_access = true")


def test_work_beyond_the_memory_limit_fails_and_leaves_nothing_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = pa.table({"k": pa.array(range(2_000_000), pa.int64())})
    with Engine(memory_limit="32MB") as engine:
        engine.register("rows", rows)
        with pytest.raises(duckdb.OutOfMemoryException):
            engine.create("sorted", "SELECT k, 'padding of a row ' || k AS pad FROM rows ORDER BY pad DESC")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sql", ["SELECT CAST(name AS INTEGER) FROM t", "SELECT strptime(name, '%Y') FROM t"])
def test_an_error_about_a_value_does_not_say_the_value(sql: str) -> None:
    with Engine() as engine, pytest.raises(TodokeError) as caught:
        engine.run(sql, {"t": pa.table({"name": ["ヤマモト"]})})
    assert "ヤマモト" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_sql_files_are_found_by_process_and_sealed_by_a_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sqlfiles.load("orders", "80_decision").startswith("-- ")
    folder = tmp_path / "include" / "sql" / "orders"
    folder.mkdir(parents=True)
    (folder / "a.sql").write_text("SELECT 1")
    monkeypatch.setenv("TODOKE_ROOT", str(tmp_path))
    assert sqlfiles.load("orders", "a") == "SELECT 1"
    before = sqlfiles.digest("orders")
    assert sqlfiles.digest("orders") == before
    (folder / "a.sql").rename(folder / "b.sql")
    assert sqlfiles.digest("orders") != before
    with pytest.raises(TodokeError, match=r"orders/none\.sql"):
        sqlfiles.load("orders", "none")
