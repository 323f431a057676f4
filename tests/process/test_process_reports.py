"""What the carrier says is counted once, reported once, and mailed once; answers of few people are not shown."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
import pytest
from mailbox_server import mailbox
from programme import Programme, arrived, one
from small_ward import COUPLE, FAMILY, SINGLE

from todoke.errors import KeyMissing, TodokeError
from todoke.outbox.send import resolve
from todoke.outbox.transmit import InDoubt, Refused

DAY, NEXT = date(2026, 11, 4), date(2026, 11, 5)
OCTOBER_DUE, NOVEMBER_DUE, DECEMBER_DUE = date(2026, 11, 10), date(2026, 12, 10), date(2027, 1, 8)


def cells(content: bytes, sheet: str) -> list[list[object]]:
    page = openpyxl.load_workbook(io.BytesIO(content))[sheet]
    return [[cell for cell in row if cell is not None] for row in page.iter_rows(values_only=True)]


def test_a_parcel_that_is_not_ours_goes_to_quarantine_and_the_others_are_taken(november: Programme):
    ours = november.parcel(FAMILY, "catalogue")["id"]
    other = november.parcel(COUPLE, "catalogue")["id"]
    november.carrier_reports(
        DAY,
        ("CZZZZZZZZZZZZZ", 1, "配達完了", "10:00"),
        (ours, 1, "配達完了", "11:00"),
        (other, 1, "行方知れず", "12:00"),
        ("", 1, "配達完了", "13:00"),
        (other, 1, "配達完了", "昼ごろ"),
    )
    said = november.run("deliveries", DAY)
    assert (said["land_results"]["rows"], said["land_results"]["quarantined"]) == (5, 4)
    assert said["settle"] == {"changed": 1}
    bad = {(row["row_no"], row["field"], row["reason"]) for row in november.version("carrier_bad_row")}
    assert bad == {
        (1, "出荷番号", "shipment_unknown"),
        (3, "状態", "state_unknown"),
        (4, "出荷番号", "shipment_id_missing"),
        (5, "日時", "moment_invalid"),
    }
    receipt = one([row for row in november.rows("receipt", kind="carrier") if row["rows"] == 5])
    assert receipt["rows"] == receipt["accepted"] + receipt["quarantined"]
    assert november.parcel(FAMILY, "catalogue")["state"] == "delivered"
    assert november.parcel(COUPLE, "catalogue")["state"] == "handed_over"
    assert november.rows("difference") == []
    assert november.faults() == []


def test_the_same_event_in_two_files_is_one_fact(november: Programme):
    ours = november.parcel(FAMILY, "catalogue")["id"]
    november.carrier_reports(DAY, (ours, 1, "配達完了", "11:00"))
    november.carrier_reports(
        NEXT, (ours, 1, "配達完了", f"{DAY} 11:00"), (november.parcel(COUPLE, "catalogue")["id"], 1, "不在", "9:00")
    )
    november.run("deliveries", DAY)
    assert november.run("deliveries", NEXT)["settle"] == {"changed": 0}
    assert len(november.rows("shipment_event", shipment_id=ours)) == 2  # handed over, delivered
    assert november.parcel(COUPLE, "catalogue")["state"] == "absent"


def test_an_event_that_comes_late_finds_its_place(november: Programme):
    ours = november.parcel(FAMILY, "catalogue")["id"]
    november.carrier_reports(NEXT, (ours, 1, "配達完了", "11:00"))
    november.run("deliveries", NEXT)
    november.carrier_reports(date(2026, 11, 6), (ours, 1, "不在", "2026-11-04 11:00"))
    november.run("deliveries", date(2026, 11, 6))
    assert november.parcel(FAMILY, "catalogue")["state"] == "delivered"
    assert november.faults() == []


def test_a_month_without_results_has_no_report(november: Programme):
    with mailbox() as box:
        assert november.run("reports", OCTOBER_DUE) == {
            "prepare": {"due": 1, "prepared": 0, "not_needed": 1},
            "send": {"sent": 0},
        }
        assert november.run("reports", date(2026, 11, 11))["prepare"]["due"] == 0
    assert box.mails == []
    assert november.out("reports") == {}
    assert one(november.rows("deliverable"))["state"] == "not_needed"


def test_the_report_goes_once_with_its_figures_in_the_body(november: Programme):
    arrived(november)
    with mailbox() as box:
        assert november.run("reports", NOVEMBER_DUE)["send"] == {"sent": 1}
        november.run("reports", NOVEMBER_DUE)
        november.run("reports", date(2026, 12, 11))
    mail = one(box.mails)
    assert mail["To"] == "bosai@ward.example.jp"
    assert "2026年11月" in mail["Subject"]
    text = mail.get_body(("plain",)).get_content()
    assert "カタログ：発送 11、配達完了 8、返戻 1、事故 1" in text
    assert "宛所不明 1" in text
    attachment = one(list(mail.iter_attachments()))
    assert attachment.get_filename() == "gift_deliveries_2026-11.xlsx"
    figures = next(row for row in cells(attachment.get_content(), "月間集計") if row and row[0] == "カタログ")
    assert figures[1:4] == [0, 11, 8]
    assert one(november.rows("deliverable"))["state"] == "sent"


def test_a_report_stays_as_it_was_made_whatever_the_carrier_says_later(november: Programme):
    arrived(november)
    with pytest.raises(KeyMissing):
        november.run("reports", NOVEMBER_DUE)  # no mail server is set
    made = november.out("reports")
    left = one(november.rows("shipment", kind="catalogue", state="handed_over"))
    november.carrier_reports(date(2026, 12, 11), (left["id"], 1, "配達完了", "2026-11-30 10:00"))
    november.run("deliveries", date(2026, 12, 11))
    with mailbox() as box:
        november.run("reports", date(2026, 12, 11))
    assert "配達完了 8、" in one(box.mails).get_body(("plain",)).get_content()
    assert november.out("reports") == made


def test_a_mail_that_was_not_taken_goes_with_the_next_run(november: Programme):
    arrived(november)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TODOKE_SMTP", "smtp://127.0.0.1:9")
        with pytest.raises(Refused):
            november.run("reports", NOVEMBER_DUE)
    with mailbox() as box:
        november.run("reports", NOVEMBER_DUE)
    assert len(box.mails) == 1


@pytest.mark.parametrize("was_taken", [True, False])
def test_a_mail_in_doubt_goes_again_only_when_a_person_says_so(november: Programme, was_taken: bool):
    arrived(november)
    with mailbox() as box:
        box.breaks = True
        with pytest.raises(InDoubt):
            november.run("reports", NOVEMBER_DUE)
        box.breaks = False
        with pytest.raises(InDoubt):
            november.run("reports", NOVEMBER_DUE)
        assert box.mails == []
        resolve(november.ledger, "report/deliveries/2026-11", sent=was_taken, by_whom="事務局")
        november.run("reports", NOVEMBER_DUE)
        assert len(box.mails) == (not was_taken)
    assert one(november.rows("deliverable"))["state"] == "sent"


def test_a_mail_in_doubt_does_not_keep_the_next_report_back(november: Programme):
    arrived(november)
    with mailbox() as box:
        box.breaks = True
        with pytest.raises(InDoubt):
            november.run("reports", NOVEMBER_DUE)
        box.breaks = False
        left = one(november.rows("shipment", kind="catalogue", state="handed_over"))
        november.carrier_reports(date(2026, 12, 20), (left["id"], 1, "配達完了", "10:00"))
        november.run("deliveries", date(2026, 12, 20))
        with pytest.raises(InDoubt, match="2026-11"):
            november.run("reports", DECEMBER_DUE)
    assert "2026年12月" in one(box.mails)["Subject"]
    states = {row["period"]: row["state"] for row in november.rows("deliverable")}
    assert states == {"2026-11": "prepared", "2026-12": "sent"}


def test_a_web_database_that_is_not_set_is_named(november: Programme):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TODOKE_GIFT_WEB")
        with pytest.raises(TodokeError, match="TODOKE_GIFT_WEB"):
            november.run("survey", DAY)


def test_answers_of_few_people_are_hidden_and_free_text_is_only_counted(november: Programme):
    for name, household in (("w1", FAMILY), ("w2", SINGLE)):
        november.applies(name, household, "2026-11-10 09:00", [("3001", 1)])
    ages = ["1"] * 8 + ["2"] * 2 + ["3"] * 6
    answers = [(f"x{n}", "Q1", choice, "2026-11-10 09:05") for n, choice in enumerate(ages)]
    answers += [(f"x{n}", "Q5", "隣の人の名前は見本一郎", "2026-11-10 09:06") for n in range(7)]
    answers += [("x99", "Q1", "1", "2026-11-11 00:00")]  # after the day
    november.answers(answers)

    said = november.run("survey", date(2026, 11, 10))["publish"]

    name, content = one([{"name": n, "content": c} for n, c in november.out("survey").items()]).values()
    assert name.endswith("gift_survey_2026-11-10.xlsx")
    shown = {row[0]: row[1] for row in cells(content, "Q1") if len(row) > 1}
    assert shown["20代以下"] == 8
    assert shown["30代"] == shown["40代"] == "＊"  # 6 would tell 2 from the total of 16
    assert shown["50代"] == 0
    assert said["hidden"] >= 2
    book = openpyxl.load_workbook(io.BytesIO(content))
    words = {str(cell) for page in book for row in page.iter_rows(values_only=True) for cell in row}
    assert not any("見本" in word for word in words)
    assert any(row[-1] == 7 for row in cells(content, "概要") if "自由意見" in row)
