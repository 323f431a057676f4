"""What is in a batch: its parcels and lines as the ledger locked them, its addresses as the versions pinned them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Select, select

from todoke.model.changes import is_confidential
from todoke.outbox.batch import Batch, OpenFile, publish
from todoke.parcels.diff import STOP
from todoke.parcels.shipping import INSTRUCTION_ORDER, instruction_rows, recall_rows, write_instructions
from todoke.process.addresses import ADDRESS, address_parts, instructed_deliveries
from todoke.process.workspace import Workspace
from todoke.store import tables as t
from todoke.store.ledger import VersionRef, fetch_parts
from todoke.store.sorted_rows import InOrder, SortedRows

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
#: A parcel beside each of its lines.
_ROW = pa.unify_schemas([pa.schema([("batch_id", pa.string())]), _PARCEL, _LINE])


@dataclass(frozen=True)
class BatchPart:
    """Parcels of a batch for some households, with their lines and the households' addresses.

    `instructed`: how the ward has the parcels delivered, of a confidential batch.
    """

    parcels: pa.Table
    lines: pa.Table
    addresses: pa.Table
    instructed: pa.Table | None


def batch_parts(ws: Workspace, batch: Batch) -> Iterator[BatchPart]:
    """The contents of a batch, some ten thousand households of the register at a time, by household number.

    They are the same whenever they are asked for.
    """
    return (part for _, part in parts_of_batches(ws, [batch]))


def parts_of_batches(ws: Workspace, batches: Sequence[Batch]) -> Iterator[tuple[Batch, BatchPart]]:
    """As `batch_parts`, of several batches on the same versions; the register is read once for all of them."""
    households: list[pa.Array] = []
    with ws.sorted_rows(("household_no", "shipment_id", "item_code")) as rows:
        with ws.ledger.read() as tx:
            versions = {name: ws.ledger.version(tx, version_id) for name, version_id in batches[0].inputs.items()}
            for part in fetch_parts(tx, _rows_of(batches), _ROW):
                rows.add(part)
                households += part["household_no"].chunks
        asked = pa.chunked_array(households, pa.string()).combine_chunks()
        names = _item_names(ws, versions)
        in_order = InOrder((pa.Table.from_batches([part]) for part in rows), "household_no", _ROW)
        # parcels of households beyond the last one of the register have no address
        for last, addresses in chain(address_parts(ws, versions, asked), [(None, ADDRESS.empty_table())]):
            here = in_order.until(last)
            for batch in batches:
                mine = here.filter(pc.equal(here["batch_id"], batch.id)).combine_chunks()
                if mine.num_rows:
                    yield batch, _part(ws, batch, versions, mine, names, addresses)


def _part(
    ws: Workspace,
    batch: Batch,
    versions: Mapping[str, VersionRef],
    rows: pa.Table,
    names: Mapping[str, str],
    addresses: pa.Table,
) -> BatchPart:
    shipment = rows["shipment_id"].chunk(0)
    is_first = pa.concat_arrays([pa.array([True]), pc.not_equal(shipment[1:], shipment[:-1])])
    parcels = rows.filter(is_first).select(_PARCEL.names)
    lines = rows.filter(pc.is_valid(rows["item_code"])).select(_LINE.names)
    item_names = [names.get(code, code) for code in lines["item_code"].to_pylist()]
    return BatchPart(
        parcels,
        lines.append_column("item_name", pa.array(item_names, pa.string())),
        addresses.filter(pc.is_in(addresses["household_no"], value_set=parcels["household_no"].combine_chunks())),
        instructed_deliveries(ws, versions, parcels) if is_confidential(batch.kind) else None,
    )


def _rows_of(batches: Sequence[Batch]) -> Select[Any]:
    e, s, r = t.effect.c, t.shipment.c, t.shipment_revision.c
    i, n = t.shipment_item.c, t.application_number.c
    return (
        select(
            e.batch_id,
            e.shipment_id,
            e.rev,
            r.action,
            s.kind,
            s.household_no,
            n.application_no,
            i.item_code,
            i.quantity,
        )
        .select_from(t.effect)
        .join(t.shipment, s.id == e.shipment_id)
        .join(t.shipment_revision, (r.shipment_id == e.shipment_id) & (r.rev == e.rev))
        .join(t.application_number, (n.contract == s.contract) & (n.household_no == s.household_no))
        .outerjoin(t.shipment_item, (i.shipment_id == e.shipment_id) & (i.rev == e.rev))
        .where(e.batch_id.in_([batch.id for batch in batches]))
    )


def _item_names(ws: Workspace, versions: dict[str, VersionRef]) -> dict[str, str]:
    catalogue = ws.version_table("catalogue", versions.get("catalogue"), ["item_code", "item_name"])
    named = zip(catalogue["item_code"].to_pylist(), catalogue["item_name"].to_pylist(), strict=True)
    return {**dict(named), **_OUR_ITEMS}


def shipping_rows(batch: Batch, part: BatchPart) -> pa.Table:
    """What the carrier is told of a part of a batch: instructions, or recalls (G12)."""
    if batch.kind == STOP:
        return recall_rows(part.parcels)
    where = part.addresses
    addresses = pa.table(
        {
            "household_no": where["household_no"],
            "postal_code": where["postal_code"],
            "address": pc.binary_join_element_wise(where["town"], where["block"], ""),
            "building": where["building"],
            "name": where["addressee"],
        }
    )
    return instruction_rows(part.parcels, part.lines, addresses)


def write_shipping(ws: Workspace, rows: SortedRows, open_file: OpenFile, *, name: str) -> None:
    """The carrier's file of a batch from all its `shipping_rows` in `INSTRUCTION_ORDER`."""
    parts = (pa.Table.from_batches([part]) for part in rows)
    with open_file(name) as stream:
        write_instructions(parts, stream, programme=ws.contract.name, desk=ws.contract.contractor.desk)


def publish_shipping(ws: Workspace, batch: Batch) -> None:
    """The carrier's file of a batch that has no labels: `shipping_…`, or `stop_…` for recalls."""
    name = f"{'stop' if batch.kind == STOP else 'shipping'}_{batch.business_on:%Y%m%d}.csv"
    with ws.sorted_rows(INSTRUCTION_ORDER) as rows:
        for part in batch_parts(ws, batch):
            rows.add(shipping_rows(batch, part))
        publish(ws.ledger, batch, "shipping", lambda open_file: write_shipping(ws, rows, open_file, name=name))
