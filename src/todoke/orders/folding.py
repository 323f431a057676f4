"""Search keys: what two spellings of one name or postal code have in common. Never printed, only compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase

import jaconv
import pyarrow as pa
import pyarrow.compute as pc

_SMALL = "ァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ"
_LARGE = "アイウエオツヤユヨワカケクシストヌハヒフヘホムラリルレロ"
#: Long marks and everything that is read or typed in their place, and the spaces that NFKC leaves.
_NOTHING = "ー-‐‑‒–—―−─━﹣˗⁻_~〜" + " \t\n\r\v\f\x85\u2028\u2029"
_HIRAGANA = "".join(map(chr, range(0x3041, 0x309F)))
_KATAKANA = jaconv.hira2kata(_HIRAGANA)
_SMALL_TO_LARGE = str.maketrans(_SMALL, _LARGE)
_KANA = {
    **str.maketrans(ascii_lowercase, ascii_uppercase),
    **str.maketrans(_HIRAGANA, _KATAKANA.translate(_SMALL_TO_LARGE)),
    **_SMALL_TO_LARGE,
    **str.maketrans("", "", _NOTHING),
}
_NOT_A_DIGIT = re.compile(r"[^0-9]")


def fold_kana(text: str) -> str:
    """The key of a name in kana: full-width katakana, no spaces, small kana large, no long marks or hyphens."""
    # NFKC sets a space before a free-standing voicing mark; with the space gone NFC joins mark and kana
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).translate(_KANA))


def fold_postal(text: str) -> str:
    """The digits of a postal code, ASCII; 〒 and hyphens go."""
    return _NOT_A_DIGIT.sub("", unicodedata.normalize("NFKC", text))


def fold_column(column: pa.ChunkedArray, fold: Callable[[str], str]) -> pa.ChunkedArray:
    """`fold` over a text column, once for each different value; NULL stays NULL."""
    encoded = pc.dictionary_encode(column).unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.dictionary(pa.int32(), pa.string()))
    keys = pa.array([None if value is None else fold(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([keys.take(encoded.indices)])


def kana_keys(person: pa.Table) -> pa.Table:
    """household_no and kana_key of every member and of the head as the register names them; pairs may repeat.

    Args:
        person: household_no, member_kana, head_kana.
    """
    keys = fold_column(
        pa.chunked_array([*person["member_kana"].chunks, *person["head_kana"].chunks], pa.string()), fold_kana
    )
    households = pa.chunked_array(person["household_no"].chunks * 2, pa.string())
    pairs = pa.table({"household_no": households, "kana_key": keys})
    return pairs.filter(pc.not_equal(pairs["kana_key"], ""))


def delivery_postals(instruction: pa.Table) -> pa.Table:
    """household_no and postal_code, folded as a card's is, of delivery instructions as the ward sent them."""
    return pa.table(
        {
            "household_no": instruction["household_no"],
            "postal_code": fold_column(instruction["postal_code"], fold_postal),
        }
    )
