"""Files whose content came before and was replaced since: a person says whether it counts again (`interfaces.md`).

The original waits sealed in the vault. The question names the file that counts now: when another one is taken
meanwhile, it is another question, and an answer to the old one does not hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from todoke import clock
from todoke.intake.inbox import IncomingFile, name_parts
from todoke.intake.receipts import kind_label
from todoke.model.codes import ReceiptState
from todoke.process import approvals
from todoke.process.arrivals import Arrival, taken
from todoke.process.ward_files import AGAIN
from todoke.process.workspace import Workspace
from todoke.store import tables as t


@dataclass(frozen=True)
class Answer:
    """What a person said about a waiting receipt; `content` is the digest of its payload."""

    row: Any
    approved: bool

    @property
    def content(self) -> str:
        return str(self.row.content_sha256)

    def arrival(self, original: Path) -> Arrival:
        """The arrival that waits; its file will lie at `original`."""
        row = self.row
        file = replace(_name(row), path=original)
        return Arrival(row.source, row.kind, file, row.receipt_no, row.arrival, answered=True, approved=self.approved)


def ask(ws: Workspace, source: str) -> int:
    """Asks a person about every receipt of a source that waits; returns how many questions are new."""
    with ws.ledger.read() as tx:
        questions = [(row, _last_taken(ws, tx, row)) for row in _waiting(ws, tx, source)]
    return sum(
        approvals.request(ws, _subject(row), _digest(row, last), _title(row), _body(row, last))
        for row, last in questions
    )


def answers(ws: Workspace, source: str) -> list[Answer]:
    """Those that a person has answered as things stand now, in the order in which they came."""
    with ws.ledger.read() as tx:
        return list(_answers(ws, tx, source))


def _answers(ws: Workspace, tx: Connection, source: str) -> Iterator[Answer]:
    for row in _waiting(ws, tx, source):
        said = approvals.verdict(ws, tx, _subject(row), _digest(row, _last_taken(ws, tx, row)))
        if said in (approvals.Verdict.APPROVED, approvals.Verdict.REJECTED):
            yield Answer(row, said == approvals.Verdict.APPROVED)


def _waiting(ws: Workspace, tx: Connection, source: str) -> list[Any]:
    r = t.receipt.c
    here = (r.contract == ws.contract.id, r.source == source, r.state == ReceiptState.WAITING)
    return list(tx.execute(select(t.receipt).where(*here).order_by(r.seq)))


def _last_taken(ws: Workspace, tx: Connection, row: Any) -> Any:
    """The receipt whose content counts now, of the kind of a waiting one."""
    return taken(tx, ws, row.source, row.kind, _name(row))[-1]


def _name(row: Any) -> IncomingFile:
    """The file that a receipt is of, as far as its name goes."""
    return IncomingFile(
        Path(row.file_name),
        row.file_name,
        row.bytes,
        row.sha256,
        row.arrived_ns,
        *name_parts(row.file_name),
        rows=None,
        sidecar_fault=None,
    )


def _subject(row: Any) -> str:
    return f"{AGAIN}:{row.receipt_no}"


def _digest(row: Any, last: Any) -> str:
    told = (row.receipt_no, row.content_sha256, last.receipt_no)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _title(row: Any) -> str:
    return f"以前と同じ内容のファイルを採用するか（{kind_label(row.kind)}、受領番号 {row.receipt_no}）"


def _body(row: Any, last: Any) -> str:
    return (
        f"{_moment(row)} に受け取った{kind_label(row.kind)}（受領番号 {row.receipt_no}）は、"
        "いま有効なものより前に受け取ったファイルと同じ内容です。\n\n"
        f"- いま有効なファイル：受領番号 {last.receipt_no}（{_moment(last)} 受領）\n"
        "- 承認：次の受領で、この内容を新しいものとして取り込みます。ファイル名の日付や連番にかかわらず、"
        "それまでに受け取った同じ種類のファイルより後のものとして扱います"
        "（その後に受け取るファイルとは、日付と連番の順です）。\n"
        "- 却下：受領不可とし、取り込みません。原本は封印したまま保管します。\n\n"
        "古いファイルが誤って送り直されていないか、送付元に確かめてから答えてください。"
    )


def _moment(row: Any) -> str:
    return f"{row.received_at.astimezone(clock.TOKYO):%Y年%-m月%-d日 %H:%M}"
