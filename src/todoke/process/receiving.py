"""Taking files from an inbox: receipt, original into the vault, rows into the lake – in one transaction each file.

Killed anywhere, the file is either still in the inbox without a receipt, or has its receipt and is only to be cleared
away: taking it again changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
from sqlalchemy import Connection

from todoke.errors import FileRefused, FilesRefused, Passing, StaleParent
from todoke.intake import my_number
from todoke.intake.envelopes import Keys, opened_payload
from todoke.intake.inbox import SIDECAR, IncomingFile, ready_files
from todoke.intake.office import opened_workbook
from todoke.intake.private_folder import private_folder
from todoke.model.codes import ReceiptState
from todoke.process import waiting
from todoke.process.arrivals import REJECTED, Arrival, TakenMeanwhile, arrival_of, judge, put_receipt
from todoke.process.virus_checks import refuse_infected
from todoke.process.workspace import Counts, Workspace
from todoke.store.files import home
from todoke.store.lake import Rows
from todoke.store.ledger import Pin, Staged

#: Faults of the transfer or of our own settings: the file stays in the inbox until they are mended.
STAYS = frozenset(
    {"sidecar_mismatch", "no_passphrase", "wrong_passphrase", "no_key", "no_signer_key", "virus_check_size"}
)
_ATTEMPTS = 10


class FileChanged(Passing):
    """A file was sent anew while it was being taken: it is looked at in the next run, nothing is recorded."""


@dataclass(frozen=True)
class Landing:
    """What a file becomes: its row counts, and the rows of datasets that it brings.

    Attributes:
        rows, accepted, quarantined: rows of the file.
        tables: the datasets whose next version these rows are; staged in this order.
        also: written in the same transaction as the receipt, given the stream's position.
        adds: which of them keep what they have and are added to.
        counted: rows, accepted, quarantined and blank, where they are known only when `tables` have been drawn.
        blank: lines with nothing in them, which are no rows of the file.
    """

    rows: int
    accepted: int
    quarantined: int
    tables: Mapping[str, Rows]
    also: Callable[[Connection, int], None] = field(default=lambda _tx, _seq: None)
    adds: frozenset[str] = frozenset()
    counted: Callable[[], tuple[int, int, int, int]] | None = None
    blank: int = 0

    def staged(self, ws: Workspace, receipt_no: str, pin: Pin) -> tuple[Landing, dict[str, Staged]]:
        """This with its counts, and its rows in the lake, not yet committed; what gets no row more is left out."""
        staged = {}
        for name, rows in self.tables.items():
            if name not in self.adds:
                staged[name] = ws.lake.stage(name, rows, [receipt_no])
            elif (more := _if_any(rows)) is not None:
                staged[name] = ws.lake.stage(name, more, [receipt_no], pin.heads.get(name))
        if self.counted is None:
            return self, staged
        rows_in, accepted, quarantined, blank = self.counted()
        return replace(self, rows=rows_in, accepted=accepted, quarantined=quarantined, blank=blank), staged


def _if_any(rows: Rows) -> Iterator[pa.RecordBatch] | None:
    """The batches that have rows; None when none has."""
    batches = (batch for batch in (rows.to_batches() if isinstance(rows, pa.Table) else rows) if batch.num_rows)
    first = next(batches, None)
    return None if first is None else chain([first], batches)


Reader = Callable[[Workspace, IncomingFile, Path, str, Pin], Landing]
#: What became of a file, and what was landed of it.
Taken = tuple[ReceiptState, Landing | None]
_COUNTED = {
    ReceiptState.ACCEPTED: "accepted_files",
    ReceiptState.REPEAT: "repeats",
    ReceiptState.WAITING: "waiting",
    ReceiptState.SUPERSEDED: "superseded",
    ReceiptState.REFUSED: "rejected",
}


def receive(ws: Workspace, readers: Mapping[str, Reader]) -> Counts:
    """Takes what a person has approved, then every file that is ready in `inbox/<contract>/<source>/`.

    Args:
        readers: by source, which are taken in this order: what turns an opened payload into rows, given the file, the
            payload's path, the receipt number and the pinned ledger.

    Returns:
        Counts of receipts by what became of them, and of rows.

    Raises:
        FileRefused: a file was refused; all others have been taken. `FilesRefused` when there were several.
    """
    counts: Counter[str] = Counter(dict.fromkeys(("accepted_files", "repeats", "waiting", "rows", "quarantined"), 0))
    refused: list[FileRefused] = []
    for take in (take for source, read in readers.items() for take in _takings(ws, source, read)):
        try:
            state, landing = take()
        except FileRefused as error:
            refused.append(error)
            continue
        except (FileChanged, TakenMeanwhile):  # it is no longer ours to take
            continue
        counts[_COUNTED[state]] += 1
        if landing is not None:
            counts["rows"] += landing.rows
            counts["quarantined"] += landing.quarantined
            if landing.blank:
                counts["blank"] += landing.blank
    for source in readers:
        waiting.ask(ws, source)
    if refused:
        raise refused[0] if len(refused) == 1 else FilesRefused(refused)
    return dict(counts)


def _takings(ws: Workspace, source: str, read: Reader) -> Iterator[Callable[[], Taken]]:
    for answer in waiting.answers(ws, source):
        yield partial(_take_answered, ws, answer, read)
    folder = Path(home("inbox")) / ws.contract.id / source
    for file in ready_files(folder, sidecar=ws.contract.intake.sidecar):
        yield partial(_take, ws, source, file, read)


def _take(ws: Workspace, source: str, file: IncomingFile, read: Reader) -> Taken:
    arrival = arrival_of(ws, source, file)
    if arrival is None:
        _clear(file)
        return ReceiptState.REPEAT, None
    try:
        file.check_sidecar()
        result = _open_and_land(ws, arrival, read)
    except FileRefused as error:
        stays = error.reason in STAYS
        if not stays:
            _record(ws, arrival, ReceiptState.REFUSED, reason=error.reason)
            _clear(file)
        raise _named(error, arrival, has_receipt=not stays) from None
    except (FileNotFoundError, ValueError):  # some readers say the latter of a file that is not there
        if file.is_still_there():
            raise
        raise _changed(file) from None  # another run has taken it
    _clear(file)
    return result


def _take_answered(ws: Workspace, answer: waiting.Answer, read: Reader) -> Taken:
    """What a person said about a file that waits in the vault: take its content, or refuse it for good."""
    with private_folder(answer.row.bytes) as folder:
        arrival = answer.arrival(folder / "original")
        if not answer.approved:
            _record(ws, arrival, ReceiptState.REFUSED, content=answer.content, reason=REJECTED)
            return ReceiptState.REFUSED, None
        _unseal(ws, arrival)
        try:
            return _open_and_land(ws, arrival, read)
        except FileRefused as error:
            if error.reason not in STAYS:
                _record(ws, arrival, ReceiptState.REFUSED, content=answer.content, reason=error.reason)
            raise _named(error, arrival, has_receipt=True) from None


def _named(error: FileRefused, arrival: Arrival, *, has_receipt: bool) -> FileRefused:
    """The error, saying in which inbox which file lies or lay, and under which number its refusal is recorded."""
    place = f"{arrival.source}/{arrival.file.label}"
    rest = error.where.removeprefix(arrival.file.label).strip()
    where = "、".join([place, *([f"受領番号 {arrival.receipt_no}"] if has_receipt else []), *([rest] if rest else [])])
    return FileRefused(error.reason, error.what, where=where, next_step=error.next_step)


def _open_and_land(ws: Workspace, arrival: Arrival, read: Reader) -> Taken:
    file = arrival.file
    refuse_infected(ws, file.path, file.sha256, file.label)
    with private_folder(file.bytes) as folder, _opened(ws, arrival.source, file, folder) as payload:
        content = _sha256(payload)
        if content != file.sha256:
            refuse_infected(ws, payload, content, file.label)
        if arrival.source == "returned_work":
            my_number.refuse_workbook(payload, file.label)
        elif arrival.source != "cloud":
            layout = ws.contract.layouts.get(file.kind) if arrival.source == "lgwan" else None
            my_number.refuse(payload, layout, file.label)
        return _land(ws, arrival, payload, content, read)


def _land(ws: Workspace, arrival: Arrival, payload: Path, content: str, read: Reader) -> Taken:
    file, receipt_no = arrival.file, arrival.receipt_no
    for _ in range(_ATTEMPTS):
        with ws.ledger.read() as tx:
            pin = ws.ledger.pin(tx)
            state = judge(tx, ws, arrival, content)
        if state is not ReceiptState.ACCEPTED:
            _record(ws, arrival, state, content=content)
            return state, None
        landing, staged = read(ws, file, payload, receipt_no, pin).staged(ws, receipt_no, pin)
        file.check_rows(landing.rows, landing.blank)
        _keep_original(ws, arrival)
        try:
            with ws.ledger.write() as tx:
                seq = ws.ledger.move(tx)
                if judge(tx, ws, arrival, content) is not state:  # another run has taken a file meanwhile
                    continue
                for name, item in staged.items():
                    ws.ledger.commit_version(tx, item, pin.heads.get(name))
                landing.also(tx, seq)
                rows = (landing.rows, landing.accepted, landing.quarantined)
                put_receipt(tx, ws, arrival, seq, state, content=content, rows=rows)
        except StaleParent:
            continue
        return state, landing
    raise StaleParent("ほかの処理と競合し続けています", where=file.label, next_step="再実行してください")


def _record(
    ws: Workspace, arrival: Arrival, state: ReceiptState, *, content: str | None = None, reason: str | None = None
) -> None:
    """A receipt for a file of which nothing is taken."""
    if reason not in my_number.NOT_KEPT:
        _keep_original(ws, arrival)
    with ws.ledger.write() as tx:
        put_receipt(tx, ws, arrival, ws.ledger.move(tx), state, content=content, reason=reason)


class _Digesting:
    """A stream whose digest is known when it has been read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.digest = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(size)
        self.digest.update(block)
        return block


def _keep_original(ws: Workspace, arrival: Arrival) -> None:
    """Seals the file into the vault, if it is not there.

    Raises:
        FileChanged: it is no longer the file that was looked at.
    """
    file, key = arrival.file, _vault_key(ws, arrival)
    if not ws.vault.exists(key):
        with file.path.open("rb") as stream, ws.vault.create(key) as sealed:
            plain = _Digesting(stream)
            ws.cipher.seal_stream(plain, sealed)  # type: ignore[arg-type]  # it is read alone
            if plain.digest.hexdigest() != file.sha256:
                raise _changed(file)
    if not arrival.answered and not file.is_still_there():
        raise _changed(file)


def _unseal(ws: Workspace, arrival: Arrival) -> None:
    with ws.vault.open(_vault_key(ws, arrival)) as sealed, arrival.file.path.open("wb") as plain:
        ws.cipher.open_stream(sealed, plain)


def _vault_key(ws: Workspace, arrival: Arrival) -> str:
    return f"{arrival.receipt_no}{ws.cipher.ENDING}"


def _changed(file: IncomingFile) -> FileChanged:
    return FileChanged("受け取っている間にファイルが変わりました", where=file.label)


def _clear(file: IncomingFile) -> None:
    """Removes a file that has its receipt; one sent anew under its name meanwhile stays."""
    if file.is_still_there():
        file.path.unlink(missing_ok=True)
        file.path.with_name(file.path.name + SIDECAR).unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _opened(ws: Workspace, source: str, file: IncomingFile, folder: Path) -> Iterator[Path]:
    """The payload; only the ward's transfers are encrypted, other sources are handed over in the office."""
    if source == "cloud":
        yield file.path
        return
    if source == "returned_work":
        with opened_workbook(file.path, Keys.of(ws.contract.id).passphrases, folder, file.label) as payload:
            yield payload
        return
    intake, ward = ws.contract.intake, source == "lgwan"
    with opened_payload(
        file.path,
        keys=Keys.of(ws.contract.id),
        allowed=intake.envelopes if ward else ("plain",),
        signers=intake.signers if ward else (),
        where=file.label,
        into=folder,
    ) as payload:
        yield payload
