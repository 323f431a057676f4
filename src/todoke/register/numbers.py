"""Application numbers: a keyed permutation with two check digits (`interfaces.md`, The application number).

The body is a balanced Feistel network over 10⁴ × 10⁴ with HMAC-SHA256 round functions (Black, Rogaway, "Ciphers with
Arbitrary Finite Domains", 2002): a permutation of 0 … 99,999,999 without cycle walking. The check digits are
ISO/IEC 7064 MOD 97-10.
"""

from __future__ import annotations

import hmac

import numpy as np
from numpy.typing import NDArray

_HALF = 10_000
BODIES = _HALF * _HALF
_ROUNDS = 10
_MODULUS = 97


def numbers(key: bytes, first_index: int, count: int) -> list[str]:
    """The application numbers of the running indices `first_index` … `first_index + count - 1`.

    Args:
        key: the contract's number key; at least 16 bytes.

    Returns:
        10 digits each, `int(no) % 97 == 1`; never the same for two indices.

    Raises:
        ValueError: the key is short or the indices go beyond 10⁸.
    """
    if len(key) < 16:
        raise ValueError("the number key needs at least 16 bytes")
    if first_index < 0 or count < 0 or first_index + count > BODIES:
        raise ValueError(f"running indices go from 0 to {BODIES - 1}")
    bodies = _permuted(key, np.arange(first_index, first_index + count, dtype=np.int64))
    checked = bodies * 100 + (_MODULUS + 1 - bodies * 100 % _MODULUS)
    return [f"{number:010d}" for number in checked.tolist()]


def is_valid(number: str) -> bool:
    """Whether the text is ten ASCII digits whose check digits are right."""
    return len(number) == 10 and number.isascii() and number.isdigit() and int(number) % _MODULUS == 1


def _permuted(key: bytes, indices: NDArray[np.int64]) -> NDArray[np.int64]:
    left, right = np.divmod(indices, _HALF)
    for number in range(_ROUNDS):
        met = np.flatnonzero(np.bincount(right, minlength=_HALF))
        left, right = right, (left + _round(key, number, met)[right]) % _HALF
    return left * _HALF + right


def _round(key: bytes, number: int, halves: NDArray[np.int64]) -> NDArray[np.int64]:
    """The round function's value for each of some halves, at its place among all; a few households meet few of them."""
    values = np.zeros(_HALF, np.int64)
    values[halves] = [
        int.from_bytes(hmac.digest(key, b"number %d %d" % (number, half), "sha256")[:8], "big") % _HALF
        for half in halves.tolist()
    ]
    return values
