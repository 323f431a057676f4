"""What an arriving file is – new, a repeat, an older content, a lower revision – and the receipt that says so (P01).

Sameness is judged on the digests of the file and of its payload (`interfaces.md`, Where things lie). What came last is
what got its receipt at the highest position of the stream, whatever the clock said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, or_, select

from todoke import clock, ids
from todoke.errors import Passing
from todoke.intake.inbox import IncomingFile
from todoke.model.codes import ReceiptState
from todoke.process.workspace import Workspace
from todoke.store import tables as t
from todoke.store.ledger import insert_ignoring_conflicts

GAIJI_FONT = "gaiji_font"
SOURCE_KINDS = {"cloud": GAIJI_FONT}
#: Reason of a receipt whose content a person did not want taken again.
REJECTED = "rejected"
#: Reason of a receipt whose file was taken, and which a person did not want in the register.
NOT_RELEASED = "not_released"
_RECEIVED_BY = "todoke"


class TakenMeanwhile(Passing):
    """Another run has given this very arrival its receipt."""


@dataclass(frozen=True)
class Arrival:
    """One arrival of a file at one source.

    Attributes:
        number: the nth time that these bytes are judged anew.
        answered: a person has said what becomes of it; it waits in the vault, its `file` is a copy of the original.
        approved: a person wants its content taken although an older file had it.
    """

    source: str
    kind: str
    file: IncomingFile
    receipt_no: str
    number: int
    answered: bool = False
    approved: bool = False


def kind_of(source: str, file: IncomingFile) -> str:
    """The kind on the receipt: the ward's own kinds by name, everything else by where it came in."""
    return file.kind if source == "lgwan" else SOURCE_KINDS.get(source, source)


def arrival_of(ws: Workspace, source: str, file: IncomingFile) -> Arrival | None:
    """The arrival that a file in the inbox is; None when it is recorded and nothing is to be taken of it.

    A file that was refused is looked at again: what it was refused for may have been our own setting. One whose
    content was replaced since is judged anew, with a receipt of its own; any other is a repeat, recorded as such.
    """
    kind = kind_of(source, file)
    r, again = t.receipt.c, t.receipt_repeat.c
    known = (
        select(t.receipt)
        .where(r.contract == ws.contract.id, r.source == source, r.sha256 == file.sha256)
        .order_by(r.arrival)
    )
    with ws.ledger.read() as tx:
        earlier = tx.execute(known).all()
        same = [row for row in earlier if row.kind == kind and _is_one(kind, row.file_name, file.name)]
        numbers = [row.receipt_no for row in earlier]
        seen = select(again.receipt_no).where(again.receipt_no.in_(numbers), again.arrived_ns == file.arrived_ns)
        recorded = tx.execute(seen).first() is not None
        last = same[-1] if same else None
        repeated = last is not None and _changes_nothing(tx, ws, source, file, last)
    if last is not None and last.state == ReceiptState.REFUSED and last.reason not in (REJECTED, NOT_RELEASED):
        return Arrival(source, kind, file, last.receipt_no, last.arrival)
    if recorded or any(row.arrived_ns == file.arrived_ns for row in same):
        return None
    if repeated and last is not None:
        _record_repeat(ws, last.receipt_no, file)
        return None
    number = earlier[-1].arrival + 1 if earlier else 1
    return Arrival(source, kind, file, _receipt_no(ws, source, file.sha256, number), number)


def _receipt_no(ws: Workspace, source: str, sha256: str, number: int) -> str:
    parts = (ws.contract.id, source, sha256, *([number] if number > 1 else []))
    return "R" + ids.identifier(ws.ledger.keys.id_key, "receipt", *parts, length=10)


def _changes_nothing(tx: Connection, ws: Workspace, source: str, file: IncomingFile, last: Any) -> bool:
    """Whether the same bytes, seen before with the receipt `last`, say nothing new now."""
    if last.state == ReceiptState.WAITING:
        return True
    if last.state == ReceiptState.SUPERSEDED:
        return bool(last.file_name == file.name)
    contents = list(tx.execute(_taken(ws, source, last.kind, file.name)).scalars())
    return bool(contents) and contents[-1] == last.content_sha256


def series(source: str, kind: str, name: str) -> tuple[ColumnElement[bool], ...]:
    """The files among which the last one counts: those of a kind; of gaiji fonts, those of a name."""
    r = t.receipt.c
    own = (func.lower(r.file_name) == func.lower(name),) if kind == GAIJI_FONT else ()
    return (r.source == source, r.kind == kind, *own)


def _is_one(kind: str, name: str, other: str) -> bool:
    return kind != GAIJI_FONT or name.lower() == other.lower()


def _taken(
    ws: Workspace, source: str, kind: str, name: str, state: ReceiptState = ReceiptState.ACCEPTED
) -> Select[str]:
    """Contents of a series in the order in which they were taken."""
    r = t.receipt.c
    here = (r.contract == ws.contract.id, r.state == state, *series(source, kind, name))
    return select(r.content_sha256).where(*here).order_by(r.seq)


def _record_repeat(ws: Workspace, receipt_no: str, file: IncomingFile) -> None:
    with ws.ledger.write() as tx:
        row = {"receipt_no": receipt_no, "arrived_ns": file.arrived_ns, "received_at": clock.now_utc()}
        insert_ignoring_conflicts(tx, t.receipt_repeat, [row])


def judge(tx: Connection, ws: Workspace, arrival: Arrival, content: str) -> ReceiptState:
    """What becomes of a file that could be opened.

    A revision lower than one that was taken is SUPERSEDED, and so is a base file before the one that was taken. A
    payload equal to the last of its series, or to one that waits, is a REPEAT; one equal to an older payload is WAITING
    for a person. All others are ACCEPTED.
    """
    file, r = arrival.file, t.receipt.c
    if file.date is not None:
        higher = select(r.receipt_no).where(
            r.contract == ws.contract.id,
            r.source == arrival.source,
            r.kind == arrival.kind,
            r.state == ReceiptState.ACCEPTED,
            _is_higher(file) if arrival.kind == "households" else _is_higher_revision(file),
        )
        if tx.execute(higher).first():
            return ReceiptState.SUPERSEDED
    taken = list(tx.execute(_taken(ws, arrival.source, arrival.kind, file.name)).scalars())
    if taken and taken[-1] == content:
        return ReceiptState.REPEAT
    waiting = tx.execute(_taken(ws, arrival.source, arrival.kind, file.name, ReceiptState.WAITING)).scalars()
    if arrival.approved or content not in taken:
        return ReceiptState.ACCEPTED
    return ReceiptState.REPEAT if content in set(waiting) else ReceiptState.WAITING


def _is_higher_revision(file: IncomingFile) -> ColumnElement[bool]:
    r = t.receipt.c
    return and_(r.file_date == file.date, r.file_seq == file.seq, r.file_revision > file.revision)


def _is_higher(file: IncomingFile) -> ColumnElement[bool]:
    """By date, number and revision: all base files are states of one."""
    r = t.receipt.c
    return or_(
        r.file_date > file.date,
        and_(r.file_date == file.date, r.file_seq > file.seq),
        _is_higher_revision(file),
    )


def put_receipt(
    tx: Connection,
    ws: Workspace,
    arrival: Arrival,
    seq: int,
    state: ReceiptState,
    *,
    content: str | None = None,
    reason: str | None = None,
    rows: tuple[int, int, int] = (0, 0, 0),
) -> None:
    """Writes an arrival's receipt; it takes the place of a refusal, or of the same one that waited for a person.

    Args:
        seq: the stream's position in this transaction.
        rows: read, accepted, quarantined.

    Raises:
        TakenMeanwhile: it has another receipt already.
    """
    r, file = t.receipt.c, arrival.file
    here = r.receipt_no == arrival.receipt_no
    replaced = ReceiptState.WAITING if arrival.answered else ReceiptState.REFUSED
    before = tx.execute(select(t.receipt).where(here)).one_or_none()
    if before is not None and before.state != replaced:
        raise TakenMeanwhile("ほかの処理が先に受け取りました", where=arrival.receipt_no)
    if before is not None and (before.state, before.reason, before.arrived_ns) == (state, reason, file.arrived_ns):
        return  # killed after it was recorded: the same refusal of the same arrival
    waited = before is not None and before.state == ReceiptState.WAITING
    tx.execute(delete(t.receipt).where(here))
    tx.execute(
        insert(t.receipt).values(
            receipt_no=arrival.receipt_no,
            contract=ws.contract.id,
            source=arrival.source,
            file_name=file.name,
            sha256=file.sha256,
            content_sha256=content,
            bytes=file.bytes,
            **dict(zip(("rows", "accepted", "quarantined"), rows, strict=True)),
            received_at=before.received_at if before is not None and waited else clock.now_utc(),
            received_by=_RECEIVED_BY,
            kind=arrival.kind,
            state=state,
            reason=reason,
            arrived_ns=file.arrived_ns,
            arrival=arrival.number,
            seq=seq,
            file_date=file.date,
            file_seq=file.seq,
            file_revision=file.revision,
        )
    )


def replaced_receipts(tx: Connection, contract: str) -> frozenset[str]:
    """Receipts that were taken and of whose file a higher revision was taken: what they brought counts no more."""
    low, high = t.receipt.alias("low"), t.receipt.alias("high")
    same = ("contract", "source", "kind", "file_date", "file_seq", "state")
    rows = tx.execute(
        select(low.c.receipt_no)
        .join(high, and_(*(high.c[name] == low.c[name] for name in same)))
        .where(
            low.c.contract == contract,
            low.c.state == ReceiptState.ACCEPTED,
            high.c.file_revision > low.c.file_revision,
        )
    )
    return frozenset(rows.scalars())
