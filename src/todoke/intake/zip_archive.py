"""Opens ZIP files with AES (WinZip's AE-1, AE-2), self-extracting ones too, which are never run (G02)."""

from __future__ import annotations

import stat
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import pyzipper

from todoke.errors import FileRefused
from todoke.intake.envelope_faults import fault, named_faults
from todoke.intake.forms import form_of
from todoke.intake.unpacking import CHUNK, Limits, Member, OnePayload, Output, new_payload

_END, _END_SIZE = b"PK\x05\x06", 22
_TAIL = _END_SIZE + 0xFFFF
#: Others are not bounded in what one block of them becomes.
_METHODS = (pyzipper.ZIP_STORED, pyzipper.ZIP_DEFLATED)
#: What every book or document of Office since 2007 has at its top.
_OF_OFFICE = "[Content_Types].xml"


def unpack(
    path: Path, payload: Path, *, passphrase: str | None, weak: bool, room: int, limits: Limits, where: str
) -> bool:
    """Writes the one file of the archive to the new file `payload`.

    Args:
        weak: whether the contract takes ZipCrypto, which can be broken.
        room: bytes that it may have.
        where: name of the file as it came.

    Returns:
        Whether it was encrypted.

    Raises:
        FileRefused: `truncated`, `damaged`, `tampered`, `unknown_format`, `forbidden_format`, `no_passphrase`,
            `wrong_passphrase`, or what `OnePayload` and `Output` raise. Nothing unpacked is left.
    """
    with path.open("rb") as raw, named_faults(where):
        if not _has_end(raw):
            raise fault("truncated", where)
        program = raw.read(2) == b"MZ"
        with pyzipper.AESZipFile(_BoundedReads(raw, where)) as archive:
            info = _payload(archive, program, room, limits, where)
            aes = getattr(info, "wz_aes_version", None) is not None
            if info.is_encrypted and not aes and not weak:
                raise fault(
                    "forbidden_format", where, "ZIPの従来の暗号化（ZipCrypto）は弱く、この契約では受け取れません"
                )
            with new_payload(payload, room, where) as output:
                _copy(archive, info, output, passphrase, where)
            return bool(info.is_encrypted)


class _BoundedReads:
    """A file of which little is read at once: the table of an archive can claim any size."""

    def __init__(self, raw: BinaryIO, where: str) -> None:
        self._raw, self._where = raw, where
        self.seek, self.tell, self.seekable = raw.seek, raw.tell, raw.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(CHUNK + 1 if size is None or size < 0 else min(size, CHUNK + 1))
        if len(data) > CHUNK:
            raise fault("bomb", self._where, "書庫の目次が大きすぎます")
        return data

    def close(self) -> None:
        """The file belongs to the caller."""


def _has_end(raw: BinaryIO) -> bool:
    """Whether the end of the table is there, with the comment it may have."""
    raw.seek(max(0, raw.seek(0, 2) - _TAIL))
    tail = raw.read()
    raw.seek(0)
    place = tail.rfind(_END)
    rest = len(tail) - place - _END_SIZE
    return place >= 0 and rest >= 0 and rest >= int.from_bytes(tail[place + 20 : place + _END_SIZE], "little")


def _payload(
    archive: pyzipper.AESZipFile, program: bool, room: int, limits: Limits, where: str
) -> pyzipper.zipfile_aes.AESZipInfo:
    """The one file in the table of the archive, in a form that can be read."""
    infos = archive.infolist()
    if any(info.orig_filename == _OF_OFFICE for info in infos):
        raise fault(
            "forbidden_format", where, "Excel などの Office 文書です", "CSV で保存したものの再送を依頼してください"
        )
    rules = OnePayload(where, room, limits)
    found = [info for info in infos if rules.admit(_member(info))]
    rules.finish()
    info = found[0]
    if not program and min(each.header_offset for each in infos):
        # Something stands before the archive: its end is another one's that lies inside.
        raise fault("damaged", where)
    if info.compress_type not in _METHODS or info.is_strong_encryption or info.is_compressed_patch_data:
        raise fault(
            "unknown_format",
            where,
            "ZIPの圧縮または暗号化の方式を読めません",
            "標準の圧縮（Deflate）と AES での再送を依頼してください",
        )
    return info


def _member(info: pyzipper.zipfile_aes.AESZipInfo) -> Member:
    """An entry by the name that Windows shows; one that is not UTF-8 is CP932."""
    name = info.orig_filename
    if not info.is_utf_filename:
        raw = name.encode("cp437")
        try:
            name = raw.decode("cp932")
        except UnicodeDecodeError:
            name = raw.decode("latin-1")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return Member(name, info.file_size, "other")
    return Member(name, info.file_size, "folder" if name.endswith(("/", "\\")) or kind == stat.S_IFDIR else "file")


def _copy(
    archive: pyzipper.AESZipFile,
    info: pyzipper.zipfile_aes.AESZipInfo,
    output: Output,
    passphrase: str | None,
    where: str,
) -> None:
    aes = info.wz_aes_version is not None
    try:
        with _opened(archive, info, passphrase, where) as member:
            while data := member.read(CHUNK // 2):
                output.write(data)
    except (pyzipper.BadZipFile, zlib.error, EOFError):
        # The older cipher lets one wrong passphrase of 256 in.
        if info.is_encrypted and not aes and form_of(output.head) is None:
            raise fault("wrong_passphrase", where) from None
        whole = aes and output.bytes == info.file_size
        raise fault("tampered" if whole else "damaged", where) from None
    if output.bytes != info.file_size:
        raise fault("damaged", where)


def _opened(
    archive: pyzipper.AESZipFile, info: pyzipper.zipfile_aes.AESZipInfo, passphrase: str | None, where: str
) -> Any:
    """The member's content; Windows tools take a passphrase in the ANSI code page."""
    if not info.is_encrypted:
        return archive.open(info)
    if not passphrase:
        raise fault("no_passphrase", where)
    for codec in ("utf-8", "cp932"):
        try:
            return archive.open(info, pwd=passphrase.encode(codec))
        except (NotImplementedError, FileRefused):
            raise
        except (RuntimeError, UnicodeEncodeError):
            continue
    raise fault("wrong_passphrase", where)
