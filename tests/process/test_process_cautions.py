"""While a register waits for a person, nothing goes to whom it holds, deletes or makes confidential (G09)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from programme import CONTRACT, Programme, installation
from register_steps import additions, by_hand, corrections, household, state, stop
from small_ward import (
    COUPLE,
    FAMILY,
    GOOD,
    INSTRUCTION_HEADER,
    SINGLE,
    THREE,
    correction,
    home_of,
    secret,
    table,
)
from story import makes_first_register

from todoke.errors import GateClosed
from todoke.process import approval, approvals, register, register_checks, stops
from todoke.process.register_rebuild import rebuilt

FILES, LABELS, LATER, NEXT = date(2026, 7, 21), date(2026, 9, 7), date(2026, 9, 14), date(2026, 9, 15)
NO_BLOCK = replace(home_of(SINGLE), no="00004002", surname=("無番", "むばん"), block="　")
INSTRUCTION = (COUPLE, "局留", "1500002", "東京都渋谷区渋谷一丁目1番1号", "", "試行　三郎", "渋谷郵便局")


def printed(home: Path, release: str) -> Programme:
    """A programme whose catalogues are on their way to the carrier."""
    root = installation(home / "root", register={"drift_gate_percent": 20, "release": release})
    programme = Programme(home / "home", root)
    with programme.entered():
        makes_first_register(programme, instructed=False)
        programme.answer("release")
        programme.run("register", FILES)
        programme.run("labels", LABELS)
        programme.answer()
        programme.run("labels", LABELS)
    return programme


@pytest.fixture(scope="module")
def in_september(tmp_path_factory: pytest.TempPathFactory) -> Programme:
    return printed(tmp_path_factory.mktemp("september"), "person")


@pytest.fixture
def september(in_september: Programme, tmp_path: Path) -> Iterator[Programme]:
    with in_september.copied(tmp_path / "home") as programme, programme.entered():
        yield programme


def waits(programme: Programme, on: date = LATER, **files: bytes) -> dict:
    """Files of the ward of which one has a wrong row: the register waits for a person."""
    programme.ward_sends("additions", additions(NO_BLOCK), on)
    for kind, content in files.items():
        programme.ward_sends(kind, content, on)
    programme.run("intake", on)
    said = programme.run("register", on)
    assert "判断を待っています" in str(said["publish"])
    return said


def answered(programme: Programme, verdict: str) -> dict:
    programme.answer(verdict)
    return programme.run("register", NEXT)


def catalogue(programme: Programme, number: str) -> tuple[str, str]:
    parcel = programme.parcel(number, "catalogue")
    return parcel["state"], parcel["action"]


def forbidden() -> dict[str, bytes]:
    """One becomes confidential, one is deleted, one is to be stopped: by a list that somebody typed by hand."""
    rows = corrections(correction(secret(home_of(FAMILY))), correction(home_of(SINGLE), "削除", "転出", "2026-09-01"))
    return {"corrections": rows, "stop": stop(f" {by_hand(THREE)}　")}


def test_whom_the_waiting_register_forbids_is_stopped_before_the_person_has_decided(september: Programme):
    said = waits(september, **forbidden())
    assert said["stop"] == {"held": 3, "incidents": 0, "stops": 3}
    for number in (FAMILY, SINGLE, THREE):
        assert state(september, number) == ("held", "awaiting_release")
        assert catalogue(september, number) == ("stopped", "stop")
    assert household(september, FAMILY)["confidential"]
    assert not household(september, SINGLE)["confidential"]
    assert catalogue(september, COUPLE) == ("released", "instruct")
    assert september.faults() == []


def test_a_waiting_register_publishes_nothing_else(september: Programme):
    before = {row["household_no"]: row for row in september.version("household")}
    moved = replace(home_of(COUPLE), block="９丁目９番９号")
    waits(september, corrections=corrections(correction(secret(home_of(FAMILY))), correction(moved)))
    after = {row["household_no"]: row for row in september.version("household")}
    assert after.keys() == before.keys()
    assert {number for number, row in after.items() if row != before[number]} == {FAMILY}
    assert "9丁目" not in str([row["block"] for row in september.version("person") if row["household_no"] == COUPLE])


def test_once_released_the_real_reasons_take_the_cautions_place(september: Programme):
    waits(september, **forbidden())
    assert answered(september, "release")["publish"]["confidential"] == 3
    assert state(september, FAMILY) == ("live", None)
    assert state(september, SINGLE) == ("held", "left")
    assert state(september, THREE) == ("held", "stopped")
    september.run("labels", NEXT)
    assert {catalogue(september, number)[0] for number in (FAMILY, SINGLE, THREE)} <= {"stopped", "cancelled"}
    assert september.faults() == []


def test_rows_that_nobody_could_read_hold_their_households_meanwhile_and_until_the_ward_answers(september: Programme):
    """An unknown reason of a deletion and of a household to protect: held before, at and after the release."""
    gone = correction(home_of(SINGLE), "削除", "死亡した", "2026-09-01")
    protect = correction(secret(home_of(FAMILY)), "更新", "ＤＶ", "2026-09-01")
    september.ward_sends("corrections", corrections(gone, protect), LATER)
    september.run("intake", LATER)
    assert september.run("register", LATER)["stop"] == {"held": 2, "incidents": 0, "stops": 2}
    for number, confidential in ((SINGLE, False), (FAMILY, True)):
        assert state(september, number) == ("held", "awaiting_release")
        assert household(september, number)["confidential"] is confidential
        assert catalogue(september, number) == ("stopped", "stop")
    answered(september, "release")
    for number in (SINGLE, FAMILY):
        assert state(september, number) == ("held", "awaiting_answer")
        assert catalogue(september, number)[0] == "stopped"
    assert household(september, FAMILY)["confidential"]
    sound = corrections(correction(replace(home_of(SINGLE), block="8-8-8")), correction(home_of(FAMILY)))
    september.ward_sends("corrections", sound, NEXT)
    september.run("intake", NEXT)
    september.run("register", NEXT)
    assert {state(september, number) for number in (SINGLE, FAMILY, COUPLE)} == {("live", None)}
    assert not household(september, FAMILY)["confidential"]
    assert september.faults() == []


def test_a_refused_file_lets_go_of_whom_it_would_have_forbidden(september: Programme):
    before = september.version("household")
    corrected = corrections(correction(secret(home_of(FAMILY))), correction(replace(home_of(COUPLE), block="　")))
    september.ward_sends("corrections", corrected, LATER)
    september.run("intake", LATER)
    september.run("register", LATER)
    assert catalogue(september, FAMILY) == ("stopped", "stop")
    assert answered(september, "refuse")["publish"]["refused_files"] == 1
    assert september.version("household") == before
    september.run("labels", NEXT)
    assert catalogue(september, FAMILY)[1] in ("instruct", "replace")
    assert september.faults() == []


def test_the_same_question_stands_through_runs_and_nothing_is_written_again(september: Programme):
    waits(september, **forbidden())
    before = september.traces()
    said = september.run("register", LATER)
    assert said["stop"] == {"held": 0, "incidents": 0, "stops": 0}
    assert september.traces() == before


def test_what_comes_while_it_waits_is_held_too(september: Programme):
    waits(september, corrections=corrections(correction(secret(home_of(FAMILY)))))
    september.ward_sends("special_delivery", table(INSTRUCTION_HEADER, [INSTRUCTION]), NEXT)
    september.run("intake", NEXT)
    assert september.run("register", NEXT)["stop"]["stops"] == 1
    assert {number for number in (FAMILY, COUPLE) if household(september, number)["confidential"]} == {FAMILY, COUPLE}
    assert catalogue(september, COUPLE) == ("stopped", "stop")


def test_drift_and_confidential_households_are_counted_against_what_was_released_last(september: Programme):
    waits(september, **forbidden())
    september.ward_sends("stop", stop(COUPLE), NEXT)
    september.run("intake", NEXT)
    september.run("register", NEXT)
    request = approval.pending(CONTRACT)[-1]
    assert "新たに秘匿となる世帯: 1" in request["body"]
    assert "減少: 1世帯" in request["body"]


def test_a_version_that_holds_meanwhile_follows_from_its_parents(september: Programme):
    waits(september, **forbidden())
    with september.ledger.read() as tx:
        number = september.ledger.heads(tx)["register"].number
    said = rebuilt(CONTRACT, number)
    assert said.pop("receipts") == "1"  # the files that wait are none of its parents
    assert f"household {number}" in said
    assert set(said.values()) == {"same"}


def test_killed_before_the_question_the_next_run_holds_and_asks(september: Programme, monkeypatch: pytest.MonkeyPatch):
    september.ward_sends("additions", additions(NO_BLOCK), LATER)
    september.ward_sends("corrections", corrections(correction(secret(home_of(FAMILY)))), LATER)
    september.run("intake", LATER)
    register_checks.validate(CONTRACT, LATER)
    with monkeypatch.context() as killed:
        killed.setattr(approvals, "request", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            register.publish(CONTRACT, LATER)
    assert state(september, FAMILY) == ("held", "awaiting_release")
    september.run("register", LATER)
    assert len(approval.pending(CONTRACT)) == 1
    assert catalogue(september, FAMILY) == ("stopped", "stop")


def test_where_nobody_is_asked_a_closed_gate_holds_too(tmp_path: Path):
    programme = printed(tmp_path, "automatic")
    with programme.entered():
        gone = corrections(*(correction(home, "削除", "誤り") for home in GOOD[:4]))
        programme.ward_sends("corrections", gone, LATER)
        programme.run("intake", LATER)
        register_checks.validate(CONTRACT, LATER)
        with pytest.raises(GateClosed):
            register.publish(CONTRACT, LATER)
        assert stops.stop(CONTRACT, LATER)["stops"] == 4
