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
_LETTERS = {"M": "明治", "T": "大正", "S": "昭和", "H": "平成", "R": "令和"} | {name[0]: name for name in _ERAS}
#: Month and day after a year; numbers may be filled up with blanks (`R 8. 6. 1`).
_PARTS = r"(?:(?P<mark>[-/.])\s*(?P<m1>\d{1,2})(?P=mark)\s*(?P<d1>\d{1,2})|年\s*(?P<m2>\d{1,2})月\s*(?P<d2>\d{1,2})日)"
_WESTERN = (
    re.compile(rf"(?P<year>\d{{4}}){_PARTS}", re.ASCII),
    re.compile(r"(?P<year>\d{4})(?P<m1>\d{2})(?P<d1>\d{2})(?P<m2>)(?P<d2>)", re.ASCII),
)
_ERA_NAME = r"(?P<era>明治?|大正?|昭和?|平成?|令和?|[MTSHR]\.?)\s*"
#: What a program or a form writes behind a day, and is no part of it.
_BEHIND = re.compile(r"(?:(?:\s+|T)\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?|\s*生)\Z", re.ASCII)
_ERA = (
    re.compile(rf"{_ERA_NAME}(?P<year>\d{{1,2}}|元){_PARTS}", re.ASCII),
    re.compile(rf"{_ERA_NAME}(?P<year>\d{{2}})(?P<m1>\d{{2}})(?P<d1>\d{{2}})(?P<m2>)(?P<d2>)", re.ASCII),
)


def parse_date(text: str) -> date | None:
    """The date, or None when the text is none.

    2026-06-01, 2026/6/1, 2026.6.1, 2026年6月1日, 20260601, R8.6.1, R08/06/01, R080601, 令和8年6月1日, 令和元年5月1日,
    令8.6.1, R.8.6.1; full-width forms too, numbers filled up with blanks, and a time of day or 生 behind the day.

    A day outside its era (昭和64年5月1日) is no date: guessing which half is wrong is not ours.
    """
    if len(text) == 10 and text[4] == text[7] == "-":  # by far the most common form, and quick this way
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    folded = _BEHIND.sub("", unicodedata.normalize("NFKC", text).strip())
    for form in _WESTERN:
        if found := form.fullmatch(folded):
            return _date(found["year"], found)
    for form in _ERA:
        if found := form.fullmatch(folded.upper()):
            first, last = _ERAS[_LETTERS[found["era"][0]]]
            made = _date(first.year - 1 + (1 if found["year"] == "元" else int(found["year"])), found)
            return made if made and first <= made <= last else None
    return None


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


def _date(year: str | int, parts: re.Match[str]) -> date | None:
    try:
        return date(int(year), int(parts["m1"] or parts["m2"]), int(parts["d1"] or parts["d2"]))
    except ValueError:
        return None
