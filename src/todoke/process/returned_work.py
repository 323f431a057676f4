"""Workbooks that come back filled in by `inbox/<contract>/returned_work`: each is told apart and taken by its kind.

What cannot be taken goes back in the sender's own file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

from sqlalchemy import select

from todoke.intake.envelopes import Keys
from todoke.intake.inbox import IncomingFile
from todoke.intake.office import opened_workbook
from todoke.intake.private_folder import private_folder
from todoke.model.codes import Labelled, PullFinding, QueryFinding, ReceiptState
from todoke.outbox.workbook import encrypted
from todoke.process import pull_results, queries
from todoke.process.passphrase import password
from todoke.process.receiving import Landing, receive
from todoke.process.workspace import Counts, Workspace
from todoke.report import pull_list, query
from todoke.report.returned import Form, Opened, opened, with_errors
from todoke.store import tables as t
from todoke.store.ledger import Pin

ERRORS, SOURCE = "returned_errors", "returned_work"
_TAKEN_BY: Mapping[Form, Callable[[Workspace, Opened, str, Pin], Landing]] = {
    query.FORM: queries.take,
    pull_list.FORM: pull_results.take,
}
_FORMS = tuple(_TAKEN_BY)
#: Where each kind keeps the rows that it could not take, and the words for why.
_BAD_ROWS: Mapping[str, type[Labelled]] = {"query_bad_row": QueryFinding, "pull_bad_row": PullFinding}
Fault = tuple[str, Labelled]


def take_answers(contract: str, on: date) -> Counts:
    """Takes filled-in workbooks (照会票, 引抜き一覧); bad rows go back in the sender's own file.

    Returns:
        files accepted, repeats, waiting; rows and quarantined (answers that could not be taken).

    Raises:
        FileRefused: a file was refused; its receipt says so, nothing of it has been taken.
    """
    ws = Workspace.open(contract, on)
    try:
        return receive(ws, {SOURCE: _read})
    finally:
        _put_errors(ws)


def _read(ws: Workspace, file: IncomingFile, payload: Path, receipt_no: str, pin: Pin) -> Landing:
    _, book = opened(payload, file.label, _FORMS)
    return _TAKEN_BY[book.form](ws, book, receipt_no, pin)


def _put_errors(ws: Workspace) -> None:
    """The sender's own files with their errors marked, of every file that had any and is not out."""
    r = t.receipt.c
    faulty = (r.contract == ws.contract.id, r.source == SOURCE, r.state == ReceiptState.ACCEPTED, r.quarantined > 0)
    with ws.ledger.read() as tx:
        receipts = tx.execute(select(r.receipt_no).where(*faulty).order_by(r.seq)).scalars().all()
        pin = ws.ledger.pin(tx)
    out = set(ws.outbox.listing(ERRORS))
    for receipt_no in receipts:
        key = f"{ERRORS}/{receipt_no}.xlsx"
        if key not in out:
            ws.outbox.put(key, encrypted(_marked(ws, receipt_no, _errors(ws, pin, receipt_no)), password(ws)))


def _errors(ws: Workspace, pin: Pin, receipt_no: str) -> Mapping[int, Sequence[Fault]]:
    errors: dict[int, list[Fault]] = defaultdict(list)
    for dataset, finding in _BAD_ROWS.items():
        for line in ws.head_table(dataset, pin).to_pylist():
            if line["receipt_no"] == receipt_no:
                errors[line["row_no"]].append((line["field"], finding(line["reason"])))
    return errors


def _marked(ws: Workspace, receipt_no: str, errors: Mapping[int, Sequence[Fault]]) -> bytes:
    with private_folder() as folder:
        original = folder / "original"
        with ws.vault.open(f"{receipt_no}{ws.cipher.ENDING}") as sealed, original.open("wb") as plain:
            ws.cipher.open_stream(sealed, plain)
        with opened_workbook(original, Keys.of(ws.contract.id).passphrases, folder, receipt_no) as payload:
            return with_errors(payload, receipt_no, _FORMS, errors)
