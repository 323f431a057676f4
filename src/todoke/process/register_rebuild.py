"""Makes a register version again from the sealed originals and compares: the proof that it follows from its receipts.

Opens, decodes, judges and builds as the version was made; nothing is written.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select

from todoke import clock
from todoke.intake.envelopes import Keys, opened_payload
from todoke.intake.layouts import read_layout
from todoke.intake.private_folder import private_folder
from todoke.process.register import with_question_ids
from todoke.process.register_checks import findings_of
from todoke.process.register_inputs import OUTPUTS, Parents, make, parents_of, version_parts
from todoke.process.register_versions import register_version
from todoke.process.ward_files import DATASET_OF_KIND, file_names
from todoke.process.workspace import Workspace
from todoke.store import tables as t
from todoke.store.lake import row_groups, rows_digest, write_parquet
from todoke.store.ledger import VersionRef
from todoke.store.schema import DATASETS, ENCRYPTED, QUARANTINE

#: Datasets that hold the rows of the ward's files as they were read.
_LANDED = ("ward_row", "addition_row", "correction_row", "delivery_instruction", "stop_row", "readdress_row")
_NOTICES = ("stop_row", "delivery_instruction", "readdress_row")
_JUDGED = ("ward_row", "addition_row", "correction_row")
SAME, DIFFERS = "same", "differs"


def rebuilt(contract: str, number: int) -> dict[str, str]:
    """Makes register version `number` again: originals → rows → quarantine → register.

    Returns:
        `same` or `differs` by dataset and number, and `… bytes` for those whose files are not encrypted (an encrypted
        file is another one each time); `receipts`: how many originals were opened.

    Raises:
        TodokeError: there is no such version.
        FileRefused: an original cannot be opened by today's passphrase or an earlier one, or read by today's layouts.
    """
    ws = Workspace.open(contract, clock.now_tokyo().date())
    with ws.ledger.read() as tx:
        version = register_version(ws, tx, number)
        parents, parts = parents_of(ws, tx, version), version_parts(ws, tx, version, "output")
        names = file_names(tx, contract)
    originals = _Originals(ws)
    said: dict[str, str] = {}
    for ref in _landed_versions(parents):
        said |= _compared(ws, ref, originals.rows(ws.lake.read(ref, ["receipt_no"]), ref.dataset))
    said |= _compared(ws, parents.inputs["quarantine"], _quarantine(ws, parents, originals))
    made = make(ws, parents, names)
    again = (made.person, made.household, made.alias, with_question_ids(ws, made.question))
    tables = dict(zip(OUTPUTS, again, strict=True))
    for name in OUTPUTS:
        said |= _compared(ws, parts[name], tables[name])
    return said | {"receipts": str(len(originals.results))}


def _landed_versions(parents: Parents) -> Iterator[VersionRef]:
    """Every version of landed rows that the register rests on."""
    for name in _LANDED:
        yield from (judged.rows for judged in parents.published.get(name, ()))
        if name in parents.inputs:
            yield parents.inputs[name]


def _quarantine(ws: Workspace, parents: Parents, originals: _Originals) -> pa.Table:
    receipts = (ws.version_table(name, parents.inputs.get(name), ["receipt_no"]) for name in _JUDGED)
    base, additions, corrections = (
        originals.rows(landed, name) for landed, name in zip(receipts, _JUDGED, strict=True)
    )
    originals.read_unread(ws.version_table("bad_row", parents.inputs.get("bad_row"), ["receipt_no"]))
    answers = ws.version_table("query_answer", parents.inputs.get("query_answer"))
    notices = {
        name: originals.rows(ws.version_table(name, parents.inputs.get(name), ["receipt_no"]), name)
        for name in _NOTICES
    }
    return findings_of(ws, base, additions, corrections, originals.bad_rows(), answers, notices, parents)


def _compared(ws: Workspace, ref: VersionRef, again: pa.Table) -> dict[str, str]:
    name = f"{ref.dataset} {ref.number}"
    said = {name: SAME if rows_digest(again.cast(DATASETS[ref.dataset])) == ref.rows_digest else DIFFERS}
    if ref.dataset not in ENCRYPTED:
        stream = io.BytesIO()
        write_parquet(row_groups(again, DATASETS[ref.dataset]), DATASETS[ref.dataset], stream)
        said[f"{name} bytes"] = SAME if [stream.getvalue()] == ws.lake.contents(ref) else DIFFERS
    return said


class _Originals:
    """The ward's files as they lie sealed in the vault, each opened and read once."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        c = t.receipt.c
        with ws.ledger.read() as tx:
            rows = tx.execute(select(c.receipt_no, c.kind).where(c.contract == ws.contract.id))
            self._kind = {row.receipt_no: row.kind for row in rows}
        self.results: dict[str, tuple[pa.Table, pa.Table]] = {}

    def rows(self, landed: pa.Table, dataset: str) -> pa.Table:
        """The rows of the receipts that a version holds, in its order."""
        receipts = pc.unique(landed["receipt_no"]).to_pylist()
        tables = [self._read(receipt, DATASETS[dataset])[0] for receipt in receipts]
        return pa.concat_tables([DATASETS[dataset].empty_table(), *tables])

    def read_unread(self, bad: pa.Table) -> None:
        """Opens the files too of which no row could be read; a base file without any gives way to no other."""
        for receipt in pc.unique(bad["receipt_no"]).to_pylist():
            if (kind := self._kind[receipt]) != "households":
                self._read(receipt, DATASETS[DATASET_OF_KIND[kind]])

    def bad_rows(self) -> pa.Table:
        return pa.concat_tables([QUARANTINE.empty_table(), *(bad for _, bad in self.results.values())])

    def _read(self, receipt_no: str, schema: pa.Schema) -> tuple[pa.Table, pa.Table]:
        """The rows of a file, and those of it that could not be read."""
        if receipt_no not in self.results:
            layout = self._ws.contract.layouts[self._kind[receipt_no]]
            with self._opened(receipt_no) as payload:
                reading = read_layout(payload.open("rb"), layout, schema, receipt_no)
                rows = pa.Table.from_batches(reading, schema)
                self.results[receipt_no] = rows, reading.quarantine
        return self.results[receipt_no]

    @contextmanager
    def _opened(self, receipt_no: str) -> Iterator[Path]:
        ws = self._ws
        with private_folder() as folder:
            original = folder / "original"
            with original.open("wb") as plain, ws.vault.open(f"{receipt_no}{ws.cipher.ENDING}") as sealed:
                ws.cipher.open_stream(sealed, plain)
            intake, keys = ws.contract.intake, Keys.of(ws.contract.id)
            with opened_payload(
                original, keys=keys, allowed=intake.envelopes, signers=intake.signers, into=folder, where=receipt_no
            ) as payload:
                yield payload
