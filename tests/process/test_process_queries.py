"""The ward is asked about what is in quarantine in its own terms, and its answers count like what it sent."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msoffcrypto
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programme import CONTRACT, TASKS, Programme, installation, on_ledger, one
from small_ward import COUPLE, GOOD, HOMES, PASSPHRASE, SINGLE, THREE, WRONG, home_of, households
from story import makes_first_register
from ward_queries import NEXT, Query, opened, returns

from todoke.errors import FileRefused
from todoke.outbox.workbook import encrypted
from todoke.process import returned_work
from todoke.process.register_rebuild import rebuilt

FILES, THIRD = date(2026, 7, 21), date(2026, 7, 23)
#: What is wrong in four households of the ward, and what would mend it; the last one needs another value than it says.
BAD = {
    COUPLE: ("郵便番号", "postal_code_unknown", "1530051"),
    SINGLE: ("番地", "address_missing", "三丁目４番５号"),
    THREE: ("世帯主氏名かな", "kana_invalid", "もぎ　ろくろう"),
    WRONG: ("世帯人数", "size_mismatch", "1"),
}
_BROKEN: Mapping[str, Mapping[str, Any]] = {
    COUPLE: {"postal_code": "999-9999"},
    SINGLE: {"block": "　"},
    THREE: {},
    WRONG: {},
}
SAID = ("right", "wrong", "却下", "再照会", "承認")
GOOD_ONES = {home.no for home in HOMES} - BAD.keys()


def ward_file() -> bytes:
    homes = [replace(home, **_BROKEN.get(home.no, {})) for home in HOMES]
    content = households(homes).decode("cp932")
    return content.replace("もぎ　ろくろう,模擬　六郎", "模擬　六郎,模擬　六郎").encode("cp932")


@pytest.fixture(scope="session")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation in which four of thirteen households may come or go."""
    return installation(tmp_path_factory.mktemp("lenient"), register={"drift_gate_percent": 60, "release": "automatic"})


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def in_question(
    request: pytest.FixtureRequest, lenient: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Programme]:
    """A ward's file in which four households are wrong has been taken and its register published without them."""
    with on_ledger(request.param, tmp_path_factory.mktemp("question") / "home", lenient) as programme:
        with programme.entered():
            makes_first_register(programme, ward_file(), instructed=False)
        yield programme


@pytest.fixture
def asked(in_question: Programme, tmp_path: Path) -> Iterator[Programme]:
    """A programme of its own from the question on."""
    with in_question.copied(tmp_path / "home") as programme, programme.entered():
        yield programme


def registers(programme: Programme, on: date = NEXT) -> dict[str, Any]:
    return programme.run("register", on)


def published(programme: Programme) -> set[str]:
    return {row["household_no"] for row in programme.version("household")}


def receipt(programme: Programme) -> tuple[int, int, int]:
    row = max(programme.rows("receipt", source="returned_work"), key=lambda row: row["seq"])
    return row["rows"], row["accepted"], row["quarantined"]


def test_the_ward_is_asked_in_its_own_terms_and_nobody_is_named(asked: Programme):
    query = Query(asked)
    assert set(query.rows()) == BAD.keys()
    for household, (heading, _, _) in BAD.items():
        assert query.cell(household, "項目").value == heading
        assert query.cell(household, "ファイル名").value == f"households_{FILES:%Y%m%d}_01.csv.pgp"
    assert (query.cell(COUPLE, "行").value, query.cell(WRONG, "行").value) == (4, 22)
    assert query.cell(WRONG, "確認する理由").value == "世帯人数の不一致"
    shown = [str(cell.value) for row in query.sheet.iter_rows() for cell in row if cell.value is not None]
    for home in HOMES:
        for name, kana, _ in home.members:
            assert not any(home.surname[0] + "　" + name in text or kana in text for text in shown if len(kana) > 2)
        assert not any(home.block in text for text in shown)
    assert any("見出しを除いた何行目か" in text and "空の行は数えません" in text for text in shown)
    page = query.sheet.page_setup
    assert (page.paperSize, page.orientation, page.fitToHeight) == (9, "landscape", 0)
    assert query.sheet.sheet_properties.pageSetUpPr.fitToPage


def test_the_workbook_is_encrypted_for_the_ward_and_the_same_for_the_same_version(asked: Programme):
    (name,) = asked.out("queries")
    with asked.ledger.read() as tx:
        assert re.fullmatch(rf"queries/{asked.ledger.heads(tx)['quarantine'].id}/gift_query_[0-9a-f]{{8}}\.xlsx", name)
    before = asked.outbox.get(name)
    with pytest.raises(msoffcrypto.exceptions.InvalidKeyError):
        opened(before, "another one")
    (asked.home / "outbox" / CONTRACT / f"{name}.age").unlink()
    next((asked.home / "quality").rglob("*.html")).unlink()
    assert registers(asked)["validate"]["queries"] == len(BAD)
    assert asked.outbox.get(name) == before
    assert registers(asked)["validate"] == {}


def test_a_corrected_household_passes_or_fails_by_the_same_rules(asked: Programme):
    query = Query(asked).answer(COUPLE, "訂正", BAD[COUPLE][2]).answer(SINGLE, "訂正", "三丁目４番５号")
    query.answer(WRONG, "訂正", 3).answer(THREE, "訂正", "もぎ　ろくろう")
    assert returns(asked, query.content())["rows"] == 4
    assert receipt(asked) == (4, 4, 0)
    said = registers(asked)
    assert published(asked) == GOOD_ONES | {COUPLE, SINGLE, THREE}
    assert {row["household_no"] for row in asked.version("quarantine")} == {WRONG}
    assert said["publish"]["new_numbers"] == 3
    assert {row["postal_code"] for row in asked.version("person") if row["household_no"] == COUPLE} == {"1530051"}
    assert {row["postal_code"] for row in asked.version("ward_row") if row["household_no"] == COUPLE} == {"999-9999"}
    assert set(Query(asked).rows()) == {WRONG}
    number = max(row["number"] for row in asked.rows("dataset_version", dataset="register"))
    again = rebuilt(CONTRACT, number)
    assert set(again.values()) - {again["receipts"]} == {"same"}
    assert asked.faults() == []


def test_a_correction_that_does_not_mend_is_asked_anew_and_the_later_one_counts(asked: Programme):
    returns(asked, Query(asked).answer(WRONG, "訂正", 3).content())
    registers(asked)
    following = Query(asked)
    assert (following.cell(WRONG, "回数").value, WRONG in published(asked)) == (2, False)
    returns(asked, following.answer(WRONG, "訂正", 1).content(), seq=2)
    assert receipt(asked) == (1, 1, 0)
    registers(asked)
    assert WRONG in published(asked)
    assert WRONG not in {row["household_no"] for row in asked.version("quarantine")}
    assert len([row for row in asked.version("query_answer") if row["household_no"] == WRONG]) == 2
    assert asked.faults() == []


def test_a_rejected_household_stays_out_and_is_not_asked_about_again(asked: Programme):
    query = Query(asked).answer(COUPLE, "却下").answer(SINGLE, "再照会").answer(WRONG, "訂正", "1")
    before = query.cell(SINGLE, "版").value
    returns(asked, query.content())
    registers(asked)
    assert published(asked) == GOOD_ONES | {WRONG}
    following = Query(asked)
    assert set(following.rows()) == {SINGLE, THREE}
    assert (following.cell(SINGLE, "回数").value, following.cell(SINGLE, "版").value == before) == (2, False)
    assert {(row["household_no"], row["reason"]) for row in asked.version("quarantine")} >= {(COUPLE, "not_wanted")}
    said = asked.version("query_answer")
    assert {(row["decision"], row["by_whom"]) for row in said} == {
        (decision, "区・田中") for decision in ("reject", "ask_again", "correct")
    }


def test_what_cannot_be_taken_comes_back_in_the_senders_own_file(asked: Programme):
    old = Query(asked)
    returns(asked, Query(asked).answer(SINGLE, "再照会").content())
    registers(asked)
    old.answer(SINGLE, "却下").answer(COUPLE, "承認").answer(THREE, "訂正").answer(WRONG, "訂正", "1", by=None)
    extra = old.sheet.max_row + 1
    for place, content in ((1, "K0000000000"), (2, "x"), (old.places["決定"], "却下"), (old.places["担当者"], "田中")):
        old.sheet.cell(extra, place, content)
    returns(asked, encrypted(old.content(), PASSPHRASE), THIRD)
    assert receipt(asked) == (5, 0, 5)
    (name,) = asked.out("returned_errors")
    sheet = opened(asked.outbox.get(name))["照会票"]
    errors = {row: str(sheet.cell(row, sheet.max_column).value) for row in range(old.top + 2, sheet.max_row + 1)}
    assert sheet.cell(old.top + 1, sheet.max_column).value == "エラー"
    cell = {home: errors[row] for home, row in old.rows().items()}
    assert cell[SINGLE].endswith("別の回答を受け取っています")
    assert cell[COUPLE] == f"照会票!{old.cell(COUPLE, '決定').coordinate}: 決まりに合わない行は承認できません"
    assert cell[THREE].endswith("訂正後の値が空欄です")
    assert cell[WRONG].endswith("担当者が空欄です")
    assert errors[extra].endswith("管理番号が今の照会票にありません")
    assert returned_work.take_answers(CONTRACT, THIRD)["rows"] == 0
    assert list(asked.out("returned_errors")) == [name]


def test_a_stale_version_is_told_and_the_good_rows_are_taken(asked: Programme):
    query = Query(asked).answer(WRONG, "訂正", "1").answer(COUPLE, "却下")
    query.cell(COUPLE, "版").value = "0" * 12
    assert returns(asked, query.content())["quarantined"] == 1
    assert receipt(asked) == (2, 1, 1)
    assert one(asked.version("query_bad_row"))["reason"] == "stale"
    registers(asked)
    assert published(asked) == GOOD_ONES | {WRONG}


def test_the_same_answers_again_change_nothing(asked: Programme):
    content = Query(asked).answer(WRONG, "訂正", "1").content()
    returns(asked, content)
    registers(asked)
    before = {name: rows for name, rows in asked.traces()["ledger"].items() if not name.startswith("receipt")}
    assert returns(asked, encrypted(content, PASSPHRASE), NEXT, 2)["repeats"] == 1
    assert returns(asked, content, THIRD)["repeats"] == 1
    registers(asked, THIRD)
    now = {name: rows for name, rows in asked.traces()["ledger"].items() if not name.startswith("receipt")}
    assert {name for name in now if now[name] != before[name]} <= {"stream"}


def test_a_file_that_is_no_query_is_refused(asked: Programme):
    book = openpyxl.Workbook()
    stream = io.BytesIO()
    book.save(stream)
    with pytest.raises(FileRefused, match="照会票・引抜き一覧ではありません"):
        returns(asked, stream.getvalue())
    with pytest.raises(FileRefused, match=r"xlsx）ではありません"):
        returns(asked, b"no workbook", NEXT, 2)
    with pytest.raises(FileRefused, match="パスワードが違います"):
        returns(asked, encrypted(Query(asked).content(), "another one"), NEXT, 3)
    assert {row["state"] for row in asked.rows("receipt", source="returned_work")} == {"refused"}


@pytest.mark.parametrize("in_question", ["sqlite"], indirect=True)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(answers=st.dictionaries(st.sampled_from(sorted(BAD)), st.sampled_from(SAID)))
def test_whatever_is_answered_rows_close_and_who_passes_the_rules_is_in(
    in_question: Programme, tmp_path_factory: pytest.TempPathFactory, answers: dict[str, str]
):
    with in_question.copied(tmp_path_factory.mktemp("answers") / "home") as programme, programme.entered():
        query = Query(programme)
        for household, said in answers.items():
            if said in ("right", "wrong"):
                query.answer(household, "訂正", BAD[household][2] if said == "right" else "？")
            else:
                query.answer(household, said)
        returns(programme, query.content())
        refused = list(answers.values()).count("承認")
        assert receipt(programme) == (len(answers), len(answers) - refused, refused)
        said = registers(programme)["validate"]
        rows = sum(len(home.rows()) for home in HOMES)
        passed = {household for household, answer in answers.items() if answer == "right"}
        passed |= {h for h, answer in answers.items() if answer == "wrong" and BAD[h][1] == "address_missing"}
        if set(answers.values()) - {"承認"}:
            assert said["rows"] == rows == said["accepted"] + said["quarantined"]
            assert said["accepted"] == sum(len(home.rows()) for home in HOMES if home.no in GOOD_ONES | passed)
        assert published(programme) == GOOD_ONES | passed
        assert programme.faults() == []


def test_the_tasks_of_the_small_ward_are_those_of_the_dags():
    assert returned_work.take_answers in TASKS["intake"]
    assert home_of(WRONG) not in GOOD
