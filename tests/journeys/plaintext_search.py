"""Finds what is known of people in whatever a program has left: text, bytes, database cells, in any usual writing."""

from __future__ import annotations

import email
import io
import re
import sqlite3
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date
from email import policy
from pathlib import Path

import pandas as pd

_PREFIX = 4
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_DATE = re.compile(
    r"(?<!\d)(\d{4})(?:-(\d\d)-(\d\d)|/(\d\d?)/(\d\d?)|年(\d\d?)月(\d\d?)日|, (\d\d?), (\d\d?))(?!\d)"
    r"|(?<![0-9A-Za-z])(\d{4})(\d\d)(\d\d)(?![0-9A-Za-z])"
)
_KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
#: Days that stand in any program for no day at all.
_NO_DAYS = {"1900-01-01", "1970-01-01", "1980-01-01"}


class Needles:
    """Names and readings of four and five signs or more, whole addresses, birth dates before 2020."""

    def __init__(self, texts: Iterable[str], births: Iterable[str] = ()) -> None:
        self.texts = {canonical(text) for text in texts}
        self.births = {born for born in births if born < "2020"} - _NO_DAYS
        self._by_prefix: dict[str, list[str]] = defaultdict(list)
        for text in self.texts:
            self._by_prefix[text[:_PREFIX]].append(text)

    @classmethod
    def of(cls, households: pd.DataFrame, persons: pd.DataFrame) -> Needles:
        """Of a simulated ward."""
        names = [name for name in persons["member_name"] if len(canonical(name)) >= _PREFIX]
        readings = [kana for kana in persons["member_kana"] if len(canonical(kana)) > _PREFIX]
        addresses = households["town"] + households["block"]
        return cls([*names, *readings, *addresses], persons["birth_date"].dt.strftime("%Y-%m-%d"))

    def found_in(self, text: str) -> set[str]:
        """Which of them the text holds."""
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        plain = canonical(text)
        found = {needle for place in _BEYOND_ASCII.finditer(plain) for needle in self._at(plain, place.start())}
        return found | (
            {day for day in map(_iso, _DATE.finditer(text)) if day in self.births} if self.births else set()
        )

    def found_in_bytes(self, content: bytes) -> set[str]:
        """Which of them the bytes hold in one of the encodings that are used here."""
        return {
            needle
            for encoding in ("utf-8", "cp932", "utf-16-le")
            for needle in self.found_in(content.decode(encoding, "ignore"))
        }

    def _at(self, plain: str, start: int) -> Iterator[str]:
        for needle in self._by_prefix.get(plain[start : start + _PREFIX], ()):
            if plain.startswith(needle, start):
                yield needle


def canonical(text: str) -> str:
    """Without width, spaces, and the difference of hiragana and katakana."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).translate(_KATAKANA)


def _iso(found: re.Match[str]) -> str:
    year, month, day = (int(part) for part in found.groups() if part is not None)
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""


def files(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


def cells(database: Path) -> Iterator[tuple[str, str | bytes]]:
    """Every cell of every table of a SQLite file that is text or bytes, with its table and column."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            rows = connection.execute(f'SELECT * FROM "{name}"')
            columns = [column[0] for column in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    if isinstance(value, str | bytes):
                        yield f"{name}.{column}", value


def mail_texts(content: bytes) -> Iterator[str]:
    """Headers, bodies and the insides of the attached workbooks of a mail."""
    message = email.message_from_bytes(content, policy=policy.default)
    yield "\n".join(f"{name}: {value}" for name, value in message.items())
    for part in message.walk():
        if part.get_content_maintype() == "text":
            yield part.get_content()
        elif part.get_filename():
            with zipfile.ZipFile(io.BytesIO(part.get_payload(decode=True))) as book:
                yield from (book.read(name).decode("utf-8", "ignore") for name in book.namelist())
