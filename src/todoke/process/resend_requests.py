"""What persons ask to have sent once more, for it was lost or did not arrive (G24): kept like answers, append-only.

A request is the cause of exactly one parcel; the next run for labels or orders plans it.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from todoke import clock, ids
from todoke.errors import StaleParent, TodokeError
from todoke.model.codes import ShipmentKind, ShipmentState
from todoke.process.pulled import taken_out
from todoke.process.workspace import Counts, Workspace
from todoke.store import tables as t
from todoke.store.ledger import Pin
from todoke.store.schema import RESEND_REQUEST

KINDS = (ShipmentKind.CATALOGUE, ShipmentKind.GOODS)
_ATTEMPTS = 10


def requests(contract: str) -> list[dict[str, str]]:
    """Every request, oldest first: request_id, household_no, kind, reason, by_whom, requested_at, and the parcel.

    Returns:
        parcel: the id of the parcel that it has led to, or nothing; state: where that stands.
    """
    ws = Workspace.open(contract, clock.now_tokyo().date())
    with ws.ledger.read() as tx:
        rows = ws.head_table("resend_request", ws.ledger.pin(tx)).to_pylist()
        s = t.shipment.c
        query = select(s.cause_ref, s.id, s.state).where(s.contract == contract, s.cause == "resend")
        made = {ref: (parcel, state) for ref, parcel, state in tx.execute(query)}
    shown = []
    for row in rows:
        parcel, state = made.get(row["request_id"], ("", ""))
        said = {name: str(value) for name, value in row.items() if name != "shipment_id"}
        shown.append(said | {"parcel": parcel, "state": state and ShipmentState(state).label})
    return shown


def request(contract: str, application_no: str, kind: str, reason: str, by_whom: str) -> Counts:
    """Records that the last parcel of a kind to a household is to be sent once more.

    Args:
        application_no: as printed on what the household has, with or without hyphens.
        kind: one of `KINDS`.

    Returns:
        request_id.

    Raises:
        TodokeError: nobody has this number; the household is deleted, held, or confidential without an instruction, or
            its catalogue is to be pulled; nothing of the kind has been handed over, or a parcel of it is still to go;
            reason or person is missing.
    """
    if kind not in KINDS:
        raise TodokeError("この種類は再送できません", where=kind, next_step=f"使える種類: {'、'.join(KINDS)}")
    if not reason.strip() or not by_whom.strip():
        raise TodokeError("再送の理由か、決めた人がありません", next_step="--cause と --by を入れてください")
    ws = Workspace.open(contract, clock.now_tokyo().date())
    for _ in range(_ATTEMPTS):
        with ws.ledger.read() as tx:
            pin = ws.ledger.pin(tx)
            known = ws.head_table("resend_request", pin)
            household = _household(ws, tx, pin, application_no)
            if household in taken_out(ws, tx, pin, kind).households:
                raise _not_now(
                    "引抜きの対象の世帯です",
                    "引抜きの指示を区に確かめてください。"
                    "外字の印字誤りは、引抜き済みを返し新しいフォントが届くと、印刷し直します",
                )
            parcel = _did_not_arrive(ws, tx, household, kind, known)
        number = "R" + ids.identifier(ws.ledger.keys.id_key, "resend", parcel, length=10)
        said = {"reason": reason.strip(), "by_whom": by_whom.strip(), "requested_at": clock.now_tokyo()}
        row = {"request_id": number, "shipment_id": parcel, "household_no": household, "kind": kind, **said}
        table = pa.concat_tables([known, pa.Table.from_pylist([row], RESEND_REQUEST)])
        try:
            ws.commit_tables({"resend_request": table}, pin.heads, [number])
        except StaleParent:
            continue
        return {"request_id": number}
    raise StaleParent("ほかの処理と競合し続けています", where=parcel, next_step="もう一度実行してください")


def _household(ws: Workspace, tx: Connection, pin: Pin, application_no: str) -> str:
    """The household that has this number, if anything may go to it now."""
    n = t.application_number.c
    digits = application_no.replace("-", "").strip()
    query = select(n.household_no).where(n.contract == ws.contract.id, n.application_no == digits)
    number: str | None = tx.execute(query).scalar_one_or_none()
    if number is None:
        raise TodokeError("この申込番号はありません", where="--application-no", next_step="番号を確かめてください")
    table = ws.head_table("household", pin)
    (row,) = table.filter(pc.equal(table["household_no"], number)).to_pylist()
    if row["state"] != "live":
        raise _not_now("削除または保留中の世帯です", "保留の理由を確かめ、解除してから再送してください")
    if row["confidential"] and not row["instructed"]:
        raise _not_now("配送方法の指示がない秘匿世帯です", "区に送付先の指示（special_delivery）を依頼してください")
    return number


def _did_not_arrive(ws: Workspace, tx: Connection, household: str, kind: str, known: pa.Table) -> str:
    """The id of the household's last parcel of the kind, if that has been handed over and nothing else is to go."""
    s = t.shipment.c
    query = (
        select(s.id, s.handed_over_at)
        .where(s.contract == ws.contract.id, s.household_no == household, s.kind == kind)
        .where(s.state != ShipmentState.CANCELLED)
        .order_by(s.sequence.desc())
    )
    last = tx.execute(query.limit(1)).first()
    if last is None:
        raise _not_now("この世帯には、まだ何も送っていません", "初回の発送を待ってください")
    if last.handed_over_at is None:
        raise _not_now("運送会社に引き渡していない出荷があります", "その出荷の引渡しと配達を待ってください")
    if last.id in known["shipment_id"].to_pylist():
        raise _not_now("この出荷の再送は、すでに依頼されています", "todoke parcels requests で確かめてください")
    return str(last.id)


def _not_now(what: str, next_step: str) -> TodokeError:
    return TodokeError(what, where="再送の依頼", next_step=next_step)
