"""Files that have arrived whole, in the order in which they are taken (`interfaces.md`, Where things lie)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from todoke import clock
from todoke.errors import FileRefused

SIDECAR = ".done"
SETTLED_SECONDS = 10
#: Kinds of the ward's files in the order in which they build on each other; others come after, by name.
KINDS = (
    "households",
    "additions",
    "corrections",
    "special_delivery",
    "pull_out",
    "readdress",
    "stop",
)
#: Names that say no more than what was promised; any other may name somebody.
_PROMISED = re.compile(
    rf"(?:{'|'.join((*KINDS, 'postcards'))})"
    r"_\d{8}_\d{1,4}(?:_r\d{1,3})?\.csv(?:\.(?:pgp|gpg|asc|zip|7z|exe)){0,2}|eudc\.tte",
    re.ASCII | re.IGNORECASE,
)
_STRANGE = "規定外の名前のファイル"
_NUMBERS = ("bytes", "rows", "households", "members")
_NAME = re.compile(r"([a-z][a-z_]*?)_(\d{8})_(\d+)(?:_r(\d+))?(?:\.[A-Za-z0-9]+)+", re.ASCII)


@dataclass(frozen=True)
class IncomingFile:
    """A file that is ready to be taken.

    Attributes:
        bytes: its size.
        sha256: of the file as it lies there, in hex.
        arrived_ns: when it was put there: a copy may carry an old time of change, never an old change of its place.
        kind, date, seq, revision: from `<kind>_<YYYYMMDD>_<seq>[_r<revision>].<ending>`; another name has
            kind "" and no date.
        rows: data rows that the sidecar promises, if it does; households, members: the ward's own control counts.
        sidecar_fault: what the sidecar says that is not so; `check_sidecar` refuses the file for it.
    """

    path: Path
    name: str
    bytes: int
    sha256: str
    arrived_ns: int
    kind: str
    date: date | None
    seq: int
    revision: int
    rows: int | None
    sidecar_fault: str | None
    households: int | None = None
    members: int | None = None

    @property
    def label(self) -> str:
        """What people may be told the file is called, in errors and logs too: its name, if it is one that was promised.

        Any other is told by the beginning of the file's digest, which stands in the register of receipts as well.
        """
        shown = shown_name(self.name)
        return shown if shown == self.name else f"{shown}（SHA-256 {self.sha256[:8]}…）"

    def is_still_there(self) -> bool:
        """Whether the same file lies there as when it was looked at: not sent anew, not being written."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return False
        return (stat.st_size, stat.st_ctime_ns) == (self.bytes, self.arrived_ns)

    def check_sidecar(self) -> None:
        """Raises:
        FileRefused: `sidecar_mismatch`: the file is not what its sidecar promised.
        """
        if self.sidecar_fault:
            raise _mismatch(self.sidecar_fault, self.label)

    def check_rows(self, rows_in: int, blank: int = 0) -> None:
        """Compare the data rows read with the number the sidecar promised, if it did.

        Args:
            blank: lines with nothing in them, which are no rows; the ward may have counted all of them or none.

        Raises:
            FileRefused: `sidecar_mismatch`.
        """
        if self.rows is not None and self.rows not in (rows_in, rows_in + blank):
            beside = f"、ほかに空の行 {blank}" if blank else ""
            raise _mismatch(f"行数が違います（通知 {self.rows}、実際 {rows_in}{beside}）", self.label)

    def check_control(self, *, households: int, members: int, unread: int) -> None:
        """Compare what was read with the ward's own control counts, if it sent any.

        Args:
            unread: rows that could not be read, which may hold what is short; none may be too many.

        Raises:
            FileRefused: `sidecar_mismatch`.
        """
        for label, promised, read in (("世帯数", self.households, households), ("人数", self.members, members)):
            if promised is not None and (promised < read or (promised > read and not unread)):
                raise _mismatch(f"{label}が違います（通知 {promised}、実際 {read}）", self.label)


def ready_files(folder: Path, *, sidecar: Literal["required", "none"]) -> list[IncomingFile]:
    """The files of one inbox folder that have arrived whole; households first, then date, seq, highest revision.

    Args:
        folder: `inbox/<contract>/<source>/`; one that is not there is empty.
        sidecar: `required`: `<name>.done` has arrived (JSON: bytes, sha256, rows, households, members
            optional); `none`: the size has
            not changed for 10 s.
    """
    if not folder.is_dir():
        return []
    files = []
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name.startswith(".") or path.suffix == SIDECAR:
            continue
        with contextlib.suppress(FileNotFoundError):  # another run has taken it meanwhile
            if path.is_file() and _arrived(path, sidecar):
                files.append(_incoming(path, sidecar))
    return sorted(files, key=_order)


def unannounced(folder: Path) -> list[tuple[Path, float]]:
    """Files that wait for their sidecar, and sidecars whose file is not there, each with its age in hours."""
    if not folder.is_dir():
        return []
    names = {path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")}
    alone = [
        name
        for name in sorted(names)
        if (name.removesuffix(SIDECAR) if name.endswith(SIDECAR) else name + SIDECAR) not in names
    ]
    return [(folder / name, age) for name in alone if (age := _hours(folder / name)) is not None]


def _hours(path: Path) -> float | None:
    """Age by the machine's clock, as file systems count it; None when it has been taken meanwhile."""
    try:
        return max(0.0, clock.file_seconds() - path.stat().st_mtime) / 3600
    except FileNotFoundError:
        return None


def _arrived(path: Path, sidecar: str) -> bool:
    if sidecar == "required":
        return _sidecar(path).is_file()
    return clock.file_seconds() - path.stat().st_mtime >= SETTLED_SECONDS


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + SIDECAR)


def _incoming(path: Path, sidecar: str) -> IncomingFile:
    stat = path.stat()
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    promised, fault = _promises(path) if sidecar == "required" else ({}, None)
    if "bytes" in promised and promised["bytes"] != stat.st_size:
        fault = f"大きさが違います（通知 {promised['bytes']}、実際 {stat.st_size}バイト）"
    elif "sha256" in promised and str(promised["sha256"]).lower() != sha256:
        fault = "ダイジェスト（sha256）が違います"
    kind, day, seq, revision = name_parts(path.name)
    rows, households, members = (promised.get(name) for name in ("rows", "households", "members"))
    return IncomingFile(
        *(path, path.name, stat.st_size, sha256, stat.st_ctime_ns, kind, day, seq, revision),
        *(rows, fault, households, members),
    )


def _promises(path: Path) -> tuple[dict[str, Any], str | None]:
    """What the sidecar says; an empty one promises nothing."""
    raw = _sidecar(path).read_bytes()
    try:
        said = json.loads(raw) if raw.strip() else {}
    except ValueError:
        said = None
    if not isinstance(said, dict) or not all(type(said.get(key)) in (int, type(None)) for key in _NUMBERS):
        return {}, "完了通知ファイル（.done）を読めません"
    return {key: value for key, value in said.items() if value is not None}, None


def name_parts(name: str) -> tuple[str, date | None, int, int]:
    """Kind, date, seq and revision of a file's name; `("", None, 0, 0)` for another name."""
    found = _NAME.fullmatch(name)
    if not found:
        return "", None, 0, 0
    try:
        day = datetime.strptime(found[2], "%Y%m%d").date()  # noqa: DTZ007 – a plain date has no zone
    except ValueError:
        return "", None, 0, 0
    return found[1], day, int(found[3]), int(found[4] or 0)


def shown_name(name: str) -> str:
    """A file's name as it may be shown: itself, if it was promised so, with its sidecar's ending or not."""
    return name if _PROMISED.fullmatch(name.removesuffix(SIDECAR)) else _STRANGE


def _order(file: IncomingFile) -> tuple[int, date, str, int, int, str]:
    rank = KINDS.index(file.kind) if file.kind in KINDS else len(KINDS)
    return rank, file.date or date.min, file.kind, file.seq, -file.revision, file.name


def _mismatch(what: str, label: str) -> FileRefused:
    return FileRefused(
        "sidecar_mismatch",
        f"ファイルが完了通知（.done）と合いません: {what}",
        where=label,
        next_step="転送が途中で終わっていないか確かめ、ファイルと完了通知の再送を依頼してください",
    )
