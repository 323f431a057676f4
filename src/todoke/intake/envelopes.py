"""Opens the envelopes a ward's files come in; recognised by content, never by name (G02).

A payload exists on disk only as long as `opened_payload` is open, and never after a failure.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from todoke.errors import FileRefused
from todoke.intake.openpgp import decrypt

#: What each form is called in the contract and to people.
NAMES = {
    "openpgp": "OpenPGP",
    "plain": "暗号化なし",
    "zip": "ZIP",
    "7z": "7-Zip",
    "exe": "実行形式（自己解凍書庫など）",
}
_HEAD = 4096
_MAGIC = ((b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"MZ", "exe"))
_ARMOR = re.compile(rb"\s*-----BEGIN PGP MESSAGE-----")
_CONTROLS = bytes({*range(0x20), 0x7F} - {0x09, 0x0A, 0x0D, 0x1A})
_ENCRYPTED_SESSION_KEY = {1: (3, 6), 3: (4, 5, 6)}


@contextmanager
def opened_payload(
    path: Path, *, passphrase: str | None, allowed: tuple[str, ...], into: Path, secret_key: str | None = None
) -> Iterator[Path]:
    """As `open_payload`; what was decrypted is removed at the end, whatever happens."""
    payload = open_payload(path, passphrase=passphrase, allowed=allowed, into=into, secret_key=secret_key)
    try:
        yield payload
    finally:
        if payload != path:
            payload.unlink(missing_ok=True)


def open_payload(
    path: Path, *, passphrase: str | None, allowed: tuple[str, ...], into: Path, secret_key: str | None = None
) -> Path:
    """The file's content, decrypted if it is encrypted.

    Args:
        path: the file as it came.
        passphrase: of the symmetric encryption or of the secret key.
        allowed: forms that the contract takes: `openpgp`, `plain`.
        into: folder for the decrypted payload, of the owner alone (0700).
        secret_key: the receiver's ASCII-armoured secret key, for files encrypted to its public key.

    Returns:
        A new file in `into`; for `plain`, `path` itself.

    Raises:
        FileRefused: `empty`, `unknown_format`, `forbidden_format`, `no_passphrase`, `no_key`,
            `wrong_passphrase`, `tampered`, `truncated` or `damaged`. Nothing decrypted is left.
    """
    form = recognise(path)
    if form is None:
        raise FileRefused(
            "unknown_format",
            "ファイルの形式が分かりません",
            where=path.name,
            next_step="区に暗号化の方式を確かめ、再送を依頼してください",
        )
    if form not in allowed:
        raise FileRefused(
            "forbidden_format",
            f"この契約では受け取れない形式です（{NAMES[form]}）",
            where=path.name,
            next_step=f"契約の形式（{'、'.join(NAMES[a] for a in allowed)}）での再送を依頼してください",
        )
    if form == "plain":
        return path
    payload = into / f"payload-{secrets.token_hex(8)}"
    decrypt(path, payload, passphrase=passphrase, secret_key=secret_key)
    return payload


def recognise(path: Path) -> str | None:
    """The form of a file's content, a key of `NAMES`; None when it is none of them.

    Raises:
        FileRefused: `empty`.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if not head.strip(b"\x00\t\r\n\x1a "):
        raise FileRefused("empty", "ファイルに内容がありません", where=path.name, next_step="再送を依頼してください")
    for magic, form in _MAGIC:
        if head.startswith(magic) and head.translate(None, _CONTROLS) != head:
            return form
    if _ARMOR.match(head) or _starts_with_session_key(head):
        return "openpgp"
    text = head.translate(None, _CONTROLS) == head and (b"," in head or b"\n" in head)
    return "plain" if text else None


def _starts_with_session_key(head: bytes) -> bool:
    """Whether the first OpenPGP packet is an encrypted session key (RFC 9580, 4.2, 5.1 and 5.3).

    The version inside is looked at too: a CP932 text may well begin with a byte above 7F.
    """
    tag, new = head[0] & 0x3F if head[0] & 0x40 else head[0] >> 2 & 0x0F, bool(head[0] & 0x40)
    if not head[0] & 0x80 or tag not in _ENCRYPTED_SESSION_KEY or len(head) < 8:
        return False
    if not new:
        return head[1 + (1, 2, 4, 0)[head[0] & 3]] in _ENCRYPTED_SESSION_KEY[tag]
    start = 2 if head[1] < 192 else 3 if head[1] < 224 else 6
    return head[start] in _ENCRYPTED_SESSION_KEY[tag]
