"""Japan Post's customer barcode (カスタマバーコード): from an address to 67 bars.

Source: 郵便番号・バーコードマニュアル (Japan Post), pages p11–p25 of its web edition. No library takes the
address number (住所表示番号) out of an address, and zint can express neither its bar heights nor a cut letter.
"""

from __future__ import annotations

import re
from functools import lru_cache

from todoke.model.codes import Labelled

#: Bars of each code character: 1 long, 2 semi-long up, 3 semi-long down, 4 timing (p11).
PATTERNS = {
    "0": "144", "1": "114", "2": "132", "3": "312", "4": "123", "5": "141", "6": "321", "7": "213",
    "8": "231", "9": "411", "-": "414", "CC1": "324", "CC2": "342", "CC3": "234", "CC4": "432",
    "CC5": "243", "CC6": "423", "CC7": "441", "CC8": "111", "STC": "13", "SPC": "31",
}  # fmt: skip
#: Code characters in the order of their check values, 0 to 18 (p21).
CHECK_ORDER = tuple("0123456789-") + tuple(f"CC{n}" for n in range(1, 9))
CHECK_VALUES = {code: value for value, code in enumerate(CHECK_ORDER)}

_LETTERS = {chr(65 + n): (f"CC{1 + n // 10}", str(n % 10)) for n in range(26)}
_CODES: dict[str, tuple[str, ...]] = {**{c: (c,) for c in "0123456789-"}, **_LETTERS}
_CONTENT = 20
#: Fixed-width files fill their fields up with these; at the end of a field they are no part of it.
PADDING = " \u3000"
_FILL = ["CC4"] * 13

#: Full-width forms to ASCII, letters to upper case; `& / ・ .` are taken out before anything else (p19).
_FOLD = str.maketrans(
    {0xFF10 + n: 0x30 + n for n in range(10)}
    | {base + n: 0x41 + n for base in (0x61, 0xFF21, 0xFF41) for n in range(26)}
    | dict.fromkeys(map(ord, "&＆/／・･.．"))
)
#: Also one that is partly in figures: 1万2千番地.
_KANJI_NUMBER = re.compile(
    r"(?:[0-9]*[十百千万]|[〇一二三四五六七八九])+(?:(?<=[十百千万])[0-9]+)?(?=丁目|丁|番地|番|号|地割|線|の|ノ)"
)
_OTHER = re.compile(r"(?:[^0-9A-Z]|[A-Z]{2,}|(?<=[0-9])F(?![A-Z]))+")
_LETTER = re.compile(r"-?([A-Z])-?")
_CHOME = re.compile(r"(?:[0-9０-９]+|[〇一二三四五六七八九十]+)丁目$")
_KANJI_DIGITS = {kanji: value for value, kanji in enumerate("〇一二三四五六七八九")}
_KANJI_UNITS = {"十": 10, "百": 100, "千": 1000}
_TEN_THOUSAND = "万"


class NoBarcode(Labelled):
    """Why a label carries no customer barcode."""

    POSTAL_CODE_INVALID = "postal_code_invalid", "郵便番号が7桁でない"
    POSTAL_CODE_GENERAL = "postal_code_general", "代表の郵便番号（下2桁が00）"
    NO_ADDRESS_NUMBER = "no_address_number", "住所表示番号が取り出せない"
    TOWN_UNKNOWN = "town_unknown", "送付先住所に郵便番号の町名がない"


def address_number(address_after_town: str) -> str:
    """Take the address number out of what follows the town name (p19: six basic rules, four supplements).

    Returns digits, letters and hyphens, uncut, e.g. `3-20-5B604`; empty when there is nothing to take.
    A trailing hyphen is left out as well: nothing follows that it could part.
    """
    text = address_after_town.translate(_FOLD)
    # Every look-alike of a hyphen, and ー between digits, is one more "other" character before a kept one.
    text = _OTHER.sub("-", _KANJI_NUMBER.sub(_arabic, text)).strip("-")
    return _LETTER.sub(r"\1", text) if not text.replace("-", "").isdigit() else text


def symbol(postal_code: str, number: str) -> list[str]:
    """The code characters `STC`, 7 postal digits, 13 of the address number, check digit, `SPC` (p12, p20, p21).

    Raises ValueError if the postal code has not 7 digits or the number holds anything but `0-9 A-Z -`.
    """
    postal = plain_postal_code(postal_code)
    if postal is None:
        raise ValueError("a postal code has seven digits")
    try:
        codes = [*postal, *(code for char in number for code in _CODES[char])]
    except KeyError:
        raise ValueError("an address number holds digits, capital letters and hyphens only") from None
    # A letter cut in two at the 20th place keeps its control character (p20).
    codes = (codes + _FILL)[:_CONTENT]
    check = -sum(map(CHECK_VALUES.__getitem__, codes)) % 19
    return ["STC", *codes, CHECK_ORDER[check], "SPC"]


def bars(symbol: list[str]) -> str:
    """The 67 bars of a symbol as digits 1 (long), 2 (semi-long up), 3 (semi-long down), 4 (timing)."""
    return "".join(map(PATTERNS.__getitem__, symbol))


def encode(postal_code: str, address_after_town: str) -> list[str] | NoBarcode:
    """The symbol of an address, or the reason why the rules forbid one (p18: general codes end in 00)."""
    postal = plain_postal_code(postal_code)
    if postal is None:
        return NoBarcode.POSTAL_CODE_INVALID
    if postal.endswith("00"):
        return NoBarcode.POSTAL_CODE_GENERAL
    number = address_number(address_after_town)
    return symbol(postal, number) if number else NoBarcode.NO_ADDRESS_NUMBER


def after_town(town: str, block: str, building: str) -> str:
    """What follows the town that the postal code stands for: a chome written with the town, block, building."""
    return f"{_chome(town)} {block} {building}"


def plain_postal_code(postal_code: str) -> str | None:
    """Seven ASCII digits, hyphen taken out; None if they are not seven."""
    postal = postal_code.replace("-", "")
    return postal if len(postal) == 7 and postal.isascii() and postal.isdigit() else None


@lru_cache(maxsize=4096)
def _chome(town: str) -> str:
    found = _CHOME.search(town.rstrip(PADDING))
    return found.group() if found else ""


def _arabic(found: re.Match[str]) -> str:
    """Arabic figures of a kanji number, positional (一〇一) or with units (二十三, 一万二千)."""
    text = found.group()
    if not any(unit in text for unit in (*_KANJI_UNITS, _TEN_THOUSAND)):
        return "".join(str(_KANJI_DIGITS[char]) for char in text)
    total = digit = 0
    for char in text:
        if char == _TEN_THOUSAND:
            total, digit = max(total + digit, 1) * 10_000, 0
        elif char in _KANJI_UNITS:
            total, digit = total + max(digit, 1) * _KANJI_UNITS[char], 0
        else:
            digit = digit * 10 + _KANJI_DIGITS.get(char, ord(char) - 0x30)
    return str(total + digit)
