"""Identifiers: HMACs under a contract's key.

A plain hash of a household number can be enumerated in seconds; an HMAC cannot. Texts are upper-case Crockford base32,
which is read aloud and keyed in without mistaking one sign for another.
"""

from __future__ import annotations

import hashlib
import hmac

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SEPARATOR = "\x1f"


def identifier(key: bytes, kind: str, *parts: object, length: int = 13) -> str:
    """The id of `kind` for `parts`, `length` signs of 5 bits each (13: 65 bits).

    The same key and parts give the same id for ever; parts are compared as text.
    """
    message = _SEPARATOR.join((kind, *(str(part) for part in parts))).encode()
    number = int.from_bytes(hmac.digest(key, message, hashlib.sha256), "big")
    signs = []
    for _ in range(length):
        number, rest = divmod(number, 32)
        signs.append(_ALPHABET[rest])
    return "".join(signs)


def shipment_id(key: bytes, contract: str, household_no: str, kind: str, sequence: int) -> str:
    """The id of one parcel: its kind's first letter and 13 signs (出荷番号)."""
    return f"{kind[0].upper()}{identifier(key, 'shipment', contract, household_no, kind, sequence)}"


def members_digest(keys: list[str]) -> str:
    """The digest of exactly these members; it names the batch."""
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()
