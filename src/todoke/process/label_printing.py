"""From a claimed batch to its files, as a stream: label sheets, manifest, carrier's file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from todoke.errors import GateClosed, TodokeError
from todoke.labels import batch as printing
from todoke.labels.imprint import Imprint
from todoke.labels.test_pack import CONFIDENTIAL
from todoke.outbox import delivery_methods
from todoke.outbox.batch import Batch, OpenFile, publish
from todoke.parcels.shipping import INSTRUCTION_ORDER
from todoke.process.batch_contents import BatchPart, batch_parts, parts_of_batches, shipping_rows, write_shipping
from todoke.process.gaiji_shapes import label_fonts
from todoke.process.label_claims import PRINTING_ORDER, in_printing_order, with_sort_mark
from todoke.process.releasing import as_claimed
from todoke.process.workspace import Workspace
from todoke.store import facts
from todoke.store.sorted_rows import SortedRows

_CHUNK = 20_000


def application_numbers(ws: Workspace) -> pa.Table:
    """Every household's application number."""
    with ws.ledger.read() as tx:
        return facts.numbers(tx, ws.contract.id)


def label_records(ws: Workspace, addresses: pa.Table, kind: str, numbers: pa.Table) -> Iterator[pa.RecordBatch]:
    """The records that `labels.batch` prints, in printing order, for `delivery_addresses` in a batch of a kind.

    Args:
        numbers: `application_numbers`.
    """
    table = in_printing_order(ws, addresses.join(numbers, "household_no", join_type="inner"), kind)
    yield from _numbered(_columns(table).to_batches(max_chunksize=_CHUNK))


def label_rows(ws: Workspace, part: BatchPart, kind: str) -> pa.Table:
    """The labels of a part of a batch, as `label_records` has them but without a number and in no order."""
    numbers = part.parcels.select(["household_no", "application_no"])
    return _columns(with_sort_mark(ws, part.addresses.join(numbers, "household_no", join_type="inner"), kind))


def _columns(table: pa.Table) -> pa.Table:
    columns = ("household_no", "ward_no", "application_no", "postal_code", "town", "block", "building")
    return pa.table(
        {
            **{name: table[name] for name in columns},
            "name": table["addressee"],
            "sort_mark": table["sort_mark"],
            "flags": pc.if_else(table["confidential"], CONFIDENTIAL, ""),
            "delivery_method": table["delivery_method"],
        }
    )


def _numbered(rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    count = 0
    for batch in rows:
        numbers = pa.array(range(count + 1, count + 1 + batch.num_rows), pa.int32())
        yield pa.RecordBatch.from_arrays([numbers, *batch.columns], ["label_no", *batch.schema.names])
        count += batch.num_rows


class _Numbered:
    """Sorted label rows as records that can be read more than once."""

    def __init__(self, rows: Iterable[pa.RecordBatch]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return _numbered(self._rows)


@contextmanager
def printed_records(ws: Workspace, batch: Batch) -> Iterator[Iterable[pa.RecordBatch]]:
    """The records of a batch's labels as `labels.batch` prints them; `ws` as it was when the batch was claimed."""
    with ws.sorted_rows(PRINTING_ORDER) as rows:
        for part in batch_parts(ws, batch):
            rows.add(label_rows(ws, part, batch.kind))
        yield _Numbered(rows)


@dataclass(frozen=True)
class _Sorted:
    """What the files of a batch show, as it is printed and as the carrier has it."""

    labels: SortedRows
    shipping: SortedRows
    instructed: list[pa.Table] = field(default_factory=list)

    def add(self, ws: Workspace, batch: Batch, part: BatchPart) -> None:
        self.labels.add(label_rows(ws, part, batch.kind))
        self.shipping.add(shipping_rows(batch, part))
        self.instructed.extend([part.instructed] if part.instructed is not None else [])


def publish_labels(ws: Workspace, batches: Sequence[Batch]) -> int:
    """Label sheets, manifest, control totals and the carrier's file of each batch; returns how many labels.

    Each row of lake and ledger is read once for all batches on the same versions and settings. What stops the
    printing of one batch does not stop that of the others.

    Raises: what stopped the first that could not be printed, when all others are.
    """
    stopped = list[TodokeError]()
    for _, alike in groupby(batches, lambda batch: (batch.inputs, batch.settings)):
        first, *more = alike
        stopped += _publish(as_claimed(ws, first), [first, *more])
    if stopped:
        raise stopped[0]
    return sum(batch.members for batch in batches)


def _publish(ws: Workspace, batches: Sequence[Batch]) -> Iterator[TodokeError]:
    """Puts out the files of batches that are alike; `ws` as it was when they were claimed."""
    with ExitStack() as opened:
        rows = {}
        for batch in batches:
            labels, shipping = (ws.sorted_rows(by, len(batches)) for by in (PRINTING_ORDER, INSTRUCTION_ORDER))
            rows[batch.id] = _Sorted(opened.enter_context(labels), opened.enter_context(shipping))
        for batch, part in parts_of_batches(ws, batches):
            rows[batch.id].add(ws, batch, part)
        for batch in batches:
            try:
                publish(ws.ledger, batch, "labels", partial(_render, ws, batch, rows[batch.id]))
            except TodokeError as error:
                yield error


def _render(ws: Workspace, batch: Batch, rows: _Sorted, open_file: OpenFile) -> None:
    _print(ws, batch, _Numbered(rows.labels), open_file)
    write_shipping(ws, rows.shipping, open_file, name=f"shipping/shipping_{batch.business_on:%Y%m%d}.csv")
    if rows.instructed:
        _write_methods(ws, batch, pa.concat_tables(rows.instructed), open_file)
    if batch.notes:
        with open_file("control.json") as stream:
            stream.write(json.dumps(batch.notes, ensure_ascii=False, indent=1).encode())


def _print(ws: Workspace, batch: Batch, records: Iterable[pa.RecordBatch], open_file: OpenFile) -> None:
    form = ws.contract.labels.form(batch.kind)
    printed = printing.render(
        records,
        form.layout,
        label_fonts(ws),
        open_file,
        form.free_text,
        by_method=ws.contract.labels.methods(batch.kind),
        imprint=imprint(ws, batch),
    ).labels
    if printed != batch.members:
        raise GateClosed(
            f"印字した数（{printed}）が束の数（{batch.members}）と違います",
            where=batch.id,
            next_step="外字と住所の保留を確かめ、担当の技術者に連絡してください",
        )


def imprint(ws: Workspace, batch: Batch) -> Imprint:
    """What the sheets of a batch say of themselves; `ws` as it was when the batch was claimed."""
    notes = {"part": 1, "parts": 1} | batch.notes
    contract = ws.contract
    return Imprint(contract.id, contract.name, batch.business_on, batch.kind, batch.id, notes["part"], notes["parts"])


def _write_methods(ws: Workspace, batch: Batch, instructed: pa.Table, open_file: OpenFile) -> None:
    rows = instructed.sort_by([("postal_code", "ascending"), ("shipment_id", "ascending")])
    said = {"programme": ws.contract.name, "title": "秘匿世帯の配送方法"}
    with open_file(delivery_methods.NAME) as stream:
        stream.write(delivery_methods.delivery_methods(rows, count=batch.members, batch=batch.id, **said))
