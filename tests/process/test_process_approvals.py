"""Nothing is printed before a person has said yes to exactly that content."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
import yaml
from label_samples import eudc_font
from programme import INSPECTOR, Programme, installation, one
from small_ward import (
    CORRECTION_HEADER,
    COUPLE,
    FAMILY,
    HEADER,
    LATE,
    QUIET,
    SECRET,
    correction,
    drop,
    home_of,
    table,
)

import databases
from todoke.errors import NotApproved, TodokeError
from todoke.process import approval, labels

LABELS, NEXT = date(2026, 9, 7), date(2026, 9, 8)
AFTER_DEADLINE, TOILETS_GO, LATER = date(2027, 1, 18), date(2027, 1, 20), date(2027, 1, 21)


def printed(programme: Programme) -> list[str]:
    return list(programme.out("labels"))


def corrects(programme: Programme, on: date, rows: list[tuple[str, ...]]) -> None:
    programme.ward_sends("corrections", table(CORRECTION_HEADER, rows), on)
    programme.run("intake", on)
    programme.run("register", on)


def other_font(programme: Programme, on: date) -> None:
    drop(programme.inbox("cloud"), "EUDC.TTE", eudc_font(composite=True))
    programme.run("intake", on)


def another_address(programme: Programme, on: date) -> None:
    corrects(programme, on, correction(replace(home_of(COUPLE), block="9-9-9"), "更新", "転居", "2026-08-01"))


def one_household_less(programme: Programme, on: date) -> None:
    corrects(programme, on, correction(home_of(COUPLE), "削除", "誤り"))


def test_labels_wait_for_a_yes_and_go_out_after_it(july: Programme):
    said = july.run("labels", LABELS)
    assert "まだ承認されていません" in str(said["release_batches"])
    assert printed(july) == []
    assert july.rows("batch") == []
    assert {name.split("/")[0] for name in july.out()} >= {"labels_test", "gaiji"}
    kinds = ("catalogue", "catalogue_confidential")
    assert sorted(july.answer_open()) == [f"gift:labels_test:{kind}" for kind in kinds]
    said = july.run("labels", LABELS)
    assert "まだ承認されていません" in str(said["release_batches"])
    assert said["test_pack"] == {"test_labels": 0, "requests": 2}
    assert sorted(july.answer_open()) == [f"gift:labels:{kind}" for kind in kinds]
    assert july.run("labels", LABELS)["release_batches"] == {"batches": 2, "labels": 11}
    assert july.parcel(SECRET, "catalogue")["state"] == "on_hold"
    totals = july.control("labels")
    assert {(t["labels"] + t["held"] + t["excluded"], t["households"], t["ward_households"]) for t in totals} == {
        (12, 12, 13)
    }


def test_after_a_no_nothing_is_printed_and_nobody_is_asked_again(july: Programme):
    july.run("labels", LABELS)
    july.answer("rejected")
    said = july.run("labels", NEXT)
    assert "却下されています" in str(said["release_batches"])
    assert said["test_pack"]["requests"] == 0
    assert july.answer() == []
    assert printed(july) == []
    assert july.rows("batch") == []


@pytest.mark.parametrize("change", [another_address, one_household_less])
def test_a_yes_does_not_hold_for_content_that_has_changed_since(july: Programme, change: Callable):
    july.run("labels", LABELS)
    july.answer()
    change(july, NEXT)
    said = july.run("labels", NEXT)
    assert "この内容はまだ承認されていません" in str(said["release_batches"])
    assert printed(july) == []
    assert said["test_pack"] == {"test_labels": 0, "requests": 2}, "the form has passed, whatever the data"
    assert len(july.answer()) == 2
    july.run("labels", NEXT)
    assert len([name for name in printed(july) if name.endswith("manifest.csv")]) == 2


def test_another_font_has_to_pass_the_inspection_before_its_labels_are_asked_about(july: Programme):
    july.run("labels", LABELS)
    july.answer()
    other_font(july, NEXT)
    said = july.run("labels", NEXT)
    assert "この書式と外字の試し刷りはまだ承認されていません" in str(said["release_batches"])
    assert printed(july) == []
    assert {subject.split(":")[1] for subject in july.answer_open()} == {"labels_test"}
    assert "この内容はまだ承認されていません" in str(july.run("labels", NEXT)["release_batches"])
    assert {subject.split(":")[1] for subject in july.answer_open()} == {"labels"}
    assert july.run("labels", NEXT)["release_batches"]["batches"] == 2


def test_labels_of_a_form_that_was_not_inspected_are_not_printed_on_an_old_yes(july: Programme):
    july.run("labels", LABELS)
    july.answer()
    contract = yaml.safe_load((july.root / "contracts/gift/contract.yaml").read_text("utf-8"))
    contract["labels"]["offset_mm"] = {"x": 0.3, "y": 0.0}
    moved = installation(july.home.parent / "moved", labels=contract["labels"])
    with databases.environment(TODOKE_ROOT=str(moved)):
        said = july.run("labels", NEXT)
        assert "この書式と外字の試し刷りはまだ承認されていません" in str(said["release_batches"])
        assert printed(july) == []
        assert {subject.split(":")[1] for subject in july.answer_open()} == {"labels_test"}
        assert july.run("labels", NEXT)["release_batches"]["batches"] == 2, "the content is the one that was approved"


def test_the_wards_inspector_and_day_are_recorded_and_a_later_run_does_not_ask_again(july: Programme):
    july.run("labels", LABELS)
    july.answer()
    july.run("labels", LABELS)
    inspected = july.rows("approval", verdict="inspected")
    assert {(row["inspector"], row["inspected_on"]) for row in inspected} == {("防災課普及係主任（02）", LABELS)}
    assert len(inspected) == 2
    new = replace(home_of(COUPLE), no="00004001", surname=("新規", "しんき"))
    july.ward_sends("additions", table(HEADER, new.rows()), NEXT)
    for process in ("intake", "register"):
        july.run(process, NEXT)
    said = july.run("labels", NEXT)
    assert said["test_pack"] == {"test_labels": 0, "requests": 1}
    assert july.answer() == ["gift:labels:catalogue"]


@pytest.mark.parametrize(
    ("inspector", "day"),
    [
        ("", "2026-09-07"),
        ("　 ", "2026-09-07"),
        (None, "2026-09-07"),
        (["02"], "2026-09-07"),
        ("防災課　検査　一郎", "2026-09-07"),
        ("防災課普及係主任", "2026-09-07"),
        ("99", "2026-09-07"),
        (INSPECTOR, ""),
        (INSPECTOR, None),
        (INSPECTOR, 20260907),
        (INSPECTOR, "9月7日"),
        (INSPECTOR, "2026-09-31"),
        (INSPECTOR, "2026-09-08"),  # tomorrow
        (INSPECTOR, "2026-09-06"),  # before there was a test print
    ],
)
def test_a_yes_without_a_sound_inspection_prints_nothing_and_is_asked_again(
    july: Programme, inspector: object, day: object
):
    july.run("labels", LABELS)
    for asked in approval.pending("gift"):
        place = ("gift", asked["subject"], asked["digest"])
        said = approval.record(*place, "inspected", "a", asked["round"], inspector=inspector, inspected_on=day)
        assert said == {"recorded": 1, "verdict": "incomplete"}
    assert {(row["inspector"], row["inspected_on"]) for row in july.rows("approval")} == {(None, None)}
    said = labels.test_pack("gift", LABELS)
    assert said["requests"] == 2
    with pytest.raises(NotApproved, match="試し刷りはまだ承認されていません"):
        labels.claim_batches("gift", LABELS)
    again = approval.pending("gift")
    assert {(each["subject"].split(":")[1], each["round"]) for each in again} == {("labels_test", 2)}
    assert all("前回の承認には、記入もれか" in each["body"] for each in again)


def test_a_test_print_is_made_anew_when_the_data_changed_before_it_was_asked_again(july: Programme):
    july.run("labels", LABELS)
    july.answer("expired")
    another_address(july, NEXT)
    assert july.run("labels", NEXT)["test_pack"]["requests"] == 2
    packs = {name.split("/")[1] for name in july.out("labels_test")}
    told = {re.search(r"labels_test/(\w+)/", row["body"])[1] for row in july.rows("approval_request")}
    assert packs == told and len(packs) == 4


def test_a_yes_for_one_kind_lets_that_kind_alone_go(july: Programme):
    july.run("labels", LABELS)
    july.answer_open()
    july.run("labels", LABELS)
    asked = {request["subject"]: request["digest"] for request in approval.pending("gift")}
    approval.record(
        "gift", "gift:labels:catalogue_confidential", asked["gift:labels:catalogue_confidential"], "approved", "a"
    )
    assert july.run("labels", LABELS)["release_batches"] == {"batches": 1, "labels": 1}
    assert one(july.rows("batch"))["kind"] == "catalogue_confidential"


def test_the_first_answer_stands(july: Programme):
    july.run("labels", LABELS)
    request = approval.pending("gift")[0]
    place = ("gift", request["subject"], request["digest"])
    with pytest.raises(TodokeError, match="選択肢にありません"):
        approval.record(*place, "approved", "a")  # a test print is inspected, or rejected
    assert approval.record(*place, "rejected", "a")["recorded"] == 1
    assert approval.record(*place, "inspected", "b")["recorded"] == 0
    assert one(july.rows("approval"))["verdict"] == "rejected"


def test_without_an_answer_in_time_nothing_goes_and_the_next_run_asks_again(july: Programme):
    july.run("labels", LABELS)
    first = approval.pending("gift")
    july.answer("expired")
    said = july.run("labels", NEXT)
    assert "まだ承認されていません" in str(said["release_batches"])
    assert said["test_pack"]["requests"] == 2
    assert printed(july) == []
    again = approval.pending("gift")
    assert [(each["digest"], each["round"]) for each in again] == [(each["digest"], 2) for each in first]
    ids = {approval.run_id(each) for each in first + again}
    assert len(ids) == 4, "Airflow starts no second run of the same id"
    late = first[0]
    assert approval.record("gift", late["subject"], late["digest"], "inspected", "late", 1) == {"recorded": 0}
    assert "まだ承認されていません" in str(july.run("labels", NEXT)["release_batches"])
    assert len(july.answer()) == 4
    assert july.run("labels", NEXT)["release_batches"] == {"batches": 2, "labels": 11}


def test_a_no_stands_until_a_named_person_has_it_asked_again(july: Programme):
    july.run("labels", LABELS)
    asked = approval.pending("gift")
    july.answer("rejected")
    for each in asked:
        assert approval.reopen("gift", each["subject"], each["digest"], "佐藤") == 2
        with pytest.raises(TodokeError, match="却下された依頼ではありません"):  # it is open now
            approval.reopen("gift", each["subject"], each["digest"], "佐藤")
    said = july.run("labels", NEXT)
    assert "まだ承認されていません" in str(said["release_batches"])
    assert said["test_pack"]["requests"] == 0, "it is asked already"
    assert {row["reopened_by"] for row in july.rows("approval_request", round=2)} == {"佐藤"}
    assert len(july.answer()) == 4
    assert july.run("labels", NEXT)["release_batches"] == {"batches": 2, "labels": 11}
    verdicts = sorted(row["verdict"] for row in july.rows("approval"))
    assert verdicts == ["approved"] * 2 + ["inspected"] * 2 + ["rejected"] * 2


def test_only_what_was_rejected_can_be_asked_again(july: Programme):
    july.run("labels", LABELS)
    july.answer()
    row = july.rows("approval")[0]
    for digest in (row["subject_digest"], "0" * 64):
        with pytest.raises(TodokeError, match="却下された依頼ではありません"):
            approval.reopen("gift", row["subject"], digest, "佐藤")


def test_of_answers_given_at_once_one_stands_and_the_others_are_told(empty: Programme):
    start = threading.Barrier(6)

    def answer(digest: str, verdict: str) -> int:
        start.wait()
        return int(approval.record("gift", "gift:labels:catalogue", digest, verdict, "a")["recorded"])

    assert empty.rows("approval") == []
    with ThreadPoolExecutor(6) as pool:
        for digest in ("a" * 64, "b" * 64, "c" * 64):
            assert sum(pool.map(answer, [digest] * 6, ["approved", "rejected"] * 3)) == 1
    assert len(empty.rows("approval")) == 3


def test_what_is_asked_holds_no_name_and_no_address(july: Programme):
    july.run("labels", LABELS)
    july.answer()
    asked = "".join(row["title"] + row["body"] for row in july.rows("approval_request"))
    assert "10件" in asked
    for home in (FAMILY, COUPLE, QUIET):
        assert home_of(home).surname[0] not in asked
        assert home_of(home).town not in asked


def test_toilets_wait_for_their_day_and_for_a_yes(november: Programme):
    november.run("orders", AFTER_DEADLINE)
    assert november.run("nonapplicants", date(2027, 1, 19))["propose"] == {"not_due": 1}  # 15 January and 3 open days
    said = november.run("nonapplicants", TOILETS_GO)
    assert said["propose"] | {"settlement": "", "requests": 0} == {
        "settlement": "",
        "applied": 0,
        "toilets": 11,
        "waiting": 0,
        "not_reached": 2,
        "excluded": 0,
        "undrawn": 0,
        "requests": 0,
    }
    assert "まだ承認されていません" in str(said["release_batches"])
    assert [row["state"] for row in november.rows("shipment", kind="toilet")] == ["planned"] * 11
    november.answer()
    said = november.run("nonapplicants", TOILETS_GO)["release_batches"]
    assert said == {"batches": 2, "labels": 11}
    assert november.parcel(FAMILY, "toilet")["lines"] == {"TOILET": 45}
    lists = {name.rpartition("/")[2]: content for name, content in november.out("nonapplicants").items()}
    assert lists["not_reached.csv"].decode("cp932").split() == ["世帯番号", "00002001", "00003001"]
    assert lists["waiting.csv"].decode("cp932").split() == ["世帯番号"]


def test_a_yes_to_toilets_does_not_hold_when_a_household_has_become_smaller(november: Programme):
    november.run("orders", AFTER_DEADLINE)
    november.run("nonapplicants", TOILETS_GO)
    november.answer()
    corrects(november, LATER, correction(replace(home_of(LATE), members=home_of(LATE).members[:1])))
    said = november.run("nonapplicants", LATER)
    assert november.parcel(LATE, "toilet")["lines"] == {"TOILET": 15}
    assert "まだ承認されていません" in str(said["release_batches"])
    assert november.parcel(LATE, "toilet")["state"] == "planned"


def test_those_who_wait_are_taken_by_a_later_run_when_they_have_become_clear(november: Programme):
    november.applies("w1", FAMILY, "2026-12-01 10:00", [("9999", 1)])
    november.run("orders", AFTER_DEADLINE)
    assert november.decision("W:w1") == ("review", "unknown_item")
    for day, waiting in ((TOILETS_GO, 1), (LATER, 0)):
        assert november.run("nonapplicants", day)["propose"]["waiting"] == waiting
        november.answer()
        november.run("nonapplicants", day)
        assert len(november.rows("shipment", household_no=FAMILY, kind="toilet")) == 1 - waiting
        november.phones("a1", FAMILY, "2027-01-20 11:00", "cancel") if waiting else None
        november.run("orders", day)
    assert november.parcel(FAMILY, "toilet")["state"] == "released"
    assert november.faults() == []
