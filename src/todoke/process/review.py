"""The operators' review workbook: everything that the rules leave to people, gathered from ledger and lake."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from todoke.clock import TOKYO
from todoke.model.codes import CardFinding, CarrierFinding, Finding
from todoke.parcels.review import BAD_ROW, review_items, review_workbook
from todoke.process.workspace import Workspace
from todoke.store import facts
from todoke.store import tables as t
from todoke.store.ledger import Pin

_BAD_ROWS = {"postcard": "postcard_bad_row", "carrier": "carrier_bad_row"}
_WHY_NOT_TAKEN = {why.value: why.label for whys in (Finding, CardFinding, CarrierFinding) for why in whys}


def publish_review(ws: Workspace) -> int:
    """One workbook for each settlement of orders; the same settlement gives the same workbook.

    Returns:
        how many items it has.
    """
    with ws.ledger.read() as tx:
        last = tx.execute(
            select(t.settlement.c.id, t.settlement.c.as_of)
            .where(t.settlement.c.contract == ws.contract.id, t.settlement.c.process == "orders")
            .order_by(t.settlement.c.seq.desc())
            .limit(1)
        ).one_or_none()
        pin = ws.ledger.pin(tx)
        decisions = facts.undecided(tx, ws.contract.id)
        differences = facts.differences(tx, ws.contract.id)
        numbers = facts.numbers(tx, ws.contract.id)
        shipments = facts.differing_shipments(tx, ws.contract.id)
        bad_rows = _bad_rows(ws, tx, pin)
    if last is None:
        return 0
    images = _images(ws, pin, decisions)
    items = review_items(decisions, numbers, _late_changes(ws, pin), differences, shipments, images, bad_rows)
    name = f"review/{last.as_of:%Y-%m-%d}_{last.id}/{ws.contract.id}_review_{last.as_of:%Y-%m-%d}.xlsx"
    if name not in ws.outbox.listing("review"):
        ws.outbox.put(name, review_workbook(items, programme=ws.contract.name, as_of=last.as_of))
    return int(items.num_rows)


def _late_changes(ws: Workspace, pin: Pin) -> pa.Table:
    """The changes not taken, with the application number that their row names."""
    late = ws.head_table("late_change", pin)
    number_of: dict[str, str] = {}
    for dataset, key, prefix in (("web_application", "application_id", "W:"), ("amendment", "amendment_id", "A:")):
        rows = ws.head_table(dataset, pin, [key, "application_no"])
        names = pc.binary_join_element_wise(prefix, rows[key], "")
        mine = pc.is_in(names, value_set=late["application_id"].combine_chunks())
        number_of |= zip(names.filter(mine).to_pylist(), rows["application_no"].filter(mine).to_pylist(), strict=True)
    return pa.table(
        {
            "application_id": late["application_id"],
            "application_no": pa.array(
                [number_of.get(name) for name in late["application_id"].to_pylist()], pa.string()
            ),
            "updated_at": late["changed_at"],
        }
    )


def _images(ws: Workspace, pin: Pin, decisions: pa.Table) -> pa.Table:
    """application_id and image_file of the postcards among `decisions`."""
    cards = ws.head_table("postcard", pin, ["card_no", "image_file"])
    ids = pc.binary_join_element_wise("P:", cards["card_no"], "")
    images = pa.table({"application_id": ids, "image_file": cards["image_file"]})
    return images.filter(pc.is_in(ids, value_set=decisions["application_id"].combine_chunks()))


def _bad_rows(ws: Workspace, tx: Connection, pin: Pin) -> pa.Table:
    """The rows of postcards' and carrier's files that were not taken (`BAD_ROW`), with the files they stand in."""
    c = t.receipt.c
    receipts = {
        row.receipt_no: {
            "file_name": row.file_name,
            "received_at": row.received_at.astimezone(TOKYO).replace(tzinfo=None),
        }
        for row in tx.execute(select(c.receipt_no, c.file_name, c.received_at).where(c.contract == ws.contract.id))
    }
    rows = [
        row | receipts[row["receipt_no"]] | {"source": source, "reason": _WHY_NOT_TAKEN[row["reason"]]}
        for source, dataset in _BAD_ROWS.items()
        for row in ws.head_table(dataset, pin).to_pylist()
    ]
    return pa.Table.from_pylist(rows, BAD_ROW)
