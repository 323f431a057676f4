"""What may not come in: viruses (T09), 特定個人情報, files that nobody announced; and what an operator sees of it."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from label_samples import eudc_font
from programme import CONTRACT, Programme, installation, one
from small_ward import HEADER, HOMES, PASSPHRASE, drop, households, sealed, table

sys.path.insert(0, str(Path(__file__).parents[1] / "intake"))

from clamd_server import EICAR, SIGNATURE, Clamd, clamd

from todoke.errors import ContractError, FileRefused, KeyMissing, NotAnnounced
from todoke.intake.virus import ScannerDown
from todoke.outbox.workbook import encrypted
from todoke.process import intake, receipts, returned_work

DAY, NEXT = date(2026, 7, 21), date(2026, 7, 22)


@pytest.fixture
def checked(tmp_path: Path) -> Iterator[tuple[Programme, Clamd]]:
    """A programme whose contract asks for a virus check, and the scanner."""
    root = installation(tmp_path / "root", intake={"virus_check": "clamd"})
    programme = Programme(tmp_path / "home", root)
    with clamd() as (daemon, url):
        programme.variables["TODOKE_CLAMD"] = url
        with programme.entered():
            yield programme, daemon


def states(programme: Programme, kind: str = "households") -> list[tuple[str, str | None]]:
    return [(r["state"], r["reason"]) for r in sorted(programme.rows("receipt", kind=kind), key=lambda r: r["seq"])]


def infected() -> bytes:
    """A ward's file in one cell of which the test virus lies."""
    return households() + EICAR + b"," * 15 + b"\r\n"


def test_envelope_and_payload_are_checked_and_both_verdicts_kept(checked):
    programme, daemon = checked
    programme.ward_sends_font()
    programme.ward_sends("households", households(), DAY)
    said = programme.run("intake", DAY)
    assert said["check_viruses"] == {"clean": 2, "infected": 0, "not_checked": 0}
    assert said["receive"]["accepted_files"] == 2
    verdicts = programme.rows("virus_check")
    receipt = one(programme.rows("receipt", kind="households"))
    assert {receipt["sha256"], receipt["content_sha256"]} <= {row["sha256"] for row in verdicts}
    assert {(row["signature"], row["engine"]) for row in verdicts} == {(None, daemon.version)}
    assert len(daemon.scans) == len(verdicts) == 3  # nothing twice


def test_an_infected_payload_is_refused_whole_and_a_good_file_is_taken(checked):
    programme, _ = checked
    programme.ward_sends_font()
    programme.ward_sends("households", infected(), DAY)
    assert intake.check_viruses(CONTRACT, DAY)["clean"] == 2  # the envelope tells nothing
    with pytest.raises(FileRefused, match=SIGNATURE) as refused:
        programme.run("intake", DAY)
    assert refused.value.reason == "infected" and refused.value.next_step
    assert states(programme) == [("refused", "infected")]
    assert programme.rows("dataset_version") == []
    assert len(list((programme.home / "vault").rglob("*.age"))) == 2
    assert list(programme.inbox("lgwan").iterdir()) == []
    assert not any(EICAR in path.read_bytes() for path in programme.home.rglob("*") if path.is_file())
    assert [row["signature"] for row in programme.rows("virus_check") if row["signature"]] == [SIGNATURE]

    programme.ward_sends("households", households(), NEXT)
    assert programme.run("intake", NEXT)["receive"]["accepted_files"] == 1


def test_an_infected_envelope_is_counted_by_its_own_step_and_never_opened(checked):
    programme, daemon = checked
    drop(programme.inbox("lgwan"), "households_20260721_01.csv", infected())
    assert intake.check_viruses(CONTRACT, DAY) == {"clean": 0, "infected": 1, "not_checked": 0}
    with pytest.raises(FileRefused):
        programme.run("intake", DAY)
    assert states(programme) == [("refused", "infected")]
    assert len(daemon.scans) == 1


def test_an_infected_file_is_looked_at_again_under_newer_patterns(checked):
    programme, daemon = checked
    drop(programme.inbox("lgwan"), "households_20260721_01.csv", households())
    intake.check_viruses(CONTRACT, DAY)
    daemon.version = daemon.version.replace("27400", "27401")
    intake.check_viruses(CONTRACT, DAY)
    intake.check_viruses(CONTRACT, DAY)
    assert len(daemon.scans) == 2


def test_without_an_answer_the_file_stays_and_is_taken_later(checked):
    programme, daemon = checked
    sent = programme.ward_sends("households", households(), DAY)
    daemon.silent = True
    for step in (intake.check_viruses, intake.receive):
        with pytest.raises(ScannerDown):
            step(CONTRACT, DAY)
    assert sent.exists() and programme.rows("receipt") == []
    daemon.silent = False
    assert programme.run("intake", NEXT)["receive"]["accepted_files"] == 1


def test_a_file_too_large_for_the_scanner_stays_until_the_scanner_takes_it(checked):
    programme, daemon = checked
    sent = programme.ward_sends("households", households(), DAY)
    daemon.limit = 100
    assert intake.check_viruses(CONTRACT, DAY)["not_checked"] == 1
    with pytest.raises(FileRefused, match="StreamMaxLength"):
        intake.receive(CONTRACT, DAY)
    assert sent.exists() and programme.rows("receipt") == []
    daemon.limit = 10**9
    assert programme.run("intake", NEXT)["receive"]["accepted_files"] == 1


def test_a_contract_that_asks_for_a_check_takes_nothing_without_a_scanner(checked, monkeypatch):
    programme, _ = checked
    programme.ward_sends("households", households(), DAY)
    monkeypatch.delenv("TODOKE_CLAMD")
    with pytest.raises(KeyMissing, match="TODOKE_CLAMD"):
        intake.receive(CONTRACT, DAY)


def test_a_contract_without_a_check_says_that_nothing_was_checked(fresh: Programme):
    fresh.ward_sends("households", households(), DAY)
    assert fresh.run("intake", DAY)["check_viruses"] == {"clean": 0, "infected": 0, "not_checked": 1}
    assert fresh.rows("virus_check") == []


def test_other_sources_are_checked_when_they_are_taken(checked):
    programme, _ = checked
    drop(programme.inbox("postcards"), "postcards_20261110_01.csv", EICAR + b"\r\n")
    from todoke.process import orders

    with pytest.raises(FileRefused, match=SIGNATURE):
        orders.land_postcards(CONTRACT, DAY)
    assert states(programme, "postcards") == [("refused", "infected")]


# -- 特定個人情報 ------------------------------------------------------------------------------------------------


def with_my_numbers(name: str = "個人番号") -> bytes:
    rows = [row for home in HOMES for row in home.rows()]
    if name in HEADER:
        place = HEADER.index(name)
        return table(HEADER, [(*row[:place], "123456789018", *row[place + 1 :]) for row in rows])
    return table((*HEADER, name), [(*row, "123456789018") for row in rows])


@pytest.mark.parametrize("name", ["個人番号", "整理番号", "備考"])
def test_specific_personal_information_is_refused_and_not_even_its_original_is_kept(fresh: Programme, name: str):
    fresh.ward_sends("households", with_my_numbers(name), DAY)
    with pytest.raises(FileRefused) as refused:
        fresh.run("intake", DAY)
    assert refused.value.reason == "my_number" and "123456789018" not in str(refused.value)
    assert states(fresh) == [("refused", "my_number")]
    assert fresh.rows("dataset_version") == []
    assert [path for path in (fresh.home / "vault").rglob("*") if path.is_file()] == []
    assert list(fresh.inbox("lgwan").iterdir()) == []
    fresh.ward_sends("households", households(), NEXT)
    assert fresh.run("intake", NEXT)["receive"]["accepted_files"] == 1


def test_a_workbook_that_holds_it_is_refused_and_not_kept(fresh: Programme):
    book = openpyxl.Workbook()
    book.active.append(("世帯番号", "個人番号"))
    book.active.append(("00001001", "123456789018"))
    stream = io.BytesIO()
    book.save(stream)
    for name, content in (("a.xlsx", stream.getvalue()), ("b.xlsx", encrypted(stream.getvalue(), PASSPHRASE))):
        drop(fresh.inbox("returned_work"), name, content)
        with pytest.raises(FileRefused) as refused:
            returned_work.take_answers(CONTRACT, DAY)
        assert refused.value.reason == "my_number" and "123456789018" not in str(refused.value)
    assert states(fresh, "returned_work") == [("refused", "my_number")] * 2
    assert [path for path in (fresh.home / "vault").rglob("*") if path.is_file()] == []


# -- sidecars --------------------------------------------------------------------------------------------------


def test_a_sidecar_that_never_comes_is_counted_and_told_of_after_a_day(fresh: Programme):
    sent = fresh.ward_sends("households", households(), DAY)
    sidecar = sent.with_name(sent.name + ".done")
    promise = sidecar.read_text()
    sidecar.unlink()
    drop(fresh.inbox("postcards"), "田中花子さんの分.csv", b"x").with_name("田中花子さんの分.csv.done").unlink()
    said = fresh.run("intake", DAY)
    assert said["look"] == {"unannounced": 2, "oldest_hours": 0}
    assert said["receive"]["accepted_files"] == 0 and sent.exists()
    for path in (sent, fresh.inbox("postcards") / "田中花子さんの分.csv"):
        os.utime(path, (time.time() - 23.5 * 3600,) * 2)
    assert fresh.run("intake", DAY)["look"] == {"unannounced": 2, "oldest_hours": 23}
    for path in (sent, fresh.inbox("postcards") / "田中花子さんの分.csv"):
        os.utime(path, (time.time() - 25 * 3600,) * 2)
    with pytest.raises(NotAnnounced) as told:
        intake.look(CONTRACT, NEXT)
    assert sent.name in str(told.value) and "2件" in str(told.value)
    assert "田中" not in str(told.value) and "postcards/" in str(told.value)
    assert intake.receive(CONTRACT, NEXT)["accepted_files"] == 0

    sidecar.write_text(promise)
    assert intake.receive(CONTRACT, NEXT)["accepted_files"] == 1


def test_a_file_that_never_comes_after_its_sidecar_is_told_of_too(fresh: Programme):
    sent = drop(fresh.inbox("cloud"), "EUDC.TTE", eudc_font())
    sent.unlink()
    assert intake.look(CONTRACT, DAY)["unannounced"] == 1


def test_where_no_sidecars_are_used_nothing_is_missed(tmp_path: Path):
    root = installation(tmp_path / "root", intake={"sidecar": "none"})
    with Programme(tmp_path / "home", root).entered() as programme:
        sent = programme.ward_sends_envelope("households", sealed(households()), DAY)
        sent.with_name(sent.name + ".done").unlink()
        assert intake.look(CONTRACT, DAY)["unannounced"] == 0
        assert intake.receive(CONTRACT, DAY)["accepted_files"] == 0  # it may still be growing
        os.utime(sent, (time.time() - 11,) * 2)
        assert intake.receive(CONTRACT, DAY)["accepted_files"] == 1


# -- development and production --------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [intake.look, intake.check_viruses, intake.receive, receipts.issue])
def test_no_step_touches_simulated_data_in_production(fresh: Programme, monkeypatch, step):
    sent = fresh.ward_sends("households", households(), DAY)
    monkeypatch.setenv("TODOKE_ENV", "production")
    with pytest.raises(ContractError, match="TODOKE_ENV"):
        step(CONTRACT, DAY)
    assert sent.exists() and not (fresh.home / "vault").exists()


def test_no_step_touches_real_data_outside_production(tmp_path: Path):
    root = installation(tmp_path / "root")
    path = root / "contracts" / CONTRACT / "contract.yaml"
    path.write_text(path.read_text("utf-8").replace("environment: simulation", "environment: production"), "utf-8")
    with Programme(tmp_path / "home", root).entered() as programme:
        sent = programme.ward_sends("households", households(), DAY)
        with pytest.raises(ContractError, match="本番の契約"):
            intake.receive(CONTRACT, DAY)
        assert sent.exists()
