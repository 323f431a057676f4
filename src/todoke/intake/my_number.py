"""特定個人情報 is refused at intake: no contract of ours may hold it (`requirements.md`, support; 003 特記 11–16).

Two signs: a header that names it, wherever it stands; and a column that the layout does not know in which at least
half of the filled cells are twelve digits with the check digit of an individual number (個人番号). Columns that the
layout maps are not looked at by value: a household number of twelve digits passes the check digit one time in nine.
A column that trips the rule and is something else is let in by naming it in the layout.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from unicodedata import normalize

from todoke.contract.layout import Layout
from todoke.errors import FileRefused
from todoke.intake.character_codes import Encoding
from todoke.intake.text import read_blocks

REASON = "my_number"
#: Refused files of which not even the original is kept: 特定個人情報 must not be held at all.
NOT_KEPT = frozenset({REASON})
_NAMES = re.compile(r"個人番号|マイナンバー|特定個人情報|my[ _-]?number|kojin[ _-]?bang?ou?")
_BLANKS = str.maketrans("", "", " \u3000-－‐−ー\t")
_WEIGHTS = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


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


def refuse(payload: Path, layout: Layout | None, name: str) -> None:
    """Refuse a CSV payload that holds 特定個人情報; one that is no readable CSV is the reader's to judge.

    Args:
        layout: of the file; columns that it does not know are looked at by value. None: headers alone.
        name: of the file, for errors.

    Raises:
        FileRefused: `my_number`; says which column by its place, never its content.
    """
    with payload.open("rb") as stream:
        encoding: Encoding = "utf-8-sig" if stream.read(3) == b"\xef\xbb\xbf" else "cp932"
        stream.seek(0)
        try:
            blocks = read_blocks(stream, encoding=encoding)
            first = next(blocks).rows[0]
        except FileRefused:
            return
        header = [cell.strip() for cell in (layout.columns if layout and not layout.header else first)]
        named = [place for place, cell in enumerate(header) if _NAMES.search(normalize("NFKC", cell).lower())]
        if named:
            raise _refused(name, named)
        strange = [place for place, cell in enumerate(header) if cell not in layout.known()] if layout else []
        if not strange:
            return
        filled: Counter[int] = Counter()
        numbers: Counter[int] = Counter()
        try:
            for block in blocks:
                for place in strange:
                    cells = [row[place] for row in block.rows if row[place]]
                    filled[place] += len(cells)
                    numbers[place] += sum(map(is_my_number, cells))
        except FileRefused:
            return
    found = [place for place in strange if numbers[place] and 2 * numbers[place] >= filled[place]]
    if found:
        raise _refused(name, found)


def _refused(name: str, places: list[int]) -> FileRefused:
    columns = "、".join(f"{place + 1}列目" for place in places)
    return FileRefused(
        REASON,
        "特定個人情報（個人番号）を含むファイルは受け取れません",
        where=f"{name} {columns}",
        next_step="原本は保管していません。個人番号を除いたファイルの再送を送付元に依頼してください",
    )
