"""A register, font or contract changes while parcels are on their way: nothing leaves on the word of the old one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from label_samples import eudc_font
from programme import CONTRACT, Programme, installation, prints
from small_ward import (
    CORRECTION_HEADER,
    COUPLE,
    FAMILY,
    GOOD,
    INSTRUCTION_HEADER,
    SECRET,
    SECRET_INSTRUCTED,
    SINGLE,
    correction,
    drop,
    home_of,
    secret,
    table,
)

from todoke.process import gaiji_proof, labels, orders, register, register_checks
from todoke.process.releasing import claimed
from todoke.process.workspace import Workspace

LABELS, FIRST, SECOND, THIRD = date(2026, 9, 7), date(2026, 11, 10), date(2026, 11, 11), date(2026, 11, 12)
WATER, RICE = "3001", "3006"


def publishes(programme: Programme, on: date, *rows: tuple[str, ...]) -> None:
    """A register is published, and nothing that follows from it is done yet."""
    programme.ward_sends("corrections", table(CORRECTION_HEADER, rows), on)
    programme.run("intake", on)
    register_checks.validate(CONTRACT, on)
    register.publish(CONTRACT, on)


def ordered(programme: Programme, *households: str) -> None:
    for household in households:
        programme.applies(f"w{household}", household, "2026-11-10 12:00", [(WATER, 1)])


def addresses(programme: Programme, household: str, kind: str = "防災用品") -> list[tuple[str, str, str]]:
    """What the carrier was told of a household's parcel: revision, action, address."""
    number = programme.parcel(household, "goods" if kind == "防災用品" else "catalogue")["id"]
    return [(r["改訂"], r["区分"], r["住所"]) for r in programme.shipped(kind) if r["出荷番号"] == number]


def test_a_household_made_confidential_between_settling_and_release_is_not_released(november: Programme):
    ordered(november, FAMILY, COUPLE)
    orders.land_web(CONTRACT, FIRST)
    orders.land_postcards(CONTRACT, FIRST)
    orders.settle(CONTRACT, FIRST)
    publishes(november, FIRST, *correction(secret(home_of(FAMILY))))

    said = orders.release(CONTRACT, FIRST)

    assert (said["goods"], said["held"], said["incidents"]) == (1, 1, 1)  # its catalogue had been handed over
    assert november.parcel(FAMILY)["state"] == "on_hold"
    assert addresses(november, COUPLE) == [("1", "出荷", "上目黒2-3-4")]
    november.run("orders", SECOND)
    assert [b["state"] for b in november.rows("batch", kind="goods")] == ["published"]
    assert november.faults() == []


def test_labels_planned_under_an_older_register_are_planned_anew_and_asked_for_again(july: Programme):
    gaiji_proof.prove(CONTRACT, LABELS)
    labels.plan(CONTRACT, LABELS)
    publishes(july, LABELS, *correction(secret(home_of(FAMILY))), *correction(home_of(SINGLE), "削除", "誤り"))
    labels.test_pack(CONTRACT, LABELS)
    july.answer()
    assert prints(labels)(CONTRACT, LABELS)["batches"] == 1
    july.run("labels", LABELS)
    july.answer()
    july.run("labels", LABELS)
    # one has become confidential, one was so already and the ward has not said where to, one is gone
    assert sum(batch["members"] for batch in july.rows("batch")) == len(GOOD) - 3
    states = {row["household_no"]: row["state"] for row in july.rows("shipment", kind="catalogue")}
    assert (states[FAMILY], states[SECRET], states[SINGLE]) == ("on_hold", "on_hold", "cancelled")
    assert july.faults() == []


def test_the_stop_file_leaves_with_the_register_that_forbids_the_parcel(july: Programme):
    """Catalogues are printed months before the web site opens: no run of orders is there to carry the stop."""
    july.run("labels", LABELS)
    july.answer()
    july.run("labels", LABELS)
    later = date(2026, 9, 14)
    july.ward_sends("corrections", table(CORRECTION_HEADER, correction(secret(home_of(FAMILY)))), later)
    july.run("intake", later)
    assert july.run("register", later)["stop"] == {"held": 1, "incidents": 0, "stops": 1}
    assert july.parcel(FAMILY, "catalogue")["state"] == "stopped"
    assert addresses(july, FAMILY, "カタログ")[-1] == ("2", "停止", "")
    before = july.traces()
    assert july.run("register", later)["stop"] == {"held": 0, "incidents": 0, "stops": 0}
    assert july.traces() == before


def test_a_household_taken_back_to_its_registered_address_is_shipped_to_it(november: Programme):
    ordered(november, FAMILY)
    november.run("orders", FIRST)
    publishes(november, SECOND, *correction(secret(home_of(FAMILY))))
    november.run("orders", SECOND)
    publishes(november, THIRD, *correction(home_of(FAMILY)))
    november.run("orders", THIRD)
    place = "中目黒１丁目２番３号"
    assert addresses(november, FAMILY) == [("1", "出荷", place), ("2", "停止", ""), ("3", "差替", place)]
    assert november.faults() == []


def test_an_address_that_changes_between_release_and_hand_over_is_the_next_revision(november: Programme):
    ordered(november, FAMILY, COUPLE)
    november.run("orders", FIRST)
    publishes(november, SECOND, *correction(replace(home_of(FAMILY), block="９丁目９番９号")))
    november.run("orders", SECOND)
    november.run("orders", THIRD)
    assert addresses(november, FAMILY) == [
        ("1", "出荷", "中目黒１丁目２番３号"),
        ("2", "差替", "中目黒９丁目９番９号"),
    ]
    assert addresses(november, COUPLE) == [("1", "出荷", "上目黒2-3-4")]
    assert november.rows("difference") == []
    assert november.faults() == []


def test_a_delivery_point_that_changes_is_the_next_revision(november: Programme):
    ordered(november, SECRET_INSTRUCTED)
    november.run("orders", FIRST)
    moved = (SECRET_INSTRUCTED, "局留", "1000005", "東京都千代田区丸の内二丁目7番2号", "", "内密　凪", "東京中央郵便局")
    november.ward_sends("special_delivery", table(INSTRUCTION_HEADER, [moved]), SECOND)
    for process in ("intake", "register", "orders"):
        november.run(process, SECOND)
    assert [(rev, action) for rev, action, _ in addresses(november, SECRET_INSTRUCTED)] == [
        ("1", "出荷"),
        ("2", "差替"),
    ]
    assert addresses(november, SECRET_INSTRUCTED)[-1][2] == moved[3]


def test_an_address_that_changes_on_the_way_is_for_a_person_until_the_parcel_arrives(november: Programme):
    ordered(november, FAMILY)
    november.run("orders", FIRST)
    november.hands_over(SECOND, "goods")
    publishes(november, SECOND, *correction(replace(home_of(FAMILY), block="９丁目９番９号")))
    november.run("orders", SECOND)
    assert [(d["kind"], d["state"]) for d in november.rows("difference")] == [("address", "open")]
    assert [rev for rev, _, _ in addresses(november, FAMILY)] == ["1"]
    november.carrier_reports(THIRD, (november.parcel(FAMILY)["id"], 1, "配達完了", "10:00"))
    november.run("deliveries", THIRD)
    november.run("orders", THIRD)
    assert [(d["kind"], d["state"]) for d in november.rows("difference")] == [("address", "settled")]


def test_a_carrier_that_does_not_say_which_revision_it_took_had_the_one_that_was_out(november: Programme):
    ordered(november, FAMILY)
    november.run("orders", FIRST)
    november.phones("a1", FAMILY, "2026-11-11 08:00", "replace", [(RICE, 1)])
    november.run("orders", SECOND)
    assert november.parcel(FAMILY)["released_rev"] == 2
    november.carrier_reports(THIRD, (november.parcel(FAMILY)["id"], "", "引受", "2026-11-11 09:00"))  # type: ignore[arg-type]
    november.run("deliveries", THIRD)
    november.run("orders", date(2026, 11, 13))
    assert [(d["kind"], d["state"]) for d in november.rows("difference")] == [("content", "open")]


def test_a_late_run_of_yesterday_takes_nothing_of_this_morning_although_labels_were_swept(november: Programme):
    ordered(november, FAMILY)
    november.applies("early", COUPLE, "2026-11-11 06:30", [(RICE, 1)])
    november.run("labels", SECOND)
    november.run("orders", FIRST)
    assert november.decision(f"W:w{FAMILY}") == ("accepted", None)
    assert november.rows("decision_head", application_id="W:early") == []
    november.cancels("early", "2026-11-11 12:00")
    november.applies("right", COUPLE, "2026-11-11 13:00", [(WATER, 1)])
    november.run("orders", SECOND)
    assert november.decision("W:right") == ("accepted", None)


@pytest.fixture
def killed(in_november: Programme, tmp_path: Path) -> Iterator[Programme]:
    """A programme with an installation of its own, killed between the claim of a batch of goods and its file."""
    with in_november.copied(tmp_path / "home", installation(tmp_path / "root")) as programme:
        with programme.entered():
            ordered(programme, FAMILY)
            orders.land_web(CONTRACT, FIRST)
            orders.settle(CONTRACT, FIRST)
            batches = claimed(Workspace.open(CONTRACT, FIRST), "goods")
            next(batches)
            batches.close()  # type: ignore[attr-defined]
        yield programme


def test_a_batch_left_behind_is_rendered_under_the_contract_that_it_was_claimed_under(killed: Programme):
    file = killed.root / "contracts" / CONTRACT / "contract.yaml"
    with killed.entered():
        desk = Workspace.open(CONTRACT, FIRST).contract.contractor.desk
        file.write_text(file.read_text("utf-8").replace(desk, "新しい事務局（電話 0120-111-111）"), "utf-8")
        killed.applies("w2", COUPLE, "2026-11-11 10:00", [(RICE, 1)])
        killed.run("orders", SECOND)
        told = {row["出荷番号"]: row["問合せ先"] for row in killed.shipped()}
        assert "0120-000-000" in told[killed.parcel(FAMILY)["id"]]
        assert "0120-111-111" in told[killed.parcel(COUPLE)["id"]]


def test_labels_left_behind_are_drawn_with_the_font_that_they_were_claimed_with(july: Programme):
    july.run("labels", LABELS)
    july.answer()
    ws = Workspace.open(CONTRACT, LABELS)
    batches = claimed(ws, "catalogue")
    then, batch = next(batches)
    batches.close()  # type: ignore[attr-defined]
    drop(july.inbox("cloud"), "EUDC2.TTE", eudc_font(512))
    july.run("intake", LABELS)
    july.run("labels", LABELS)
    july.answer()
    july.run("labels", LABELS)
    assert {b["state"] for b in july.rows("batch")} == {"published"}
    assert then.fonts is not None
    assert " ".join(then.fonts.gaiji) == batch.settings["gaiji_fonts"]
    assert len({r["receipt_no"] for r in july.rows("receipt", kind="gaiji_font")}) == 2
