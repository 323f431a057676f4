"""Reads PGP self-decrypting archives (PGP自己解凍方式, `.exe`) and never runs them (G02).

`PE stub | encrypted 512-byte blocks, the last zero padded | trailer`, as PGP 6.5 to Symantec Encryption Desktop 10.4
write it. CAST5-128 in a block mode of their own; inside, one zlib or raw deflate stream of records. There is no MAC:
Adler-32, the structure of the records and their count are all the integrity there is, and all of it is checked.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.decrepit.ciphers.algorithms import CAST5
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, modes

from todoke.intake.envelope_faults import fault, named_faults, way_out
from todoke.intake.unpacking import CHUNK, Limits, Member, OnePayload, Output, new_payload

MAGIC = b"PGPSDA"
BLOCK = 512
#: 8.0 to 10.x; 6.5 packed; 6.5 with natural alignment: magic, offset, length, files, salt, repetitions, check.
TRAILERS = (struct.Struct("<6sIQQ8sH8s"), struct.Struct("<6sIII8sH8s"), struct.Struct("<6s2xIII8sH8s2x"))
#: The other form: a footer of 1024 bytes between these marks.
_OTHER_MARKS = (b"PGSf", b"fSGP")
_OTHER_FOOTER = 1024
_TAIL = 1 << 16
_BLOCKS_AT_ONCE = 2048
_LONGEST_HEAD = 1024
#: Bytes inflated to see whether it is a stream at all.
_FIRST = 16
_DIRECTORY_32, _DIRECTORY_64 = 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF
Words = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Trailer:
    """What the end of the file says.

    Attributes:
        offset: where the blocks begin.
        length: bytes in them before padding.
        files: records, folders counted.
    """

    offset: int
    length: int
    files: int
    salt: bytes
    repetitions: int
    check: bytes

    @property
    def blocks(self) -> int:
        return -(-self.length // BLOCK)

    def key(self, passphrase: str) -> bytes | None:
        """The CAST5 key, when the passphrase is right; older versions took it in the ANSI code page."""
        for codec in ("utf-8", "cp932"):
            try:
                raw = passphrase.encode(codec)
            except UnicodeEncodeError:
                continue
            digest = key_digest(raw, self.salt, self.repetitions)
            if _cast5(digest[:16]).update(digest[:8]) == self.check:
                return digest[:16]
        return None


def _cast5(key: bytes) -> CipherContext:
    return Cipher(CAST5(key), modes.ECB()).encryptor()  # noqa: S305 – the archive's own mode is built on it


def key_digest(passphrase: bytes, salt: bytes, repetitions: int) -> bytes:
    """SHA1(salt, then for each repetition i the passphrase and the byte i mod 256)."""
    digest = hashlib.sha1(salt, usedforsecurity=False)
    turn = b"".join(passphrase + bytes([number]) for number in range(256))
    for _ in range(repetitions // 256):
        digest.update(turn)
    digest.update(turn[: repetitions % 256 * (len(passphrase) + 1)])
    return digest.digest()


def is_self_decrypting(stream: BinaryIO) -> bool:
    """Whether an executable is a PGP self-decrypting archive, whole or not, of this form or the other."""
    tail = _tail(stream)
    return MAGIC in tail or _is_other_form(tail)


def decrypt(path: Path, payload: Path, *, passphrase: str | None, room: int, limits: Limits, where: str) -> None:
    """Writes the one file of the archive to the new file `payload`.

    Args:
        room: bytes that it may have.
        where: name of the file as it came.

    Raises:
        FileRefused: `unknown_variant`, `truncated`, `damaged`, `no_passphrase`, `wrong_passphrase`, or what
            `OnePayload` and `Output` raise. Nothing decrypted is left.
    """
    with path.open("rb") as stream, named_faults(where):
        trailer = _trailer(stream, where)
        if not passphrase:
            raise fault("no_passphrase", where)
        key = trailer.key(passphrase)
        if key is None:
            raise fault("wrong_passphrase", where)
        with new_payload(payload, room, where) as output:
            records = _Records(output, OnePayload(where, room, limits), trailer.files, where)
            for piece in _inflated(_decrypted(stream, trailer, key, where), where):
                records.feed(piece)
            records.finish()


def _tail(stream: BinaryIO) -> bytes:
    stream.seek(max(0, stream.seek(0, 2) - _TAIL))
    return stream.read()


def _is_other_form(tail: bytes) -> bool:
    footer = tail[-_OTHER_FOOTER:]
    return any(mark in footer[:8] or mark in footer[-8:] for mark in _OTHER_MARKS)


def _trailer(stream: BinaryIO, where: str) -> Trailer:
    """The trailer, when everything it says fits the file."""
    tail = _tail(stream)
    size = stream.seek(0, 2)
    place = tail.rfind(MAGIC)
    if place < 0:
        raise way_out("unknown_variant", where, "PGP自己解凍ファイルですが、読めない形（PGSh）です")
    rest, blocks_end = len(tail) - place, size - len(tail) + place
    for layout in TRAILERS:
        _, *said = layout.unpack_from(tail.ljust(place + layout.size, b"\0"), place)
        trailer = Trailer(*said)
        if trailer.offset + trailer.blocks * BLOCK != blocks_end:
            continue
        if rest != layout.size:
            raise fault("truncated" if rest < layout.size else "damaged", where)
        if trailer.length and trailer.files:
            return trailer
    raise fault("truncated" if rest < min(layout.size for layout in TRAILERS) else "damaged", where)


def _decrypted(stream: BinaryIO, trailer: Trailer, key: bytes, where: str) -> Iterator[bytes]:
    """The content of the blocks, some at a time, without the padding of the last."""
    stream.seek(trailer.offset)
    left = trailer.length
    for number in range(0, trailer.blocks, _BLOCKS_AT_ONCE):
        raw = stream.read(min(_BLOCKS_AT_ONCE, trailer.blocks - number) * BLOCK)
        if not raw or len(raw) % BLOCK:
            raise fault("truncated", where)
        plain = decrypted_blocks(raw, number, trailer.salt, key)
        yield plain[:left]
        left -= len(plain)


def block_sums(words: Words, number: int, salt: bytes) -> Words:
    """The two running sums of each block over its first 126 words.

    Args:
        words: plaintext, (blocks, 128).
        number: of the first block.

    Returns:
        (blocks, 2): s0 and s1, where for each word `s1 += w; s0 += s1`, from the salt plus the block's number.
    """
    numbers = np.arange(number, number + len(words), dtype=np.uint64).astype(np.uint32)
    s0, s1 = (np.uint32(half) + numbers for half in np.frombuffer(salt, "<u4"))
    weights = np.arange(126, 0, -1, dtype=np.uint32)
    body = words[:, :126]
    totals = body.sum(axis=1, dtype=np.uint32)
    return np.stack([s0 + np.uint32(126) * s1 + body @ weights, s1 + totals], axis=1)


def decrypted_blocks(raw: bytes, number: int, salt: bytes, key: bytes) -> bytes:
    """Decrypts whole blocks, each on its own, all at once.

    Two CAST5-CFB streams lie interleaved over the 64 units of 8 bytes, so unit u ≥ 2 is E(C[u-2]) ^ C[u]. Unit 63 so
    found is the IV, which opens units 0 and (complemented) 1; the sums over the plaintext restore unit 63.

    Args:
        raw: a whole number of blocks.
        number: of the first one, from 0.
    """
    cast5 = _cast5(key)
    cipher = np.frombuffer(raw, "<u8").reshape(-1, 64)
    enciphered = np.frombuffer(cast5.update(raw), "<u8").reshape(-1, 64)
    plain = np.empty_like(cipher)
    np.bitwise_xor(enciphered[:, :62], cipher[:, 2:], out=plain[:, 2:])
    vector = plain[:, 63].copy()
    start = np.frombuffer(cast5.update(np.stack([vector, ~vector], axis=1).tobytes()), "<u8").reshape(-1, 2)
    np.bitwise_xor(start, cipher[:, :2], out=plain[:, :2])
    words = plain.view("<u4")
    words[:, 126:] ^= block_sums(words, number, salt)
    return plain.tobytes()


def _inflated(pieces: Iterator[bytes], where: str) -> Iterator[bytes]:
    """The stream inside, a bounded piece at a time.

    Raises:
        FileRefused: `unknown_variant` when it does not even begin; `damaged` or `truncated` further on.
    """
    inflate, seen = None, False
    for piece in pieces:
        rest = piece
        if inflate is None:
            zlib_head = len(piece) > 1 and piece[0] & 0x0F == 8 and (piece[0] << 8 | piece[1]) % 31 == 0
            inflate = zlib.decompressobj(zlib.MAX_WBITS if zlib_head else -zlib.MAX_WBITS)
        while rest:
            if inflate.eof:
                raise fault("damaged", where, "PGP自己解凍ファイルの中身の後ろに余分なデータがあります")
            try:
                plain = inflate.decompress(rest, CHUNK if seen else _FIRST)
            except zlib.error:
                if seen:
                    raise fault("damaged", where) from None
                raise way_out("unknown_variant", where, "PGP自己解凍ファイルの中身が、読めない形です") from None
            seen = seen or bool(plain)
            rest = inflate.unconsumed_tail or inflate.unused_data
            if plain:
                yield plain
    while inflate is not None and not inflate.eof:
        plain = inflate.decompress(b"", CHUNK)
        if not plain:
            raise fault("truncated", where)
        yield plain


class _Records:
    """Records `size | name NUL | data` as they come; the data of the one file goes to the output."""

    def __init__(self, output: Output, rules: OnePayload, expected: int, where: str) -> None:
        self._output, self._rules, self._expected, self._where = output, rules, expected, where
        self._head, self._left, self._count = b"", 0, 0

    def feed(self, piece: bytes) -> None:
        rest, self._head = memoryview(self._head + piece if self._head else piece), b""
        while rest:
            if self._left:
                self._output.write(rest[: self._left])
                taken = min(self._left, len(rest))
                self._left -= taken
            else:
                taken = self._begin(bytes(rest[:_LONGEST_HEAD]))
                if not taken:
                    self._head = bytes(rest)
                    return
            rest = rest[taken:]

    def _begin(self, head: bytes) -> int:
        """Takes the head of a record when it is all there, and says how long it is; 0 while it is not."""
        # A name never begins with NUL or FF: then these are the upper half of a longer size.
        wide = head[4:8] in (bytes(4), b"\xff" * 4)
        start = 8 if wide else 4
        end = head.find(b"\0", start)
        if end < 0 or len(head) < 8:
            if len(head) == _LONGEST_HEAD:
                raise self._unfit()
            return 0
        size = int.from_bytes(head[:start], "little")
        try:
            name = head[start:end].decode("cp932")
        except UnicodeDecodeError:
            raise self._unfit() from None
        self._count += 1
        if self._count > self._expected:
            raise self._unfit()
        folder = size == (_DIRECTORY_64 if wide else _DIRECTORY_32)
        admitted = self._rules.admit(Member(name, 0 if folder else size, "folder" if folder else "file"))
        if not (admitted or folder):
            raise fault("several_files", self._where)
        self._left = 0 if folder else size
        return end + 1

    def finish(self) -> None:
        """Raises:
        FileRefused: `truncated`, `unknown_variant` or `empty`.
        """
        if self._left or self._head:
            raise fault("truncated", self._where)
        if self._count != self._expected:
            raise self._unfit()
        self._rules.finish()

    def _unfit(self) -> Exception:
        return way_out("unknown_variant", self._where, "PGP自己解凍ファイルの中の並びが、知っている形と合いません")
