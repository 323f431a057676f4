"""Files that come in any order, again, or while others are taken: what counts is what the sender meant last."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from corrections_sent import DAYS, A, B, C, block, blocks, landed, receipts, sends, sends_abba, states, takes
from label_samples import eudc_font
from programme import CONTRACT, POSTCARD_HEADER, Programme, one
from small_ward import (
    CARRIER_HEADER,
    COUPLE,
    HOMES,
    LATE,
    QUIET,
    SINGLE,
    drop,
    home_of,
    households,
    sealed,
    table,
    without,
)

from todoke.errors import FileRefused
from todoke.process import approval, deliveries, orders, receiving
from todoke.process.arrivals import replaced_receipts
from todoke.store.files import FileStore


@pytest.mark.parametrize("form", [lambda content: content, sealed], ids=["the same bytes", "encrypted anew"])
def test_correction_a_then_b_then_a_waits_and_counts_after_a_yes(fresh: Programme, form):
    sends_abba(fresh, form)
    assert states(fresh) == ["accepted", "accepted", "waiting"]
    assert blocks(fresh) == ["1-1-1", "2-2-2"]
    assert list(fresh.inbox("lgwan").iterdir()) == []
    waiting = one(fresh.rows("receipt", state="waiting"))
    assert (fresh.home / "vault" / CONTRACT / f"{waiting['receipt_no']}.age").exists()
    assert takes(fresh, DAYS[3])["accepted_files"] == 0  # nobody has answered

    assert fresh.answer() == [f"gift:receipt:{waiting['receipt_no']}"]
    assert takes(fresh, DAYS[4])["accepted_files"] == 1
    assert blocks(fresh) == ["1-1-1", "2-2-2", "1-1-1"]
    assert len({receipt for receipt, _ in landed(fresh)}) == 3
    taken = one(fresh.rows("receipt", receipt_no=waiting["receipt_no"]))
    assert (taken["state"], taken["rows"], taken["received_at"]) == ("accepted", 2, waiting["received_at"])
    assert takes(fresh, DAYS[5])["accepted_files"] == 0

    sends(fresh, "corrections_20260729_1.csv", form(A))  # now it is the last one
    assert takes(fresh, DAYS[6])["repeats"] == 1
    sends(fresh, "corrections_20260730_1.csv", form(B))
    assert takes(fresh, DAYS[7])["waiting"] == 1


def test_after_a_no_the_older_content_is_refused_and_its_original_stays_sealed(fresh: Programme):
    sends_abba(fresh, sealed)
    fresh.answer("rejected")
    assert takes(fresh, DAYS[3])["rejected"] == 1
    assert [(state, reason) for _, state, reason in receipts(fresh, "corrections")][-1] == ("refused", "rejected")
    assert blocks(fresh) == ["1-1-1", "2-2-2"]
    assert len(list((fresh.home / "vault").rglob("*.age"))) == 3
    assert "rejected" not in takes(fresh, DAYS[4])


def test_what_was_refused_by_a_person_is_asked_anew_when_it_is_sent_anew(fresh: Programme):
    sends_abba(fresh, lambda content: content)
    fresh.answer("rejected")
    takes(fresh, DAYS[3])
    sends(fresh, "corrections_20260725_1.csv", A)
    assert takes(fresh, DAYS[4])["waiting"] == 1
    assert len(fresh.answer()) == 1
    assert takes(fresh, DAYS[5])["accepted_files"] == 1
    assert blocks(fresh) == ["1-1-1", "2-2-2", "1-1-1"]


def test_a_yes_does_not_hold_when_another_file_was_taken_since(fresh: Programme):
    sends_abba(fresh, sealed)
    asked = one(approval.pending(CONTRACT))
    sends(fresh, "corrections_20260724_1.csv", sealed(C))
    takes(fresh, DAYS[3])
    approval.record(CONTRACT, asked["subject"], asked["digest"], "approved", "admin")
    assert takes(fresh, DAYS[4])["accepted_files"] == 0
    assert blocks(fresh) == ["1-1-1", "2-2-2", "3-3-3"]
    assert len(fresh.answer()) == 1  # the new question
    assert takes(fresh, DAYS[5])["accepted_files"] == 1


def test_one_that_waits_already_is_not_asked_about_twice(fresh: Programme):
    sends_abba(fresh, sealed)
    sends(fresh, "corrections_20260724_1.csv", sealed(A))
    assert takes(fresh, DAYS[3])["repeats"] == 1
    assert len(approval.pending(CONTRACT)) == 1


def test_what_a_person_is_asked_names_receipts_and_nobody(fresh: Programme):
    sends_abba(fresh, sealed)
    asked = one(approval.pending(CONTRACT))
    told = asked["title"] + asked["body"]
    counts = one([row for row in fresh.rows("receipt", state="accepted") if row["file_date"] == DAYS[1]])
    assert counts["receipt_no"] in told and "異動・訂正データ" in told and "2026年7月22日" in told
    assert not any(word in told for word in (home_of(COUPLE).surname[0], home_of(COUPLE).town, "1-1-1"))


def test_a_kill_between_the_receipt_and_the_question_leaves_the_question_to_the_next_run(fresh: Programme):
    def killed(_ws: object, source: str) -> None:
        if source == "lgwan":
            raise KeyboardInterrupt

    for day, content in zip(DAYS, (A, B, A), strict=False):
        sends(fresh, f"corrections_{day:%Y%m%d}_1.csv", sealed(content))
        with patch.object(receiving.waiting, "ask", killed), pytest.raises(KeyboardInterrupt):
            takes(fresh, day)
    assert states(fresh)[-1] == "waiting"
    assert approval.pending(CONTRACT) == []
    takes(fresh, DAYS[4])
    assert len(approval.pending(CONTRACT)) == 1


@pytest.mark.parametrize("step", ["the receipt", "the file"])
def test_a_kill_while_an_approved_file_is_taken_leaves_it_to_the_next_run(fresh: Programme, step: str):
    sends_abba(fresh, sealed)
    fresh.answer()
    target = "put_receipt" if step == "the receipt" else "_unseal"
    with patch.object(receiving, target, side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        takes(fresh, DAYS[3])
    assert states(fresh)[-1] == "waiting" and blocks(fresh) == ["1-1-1", "2-2-2"]
    assert takes(fresh, DAYS[4])["accepted_files"] == 1
    assert blocks(fresh) == ["1-1-1", "2-2-2", "1-1-1"]


def test_an_older_gaiji_font_counts_again_after_a_yes(july: Programme):
    from todoke.process.gaiji_fonts import fonts_in_force
    from todoke.process.workspace import Workspace

    first, second = eudc_font(512), eudc_font()
    for day, font in zip(DAYS[1:], (first, second, first), strict=False):
        drop(july.inbox("cloud"), "EUDC.TTE", font)
        takes(july, day)
    assert states(july, "gaiji_font")[-1] == "waiting"
    ws = Workspace.open(CONTRACT, DAYS[4])
    used = {}
    for answered in (False, True):
        if answered:
            july.answer()
            takes(july, DAYS[4])
        with ws.ledger.read() as tx:
            used[answered] = one(july.rows("receipt", receipt_no=fonts_in_force(ws, tx).gaiji[0]))["sha256"]
    assert used == {answered: hashlib.sha256(font).hexdigest() for answered, font in ((False, second), (True, first))}


# -- revisions -------------------------------------------------------------------------------------------------


def test_a_revision_before_its_original_counts_and_the_original_is_superseded(fresh: Programme):
    sends(fresh, "corrections_20260721_1_r1.csv.pgp", sealed(B))
    assert takes(fresh, DAYS[0])["accepted_files"] == 1
    sends(fresh, "corrections_20260721_1.csv.pgp", sealed(A))
    assert takes(fresh, DAYS[1])["superseded"] == 1
    assert [(row["file_revision"], row["state"], row["rows"]) for row in _by_revision(fresh)] == [
        (0, "superseded", 0),
        (1, "accepted", 2),
    ]
    assert blocks(fresh) == ["2-2-2"]
    assert list(fresh.inbox("lgwan").iterdir()) == []
    assert len(list((fresh.home / "vault").rglob("*.age"))) == 2


def _by_revision(programme: Programme) -> list[dict[str, Any]]:
    return sorted(programme.rows("receipt", kind="corrections"), key=lambda row: row["file_revision"])


def test_a_higher_revision_replaces_and_the_newest_can_be_told_from_the_receipts(fresh: Programme):
    for day, (name, homes) in zip(
        DAYS,
        [("households_20260721_1", HOMES), ("households_20260721_1_r1", without(LATE))],
        strict=False,
    ):
        sends(fresh, f"{name}.csv.pgp", sealed(households(homes)))
        assert takes(fresh, day)["accepted_files"] == 1
    newest = max(fresh.rows("receipt", kind="households", state="accepted"), key=lambda row: row["file_revision"])
    assert (newest["file_date"], newest["file_seq"], newest["file_revision"]) == (date(2026, 7, 21), 1, 1)
    assert {row["receipt_no"] for row in fresh.version("ward_row")} == {newest["receipt_no"]}


def test_what_a_higher_revision_replaced_can_be_told_and_nothing_else(fresh: Programme):
    names = ("20260721_1", "20260721_2_r1", "20260722_1", "20260721_1_r1", "20260721_1_r2")
    for n, name in enumerate(names):
        sends(fresh, f"corrections_{name}.csv", block(COUPLE, f"{n}-1"))
        takes(fresh, DAYS[n])
    sends(fresh, "corrections_20260721_1_r1.csv", block(COUPLE, "9-9"))  # superseded: it brought nothing
    takes(fresh, DAYS[5])
    with fresh.ledger.read() as tx:
        replaced = replaced_receipts(tx, CONTRACT)
    told = [row["file_name"] for row in fresh.rows("receipt", state="accepted") if row["receipt_no"] in replaced]
    assert sorted(told) == ["corrections_20260721_1.csv", "corrections_20260721_1_r1.csv"]
    assert len(replaced) == 2


def test_of_two_revisions_that_lie_there_together_the_lower_is_never_landed(fresh: Programme):
    sends(fresh, "corrections_20260721_1.csv.pgp", sealed(A))
    sends(fresh, "corrections_20260721_1_r2.csv.pgp", sealed(B))
    assert takes(fresh, DAYS[0]) | {"rows": 0} == {
        "accepted_files": 1,
        "repeats": 0,
        "waiting": 0,
        "superseded": 1,
        "rows": 0,
        "quarantined": 0,
    }
    assert blocks(fresh) == ["2-2-2"]


def test_a_revision_that_was_refused_does_not_supersede(fresh: Programme):
    sends(fresh, "corrections_20260721_1_r1.csv.pgp", sealed(table(("x",), [("y",)])))
    with pytest.raises(FileRefused):
        takes(fresh, DAYS[0])
    sends(fresh, "corrections_20260721_1.csv.pgp", sealed(A))
    assert takes(fresh, DAYS[1])["accepted_files"] == 1


def test_the_bytes_of_a_superseded_file_count_when_they_come_as_the_highest_revision(fresh: Programme):
    sends(fresh, "corrections_20260721_1_r1.csv", B)
    takes(fresh, DAYS[0])
    sends(fresh, "corrections_20260721_1.csv", A)
    takes(fresh, DAYS[1])
    sends(fresh, "corrections_20260721_1.csv", A)
    assert takes(fresh, DAYS[2])["repeats"] == 1
    sends(fresh, "corrections_20260721_1_r2.csv", A)
    assert takes(fresh, DAYS[3])["accepted_files"] == 1
    assert blocks(fresh) == ["2-2-2", "1-1-1"]


# -- at the same time ------------------------------------------------------------------------------------------


@contextmanager
def meanwhile(happens: Callable[[], None]) -> Iterator[None]:
    """Lets something happen when the first file has been read and is not yet recorded."""
    stage, done = FileStore.create, []

    def slowly(store: FileStore, key: str) -> Any:
        if not done:
            done.append(key)
            happens()
        return stage(store, key)

    with patch.object(FileStore, "create", slowly):
        yield
    assert done


def test_two_files_dropped_while_the_first_is_taken_are_taken_next(fresh: Programme):
    sends(fresh, "corrections_20260721_1.csv", A)

    def others() -> None:
        sends(fresh, "corrections_20260721_2.csv", B)
        sends(fresh, "corrections_20260721_3.csv", C)

    with meanwhile(others):
        assert takes(fresh, DAYS[0])["accepted_files"] == 1
    assert blocks(fresh) == ["1-1-1"]
    assert takes(fresh, DAYS[1])["accepted_files"] == 2
    assert blocks(fresh) == ["1-1-1", "2-2-2", "3-3-3"]
    assert list(fresh.inbox("lgwan").iterdir()) == []


@pytest.mark.parametrize("form", [lambda content: content, sealed], ids=["plain", "encrypted"])
def test_a_file_sent_anew_under_its_name_while_it_is_taken_is_never_lost(fresh: Programme, form):
    name = "corrections_20260721_1.csv"
    sends(fresh, name, form(A))
    with meanwhile(lambda: sends(fresh, name, form(B))):
        assert takes(fresh, DAYS[0])["accepted_files"] == 0
    assert fresh.rows("receipt") == []
    assert takes(fresh, DAYS[1])["accepted_files"] == 1
    assert blocks(fresh) == ["2-2-2"]
    vault = one([{"key": path.name} for path in (fresh.home / "vault").rglob("*.age")])["key"]
    assert vault == f"{one(fresh.rows('receipt'))['receipt_no']}.age"


def test_a_copy_that_keeps_its_time_is_an_arrival_of_its_own(fresh: Programme, tmp_path: Path):
    original = drop(tmp_path / "sender", "corrections_20260721_1.csv", A)
    for name, content in (("corrections_20260721_1.csv", A), ("corrections_20260722_1.csv", B)):
        target = sends(fresh, name, content)
        shutil.copystat(original, target)
        takes(fresh, DAYS[0])
    shutil.copystat(original, sends(fresh, "corrections_20260721_1.csv", A))
    assert takes(fresh, DAYS[1])["waiting"] == 1


# -- again -----------------------------------------------------------------------------------------------------


def test_the_very_same_file_of_the_last_is_a_repeat_each_time(fresh: Programme):
    for day in DAYS[:3]:
        sends(fresh, "corrections_20260721_1.csv", A)
        takes(fresh, day)
    assert states(fresh) == ["accepted"]
    assert len(fresh.rows("receipt_repeat")) == 2


def test_the_same_bytes_as_another_kind_are_another_file(fresh: Programme):
    content = households([home_of(SINGLE), home_of(QUIET)])
    sends(fresh, "households_20260721_1.csv", content)
    sends(fresh, "additions_20260721_1.csv", content)
    assert takes(fresh, DAYS[0])["accepted_files"] == 2
    assert len({row["receipt_no"] for row in fresh.rows("receipt")}) == 2


def test_a_kill_between_receipt_and_clearing_away_records_no_repeat(fresh: Programme):
    sends_abba(fresh, sealed)
    sends(fresh, "corrections_20260728_1.csv", sealed(C))
    with patch.object(receiving, "_clear", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        takes(fresh, DAYS[4])
    takes(fresh, DAYS[5])
    assert fresh.rows("receipt_repeat") == []
    assert list(fresh.inbox("lgwan").iterdir()) == []
    assert json.loads(json.dumps(states(fresh))) == ["accepted", "accepted", "waiting", "accepted"]


@pytest.mark.parametrize("source", ["carrier", "postcards"])
def test_files_of_other_senders_wait_and_are_taken_in_their_own_process(fresh: Programme, source: str):
    land, header = {
        "carrier": (deliveries.land_results, CARRIER_HEADER),
        "postcards": (orders.land_postcards, POSTCARD_HEADER),
    }[source]
    for n, filler in enumerate(("1", "2", "1")):
        empty = ("",) * (len(header) - 1)
        content = table(header, [(filler, *empty), ("", *empty), ("", *empty)])
        promised = 1 if n else 3  # without the empty lines or with them
        drop(fresh.inbox(source), f"{source}_2026111{n}_1.csv", content, rows=promised)
        counts = land(CONTRACT, DAYS[n])
        assert n == 2 or (counts["rows"], counts["blank"]) == (1, 2)
    assert states(fresh, source) == ["accepted", "accepted", "waiting"]
    assert len(fresh.answer()) == 1
    assert land(CONTRACT, DAYS[4])["accepted_files"] == 1
    assert states(fresh, source) == ["accepted"] * 3
    assert fresh.out("receipts") == {}  # nothing of the client's
