"""`<contract>_intake`: the ward's files and the gaiji font, from the inbox into the lake (G02, G04, P01, T09)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from todoke.contract.label_forms import FONT_ENDINGS
from todoke.errors import FileRefused, NotAnnounced
from todoke.intake.inbox import IncomingFile, ready_files, shown_name, unannounced
from todoke.intake.layouts import Reading, check_any_rows, check_bad_rows, read_layout
from todoke.intake.receipts import FROM_CLIENT
from todoke.process.receiving import Landing
from todoke.process.receiving import receive as receive_files
from todoke.process.virus_checks import checked
from todoke.process.ward_files import DATASET_OF_KIND
from todoke.process.workspace import Counts, Workspace
from todoke.quality.postal import postal_table
from todoke.store.files import home
from todoke.store.ledger import Pin
from todoke.store.schema import DATASETS

#: A base file that has fewer than one in so many households in common with the one before is another part of it.
#: Parts that were cut by a number of rows have one in common, the one that the cut went through.
_OF_ANOTHER_PART = 10


def look(contract: str, on: date) -> Counts:
    """What lies in the contract's inboxes and cannot be taken, for its sidecar or its file has not come.

    Returns:
        unannounced: how many; oldest_hours: the age of the oldest.

    Raises:
        NotAnnounced: one has waited longer than `intake.sidecar_hours`.
    """
    ws = Workspace.open(contract, on)
    folders = sorted(Path(home("inbox"), contract).glob("*/")) if ws.contract.intake.sidecar == "required" else []
    alone = [(path, hours) for folder in folders for path, hours in unannounced(folder)]
    late = [path for path, hours in alone if hours >= ws.contract.intake.sidecar_hours]
    if late:
        raise NotAnnounced(
            f"完了通知（.done）とそろわないファイルが{len(late)}件、{ws.contract.intake.sidecar_hours}時間以上あります",
            where="、".join(f"{path.parent.name}/{shown_name(path.name)}" for path in late[:5]),
            next_step="送付元に転送が終わっているかを確かめ、完了通知かファイルの送付を依頼してください",
        )
    return {"unannounced": len(alone), "oldest_hours": int(max((hours for _, hours in alone), default=0))}


def check_viruses(contract: str, on: date) -> Counts:
    """Checks the client's files that are ready, as they came; what is in them is checked when they are opened (T09).

    An infected file is refused by `receive`. What cannot be checked here is not taken there.

    Returns:
        clean, infected, not_checked: files.

    Raises:
        KeyMissing, ScannerDown: as `intake.virus.Scanner`.
    """
    ws = Workspace.open(contract, on)
    counts = {"clean": 0, "infected": 0, "not_checked": 0}
    for source in FROM_CLIENT:
        for file in ready_files(Path(home("inbox"), contract, source), sidecar=ws.contract.intake.sidecar):
            with suppress(FileNotFoundError):
                counts[_verdict(ws, file)] += 1
    return dict(counts)


def _verdict(ws: Workspace, file: IncomingFile) -> str:
    try:
        verdict = checked(ws, file.path, file.sha256, file.label)
    except FileRefused:  # too large for the scanner: `receive` says so
        return "not_checked"
    if verdict is None:
        return "not_checked"
    return "clean" if verdict.signature is None else "infected"


def receive(contract: str, on: date) -> Counts:
    """Takes what lies in `inbox/<contract>/lgwan` and `/cloud`.

    Returns:
        files accepted, repeats, waiting; rows read and quarantined; blank: lines with nothing in them beside these,
            if there are any.

    Raises:
        FileRefused: a file was refused; its receipt says so, nothing of it has been taken.
    """
    ws = Workspace.open(contract, on)
    ws.sweep()
    return receive_files(ws, {"cloud": _read_font, "lgwan": _read_ward_file})


def _read_font(ws: Workspace, file: IncomingFile, payload: Path, receipt_no: str, pin: Pin) -> Landing:
    from todoke.labels.cutting import check_font

    if not file.name.lower().endswith(FONT_ENDINGS):
        raise FileRefused(
            "unknown_kind",
            "外字フォント（.TTE）ではありません",
            where=file.label,
            next_step="外字フォントなら .TTE の名前での再送を依頼し、区のデータなら lgwan に置くよう依頼してください",
        )
    check_font(payload, file.label)
    return Landing(0, 0, 0, {})


def _read_ward_file(ws: Workspace, file: IncomingFile, payload: Path, receipt_no: str, pin: Pin) -> Landing:
    dataset = DATASET_OF_KIND.get(file.kind)
    if dataset is None or file.kind not in ws.contract.layouts:
        raise FileRefused(
            "unknown_kind",
            "この契約で扱わない種類のファイルです",
            where=file.label,
            next_step="ファイル名の種類（households など）を確かめてください",
        )
    stream = payload.open("rb")  # the reading closes it
    reading = read_layout(stream, ws.contract.layouts[file.kind], DATASETS[dataset], receipt_no)

    def rows() -> Iterator[pa.RecordBatch]:
        households: set[str] = set()
        before = _households_before(ws, file, pin)
        here = shared = 0
        for batch in reading:
            numbers = batch.column("household_no")
            if file.households is not None:
                households.update(numbers.unique().to_pylist())
            if dataset == "readdress_row":
                _check_addresses(batch, file.name)
            if len(before):
                mine = numbers.unique()
                here += len(mine)
                shared += pc.sum(pc.is_in(mine, value_set=before)).as_py() or 0
            yield batch
        check_any_rows(reading, file.kind)
        check_bad_rows(reading, ws.contract.intake)
        unread = reading.rows_in - reading.accepted
        file.check_control(households=len(households), members=reading.landed, unread=unread)
        if len(before) and shared * _OF_ANOTHER_PART <= min(here, len(before)):
            raise _base_in_parts(file.label, shared)

    def bad_rows() -> Iterator[pa.RecordBatch]:
        yield from reading.quarantine.to_batches()

    return Landing(
        *_counts(reading)[:3],
        {dataset: rows(), "bad_row": bad_rows()},
        adds=frozenset({"bad_row"} if file.kind == "households" else {"bad_row", dataset}),
        counted=lambda: _counts(reading),
    )


def _households_before(ws: Workspace, file: IncomingFile, pin: Pin) -> pa.Array:
    """The household numbers of the base file whose place a base file is to take; none for any other file."""
    if file.kind != "households":
        return pa.array([], pa.string())
    return pc.unique(ws.head_table("ward_row", pin, ["household_no"])["household_no"])


def _check_addresses(rows: pa.RecordBatch, name: str) -> None:
    """Nothing can be sent to an address without a place, and no suite looks at the addresses (G23)."""
    code, town, block = (pc.fill_null(rows.column(field), "") for field in ("postal_code", "town", "block"))
    known = postal_table(pa.chunked_array([code]))["postal_code"]
    is_known = pc.is_in(pc.replace_substring(code, "-", ""), value_set=known.combine_chunks())
    is_blank = pc.or_(*(pc.equal(pc.utf8_trim_whitespace(field), "") for field in (town, block)))
    wrong = rows.column("row_no").filter(pc.or_(is_blank, pc.invert(is_known)))
    if len(wrong):
        numbers = "、".join(str(number) for number in wrong.to_pylist()[:10])
        raise FileRefused(
            "address_invalid",
            f"郵便番号が存在しないか、町名・番地のない行が{len(wrong)}件あります",
            where=f"{name} {numbers}行目",
            next_step="正しい住所のファイルを送るよう送付元に依頼してください",
        )


def _base_in_parts(label: str, shared: int) -> FileRefused:
    common = f"{shared}世帯しか共通しません" if shared else "共通の世帯がありません"
    return FileRefused(
        "base_in_parts",
        f"受領済みの基本ファイル（households）と{common}。受け取ると、受領済みの世帯のほとんどがなくなります",
        where=label,
        next_step="分割した基本ファイルなら、世帯の途中では分けずに、2つ目からは additions として、"
        "または全部を1つのファイルにまとめて送るよう送付元に依頼してください",
    )


def _counts(reading: Reading) -> tuple[int, int, int, int]:
    return reading.rows_in, reading.accepted, reading.rows_in - reading.accepted, reading.blank
