"""特定個人情報 is refused at intake: no contract of ours may hold it (`requirements.md`, support; 003 特記 11–16).

Three signs: a header that names it, wherever it stands; a cell that names it and holds an individual number (個人番号);
and a column that holds such numbers, twelve digits with the right check digit. One of ten others has that by chance:

- In any column, 備考 too, there are at least three, and four of five of all twelve digits in it are right. Three of
  three are so by chance once in a thousand times.
- In a column that the layout does not know, one is enough where half of the filled cells are such numbers.

Columns of household numbers are not looked at by value: a ward may give them a check digit of its own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from unicodedata import normalize

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.compute as pc

from todoke.contract.layout import Layout, bare
from todoke.errors import FileRefused
from todoke.intake.character_codes import Encoding
from todoke.intake.text import read_columns

REASON = "my_number"
#: Refused files of which not even the original is kept: 特定個人情報 must not be held at all.
NOT_KEPT = frozenset({REASON})
_ENCODINGS: tuple[Encoding, ...] = ("cp932", "utf-8-sig")
_NAMES = re.compile(r"個人番号|マイナンバー|特定個人情報|my[ _-]?number|kojin[ _-]?bang?ou?")
_BETWEEN = " \u3000\\-－‐−ー\t"
_BLANKS = str.maketrans("", "", _BETWEEN.replace("\\", ""))
_WEIGHTS = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
#: Twelve digits, and no more, with blanks and hyphens between them. The looser one is Arrow's, which looks first.
_TWELVE = re.compile(rf"(?<![0-9０-９])[0-9０-９](?:[{_BETWEEN}]?[0-9０-９]){{11}}(?![0-9０-９])")
_MAYBE = rf"[0-9０-９](?:[{_BETWEEN}]?[0-9０-９]){{11}}"
_HOUSEHOLD_NUMBERS = ("household_no", "former_household_no")
_FEWEST = 3
_CHUNK, _OVERLAP = 1 << 20, 96
#: In CP932: the first bytes of full-width digits and of what may stand between them; kinds of single bytes.
_WIDE_DIGIT, _WIDE_BETWEEN, _ZERO = 0x82, 0x81, 0x30
_WIDE_SIGNS = np.zeros(256, bool)
_WIDE_SIGNS[[sign.encode("cp932")[1] for sign in "\u3000－‐ー"]] = True
_KIND = np.full(256, 0x78, np.uint8)
_KIND[0x30:0x3A] = _ZERO
_KIND[[0x20, 0x2D, 0x09]] = 0


def is_my_number(cell: str) -> bool:
    """Whether a cell is twelve digits with the right check digit (平成26年総務省令第85号 第5条), in any width."""
    if len(cell) < 12:
        return False
    digits = cell.translate(_BLANKS)
    if len(digits) != 12 or not digits.isdecimal():
        return False
    numbers = [int(sign) for sign in digits]
    rest = sum(weight * number for weight, number in zip(_WEIGHTS, numbers, strict=False)) % 11
    return numbers[11] == (0 if rest <= 1 else 11 - rest)


@dataclass
class _Column:
    """What a column holds: filled cells, twelve digits in them, those with the right check digit.

    Attributes:
        whole: cells that are such a number and nothing else; named: such numbers beside their name.
    """

    filled: int = 0
    twelve: int = 0
    right: int = 0
    whole: int = 0
    named: int = 0

    def look(self, cell: str) -> None:
        found = [is_my_number(digits) for digits in _TWELVE.findall(cell)]
        self.twelve += len(found)
        self.right += sum(found)
        self.whole += is_my_number(cell.strip('="'))  # what Excel may put around a text
        self.named += any(found) and _names_it(cell)

    def holds_it(self, *, known: bool) -> bool:
        many = self.right >= _FEWEST and 5 * self.right >= 4 * self.twelve
        return many or self.named > 0 or (not known and self.whole > 0 and 2 * self.whole >= self.filled)


def _names_it(text: str) -> bool:
    return _NAMES.search(normalize("NFKC", text).lower()) is not None


def refuse(payload: Path, layout: Layout | None, where: str) -> None:
    """Refuse a CSV payload that holds 特定個人情報; one that is no readable CSV is the reader's to judge.

    Args:
        layout: of the file. None: it is judged by its header alone.
        where: what the file is called in errors.

    Raises:
        FileRefused: `my_number`; says which column by its place, never its content.
    """
    first: Encoding = layout.encoding if layout else "cp932"
    for encoding in sorted(_ENCODINGS, key=lambda each: each != first):
        with suppress(FileRefused):  # another code, or no table at all
            found = _places(payload, encoding, layout)
            break
    else:
        return
    if found:
        raise _refused(where, found)


def _places(payload: Path, encoding: Encoding, layout: Layout | None) -> list[int]:
    """The columns of a file that are named so, or else hold such numbers.

    Raises:
        FileRefused: it cannot be read.
    """
    with payload.open("rb") as stream:
        width = len(layout.columns) if layout and not layout.header else None
        header, blocks = read_columns(stream, encoding=encoding, width=width)
        header = list(layout.columns) if layout and not layout.header else header
        names = list(layout.names(header)) if layout else header
        named = [place for place, name in enumerate(names) if _names_it(bare(name))]
        if named or layout is None or not _may_hold_any(payload, encoding):
            return named
        columns = _columns((block.columns for block in blocks), names, layout)
    known = layout.known()
    return [place for place, column in columns.items() if column.holds_it(known=names[place] in known)]


def refuse_workbook(payload: Path, where: str) -> None:
    """Refuse a workbook that holds 特定個人情報 in any sheet; one that cannot be read is the reader's to judge.

    A single number is enough in a column that has a cell which names it.

    Raises:
        FileRefused: `my_number`.
    """
    found: list[int] = []
    # the library lets out whatever it stumbles over, with what is in the file
    with suppress(Exception), payload.open("rb") as stream:
        for sheet in openpyxl.load_workbook(stream, read_only=True, data_only=True).worksheets:
            found += _places_in_sheet(sheet)
    if found:
        raise _refused(where, sorted(set(found)))


def _places_in_sheet(sheet: Any) -> list[int]:
    columns: defaultdict[int, _Column] = defaultdict(_Column)
    titled: set[int] = set()
    sheet.reset_dimensions()  # what a sheet says of its size is not believed
    for row in sheet.iter_rows(values_only=True):
        for place, cell in enumerate(map(_text, row)):
            if cell:
                columns[place].look(cell)
                titled |= {place} if _names_it(cell) else set()
    return [n for n, held in columns.items() if held.holds_it(known=True) or (n in titled and held.right)]


def _text(cell: Any) -> str:
    return "" if cell is None else str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _columns(blocks: Iterable[list[pa.Array]], names: list[str], layout: Layout) -> dict[int, _Column]:
    """What each column holds, but for household numbers."""
    fields = layout.required | layout.optional
    columns = {n: _Column() for n, name in enumerate(names) if fields.get(name) not in _HOUSEHOLD_NUMBERS}
    for block in blocks:
        for place, column in columns.items() if block else ():
            cells = block[place]
            column.filled += len(cells) - pc.sum(pc.equal(cells, "")).as_py()
            for cell in cells.filter(pc.match_substring_regex(cells, _MAYBE)).to_pylist():
                column.look(cell)
    return columns


def _may_hold_any(payload: Path, encoding: Encoding) -> bool:
    """Whether there are twelve digits in a row anywhere: most files have none, and need not be split for this."""
    if encoding != "cp932":
        return True
    with payload.open("rb") as stream:
        return any(b"0" * 12 in digits for digits in map(_digits, _overlapping(stream)))


def _overlapping(stream: BinaryIO) -> Iterator[bytes]:
    before = b""
    while chunk := stream.read(_CHUNK):
        yield before + chunk
        before = chunk[-_OVERLAP:]


def _digits(raw: bytes) -> bytes:
    """Every digit of a text in CP932 as 0, without what may stand between digits; all else as x."""
    signs = np.frombuffer(raw, np.uint8)
    lead, trail = signs[:-1], signs[1:]
    digit = (lead == _WIDE_DIGIT) & (trail - 0x4F < 10)  # unsigned: what is below is far above
    between = (lead == _WIDE_BETWEEN) & _WIDE_SIGNS[trail]
    found = _KIND[signs]
    found[:-1][digit] = _ZERO
    found[1:][digit] = 0
    found[:-1][between] = 0
    found[1:][between] = 0
    kept: bytes = found[found != 0].tobytes()
    return kept


def _refused(where: str, places: list[int]) -> FileRefused:
    columns = "、".join(f"{place + 1}列目" for place in places)
    return FileRefused(
        REASON,
        "特定個人情報（個人番号）を含むファイルは受け取れません",
        where=f"{where} {columns}",
        next_step="原本は保管していません。個人番号を除いたファイルの再送を送付元に依頼してください",
    )
