"""`<contract>_intake`: the ward's files and the gaiji font, from the inbox into the lake (G02, G04, P01)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa

from todoke.errors import FileRefused
from todoke.intake.inbox import IncomingFile
from todoke.intake.layouts import Reading, check_bad_rows, read_layout
from todoke.process.receiving import Landing
from todoke.process.receiving import receive as receive_files
from todoke.process.workspace import Counts, Workspace
from todoke.store.ledger import Pin
from todoke.store.schema import DATASETS

#: Which dataset a kind of file adds to; a base file takes the place of the one before, the others accumulate.
DATASET_OF_KIND = {
    "households": "ward_row",
    "additions": "addition_row",
    "corrections": "correction_row",
    "special_delivery": "delivery_instruction",
}
_FONT_ENDINGS = (".tte", ".ttf")


def receive(contract: str, on: date) -> Counts:
    """Takes what lies in `inbox/<contract>/lgwan` and `/cloud`.

    Returns:
        files accepted, repeats, waiting; rows read and quarantined.

    Raises:
        FileRefused: a file was refused; its receipt says so, nothing of it has been taken.
    """
    ws = Workspace.open(contract, on)
    ws.sweep()
    fonts = receive_files(ws, "cloud", _read_font)
    files = receive_files(ws, "lgwan", _read_ward_file)
    return {name: int(fonts[name]) + int(files[name]) for name in files}


def _read_font(ws: Workspace, file: IncomingFile, payload: Path, receipt_no: str, pin: Pin) -> Landing:
    from todoke.labels.fonts import check_font

    if not file.name.lower().endswith(_FONT_ENDINGS):
        raise FileRefused("unknown_kind", "外字フォント（.TTE）ではありません", where=file.name)
    check_font(payload)
    return Landing(0, 0, 0, {})


def _read_ward_file(ws: Workspace, file: IncomingFile, payload: Path, receipt_no: str, pin: Pin) -> Landing:
    dataset = DATASET_OF_KIND.get(file.kind)
    if dataset is None or file.kind not in ws.contract.layouts:
        raise FileRefused(
            "unknown_kind",
            "この契約で扱わない種類のファイルです",
            where=file.name,
            next_step="ファイル名の種類（households など）を確かめてください",
        )
    stream = payload.open("rb")  # the reading closes it
    reading = read_layout(stream, ws.contract.layouts[file.kind], DATASETS[dataset], receipt_no)

    def rows() -> Iterator[pa.RecordBatch]:
        yield from reading
        check_bad_rows(reading, ws.contract.intake)

    def bad_rows() -> Iterator[pa.RecordBatch]:
        yield from reading.quarantine.to_batches()

    return Landing(
        *_counts(reading),
        {dataset: rows(), "bad_row": bad_rows()},
        adds=frozenset({"bad_row"} if file.kind == "households" else {"bad_row", dataset}),
        counted=lambda: _counts(reading),
    )


def _counts(reading: Reading) -> tuple[int, int, int]:
    return reading.rows_in, reading.accepted, reading.rows_in - reading.accepted
