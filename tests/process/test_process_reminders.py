"""One notice to whoever has not applied by the day of the reminder, and to nobody else (G22)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from label_samples import eudc_font
from programme import CONTRACT, Programme, one
from register_steps import corrections, sends
from small_ward import (
    COUPLE,
    DECLINES,
    FAMILY,
    GAIJI_NAME,
    GOOD,
    LATE,
    SECRET,
    SECRET_INSTRUCTED,
    SINGLE,
    correction,
    drop,
    home_of,
    secret,
)

from todoke.errors import GateClosed
from todoke.process import approval, labels, pull_outs

BEFORE, LAST_OPEN, REMINDER, NEXT, AFTER_DEADLINE = (
    date(2026, 11, 10),
    date(2026, 12, 11),
    date(2026, 12, 14),
    date(2026, 12, 15),
    date(2027, 1, 18),
)
WATER = "3001"


@pytest.fixture(scope="module")
def in_december(in_november: Programme, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programme]:
    """One has applied, one has declined; orders are settled for the open day before the reminder."""
    with in_november.copied(tmp_path_factory.mktemp("december") / "home") as programme:
        with programme.entered():
            programme.applies("w1", FAMILY, "2026-11-10 12:00", [(WATER, 1)])
            card = programme.card("H1", DECLINES, "エンリョ　トミ", "152-0003", [], 辞退="1", 辞退確信度=0.99)
            programme.scans(BEFORE, card)
            programme.run("orders", BEFORE)
            programme.run("orders", LAST_OPEN)
        yield programme


@pytest.fixture
def december(in_december: Programme, tmp_path: Path) -> Iterator[Programme]:
    """A programme of its own from the last open day before the reminder on."""
    with in_december.copied(tmp_path / "home") as programme, programme.entered():
        yield programme


def notices(programme: Programme, state: str = "released") -> set[str]:
    return {row["household_no"] for row in programme.rows("shipment", kind="notice", state=state)}


def reminded(programme: Programme, on: date = REMINDER) -> dict:
    programme.run("reminders", on)
    programme.answer()
    return programme.run("reminders", on)


def test_who_has_neither_applied_nor_declined_gets_one_notice_after_a_yes(december: Programme):
    said = december.run("reminders", REMINDER)
    assert "まだ承認されていません" in str(said["release_batches"])
    assert notices(december) == set()
    assert "申込期限は 2027-01-15 です" in approval.pending(CONTRACT)[0]["body"]
    december.answer()
    assert december.run("reminders", REMINDER)["release_batches"]["labels"] == len(GOOD) - 3
    assert notices(december) == {home.no for home in GOOD} - {FAMILY, DECLINES, SECRET}
    assert december.rows("claim", claim="notice") == []
    assert december.faults() == []


def test_a_notice_has_a_label_and_the_carrier_its_row_and_the_confidential_ones_their_own(december: Programme):
    reminded(december)
    manifests = [
        list(csv.DictReader(io.StringIO(c.decode()))) for n, c in december.out("labels").items() if "manifest" in n
    ]
    names = {row["household_no"] for rows in manifests for row in rows}
    assert names >= notices(december)
    rows = {row["出荷番号"]: row for row in december.shipped("勧奨通知")}
    assert len(rows) == len(notices(december))
    mine = rows[december.parcel(SECRET_INSTRUCTED, "notice")["id"]]
    assert "原町" not in str(mine) and mine["郵便番号"].replace("-", "") == "1500002"
    assert {batch["kind"] for batch in december.rows("batch")} >= {"notice", "notice_confidential"}


def test_a_notice_that_cannot_be_drawn_is_held_and_listed_and_the_totals_close(december: Programme):
    drop(december.inbox("cloud"), "EUDC.TTE", eudc_font(nudge=0.2))
    december.run("intake", LAST_OPEN)
    december.run("labels", LAST_OPEN)
    december.answer("rejected")
    reminded(december)
    assert december.parcel(GAIJI_NAME, "notice")["state"] == "on_hold"
    [content] = [c for name, c in december.out("reminders").items() if "/held_" in name]
    [held] = csv.DictReader(content.decode("utf-8-sig").splitlines())
    assert (held["世帯番号"], held["コードポイント"]) == (GAIJI_NAME, "U+E000")
    of = {row["id"]: row["kind"] for row in december.rows("batch")}
    controls = {name.split("/")[1]: c for name, c in december.out("labels").items() if name.endswith("control.json")}
    totals = [json.loads(c) for batch, c in controls.items() if of[batch].startswith("notice")]
    assert len(totals) == 2 and totals[0] == totals[1], "of the ordinary and the confidential ones together"
    assert totals[0]["labels"] == len(notices(december)) and totals[0]["held"] >= 1
    assert totals[0]["labels"] + totals[0]["held"] + totals[0]["excluded"] == totals[0]["households"]
    assert december.faults() == []


def test_a_notice_with_a_gaiji_that_did_not_print_right_is_pulled(december: Programme):
    reminded(december)
    said = pull_outs.request(CONTRACT, by_whom="佐藤", cause="字形", code_point="U+E000")
    assert (said["listed"], said["too_late"]) == (1, 1), "the carrier has the catalogue"
    [listed] = december.rows("pull_item", state="to_find")
    assert listed["shipment_id"] == december.parcel(GAIJI_NAME, "notice")["id"]
    assert december.parcel(GAIJI_NAME, "notice")["state"] == "stopped"
    assert december.faults() == []


def test_nothing_happens_before_the_day(december: Programme):
    before = december.traces()
    assert december.run("reminders", LAST_OPEN)["propose"] == {"not_due": 1}
    assert december.traces() == before


def test_it_waits_for_the_orders_of_the_last_open_day(november: Programme):
    november.run("orders", BEFORE)
    with pytest.raises(GateClosed, match="突合されていません"):
        november.run("reminders", REMINDER)
    assert november.rows("shipment", kind="notice") == []


def test_who_applies_before_the_notice_is_printed_gets_none(december: Programme):
    december.run("reminders", REMINDER)
    december.applies("w2", COUPLE, "2026-12-14 12:00", [(WATER, 1)])
    december.run("orders", REMINDER)
    december.run("reminders", NEXT)
    december.answer()
    december.run("reminders", NEXT)
    assert COUPLE not in notices(december)
    assert LATE in notices(december)


def test_who_applies_after_it_keeps_it_and_nobody_is_added_later(december: Programme):
    reminded(december)
    sent = notices(december)
    december.applies("w2", COUPLE, "2026-12-14 12:00", [(WATER, 1)])
    december.cancels("w1", "2026-12-14 13:00")
    december.run("orders", REMINDER)
    december.run("orders", NEXT)
    before = december.rows("shipment", kind="notice")
    december.run("reminders", NEXT)
    december.hands_over(NEXT, "notice")
    december.run("reminders", date(2026, 12, 16))
    assert notices(december, "handed_over") == sent and FAMILY not in sent
    assert len(before) == len(december.rows("shipment", kind="notice"))
    assert december.rows("difference") == []
    assert approval.pending(CONTRACT) == []
    assert december.faults() == []


def test_who_becomes_confidential_or_is_deleted_meanwhile_is_stopped(december: Programme):
    reminded(december)
    rows = corrections(correction(secret(home_of(COUPLE))), correction(home_of(SINGLE), "削除", "誤り"))
    sends(december, NEXT, corrections=rows)
    assert {december.parcel(number, "notice")["state"] for number in (COUPLE, SINGLE)} == {"stopped"}


def test_a_notice_that_was_not_approved_does_not_go_after_the_deadline(december: Programme):
    december.run("reminders", REMINDER)
    december.answer("rejected")
    december.run("orders", AFTER_DEADLINE)
    december.run("reminders", AFTER_DEADLINE)
    assert notices(december, "cancelled") == {row["household_no"] for row in december.rows("shipment", kind="notice")}
    december.run("nonapplicants", date(2027, 1, 20))
    assert december.faults() == []


def test_those_whose_catalogue_did_not_arrive_are_listed_and_not_reminded(december: Programme):
    parcel = one(december.rows("shipment", household_no=LATE, kind="catalogue"))["id"]
    december.carrier_reports(LAST_OPEN, (parcel, 1, "宛所不明", "15:00"))
    december.run("deliveries", LAST_OPEN)
    reminded(december)
    assert LATE not in notices(december)
    [content] = [c for n, c in december.out("reminders").items() if n.endswith("not_reached.csv")]
    assert LATE in content.decode("cp932")


def test_killed_between_lock_and_label_the_next_run_prints_the_same(
    december: Programme, monkeypatch: pytest.MonkeyPatch
):
    december.run("reminders", REMINDER)
    december.answer()
    with monkeypatch.context() as killed:
        killed.setattr(labels, "publish_labels", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            december.run("reminders", REMINDER)
    december.run("reminders", NEXT)  # all are locked: it does not matter any more who has applied since
    assert {row["state"] for row in december.rows("batch") if row["kind"].startswith("notice")} == {"published"}
    assert len(december.shipped("勧奨通知")) == len(notices(december)) == len(GOOD) - 3
