"""A piece of a CSV text split into its records, by Arrow where it is as strict as RFC 4180, else by `csv`."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from todoke.intake.character_codes import BLANKS

#: A quoted field may run over this many lines; beyond it the opening quote was a slip of the pen.
LINES_IN_RECORD = 32
#: What an empty cell holds: nothing, or what Excel puts around an empty text so that it stays one.
_NOTHING = ("", '=""')
#: A quoted field between delimiters. The quote stands first because that is what is quickly found.
QUOTED = re.compile(rb'"(?<![^,\n]")[^"]*(?:""[^"]*)*"(?![^,\r\n])')


def split_columns(raw: bytes, text: str, width: int) -> list[pa.Array] | None:
    """The columns of a piece by Arrow's reader; None where it would be more lenient than RFC 4180.

    Raises:
        pa.ArrowInvalid: a row of another width.
    """
    lines = raw.count(b"\n")
    if width < 2 or not lines or raw.count(b"\r") != raw.count(b"\r\n") or text.startswith("\ufeff"):
        return None
    if b'"' in raw and b'"' in QUOTED.sub(b"", raw):
        return None
    utf8, names = text.encode(), [str(place) for place in range(width)]
    table = pa.csv.read_csv(
        pa.py_buffer(utf8),
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=len(utf8) + 1, column_names=names),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[], check_utf8=False
        ),
    )
    # fewer records than lines: empty lines, or fields over several lines, whose number is limited
    if table.num_rows != lines + (not raw.endswith(b"\n")):
        return None
    return [column.combine_chunks() for column in table.columns]


def filled_rows(columns: list[pa.Array]) -> tuple[list[pa.Array], int]:
    """The columns ([] for none) without the rows that have nothing in them, and how many those are."""
    blank = np.ones(len(columns[0]), bool)
    for column in columns:
        blank &= pc.is_in(pc.utf8_trim(column, BLANKS), pa.array(_NOTHING)).to_numpy(zero_copy_only=False)
        if not blank.any():
            return columns, 0
    filled = pa.array(~blank)
    return [] if blank.all() else [column.filter(filled) for column in columns], int(blank.sum())


def is_blank(cells: list[str]) -> bool:
    """Whether a record has nothing in it: an empty line, or blanks and commas alone, or Excel's empty texts."""
    return all(cell.strip(BLANKS) in _NOTHING for cell in cells)


def split_rows(text: str, width: int) -> tuple[list[list[str]], int]:
    """The records of a piece, and how many there are with nothing in them.

    Raises:
        csv.Error: one is ill-formed, of another width, or runs over too many lines.
    """
    rows = list(csv.reader(io.StringIO(text, newline="\n"), strict=True))
    filled = [row for row in rows if not is_blank(row)]
    if not set(map(len, filled)) <= {width}:
        raise csv.Error
    if text.count("\n") - len(rows) >= LINES_IN_RECORD - 1:  # the last record may have no line end
        lines = max((sum(cell.count("\n") for cell in row) for row in rows), default=0)
        if lines >= LINES_IN_RECORD:
            raise csv.Error
    return filled, len(rows) - len(filled)


def as_columns(rows: list[list[str]]) -> list[pa.Array]:
    """Rows of one width, at least one, as one array of strings for each column."""
    return [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]


def framed_cells(raw: bytes) -> list[bytes] | None:
    """The cells of one record as bytes; None when it is ill-formed or not complete.

    Quote, comma and line end are never the second byte of a character, so the split is safe undecoded.
    """
    try:
        rows = list(csv.reader([raw.decode("latin-1")], strict=True))
    except csv.Error:
        return None
    return [cell.encode("latin-1") for cell in rows[0]] if rows else []
