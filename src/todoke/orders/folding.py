"""Search keys: what two spellings of one name or postal code have in common. Never printed, only compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import jaconv
import pyarrow as pa
import pyarrow.compute as pc

_SMALL = "ァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ"
_LARGE = "アイウエオツヤユヨワカケクシストヌハヒフヘホムラリルレロ"
#: Long marks and everything that is read or typed in their place.
_MARKS = "ー-‐‑‒–—―−─━﹣˗⁻_~〜"
_KANA = str.maketrans(_SMALL, _LARGE, _MARKS)
#: Free-standing voicing marks; NFKC would put a space before them instead of joining them to their kana.
_VOICING = str.maketrans("゛゜ﾞﾟ", "\u3099\u309a\u3099\u309a")
_NOT_A_DIGIT = re.compile(r"[^0-9]")
_BETWEEN_DIGITS = re.compile(r"[\s\-‐‑‒–—―−ー─]")


def fold_kana(text: str) -> str:
    """The key of a name in kana: full-width katakana, no spaces, small kana large, no long marks or hyphens."""
    wide = unicodedata.normalize("NFKC", text.translate(_VOICING))
    plain = "".join(jaconv.hira2kata(wide).upper().translate(_KANA).split())
    return unicodedata.normalize("NFC", plain)


def fold_digits(text: str) -> str:
    """A number in ASCII digits, without spaces and hyphens; other characters stay."""
    return _BETWEEN_DIGITS.sub("", unicodedata.normalize("NFKC", text))


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
    """household_no and kana_key, each pair once, of every member and of the head as the register names them.

    Args:
        person: household_no, member_kana, head_kana.
    """
    pairs = pa.concat_tables(
        [
            pa.table({"household_no": person["household_no"], "kana_key": fold_column(person[field], fold_kana)})
            for field in ("member_kana", "head_kana")
        ]
    )
    readable = pairs.filter(pc.not_equal(pairs["kana_key"], ""))
    return readable.group_by(["household_no", "kana_key"]).aggregate([])
