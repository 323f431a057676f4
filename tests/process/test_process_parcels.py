"""Nothing is shipped twice and nothing is recalled in silence, whatever comes after a parcel was released."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from programme import Programme
from small_ward import (
    CORRECTION_HEADER,
    COUPLE,
    DECLINES,
    FAMILY,
    INSTRUCTION_HEADER,
    LATE,
    MOVER,
    SECRET,
    SINGLE,
    THREE,
    correction,
    home_of,
    secret,
    table,
)

FIRST, SECOND, THIRD = date(2026, 11, 10), date(2026, 11, 11), date(2026, 11, 12)
WATER, RICE, BIG_WATER = "3001", "3006", "6001"
AFTER_DEADLINE, TOILETS_GO = date(2027, 1, 18), date(2027, 1, 20)


def corrects(programme: Programme, on: date, rows: list[tuple[str, ...]]) -> None:
    """The ward sends corrections, and the register and what follows from it are made anew."""
    programme.ward_sends("corrections", table(CORRECTION_HEADER, rows), on)
    for process in ("intake", "register", "labels"):
        programme.run(process, on)


def toilets_go(programme: Programme) -> None:
    programme.run("nonapplicants", TOILETS_GO)
    programme.answer()
    programme.run("nonapplicants", TOILETS_GO)


def ordered(programme: Programme, household: str = FAMILY) -> None:
    """A household's goods are released on the first day."""
    programme.applies("w1", household, "2026-11-10 12:00", [(WATER, 1)])
    programme.run("orders", FIRST)


def differences(programme: Programme) -> list[tuple[str, str]]:
    return [(row["kind"], row["state"]) for row in programme.rows("difference")]


def test_goods_that_are_asked_for_after_the_toilets_wait_for_a_person(november: Programme):
    november.run("orders", AFTER_DEADLINE)
    toilets_go(november)
    assert november.parcel(LATE, "toilet")["state"] == "released"
    assert november.parcel(LATE, "toilet")["lines"] == {"TOILET": 30}
    claims = november.rows("claim", claim="entitlement")

    found_late = november.card("H1", LATE, "シケン　ナナコ", "153-0064", [(WATER, 1)], 受付日="2027-01-15")
    november.scans(date(2027, 1, 21), found_late)
    november.run("orders", date(2027, 1, 21))

    assert november.decision("P:H1") == ("review", "toilet_shipped")
    assert november.rows("shipment", household_no=LATE, kind="goods") == []
    assert november.rows("claim", claim="entitlement") == claims
    assert november.faults() == []


def test_an_order_that_comes_before_the_toilets_go_takes_their_place(november: Programme):
    november.run("orders", AFTER_DEADLINE)
    november.run("nonapplicants", TOILETS_GO)
    assert november.parcel(LATE, "toilet")["state"] == "planned"
    november.scans(
        date(2027, 1, 21), november.card("H1", LATE, "シケン　ナナコ", "1530064", [(WATER, 1)], 受付日="2027-01-15")
    )
    november.run("orders", date(2027, 1, 21))
    november.answer()
    november.run("nonapplicants", date(2027, 1, 21))
    november.answer()
    november.run("nonapplicants", date(2027, 1, 21))
    assert november.parcel(LATE)["state"] == "released"
    assert november.parcel(LATE, "toilet")["state"] == "cancelled"
    assert november.parcel(COUPLE, "toilet")["state"] == "released"
    assert (
        november.rows("claim", household_no=LATE, claim="entitlement")[0]["shipment_id"] == november.parcel(LATE)["id"]
    )
    assert november.faults() == []


def test_an_earlier_day_computed_again_is_restated_and_changes_nothing(november: Programme):
    ordered(november)
    november.applies("w2", FAMILY, "2026-11-20 09:00", [(RICE, 1)])
    november.applies("w3", COUPLE, "2026-11-20 10:00", [(RICE, 2)])
    november.run("orders", date(2026, 11, 20))
    november.hands_over(date(2026, 11, 24), "goods")
    november.phones("a1", COUPLE, "2026-12-15 11:00", "cancel")
    november.run("orders", date(2026, 12, 20))
    assert november.decision("A:a1") == ("review", "already_shipped")
    before = november.traces()

    said = november.run("orders", date(2026, 11, 14))

    assert {name: count for name, count in said["settle"].items() if name.startswith("on_date_")} == {
        "on_date_accepted": 1
    }
    assert said["settle"]["settlement"] == ""
    assert said["release"] == {"batches": 0, "goods": 0, "held": 0, "incidents": 0, "stops": 0, "review": 2}
    assert november.traces() == before


def test_a_change_by_phone_between_release_and_hand_over_is_the_next_revision_of_the_same_parcel(november: Programme):
    ordered(november)
    first = november.parcel(FAMILY)
    november.phones("a1", FAMILY, "2026-11-11 10:00", "replace", [(BIG_WATER, 1), (RICE, 1)])
    november.run("orders", SECOND)

    parcel = november.parcel(FAMILY)
    assert (parcel["id"], parcel["revision"], parcel["lines"]) == (first["id"], 2, {BIG_WATER: 1, RICE: 1})
    told = [(row["出荷番号"], row["改訂"], row["区分"], row["商品コード"], row["数量"]) for row in november.shipped()]
    assert sorted(told) == sorted(
        [
            (first["id"], "1", "出荷", WATER, "1"),
            (first["id"], "2", "差替", BIG_WATER, "1"),
            (first["id"], "2", "差替", RICE, "1"),
        ]
    )
    november.carrier_reports(THIRD, (first["id"], 2, "引受", "10:00"))
    november.run("deliveries", THIRD)
    november.run("orders", THIRD)
    assert november.parcel(FAMILY)["handed_rev"] == 2
    assert november.rows("difference") == []


def test_a_carrier_that_took_the_old_revision_leaves_a_difference_for_people(november: Programme):
    ordered(november)
    november.phones("a1", FAMILY, "2026-11-11 10:00", "replace", [(BIG_WATER, 1)])
    november.run("orders", SECOND)
    november.carrier_reports(SECOND, (november.parcel(FAMILY)["id"], 1, "引受", "2026-11-11 17:00"))
    november.run("deliveries", SECOND)
    november.run("orders", THIRD)
    assert differences(november) == [("content", "open")]
    assert len(november.rows("shipment", household_no=FAMILY, kind="goods")) == 1


def test_a_change_by_phone_after_the_hand_over_waits_for_a_person(november: Programme):
    ordered(november)
    november.hands_over(SECOND, "goods")
    november.phones("a1", FAMILY, "2026-11-12 10:00", "replace", [(BIG_WATER, 1)])
    november.run("orders", THIRD)
    assert november.decision("A:a1") == ("review", "already_shipped")
    assert november.parcel(FAMILY)["revision"] == 1
    assert november.rows("difference") == []
    assert len(november.rows("batch", kind="goods")) == 1


def test_a_cancellation_between_release_and_hand_over_goes_to_the_carrier_in_a_stop_file(november: Programme):
    ordered(november)
    november.phones("a1", FAMILY, "2026-11-11 10:00", "cancel")
    november.run("orders", SECOND)
    parcel = november.parcel(FAMILY)
    stop = [row for row in november.shipped() if row["区分"] != "出荷"]
    assert [(row["出荷番号"], row["改訂"], row["区分"], row["氏名"]) for row in stop] == [
        (parcel["id"], "2", "取消", "")
    ]
    assert any(name.rpartition("/")[2].startswith("stop_") for name in november.out("shipping"))
    assert parcel["state"] == "cancelled"
    assert november.decision("W:w1") == ("withdrawn", None)


def test_an_application_cancelled_on_the_web_after_the_hand_over_is_a_difference(november: Programme):
    ordered(november)
    november.hands_over(SECOND, "goods")
    november.cancels("w1", "2026-11-12 09:00")
    november.run("orders", THIRD)
    assert differences(november) == [("not_wanted", "open")]
    assert november.parcel(FAMILY)["state"] == "handed_over"
    assert len(november.rows("batch", kind="stop")) == 0


def test_an_order_after_released_goods_were_cancelled_is_a_duplicate_and_no_second_parcel(november: Programme):
    ordered(november)
    november.phones("a1", FAMILY, "2026-11-11 10:00", "cancel")
    november.run("orders", SECOND)
    november.applies("w2", FAMILY, "2026-11-12 09:00", [(RICE, 2)])
    november.run("orders", THIRD)
    assert november.decision("W:w2") == ("rejected", "duplicate")
    assert len(november.rows("shipment", household_no=FAMILY, kind="goods")) == 1


def test_a_register_corrected_after_the_hand_over_leaves_a_difference_and_no_second_parcel(november: Programme):
    november.applies("w1", THREE, "2026-11-10 12:00", [("9001", 1)])
    november.run("orders", FIRST)
    november.hands_over(SECOND, "goods")
    smaller = replace(home_of(THREE), members=home_of(THREE).members[:2])
    corrects(november, THIRD, correction(smaller))
    november.run("orders", THIRD)

    assert november.decision("W:w1") == ("review", "over_points")
    assert differences(november) == [("not_wanted", "open")]
    november.run("orders", date(2026, 11, 13))
    assert differences(november) == [("not_wanted", "open")]
    assert [row["sequence"] for row in november.rows("shipment", household_no=THREE, kind="goods")] == [1]
    assert november.rows("batch", kind="stop") == []

    corrects(november, date(2026, 11, 16), correction(home_of(THREE)))
    november.run("orders", date(2026, 11, 16))
    assert november.decision("W:w1") == ("accepted", None)
    assert differences(november) == [("not_wanted", "settled")]
    assert november.faults() == []


def test_a_deleted_household_loses_what_the_carrier_has_not_taken(november: Programme):
    ordered(november, MOVER)
    corrects(november, SECOND, correction(home_of(MOVER), "削除", "誤り"))
    november.run("orders", SECOND)
    assert november.decision("W:w1") == ("review", "departed")
    assert november.parcel(MOVER)["state"] == "cancelled"
    assert [row["区分"] for row in november.shipped() if row["出荷番号"] == november.parcel(MOVER)["id"]] == [
        "出荷",
        "停止",
        "取消",
    ]
    assert differences(november) == [("not_wanted", "open")]  # its catalogue


def test_a_household_that_becomes_confidential_is_held_at_once_and_recalled_from_the_carrier(november: Programme):
    ordered(november)
    november.applies("w2", COUPLE, "2026-11-10 13:00", [(RICE, 1)])
    november.run("orders", FIRST)
    november.hands_over(SECOND, "goods", but=[FAMILY])
    november.applies("w3", SINGLE, "2026-11-12 09:00", [(RICE, 1)])
    rows = [row for number in (FAMILY, COUPLE, SINGLE) for row in correction(secret(home_of(number)))]
    corrects(november, THIRD, rows)
    november.run("orders", THIRD)

    assert november.parcel(FAMILY)["state"] == "stopped"
    assert november.parcel(SINGLE)["state"] == "on_hold"
    stopped = [(row["出荷番号"], row["区分"], row["住所"]) for row in november.shipped() if row["区分"] != "出荷"]
    assert stopped == [(november.parcel(FAMILY)["id"], "停止", "")]
    incidents = {row["shipment_id"] for row in november.rows("difference", kind="incident", state="open")}
    handed_over = [november.parcel(COUPLE), *(november.parcel(n, "catalogue") for n in (FAMILY, COUPLE, SINGLE))]
    assert incidents == {parcel["id"] for parcel in handed_over}
    assert november.faults() == []


def test_parcels_of_a_household_that_becomes_confidential_with_an_instruction_leave_for_its_address(
    november: Programme,
):
    ordered(november)
    instruction = (FAMILY, "局留", "1500002", "東京都渋谷区渋谷一丁目1番1号", "", "見本　一郎", "渋谷郵便局")
    november.ward_sends("special_delivery", table(INSTRUCTION_HEADER, [instruction]), SECOND)
    corrects(november, SECOND, correction(secret(home_of(FAMILY))))
    november.run("orders", SECOND)

    told = [(row["改訂"], row["区分"], row["住所"]) for row in november.shipped()]
    assert told == [
        ("1", "出荷", "中目黒１丁目２番３号"),
        ("2", "停止", ""),
        ("3", "差替", "東京都渋谷区渋谷一丁目1番1号"),
    ]
    incidents = [row["shipment_id"] for row in november.rows("difference", kind="incident", state="open")]
    assert incidents == [november.parcel(FAMILY, "catalogue")["id"]]


def test_an_addition_over_the_points_is_no_incident(november: Programme):
    ordered(november)
    november.hands_over(SECOND, "goods")
    november.phones("a1", FAMILY, "2026-11-12 10:00", "add", [("9001", 1)])
    november.run("orders", THIRD)
    assert november.decision("A:a1") == ("review", "over_points")
    assert november.rows("difference") == []


def test_a_household_held_for_a_death_after_its_catalogue_came_is_no_incident(november: Programme):
    corrects(november, THIRD, correction(home_of(DECLINES), "削除", "死亡", "2026-11-11"))
    assert november.rows("difference", kind="incident") == []


def test_a_household_that_was_confidential_from_the_start_gets_nothing_before_it_is_instructed(november: Programme):
    november.applies("w1", SECRET, "2026-11-10 12:00", [(WATER, 1)])
    november.run("orders", FIRST)
    assert november.decision("W:w1") == ("accepted", None)
    assert november.parcel(SECRET)["state"] == "on_hold"
    assert november.rows("batch", kind="goods") == []
