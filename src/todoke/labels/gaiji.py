"""Proof, before anything is printed, that every character of every printed field can be drawn (G04).

Findings: the font has no such character, it points to `.notdef`, its outline is empty, the base font does not know the
variation sequence, its shape is another than the one that was seen. No PDF library raises for any of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from todoke.labels.barcode import PADDING
from todoke.labels.faces import Glyph, is_private
from todoke.labels.fonts import FontSet

#: Columns of a label record that are printed.
PRINTED_FIELDS = ("postal_code", "town", "block", "building", "name", "application_no", "sort_mark")
_SELECTORS = range(0xE0100, 0xE01F0)
#: A character with the selector behind it; a selector that has nothing before it is one by itself.
_CHARACTER = re.compile(r"[^\U000E0100-\U000E01EF]?[\U000E0100-\U000E01EF]|.", re.DOTALL)


@dataclass(frozen=True)
class GaijiUse:
    """A gaiji, variation sequence or undrawable character in use: what the fonts have, households, occurrences.

    `cp932`: its code in hex, empty if it has none.
    """

    text: str
    glyph: Glyph
    cp932: str
    households: int
    count: int

    @property
    def code_points(self) -> str:
        """As people write them: `U+E000`, `U+845B U+E0100`."""
        return code_points(self.text)


class Prover:
    """Checks batch after batch; what it found adds up."""

    def __init__(self, fonts: FontSet) -> None:
        self._fonts = fonts
        self._counts: Counter[str] = Counter()
        self._households: Counter[str] = Counter()
        self._glyphs: dict[str, Glyph] = {}
        self._sequences = False
        #: Characters of composed text seen so far that can be drawn.
        self.drawn: set[str] = set()
        #: Characters of each row of the last batch that cannot be printed, by row.
        self.undrawable: dict[int, list[str]] = {}

    def rows(self, columns: Sequence[list[str]]) -> dict[int, Glyph]:
        """Rows of these columns that cannot be printed, with the first reason met.

        Counts gaiji and variation sequences on the way: a row is a household.
        """
        seen = {char for column in columns for char in set("".join(column))}
        self.drawn |= seen & self._fonts.drawable
        special = seen - self._fonts.in_base
        self.undrawable = {}
        self._sequences = any(ord(char) in _SELECTORS for char in special)
        if not special:
            return {}
        found: dict[int, list[str]] = {}
        for column in columns:
            if special.isdisjoint("".join(column)):
                continue
            for row, text in enumerate(column):
                if not special.isdisjoint(text):
                    found.setdefault(row, []).extend(self._noted(text, special))
        for row, chars in found.items():
            self._counts.update(chars)
            self._households.update(set(chars))
            bad = [char for char in chars if self._glyph(char) is not Glyph.DRAWN]
            if bad:
                self.undrawable[row] = bad
        return {row: self._glyph(bad[0]) for row, bad in self.undrawable.items()}

    def composed(self, columns: Sequence[list[str]]) -> list[list[str]]:
        """The columns just proven, as composed text."""
        if not self._sequences:
            return list(columns)
        return [[self._fonts.composed(text) for text in column] for column in columns]

    def uses(self) -> tuple[GaijiUse, ...]:
        """Every gaiji, sequence and undrawable character met so far, by code point."""
        return tuple(
            GaijiUse(char, self._glyphs[char], cp932(char), self._households[char], count)
            for char, count in sorted(self._counts.items())
        )

    def _noted(self, text: str, special: set[str]) -> list[str]:
        if any(ord(char) in _SELECTORS for char in text):
            characters = _CHARACTER.findall(text)
            return [char for char in characters if len(char) == 2 or char in special]
        return [char for char in text if char in special]

    def _glyph(self, char: str) -> Glyph:
        if char not in self._glyphs:
            self._glyphs[char] = self._fonts.glyph(char)
            if stand_in := self._fonts.variants.get(char):
                self.drawn.add(stand_in)
        return self._glyphs[char]


def code_points(text: str) -> str:
    """The code points of a character or a variation sequence, as people write them."""
    return " ".join(f"U+{ord(char):04X}" for char in text)


def gaiji_in(text: str) -> int:
    """How many gaiji and variation sequences are in a text."""
    return sum(is_private(ord(char)) or ord(char) in _SELECTORS for char in text)


def texts(batch: pa.RecordBatch, name: str) -> list[str]:
    """A text column as strings; null is empty, as is a column that the records do not have.

    The blanks with which fixed-width files pad a field are no part of it; those inside it are.
    """
    if name not in batch.schema.names:
        return [""] * batch.num_rows
    column = batch.column(name)
    filled = column.fill_null("") if column.null_count else column
    values: list[str] = pc.utf8_rtrim(filled, PADDING).to_pylist()
    return values


def cp932(char: str) -> str:
    """The CP932 code of a character in hex; empty if it has none."""
    try:
        return char.encode("cp932").hex().upper()
    except UnicodeEncodeError:
        return ""
