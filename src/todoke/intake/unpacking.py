"""Limits of what an envelope may become, counted while it is being opened, and what may lie in an archive (G02)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from todoke.intake.envelope_faults import fault

#: Of a text, and of another envelope inside.
ENDINGS = (".csv", ".txt", ".dat", ".pgp", ".gpg", ".asc", ".zip", ".7z", ".exe")
#: How much is read and written at once.
CHUNK = 1 << 20
_HEAD = 4096
_LONGEST_NAME = 255
#: What Windows and macOS put beside a file by themselves; nobody has sent it.
_LEFT_BESIDE = {".ds_store", "thumbs.db", "desktop.ini"}
_EXCEL = (".xlsx", ".xlsm", ".xls")
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Limits:
    """Bounds of one file, all envelopes around it together.

    Attributes:
        members: entries of an archive, folders counted.
        bytes: of the payload.
        ratio: payload to file; does not hold up to `small` bytes.
    """

    members: int = 64
    bytes: int = 4 << 30
    ratio: int = 250
    small: int = 16 << 20

    def room(self, packed: int) -> int:
        """Bytes that a file of `packed` bytes may become."""
        return min(self.bytes, max(self.small, packed * self.ratio))


class Output:
    """A new file of the owner alone that takes no more than its bytes; it keeps what it began with."""

    def __init__(self, stream: BinaryIO, room: int, where: str) -> None:
        self._stream, self._room, self._where = stream, room, where
        self.bytes = 0
        self.head = b""

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Raises:
        FileRefused: `bomb`.
        """
        self.bytes += len(data)
        if self.bytes > self._room:
            raise fault("bomb", self._where)
        if len(self.head) < _HEAD:
            self.head += bytes(data[: _HEAD - len(self.head)])
        return self._stream.write(data)


@contextmanager
def new_payload(payload: Path, room: int, where: str) -> Iterator[Output]:
    """The file `payload`, gone again when anything goes wrong."""
    descriptor = os.open(payload, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            output = Output(stream, room, where)
            yield output
        if output.bytes == 0:
            raise fault("empty", where)
    except BaseException:
        payload.unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class Member:
    """An entry of an archive; `size` as it claims to be."""

    name: str
    size: int
    kind: Literal["file", "folder", "other"]


class OnePayload:
    """An archive holds exactly one file, whatever folders are around it: of several, none is chosen by guess."""

    def __init__(self, where: str, room: int, limits: Limits) -> None:
        self._where, self._room, self._limits = where, room, limits
        self._names: set[str] = set()
        self._found = False

    def admit(self, member: Member) -> bool:
        """Whether an entry is the payload.

        Raises:
            FileRefused: `bomb`, `unsafe_path`, `several_files`, `forbidden_format` or `empty`.
        """
        folded = member.name.casefold()
        if len(self._names) >= self._limits.members:
            raise fault("bomb", self._where, "書庫の中のファイルが多すぎます")
        if member.kind == "other" or folded in self._names or not _is_safe(member.name):
            raise fault("unsafe_path", self._where)
        self._names.add(folded)
        if member.kind == "folder":
            return False
        if is_left_beside(member.name):
            if member.size > self._room:
                raise fault("bomb", self._where)
            self._room -= member.size
            return False
        if self._found:
            raise fault("several_files", self._where)
        if folded.endswith(_EXCEL):
            raise fault(
                "forbidden_format",
                self._where,
                "書庫の中は Excel ブックです",
                "CSV で保存したものの再送を依頼してください",
            )
        if not folded.endswith(ENDINGS):
            raise fault(
                "forbidden_format", self._where, "書庫の中のファイルが、受け取れる種類（.csv .txt .dat）ではありません"
            )
        if member.size > self._room:
            raise fault("bomb", self._where)
        if member.size == 0:
            raise fault("empty", self._where)
        self._found = True
        return True

    def finish(self) -> None:
        """Raises:
        FileRefused: `empty`: no file was among the entries.
        """
        if not self._found:
            raise fault("empty", self._where)


def is_left_beside(name: str) -> bool:
    """Whether an entry was put into an archive by the sender's computer and not by the sender."""
    *folders, last = re.split(r"[/\\]", name.casefold())
    return "__macosx" in folders or last in _LEFT_BESIDE


def _is_safe(name: str) -> bool:
    """Whether a name from an archive stays below the folder it would be written to, on Windows as well."""
    parts = re.split(r"[/\\]", name)
    return (
        0 < len(name) <= _LONGEST_NAME
        and parts[0] != ""
        and ".." not in parts
        and not _DRIVE.match(name)
        and not _CONTROLS.search(name)
    )
