"""Numbers as wards write them: in any width, with blanks, a postal code with its mark and any hyphen (G02, G03).

A number is no printed text: it lands in one way of writing, so that whatever compares it finds it in every file. What
is no number in any way of writing stays as it was sent, and the rules say so. Leading zeros stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from todoke.intake.character_codes import BLANKS

_HOUSEHOLD_NO = re.compile(r"([0-9]{1,15})")
_POSTAL_CODE = re.compile(r"〒?([0-9]{3})[-‐‑‒–—―−ー－ｰ]?([0-9]{4})")
_USUAL = re.compile(r"[0-9]{3}-?[0-9]{4}")
_COUNT = re.compile(r"([0-9]{1,4})[人名]?")
_NUMBER = re.compile(r"([0-9]{1,4})")
_FOLD = str.maketrans("０１２３４５６７８９", "0123456789", BLANKS)


def household_number(text: str) -> str:
    """１ ２３ → 123; anything but 1 to 15 digits as it is."""
    return _as(_HOUSEHOLD_NO, text)


def postal_code(text: str) -> str:
    """〒１５３－００６１ → 1530061; 153-0061 and anything that is no postal code as it is."""
    return text if _USUAL.fullmatch(text) else _as(_POSTAL_CODE, text)


def household_size(text: str) -> str:
    """２人 → 2; anything that is no number as it is."""
    return _as(_COUNT, text)


def member_number(text: str) -> str:
    """０１ → 01; anything that is no number as it is."""
    return _as(_NUMBER, text)


def _as(form: re.Pattern[str], text: str) -> str:
    found = form.fullmatch(text.translate(_FOLD))
    return "".join(found.groups()) if found else text


#: Canonical name → how its numbers are read.
READ_AS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "household_no": household_number,
        "former_household_no": household_number,
        "postal_code": postal_code,
        "household_size": household_size,
        "member_no": member_number,
    }
)


def in_one_writing(field: str, column: pa.Array) -> pa.Array:
    """A column of a file with its numbers in one way of writing, where the field has numbers; others stay."""
    read = READ_AS.get(field)
    # nearly always there is nothing to do
    if read is None or pc.all(pc.ascii_is_decimal(column)).as_py() in (True, None):
        return column
    encoded = column.dictionary_encode()
    return pa.array([read(text) for text in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)
