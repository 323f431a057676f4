"""The forms that a ward's file can have, told by its content and never by its name (G02)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

from todoke.intake.envelope_faults import fault
from todoke.intake.programs import SEVEN_ZIP, carried
from todoke.intake.self_decrypting import is_self_decrypting

#: What each form is called in the contract and to people.
NAMES = {
    "openpgp": "OpenPGP",
    "pgp_sda": "PGP自己解凍",
    "zip": "ZIP（AES暗号化）",
    "zip_crypto": "ZIP（従来の弱い暗号化）",
    "7z": "7-Zip",
    "plain": "暗号化なし",
    "exe": "実行形式",
}
_HEAD = 4096
_MAGIC = ((b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"), (SEVEN_ZIP, "7z"), (b"MZ", "exe"))
#: Forms that nobody takes, as people call them.
_FOREIGN = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel ブック（パスワード付き、または古い形の xls）などの Office 文書"),
    (b"%PDF", "PDF"),
    (b"Rar!", "RAR"),
    (b"\x1f\x8b", "gzip"),
    (b"MSCF", "CAB"),
    (b"\xff\xfe", "UTF-16 のテキスト"),
    (b"\xfe\xff", "UTF-16 のテキスト"),
)
#: A page or table that Excel opens, whatever its name ends in.
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|\?xml|html|head|body|table|meta|!--)", re.IGNORECASE)
_LZH = re.compile(rb"..-l[hz][0-9ds]-", re.DOTALL)
#: On a line of its own: a BOM, or the text of a mail, may stand before it.
_ARMOR = re.compile(rb"(?:\A|\n)(?:\xef\xbb\xbf)?[ \t\r]*(-----BEGIN PGP MESSAGE-----)[ \t\r]*(?:\n|\Z)")
#: A packet that says nothing (RFC 9580, 5.8), in the old and the new form of its head: PGP 5 and later put it first.
_MARKERS = (b"\xa8\x03PGP", b"\xca\x03PGP")
_CONTROLS = bytes({*range(0x20), 0x7F} - {0x09, 0x0A, 0x0D, 0x1A})
_ENCRYPTED_SESSION_KEY = {1: (3, 6), 3: (4, 5, 6)}


def recognise(path: Path, where: str | None = None) -> str | None:
    """The form of a file's content, a key of `NAMES`; None when it is none of them.

    Args:
        where: name of the file as it came, where `path` is something out of it.

    Raises:
        FileRefused: `empty`.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        if not head.strip(b"\x00\t\r\n\x1a "):
            raise fault("empty", where or path.name)
        form = form_of(head)
        if form != "exe":
            return form
        if is_self_decrypting(stream):
            return "pgp_sda"
        return carried(stream) or "exe"


def form_of(head: bytes) -> str | None:
    """The form of a content that begins with `head`, as far as that tells."""
    for magic, form in _MAGIC:
        if head.startswith(magic) and head.translate(None, _CONTROLS) != head:
            return form
    if _message_start(head) is not None:
        return "openpgp"
    if _foreign(head) is not None:
        return None
    # A control character further down is for the reader to name with its row.
    first = head.lstrip(b"\r\n").split(b"\n", 1)[0]
    text = bool(first) and first.translate(None, _CONTROLS) == first and (b"," in head or b"\n" in head)
    return "plain" if text else None


def foreign(path: Path) -> str | None:
    """What people call a form that is none of ours; None when we do not know it either."""
    with path.open("rb") as stream:
        return _foreign(stream.read(_HEAD))


def _foreign(head: bytes) -> str | None:
    if _LZH.match(head):
        return "LZH"
    if _MARKUP.match(head):
        return "HTML（ウェブページ）または XML"
    return next((name for magic, name in _FOREIGN if head.startswith(magic)), None)


def to_message(stream: BinaryIO) -> int:
    """Goes to where the OpenPGP message in a file begins, and says where that is."""
    return stream.seek(_message_start(stream.read(_HEAD)) or 0)


def _message_start(head: bytes) -> int | None:
    start = 0
    while head.startswith(_MARKERS, start):
        start += len(_MARKERS[0])
    if _starts_with_session_key(head[start:]):
        return start
    armor = _ARMOR.search(head)
    return armor.start(1) if armor else None


def _starts_with_session_key(head: bytes) -> bool:
    """Whether the first OpenPGP packet is an encrypted session key (RFC 9580, 4.2, 5.1 and 5.3).

    The version inside is looked at too: a CP932 text may well begin with a byte above 7F.
    """
    if len(head) < 8 or not head[0] & 0x80:
        return False
    tag, new = head[0] & 0x3F if head[0] & 0x40 else head[0] >> 2 & 0x0F, bool(head[0] & 0x40)
    if tag not in _ENCRYPTED_SESSION_KEY:
        return False
    if not new:
        return head[1 + (1, 2, 4, 0)[head[0] & 3]] in _ENCRYPTED_SESSION_KEY[tag]
    start = 2 if head[1] < 192 else 3 if head[1] < 224 else 6
    return head[start] in _ENCRYPTED_SESSION_KEY[tag]
