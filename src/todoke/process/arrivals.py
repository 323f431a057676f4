"""What an arriving file is – new, a repeat, an older content, a lower revision – and the receipt that says so (P01).

Sameness is judged on the digests of the file and of its payload (`interfaces.md`, Where things lie). What came last is
what got its receipt at the highest position of the stream, whatever the clock said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select

from todoke import clock, ids
from todoke.errors import Passing
from todoke.intake.inbox import IncomingFile
from todoke.model.codes import ReceiptState
from todoke.process.ward_files import file_names
from todoke.process.workspace import Workspace
from todoke.store import tables as t
from todoke.store.ledger import insert_ignoring_conflicts

GAIJI_FONT = "gaiji_font"
SOURCE_KINDS = {"cloud": GAIJI_FONT}
#: Reason of a receipt whose content a person did not want taken again.
REJECTED = "rejected"
#: Reason of a receipt whose file was taken, and which a person did not want in the register.
NOT_RELEASED = "not_released"
#: Lists that the ward may mean again: one with the content of an earlier one is new under another date or number.
_LISTS = frozenset({"stop", "special_delivery"})
_RECEIVED_BY = "todoke"


class TakenMeanwhile(Passing):
    """Another run has given this very arrival its receipt."""


class Named(Protocol):
    """A file with the date and number of its name."""

    @property
    def name(self) -> str: ...
    @property
    def date(self) -> date | None: ...
    @property
    def seq(self) -> int: ...


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
        same = [row for row in earlier if row.kind == kind and _is_one(row, file)]
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
    return _is_repeat(taken(tx, ws, source, last.kind, file), last.content_sha256, file)


def taken(
    tx: Connection, ws: Workspace, source: str, kind: str, file: Named, state: ReceiptState = ReceiptState.ACCEPTED
) -> list[Any]:
    """Receipts among which the last one counts, in the order in which they count: those of a kind.

    Of gaiji fonts those of the name of `file`, of a list those of its date and number.
    """
    r = t.receipt.c
    own = (func.lower(r.file_name) == func.lower(file.name),) if kind == GAIJI_FONT else ()
    here = (r.contract == ws.contract.id, r.source == source, r.kind == kind, r.state == state, *own)
    rows = [
        row
        for row in tx.execute(select(t.receipt).where(*here).order_by(r.seq))
        if kind not in _LISTS or _is_named(row, file)
    ]
    if source == "lgwan":
        names = file_names(tx, ws.contract.id)
        rows.sort(key=lambda row: names[row.receipt_no])
    return rows


def _is_one(row: Any, file: Named) -> bool:
    """Whether a receipt's file is one of those that `file` is compared with."""
    if row.kind == GAIJI_FONT:
        return bool(row.file_name.lower() == file.name.lower())
    return row.kind not in _LISTS or _is_named(row, file)


def _is_named(row: Any, file: Named) -> bool:
    """Whether a receipt's file has the date and number of `file`."""
    return (row.file_date, row.file_seq) == (file.date, file.seq)


def _is_repeat(rows: list[Any], content: str, file: Named) -> bool:
    """Whether a content counts last already, or came last and under the same date and number."""
    if not rows:
        return False
    last = max(rows, key=lambda row: row.seq)
    return rows[-1].content_sha256 == content or (last.content_sha256 == content and _is_named(last, file))


def _record_repeat(ws: Workspace, receipt_no: str, file: IncomingFile) -> None:
    with ws.ledger.write() as tx:
        row = {"receipt_no": receipt_no, "arrived_ns": file.arrived_ns, "received_at": clock.now_utc()}
        insert_ignoring_conflicts(tx, t.receipt_repeat, [row])


def judge(tx: Connection, ws: Workspace, arrival: Arrival, content: str) -> ReceiptState:
    """What becomes of a file that could be opened.

    A revision lower than one that was taken is SUPERSEDED, and so is a new base file before the one that was taken. A
    payload equal to the last of its kind, or to one that waits, is a REPEAT; one equal to an older payload is WAITING
    for a person. All others are ACCEPTED. Of a stop list and of delivery instructions only payloads under the same date
    and number are compared.
    """
    file = arrival.file
    if file.date is not None and _any_taken(tx, ws, arrival, _is_higher_revision(file)):
        return ReceiptState.SUPERSEDED
    before = taken(tx, ws, arrival.source, arrival.kind, file)
    if _is_repeat(before, content, file):
        return ReceiptState.REPEAT
    waiting = taken(tx, ws, arrival.source, arrival.kind, file, ReceiptState.WAITING)
    if arrival.approved:
        return ReceiptState.ACCEPTED
    if content in {row.content_sha256 for row in before}:
        return ReceiptState.REPEAT if content in {row.content_sha256 for row in waiting} else ReceiptState.WAITING
    if arrival.kind == "households" and file.date is not None and _any_taken(tx, ws, arrival, _is_later(file)):
        return ReceiptState.SUPERSEDED
    return ReceiptState.ACCEPTED


def _any_taken(tx: Connection, ws: Workspace, arrival: Arrival, which: ColumnElement[bool]) -> bool:
    r = t.receipt.c
    here = (r.contract == ws.contract.id, r.source == arrival.source, r.kind == arrival.kind)
    query = select(r.receipt_no).where(*here, r.state == ReceiptState.ACCEPTED, which)
    return tx.execute(query).first() is not None


def _is_higher_revision(file: IncomingFile) -> ColumnElement[bool]:
    r = t.receipt.c
    return and_(r.file_date == file.date, r.file_seq == file.seq, r.file_revision > file.revision)


def _is_later(file: IncomingFile) -> ColumnElement[bool]:
    """By date and number: all base files are states of one."""
    r = t.receipt.c
    return or_(r.file_date > file.date, and_(r.file_date == file.date, r.file_seq > file.seq))


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
