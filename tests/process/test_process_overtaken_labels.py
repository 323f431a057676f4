"""Printed labels that something overtakes are listed, one is picked by its place, and a wrong gaiji is followed up."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from label_samples import eudc_font
from programme import CONTRACT, Programme, one, prints
from small_ward import (
    CORRECTION_HEADER,
    COUPLE,
    FAMILY,
    GAIJI_NAME,
    HEADER,
    SINGLE,
    correction,
    drop,
    home_of,
    secret,
    table,
)
from test_process_pull_outs import HAND_OVER, NEXT, THIRD, PullList, states

from todoke.errors import TodokeError
from todoke.process import labels, pull_outs, pull_requests
from todoke.process.printed_labels import LabelPlace


def reasons(programme: Programme) -> dict[str, list[str]]:
    """Why labels of each household are on the list."""
    of = {row["id"]: row["household_no"] for row in programme.rows("shipment")}
    found: dict[str, list[str]] = {}
    for row in programme.rows("pull_item"):
        found.setdefault(of[row["shipment_id"]], []).append(row["reason"])
    return found


def corrected(programme: Programme, rows: list[Any], on: date) -> None:
    programme.ward_sends("corrections", table(CORRECTION_HEADER, rows), on)
    for process in ("intake", "register", "labels"):
        programme.run(process, on)
    programme.answer()
    programme.run("labels", on)


def test_a_label_that_a_newer_register_overtakes_is_listed_and_the_right_one_goes(printed: Programme):
    rows = [
        *correction(replace(home_of(COUPLE), block="9番9号")),
        *correction(secret(home_of(FAMILY))),
        *correction(home_of(SINGLE), "削除", "死亡", "2026-06-10"),
    ]
    corrected(printed, rows, NEXT)
    assert reasons(printed) == {COUPLE: ["superseded"], FAMILY: ["confidential"], SINGLE: ["held"]}
    couple = printed.parcel(COUPLE, "catalogue")
    assert (couple["state"], couple["revision"]) == ("released", 2)
    assert printed.parcel(SINGLE, "catalogue")["state"] == "stopped"
    printed.hands_over(HAND_OVER, "catalogue")
    pull_outs.pull_out(CONTRACT, HAND_OVER)
    assert states(printed)[COUPLE] == "to_find", "the carrier has the other label"
    assert printed.faults() == []


def test_one_of_two_labels_is_picked_by_its_place_and_the_right_parcel_goes_on(printed: Programme):
    new = replace(home_of(SINGLE), no="00004001", surname=("新規", "しんき"), members=(("葉", "よう", "1993-02-11"),))
    for on, seq, block in ((NEXT, 2, "2番2号"), (THIRD, 1, "1番1号")):
        printed.ward_sends("additions", table(HEADER, replace(new, block=block).rows()), NEXT, seq)
        for process in ("intake", "register", "labels"):
            printed.run(process, on)
        printed.answer()
        prints(labels)(CONTRACT, on)
    number = printed.number("00004001")
    with pytest.raises(TodokeError, match="ラベルは2件あります") as refused:
        pull_outs.request(CONTRACT, by_whom="佐藤", cause="旧住所", application_no=number)
    batch, file, sheet, position = re.findall(r"束 (\S+) (\S+) (\d+)枚目 位置(\d+)", str(refused.value))[0]
    place = LabelPlace(batch, file, int(sheet), int(position))
    said = pull_outs.request(CONTRACT, by_whom="佐藤", cause="旧住所", place=place)
    assert (said["listed"], said["stops"]) == (1, 0)
    printed.run("labels", THIRD)
    assert reasons(printed) == {"00004001": ["single"]}
    parcel = printed.parcel("00004001", "catalogue")
    assert (parcel["state"], parcel["revision"]) == ("released", 2)
    assert printed.faults() == []


def test_a_character_that_stands_everywhere_is_counted_first_and_blanks_are_refused(printed: Programme):
    asked = {"by_whom": "佐藤", "cause": "字形"}
    for blank in ("U+3000", "U+0020", "U+00A0", "U+E0100"):
        with pytest.raises(TodokeError, match="印字される文字"):
            pull_outs.request(CONTRACT, **asked, code_point=blank, at_most=99)
    with pytest.raises(TodokeError, match="外字ではない文字です。9件"):
        pull_outs.request(CONTRACT, **asked, code_point="U+756A")  # 番
    with pytest.raises(TodokeError, match="--at-most の3件"):
        pull_outs.request(CONTRACT, **asked, code_point="U+756A", at_most=3)
    assert pull_outs.request(CONTRACT, **asked, code_point="U+756A", dry_run=True)["listed"] == 9
    with pytest.raises(TodokeError, match="見つかりません"):
        pull_outs.request(CONTRACT, **asked, code_point="U+8FBB U+E0100")
    assert printed.rows("pull_item") == printed.rows("pull_request") == []


def test_a_gaiji_found_wrong_after_hand_over_is_listed_and_told(printed: Programme):
    printed.hands_over(HAND_OVER, "catalogue")
    said = pull_outs.request(CONTRACT, by_whom="佐藤", cause="字形", code_point="U+E000")
    assert (said["listed"], said["too_late"]) == (0, 1)
    assert PullList(printed).rows()[GAIJI_NAME]["状態"] == "引渡し済み"
    printed.run("labels", HAND_OVER)
    assert [(row["kind"], row["state"]) for row in printed.rows("difference")] == [("pull_out", "open")]
    assert one(printed.rows("pull_request"))["value"] == "U+E000"
    assert printed.faults() == []


def test_a_pulled_gaiji_is_printed_right_once_a_new_font_is_in_force(printed: Programme):
    pull_outs.request(CONTRACT, by_whom="佐藤", cause="字形", code_point="U+E000")
    PullList(printed).says(GAIJI_NAME, "引抜き済み").returned(NEXT)
    printed.run("labels", NEXT)
    assert printed.parcel(GAIJI_NAME, "catalogue")["state"] == "stopped"
    drop(printed.inbox("cloud"), "EUDC.TTE", eudc_font(nudge=0.08))
    printed.run("intake", THIRD)
    for _ in range(4):
        printed.run("labels", THIRD)
        printed.answer()
    printed.run("labels", THIRD)
    parcel = printed.parcel(GAIJI_NAME, "catalogue")
    assert (parcel["state"], parcel["action"]) == ("released", "replace")
    assert reasons(printed)[GAIJI_NAME] == ["gaiji"]
    assert printed.faults() == []


def test_a_request_is_taken_back_though_the_carrier_has_one_of_its_labels(printed: Programme):
    parcels = {row["household_no"] for row in printed.rows("shipment", kind="catalogue")}
    printed.hands_over(HAND_OVER, "catalogue", but=sorted(parcels - {SINGLE}))
    asked = {"by_whom": "佐藤", "cause": "字形"}
    said = pull_outs.request(CONTRACT, **asked, code_point="U+756A", at_most=9)  # 番
    assert said["too_late"] == 1 and (listed := int(said["listed"])) > 1
    printed.run("labels", HAND_OVER)
    assert [(row["kind"], row["state"]) for row in printed.rows("difference")] == [("pull_out", "open")]
    assert pull_requests.withdraw(CONTRACT, str(said["request"]), **asked) == {"items": listed}
    assert states(printed) == dict.fromkeys(states(printed), "withdrawn") | {SINGLE: "too_late"}
    for _ in range(2):
        printed.run("labels", HAND_OVER)
        printed.answer()
    printed.run("labels", HAND_OVER)
    assert printed.rows("difference", state="open") == [], "nobody wants it back"
    assert printed.rows("shipment", kind="catalogue", state="stopped") == []
    assert printed.faults() == []


def test_a_request_ends_by_its_number_with_a_person_and_a_cause(printed: Programme):
    """A gaiji that the printer spoilt is printed anew in the same font; a request made by mistake is taken back."""
    asked = {"by_whom": "佐藤", "cause": "プリンター"}
    request = str(pull_outs.request(CONTRACT, **asked, code_point="U+E000")["request"])
    mistaken = pull_outs.request(CONTRACT, **asked, application_no=printed.number(SINGLE))
    for wrong, why in (({"request": "Q"}, "既に終わって"), ({"cause": " "}, "理由と担当者")):
        with pytest.raises(TodokeError, match=why):
            pull_requests.withdraw(CONTRACT, **({"request": request} | asked | wrong))
    assert pull_requests.withdraw(CONTRACT, str(mistaken["request"]), **asked) == {"items": 1}
    assert PullList(printed).rows()[SINGLE]["状態"] == "依頼の取消"
    PullList(printed).says(GAIJI_NAME, "引抜き済み").returned(NEXT)
    with pytest.raises(TodokeError, match="1件は、引抜き済み"):
        pull_requests.withdraw(CONTRACT, request, **asked)
    assert pull_requests.print_anew(CONTRACT, request, **asked) == {"items": 1}
    printed.run("labels", NEXT)
    printed.answer()
    printed.run("labels", NEXT)
    for household in (GAIJI_NAME, SINGLE):
        parcel = printed.parcel(household, "catalogue")
        assert (parcel["state"], parcel["action"]) == ("released", "replace")
    assert reasons(printed) == {GAIJI_NAME: ["gaiji"], SINGLE: ["held"]}, (
        "its parcel had been stopped: a new label goes"
    )
    ended = {row["id"]: (row["ended"], row["ended_by"]) for row in printed.rows("pull_request")}
    assert ended == {request: ("again", "佐藤"), mistaken["request"]: ("withdrawn", "佐藤")}
    assert printed.faults() == []
