"""CPU seconds and peak memory of printing claimed batches: `python bench/labels_process.py [--one] [households …]`.

It is what `<contract>_labels.print_batches` does, from lake and ledger to the sealed files. Made-up households of two
are put into a lake and a ledger of their own, in batches of the contract's size whose members lie all over the register
(`--one`: all in one batch). As Airflow does, a process of its own prints each share of them: its start is counted.
Without numbers: one ward, and ten.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import count as count_from
from math import ceil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import insert

from labels import FREE_TEXT, households
from todoke.contract.sheet_layout import SheetLayout
from todoke.labels import batch as printing
from todoke.labels.fonts import FontSet

CONTRACT, ON = "gift", date(2026, 9, 7)
ONE = "--one"


def main() -> None:
    """Prints a line for each size."""
    spawn = multiprocessing.get_context("spawn")
    for count in [int(text) for text in sys.argv[1:] if text != ONE] or [163_000, 1_630_000]:
        with tempfile.TemporaryDirectory() as home:
            os.environ |= {"TODOKE_ENV": "test", "TODOKE_HOME": home, "TODOKE_GIFT_KEY": secrets.token_hex(32)}
            answer = spawn.SimpleQueue()
            batches = _run(spawn.Process(target=_make, args=(count, ONE in sys.argv, answer)), answer)
            printed = [_run(spawn.Process(target=_print, args=(share, answer)), answer) for share in batches]
            files = [path.stat().st_size for path in Path(home, "outbox").rglob("*.age")]
            labels, cpu = sum(each[0] for each in printed), sum(each[1] for each in printed)
            print(
                f"{labels:>10,} labels in {sum(map(len, batches))} batches, {len(batches)} tasks: {cpu:6.1f} CPU s,",
                end=" ",
            )
            print(f"{labels / cpu:,.0f} a CPU second, peak {max(each[2] for each in printed):.0f} MB,", end=" ")
            print(f"{len(files)} files of {sum(files) / 1e6:.0f} MB", flush=True)


def _run(process: Any, answer: Any) -> Any:
    process.start()
    process.join()
    assert process.exitcode == 0
    return answer.get()


def _print(batches: list[str], answer: Any) -> None:
    from todoke.process.labels import print_batches

    labels = print_batches(CONTRACT, ON, batches)["labels"]
    # not `ru_maxrss`: a child's begins at its parent's
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    answer.put((labels, time.process_time(), int(status["VmHWM"].split()[0]) / 1024))


def _make(count: int, in_one: bool, answer: Any) -> None:
    """Puts households into the lake, and into the ledger what claims all their catalogues; tells the batches' ids, in
    shares."""
    from todoke.contract import loader
    from todoke.process.gaiji_fonts import fonts_in_force, pinned
    from todoke.process.label_claims import shared_out
    from todoke.process.workspace import Workspace
    from todoke.store import tables as t

    ws = Workspace.open(CONTRACT, ON)
    ws.record_contract()
    fitting = _fitting(count, ws.contract.labels.layout)
    with ws.ledger.read() as tx:
        fonts = pinned(fonts_in_force(ws, tx))
    heads = {
        "household": ws.lake.stage("household", map(_households, fitting()), ["bench"]),
        "person": ws.lake.stage("person", map(_people, fitting()), ["bench"]),
    }
    with ws.ledger.write() as tx:
        inputs = {name: ws.ledger.commit_version(tx, staged, None).id for name, staged in heads.items()}
        settings = {"contract": loader.digest(ws.contract), **fonts}
        members = heads["household"].rows
        batches = 1 if in_one else ceil(members / ws.contract.labels.labels_per_batch)
        for number in range(batches):
            row = {"id": str(number), "contract": CONTRACT, "kind": "catalogue", "business_on": ON}
            row |= {"members": len(range(number, members, batches)), "members_digest": str(number)}
            told = {"inputs": json.dumps(inputs), "settings": json.dumps(settings), "notes": "{}"}
            tx.execute(insert(t.batch).values(**row, **told, state="claimed"))
        place = count_from(0)
        for records in fitting():
            in_batches = [(label, str(next(place) % batches)) for label in records.to_pylist()]
            for table, rows in _ledger_rows(in_batches):
                tx.execute(insert(table), list(rows))
    answer.put(shared_out([str(number) for number in range(batches)]))


def _fitting(count: int, layout: SheetLayout) -> Callable[[], Iterator[pa.RecordBatch]]:
    """Made-up label records without those of which the proof says that they have no room."""
    held = pa.array(list(printing.plan_holds(households(count), layout, FontSet.load(), FREE_TEXT).held), pa.string())

    def again() -> Iterator[pa.RecordBatch]:
        return (batch.filter(pc.invert(pc.is_in(batch["household_no"], value_set=held))) for batch in households(count))

    return again


def _ledger_rows(in_batches: list[tuple[dict[str, Any], str]]) -> Iterator[tuple[Any, Iterable[dict[str, Any]]]]:
    from todoke import ids
    from todoke.store import tables as t

    # ids are in no order of households, as in life
    labels = [label for label, _ in in_batches]
    parcels = [(ids.identifier(b"bench", "shipment", label["household_no"]), label) for label in labels]
    mine, one = {"contract": CONTRACT}, {"rev": 1}
    yield (
        t.application_number,
        (
            {
                **mine,
                **{name: label[name] for name in ("household_no", "application_no")},
                "position": label["label_no"],
            }
            for label in labels
        ),
    )
    first = {**mine, "kind": "catalogue", "sequence": 1, "cause": "first", "cause_ref": ""}
    first |= {"state": "released", "revision": 1, "released_rev": 1}
    yield t.shipment, ({"id": key, "household_no": label["household_no"], **first} for key, label in parcels)
    said = {**one, "content_digest": "", "action": "instruct", "source_ref": "", "points": 0, "settlement_id": ""}
    yield t.shipment_revision, ({"shipment_id": key, **said} for key, _ in parcels)
    line = {**one, "item_code": "CATALOGUE", "quantity": 1}
    yield t.shipment_item, ({"shipment_id": key, **line} for key, _ in parcels)
    taken = {**mine, **one, "kind": "catalogue", "due_on": ON}
    yield (
        t.effect,
        (
            {"key": f"{key}/1", "shipment_id": key, "batch_id": batch, **taken}
            for (key, _), (_, batch) in zip(parcels, in_batches, strict=True)
        ),
    )


def _households(labels: pa.RecordBatch) -> pa.RecordBatch:
    from todoke.store.schema import HOUSEHOLD

    count = labels.num_rows
    columns = {
        "household_no": labels["household_no"],
        "members": pa.repeat(2, count),
        "postal_code": labels["postal_code"],
        "confidential": pa.repeat(pa.scalar(value=False), count),
        "instructed": pa.repeat(pa.scalar(value=False), count),
        "state": pa.repeat("live", count),
        "state_reason": pa.repeat("", count),
        "ward_no": labels["household_no"],
        "instruction": pa.nulls(count, pa.string()),
    }
    return pa.table(columns).select(HOUSEHOLD.names).cast(HOUSEHOLD).combine_chunks().to_batches()[0]


def _people(labels: pa.RecordBatch) -> pa.RecordBatch:
    from todoke.store.schema import PERSON

    people = []
    for label in labels.to_pylist():
        home = {name: label[name] for name in ("household_no", "postal_code", "town", "block", "building")}
        for member_no in (1, 2):
            name = {"member_name": label["name"], "member_kana": "ミホン", "head_name": label["name"]}
            people.append({**home, **name, "head_kana": "ミホン", "member_no": member_no, "is_head": member_no == 1})
    return pa.RecordBatch.from_pylist(people, PERSON)


if __name__ == "__main__":
    main()
