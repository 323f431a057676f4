"""Dates as wards write them: ISO, slashes, eight digits and Japanese eras (`interfaces.md`)."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

#: First and last day of each era; an era's year 1 (元年) is the calendar year of its first day.
_ERAS = {
    "明治": (date(1868, 1, 25), date(1912, 7, 29)),
    "大正": (date(1912, 7, 30), date(1926, 12, 24)),
    "昭和": (date(1926, 12, 25), date(1989, 1, 7)),
    "平成": (date(1989, 1, 8), date(2019, 4, 30)),
    "令和": (date(2019, 5, 1), date(9999, 12, 31)),
}
_LETTERS = {"M": "明治", "T": "大正", "S": "昭和", "H": "平成", "R": "令和"}
_WESTERN = (
    re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})", re.ASCII),
    re.compile(r"(\d{4})()(\d{2})(\d{2})", re.ASCII),
)
_ERA = re.compile(
    r"([MTSHR]|明治|大正|昭和|平成|令和)(\d{1,2}|元)(?:\.(\d{1,2})\.(\d{1,2})|年(\d{1,2})月(\d{1,2})日)", re.ASCII
)


def parse_date(text: str) -> date | None:
    """The date, or None when the text is none: 2026-06-01, 2026/6/1, 20260601, R8.6.1, 令和8年6月1日.

    A day outside its era (昭和64年5月1日) is no date: guessing which half is wrong is not ours.
    """
    if len(text) == 10 and text[4] == text[7] == "-":  # by far the most common form, and quick this way
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    folded = unicodedata.normalize("NFKC", text).strip()
    for form in _WESTERN:
        if found := form.fullmatch(folded):
            return _date(*found.group(1, 3, 4))
    found = _ERA.fullmatch(folded.upper())
    if not found:
        return None
    first, last = _ERAS[_LETTERS.get(found[1], found[1])]
    year = first.year - 1 + (1 if found[2] == "元" else int(found[2]))
    made = _date(year, found[3] or found[5], found[4] or found[6])
    return made if made and first <= made <= last else None


def parsed_dates(*columns: pa.ChunkedArray) -> pa.Table:
    """Every distinct non-blank text of the columns with the date it stands for.

    Returns:
        text (string), parsed_on (date32; null when the text is no date).
    """
    chunks = [chunk for column in columns for chunk in column.chunks]
    texts = pc.unique(pa.chunked_array(chunks, pa.string())).drop_null().to_pylist()
    wanted = [text for text in texts if text.strip()]
    dates = pa.array([parse_date(text) for text in wanted], pa.date32())
    return pa.table({"text": pa.array(wanted, pa.string()), "parsed_on": dates})


def _date(year: str | int, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
