"""Nothing is printed before a person has said yes to exactly that content."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
from label_samples import eudc_font
from programme import Programme, one
from small_ward import (
    CORRECTION_HEADER,
    COUPLE,
    FAMILY,
    LATE,
    QUIET,
    SECRET,
    correction,
    drop,
    home_of,
    table,
)

from todoke.errors import TodokeError
from todoke.process import approval

LABELS, NEXT = date(2026, 9, 7), date(2026, 9, 8)
AFTER_DEADLINE, TOILETS_GO, LATER = date(2027, 1, 18), date(2027, 1, 20), date(2027, 1, 21)

NO_STOPS = {"held": 0, "incidents": 0, "stops": 0}


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
    assert sorted(july.answer()) == ["gift:labels:catalogue", "gift:labels:catalogue_confidential"]
    assert july.run("labels", LABELS)["release_batches"] == {"batches": 2, "labels": 11, "waiting": 0, **NO_STOPS}
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


@pytest.mark.parametrize("change", [other_font, another_address, one_household_less])
def test_a_yes_does_not_hold_for_content_that_has_changed_since(july: Programme, change: Callable):
    july.run("labels", LABELS)
    july.answer()
    change(july, NEXT)
    said = july.run("labels", NEXT)
    assert "まだ承認されていません" in str(said["release_batches"])
    assert printed(july) == []
    assert len(july.answer()) == said["test_pack"]["requests"] == 2
    july.run("labels", NEXT)
    assert len([name for name in printed(july) if name.endswith("manifest.csv")]) == 2


def test_a_yes_for_one_kind_lets_that_kind_alone_go(july: Programme):
    july.run("labels", LABELS)
    asked = {request["subject"]: request["digest"] for request in approval.pending("gift")}
    approval.record(
        "gift", "gift:labels:catalogue_confidential", asked["gift:labels:catalogue_confidential"], "approved", "a"
    )
    assert july.run("labels", LABELS)["release_batches"] == {"batches": 1, "labels": 1, "waiting": 1, **NO_STOPS}
    assert one(july.rows("batch"))["kind"] == "catalogue_confidential"


def test_the_first_answer_stands(july: Programme):
    july.run("labels", LABELS)
    request = approval.pending("gift")[0]
    place = ("gift", request["subject"], request["digest"])
    assert approval.record(*place, "rejected", "a")["recorded"] == 1
    assert approval.record(*place, "approved", "b")["recorded"] == 0
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
    assert approval.record("gift", late["subject"], late["digest"], "approved", "late", 1) == {"recorded": 0}
    assert "まだ承認されていません" in str(july.run("labels", NEXT)["release_batches"])
    assert len(july.answer()) == 2
    assert july.run("labels", NEXT)["release_batches"] == {"batches": 2, "labels": 11, "waiting": 0, **NO_STOPS}


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
    assert len(july.answer()) == 2
    assert july.run("labels", NEXT)["release_batches"] == {"batches": 2, "labels": 11, "waiting": 0, **NO_STOPS}
    assert sorted(row["verdict"] for row in july.rows("approval")) == ["approved"] * 2 + ["rejected"] * 2


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
        "requests": 0,
    }
    assert "まだ承認されていません" in str(said["release"])
    assert [row["state"] for row in november.rows("shipment", kind="toilet")] == ["planned"] * 11
    november.answer()
    said = november.run("nonapplicants", TOILETS_GO)["release"]
    assert said == {"batches": 2, "labels": 11, "waiting": 0, **NO_STOPS}
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
    assert "まだ承認されていません" in str(said["release"])
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
