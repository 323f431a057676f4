"""Dates as they stand in files: `2026-06-01`, `2026/6/1`, `20260601`, `R8.6.1`, `令和8年6月1日` (`interfaces.md`)."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

#: The year before the first of each era, with the days it reaches from and to.
_ERAS = {
    "M": (1867, date(1868, 1, 25), date(1912, 7, 29)),
    "T": (1911, date(1912, 7, 30), date(1926, 12, 24)),
    "S": (1925, date(1926, 12, 25), date(1989, 1, 7)),
    "H": (1988, date(1989, 1, 8), date(2019, 4, 30)),
    "R": (2018, date(2019, 5, 1), date.max),
}
_LETTERS = {"明治": "M", "大正": "T", "昭和": "S", "平成": "H", "令和": "R"}
_WESTERN = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{4})/(\d{1,2})/(\d{1,2})|(\d{4})(\d{2})(\d{2})", re.ASCII)
_ERA = re.compile(
    r"([MTSHR]|明治|大正|昭和|平成|令和)(元|\d{1,2})(?:年(\d{1,2})月(\d{1,2})日|[.](\d{1,2})[.](\d{1,2}))", re.ASCII
)


def parse_date(text: str) -> date | None:
    """The day that `text` names, full-width or not; None when it names none, or a day outside its era."""
    plain = "".join(unicodedata.normalize("NFKC", text).split())
    if found := _WESTERN.fullmatch(plain):
        year, month, day = (int(part) for part in found.groups() if part is not None)
        return _day(year, month, day)
    if found := _ERA.fullmatch(plain.upper()):
        era, in_era, *rest = (part for part in found.groups() if part is not None)
        before, first, last = _ERAS[_LETTERS.get(era, era)]
        day_named = _day(before + (1 if in_era == "元" else int(in_era)), int(rest[0]), int(rest[1]))
        return day_named if day_named and first <= day_named <= last else None
    return None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
