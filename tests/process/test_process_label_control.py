"""The control totals of the labels are counted each from its own source, so that a household that is lost is missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pyarrow.compute as pc
import pytest
from programme import Programme
from small_ward import CORRECTION_HEADER, COUPLE, FAMILY, HEADER, SINGLE, WRONG, correction, home_of, table
from sqlalchemy import delete, update

from orchestration import demo_checks
from todoke.errors import GateClosed
from todoke.process import labels
from todoke.process.workspace import Workspace
from todoke.store import tables as t

LABELS, NEXT = date(2026, 9, 7), date(2026, 9, 8)


def parcel_lost(programme: Programme) -> None:
    """Nobody plans a catalogue for a household."""
    labels.plan("gift", LABELS)
    parcel = programme.parcel(COUPLE, "catalogue")["id"]
    with programme.ledger.write() as tx:
        for gone in (t.effect, t.shipment_revision, t.shipment_item, t.claim):
            tx.execute(delete(gone).where(gone.c.shipment_id == parcel))
        tx.execute(delete(t.shipment).where(t.shipment.c.id == parcel))


def parcel_in_no_known_state(programme: Programme) -> None:
    """A parcel that is neither printed nor held nor taken back."""
    labels.plan("gift", LABELS)
    parcel = programme.parcel(COUPLE, "catalogue")["id"]
    with programme.ledger.write() as tx:
        tx.execute(delete(t.effect).where(t.effect.c.shipment_id == parcel))
        tx.execute(update(t.shipment).where(t.shipment.c.id == parcel).values(state="stopped"))


def left_out_of_the_register(programme: Programme) -> None:
    """The register is published without a household that the ward sent."""
    ws = Workspace.open("gift", LABELS)
    with ws.ledger.read() as tx:
        heads = ws.ledger.heads(tx)
    rows = ws.version_table("household", heads["household"])
    less = rows.filter(pc.not_equal(rows["household_no"], COUPLE))
    ws.commit_tables({"household": less}, heads, heads["household"].inputs)


@pytest.mark.parametrize("loses", [parcel_lost, parcel_in_no_known_state])
def test_a_household_that_the_plan_loses_stops_the_print_before_anything_is_locked(
    july: Programme, loses: Callable[[Programme], None]
):
    loses(july)
    labels.test_pack("gift", LABELS)
    july.answer()
    with pytest.raises(GateClosed, match="labels＋held＋excluded"):
        labels.claim_batches("gift", LABELS)
    assert july.rows("batch") == []
    assert july.out("labels/") == {}


def test_a_household_that_the_register_loses_stops_the_print_before_anything_is_locked(july: Programme):
    left_out_of_the_register(july)
    july.run("labels", LABELS)
    july.answer()
    with pytest.raises(GateClosed, match="ward_households"):
        labels.claim_batches("gift", LABELS)
    assert july.rows("batch") == []
    assert july.out("labels/") == {}
    assert "released" not in {row["state"] for row in july.rows("shipment")}


def test_corrected_added_and_printed_households_each_count_once(july: Programme):
    july.run("labels", LABELS)
    july.answer()
    july.run("labels", LABELS)
    mended = replace(home_of(WRONG), size=None)
    stranger = (("新規", "しんき"), (("葉", "よう", "1993-02-11"),))
    new = replace(home_of(SINGLE), no="00004001", surname=stranger[0], members=stranger[1])
    rows = [
        *correction(home_of(FAMILY), "削除", "誤り"),
        *correction(mended, "追加"),
    ]  # the family's is printed already, and is pulled
    july.ward_sends("corrections", table(CORRECTION_HEADER, rows), NEXT)
    july.ward_sends("additions", table(HEADER, new.rows()), NEXT)
    for process in ("intake", "register", "labels"):
        july.run(process, NEXT)
    july.answer()
    july.run("labels", NEXT)
    newest = max(july.control("labels"), key=lambda totals: totals["households"])
    assert newest == {
        "labels": 2,
        "held": 1,
        "excluded": 11,
        "households": 14,
        "ward_households": 14,
        "quarantined": 0,
        **{"deleted": 0, "declined": 0, "sent_before": 11},
        **{"pulled": 1, "reprinted": 0, "resent": 0},
    }


def test_a_household_deleted_before_it_was_printed_is_excluded(july: Programme):
    july.run("labels", LABELS)
    rows = correction(home_of(SINGLE), "削除", "誤り")
    july.ward_sends("corrections", table(CORRECTION_HEADER, rows), NEXT)
    for process in ("intake", "register", "labels"):
        july.run(process, NEXT)
    july.answer()
    july.run("labels", NEXT)
    assert {totals["excluded"] for totals in july.control("labels")} == {1}


def test_the_demo_misses_a_household_whose_label_is_not_there(july: Programme):
    july.run("labels", LABELS)
    july.answer()
    july.run("labels", LABELS)
    ws = Workspace.open("gift", LABELS)
    assert [figure for _, figure in demo_checks._labels(ws)] == ["11", "12", "13"]
    manifest = next(july.home.glob("outbox/gift/labels/*/manifest.csv.age"))
    manifest.write_bytes(ws.cipher.seal(b"label_no,household_no\n1,00001001\n"))
    with pytest.raises(demo_checks.NotClosed, match="印字した世帯"):
        demo_checks._labels(ws)


def test_a_household_that_declined_before_it_was_printed_is_excluded_and_counted_as_such(july: Programme):
    card = july.card("H1", COUPLE, "シコウ　サブロウ", "1530051", [], 辞退="1", 辞退確信度=0.99)
    july.web_site_opens()
    july.scans(date(2026, 9, 4), card)
    july.run("orders", date(2026, 9, 4))
    assert july.decision("P:H1") == ("withdrawn", "declined")
    july.run("labels", LABELS)
    july.answer()
    july.run("labels", LABELS)
    assert july.rows("shipment", household_no=COUPLE) == []
    assert {(totals["declined"], totals["excluded"]) for totals in july.control("labels")} == {(1, 1)}
