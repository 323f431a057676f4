"""A catalogue that came back goes once more to the address that the ward finds, and never twice for one cause (G23)."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from programme import CONTRACT, Programme
from small_ward import (
    CORRECTION_HEADER,
    COUPLE,
    FAMILY,
    LATE,
    SECRET_INSTRUCTED,
    correction,
    drop,
    home_of,
    sealed,
    table,
)
from test_process_pull_outs import names, states

from todoke.process import handouts, resend_requests
from todoke.process.workspace import Workspace

BACK, FOUND, AGAIN, LATER = date(2026, 11, 4), date(2026, 11, 9), date(2026, 11, 10), date(2026, 11, 13)
NEW = ("153-0064", "下目黒", "9丁目8番7号", "")


def found(*numbers: str, at: tuple[str, ...] = NEW) -> bytes:
    """The ward's file of addresses."""
    header = ("世帯番号", "郵便番号", "町名", "番地", "方書", "理由")
    return table(header, [(number, *at, "宛所不明") for number in numbers])


def comes_back(
    programme: Programme, household: str, on: date = BACK, word: str = "宛所不明", sequence: int = 1
) -> None:
    parcel = programme.parcel(household, "catalogue", sequence)
    programme.carrier_reports(on, (parcel["id"], 1, word, "15:00"))
    programme.run("deliveries", on)


def finds(programme: Programme, on: date, content: bytes, seq: int = 1) -> None:
    programme.ward_sends("readdress", content, on, seq)
    for process in ("intake", "register"):
        programme.run(process, on)


def labels(programme: Programme, on: date) -> None:
    programme.run("labels", on)
    programme.answer()
    programme.run("labels", on)


def catalogues(programme: Programme, household: str) -> list[tuple[int, str, str]]:
    rows = programme.rows("shipment", household_no=household, kind="catalogue")
    return sorted((row["sequence"], row["cause"], row["state"]) for row in rows)


def test_a_catalogue_that_came_back_goes_once_more_to_the_address_that_the_ward_found(november: Programme):
    comes_back(november, LATE)
    before = max(november.control("labels"), key=lambda totals: totals["labels"])
    finds(november, FOUND, found(LATE))
    labels(november, FOUND)

    assert catalogues(november, LATE) == [(1, "first", "returned_unknown_address"), (2, "readdress", "released")]
    parcel = november.parcel(LATE, "catalogue", 2)
    told = [row for row in november.shipped("カタログ") if row["出荷番号"] == parcel["id"]]
    assert [(row["郵便番号"].replace("-", ""), row["住所"], row["区分"]) for row in told] == [
        ("1530064", "下目黒9丁目8番7号", "出荷")
    ]
    manifests = [content.decode() for name, content in november.out("labels").items() if "manifest" in name]
    assert [row["household_no"] for row in csv.DictReader(io.StringIO(manifests[-1]))].count(LATE) <= 1
    totals = next(each for each in november.control("labels") if each["resent"])
    assert (totals["labels"], totals["resent"]) == (1, 1)
    assert totals["sent_before"] == before["labels"] - 1
    assert totals["labels"] + totals["held"] + totals["excluded"] == totals["households"] == before["households"]

    labels(november, AGAIN)
    finds(november, AGAIN, found("999999", LATE))
    labels(november, AGAIN)
    assert len(catalogues(november, LATE)) == 2
    assert november.rows("difference") == []
    assert november.faults() == []


def test_it_does_not_matter_whether_the_address_or_the_return_comes_first(november: Programme):
    finds(november, FOUND, found(LATE))
    labels(november, FOUND)
    assert len(catalogues(november, LATE)) == 1
    comes_back(november, LATE, AGAIN)
    labels(november, AGAIN)
    assert catalogues(november, LATE)[1:] == [(2, "readdress", "released")]
    assert [row["state"] for row in november.rows("difference")] == ["settled"]
    assert november.faults() == []


def test_the_same_address_confirmed_after_the_return_is_sent_to_again(november: Programme):
    home = home_of(LATE)
    comes_back(november, LATE, word="保管期限切れ")
    finds(november, FOUND, found(LATE, at=(home.postal_code, home.town, home.block, home.building)))
    labels(november, FOUND)
    assert catalogues(november, LATE)[1:] == [(2, "readdress", "released")]


def test_an_address_that_comes_before_the_hand_over_changes_the_parcel_and_makes_no_second(july: Programme):
    labels(july, date(2026, 9, 7))
    finds(july, date(2026, 9, 8), found(LATE))
    labels(july, date(2026, 9, 8))
    assert july.parcel(LATE, "catalogue")["action"] == "replace"
    july.hands_over(date(2026, 11, 2), "catalogue")
    comes_back(july, LATE)
    labels(july, FOUND)
    assert catalogues(july, LATE) == [(1, "first", "returned_unknown_address")]
    assert july.faults() == []


def test_of_two_addresses_before_it_is_printed_one_catalogue_goes_and_another_when_that_came_back_too(
    november: Programme,
):
    comes_back(november, LATE, word="紛失")
    finds(november, FOUND, found(LATE))
    november.run("labels", FOUND)
    finds(november, FOUND, found(LATE, at=(*NEW[:2], "1丁目2番3号", "")), seq=2)
    labels(november, FOUND)
    assert len(catalogues(november, LATE)) == 2
    november.hands_over(AGAIN, "catalogue")
    comes_back(november, LATE, AGAIN, sequence=2)
    labels(november, AGAIN)
    assert len(catalogues(november, LATE)) == 2
    finds(november, LATER, found(LATE, at=(*NEW[:2], "4丁目5番6号", "")))
    labels(november, LATER)
    assert catalogues(november, LATE)[2:] == [(3, "readdress", "released")]
    assert november.faults() == []


def test_one_that_is_found_after_all_before_the_second_is_printed_makes_the_second_needless(november: Programme):
    comes_back(november, LATE, word="紛失")
    finds(november, FOUND, found(LATE))
    november.run("labels", FOUND)
    comes_back(november, LATE, AGAIN, word="配達完了")
    november.run("labels", AGAIN)
    assert catalogues(november, LATE)[1:] == [(2, "readdress", "cancelled")]
    comes_back(november, LATE, LATER)
    labels(november, LATER)
    assert catalogues(november, LATE)[1:] == [(2, "readdress", "released")]
    assert november.faults() == []


def test_a_confidential_household_stays_with_its_instruction(november: Programme):
    comes_back(november, SECRET_INSTRUCTED)
    finds(november, FOUND, found(SECRET_INSTRUCTED))
    labels(november, FOUND)
    parcel = november.parcel(SECRET_INSTRUCTED, "catalogue", 2)
    told = [row for row in november.shipped("カタログ") if row["出荷番号"] == parcel["id"]]
    assert [row["郵便番号"].replace("-", "") for row in told] == ["1500002"]


def test_a_household_deleted_meanwhile_gets_no_second_and_nobody_else_is_touched(november: Programme):
    comes_back(november, LATE)
    november.ward_sends("corrections", table(CORRECTION_HEADER, correction(home_of(LATE), "削除", "誤り")), FOUND)
    finds(november, FOUND, found(LATE, "999999"))
    labels(november, FOUND)
    assert len(catalogues(november, LATE)) == 1
    assert len(november.rows("shipment", kind="catalogue", cause="readdress")) == 0


def test_a_catalogue_sent_again_counts_as_reached(november: Programme):
    comes_back(november, LATE)
    finds(november, FOUND, found(LATE))
    labels(november, FOUND)

    def reached() -> bool:
        ws = Workspace.open("gift", AGAIN)
        with ws.ledger.read() as tx:
            inputs = handouts.inputs_of(ws, tx, ws.ledger.pin(tx))
        from todoke.parcels.nonapplicants import standing

        table = standing(inputs, inputs.household.select(["household_no"]).slice(0, 0), declined_households=True)
        return {row["household_no"]: row["standing"] for row in table.to_pylist()}[LATE] != "not_reached"

    assert not reached()
    november.hands_over(AGAIN, "catalogue")
    assert reached()


def test_a_pull_out_an_address_and_a_request_come_of_themselves_on_postgresql_too(
    labels_printed_on_postgresql: Programme, tmp_path: Path
):
    with labels_printed_on_postgresql.copied(tmp_path / "home") as programme, programme.entered():
        assert names(programme, FAMILY, on=date(2026, 9, 8))["to_find"] == 1
        parcels = {number: programme.parcel(number, "catalogue")["id"] for number in (LATE, COUPLE)}
        taken = [(parcel, 1, "引受", "10:00") for parcel in parcels.values()]
        fates = [(parcels[LATE], 1, "宛所不明", "15:00"), (parcels[COUPLE], 1, "紛失", "16:00")]
        programme.carrier_reports(BACK, *taken, *fates)
        programme.run("deliveries", BACK)
        resend_requests.request(CONTRACT, programme.number(COUPLE), "catalogue", "紛失", "admin")
        finds(programme, FOUND, found(LATE))
        labels(programme, FOUND)
        assert catalogues(programme, LATE)[1:] == [(2, "readdress", "released")]
        assert catalogues(programme, COUPLE)[1:] == [(2, "resend", "released")]
        assert catalogues(programme, FAMILY) == [(1, "first", "stopped")]
        assert states(programme) == {FAMILY: "to_find"}
        totals = max(programme.control("labels/"), key=lambda each: each["resent"])
        assert (totals["labels"], totals["resent"], totals["pulled"]) == (2, 2, 1)
        assert totals["labels"] + totals["held"] + totals["excluded"] == totals["households"] == 12
        assert programme.faults() == []


@pytest.mark.parametrize("row", [("000-0000", "下目黒", "1番", ""), ("", "下目黒", "1番", ""), (*NEW[:2], "　", "")])
def test_a_file_with_an_address_that_is_none_is_refused_whole(november: Programme, row: tuple[str, ...]):
    drop(november.inbox("lgwan"), "readdress_20261109_01.csv.pgp", sealed(found(FAMILY, at=row)))
    with pytest.raises(Exception, match="郵便番号が存在しないか"):
        november.run("intake", FOUND)
    assert [r["state"] for r in november.rows("receipt", kind="readdress")] == ["refused"]
