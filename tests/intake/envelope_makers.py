"""Envelopes as a ward's tools make them, good and hostile: PGP self-decrypting, ZIP, 7z."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Sequence

import numpy as np
import py7zr
import pyzipper
from cryptography.hazmat.decrepit.ciphers.algorithms import CAST5
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from todoke.intake.self_decrypting import BLOCK, TRAILERS, block_sums, key_digest

PASSPHRASE = "ひらけごま open sesame"
SALT = bytes.fromhex("12ad24b8dd12b751")
FOLDER = -1
Entries = Sequence[tuple[str, bytes | int]]


#: Packets that say nothing, in front of what PGP 5 and later writes: in the old and in the new form.
MARKERS = (b"\xa8\x03PGP", b"\xca\x03PGP")


def openpgp(plain: bytes, passphrase: str = PASSPHRASE, *options: str) -> bytes:
    """An OpenPGP message under a passphrase; its key is quickly made.

    Args:
        options: more of gpg's.
    """
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        command = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback"]
        command += ["--passphrase", passphrase, "--s2k-count", "65536", *options, "--symmetric", "--output", "-"]
        try:
            return subprocess.run(command, input=plain, capture_output=True, check=True).stdout
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)


def program(size: int = 1024, stub: bytes = b"") -> bytes:
    """A Windows program of one section, which begins with `stub`, that would do nothing."""
    head = bytearray(size)
    head[:2], head[0x3C:0x40] = b"MZ", struct.pack("<I", 0x80)
    head[0x80:0x84] = b"PE\0\0"
    struct.pack_into("<HH12xHH", head, 0x84, 0x14C, 1, 0, 0)
    struct.pack_into("<H", head, 0x80 + 6, 1)
    struct.pack_into("<H", head, 0x80 + 20, 0)
    struct.pack_into("<II", head, 0x80 + 24 + 16, size - 512, 512)
    head[512 : 512 + len(stub)] = stub
    return bytes(head)


def records(entries: Entries, *, wide: bool = False) -> bytes:
    """Records `size | name NUL | data`; a folder's size is all ones."""
    size = "<Q" if wide else "<I"
    none = 0xFFFF_FFFF_FFFF_FFFF if wide else 0xFFFF_FFFF
    parts = []
    for name, data in entries:
        length = none if isinstance(data, int) else len(data)
        parts += [struct.pack(size, length), name.encode("cp932") + b"\0", b"" if isinstance(data, int) else data]
    return b"".join(parts)


def deflated(plain: bytes, *, raw: bool = False, level: int = 1) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -15 if raw else 15)
    return packer.compress(plain) + packer.flush()


def encrypted_blocks(plain: bytes, salt: bytes, key: bytes) -> bytes:
    """Whole blocks in the archive's mode: 32 steps over all blocks at once."""
    cast5 = Cipher(CAST5(key), modes.ECB()).encryptor()
    units = np.frombuffer(plain.ljust(-(-len(plain) // BLOCK) * BLOCK, b"\0"), "<u8").reshape(-1, 64)
    sums = block_sums(units.view("<u4"), 0, salt)
    vector = units[:, 63] ^ sums.view("<u8")[:, 0]
    chain, cipher = np.stack([vector, ~vector], axis=1), np.empty_like(units)
    for step in range(0, 64, 2):
        chain = np.frombuffer(cast5.update(chain.tobytes()), "<u8").reshape(-1, 2) ^ units[:, step : step + 2]
        cipher[:, step : step + 2] = chain
    cipher[:, 63] ^= sums.view("<u8")[:, 0]
    return cipher.tobytes()


def self_decrypting(
    entries: Entries | bytes,
    passphrase: str = PASSPHRASE,
    *,
    trailer: int = 0,
    codec: str = "utf-8",
    files: int | None = None,
    raw: bool = False,
    wide: bool = False,
    repetitions: int = 300,
    packed: bool = True,
    stub: bytes | None = None,
) -> bytes:
    """A PGP self-decrypting archive.

    Args:
        entries: its records, or what stands in their place.
        trailer: which of the three trailers.
        packed: whether the records are deflated.
    """
    plain = entries if isinstance(entries, bytes) else records(entries, wide=wide)
    content = deflated(plain, raw=raw) if packed else plain
    digest = key_digest(passphrase.encode(codec), SALT, repetitions)
    check = Cipher(CAST5(digest[:16]), modes.ECB()).encryptor().update(digest[:8])
    stub = stub or program()
    count = files if files is not None else 1 if isinstance(entries, bytes) else len(entries)
    end = TRAILERS[trailer].pack(b"PGPSDA", len(stub), len(content), count, SALT, repetitions, check)
    return stub + encrypted_blocks(content, SALT, digest[:16]) + end


def zipped(
    entries: Entries,
    passphrase: str | None = PASSPHRASE,
    *,
    codec: str = "utf-8",
    method: int = pyzipper.ZIP_DEFLATED,
    link: bool = False,
) -> bytes:
    """A ZIP with AES, or without encryption; `link` makes symbolic links of its files."""
    made = io.BytesIO()
    how = {"encryption": pyzipper.WZ_AES} if passphrase else {}
    with pyzipper.AESZipFile(made, "w", compression=method, **how) as archive:
        if passphrase:
            archive.setpassword(passphrase.encode(codec))
        for name, data in entries:
            info = archive.zipinfo_cls(filename="x", date_time=(2026, 7, 1, 0, 0, 0))
            info.filename = name
            info.compress_type = method
            info.external_attr = (0o120777 if link else 0o100644) << 16
            archive.writestr(info, b"" if isinstance(data, int) else data)
    return made.getvalue()


def zip_crypto(name: str, data: bytes, passphrase: str = PASSPHRASE) -> bytes:
    """A ZIP under the old cipher (PKWARE), stored."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def turn(byte: int) -> None:
        keys[0] = ~zlib.crc32(bytes([byte]), ~keys[0] & 0xFFFFFFFF) & 0xFFFFFFFF
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = ~zlib.crc32(bytes([keys[1] >> 24]), ~keys[2] & 0xFFFFFFFF) & 0xFFFFFFFF

    for byte in passphrase.encode():
        turn(byte)
    crc, hidden = zlib.crc32(data), bytearray()
    for byte in os.urandom(11) + bytes([crc >> 24]) + data:
        mask = (keys[2] & 0xFFFF) | 2
        hidden.append(byte ^ (mask * (mask ^ 1) >> 8 & 0xFF))
        turn(byte)
    raw = name.encode()
    common = struct.pack("<HHHHHIIIHH", 20, 1, 0, 0, 0x5CE1, crc, len(hidden), len(data), len(raw), 0)
    local = b"PK\3\4" + common + raw + bytes(hidden)
    central = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + raw
    return local + central + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


def seven_zipped(
    entries: Entries, passphrase: str | None = PASSPHRASE, *, header: bool = False, names: dict[str, str] | None = None
) -> bytes:
    """A 7z with AES, or without encryption.

    Args:
        header: whether the names are encrypted too.
        names: what entries are called afterwards; py7zr refuses some names itself.
    """
    made = io.BytesIO()
    with py7zr.SevenZipFile(made, "w", password=passphrase, header_encryption=header) as archive:
        if passphrase is None:
            archive.set_encoded_header_mode(False)
        for name, data in entries:
            archive.writef(io.BytesIO(b"" if isinstance(data, int) else data), name)
        for info in archive.header.files_info.files if entries else ():
            info["filename"] = (names or {}).get(info["filename"], info["filename"])
    return made.getvalue()
