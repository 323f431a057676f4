"""`<contract>_labels`: every character to be printed is proven; what cannot be is listed for operators and ward (G04).

Lists and sheet lie in `gaiji/<register version>/`, each under the digest of its content: another font proves the same
register otherwise.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select

from todoke.errors import GateClosed
from todoke.labels.batch import MANIFEST, HoldPlan
from todoke.labels.faces import Face, Glyph
from todoke.labels.fonts import FontSet
from todoke.labels.gaiji import PRINTED_FIELDS, GaijiUse, cp932
from todoke.model.codes import ShipmentKind
from todoke.outbox.batch import Batch, batches
from todoke.process import approvals
from todoke.process.batch_contents import batch_parts
from todoke.process.gaiji_fonts import fonts_in_force
from todoke.process.gaiji_shapes import SUBJECT, Reshaped, changed_since, drawing_face, label_fonts, reshaped
from todoke.process.held_labels import codes, put_digested, put_held, put_list
from todoke.process.label_printing import label_rows
from todoke.process.labels import hold_plan, unprinted
from todoke.process.parcels_again import catalogues_again
from todoke.process.releasing import as_claimed
from todoke.process.workspace import Counts, LabelFonts, Workspace
from todoke.report.gaiji_sheet import FontFile, Heading, SheetRow, gaiji_sheet
from todoke.store import facts
from todoke.store import tables as t


@dataclass(frozen=True)
class PrintedOtherwise:
    """A printed label with characters that the fonts in force draw otherwise: where it lies, whose it is.

    `fonts`: those that it was printed with; `handed_over_on`: the day on which the parcel left, None while it has not.
    """

    place: tuple[str, str, str, str]
    ward_no: str
    application_no: str
    characters: tuple[str, ...]
    fonts: LabelFonts
    handed_over_on: date | None


def prove(contract: str, on: date) -> Counts:
    """Proves that every character to be printed can be drawn; puts out findings, held households and the ward's sheet.

    Reshaped characters in use are asked about: until a person says yes, their households are held.

    Returns:
        characters: code points with a finding; households: how many are held for a character or for want of room;
        printed_otherwise: printed labels that show another shape than the fonts in force; requests newly made.

    Raises:
        GateClosed: there is no register yet.
    """
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
        heads = pin.heads
        if "household" not in heads:
            next_step = "「世帯台帳の検査と発行」を先に実行してください"
            raise GateClosed("世帯台帳がまだ発行されていません", next_step=next_step)
        known = facts.shipments(tx, contract, ["catalogue"])
        again = catalogues_again(ws, tx, pin, known)
        in_force = fonts_in_force(ws, tx)
    fonts, changes, printed = label_fonts(ws), reshaped(ws), list(printed_otherwise(ws, in_force))
    plan = hold_plan(ws, unprinted(ws, heads, known, again), ShipmentKind.CATALOGUE)
    rows = _rows(ws, plan, changes, printed)
    folder = f"gaiji/{heads['household'].id}"
    _put_lists(ws, folder, plan, printed)
    if rows:
        heading = _heading(ws, heads["household"].id, in_force, fonts, plan)
        put_digested(ws, folder, "gaiji_sheet", "pdf", gaiji_sheet(rows, heading, fonts))
    return {
        "characters": len(plan.findings),
        "households": len(plan.held),
        "printed_otherwise": len(printed),
        "requests": int(_ask(ws, folder, changes, plan, printed)),
    }


def _rows(ws: Workspace, plan: HoldPlan, changes: Reshaped, printed: Sequence[PrintedOtherwise]) -> list[SheetRow]:
    """Every character in use by code point; those of printed labels that are drawn otherwise now are among them."""
    uses = {use.text: use for use in plan.uses}
    before = dict(changes.seen_in)
    households, count = Counter[str](), Counter[str]()
    for label in printed:
        households.update(set(label.characters))
        count.update(label.characters)
        for char in label.characters:
            before.setdefault(char, label.fonts)
    for char, number in households.items():
        use = uses.get(char, GaijiUse(char, Glyph.RESHAPED, cp932(char), 0, 0))
        uses[char] = replace(
            use, glyph=Glyph.RESHAPED, households=use.households + number, count=use.count + count[char]
        )
    return [
        SheetRow(use, _before(ws, char, before) if use.glyph is Glyph.RESHAPED else None)
        for char, use in sorted(uses.items())
    ]


def _before(ws: Workspace, char: str, before: Mapping[str, LabelFonts]) -> Face:
    return drawing_face(ws, before[char], char)


def _put_lists(ws: Workspace, folder: str, plan: HoldPlan, printed: Sequence[PrintedOtherwise]) -> None:
    findings = [(f.code_points, f.cp932, f.glyph.label, f.households, f.count) for f in plan.findings]
    put_list(ws, folder, "gaiji_findings", ("コードポイント", "CP932", "状態", "世帯数", "件数"), findings)
    put_held(ws, folder, plan)
    if printed:
        columns = ("束", "ファイル", "シート", "位置", "申込番号", "世帯番号", "コードポイント", "引渡日")
        labels = [
            (*p.place, p.application_no, p.ward_no, codes(dict.fromkeys(p.characters)), p.handed_over_on or "未引渡し")
            for p in printed
        ]
        put_list(ws, folder, "printed_otherwise", columns, labels)


def _heading(ws: Workspace, register: str, in_force: LabelFonts, fonts: FontSet, plan: HoldPlan) -> Heading:
    r = t.receipt.c
    with ws.ledger.read() as tx:
        rows = tx.execute(select(r.receipt_no, r.file_name, r.sha256).where(r.receipt_no.in_(in_force.gaiji)))
        files = {row.receipt_no: FontFile(row.file_name, row.sha256) for row in rows}
    base = FontFile(fonts.faces[0].name, in_force.base)
    ordered = (base, *(files[number] for number in in_force.gaiji))
    return Heading(ws.contract.name, ws.contract.client.name, register, ordered, len(plan.held))


def printed_otherwise(ws: Workspace, in_force: LabelFonts) -> Iterator[PrintedOtherwise]:
    """Printed labels that show another shape than the fonts in force draw, in the order in which they lie."""
    with ws.ledger.read() as tx:
        found = batches(ws.ledger, tx)
    manifests = {name for name in ws.outbox.listing("labels") if name.endswith(MANIFEST)}
    for batch in found:
        manifest = f"labels/{batch.id}/{MANIFEST}"
        if manifest not in manifests:
            continue
        then = as_claimed(ws, batch)
        assert then.fonts is not None
        changed = changed_since(ws, then.fonts, in_force)
        if changed:
            yield from _printed_in(then, batch, ws.outbox.get(manifest), changed)


def _printed_in(then: Workspace, batch: Batch, manifest: bytes, changed: frozenset[str]) -> Iterator[PrintedOtherwise]:
    """The labels of a batch that show one of some gaiji, in the order of its manifest."""
    assert then.fonts is not None
    rows = [row for row in csv.DictReader(io.StringIO(manifest.decode())) if "gaiji" in row["flags"].split(";")]
    shown = _shown(then, batch, [row["application_no"] for row in rows], changed)
    left = _handed_over(then, batch) if shown else {}
    for row in rows:
        if found := shown.get(row["application_no"]):
            place = (batch.id, row["file"], row["sheet"], row["position"])
            number = row["application_no"]
            yield PrintedOtherwise(place, row["household_no"], number, found, then.fonts, left.get(number))


def _handed_over(ws: Workspace, batch: Batch) -> dict[str, date]:
    """The day on which each parcel of a batch was handed over, of those that were, by application number."""
    e, s, n = t.effect.c, t.shipment.c, t.application_number.c
    query = (
        select(n.application_no, s.handed_over_on)
        .select_from(t.effect)
        .join(t.shipment, s.id == e.shipment_id)
        .join(t.application_number, (n.contract == s.contract) & (n.household_no == s.household_no))
        .where(e.batch_id == batch.id, s.handed_over_on.is_not(None))
    )
    with ws.ledger.read() as tx:
        return dict(tx.execute(query).tuples().all())


def _shown(
    then: Workspace, batch: Batch, application_nos: Sequence[str], changed: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """Which of some gaiji the labels with these application numbers show, as often as they do."""
    wanted, shown = set(application_nos), {}
    for part in batch_parts(then, batch):
        rows = label_rows(then, part, batch.kind)
        columns = [rows[name].fill_null("").to_pylist() for name in PRINTED_FIELDS]
        for number, *fields in zip(rows["application_no"].to_pylist(), *columns, strict=True):
            if number in wanted:
                shown[number] = tuple(char for field in fields for char in field if char in changed)
    return shown


def _ask(ws: Workspace, folder: str, changes: Reshaped, plan: HoldPlan, printed: Sequence[PrintedOtherwise]) -> bool:
    """Asks a person to look when a reshaped character is in use, on labels to come or on printed ones."""
    waiting = {use.text for use in plan.uses if use.glyph is Glyph.RESHAPED}
    shown = {char for label in printed for char in label.characters} & changes.seen_in.keys()
    if not waiting | shown:
        return False
    held = sum(label.reason is Glyph.RESHAPED for label in plan.listed)
    body = (
        f"新しい外字フォントで、使用中の外字 {len(waiting | shown):,}種の字形が変わりました。"
        "新しい字形で印刷しますか。\n\n"
        f"- 変わった外字：全部で {len(changes.seen_in):,}種（使っていないものを含む）\n"
        f"- 印刷を止めている世帯：{held:,}世帯\n"
        f"- 前の字形で印字済みのラベル：{len(printed):,}枚"
        "（printed_otherwise の一覧で、引き抜くものを確かめてください）\n"
        f"- 新旧の字形：outbox/{ws.contract.id}/{folder}/ の外字確認票（gaiji_sheet）\n"
        "- 却下すると止めたままにします。区に正しい外字フォントの送付を依頼してください。\n"
    )
    return approvals.request(ws, SUBJECT, changes.digest, "外字の字形の変更", body)
