"""What a person asks to have sent once more goes once more, as it was, for no points, and once a request (G24)."""

from __future__ import annotations

from datetime import date

import pytest
from programme import Programme, one
from register_steps import by_hand
from small_ward import CORRECTION_HEADER, COUPLE, FAMILY, LATE, SECRET, correction, home_of, table
from typer.testing import CliRunner

from todoke.cli import app
from todoke.errors import TodokeError
from todoke.process import resend_requests

FIRST, LOST, AGAIN, LATER = date(2026, 11, 10), date(2026, 11, 12), date(2026, 11, 13), date(2026, 11, 16)
WATER, RICE = "3001", "3006"


def asks(programme: Programme, household: str, kind: str = "goods") -> str:
    return str(resend_requests.request("gift", programme.number(household), kind, "紛失", "admin")["request_id"])


def lost(programme: Programme, household: str, kind: str, on: date = LOST, sequence: int = 1) -> None:
    programme.carrier_reports(on, (programme.parcel(household, kind, sequence)["id"], 1, "紛失", "15:00"))
    programme.run("deliveries", on)


def labels(programme: Programme, on: date) -> None:
    programme.run("labels", on)
    programme.answer()
    programme.run("labels", on)


@pytest.fixture
def ordered(november: Programme) -> Programme:
    """A family's goods were handed over and lost."""
    november.applies("w1", FAMILY, "2026-11-10 12:00", [(WATER, 1), (RICE, 1)])
    november.run("orders", FIRST)
    november.hands_over(date(2026, 11, 11), "goods")
    lost(november, FAMILY, "goods")
    return november


def used(programme: Programme, household: str) -> int:
    from todoke.store.ledger import fetch_view

    with programme.ledger.read() as tx:
        rows = fetch_view(tx, "points_current", "gift")
    return one([row for row in rows if row["household_no"] == household])["used"]


def test_goods_that_were_lost_go_once_more_as_they_were_for_no_points(ordered: Programme):
    before = used(ordered, FAMILY)
    number = asks(ordered, FAMILY)
    ordered.run("orders", AGAIN)
    first, second = ordered.parcel(FAMILY), ordered.parcel(FAMILY, sequence=2)
    assert (second["cause"], second["cause_ref"], second["state"]) == ("resend", number, "released")
    assert second["lines"] == first["lines"] == {WATER: 1, RICE: 1}
    assert used(ordered, FAMILY) == before > 0
    assert {row["区分"] for row in ordered.shipped() if row["出荷番号"] == second["id"]} == {"出荷"}

    for day in (AGAIN, LATER):
        ordered.run("orders", day)
    assert len(ordered.rows("shipment", household_no=FAMILY, kind="goods")) == 2
    assert ordered.rows("difference") == []
    assert ordered.decision("W:w1") == ("accepted", None)
    assert ordered.faults() == []


def test_what_was_sent_once_more_can_be_lost_and_asked_for_again(ordered: Programme):
    asks(ordered, FAMILY)
    ordered.run("orders", AGAIN)
    with pytest.raises(TodokeError, match="引き渡していない"):
        asks(ordered, FAMILY)
    ordered.hands_over(AGAIN, "goods")
    lost(ordered, FAMILY, "goods", LATER, sequence=2)
    asks(ordered, FAMILY)
    ordered.run("orders", LATER)
    rows = ordered.rows("shipment", household_no=FAMILY, kind="goods")
    assert sorted(row["sequence"] for row in rows) == [1, 2, 3]
    assert ordered.faults() == []


def test_a_catalogue_that_was_lost_is_printed_once_more(november: Programme):
    lost(november, LATE, "catalogue")
    number = asks(november, LATE, "catalogue")
    labels(november, AGAIN)
    parcel = november.parcel(LATE, "catalogue", 2)
    assert (parcel["cause"], parcel["cause_ref"], parcel["state"]) == ("resend", number, "released")
    totals = max(november.control("labels"), key=lambda each: each["resent"])
    assert totals["resent"] == 1
    assert totals["labels"] + totals["held"] + totals["excluded"] == totals["households"]
    labels(november, LATER)
    assert len(november.rows("shipment", household_no=LATE, kind="catalogue")) == 2
    assert november.faults() == []


def test_a_request_and_an_address_for_the_same_loss_make_one_parcel(november: Programme):
    lost(november, LATE, "catalogue")
    asks(november, LATE, "catalogue")
    header = ("世帯番号", "郵便番号", "町名", "番地", "方書", "理由")
    lines = [(by_hand(LATE), "〒153 ー 0064", "下目黒", "9丁目8番7号", "", "紛失")]
    november.ward_sends("readdress", table(header, lines), AGAIN)
    for process in ("intake", "register"):
        november.run(process, AGAIN)
    labels(november, AGAIN)
    rows = november.rows("shipment", household_no=LATE, kind="catalogue")
    assert sorted(row["cause"] for row in rows) == ["first", "resend"]
    told = [
        row for row in november.shipped("カタログ") if row["出荷番号"] == november.parcel(LATE, "catalogue", 2)["id"]
    ]
    assert [row["住所"] for row in told] == ["下目黒9丁目8番7号"]


def test_a_request_is_refused_with_what_stands_in_its_way(ordered: Programme):
    asks(ordered, FAMILY)
    for household, kind, words in (
        (FAMILY, "goods", "すでに依頼されています"),
        (COUPLE, "goods", "まだ何も送っていません"),
        (SECRET, "catalogue", "指示がない秘匿世帯"),
        (FAMILY, "toilet", "再送できません"),
    ):
        with pytest.raises(TodokeError, match=words):
            asks(ordered, household, kind)
    with pytest.raises(TodokeError, match="申込番号はありません"):
        resend_requests.request("gift", "0000000000", "goods", "紛失", "admin")
    with pytest.raises(TodokeError, match="決めた人"):
        resend_requests.request("gift", ordered.number(COUPLE), "catalogue", "紛失", " ")


def test_a_household_deleted_after_the_request_gets_nothing_and_no_other_request(ordered: Programme):
    asks(ordered, FAMILY)
    ordered.ward_sends("corrections", table(CORRECTION_HEADER, correction(home_of(FAMILY), "削除", "誤り")), AGAIN)
    for process in ("intake", "register", "orders"):
        ordered.run(process, AGAIN)
    assert len(ordered.rows("shipment", household_no=FAMILY, kind="goods")) == 1
    with pytest.raises(TodokeError, match="削除または保留中"):
        asks(ordered, FAMILY, "catalogue")


def test_the_command_line_asks_and_lists(ordered: Programme):
    number = ordered.number(FAMILY)
    said = CliRunner().invoke(
        app,
        [
            "parcels",
            "resend",
            "gift",
            "--application-no",
            number,
            "--kind",
            "goods",
            "--cause",
            "紛失",
            "--by",
            "admin",
        ],
    )
    assert "記録しました: R" in said.output
    ordered.run("orders", AGAIN)
    shown = CliRunner().invoke(app, ["parcels", "requests", "gift"]).output
    assert ordered.parcel(FAMILY, sequence=2)["id"] in shown and "出荷指示済み" in shown
