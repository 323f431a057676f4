"""What is in a batch: its parcels and lines as the ledger locked them, its addresses as the versions pinned them."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select

from todoke.model.changes import is_confidential
from todoke.outbox.batch import Batch, OpenFile, publish
from todoke.parcels.diff import STOP
from todoke.parcels.shipping import shipping_csv, stop_csv
from todoke.process.addresses import delivery_addresses, instructed_deliveries
from todoke.process.workspace import Workspace
from todoke.store import tables as t
from todoke.store.ledger import VersionRef, fetch

TOILET_ITEM, CATALOGUE_ITEM, NOTICE_ITEM = "TOILET", "CATALOGUE", "NOTICE"
_OUR_ITEMS = {TOILET_ITEM: "携帯トイレ", CATALOGUE_ITEM: "防災カタログ", NOTICE_ITEM: "申込みのご案内"}

_PARCEL = pa.schema(
    [
        ("shipment_id", pa.string()),
        ("revision", pa.int32()),
        ("action", pa.string()),
        ("kind", pa.string()),
        ("household_no", pa.string()),
        ("application_no", pa.string()),
    ]
)
_LINE = pa.schema([("shipment_id", pa.string()), ("item_code", pa.string()), ("quantity", pa.int32())])


@dataclass(frozen=True)
class BatchContents:
    """`parcels` and `lines` by shipment id; `addresses` of every household that has one, by household number.

    `instructed`: how the ward has the parcels delivered, of a confidential batch.
    """

    parcels: pa.Table
    lines: pa.Table
    addresses: pa.Table
    instructed: pa.Table | None


def contents(ws: Workspace, batch: Batch) -> BatchContents:
    """The contents of a batch; the same whenever they are asked for."""
    with ws.ledger.read() as tx:
        versions = {name: ws.ledger.version(tx, version_id) for name, version_id in batch.inputs.items()}
        parcels = fetch(
            tx,
            select(
                t.effect.c.shipment_id,
                t.effect.c.rev,
                t.shipment_revision.c.action,
                t.shipment.c.kind,
                t.shipment.c.household_no,
                t.application_number.c.application_no,
            )
            .join(t.shipment, t.shipment.c.id == t.effect.c.shipment_id)
            .join(
                t.shipment_revision,
                (t.shipment_revision.c.shipment_id == t.effect.c.shipment_id)
                & (t.shipment_revision.c.rev == t.effect.c.rev),
            )
            .join(
                t.application_number,
                (t.application_number.c.contract == t.shipment.c.contract)
                & (t.application_number.c.household_no == t.shipment.c.household_no),
            )
            .where(t.effect.c.batch_id == batch.id)
            .order_by(t.effect.c.shipment_id),
            _PARCEL,
        )
        lines = fetch(
            tx,
            select(t.effect.c.shipment_id, t.shipment_item.c.item_code, t.shipment_item.c.quantity)
            .join(
                t.shipment_item,
                (t.shipment_item.c.shipment_id == t.effect.c.shipment_id) & (t.shipment_item.c.rev == t.effect.c.rev),
            )
            .where(t.effect.c.batch_id == batch.id)
            .order_by(t.effect.c.shipment_id, t.shipment_item.c.item_code),
            _LINE,
        )
    names = _item_names(ws, versions)
    lines = lines.append_column(
        "item_name", pa.array([names.get(code, code) for code in lines["item_code"].to_pylist()], pa.string())
    )
    instructed = instructed_deliveries(ws, versions, parcels) if is_confidential(batch.kind) else None
    return BatchContents(parcels, lines, delivery_addresses(ws, versions), instructed)


def _item_names(ws: Workspace, versions: dict[str, VersionRef]) -> dict[str, str]:
    catalogue = ws.version_table("catalogue", versions.get("catalogue"), ["item_code", "item_name"])
    named = zip(catalogue["item_code"].to_pylist(), catalogue["item_name"].to_pylist(), strict=True)
    return {**dict(named), **_OUR_ITEMS}


def write_shipping(ws: Workspace, batch: Batch, parts: BatchContents, open_file: OpenFile, *, name: str) -> None:
    """The carrier's file of a batch: instructions, or `stop_…` for recalls (G12)."""
    programme, desk = ws.contract.name, ws.contract.contractor.desk
    if batch.kind == STOP:
        content = stop_csv(parts.parcels, programme=programme, desk=desk)
    else:
        where = parts.addresses
        addresses = pa.table(
            {
                "household_no": where["household_no"],
                "postal_code": where["postal_code"],
                "address": pc.binary_join_element_wise(where["town"], where["block"], ""),
                "building": where["building"],
                "name": where["addressee"],
            }
        )
        content = shipping_csv(parts.parcels, parts.lines, addresses, programme=programme, desk=desk)
    with open_file(name) as stream:
        stream.write(content)


def publish_shipping(ws: Workspace, batch: Batch) -> None:
    """The carrier's file of a batch that has no labels: `shipping_…`, or `stop_…` for recalls."""
    parts = contents(ws, batch)
    name = f"{'stop' if batch.kind == STOP else 'shipping'}_{batch.business_on:%Y%m%d}.csv"
    publish(ws.ledger, batch, "shipping", lambda open_file: write_shipping(ws, batch, parts, open_file, name=name))
