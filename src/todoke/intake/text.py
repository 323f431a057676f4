"""A strict reader of CSV text files: CP932 (or UTF-8 with BOM), RFC 4180 quoting, CRLF or LF.

A clean piece of the file is decoded and split at once; only a piece that fails is read again record by
record, so that a bad record is named by row and byte and reading goes on after it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO, NamedTuple

import pyarrow as pa

from todoke.errors import FileRefused
from todoke.intake.character_codes import (
    BOM,
    CODES,
    ILLEGAL,
    ILLEGAL_CONTROL,
    ILLEGAL_SINGLES,
    Encoding,
    refuse_other,
)
from todoke.intake.records import (
    LINES_IN_RECORD,
    QUOTED,
    as_columns,
    filled_rows,
    framed_cells,
    is_blank,
    split_columns,
    split_rows,
)
from todoke.model.codes import Finding

#: No field of a piece can be longer than what `csv` takes (131,072 characters), whichever way it is split.
BLOCK = 1 << 17
#: A piece that fails is tried again in smaller ones, down to this: then record by record.
_SMALLEST_PIECE = 1 << 11
_LINE_BYTES = 1 << 20
_CONTROLS = bytes({*range(0x20), 0x7F} - {0x09, 0x0A, 0x0D})
_PEEK = 4096
#: What tells Excel the separator, above the header; another one than a comma is no CSV file.
_SEPARATOR_TOLD = (["sep=", ""], ["sep=,"])


class Row(NamedTuple):
    """A good record; `row_no` counts data rows from 1 and is 0 for the header."""

    row_no: int
    cells: list[str]


@dataclass(frozen=True)
class BadRow:
    """A record that cannot be read; its text goes nowhere but into `cells`, which is never shown.

    Attributes:
        row_no: as in `Row`.
        offset: of the first bad byte, or of the record, from the start of the file.
        column: index of the bad cell; None when the record itself is ill-formed.
        cells: the cells that can be read, None for one that cannot; empty when the record is ill-formed.
    """

    row_no: int
    offset: int
    column: int | None
    reason: Finding
    cells: tuple[str | None, ...] = field(default=(), repr=False)


@dataclass
class Block:
    """Records that stand together in the file.

    Attributes:
        row_nos: of `rows`, or of the rows of `columns`.
        columns: instead of `rows` where asked for: one array of strings for each column of the file.
        blank: empty lines and records of nothing but blanks among them, which are no rows and have no number.
    """

    row_nos: list[int] | range
    rows: list[list[str]]
    bad: list[BadRow]
    columns: list[pa.Array] = field(default_factory=list)
    blank: int = 0

    def records(self) -> list[Row | BadRow]:
        """The good `rows` and the bad ones, in the file's order."""
        rows: list[Row | BadRow] = [Row(*row) for row in zip(self.row_nos, self.rows, strict=True)]
        return sorted([*rows, *self.bad], key=lambda row: row.row_no) if self.bad else rows


def read_blocks(stream: BinaryIO, *, encoding: Encoding = "cp932", size: int = BLOCK) -> Iterator[Block]:
    """Every record of a file with one header row, in order, about `size` bytes at a time; the first block holds the
    header alone.

    Empty lines are no records, nor are those of nothing but blanks and commas, which Excel leaves behind a table. A
    trailing Ctrl-Z is accepted, and a line `sep=,` above the header.

    Raises:
        FileRefused: the file is in another code than it should be, the header cannot be read, or a line has no end
            (`wrong_encoding`, `empty`, `header`, `no_lines`).
    """
    reader = _Reader(stream, encoding, size)
    return chain([Block(range(1), [reader.header()], [])], reader.blocks(by_column=False))


def read_columns(
    stream: BinaryIO, *, encoding: Encoding = "cp932", width: int | None = None, size: int = BLOCK
) -> tuple[list[str], Iterator[Block]]:
    """The header, and the rows of a file as Arrow columns, about `size` bytes at a time.

    Args:
        width: columns of a file without a header row, whose header is then []; None: the first row is the header.

    Raises:
        FileRefused: as `read_blocks`.
    """
    reader = _Reader(stream, encoding, size)
    header = reader.header() if width is None else reader.no_header(width)
    return header, reader.blocks(by_column=True)


class _Reader:
    """Position in a file: `buffer[at]`, byte `offset` of the file, is the beginning of a record."""

    def __init__(self, stream: BinaryIO, encoding: Encoding, size: int) -> None:
        self.stream, self.encoding, self.size = stream, encoding, size
        self.codec = "cp932" if encoding == "cp932" else "utf-8"
        self.buffer, self.at, self.offset, self.ended = b"", 0, 0, False
        self.next_row, self.width, self.piece = 0, 0, size
        while not self.ended and len(self.buffer) < _PEEK:
            self._read()
        refuse_other(self.buffer[:_PEEK], encoding)
        self._check_lines()
        if self.codec == "utf-8" and self.buffer.startswith(BOM):
            self._take(len(BOM))

    def header(self) -> list[str]:
        """The first record."""
        while True:
            size = self._record_size()
            if size is None:
                self._read()
                continue
            if not size:
                raise _empty()
            start = self.offset
            cells, bad = self._record(self._take(size), start)
            if bad:
                raise FileRefused(
                    "header",
                    "見出し行を読めません",
                    where=f"先頭から{bad.offset}バイト目",
                    next_step=f"文字コード（{CODES[self.encoding]}）と書式を確かめ、再送を依頼してください",
                )
            if cells and [cell.lower() for cell in cells] not in _SEPARATOR_TOLD:
                self.width, self.next_row = len(cells), 1
                return cells

    def no_header(self, width: int) -> list[str]:
        """The first record is data of so many columns."""
        if self.ended and not self.buffer[self.at :].strip(b"\r\n"):
            raise _empty()
        self.width, self.next_row = width, 1
        return []

    def blocks(self, *, by_column: bool) -> Iterator[Block]:
        while not self.ended or self.at < len(self.buffer):
            if not self.ended and len(self.buffer) - self.at < self.size:
                self._read()
            block = self._clean_block(by_column) or self._careful_block()
            if by_column and block.rows:
                block.columns = as_columns(block.rows)
                block.rows = []
            if block.row_nos or block.bad or block.blank:
                yield block

    def _check_lines(self) -> None:
        head = QUOTED.sub(b"", self.buffer[self.at : _PEEK])
        if b"\r" in head and b"\n" not in head:
            raise FileRefused(
                "no_lines",
                "行の区切りがCR（復帰）だけのファイルです",
                where="先頭の行",
                next_step="改行をCRLF（Windows）にした再送を依頼してください。文字コードはそのままで構いません",
            )

    def _read(self) -> None:
        """One block more; a Ctrl-Z at the very end is no content."""
        if len(self.buffer) - self.at > _LINE_BYTES:
            raise FileRefused(
                "no_lines",
                "行の区切りが見つかりません",
                where=f"先頭から{self.offset}バイト目",
                next_step="CSVファイルか確かめ、再送を依頼してください",
            )
        more = self.stream.read(self.size)
        self.buffer, self.at, self.ended = self.buffer[self.at :] + more, 0, not more
        if self.ended:
            self.buffer = re.sub(rb"\x1a+[\r\n]*\Z", b"", self.buffer)

    def _take(self, count: int) -> bytes:
        taken = self.buffer[self.at : self.at + count]
        self.at += count
        self.offset += count
        return taken

    def _cut(self) -> int:
        """Length of the longest piece that seems to end with a record, within `piece` bytes; 0 for none."""
        limit = self.at + self.piece
        if self.ended and limit >= len(self.buffer):
            return len(self.buffer) - self.at
        end = self.buffer.rfind(b"\n", self.at, limit) + 1
        odd = self.buffer.count(b'"', self.at, end) % 2
        while odd and end > self.at:
            before = max(self.buffer.rfind(b"\n", self.at, end - 1) + 1, self.at)
            odd ^= self.buffer.count(b'"', before, end) % 2
            end = before
        return max(end - self.at, 0)

    def _clean_block(self, by_column: bool) -> Block | None:
        """As much as ends with a record, at once; None when anything in it is not as it should be."""
        while True:
            size = self._cut()
            block = self._split(self.buffer[self.at : self.at + size], by_column) if size else None
            if block:
                self._take(size)
                self.next_row += len(block.row_nos)
                self.piece = min(self.piece * 8, self.size)
                return block
            if self.piece // 8 < _SMALLEST_PIECE:
                return None
            self.piece //= 8

    def _split(self, raw: bytes, by_column: bool) -> Block | None:
        if len(raw.translate(None, _CONTROLS)) != len(raw):
            return None
        try:
            text = raw.decode(self.codec)
        except UnicodeDecodeError:
            return None
        if self.codec == "cp932" and any(single in text for single in ILLEGAL_SINGLES):
            return None
        try:
            # setting up Arrow's reader costs more than it saves on a small piece
            columns = split_columns(raw, text, self.width) if by_column and len(raw) * 8 > self.size else None
            rows, blank = ([], 0) if columns else split_rows(text, self.width)
        except (pa.ArrowInvalid, csv.Error):  # whose messages hold the row
            return None
        if columns:
            columns, blank = filled_rows(columns)
        count = len(columns[0]) if columns else len(rows)
        return Block(range(self.next_row, self.next_row + count), rows, [], columns or [], blank)

    def _careful_block(self) -> Block:
        """The complete records of the next piece one by one."""
        numbers: list[int] = []
        block, end = Block(numbers, [], []), self.at + self.piece
        while self.at < end and (size := self._record_size()):
            start = self.offset
            cells, bad = self._record(self._take(size), start)
            if bad:
                block.bad.append(bad)
            elif cells:
                block.rows.append(cells)
                numbers.append(self.next_row)
            self.next_row += bool(bad or cells)
            block.blank += not (bad or cells)
        if self.at < end and not self.ended:
            self._read()
        self.piece = min(self.piece * 8, self.size)
        return block

    def _record_size(self) -> int | None:
        """Bytes of the next record; None when its end is not in the buffer yet, 0 at the end of the file.

        A quote that is not closed within some lines ends with its line, so that one slip cannot swallow
        the rest of the file.
        """
        end, first_line = self.at, 0
        for _ in range(LINES_IN_RECORD):
            found = self.buffer.find(b"\n", end)
            if found < 0 and not self.ended:
                return None
            end = found + 1 if found >= 0 else len(self.buffer)
            first_line = first_line or end - self.at
            if framed_cells(self.buffer[self.at : end]) is not None:
                return end - self.at
            if end == len(self.buffer) and self.ended:
                break
        return first_line

    def _record(self, raw: bytes, start: int) -> tuple[list[str], BadRow | None]:
        """The cells of a record, [] where there is nothing in them."""
        framed = framed_cells(raw)
        if framed is None:
            return [], BadRow(self.next_row, start, None, Finding.RAGGED)
        cells: list[str] = []
        before = 0
        for column, cell in enumerate(framed):
            text = self._decode(cell)
            if isinstance(text, int):
                place = start + max(raw.find(cell, before), before) + text
                readable = tuple(None if isinstance(t, int) else t for t in map(self._decode, framed))
                return [], BadRow(self.next_row, place, column, Finding.BAD_CHARACTER, readable)
            cells.append(text)
            before += len(cell) + 1
        if is_blank(cells):
            return [], None
        if self.width and len(cells) != self.width:
            return [], BadRow(self.next_row, start, None, Finding.RAGGED, tuple(cells))
        return cells, None

    def _decode(self, cell: bytes) -> str | int:
        """The cell's text, or the place of its first bad byte."""
        try:
            text = cell.decode(self.codec)
        except UnicodeDecodeError as error:
            text = cell[: error.start].decode(self.codec)
            return min(error.start, self._first_illegal(text, error.start))
        illegal = self._first_illegal(text, len(cell))
        return text if illegal == len(cell) else illegal

    def _first_illegal(self, text: str, otherwise: int) -> int:
        illegal = (ILLEGAL if self.codec == "cp932" else ILLEGAL_CONTROL).search(text)
        return len(text[: illegal.start()].encode(self.codec)) if illegal else otherwise


def _empty() -> FileRefused:
    return FileRefused("empty", "ファイルに内容がありません", next_step="再送を依頼してください")
