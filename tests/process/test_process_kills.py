"""A run that is killed between locking its parcels and showing its files: the next one shows the same files."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import patch

import pytest
from mailbox_server import mailbox
from programme import Programme, arrived, one
from small_ward import CORRECTION_HEADER, COUPLE, FAMILY, SINGLE, correction, home_of, table
from sqlalchemy import Connection

from todoke.process import reports
from todoke.store.files import FileStore
from todoke.store.ledger import Ledger

LABELS, NEXT = date(2026, 9, 7), date(2026, 9, 8)
FIRST, SECOND = date(2026, 11, 10), date(2026, 11, 11)
REPORT_DUE, AFTER = date(2026, 12, 10), date(2026, 12, 11)


class Killed(BaseException):
    """The process is gone; nothing in the product may catch this."""


@contextlib.contextmanager
def killed_at_file(number: int, below: str) -> Iterator[None]:
    """Ends the block in the middle of writing the `number`-th file of a folder of the outbox."""
    create, seen = FileStore.create, 0

    @contextlib.contextmanager
    def counted(store: FileStore, key: str) -> Iterator[BinaryIO]:
        nonlocal seen
        with create(store, key) as stream:
            yield stream
            seen += key.startswith(f"{below}/")
            if key.startswith(f"{below}/") and seen == number:
                raise Killed

    with patch.object(FileStore, "create", counted), pytest.raises(Killed):
        yield


@contextlib.contextmanager
def killed_before_commit(number: int) -> Iterator[None]:
    """Ends the block before the `number`-th write transaction of the ledger."""
    write, seen = Ledger.write, 0

    @contextlib.contextmanager
    def counted(ledger: Ledger) -> Iterator[Connection]:
        nonlocal seen
        seen += 1
        if seen == number:
            raise Killed
        with write(ledger) as tx:
            yield tx

    with patch.object(Ledger, "write", counted), pytest.raises(Killed):
        yield


def held(programme: Programme) -> dict[str, Any]:
    """Every row of the ledger, and the contents of what is out; an envelope and a version's files differ each time."""
    rows = programme.traces()["ledger"]
    rows["dataset_version"] = [row | {"manifest": ""} for row in rows["dataset_version"]]
    return {"ledger": rows, "out": programme.out()}


@pytest.fixture
def approved(july: Programme) -> Programme:
    """The labels may be printed."""
    july.run("labels", LABELS)
    july.answer()
    return july


@pytest.fixture
def ordered(november: Programme) -> Programme:
    """Goods to send and goods to stop."""
    november.applies("w1", FAMILY, "2026-11-10 12:00", [("3001", 1)])
    november.applies("w2", COUPLE, "2026-11-10 13:00", [("3001", 2)])
    november.run("orders", FIRST)
    november.phones("a1", FAMILY, "2026-11-11 10:00", "cancel")
    november.phones("a2", COUPLE, "2026-11-11 11:00", "replace", [("6001", 1)])
    november.applies("w3", SINGLE, "2026-11-11 13:00", [("3001", 1)])
    return november


def undisturbed(programme: Programme, process: str, on: date, home: Path) -> dict[str, Any]:
    """The same run in a copy, without a kill."""
    with programme.copied(home) as other, other.entered():
        other.run(process, on)
        return held(other)


@pytest.mark.parametrize("number", [1, 4, 6])
def test_labels_that_were_locked_are_printed_by_the_next_run(approved: Programme, number: int, tmp_path: Path):
    expected = undisturbed(approved, "labels", LABELS, tmp_path / "other")
    with killed_at_file(number, "labels"):
        approved.run("labels", LABELS)
    assert "claimed" in {row["state"] for row in approved.rows("batch")}
    assert "released" in {row["state"] for row in approved.rows("shipment", kind="catalogue")}
    approved.run("labels", LABELS)
    assert held(approved) == expected
    assert approved.faults() == []


@pytest.mark.parametrize("number", [1, 2])
def test_instructions_that_were_locked_go_to_the_carrier_with_the_next_run(
    ordered: Programme, number: int, tmp_path: Path
):
    expected = undisturbed(ordered, "orders", SECOND, tmp_path / "other")
    with killed_at_file(number, "shipping"):
        ordered.run("orders", SECOND)
    assert [row["state"] for row in ordered.rows("batch")].count("claimed") == 1
    ordered.run("orders", SECOND)
    assert held(ordered) == expected
    assert ordered.faults() == []


def test_labels_that_were_locked_are_printed_as_they_were_whatever_the_ward_corrects_meanwhile(
    approved: Programme, tmp_path: Path
):
    expected = undisturbed(approved, "labels", LABELS, tmp_path / "other")["out"]
    with killed_at_file(2, "labels"):
        approved.run("labels", LABELS)
    locked = [row["id"] for row in approved.rows("batch", state="claimed")]
    assert len(locked) == 2
    moved = replace(home_of(COUPLE), block="9-9-9")
    approved.ward_sends("corrections", table(CORRECTION_HEADER, correction(moved, "更新", "転居", "2026-08-01")), NEXT)
    for process in ("intake", "register", "labels"):
        approved.run(process, NEXT)
    rendered = {name: content for name, content in approved.out().items() if name.split("/")[1] in locked}
    assert rendered == {name: content for name, content in expected.items() if name.split("/")[1] in locked}
    assert {name.split("/")[0] for name in rendered} == {"labels", "shipping"}


def test_a_killed_proposal_leaves_its_lists_to_the_next_run(november: Programme, tmp_path: Path):
    on = date(2027, 1, 20)
    november.run("orders", date(2027, 1, 18))
    expected = undisturbed(november, "nonapplicants", on, tmp_path / "other")
    with killed_at_file(2, "nonapplicants"):
        november.run("nonapplicants", on)
    november.run("nonapplicants", on)
    assert held(november) == expected


@pytest.mark.parametrize(
    "killed",
    [
        lambda: killed_at_file(1, "reports"),
        lambda: killed_at_file(2, "reports"),
        lambda: killed_before_commit(2),
    ],
    ids=["in the workbook", "in the mail's text", "before it counts as prepared"],
)
def test_a_report_that_was_begun_is_ended_by_a_later_run_with_the_figures_of_its_day(
    november: Programme, killed: Callable[[], contextlib.AbstractContextManager[None]], tmp_path: Path
):
    arrived(november)
    with november.copied(tmp_path / "other") as other, other.entered():
        reports.prepare("gift", REPORT_DUE)
        expected, kept = other.out("reports"), other.rows("deliverable")
    assert len(expected) == 2
    with killed():
        reports.prepare("gift", REPORT_DUE)
    left = one(november.rows("shipment", kind="catalogue", state="handed_over"))
    november.carrier_reports(REPORT_DUE, (left["id"], 1, "配達完了", "2026-11-30 10:00"))
    november.run("deliveries", REPORT_DUE)
    assert reports.prepare("gift", AFTER) == {"due": 0, "prepared": 1, "not_needed": 0}
    assert (november.out("reports"), november.rows("deliverable")) == (expected, kept)
    with mailbox() as box:
        november.run("reports", AFTER)
    assert "配達完了 8、" in one(box.mails).get_body(("plain",)).get_content()


def test_what_killed_writers_left_is_swept_from_every_store_when_it_is_a_day_old(november: Programme):
    names = [november.home / store / "gift" / f"kind/.file.{store}" for store in ("lake", "vault", "outbox")]
    for name in names:
        name.parent.mkdir(parents=True, exist_ok=True)
    old, young = ([name.with_name(f"{name.name}.{age}.part") for name in names] for age in ("old", "young"))
    for partial in [*old, *young]:
        partial.write_bytes(b"half")
    for partial in old:
        os.utime(partial, (time.time() - 25 * 3600,) * 2)
    out = november.out()
    november.run("intake", FIRST)
    assert [path.exists() for path in [*old, *young]] == [False] * 3 + [True] * 3
    assert november.out() == out
