"""The lake keeps versions whole, private and comparable."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import databases
from todoke.errors import FileRefused, KeyMissing, StaleParent
from todoke.store import schema
from todoke.store.lake import Lake, Rows, rows_digest
from todoke.store.ledger import Ledger, VersionRef

_NAME = "届野えに子"


def _persons(*names: str) -> pa.Table:
    rows = [
        {"household_no": f"{n:04}", "member_no": 1, "member_name": name, "birth_date": date(1980, 1, 1)}
        for n, name in enumerate(names)
    ]
    return pa.Table.from_pylist(rows, schema.PERSON)


def _households(*numbers: str) -> pa.Table:
    return pa.Table.from_pylist([{"household_no": n, "members": 2} for n in numbers], schema.HOUSEHOLD)


def _commit(ledger: Ledger, lake: Lake, dataset: str, rows: Rows, *inputs: str) -> VersionRef:
    staged = lake.stage(dataset, rows, inputs)
    with ledger.write() as tx:
        return ledger.commit_version(tx, staged, ledger.heads(tx).get(dataset))


def _files(stores: databases.Stores) -> list[Path]:
    return sorted(p for p in (stores.home / "lake").rglob("*") if p.is_file())


def test_what_is_staged_is_read_back_once_it_is_committed(ledger: Ledger) -> None:
    lake = Lake(ledger)
    assert lake.head("person") is None
    version = _commit(ledger, lake, "person", _persons(_NAME, "b"), "R1")
    assert (version.number, version.rows) == (1, 2)
    assert lake.read(version) == _persons(_NAME, "b")
    assert lake.read(version, ["household_no"]).column_names == ["household_no"]
    assert lake.head("person") == version


def test_encrypted_datasets_show_neither_values_nor_column_names(stores: databases.Stores, ledger: Ledger) -> None:
    _commit(ledger, Lake(ledger), "person", _persons(*[_NAME] * 50), "R1")
    [file] = _files(stores)
    content = file.read_bytes()
    assert _NAME.encode() not in content
    assert b"member_name" not in content
    with pytest.raises(Exception, match="encrypted"):
        pq.read_table(file)


def test_encrypted_datasets_open_with_the_contracts_key_only(
    stores: databases.Stores, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = _commit(ledger, Lake(ledger), "person", _persons(_NAME), "R1")
    monkeypatch.setenv("TODOKE_TINY_KEY", "f" * 64)
    with pytest.raises(KeyMissing) as caught:
        Lake(Ledger(databases.CONTRACT)).read(version)
    assert _NAME not in str(caught.value)
    monkeypatch.setenv("TODOKE_TINY_KEY", databases.KEY)
    assert Lake(Ledger(databases.CONTRACT)).read(version)["member_name"].to_pylist() == [_NAME]


def test_every_dataset_with_personal_data_is_encrypted() -> None:
    personal = {"member_name", "member_kana", "head_name", "name_kana", "birth_date", "block", "address"}
    for name, columns in schema.DATASETS.items():
        assert name in schema.ENCRYPTED or not personal & set(columns.names), name


def test_equal_rows_make_no_version_and_other_rows_the_next_one(ledger: Ledger) -> None:
    lake = Lake(ledger)
    first = _commit(ledger, lake, "household", _households("1", "2"), "R1")
    assert _commit(ledger, lake, "household", _households("1", "2"), "R2") == first
    second = _commit(ledger, lake, "household", _households("1", "3"), "R3")
    back = _commit(ledger, lake, "household", _households("1", "2"), "R1")
    assert [first.number, second.number, back.number] == [1, 2, 3]
    assert len({first.id, second.id, back.id}) == 3
    with ledger.read() as tx:
        assert ledger.versions(tx, "household") == [first, second, back]
        assert ledger.version(tx, second.id) == second


def test_of_two_publishers_on_one_parent_the_second_must_rebase(ledger: Ledger) -> None:
    lake = Lake(ledger)
    for parent_rows in ([], ["1"]):
        parent = lake.head("household")
        ours = lake.stage("household", _households(*parent_rows, "7"), ["ours"])
        theirs = lake.stage("household", _households(*parent_rows, "8"), ["theirs"])
        with ledger.write() as tx:
            taken = ledger.commit_version(tx, theirs, parent)
        with pytest.raises(StaleParent), ledger.write() as tx:
            ledger.commit_version(tx, ours, parent)
        with ledger.write() as tx:
            assert ledger.commit_version(tx, ours, taken).number == taken.number + 1


def test_of_many_first_publishers_at_once_one_is_first(ledger: Ledger) -> None:
    lake = Lake(ledger)
    start, outcomes = threading.Barrier(4), []

    def publish(number: int) -> None:
        staged = lake.stage("household", _households(str(number)), [str(number)])
        start.wait()
        try:
            with ledger.write() as tx:
                outcomes.append(ledger.commit_version(tx, staged, None).number)
        except StaleParent:
            outcomes.append(0)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0, 0, 0, 1]


def test_the_digest_is_of_the_rows_in_their_order_not_of_how_they_are_cut() -> None:
    table = _households("1", "2", "3")
    cut = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert rows_digest(cut) == rows_digest(table)
    assert rows_digest(_households("2", "1", "3")) != rows_digest(table)


def test_the_digest_tells_missing_from_empty_and_guards_against_run_together_values() -> None:
    columns = pa.schema([("a", pa.string()), ("b", pa.string()), ("at", pa.timestamp("us"))])
    tables = [
        pa.Table.from_pylist([row], columns)
        for row in (
            {"a": None},
            {"a": ""},
            {"a": 'x","y'},
            {"a": "x", "b": "y"},
            {"a": "x\r\ny"},
            {"a": "x\ny"},
            {"at": datetime(2026, 11, 10, 9)},
            {"at": datetime(2026, 11, 10, 9, 0, 0, 1)},
        )
    ]
    assert len({rows_digest(table) for table in tables}) == len(tables)


def _in_batches(table: pa.Table, size: int) -> Iterator[pa.RecordBatch]:
    yield from table.to_batches(max_chunksize=size)


def test_rows_that_come_in_batches_make_the_version_that_the_whole_table_makes(ledger: Ledger) -> None:
    lake, table = Lake(ledger), _persons(*[f"{_NAME}{n}" for n in range(100)])
    whole = lake.stage("person", table, ["R1"])
    for size in (1, 7, 100):
        staged = lake.stage("person", _in_batches(table, size), ["R1"])
        assert (staged.id, staged.rows, staged.rows_digest) == (whole.id, 100, whole.rows_digest)
    assert whole.rows_digest == rows_digest(table)
    version = _commit(ledger, lake, "person", _in_batches(table, 7), "R1")
    assert lake.read(version) == table
    assert pa.Table.from_batches(lake.batches(version, ["member_name"])) == table.select(["member_name"])


def test_many_batches_make_few_row_groups(stores: databases.Stores, ledger: Ledger) -> None:
    batch = _households(*map(str, range(1000))).to_batches()[0]
    version = _commit(ledger, Lake(ledger), "household", (batch for _ in range(150)), "R1")
    [file] = _files(stores)
    assert pq.ParquetFile(file).num_row_groups == 5
    assert version.rows == 150_000


def test_what_fails_while_rows_come_leaves_nothing(stores: databases.Stores, ledger: Ledger) -> None:
    def rows() -> Iterator[pa.RecordBatch]:
        yield from _persons(*[_NAME] * 100_000).to_batches()
        raise FileRefused("bad_rows", "読めない行があります")

    with pytest.raises(FileRefused):
        Lake(ledger).stage("person", rows(), ["R1"])
    assert _files(stores) == []


def test_rows_put_behind_a_version_share_its_files_and_make_the_version_of_all_rows(
    stores: databases.Stores, ledger: Ledger
) -> None:
    lake = Lake(ledger)
    first = _commit(ledger, lake, "person", _persons("a", _NAME), "R1")
    staged = lake.stage("person", _persons("c").to_batches(), ["R2"], after=first)
    with ledger.write() as tx:
        second = ledger.commit_version(tx, staged, first)
    assert second.files[:1] == first.files and len(second.files) == 2 == len(_files(stores))
    assert (second.rows, second.number) == (3, 2)
    both = pa.concat_tables([_persons("a", _NAME), _persons("c")])
    assert lake.read(second) == both
    assert second.rows_digest == rows_digest(both)
    assert not any(_NAME.encode() in file.read_bytes() for file in _files(stores))


def test_no_rows_put_behind_a_version_are_that_version(stores: databases.Stores, ledger: Ledger) -> None:
    lake = Lake(ledger)
    first = _commit(ledger, lake, "household", _households("1"), "R1")
    staged = lake.stage("household", (), ["R2"], after=first)
    with ledger.write() as tx:
        assert ledger.commit_version(tx, staged, first) == first
    assert len(_files(stores)) == 1


def test_files_of_earlier_versions_that_a_later_one_names_are_not_swept(
    stores: databases.Stores, ledger: Ledger
) -> None:
    lake = Lake(ledger)
    version = _commit(ledger, lake, "household", _households("1"), "R1")
    for number in ("2", "3"):
        staged = lake.stage("household", _households(number), [number], after=version)
        with ledger.write() as tx:
            version = ledger.commit_version(tx, staged, version)
    for file in _files(stores):
        os.utime(file, (0, 0))
    assert lake.sweep() == 0
    assert lake.read(version)["household_no"].to_pylist() == ["1", "2", "3"]


def test_columns_added_later_are_null_in_older_versions(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(ledger)
    older = pa.schema([field for field in schema.HOUSEHOLD if field.name not in ("state", "members")])
    monkeypatch.setitem(schema.DATASETS, "household", older)
    version = _commit(ledger, lake, "household", _households("1", "2").select(older.names), "R1")
    monkeypatch.setitem(schema.DATASETS, "household", schema.HOUSEHOLD)
    assert lake.read(version).schema == schema.HOUSEHOLD
    more = lake.stage("household", _households("3"), ["R2"], after=version)
    assert more.rows_digest == rows_digest(pa.concat_tables([lake.read(version), _households("3")]))
    assert lake.read(version, ["state", "household_no"]).to_pydict() == {
        "state": [None, None],
        "household_no": ["1", "2"],
    }


def test_the_sweep_takes_what_no_version_names_and_what_killed_writers_left(
    stores: databases.Stores, ledger: Ledger
) -> None:
    lake = Lake(ledger)
    version = _commit(ledger, lake, "household", _households("1"), "R1")
    lake.stage("household", _households("2"), ["never committed"])
    killed = _files(stores)[0].with_name(".part-0.parquet.0123.part")
    killed.write_bytes(b"half")
    assert lake.sweep() == 0, "it may still be in work"
    for file in _files(stores):
        os.utime(file, (0, 0))
    assert lake.sweep() == 2
    assert [str(f).endswith(version.files[0]) for f in _files(stores)] == [True]
    assert lake.read(version).num_rows == 1
