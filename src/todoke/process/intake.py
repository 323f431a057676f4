"""`<contract>_intake`: the ward's files and the gaiji font, from the inbox into the lake (G02, G04, P01)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa

from todoke.errors import FileRefused
from todoke.intake.inbox import IncomingFile
from todoke.intake.layouts import check_bad_rows, read_layout
from todoke.process.receiving import Landing
from todoke.process.receiving import receive as receive_files
from todoke.process.workspace import Counts, Workspace
from todoke.store.ledger import Pin
from todoke.store.schema import DATASETS

#: Which dataset a kind of file adds to; a base file takes the place of the one before, the others accumulate.
_DATASET = {
    "households": "ward_row",
    "additions": "addition_row",
    "corrections": "correction_row",
    "special_delivery": "delivery_instruction",
    "stop": "stop_row",
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
    fonts = receive_files(ws, "cloud", _read_font)
    files = receive_files(ws, "lgwan", _read_ward_file)
    ws.lake.sweep()
    return {name: int(fonts[name]) + int(files[name]) for name in files}


def _read_font(ws: Workspace, file: IncomingFile, payload: Path, receipt_no: str, pin: Pin) -> Landing:
    from todoke.labels.fonts import check_font

    if not file.name.lower().endswith(_FONT_ENDINGS):
        raise FileRefused("unknown_kind", "外字フォント（.TTE）ではありません", where=file.name)
    check_font(payload)
    return Landing(0, 0, 0, {})


def _read_ward_file(ws: Workspace, file: IncomingFile, payload: Path, receipt_no: str, pin: Pin) -> Landing:
    dataset = _DATASET.get(file.kind)
    if dataset is None or file.kind not in ws.contract.layouts:
        raise FileRefused(
            "unknown_kind",
            "この契約で扱わない種類のファイルです",
            where=file.name,
            next_step="ファイル名の種類（households など）を確かめてください",
        )
    schema = DATASETS[dataset]
    with payload.open("rb") as stream:
        result = read_layout(stream, ws.contract.layouts[file.kind], schema, receipt_no)
    check_bad_rows(result, ws.contract.intake)
    rows, bad = result.table, result.quarantine
    if file.kind != "households":
        rows = pa.concat_tables([ws.head_table(dataset, pin), rows])
    all_bad = pa.concat_tables([ws.head_table("bad_row", pin), bad])
    tables = {dataset: rows} | ({"bad_row": all_bad} if bad.num_rows else {})
    return Landing(result.rows_in, result.rows_in - bad.num_rows, bad.num_rows, tables)
