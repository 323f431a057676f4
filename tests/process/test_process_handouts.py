"""What toilets and reminders share with the catalogues: proof, test pack, batches, control totals (G04, G06, G15)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from label_samples import eudc_font
from programme import CONTRACT, Programme, installation, one
from small_ward import COUPLE, GAIJI_NAME, drop

from todoke.process import approval, pull_outs

AFTER_DEADLINE, TOILETS_GO = date(2027, 1, 18), date(2027, 1, 20)
OWN_FORM = {
    "free_text": "携帯トイレ在中",
    "columns": 3,
    "rows": 8,
    "width_mm": 70,
    "height_mm": 33.9,
    "left_mm": 0,
    "top_mm": 12.9,
    "barcode_pt": 8,
}


@pytest.fixture(scope="session")
def other_forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation whose toilets have labels of their own, a few in a batch."""
    forms = {"toilet": OWN_FORM, "toilet_confidential": {"free_text": "携帯トイレ在中"}}
    return installation(tmp_path_factory.mktemp("forms"), labels={"labels_per_batch": 4, "forms": forms})


@pytest.fixture
def january(in_november: Programme, other_forms: Path, tmp_path: Path) -> Iterator[Programme]:
    """A new font draws a gaiji of one name otherwise, and a person has said no to it; nobody has applied."""
    with in_november.copied(tmp_path / "home", other_forms) as programme, programme.entered():
        drop(programme.inbox("cloud"), "EUDC.TTE", eudc_font(nudge=0.2))
        programme.run("intake", AFTER_DEADLINE)
        programme.run("labels", AFTER_DEADLINE)
        programme.answer("rejected")
        programme.run("orders", AFTER_DEADLINE)
        yield programme


def held_toilets(programme: Programme) -> list[dict[str, str]]:
    [content] = [c for name, c in programme.out("nonapplicants").items() if "/held_" in name]
    return list(csv.DictReader(content.decode("utf-8-sig").splitlines()))


def test_a_household_whose_toilet_label_cannot_be_drawn_is_listed_with_its_character(january: Programme):
    assert january.run("nonapplicants", TOILETS_GO)["propose"]["undrawn"] == 1
    assert january.parcel(GAIJI_NAME, "toilet")["state"] == "on_hold"
    [held] = held_toilets(january)
    assert (held["世帯番号"], held["申込番号"]) == (GAIJI_NAME, january.number(GAIJI_NAME))
    assert held["コードポイント"] == "U+E000"


def test_toilets_have_their_own_test_pack_batches_and_totals(january: Programme):
    january.run("nonapplicants", TOILETS_GO)
    january.answer_open()
    assert {row["subject"] for row in january.rows("approval", verdict="inspected")} >= {"gift:labels_test:toilet"}
    said = january.run("nonapplicants", TOILETS_GO)
    assert "まだ承認されていません" in said["release_batches"], "the form has passed, the list has not been approved"
    body = one(january.rows("approval_request", subject="gift:nonapplicants:toilet"))["body"]
    assert "束: 全" in body and "保留 1世帯" in body
    january.answer_open()
    assert january.run("nonapplicants", TOILETS_GO)["release_batches"]["labels"] == 10
    kinds = {row["id"]: row["kind"] for row in january.rows("batch")}
    totals = [
        json.loads(content)
        for name, content in january.out("labels").items()
        if name.endswith("control.json") and kinds[name.split("/")[1]].startswith("toilet")
    ]
    assert len([each.pop("part") for each in totals if each.pop("parts", 0)]) == 3
    assert all(each == totals[0] for each in totals)
    assert (totals[0]["labels"], totals[0]["held"]) == (10, 1)
    causes = ("sent_before", "applied", "waiting", "not_reached", "not_entitled", "later")
    assert totals[0]["excluded"] == sum(totals[0][cause] for cause in causes)
    assert totals[0]["labels"] + totals[0]["held"] + totals[0]["excluded"] == totals[0]["households"]
    assert january.faults() == []
    asked = {"by_whom": "佐藤", "cause": "かすれ", "code_point": "U+756A", "at_most": 50}
    said = pull_outs.request(CONTRACT, **asked)
    of = {row["id"]: (row["kind"], row["household_no"]) for row in january.rows("shipment")}
    to_find = {of[row["shipment_id"]] for row in january.rows("pull_item", state="to_find")}
    toilets = {place for shipment, place in of.items() if place[0] == "toilet"}
    without = {("toilet", COUPLE), ("toilet", GAIJI_NAME)}  # no 番 in the address; not printed
    assert to_find == toilets - without and said["listed"] == len(to_find), "the carrier has the catalogues"
    assert january.faults() == []


def test_a_no_to_the_test_print_of_toilets_prints_none_and_is_not_asked_again(january: Programme):
    january.run("nonapplicants", TOILETS_GO)
    assert "gift:labels_test:toilet" in january.answer_open("rejected")
    said = january.run("nonapplicants", TOILETS_GO)
    assert "試し刷りは却下されています" in said["release_batches"]
    assert approval.pending(CONTRACT) == []
    assert january.rows("batch", kind="toilet") == january.rows("batch", kind="toilet_confidential") == []
