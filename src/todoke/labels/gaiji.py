"""Proof, before anything is printed, that every character of every printed field can be drawn (G04).

Three findings: the font has no such character, it points to `.notdef`, its outline is empty. No PDF library
raises for any of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from todoke.labels.fonts import FontSet, Glyph

#: Columns of a label record that are printed.
PRINTED_FIELDS = ("postal_code", "town", "block", "building", "name", "application_no", "sort_mark")


@dataclass(frozen=True)
class GaijiFinding:
    """A code point that cannot be printed: what the fonts have, its CP932 code (hex, empty if none), occurrences."""

    code_point: int
    glyph: Glyph
    cp932: str
    count: int


@dataclass(frozen=True)
class GaijiProof:
    """Findings by code point, and the households concerned, which must be held."""

    findings: tuple[GaijiFinding, ...]
    held: dict[str, Glyph] = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether everything can be drawn."""
        return not self.findings


class Prover:
    """Checks batch after batch; what it found adds up."""

    def __init__(self, fonts: FontSet) -> None:
        self._fonts = fonts
        self._counts: Counter[str] = Counter()
        self._glyphs: dict[str, Glyph] = {}
        #: Characters seen so far that can be drawn.
        self.drawn: set[str] = set()

    def rows(self, columns: Sequence[list[str]]) -> dict[int, Glyph]:
        """Rows of these columns that cannot be printed, with the first reason met."""
        seen = {char for column in columns for char in set("".join(column))}
        bad = seen - self._fonts.drawable
        self.drawn |= seen - bad
        if not bad:
            return {}
        for char in bad - self._glyphs.keys():
            self._glyphs[char] = self._fonts.glyph(ord(char))
        rows: dict[int, Glyph] = {}
        for column in columns:
            for row, text in enumerate(column):
                if not bad.isdisjoint(text):
                    wrong = [char for char in text if char in bad]
                    self._counts.update(wrong)
                    rows.setdefault(row, self._glyphs[wrong[0]])
        return rows

    def findings(self) -> tuple[GaijiFinding, ...]:
        """What was found so far, by code point."""
        return tuple(
            GaijiFinding(ord(char), self._glyphs[char], _cp932(char), count)
            for char, count in sorted(self._counts.items())
        )


def prove(records: Iterable[pa.RecordBatch], fonts: FontSet, fields: Sequence[str] = PRINTED_FIELDS) -> GaijiProof:
    """Check the printed fields of records that carry `household_no`; nothing is changed."""
    prover = Prover(fonts)
    held: dict[str, Glyph] = {}
    for batch in records:
        households = batch.column("household_no").to_pylist()
        for row, glyph in prover.rows([texts(batch, name) for name in fields]).items():
            held.setdefault(households[row], glyph)
    return GaijiProof(prover.findings(), held)


def texts(batch: pa.RecordBatch, name: str) -> list[str]:
    """A text column as strings; null is empty, as is a column that the records do not have."""
    if name not in batch.schema.names:
        return [""] * batch.num_rows
    column = batch.column(name)
    values: list[str] = (column.fill_null("") if column.null_count else column).to_pylist()
    return values


def _cp932(char: str) -> str:
    try:
        return char.encode("cp932").hex().upper()
    except UnicodeEncodeError:
        return ""
