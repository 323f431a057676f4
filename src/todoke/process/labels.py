"""`<contract>_labels` after the proof: plan, test pack, approval, print (G04–G07, G09).

Nothing is claimed before every character is proven drawable, nothing is printed before a person has said yes to
exactly these labels, and no household is printed twice: its catalogue is a claim.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from todoke.contract.label_forms import Labels
from todoke.contract.sheet_layout import SheetLayout
from todoke.labels import batch as printing
from todoke.labels import test_pack as testing
from todoke.labels.grid import GRID, grid, write_grid
from todoke.labels.imprint import Imprint
from todoke.model.changes import Changes, effect_kind
from todoke.model.codes import Cause, ShipmentKind
from todoke.outbox.batch import Guard, batch_of, pending_keys
from todoke.parcels.ledger_parcels import new_and_settled
from todoke.parcels.pull_outs import too_late
from todoke.parcels.wanted import Held, changed_parcels, one_item_wanted
from todoke.process import approvals, contract_check
from todoke.process.address_changes import moved_parcels
from todoke.process.addresses import address_parts, delivery_addresses
from todoke.process.batch_contents import CATALOGUE_ITEM
from todoke.process.gaiji_shapes import label_fonts
from todoke.process.label_claims import batches_told, claim_approved, members
from todoke.process.label_control import control
from todoke.process.label_printing import application_numbers, label_records, publish_labels
from todoke.process.parcels_again import catalogues_again
from todoke.process.pulled import taken_out
from todoke.process.ward_count import ward_count
from todoke.process.workspace import Computation, Counts, Workspace
from todoke.store import facts
from todoke.store.engine import Engine
from todoke.store.ledger import Pin, VersionRef
from todoke.store.sqlfiles import load as load_sql

_KINDS = {"catalogue": "カタログ宛名ラベル", "catalogue_confidential": "カタログ宛名ラベル（秘匿世帯）"}


def unprinted(ws: Workspace, heads: Mapping[str, VersionRef], known: pa.Table, again: pa.Table) -> Iterator[pa.Table]:
    """Addresses of the households whose catalogue, or the one sent again, is to come, some ten thousand at a time.

    Args:
        known: every catalogue, household_no and released_rev.
        again: `parcels_again.AGAIN`.
    """
    to_come = again.filter(again["is_open"])["household_no"].combine_chunks()
    printed = _printed(known)
    for _, addresses in address_parts(ws, heads):
        number = addresses["household_no"]
        is_unprinted = pc.invert(pc.is_in(number, value_set=printed))
        yield addresses.filter(pc.or_(is_unprinted, pc.is_in(number, value_set=to_come)))


def _printed(known: pa.Table) -> pa.Array:
    return known.filter(pc.is_valid(known["released_rev"]))["household_no"].combine_chunks()


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
        again = catalogues_again(ws, tx, pin, known.shipments)
        out, declined = taken_out(ws, tx, pin, ShipmentKind.CATALOGUE), _declined(ws, tx, pin)

        def compute() -> Changes:
            nonlocal held_count
            undrawn = unprintable(ws, unprinted(ws, pin.heads, known.shipments, again), ShipmentKind.CATALOGUE)
            barred = pa.array([*undrawn.to_pylist(), *out.households], pa.string())
            printed = _printed(known.shipments)
            unwanted = pa.array(set(declined) - set(printed.to_pylist()), pa.string())
            first = _households(ws, pin, barred, unwanted, numbered)
            households = pa.concat_tables([first, _once_more(first, again)])
            wanted = one_item_wanted(households, ShipmentKind.CATALOGUE, CATALOGUE_ITEM)
            held_count = int(pc.sum(wanted["held"]).as_py() or 0)
            parcels = changed_parcels(ws.ledger.keys.id_key, contract, wanted, known, moved=moved)
            late = too_late(known.shipments, out.households, out.missed)
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
        numbers: list[str] = engine.run(load_sql("nonapplicants", "declined"), inputs)["household_no"].to_pylist()
    return numbers


def _households(ws: Workspace, pin: Pin, barred: pa.Array, unwanted: pa.Array, numbered: pa.Array) -> pa.Table:
    """Who is to have a catalogue: household_no, quantity, held, confidential, cause, cause_ref.

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
            "cause": pa.repeat(Cause.FIRST.value, live.num_rows),
            "cause_ref": pa.repeat("", live.num_rows),
        }
    )


def _once_more(households: pa.Table, again: pa.Table) -> pa.Table:
    """The same of those that are to have one more (G23, G24)."""
    attributes = households.drop_columns(["cause", "cause_ref"])
    return (
        again.drop_columns(["is_open"])
        .join(attributes, "household_no", join_type="inner")
        .select(households.column_names)
    )


def unprintable(ws: Workspace, addresses: Iterable[pa.Table], kind: ShipmentKind) -> pa.Array:
    """Household numbers whose label cannot be drawn or does not fit."""
    return pa.array(sorted(hold_plan(ws, addresses, kind).held), pa.string())


def hold_plan(ws: Workspace, addresses: Iterable[pa.Table], kind: ShipmentKind) -> printing.HoldPlan:
    """Who of these, given in parts, cannot be printed, each on the form of the batch that the label would be in."""
    plan, fonts, numbers = printing.HoldPlan(0, {}), label_fonts(ws), application_numbers(ws)
    for part in addresses:
        for confidential in (False, True):
            batch_kind = effect_kind(kind, confidential=confidential)
            mine = part.filter(pc.equal(part["confidential"], confidential))
            if mine.num_rows:
                form = ws.contract.labels.form(batch_kind)
                records = label_records(ws, mine, batch_kind, numbers)
                plan += printing.plan_holds(
                    records, form.layout, fonts, form.free_text, ws.contract.labels.methods(batch_kind)
                )
    return plan


def test_pack(contract: str, on: date) -> Counts:
    """Asks a person about what is pending, in two stages (G06).

    First the ward inspects the test pack: a yes holds for the form and the fonts, whatever the data. Then the content
    is released: a yes holds for exactly these labels.

    Returns:
        test_labels printed, requests newly made.
    """
    ws = Workspace.open(contract, on)
    made = {"test_labels": 0, "requests": 0}
    for kind, title in _KINDS.items():
        with ws.ledger.read() as tx:
            keys = pending_keys(ws.ledger, tx, kind, ws.ledger.pin(tx).frontier(on))
            heads = ws.ledger.heads(tx)
            content, passed = approvals.content_digest(ws, tx, kind, keys), approvals.form_passed(ws, tx, kind)
        if not keys:
            continue
        if passed:
            body = (
                f"{title} {len(keys):,}件の印刷を承認しますか。\n\n"
                f"- 台帳の版: {heads['household'].id}\n"
                f"{batches_told(ws, len(keys))}"
                "- 試し刷りは、この書式と外字で区の検査に合格しています。\n"
                "- 承認はこの内容だけに効きます。内容が変われば、改めて依頼します。\n"
            )
            made["requests"] += approvals.request(
                ws, f"labels:{kind}", content, f"{title}の印刷", body, labels=len(keys)
            )
        else:
            printed = ask_inspection(ws, kind, title, keys)
            made = {"test_labels": made["test_labels"] + printed, "requests": made["requests"] + bool(printed)}
    return dict(made)


def ask_inspection(ws: Workspace, kind: str, title: str, keys: list[str]) -> int:
    """Prints a test pack of pending labels and asks the ward to inspect it, unless it is asked about this form already.

    Returns:
        how many test labels.
    """
    with ws.ledger.read() as tx:
        heads = ws.ledger.heads(tx)
        places = approvals.inspections(ws, tx, kind)
        if not all(approvals.needs_asking(ws, tx, *place) for place in places):
            return 0
        content = approvals.content_digest(ws, tx, kind, keys)
    inspection, form = places[0]
    pack = hashlib.sha256(f"{form}\n{content}\n{ws.on}".encode()).hexdigest()[:16]
    printed = _print_test_pack(ws, kind, pack, _pending_addresses(ws, keys, heads))
    body = (
        f"{title}の試し刷りは、区の検査に合格しましたか。\n\n"
        f"- 試し刷り: outbox/{ws.contract.id}/labels_test/{pack}/（印字位置と外字を確かめてください）\n"
        f"- 印刷を待つラベル: {len(keys):,}件（合格の後、印刷の承認を改めて依頼します）\n"
        "- 合格のときは、区の検査者（一覧から選びます。氏名は記入しません）と検査日を必ず入れてください。\n"
        "- 合格はこの書式と外字フォントだけに効きます。どちらかが変われば、改めて依頼します。\n"
    )
    approvals.request(ws, inspection, form, f"{title}の試し刷り", body, approvals.PASSED_OR_NOT)
    return printed


def printer_grid(contract: str, kind: str, on: date) -> bytes:
    """The printer's test grid: of the form of a kind of batch, or, without one, a page for each form in force."""
    labels = contract_check.check(contract, on).labels
    kinds = [kind] if kind else ["", *labels.forms]
    return grid({name: layout for each in kinds for name, layout in _layouts(labels, each).items()})


def _layouts(labels: Labels, kind: str) -> dict[str, SheetLayout]:
    """The layouts of a kind of batch by name: its own, and those of delivery methods that differ."""
    forms = {kind or "標準": labels.form(kind)}
    forms |= {f"{kind} {method}": form for method, form in labels.methods(kind).items()}
    return {name: form.layout for name, form in forms.items()}


def _pending_addresses(ws: Workspace, keys: list[str], heads: Mapping[str, VersionRef]) -> pa.Table:
    addresses = delivery_addresses(ws, heads)
    return addresses.filter(pc.is_in(addresses["household_no"], value_set=members(ws, keys)))


def _print_test_pack(ws: Workspace, kind: str, pack: str, addresses: pa.Table) -> int:
    form, fonts = ws.contract.labels.form(kind), label_fonts(ws)
    open_file = ws.outbox.opener(f"labels_test/{pack}")
    picked = testing.pick(label_records(ws, addresses, kind, application_numbers(ws)), fonts)
    totals = printing.render(
        [picked],
        form.layout,
        fonts,
        open_file,
        form.free_text,
        by_method=ws.contract.labels.methods(kind),
        imprint=Imprint(ws.contract.id, ws.contract.name, ws.on, kind, pack, is_test=True),
        test_print=True,
    )
    with open_file(GRID) as out:
        write_grid(out, _layouts(ws.contract.labels, kind))
    return totals.test_labels


def claim_batches(contract: str, on: date) -> list[str]:
    """Locks what has been approved for printing; what has not is left for the next run.

    Returns:
        The ids of the batches to print; those that an earlier run left come first.

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

    return claim_approved(ws, "labels", _KINDS, resettle=lambda: _settle(ws), note=note)


def print_batches(contract: str, on: date, batches: Sequence[str]) -> Counts:
    """Prints claimed batches; once more, and they come out the same.

    Returns:
        labels printed.
    """
    ws = Workspace.open(contract, on)
    return {"labels": publish_labels(ws, [batch_of(ws.ledger, batch) for batch in batches])}
