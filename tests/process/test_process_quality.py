"""The quality checks as tasks: over all files, gates that close, pages that say so, and nothing done twice."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from programme import Programme, one
from small_ward import (
    CORRECTION_HEADER,
    COUPLE,
    FAMILY,
    GOOD,
    HEADER,
    HOMES,
    INSTRUCTIONS,
    MOVER,
    SINGLE,
    WRONG,
    correction,
    drop,
    home_of,
    households,
    sealed,
    table,
)

from todoke.errors import FileRefused, GateClosed
from todoke.process import deliveries, orders, register_checks
from todoke.process.workspace import Workspace

CONTRACT = "gift"
FILES, NEXT = date(2026, 7, 21), date(2026, 8, 3)
DAY = date(2026, 11, 10)
NEW = replace(home_of(SINGLE), no="00004001", surname=("新規", "しんき"))
NO_BLOCK = replace(home_of(SINGLE), no="00004002", surname=("無番", "むばん"), block="　")


def page(programme: Programme, said: object) -> str:
    assert isinstance(said, dict)
    return (programme.home / "quality" / str(said["page"])).read_text("utf-8")


def tamper(dataset: str, change: object) -> None:
    """Another content of a dataset, as a fault of our own would make it."""
    ws = Workspace.open(CONTRACT, DAY)
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
    ws.commit_tables({dataset: change(ws.head_table(dataset, pin))}, pin.heads, ["tampered"])


def test_additions_and_corrections_are_judged_like_the_base_file(july: Programme):
    additions = [row for home in (NEW, NO_BLOCK, home_of(FAMILY)) for row in home.rows()]
    july.ward_sends("additions", table(HEADER, additions), NEXT)
    wrong = correction(replace(home_of(COUPLE), postal_code="999-9999"))
    july.ward_sends("corrections", table(CORRECTION_HEADER, [*correction(home_of(MOVER)), *wrong]), NEXT)
    july.run("intake", NEXT)
    said = july.run("register", NEXT)
    base = sum(len(home.rows()) for home in HOMES)
    assert said["validate"]["rows"] == base + len(INSTRUCTIONS) + len(additions) + 4
    assert said["validate"]["quarantined"] == 1 + 1 + 3 + 2
    found = {(row["household_no"], row["reason"]) for row in july.version("quarantine")}
    assert found == {
        (WRONG, "size_mismatch"),
        (NO_BLOCK.no, "address_missing"),
        (FAMILY, "household_duplicate"),
        (COUPLE, "postal_code_unknown"),
    }
    assert {row["household_no"] for row in july.version("household")} == {home.no for home in (*GOOD, NEW)}
    shown = page(july, said["validate"])
    for reason in ("世帯人数の不一致", "住所の欠落", "世帯の重複", "郵便番号の誤り"):
        assert f'<td>{reason}</td><td class="n">1</td>' in shown


def test_a_household_that_two_additions_bring_is_taken_once(july: Programme):
    for seq, home in enumerate((NEW, replace(NEW, building="別棟")), 1):
        july.ward_sends("additions", table(HEADER, home.rows()), NEXT, seq)
    july.run("intake", NEXT)
    july.run("register", NEXT)
    assert (NEW.no, "household_duplicate") in {(r["household_no"], r["reason"]) for r in july.version("quarantine")}
    assert one([row for row in july.version("person") if row["household_no"] == NEW.no])["building"] == NEW.building


def test_what_was_checked_is_not_checked_again_even_when_nothing_new_was_found(july: Programme):
    assert july.run("register", FILES)["validate"] == {}
    july.ward_sends("corrections", table(CORRECTION_HEADER, correction(home_of(MOVER))), NEXT)
    july.run("intake", NEXT)
    assert july.run("register", NEXT)["validate"]["findings"] == 1
    assert july.run("register", NEXT)["validate"] == {}


def test_a_page_that_is_gone_is_made_again_and_changes_nothing(july: Programme):
    shown = one([{"path": path} for path in (july.home / "quality").rglob("*.html")])["path"]
    before = shown.read_text("utf-8")
    shown.unlink()
    sent = sum(len(home.rows()) for home in HOMES) + len(INSTRUCTIONS)
    assert july.run("register", FILES)["validate"]["rows"] == sent
    assert shown.read_text("utf-8") == before


def test_a_row_that_a_receipt_counts_and_the_lake_has_not_closes_the_gate(july: Programme):
    before = july.version("quarantine")
    tamper("ward_row", lambda rows: rows.slice(1))
    with pytest.raises(GateClosed, match=r"行数とデータの行数が合いません.*受領 22行、データ 21行"):
        register_checks.validate(CONTRACT, FILES)
    assert july.version("quarantine") == before


def test_a_register_that_lost_more_than_the_contract_allows_is_not_published(july: Programme):
    before = july.version("household")
    rows = [row for home in GOOD[:4] for row in correction(home, "削除", "誤り")]
    july.ward_sends("corrections", table(CORRECTION_HEADER, rows), NEXT)
    july.run("intake", NEXT)
    with pytest.raises(GateClosed, match=r"減少4件（33\.3%）"):
        july.run("register", NEXT)
    held = {home.no: {"state": "held", "state_reason": "awaiting_release"} for home in GOOD[:4]}
    assert july.version("household") == [row | held.get(row["household_no"], {}) for row in before]


def test_the_wards_control_counts_are_held_against_the_file(fresh: Programme):
    members = sum(len(home.rows()) for home in HOMES)
    name = f"households_{FILES:%Y%m%d}_01.csv.pgp"
    drop(fresh.inbox("lgwan"), name, sealed(households()), households=len(HOMES), members=members + 1)
    with pytest.raises(FileRefused, match=f"人数が違います（通知 {members + 1}、実際 {members}）"):
        fresh.run("intake", FILES)
    assert fresh.rows("receipt") == []
    drop(fresh.inbox("lgwan"), name, sealed(households()), households=len(HOMES), members=members)
    assert fresh.run("intake", FILES)["receive"]["accepted_files"] == 1


def test_blank_lines_are_no_rows_and_the_sidecar_may_have_counted_them_or_not(fresh: Programme):
    members = sum(len(home.rows()) for home in HOMES)
    content = households() + b",,,,,,,,,,,,,,,\r\n" * 2 + b"\r\n"
    name = f"households_{FILES:%Y%m%d}_01.csv.pgp"
    drop(fresh.inbox("lgwan"), name, sealed(content), rows=members + 2)
    with pytest.raises(FileRefused, match=f"通知 {members + 2}、実際 {members}、ほかに空の行 3"):
        fresh.run("intake", FILES)
    for day, rows, end in ((FILES, members, b""), (NEXT, members + 4, b" , \r\n")):
        name = f"households_{day:%Y%m%d}_01.csv.pgp"
        drop(fresh.inbox("lgwan"), name, sealed(content + end), rows=rows, members=members)
        said = fresh.run("intake", day)["receive"]
        assert (said["accepted_files"], said["rows"], said["quarantined"]) == (1, members, 0)
        assert said["blank"] == 3 + bool(end)
    assert [row["rows"] for row in fresh.rows("receipt", kind="households")] == [members] * 2


def cards(programme: Programme) -> list[dict[str, object]]:
    kana, code = "ミホン イチロウ", "1530061"
    good = programme.card("1", FAMILY, kana, code, [("A001", 1)], 画像ファイル名="1.tif")
    wrong = programme.card("2", COUPLE, "見本", "15300", [("NONE", 0)], 申込番号="1234567888", 消印日="2026-11-12")
    return [good, wrong]


def test_remarks_on_postcards_are_counted_and_the_reconciliation_decides(november: Programme):
    november.scans(DAY, *cards(november))
    said = november.run("orders", DAY)
    noticed = {(row["subject"], row["reason"]) for row in november.version("postcard_remark")}
    assert noticed >= {
        ("2", "number_invalid"),
        ("2", "name_not_kana"),
        ("2", "postal_code_malformed"),
        ("2", "postmark_later"),
        ("2", "image_missing"),
        ("2", "item_unknown"),
        ("2", "quantity_unusual"),
    }
    assert {subject for subject, reason in noticed if reason != "item_unknown"} == {"2"}
    assert said["check_postcards"]["remarks"] == len(november.version("postcard_remark"))
    assert november.decision("P:2")[0] == "review"
    shown = page(november, said["check_postcards"])
    assert "申込番号の桁数・検査数字の誤り" in shown
    for value in ("ミホン", "見本", "1234567888", "1530061", "NONE", "1.tif"):
        assert value not in shown
    assert not re.search(r"https?:|//|src=|href=|url\(", shown)


def test_days_without_new_cards_or_results_check_nothing(november: Programme):
    november.scans(DAY, *cards(november))
    assert november.run("orders", DAY)["check_postcards"]["rows"] > 0
    assert november.run("orders", date(2026, 11, 11))["check_postcards"] == {}
    assert november.run("deliveries", DAY)["check_results"] == {}


def test_a_card_that_should_not_have_been_taken_stops_the_day_before_anything_is_decided(november: Programme):
    november.scans(DAY, *cards(november))
    orders.land_web(CONTRACT, DAY)
    orders.land_postcards(CONTRACT, DAY)
    tamper("postcard_line", lambda lines: lines.set_column(0, "card_no", [["lost"] * lines.num_rows]))
    with pytest.raises(GateClosed, match="欄のはがきがある"):
        november.run("orders", DAY)
    assert november.rows("decision_head") == []


def test_a_delivery_without_hand_over_is_a_remark_and_a_delivery(november: Programme):
    parcel = november.parcel(FAMILY, "catalogue")
    handed = november.rows("shipment_event", shipment_id=parcel["id"])
    assert [row["state"] for row in handed] == ["handed_over"]
    november.carrier_reports(DAY, (parcel["id"], 2, "配達完了", "2026-10-01 09:00"))
    said = november.run("deliveries", DAY)
    noticed = {(row["subject"], row["reason"]) for row in november.version("carrier_remark")}
    assert noticed >= {(parcel["id"], "hand_over_late"), (parcel["id"], "revision_not_released")}
    assert {subject for subject, _ in noticed} == {parcel["id"]}
    shown = page(november, said["check_results"])
    assert "引受が配達・返戻より後" in shown
    assert parcel["id"] not in shown
    assert said["settle"]["changed"] <= 1


def test_results_of_several_files_are_checked_together_once(november: Programme):
    parcels = [november.parcel(home, "catalogue")["id"] for home in (FAMILY, COUPLE)]
    for seq, parcel in enumerate(parcels, 1):
        november.carrier_reports(DAY, (parcel, 1, "配達完了", "10:00"), seq=seq)
    assert november.run("deliveries", DAY)["check_results"]["rows"] == 4
    assert deliveries.check_results(CONTRACT, DAY) == {}
