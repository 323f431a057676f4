"""Many labels are locked at once in several batches, in printing order, and each is printed by whoever takes it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programme import CONTRACT, Programme, installation, on_ledger, one
from small_ward import HOMES
from story import makes_first_register

import databases
from orchestration import demo_checks
from todoke.errors import ContractError, NotApproved, OutboxConflict
from todoke.outbox.batch import batch_of
from todoke.process import approvals, label_claims, label_printing, labels, pull_outs
from todoke.process.workspace import Workspace
from todoke.store import pulls

LABELS = date(2026, 9, 7)
MOST, ALL = 4, 10
PLACES = {home.no: (home.postal_code.replace("-", ""), home.town, home.no) for home in HOMES}


@pytest.fixture(scope="session")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation whose batches hold few labels."""
    return installation(tmp_path_factory.mktemp("narrow"), labels={"labels_per_batch": MOST})


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def labels_asked_about(
    request: pytest.FixtureRequest, narrow: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Programme]:
    """A person has been asked about ten ordinary labels and a confidential one, all in batches of four."""
    with on_ledger(request.param, tmp_path_factory.mktemp("asked") / "home", narrow) as programme:
        with programme.entered():
            makes_first_register(programme)
            programme.run("labels", LABELS)
            programme.answer_open()
            programme.run("labels", LABELS)
        yield programme


@pytest.fixture
def asked(labels_asked_about: Programme, tmp_path: Path) -> Iterator[Programme]:
    """A programme of its own from the question on."""
    with labels_asked_about.copied(tmp_path / "home") as programme, programme.entered():
        yield programme


@pytest.fixture
def approved(asked: Programme) -> Programme:
    """All of them have been approved."""
    asked.answer_open()
    return asked


def manifests(programme: Programme) -> dict[str, list[dict[str, str]]]:
    files = {name: content for name, content in programme.out("labels/").items() if name.endswith("manifest.csv")}
    return {name.split("/")[1]: list(csv.DictReader(io.StringIO(text.decode()))) for name, text in files.items()}


def test_one_yes_locks_all_batches_and_they_follow_the_printing_order(approved: Programme):
    assert len(approved.rows("approval", verdict="approved")) == 2, "one for the ordinary, one for the confidential"
    *ordinary, confidential = labels.claim_batches(CONTRACT, LABELS)
    assert {row["state"] for row in approved.rows("batch")} == {"claimed"}
    assert [one(approved.rows("batch", id=batch))["members"] for batch in ordinary] == [4, 4, 2]
    assert approved.out("labels/") == {}, "locked before any file is visible"
    for batch in reversed([*ordinary, confidential]):
        labels.print_batches(CONTRACT, LABELS, [batch])
    pull_outs.request(CONTRACT, by_whom="佐藤", cause="字形", code_point="U+756A", at_most=ALL)
    with approved.ledger.read() as tx:
        listed = [(item.batch_id, item.sheet, item.position) for item in pulls.items(tx, CONTRACT)]
    in_order = [*ordinary, confidential]
    assert len({batch for batch, _, _ in listed}) > 2
    assert listed == sorted(listed, key=lambda place: (in_order.index(place[0]), *place[1:]))
    printed = manifests(approved)
    in_order = [row["household_no"] for batch in ordinary for row in printed[batch]]
    assert in_order == sorted(in_order, key=PLACES.__getitem__) and len(set(in_order)) == ALL
    assert [row["label_no"] for row in printed[ordinary[2]]] == ["1", "2"]
    assert approved.faults() == []


def test_control_totals_are_those_of_all_batches_and_each_says_which_it_is(approved: Programme):
    approved.run("labels", LABELS)
    totals = approved.control("labels")
    places = [(each.pop("part", 0), each.pop("parts", 0)) for each in totals]
    assert sorted(places) == [(0, 0), (1, 3), (2, 3), (3, 3)], "the confidential ones are a batch of their own"
    assert [each == totals[0] for each in totals] == [True] * 4
    assert (totals[0]["labels"], totals[0]["held"]) == (ALL + 1, 1)
    assert totals[0]["labels"] + totals[0]["held"] + totals[0]["excluded"] == totals[0]["households"] == 12


def test_a_yes_to_the_first_batches_prints_these_and_the_others_are_asked_about_again(asked: Programme):
    asked.answer_open(batches=2)
    *first, confidential = labels.claim_batches(CONTRACT, LABELS)
    for batch in [*first, confidential]:
        labels.print_batches(CONTRACT, LABELS, [batch])
    done = asked.control("labels")
    assert [(each.pop("part", 0), each.pop("parts", 0)) for each in done].count((2, 2)) == 1
    assert [(each["labels"], each["held"]) for each in done] == [(2 * MOST + 1, 1 + ALL - 2 * MOST)] * 3
    with pytest.raises(NotApproved):
        labels.claim_batches(CONTRACT, LABELS)
    labels.test_pack(CONTRACT, LABELS)
    assert asked.answer_open(batches=1) == ["gift:labels:catalogue"], "one batch is left: no choice, and all of it goes"
    [last] = labels.claim_batches(CONTRACT, LABELS)
    labels.print_batches(CONTRACT, LABELS, [last])
    printed = manifests(asked)
    in_order = [row["household_no"] for batch in [*first, last] for row in printed[batch]]
    assert in_order == sorted(in_order, key=PLACES.__getitem__) and len(set(in_order)) == ALL
    assert asked.faults() == []


def test_an_answer_that_comes_while_labels_are_cut_holds_as_it_was_given(
    asked: Programme, monkeypatch: pytest.MonkeyPatch
):
    """A run that began with a yes to another kind meets a yes to the first batch alone."""
    cut, answered = label_claims._cut, []

    def answer_meanwhile(ws: Workspace, kind: str, keys: list[str], number: int | None) -> list[list[str]]:
        parts = cut(ws, kind, keys, number)
        if not answered:
            answered.append(asked.answer_open(batches=1))
        return parts

    monkeypatch.setattr(label_claims, "_cut", answer_meanwhile)
    *first, confidential = [one(asked.rows("batch", id=batch)) for batch in labels.claim_batches(CONTRACT, LABELS)]
    assert [each["members"] for each in first] == [MOST] and confidential["members"] == 1
    assert json.loads(confidential["notes"])["labels"] == MOST + 1
    assert asked.faults() == []


@pytest.mark.parametrize("batches", [0, 4, -1, "2", None])
def test_a_yes_to_batches_that_there_are_not_prints_none_of_them_and_is_asked_again(asked: Programme, batches: object):
    asked.answer_open(batches=batches)
    assert [one(asked.rows("batch", id=batch))["kind"] for batch in labels.claim_batches(CONTRACT, LABELS)] == [
        "catalogue_confidential"
    ]
    labels.test_pack(CONTRACT, LABELS)
    assert asked.answer_open() == ["gift:labels:catalogue"]
    assert len(labels.claim_batches(CONTRACT, LABELS)) == 1 + 3


@pytest.mark.parametrize("printed", [0, 1, 2, 3])
def test_what_a_killed_run_locked_is_printed_by_the_next_with_the_same_bytes(approved: Programme, printed: int):
    batches = labels.claim_batches(CONTRACT, LABELS)
    for batch in batches[:printed]:
        labels.print_batches(CONTRACT, LABELS, [batch])
    before = approved.out()
    assert sorted(labels.claim_batches(CONTRACT, LABELS)) == sorted(batches[printed:])
    for batch in batches:  # a task that Airflow starts once more as well
        labels.print_batches(CONTRACT, LABELS, [batch])
    after = approved.out()
    assert {name: after[name] for name in before} == before
    digests = {row["id"]: row["sha256"] for row in approved.rows("batch")}
    assert labels.claim_batches(CONTRACT, LABELS) == []
    for batch in batches:
        labels.print_batches(CONTRACT, LABELS, [batch])
    assert {row["id"]: row["sha256"] for row in approved.rows("batch")} == digests
    assert approved.out() == after
    assert {row["state"] for row in approved.rows("batch")} == {"published"}


def test_two_runs_at_once_lock_every_label_once_and_may_print_side_by_side(approved: Programme):
    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda _: labels.claim_batches(CONTRACT, LABELS), range(2)))
        batches = {batch for claim in claims for batch in claim}
        assert len(batches) == len(approved.rows("batch")) == 4
        said = list(pool.map(lambda batch: labels.print_batches(CONTRACT, LABELS, [batch]), [*batches, *batches]))
    assert sum(int(each["labels"]) for each in said) == 2 * (ALL + 1)
    numbers = [row["household_no"] for rows in manifests(approved).values() for row in rows]
    assert len(numbers) == len(set(numbers)) == ALL + 1
    assert approved.faults() == []


def test_a_run_that_cuts_what_another_has_just_locked_finds_nothing_left(
    approved: Programme, monkeypatch: pytest.MonkeyPatch
):
    seen, locked = approvals.released, list[str]()

    def overtaken(*args: Any) -> int | None:
        monkeypatch.setattr(approvals, "released", seen)
        locked.extend(labels.claim_batches(CONTRACT, LABELS))
        return seen(*args)

    monkeypatch.setattr(approvals, "released", overtaken)
    assert labels.claim_batches(CONTRACT, LABELS) == []
    assert len(set(locked)) == len(approved.rows("batch")) == 4
    assert approved.faults() == []


def test_batches_that_one_task_prints_come_out_as_each_by_itself(approved: Programme):
    claimed = labels.claim_batches(CONTRACT, LABELS)
    together = [batch_of(approved.ledger, batch) for batch in claimed]
    assert len({batch.kind for batch in together}) == 2
    assert labels.print_batches(CONTRACT, LABELS, claimed) == {"labels": ALL + 1}
    printed = approved.out()
    for batch in reversed(claimed):  # the outbox refuses another content
        labels.print_batches(CONTRACT, LABELS, [batch])
    assert approved.out() == printed
    assert {len(rows) for rows in manifests(approved).values()} == {batch.members for batch in together}


def test_a_batch_that_cannot_be_printed_does_not_stop_the_others_of_its_task(
    approved: Programme, monkeypatch: pytest.MonkeyPatch
):
    stuck, *others = labels.claim_batches(CONTRACT, LABELS)
    write, refused = label_printing.write_shipping, list[str]()

    def refuse_the_first(*args: Any, name: str) -> None:
        if refused:
            return write(*args, name=name)
        refused.append(name)
        raise OutboxConflict("同じ名前で内容の違うファイルが既に出力されています", where=name)

    monkeypatch.setattr(label_printing, "write_shipping", refuse_the_first)
    with pytest.raises(OutboxConflict):
        labels.print_batches(CONTRACT, LABELS, [stuck, *others])
    states = {row["id"]: row["state"] for row in approved.rows("batch")}
    assert states == {stuck: "claimed"} | dict.fromkeys(others, "published")
    assert labels.print_batches(CONTRACT, LABELS, [stuck]) == {"labels": MOST}
    assert approved.faults() == []


@given(st.lists(st.uuids().map(str), unique=True, max_size=200))
def test_batches_are_shared_out_in_their_order_among_some_dozens_of_tasks(batches: list[str]):
    shares = label_claims.shared_out(batches)
    assert [batch for share in shares for batch in share] == batches
    assert len(shares) <= 24 and all(shares)
    assert len(batches) > 24 or {len(share) for share in shares} <= {1}


def test_a_limit_that_makes_too_many_batches_is_told_before_anything_is_locked(
    approved: Programme, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(label_claims, "_BATCHES_AT_ONCE", 2)
    with pytest.raises(ContractError, match="labels_per_batch"):
        labels.claim_batches(CONTRACT, LABELS)
    assert approved.rows("batch") == []


def test_the_number_of_labels_in_a_batch_changes_neither_inspection_nor_approval(approved: Programme, root: Path):
    with databases.environment(TODOKE_ROOT=str(root)):
        assert len(labels.claim_batches(CONTRACT, LABELS)) == 2


def test_a_no_to_the_test_print_of_one_kind_keeps_that_kind_back(july: Programme):
    july.run("labels", LABELS)
    july.answer_open("rejected")
    with pytest.raises(NotApproved, match="試し刷りは却下されています"):
        labels.claim_batches(CONTRACT, LABELS)
    assert july.run("labels", LABELS)["test_pack"] == {"test_labels": 0, "requests": 0}
    assert july.rows("batch") == []


def test_the_totals_of_the_catalogues_are_not_mixed_with_those_of_many_toilets(approved: Programme):
    approved.run("labels", LABELS)
    approved.hands_over(date(2026, 11, 2), "catalogue")
    approved.web_site_opens()
    approved.run("orders", date(2027, 1, 18))
    for _ in ("asked", "answered"):
        approved.run("nonapplicants", date(2027, 1, 20))
        approved.answer()
    assert len(approved.rows("batch", kind="toilet")) > 1
    figures = [figure for _, figure in demo_checks._labels(Workspace.open(CONTRACT, LABELS))]
    assert figures == [str(ALL + 1), str(len(HOMES) - 1), str(len(HOMES))]
