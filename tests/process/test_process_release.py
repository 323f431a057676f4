"""What is in quarantine, or drifted beyond the gate, is published when a person has said so of exactly that content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from programme import CONTRACT, Programme, installation, on_ledger, one
from register_steps import numbered, stop
from small_ward import (
    CORRECTION_HEADER,
    COUPLE,
    GOOD,
    HEADER,
    HOMES,
    MOVER,
    SINGLE,
    WRONG,
    correction,
    home_of,
    households,
    sealed,
    secret,
    table,
)
from story import makes_first_register

from todoke.process import approval
from todoke.process.register_rebuild import rebuilt
from todoke.process.register_versions import parents

FILES, NEXT, THIRD = date(2026, 7, 21), date(2026, 7, 22), date(2026, 7, 23)
NEW = replace(home_of(SINGLE), no="00004001", surname=("新規", "しんき"))
NO_BLOCK = replace(home_of(SINGLE), no="00004002", surname=("無番", "むばん"), block="　")
SUBJECT = "gift:register:release"


@pytest.fixture(scope="session")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation in which a person releases what has quarantine or drift."""
    return installation(tmp_path_factory.mktemp("careful"), register={"drift_gate_percent": 20, "release": "person"})


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def looked_at(
    request: pytest.FixtureRequest, careful: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Programme]:
    """The ward's file has been taken and looked at; of thirteen households one is in quarantine."""
    with on_ledger(request.param, tmp_path_factory.mktemp("looked_at") / "home", careful) as programme:
        with programme.entered():
            makes_first_register(programme, instructed=False)
        yield programme


@pytest.fixture
def programme(looked_at: Programme, tmp_path: Path) -> Iterator[Programme]:
    """A programme of its own from the question about the rest on."""
    with looked_at.copied(tmp_path / "home") as programme, programme.entered():
        yield programme


def published(programme: Programme) -> set[str]:
    try:
        return {row["household_no"] for row in programme.version("household")}
    except KeyError:
        return set()


def takes(programme: Programme, on: date, kind: str, content: bytes) -> object:
    programme.ward_sends(kind, content, on)
    programme.run("intake", on)
    return programme.run("register", on)["publish"]


def receipt(programme: Programme, kind: str) -> tuple[str, str | None, int, int, int]:
    row = one(programme.rows("receipt", kind=kind))
    return row["state"], row["reason"], row["rows"], row["accepted"], row["quarantined"]


def additions(*homes) -> bytes:
    return table(HEADER, [row for home in homes for row in home.rows()])


def corrections(*blocks) -> bytes:
    return table(CORRECTION_HEADER, [row for block in blocks for row in block])


def test_nothing_is_published_before_a_person_has_released_the_rest(programme: Programme):
    request = one(approval.pending(CONTRACT))
    assert (request["subject"], request["options"]) == (SUBJECT, ["release", "wait", "refuse"])
    assert published(programme) == set()
    assert programme.rows("application_number") == []
    assert "担当者の判断を待っています" in str(programme.run("register", FILES)["publish"])
    assert len(approval.pending(CONTRACT)) == 1
    programme.answer("release")
    assert programme.run("register", FILES)["publish"]["households"] == len(GOOD)
    assert published(programme) == {home.no for home in GOOD}
    assert programme.run("register", FILES)["publish"] == {}
    said = one(programme.rows("approval"))
    assert (said["verdict"], said["by_whom"], said["subject_digest"]) == ("release", "admin", request["digest"])
    assert programme.faults() == []


def test_the_request_says_counts_and_places_and_nothing_of_a_person(programme: Programme):
    body = one(approval.pending(CONTRACT))["body"]
    assert "世帯人数の不一致: 1世帯（指摘1件）" in body
    assert f"発行すると: {len(GOOD)}世帯" in body
    assert "減少: 1世帯（7.7%）" in body
    page = re.search(r"quality/(\S+\.html)", body)
    assert page is not None and (programme.home / "quality" / page[1]).is_file()
    for home in HOMES:
        for word in (home.no, home.block, *(name for name, _, _ in home.members if len(name) > 1)):
            assert word not in body


def test_waiting_publishes_nothing_and_is_asked_again_on_another_day_or_for_other_content(programme: Programme):
    programme.answer("wait")
    programme.run("register", FILES)
    assert approval.pending(CONTRACT) == []
    programme.run("register", NEXT)
    assert one(approval.pending(CONTRACT))["round"] == 2
    programme.answer("wait")
    takes(programme, NEXT, "corrections", corrections(correction(home_of(MOVER))))
    assert one(approval.pending(CONTRACT))["round"] == 1
    assert published(programme) == set()
    programme.answer("release")
    assert programme.run("register", NEXT)["publish"]["households"] == len(GOOD)


def test_a_release_does_not_hold_for_content_that_came_after_the_question(programme: Programme):
    asked = one(approval.pending(CONTRACT))
    programme.answer("release")
    assert "判断を待っています" in str(takes(programme, NEXT, "additions", additions(NO_BLOCK)))
    assert published(programme) == set()
    assert one(approval.pending(CONTRACT))["digest"] != asked["digest"]


def test_a_refused_file_leaves_the_register_as_it_was_and_counts_no_more(programme: Programme):
    programme.answer("release")
    programme.run("register", FILES)
    before, certificates = published(programme), len(programme.out("receipts"))
    takes(programme, NEXT, "additions", additions(NEW, NO_BLOCK))
    programme.answer("refuse")
    assert programme.run("register", NEXT)["publish"] == {"refused_files": 1}
    assert receipt(programme, "additions") == ("refused", "not_released", 0, 0, 0)
    assert programme.version("addition_row") == []
    assert {row["household_no"] for row in programme.version("quarantine")} == {WRONG}
    assert published(programme) == before
    assert programme.run("register", THIRD)["publish"] == {}
    assert approval.pending(CONTRACT) == []
    programme.run("intake", THIRD)
    assert len(programme.out("receipts")) == certificates + 2  # when it was taken, and when it was refused
    assert takes(programme, THIRD, "additions", additions(NEW))["households"] == len(before) + 1
    assert programme.faults() == []


def test_a_refused_first_file_leaves_no_register_and_the_next_one_is_asked_about_anew(programme: Programme):
    programme.answer("refuse")
    assert programme.run("register", FILES)["publish"] == {"refused_files": 1}
    assert receipt(programme, "households")[:2] == ("refused", "not_released")
    assert published(programme) == set()
    said = programme.run("register", NEXT)
    assert (said["validate"], said["publish"]) == ({}, {})
    programme.ward_sends_envelope("households", sealed(households()), NEXT)
    programme.run("intake", NEXT)
    programme.run("register", NEXT)
    assert sorted(row["state"] for row in programme.rows("receipt", kind="households")) == ["accepted", "refused"]
    programme.answer("release")
    assert programme.run("register", NEXT)["publish"]["households"] == len(GOOD)
    assert programme.faults() == []


def test_a_refused_base_gives_way_to_the_one_before(programme: Programme):
    programme.answer("release")
    programme.run("register", FILES)
    takes(programme, NEXT, "households", households([*GOOD[1:], NEW, NO_BLOCK]))
    programme.answer("refuse")
    assert programme.run("register", NEXT)["publish"] == {"refused_files": 1}
    assert {row["household_no"] for row in programme.version("ward_row")} == {home.no for home in HOMES}
    assert published(programme) == {home.no for home in GOOD}
    assert programme.run("register", THIRD)["publish"] == {}
    assert takes(programme, THIRD, "additions", additions(NEW))["households"] == len(GOOD) + 1
    numbers = {row["receipt_no"] for row in programme.rows("receipt", state="accepted") if row["kind"] != "gaiji_font"}
    *_, last = parents(CONTRACT)
    assert set(re.findall(r"R[0-9A-Z]{10}", last)) == numbers
    assert programme.faults() == []


def test_a_drift_beyond_the_gate_is_a_persons_to_release(programme: Programme):
    programme.answer("release")
    programme.run("register", FILES)
    gone = corrections(*(correction(home, "削除", "誤り") for home in GOOD[:4]))
    assert "判断を待っています" in str(takes(programme, NEXT, "corrections", gone))
    body = one(approval.pending(CONTRACT))["body"]
    assert "上限を超えています" in body and "減少: 4世帯（33.3%）" in body
    programme.answer("release")
    said = programme.run("register", NEXT)["publish"]
    states = {row["household_no"]: row["state"] for row in programme.version("household")}
    assert [states[home.no] for home in GOOD[:4]] == ["deleted"] * 4
    assert said["households"] == len(GOOD)


def test_what_a_person_has_released_is_not_asked_about_with_the_next_good_file(programme: Programme):
    programme.answer("release")
    programme.run("register", FILES)
    assert takes(programme, NEXT, "corrections", corrections(correction(secret(home_of(COUPLE)))))["confidential"] == 3
    assert approval.pending(CONTRACT) == []


def test_a_household_in_quarantine_that_is_sent_again_is_taken_and_asks_nothing_more(programme: Programme):
    programme.answer("release")
    programme.run("register", FILES)
    before, asked = numbered(programme), len(programme.out("queries"))
    mended = replace(home_of(WRONG), size=1)
    programme.ward_sends("additions", additions(mended), NEXT)
    programme.run("intake", NEXT)
    said = programme.run("register", NEXT)
    assert said["publish"]["households"] == len(HOMES)
    rows = sum(len(home.rows()) for home in HOMES) + 1
    assert (said["validate"]["rows"], said["validate"]["quarantined"], said["validate"]["findings"]) == (rows, 1, 0)
    assert (approval.pending(CONTRACT), len(programme.out("queries"))) == ([], asked)
    line = one(programme.version("quarantine"))
    assert line["mended_by"] == one(programme.rows("receipt", kind="additions"))["receipt_no"]
    now = numbered(programme)
    assert (now.keys() - before.keys(), {no: now[no] for no in before}) == ({WRONG}, before)
    # once more, and a change of it: it has been brought now, and keeps its number
    takes(programme, THIRD, "additions", additions(replace(mended, building="別棟")))
    assert "世帯の重複: 1世帯" in one(approval.pending(CONTRACT))["body"]
    assert "世帯人数の不一致" not in one(approval.pending(CONTRACT))["body"]
    programme.answer("refuse")
    programme.run("register", THIRD)
    takes(programme, THIRD, "corrections", corrections(correction(replace(mended, building="新棟"))))
    assert one([row for row in programme.version("person") if row["household_no"] == WRONG])["building"] == "新棟"
    assert numbered(programme) == now
    number = max(row["number"] for row in programme.rows("dataset_version", dataset="register"))
    assert "differs" not in rebuilt(CONTRACT, number).values()
    assert programme.faults() == []


def test_a_correction_mends_a_household_of_the_base_and_a_deletion_does_not(programme: Programme):
    programme.answer("release")
    programme.run("register", FILES)
    takes(programme, NEXT, "corrections", corrections(correction(home_of(WRONG)), correction(home_of(MOVER))))
    programme.answer("release")
    programme.run("register", NEXT)
    gone = replace(home_of(WRONG), size=1)
    takes(programme, THIRD, "corrections", corrections(correction(gone, "削除", "誤り")))
    assert sorted(row["mended_by"] is None for row in programme.version("quarantine")) == [False, True]
    assert WRONG not in published(programme)
    programme.ward_sends("corrections", corrections(correction(gone)), THIRD, 2)
    programme.run("intake", THIRD)
    programme.run("register", THIRD)
    assert {row["mended_by"] is None for row in programme.version("quarantine")} == {False}
    assert WRONG in published(programme)
    assert approval.pending(CONTRACT) == []


def test_a_base_that_leaves_out_most_of_the_one_before_waits_for_a_person(programme: Programme):
    """Nothing is published yet: a corrections file under the name of a base file would be all of the register."""
    takes(programme, NEXT, "households", households(GOOD[:2]))
    assert published(programme) == set()
    body = approval.pending(CONTRACT)[-1]["body"]
    assert "上限を超えています" in body and "減少: 11世帯" in body


def test_a_stop_list_however_long_waits_for_nobody(programme: Programme):
    programme.answer("release")
    programme.run("register", FILES)
    assert takes(programme, NEXT, "stop", stop(*(home.no for home in GOOD[:6])))["held"] == 6
    assert approval.pending(CONTRACT) == []
