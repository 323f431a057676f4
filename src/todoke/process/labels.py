"""`<contract>_labels`: proof, plan, test pack, approval, print (G04–G07, G09).

Nothing is claimed before every character is proven drawable, nothing is printed before a person has said yes to
exactly these labels, and no household is printed twice: its catalogue is a claim.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from todoke.errors import GateClosed, NotApproved
from todoke.labels import batch as printing
from todoke.labels import test_pack as testing
from todoke.labels.gaiji import prove as prove_gaiji
from todoke.labels.sheet import SheetLayout
from todoke.model.changes import Changes
from todoke.model.codes import ShipmentKind
from todoke.outbox.batch import (
    Batch,
    Guard,
    OpenFile,
    nothing_to_say,
    pending_keys,
    publish,
)
from todoke.parcels.ledger_parcels import new_and_settled
from todoke.parcels.pull_outs import too_late
from todoke.parcels.wanted import Held, changed_parcels, one_item_wanted
from todoke.process import approvals, stops
from todoke.process.address_changes import moved_parcels
from todoke.process.addresses import delivery_addresses
from todoke.process.batch_contents import CATALOGUE_ITEM, BatchContents, contents, write_shipping
from todoke.process.gaiji_fonts import gaiji_fonts
from todoke.process.label_control import control
from todoke.process.pulled import pulled
from todoke.process.releasing import Refresh, claimed
from todoke.process.ward_count import ward_count
from todoke.process.workspace import Computation, Counts, Workspace
from todoke.store import facts
from todoke.store import tables as t
from todoke.store.engine import Engine
from todoke.store.ledger import Pin, VersionRef
from todoke.store.sqlfiles import load

_CHUNK = 20_000
_KINDS = {"catalogue": "カタログ宛名ラベル", "catalogue_confidential": "カタログ宛名ラベル（秘匿世帯）"}


def prove(contract: str, on: date) -> Counts:
    """Proves that every character to be printed can be drawn, and puts out the list of those that cannot.

    Returns:
        characters: code points with a finding; households: how many are held for them.

    Raises:
        GateClosed: there is no register yet.
    """
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        heads = ws.ledger.heads(tx)
        known = facts.shipments(tx, contract, ["catalogue"], ("household_no", "released_rev"))
    if "household" not in heads:
        raise GateClosed("世帯台帳がまだ発行されていません", next_step="「世帯台帳の検査と発行」を先に実行してください")
    proof = prove_gaiji(_unprinted(ws, heads, known), gaiji_fonts(ws))
    rows = io.StringIO()
    sheet = csv.writer(rows)
    sheet.writerow(["コードポイント", "CP932", "状態", "件数"])
    for finding in proof.findings:
        sheet.writerow([f"U+{finding.code_point:04X}", finding.cp932, finding.glyph.label, finding.count])
    content = rows.getvalue().encode("utf-8-sig")
    # another font proves the same register otherwise: each list keeps its own name
    name = f"gaiji_findings_{hashlib.sha256(content).hexdigest()[:8]}.csv"
    ws.outbox.put(f"gaiji/{heads['household'].id}/{name}", content)
    return {"characters": len(proof.findings), "households": len(proof.held)}


def _unprinted(ws: Workspace, heads: Mapping[str, VersionRef], known: pa.Table) -> Iterator[pa.RecordBatch]:
    """What would be printed for the households with an address that have no printed catalogue yet."""
    addresses = delivery_addresses(ws, heads)
    left = pc.invert(pc.is_in(addresses["household_no"], value_set=_printed(known)))
    yield from label_records(ws, addresses.filter(left))


def _printed(known: pa.Table) -> pa.Array:
    return known.filter(pc.is_valid(known["released_rev"]))["household_no"].combine_chunks()


def label_records(ws: Workspace, addresses: pa.Table) -> Iterator[pa.RecordBatch]:
    """The records that `labels.batch` prints, in printing order, for `delivery_addresses`."""
    with ws.ledger.read() as tx:
        numbers = facts.numbers(tx, ws.contract.id)
    table = addresses.join(numbers, "household_no", join_type="inner").sort_by(
        [("postal_code", "ascending"), ("town", "ascending"), ("household_no", "ascending")]
    )
    flags = pc.if_else(table["confidential"], testing.CONFIDENTIAL, "")
    count = table.num_rows
    yield from pa.table(
        {
            "label_no": pa.array(range(1, count + 1), pa.int32()),
            "household_no": table["household_no"],
            "ward_no": table["ward_no"],
            "application_no": table["application_no"],
            "postal_code": table["postal_code"],
            "town": table["town"],
            "block": table["block"],
            "building": table["building"],
            "name": table["addressee"],
            "sort_mark": pc.if_else(table["confidential"], "", table["town"]),
            "flags": flags,
        }
    ).to_batches(max_chunksize=_CHUNK)


def plan(contract: str, on: date) -> Counts:
    """Settles which households get a catalogue: claims, parcels, and who is held.

    Returns:
        settlement (empty when nothing changed), parcels changed, held.
    """
    return _settle(Workspace.open(contract, on))


def _settle(ws: Workspace) -> Counts:
    contract = ws.contract.id
    held_count = 0

    def read(tx: Connection, pin: Pin, _as_of: date) -> Computation:
        known = Held(facts.shipments(tx, contract, ["catalogue"]), facts.revisions(tx, contract, ["catalogue"]))
        numbered = facts.numbers(tx, contract)["household_no"].combine_chunks()
        differences = facts.differences(tx, contract)
        moved = moved_parcels(ws, tx, pin, ["catalogue"])
        taken_out, declined = pulled(ws, tx, pin), _declined(ws, tx, pin)

        def compute() -> Changes:
            nonlocal held_count
            records = _unprinted(ws, pin.heads, known.shipments)
            barred = pa.array([*unprintable(ws, records).to_pylist(), *taken_out], pa.string())
            printed = _printed(known.shipments)
            unwanted = pa.array(set(declined) - set(printed.to_pylist()), pa.string())
            households = _households(ws, pin, barred, unwanted, numbered)
            wanted = one_item_wanted(households, ShipmentKind.CATALOGUE, CATALOGUE_ITEM)
            held_count = int(pc.sum(wanted["held"]).as_py() or 0)
            parcels = changed_parcels(ws.ledger.keys.id_key, contract, wanted, known, moved=moved)
            late = too_late(known.shipments, taken_out)
            found, gone = new_and_settled([*late, *parcels.differences], differences, known.shipments)
            return Changes(
                parcels=parcels.changes,
                differences=found,
                settled_differences=gone,
                register_version=pin.heads["household"].id,
            )

        return compute

    done = ws.settle("labels", read)
    return {
        "settlement": done.id if done else "",
        "parcels": done.counts["parcels"] if done else 0,
        "held": held_count,
    }


def _declined(ws: Workspace, tx: Connection, pin: Pin) -> list[str]:
    """household_no of those that said they want nothing."""
    inputs = {"decision": facts.decisions(tx, ws.contract.id), "amendment": ws.head_table("amendment", pin)}
    with Engine() as engine:
        numbers: list[str] = engine.run(load("nonapplicants", "declined"), inputs)["household_no"].to_pylist()
    return numbers


def _households(ws: Workspace, pin: Pin, barred: pa.Array, unwanted: pa.Array, numbered: pa.Array) -> pa.Table:
    """Who is to have a catalogue: household_no, quantity, held, confidential.

    A household in question has no number yet, and gets neither label nor claim.

    Args:
        barred: households whose label cannot be drawn or is to be pulled.
        unwanted: households that want nothing and have no label yet.
    """
    table = ws.head_table("household", pin)
    certain = pc.is_in(table["household_no"], value_set=numbered)
    wanted = pc.and_not(certain, pc.is_in(table["household_no"], value_set=unwanted))
    live = table.filter(pc.and_(pc.not_equal(table["state"], "deleted"), wanted))
    unknown_place = pc.and_not(live["confidential"], live["instructed"])
    held = pc.or_(pc.equal(live["state"], "held"), unknown_place)
    return pa.table(
        {
            "household_no": live["household_no"],
            "quantity": pa.repeat(1, live.num_rows),
            "held": pc.or_(held, pc.is_in(live["household_no"], value_set=barred)),
            "confidential": live["confidential"],
        }
    )


def unprintable(ws: Workspace, records: Iterable[pa.RecordBatch]) -> pa.Array:
    """Household numbers of the label records that cannot be drawn or do not fit."""
    return pa.array(printing.plan_holds(records, label_layout(ws), gaiji_fonts(ws)).held, pa.string())


def label_layout(ws: Workspace) -> SheetLayout:
    return SheetLayout.of(ws.contract.labels)


def test_pack(contract: str, on: date) -> Counts:
    """Prints the test pack of what is pending and asks a person for approval of exactly that (G06).

    Returns:
        test_labels printed, requests newly made.
    """
    ws = Workspace.open(contract, on)
    made = {"test_labels": 0, "requests": 0}
    for kind, title in _KINDS.items():
        with ws.ledger.read() as tx:
            keys = pending_keys(ws.ledger, tx, kind, ws.ledger.pin(tx).frontier(on))
            heads = ws.ledger.heads(tx)
            digest = approvals.content_digest(ws, tx, kind, keys)
        if not keys:
            continue
        members = _members(ws, keys)
        addresses = delivery_addresses(ws, heads)
        pending = addresses.filter(pc.is_in(addresses["household_no"], value_set=members))
        made["test_labels"] += _print_test_pack(ws, digest, pending)
        body = (
            f"{title} {len(keys):,}件の印刷を承認しますか。\n\n"
            f"- 台帳の版: {heads['household'].id}\n"
            f"- 試し刷り: outbox/{contract}/labels_test/{digest[:16]}/（印字位置と外字を確かめてください）\n"
            "- 承認はこの内容だけに効きます。内容が変われば、改めて依頼します。\n"
        )
        made["requests"] += approvals.request(ws, f"labels:{kind}", digest, f"{title}の印刷", body)
    return dict(made)


def _members(ws: Workspace, keys: list[str]) -> pa.Array:
    wanted = {key.rpartition("/")[0] for key in keys}
    with ws.ledger.read() as tx:
        rows = tx.execute(
            select(t.shipment.c.id, t.shipment.c.household_no).where(t.shipment.c.contract == ws.contract.id)
        )
        return pa.array([number for shipment, number in rows if shipment in wanted], pa.string())


def _print_test_pack(ws: Workspace, digest: str, addresses: pa.Table) -> int:
    from todoke.protect.encryption import SealedFile

    def open_file(name: str) -> SealedFile:
        return SealedFile(lambda content: ws.outbox.put(f"labels_test/{digest[:16]}/{name}", content))

    picked = testing.pick(label_records(ws, addresses))
    totals = printing.render([picked], label_layout(ws), gaiji_fonts(ws), open_file, test_print=True)
    return totals.test_labels


def release_batches(contract: str, on: date) -> Counts:
    """Prints what has been approved; what has not is left for the next run.

    Returns:
        labels printed, batches, waiting: kinds that nobody has approved.

    Raises:
        NotApproved: something is pending and nothing of it is approved.
        GateClosed: households are missing from the totals; nothing has been locked for printing.
    """
    ws = Workspace.open(contract, on)

    def note() -> Guard:
        with ws.ledger.read() as tx:
            register = ws.ledger.heads(tx)["household"]
            declined = _declined(ws, tx, ws.ledger.pin(tx))
        ward = ward_count(ws, register)
        return lambda tx, keys: control(ws, tx, keys, ward, declined)

    return release_approved(ws, "labels", _KINDS, resettle=lambda: _settle(ws), note=note)


def release_approved(
    ws: Workspace,
    process: str,
    kinds: Iterable[str],
    *,
    resettle: Refresh,
    note: Callable[[], Guard] = lambda: nothing_to_say,
) -> Counts:
    """Prints the pending labels of each kind that a person has approved for `process`; see `release_batches`.

    Args:
        resettle: brings what is pending up to the register in force; a yes to something else does not hold then.
        note: makes the guard whose figures are kept with the batch, when something is pending.
    """
    counts = {"batches": 0, "labels": 0, "waiting": 0, **stops.hold(ws), "stops": stops.put_out(ws)}
    waiting: list[NotApproved] = []
    for kind in kinds:

        def guard(kind: str = kind) -> Guard:
            return approvals.only_if_approved(ws, process, kind, note())

        try:
            for then, batch in claimed(ws, kind, process=process, refresh=resettle, guard=guard):
                counts["labels"] += publish_labels(then, batch)
                counts["batches"] += 1
        except NotApproved as error:
            waiting.append(error)
    counts["waiting"] = len(waiting)
    if waiting and not counts["batches"]:
        raise waiting[0]
    return dict(counts)


def publish_labels(ws: Workspace, batch: Batch) -> int:
    """Label sheets, manifest, control totals and the carrier's file of one batch; returns how many labels."""
    parts = contents(ws, batch)
    printed = 0

    def render(open_file: OpenFile) -> None:
        nonlocal printed
        totals = printing.render(printed_records(ws, parts), label_layout(ws), gaiji_fonts(ws), open_file)
        printed = totals.labels
        if printed != batch.members:
            raise GateClosed(
                f"印字した数（{printed}）が束の数（{batch.members}）と違います",
                where=batch.id,
                next_step="外字と住所の保留を確かめ、担当の技術者に連絡してください",
            )
        write_shipping(ws, batch, parts, open_file, name=f"shipping/shipping_{batch.business_on:%Y%m%d}.csv")
        if batch.notes:
            with open_file("control.json") as stream:
                stream.write(json.dumps(batch.notes, ensure_ascii=False, indent=1).encode())

    publish(ws.ledger, batch, "labels", render)
    return printed or batch.members


def printed_records(ws: Workspace, parts: BatchContents) -> Iterator[pa.RecordBatch]:
    """The records of a batch's labels as `labels.batch` prints them; `ws` as it was when the batch was claimed."""
    mine = pc.is_in(parts.addresses["household_no"], value_set=parts.parcels["household_no"].combine_chunks())
    yield from label_records(ws, parts.addresses.filter(mine))
