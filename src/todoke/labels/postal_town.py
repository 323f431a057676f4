"""What follows the town in an address that is written as one line: the town is known by its postal code alone."""

from __future__ import annotations

import re
from functools import lru_cache

import pyarrow as pa

from todoke.labels.barcode import NoBarcode, encode, plain_postal_code
from todoke.quality.postal import postal_table

#: One way to write what town names are written with in several; each stands for one character.
_FOLD = str.maketrans("ヶヵがガノ之", "ケケケケのの")
#: What may stand before a town's name: nothing, or all down to its municipality. So 渋谷 in 渋谷区渋谷 is the second.
_BEFORE = r"(?:^|[市区町村]|大字)"


def encode_whole(postal_code: str, address: str, building: str) -> list[str] | NoBarcode:
    """The symbol of an address whose town is not parted from it (送付先住所), or the reason why there is none.

    A figure in a name (三ノ輪, 八丁堀, 四番町) is no part of the address number: the town of the postal code is taken
    off with all before it, and where it is not found there is no barcode.
    """
    rest = _after_town(plain_postal_code(postal_code) or "", address)
    if rest is not None:
        return encode(postal_code, f"{rest} {building}")
    without = encode(postal_code, "")
    return NoBarcode.TOWN_UNKNOWN if without is NoBarcode.NO_ADDRESS_NUMBER else without


def _after_town(postal_code: str, address: str) -> str | None:
    whole = re.sub(r"\s", "", address)
    folded = whole.translate(_FOLD)
    for town in _towns(postal_code):
        if found := re.search(_BEFORE + re.escape(town), folded):
            return whole[found.end() :]
    return None


@lru_cache(maxsize=4096)
def _towns(postal_code: str) -> tuple[str, ...]:
    """The towns of a postal code, folded, the longest first."""
    names = postal_table(pa.chunked_array([[postal_code]]))["town"].to_pylist()
    return tuple(sorted({name.translate(_FOLD) for name in names if name}, key=lambda name: (-len(name), name)))
