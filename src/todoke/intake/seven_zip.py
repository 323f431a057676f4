"""Opens 7z files, encrypted ones with or without their header, self-extracting ones too, which are never run (G02)."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import py7zr
from py7zr.exceptions import PasswordRequired, UnsupportedCompressionMethodError
from py7zr.io import Py7zIO, WriterFactory

from todoke.errors import TodokeError
from todoke.intake.envelope_faults import fault, named_faults
from todoke.intake.forms import form_of
from todoke.intake.programs import SEVEN_ZIP, SEVEN_ZIP_FRAME, seven_zip_start
from todoke.intake.unpacking import CHUNK, Limits, Member, OnePayload, Output, is_left_beside, new_payload

#: Offset, size and checksum of the table.
_TABLE = struct.Struct("<QQI")


def unpack(path: Path, payload: Path, *, passphrase: str | None, room: int, limits: Limits, where: str) -> bool:
    """Writes the one file of the archive to the new file `payload`.

    There is no MAC and no check of the passphrase: a failure is the passphrase's when nothing sensible came out.

    Args:
        room: bytes that it may have.
        where: name of the file as it came.

    Returns:
        Whether it was encrypted.

    Raises:
        FileRefused: `truncated`, `damaged`, `unknown_format`, `no_passphrase`, `wrong_passphrase`, or what
            `OnePayload` and `Output` raise. Nothing unpacked is left.
    """
    with path.open("rb") as file, named_faults(where):
        raw: BinaryIO = io.BufferedReader(_Archive(file))
        _check_frame(raw, where)
        try:
            encrypted = _is_encrypted(raw)
            if encrypted and not passphrase:
                raise fault("no_passphrase", where)
            archive = _read(raw, passphrase if encrypted else None, where)
            found = _payload(archive, room, limits, where)
            with new_payload(payload, room, where) as output:
                _extract(archive, output, encrypted, where)
                if found.crc32 is None or output.bytes != found.uncompressed:
                    raise fault("damaged", where)
        except UnsupportedCompressionMethodError:
            raise fault("unknown_format", where, "7-Zipの圧縮または暗号化の方式を読めません") from None
        return encrypted


class _Archive(io.RawIOBase):
    """The archive in a file, without the program before it: its places are counted from its own beginning."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._start = 0 if file.read(len(SEVEN_ZIP)) == SEVEN_ZIP else seven_zip_start(file) or 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)  # type: ignore[attr-defined,no-any-return]

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset + (0 if whence else self._start), whence) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start


def _check_frame(raw: BinaryIO, where: str) -> None:
    """What is wrong with the outside of the archive is known before any passphrase is tried."""
    size = raw.seek(0, 2)
    raw.seek(0)
    head = raw.read(SEVEN_ZIP_FRAME.size)
    if len(head) < SEVEN_ZIP_FRAME.size:
        raise fault("truncated", where)
    *_, checksum, start = SEVEN_ZIP_FRAME.unpack(head)
    if zlib.crc32(start) != checksum:
        raise fault("damaged", where)
    offset, length, table_checksum = _TABLE.unpack(start)
    if SEVEN_ZIP_FRAME.size + offset + length > size:
        raise fault("truncated", where)
    if length == 0:
        raise fault("empty", where)
    if length > CHUNK:
        raise fault("bomb", where, "書庫の目次が大きすぎます")
    raw.seek(SEVEN_ZIP_FRAME.size + offset)
    if zlib.crc32(raw.read(length)) != table_checksum:
        raise fault("damaged", where)


def _is_encrypted(raw: BinaryIO) -> bool:
    raw.seek(0)
    try:
        return bool(py7zr.SevenZipFile(raw).needs_password())
    except PasswordRequired:  # the table too
        return True


def _read(raw: BinaryIO, passphrase: str | None, where: str) -> py7zr.SevenZipFile:
    raw.seek(0)
    try:
        return py7zr.SevenZipFile(raw, password=passphrase)
    except UnsupportedCompressionMethodError:
        raise
    except Exception:
        if passphrase is None:
            raise
        raise fault("wrong_passphrase", where) from None


def _payload(archive: py7zr.SevenZipFile, room: int, limits: Limits, where: str) -> py7zr.FileInfo:
    rules = OnePayload(where, room, limits)
    found = [info for info in archive.list() if rules.admit(_member(info))]
    rules.finish()
    return found[0]


def _member(info: py7zr.FileInfo) -> Member:
    return Member(
        info.filename, info.uncompressed, "folder" if info.is_directory else "file" if info.is_file else "other"
    )


def _extract(archive: py7zr.SevenZipFile, output: Output, encrypted: bool, where: str) -> None:
    try:
        archive.extractall(factory=_Into(output))
    except (TodokeError, UnsupportedCompressionMethodError):
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise fault("damaged", where) from None
    except Exception:
        garbage = encrypted and form_of(output.head) is None
        raise fault("wrong_passphrase" if garbage else "damaged", where) from None


class _Into(WriterFactory):
    """Hands what is unpacked to the output, wherever the archive wants it to be."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def create(self, filename: str) -> Py7zIO:
        return _Sink(None if is_left_beside(filename) else self._output)


class _Sink(Py7zIO):
    def __init__(self, output: Output | None) -> None:
        self._output = output

    def write(self, data: bytes | bytearray) -> int:
        return len(data) if self._output is None else self._output.write(data)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset

    def flush(self) -> None:
        """Everything has been handed on."""

    def size(self) -> int:
        return 0 if self._output is None else self._output.bytes
