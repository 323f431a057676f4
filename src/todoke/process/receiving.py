"""Taking files from an inbox: receipt, original into the vault, rows into the lake – in one transaction each file.

Killed anywhere, the file is either still in the inbox without a receipt, or has its receipt and is only to be cleared
away: taking it again changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Connection, delete, insert, select

from todoke import clock, ids
from todoke.errors import FileRefused, StaleParent
from todoke.intake.envelopes import opened_payload
from todoke.intake.inbox import SIDECAR, IncomingFile, ready_files
from todoke.model.codes import ReceiptState
from todoke.process.workspace import Counts, Workspace
from todoke.store import tables as t
from todoke.store.files import home
from todoke.store.ledger import Pin, insert_ignoring_conflicts

#: Faults of the transfer or of our own settings: the file stays in the inbox until they are mended.
_STAYS = frozenset({"sidecar_mismatch", "no_passphrase", "wrong_passphrase", "no_key"})
SOURCE_KINDS = {"cloud": "gaiji_font"}
_RECEIVED_BY = "todoke"
_ATTEMPTS = 10


@dataclass(frozen=True)
class Landing:
    """What a file becomes: its row counts, and the new content of the datasets that it adds to."""

    rows: int
    accepted: int
    quarantined: int
    tables: Mapping[str, pa.Table]
    #: written in the same transaction as the receipt, given the stream's position
    also: Callable[[Connection, int], None] = field(default=lambda _tx, _seq: None)


Reader = Callable[[Workspace, IncomingFile, Path, str, Pin], Landing]


def receive(ws: Workspace, source: str, read: Reader) -> Counts:
    """Takes every file that is ready in `inbox/<contract>/<source>/`.

    Args:
        read: turns an opened payload into rows, given the file, the payload's path, the receipt number and the
            pinned ledger.

    Returns:
        Counts of receipts by what became of them, and of rows.

    Raises:
        FileRefused: the first of the files that were refused; all others have been taken.
    """
    counts: dict[str, int] = {"accepted_files": 0, "repeats": 0, "waiting": 0, "rows": 0, "quarantined": 0}
    refused: list[FileRefused] = []
    folder = Path(home("inbox")) / ws.contract.id / source
    for file in ready_files(folder, sidecar=ws.contract.intake.sidecar):
        try:
            state, landing = _take(ws, source, file, read)
        except FileRefused as error:
            refused.append(error)
            continue
        counts["repeats"] += state is ReceiptState.REPEAT
        counts["waiting"] += state is ReceiptState.WAITING
        if landing is not None:
            counts["accepted_files"] += 1
            counts["rows"] += landing.rows
            counts["quarantined"] += landing.quarantined
    if refused:
        raise refused[0]
    return dict(counts)


def _take(ws: Workspace, source: str, file: IncomingFile, read: Reader) -> tuple[ReceiptState, Landing | None]:
    receipt_no = "R" + ids.identifier(ws.ledger.keys.id_key, "receipt", ws.contract.id, source, file.sha256, length=10)
    if _repeated(ws, receipt_no, file):
        _clear(file)
        return ReceiptState.REPEAT, None
    try:
        file.check_sidecar()
        with private_folder() as folder, _opened(ws, source, file, folder) as payload:
            content = _sha256(payload)
            known = _same_content(ws, source, kind_of(source, file), content)
            if known is not None:
                _record(ws, source, file, receipt_no, known, content)
                _clear(file)
                return known, None
            landing = _land(ws, source, file, payload, content, receipt_no, read)
    except FileRefused as error:
        if error.reason not in _STAYS:
            _record(ws, source, file, receipt_no, ReceiptState.REFUSED, None, error.reason)
            _clear(file)
        raise
    _clear(file)
    return ReceiptState.ACCEPTED, landing


def _land(
    ws: Workspace, source: str, file: IncomingFile, payload: Path, content: str, receipt_no: str, read: Reader
) -> Landing:
    _keep_original(ws, file, receipt_no)
    for _ in range(_ATTEMPTS):
        with ws.ledger.read() as tx:
            pin = ws.ledger.pin(tx)
        landing = read(ws, file, payload, receipt_no, pin)
        file.check_rows(landing.rows)
        staged = {name: ws.lake.stage(name, table, [receipt_no]) for name, table in landing.tables.items()}
        try:
            with ws.ledger.write() as tx:
                seq = ws.ledger.move(tx)
                for name, item in staged.items():
                    ws.ledger.commit_version(tx, item, pin.heads.get(name))
                landing.also(tx, seq)
                row = _receipt_row(ws, source, file, receipt_no, ReceiptState.ACCEPTED, content, None)
                row |= {
                    "rows": landing.rows,
                    "accepted": landing.accepted,
                    "quarantined": landing.quarantined,
                }
                _put_receipt(tx, row)
        except StaleParent:
            continue
        return landing
    raise StaleParent("ほかの処理と競合し続けています", where=file.name, next_step="再実行してください")


def _repeated(ws: Workspace, receipt_no: str, file: IncomingFile) -> bool:
    """Whether this very file has been taken; a second arrival of it is recorded.

    One that was refused is looked at again: what it was refused for may have been our own setting.
    """
    with ws.ledger.read() as tx:
        known = tx.execute(
            select(t.receipt.c.arrived_ns, t.receipt.c.state).where(t.receipt.c.receipt_no == receipt_no)
        ).one_or_none()
    if known is None:
        return False
    if known.arrived_ns != file.mtime_ns:
        with ws.ledger.write() as tx:
            row = {"receipt_no": receipt_no, "arrived_ns": file.mtime_ns, "received_at": clock.now_utc()}
            insert_ignoring_conflicts(tx, t.receipt_repeat, [row])
    return bool(known.state != ReceiptState.REFUSED)


def _same_content(ws: Workspace, source: str, kind: str, content: str) -> ReceiptState | None:
    """What a payload is that came before, encrypted anew: the last one of its kind, or an older one."""
    with ws.ledger.read() as tx:
        rows = tx.execute(
            select(t.receipt.c.content_sha256)
            .where(
                t.receipt.c.contract == ws.contract.id,
                t.receipt.c.source == source,
                t.receipt.c.kind == kind,
                t.receipt.c.state == ReceiptState.ACCEPTED,
            )
            .order_by(t.receipt.c.received_at, t.receipt.c.file_name)
        ).scalars()
        earlier = list(rows)
    if content not in earlier:
        return None
    return ReceiptState.REPEAT if earlier[-1] == content else ReceiptState.WAITING


def _record(
    ws: Workspace,
    source: str,
    file: IncomingFile,
    receipt_no: str,
    state: ReceiptState,
    content: str | None,
    reason: str | None = None,
) -> None:
    """A receipt for a file of which nothing is taken."""
    _keep_original(ws, file, receipt_no)
    row = _receipt_row(ws, source, file, receipt_no, state, content, reason)
    with ws.ledger.write() as tx:
        ws.ledger.move(tx)
        _put_receipt(tx, row)


def _put_receipt(tx: Connection, row: dict[str, object]) -> None:
    """A file has one receipt; it takes the place of an earlier refusal."""
    c = t.receipt.c
    tx.execute(delete(t.receipt).where(c.receipt_no == row["receipt_no"], c.state == ReceiptState.REFUSED))
    tx.execute(insert(t.receipt).values(**row))


def _receipt_row(
    ws: Workspace,
    source: str,
    file: IncomingFile,
    receipt_no: str,
    state: ReceiptState,
    content: str | None,
    reason: str | None,
) -> dict[str, object]:
    return {
        "receipt_no": receipt_no,
        "contract": ws.contract.id,
        "source": source,
        "file_name": file.name,
        "sha256": file.sha256,
        "content_sha256": content,
        "bytes": file.bytes,
        "rows": 0,
        "accepted": 0,
        "quarantined": 0,
        "received_at": clock.now_utc(),
        "received_by": _RECEIVED_BY,
        "kind": kind_of(source, file),
        "state": state,
        "reason": reason,
        "arrived_ns": file.mtime_ns,
    }


def _keep_original(ws: Workspace, file: IncomingFile, receipt_no: str) -> None:
    key = f"{receipt_no}{ws.cipher.ENDING}"
    if ws.vault.exists(key):
        return
    with file.path.open("rb") as plain, ws.vault.create(key) as sealed:
        ws.cipher.seal_stream(plain, sealed)


def _clear(file: IncomingFile) -> None:
    file.path.unlink(missing_ok=True)
    file.path.with_name(file.path.name + SIDECAR).unlink(missing_ok=True)


def kind_of(source: str, file: IncomingFile) -> str:
    """The kind on the receipt: the ward's own kinds by name, everything else by where it came in."""
    return file.kind if source == "lgwan" else SOURCE_KINDS.get(source, source)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def private_folder() -> Iterator[Path]:
    """A 0700 folder for plaintext, in memory where the machine has such a place."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 – mkdtemp below makes it 0700
    folder = Path(tempfile.mkdtemp(prefix="todoke-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _opened(ws: Workspace, source: str, file: IncomingFile, folder: Path) -> Iterator[Path]:
    """The payload; only the ward's transfers are encrypted, other sources are handed over in the office."""
    allowed = ws.contract.intake.envelopes if source == "lgwan" else ("plain",)
    if source == "cloud":
        yield file.path
        return
    passphrase = os.environ.get(f"TODOKE_{ws.contract.id.upper()}_LGWAN_PASSPHRASE")
    with opened_payload(file.path, passphrase=passphrase, allowed=allowed, into=folder) as payload:
        yield payload
