"""Printing one label or sheet once more – soiled, misprinted, lost – exactly as it was, with its cause (G07).

It is no second parcel: the batch's own versions, font and contract are rendered again, and the reprint is recorded.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, func, insert, select

from todoke import clock, ids
from todoke.errors import TodokeError
from todoke.labels.batch import Place, render_sheet
from todoke.labels.imprint import SheetPlace
from todoke.model.changes import is_confidential
from todoke.model.codes import Labelled, ShipmentState
from todoke.outbox.batch import Batch, batches
from todoke.process.gaiji_shapes import label_fonts
from todoke.process.label_printing import imprint, printed_records
from todoke.process.manifests import manifest
from todoke.process.pulled import taken_out
from todoke.process.releasing import as_claimed
from todoke.process.workspace import Counts, Workspace
from todoke.store import tables as t

FOLDER = "labels_reprint"


class Forbidden(Labelled):
    """Why a label must not be printed once more."""

    PULLED = "pulled", "引抜きの対象です"
    DELETED = "deleted", "世帯が対象外となりました"
    HELD = "held", "世帯が保留されています"
    CONFIDENTIAL = "confidential", "秘匿世帯となり、送付先が変わりました"
    WITH_CARRIER = "with_carrier", "運送会社に引渡し済みです"
    CHANGED = "changed", "その後に内容の変更・停止・取消があります"


def reprint(
    contract: str, *, batch: str, file: str, sheet: int, position: int | None, cause: str, by_whom: str
) -> Counts:
    """Renders a printed sheet, or one label of it, again into `labels_reprint/<id>/`, and records it.

    Killed before it is recorded, the same call gives the same file under the same id.

    Args:
        file, sheet, position: as the batch's manifest has them; position None: the whole sheet.
        cause: 汚損, 印字不良, 紛失 or other words; by_whom: the account of the person.

    Returns:
        labels; reprint: its id.

    Raises:
        TodokeError: there is no such batch, sheet or label, or one of its households must not get it any more.
    """
    ws = Workspace.open(contract, clock.now_tokyo().date())
    if not cause.strip() or not by_whom.strip():
        raise TodokeError("刷り直しの理由と担当者が必要です", next_step="--cause と --by を入れてください")
    printed = _published(ws, batch)
    places = _places(ws, batch, file, sheet, position)
    with ws.ledger.read() as tx:
        _refuse_forbidden(ws, tx, printed, places)
        number = _times(tx, contract, batch, file, sheet, position) + 1
    where = (contract, batch, file, sheet, position or 0, number)
    own_id = ids.identifier(ws.ledger.keys.id_key, "reprint", *where)
    _render(ws, printed, places, own_id)
    row = {"contract": contract, "id": own_id, "batch_id": batch, "file": file, "sheet": sheet, "position": position}
    with ws.ledger.write() as tx:
        ws.ledger.move(tx)
        _refuse_forbidden(ws, tx, printed, places)
        said = {"labels": len(places), "cause": cause[:80], "by_whom": by_whom[:80], "at": clock.now_utc()}
        tx.execute(insert(t.reprint).values(**row, **said))
    return {"labels": len(places), "reprint": own_id}


def _published(ws: Workspace, number: str) -> Batch:
    b = t.batch.c
    with ws.ledger.read() as tx:
        kind = tx.execute(select(b.kind).where(b.contract == ws.contract.id, b.id == number)).scalar()
        found = [each for each in batches(ws.ledger, tx, kind) if each.id == number] if kind else []
    if found and found[0].published and f"labels/{number}/manifest.csv" in ws.outbox.listing(f"labels/{number}"):
        return found[0]
    raise TodokeError(
        "この束のラベルは出力されていません",
        where=number,
        next_step="todoke outbox list で labels の束を確かめてください",
    )


def _places(ws: Workspace, batch: str, file: str, sheet: int, position: int | None) -> dict[str, Place]:
    """The places that are meant, by application number."""
    places = {
        row["application_no"]: Place(row["file"], int(row["sheet"]), int(row["position"]))
        for row in manifest(ws, batch)
        if row["file"] == file and int(row["sheet"]) == sheet and position in (None, int(row["position"]))
    }
    if not places:
        raise TodokeError(
            "この枚目・位置のラベルはありません",
            where=f"{file} {sheet}枚目" + (f" 位置{position}" if position else ""),
            next_step="束の manifest.csv で確かめてください",
        )
    return places


def _times(tx: Connection, contract: str, batch: str, file: str, sheet: int, position: int | None) -> int:
    c = t.reprint.c
    here = (c.contract == contract, c.batch_id == batch, c.file == file, c.sheet == sheet)
    same = c.position.is_(None) if position is None else c.position == position
    return int(tx.execute(select(func.count()).select_from(t.reprint).where(*here, same)).scalar_one())


def _refuse_forbidden(ws: Workspace, tx: Connection, batch: Batch, places: dict[str, Place]) -> None:
    """Raises TodokeError when the ledger or the register says of any of them that it must not go."""
    pin = ws.ledger.pin(tx)
    household = ws.head_table("household", pin)
    e, s, n = t.effect.c, t.shipment.c, t.application_number.c
    rows = tx.execute(
        select(n.application_no, s.household_no, s.kind, s.state, s.revision, s.handed_over_at, e.rev)
        .select_from(t.effect)
        .join(t.shipment, s.id == e.shipment_id)
        .join(t.application_number, (n.contract == s.contract) & (n.household_no == s.household_no))
        .where(e.batch_id == batch.id, n.application_no.in_(list(places)))
    ).all()
    mine = pa.array([row.household_no for row in rows], pa.string())
    near = household.filter(pc.is_in(household["household_no"], value_set=mine)).to_pylist()
    standing = {row["household_no"]: row for row in near}
    out = {row.kind: set(taken_out(ws, tx, pin, row.kind).households) for row in rows[:1]}
    why: dict[Forbidden, list[int]] = defaultdict(list)
    for row in rows:
        reason = _forbidden(
            row, standing.get(row.household_no), batch.kind, is_pulled=row.household_no in out[row.kind]
        )
        if reason is not None:
            why[reason].append(places[row.application_no].position)
    if why:
        words = "、".join(f"位置{'・'.join(map(str, sorted(where)))}: {reason.label}" for reason, where in why.items())
        raise TodokeError(
            "刷り直してはならないラベルがあります",
            where=words,
            next_step="ほかのラベルは --position で1件ずつ刷り直せます",
        )


def _forbidden(row: Any, household: dict[str, Any] | None, kind: str, *, is_pulled: bool) -> Forbidden | None:
    """The first reason, if any; `household`: as the register in force has it."""
    if is_pulled:
        return Forbidden.PULLED
    if household is None or household["state"] == "deleted":
        return Forbidden.DELETED
    if household["confidential"] and not (is_confidential(kind) and household["instructed"]):
        return Forbidden.CONFIDENTIAL
    if household["state"] != "live":
        return Forbidden.HELD
    if row.handed_over_at is not None:
        return Forbidden.WITH_CARRIER
    return Forbidden.CHANGED if row.state != ShipmentState.RELEASED or row.revision != row.rev else None


def _render(ws: Workspace, batch: Batch, places: dict[str, Place], own_id: str) -> None:
    then, numbers = as_claimed(ws, batch), pa.array(list(places), pa.string())
    with printed_records(then, batch) as records:
        wanted = [record.filter(pc.is_in(record["application_no"], value_set=numbers)) for record in records]
    form, again = then.contract.labels.form(batch.kind), pa.Table.from_batches(wanted).combine_chunks().to_batches()[0]
    render_sheet(
        again,
        places,
        form.layout,
        label_fonts(then),
        ws.outbox.opener(f"{FOLDER}/{own_id}"),
        form.free_text,
        by_method=then.contract.labels.methods(batch.kind),
        imprint=(replace(imprint(then, batch), again=True), _sheet_place(ws, batch, next(iter(places.values())))),
    )


def _sheet_place(ws: Workspace, batch: Batch, place: Place) -> SheetPlace:
    rows = list(manifest(ws, batch.id))
    files = list(dict.fromkeys(row["file"] for row in rows))
    sheets = max(int(row["sheet"]) for row in rows if row["file"] == place.file)
    return SheetPlace(files.index(place.file) + 1, len(files), place.sheet, sheets)
