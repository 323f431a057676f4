"""A strict reader of CSV text files: CP932 (or UTF-8 with BOM), RFC 4180 quoting, CRLF or LF.

A clean block of the file is decoded and split at once; only a block that fails is read again record by
record, so that a bad record is named by row and byte and reading goes on after it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, NamedTuple

from todoke.errors import FileRefused
from todoke.model.codes import Finding

Encoding = Literal["cp932", "utf-8-sig"]

BLOCK = 1 << 17
#: A quoted field may run over this many lines; beyond it the opening quote was a slip of the pen.
_LINES_IN_RECORD = 32
_LINE_BYTES = 1 << 20
_CONTROLS = bytes({*range(0x20), 0x7F} - {0x09, 0x0A, 0x0D})
#: What cp932 makes of the single bytes 80, A0, FD, FE and FF, which no Shift_JIS file may hold.
_ILLEGAL_SINGLES = re.compile("[\x80\uf8f0-\uf8f3]")
_ILLEGAL_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ILLEGAL = re.compile(f"{_ILLEGAL_SINGLES.pattern}|{_ILLEGAL_CONTROL.pattern}")
_BOM = b"\xef\xbb\xbf"


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
    """Records that stand together in the file; `row_nos` goes with `rows`."""

    row_nos: list[int] | range
    rows: list[list[str]]
    bad: list[BadRow]


def read_rows(stream: BinaryIO, *, encoding: Encoding = "cp932") -> Iterator[Row | BadRow]:
    """Every record of a file with one header row, in order.

    Empty lines are no records. A trailing Ctrl-Z is accepted.

    Raises:
        FileRefused: the header cannot be read, or a line has no end (`empty`, `header`, `no_lines`).
    """
    for block in read_blocks(stream, encoding=encoding):
        rows: list[Row | BadRow] = [Row(*row) for row in zip(block.row_nos, block.rows, strict=True)]
        if block.bad:
            rows = sorted([*rows, *block.bad], key=lambda row: row.row_no)
        yield from rows


def read_blocks(stream: BinaryIO, *, encoding: Encoding = "cp932", size: int = BLOCK) -> Iterator[Block]:
    """As `read_rows`, about `size` bytes at a time; the first block holds the header alone."""
    return _Reader(stream, encoding, size).blocks()


class _Reader:
    """Position in a file: `buffer[at]`, byte `offset` of the file, is the beginning of a record."""

    def __init__(self, stream: BinaryIO, encoding: Encoding, size: int) -> None:
        self.stream, self.codec, self.size = stream, "cp932" if encoding == "cp932" else "utf-8", size
        self.buffer, self.at, self.offset, self.ended = b"", 0, 0, False
        self.next_row, self.width = 0, 0

    def blocks(self) -> Iterator[Block]:
        self._read()
        if self.codec == "utf-8" and self.buffer.startswith(_BOM):
            self._take(len(_BOM))
        yield self._header()
        while not self.ended or self.at < len(self.buffer):
            if not self.ended and len(self.buffer) - self.at < self.size:
                self._read()
            block = self._clean_block() or self._careful_block()
            if block.rows or block.bad:
                yield block

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

    def _header(self) -> Block:
        while True:
            size = self._record_size()
            if size is None:
                self._read()
                continue
            if not size:
                raise FileRefused("empty", "ファイルに内容がありません", next_step="再送を依頼してください")
            start = self.offset
            cells, bad = self._record(self._take(size), start)
            if bad:
                raise FileRefused(
                    "header",
                    "見出し行を読めません",
                    where=f"先頭から{bad.offset}バイト目",
                    next_step="文字コード（Shift_JIS）と書式を確かめ、再送を依頼してください",
                )
            if cells:
                self.width, self.next_row = len(cells), 1
                return Block(range(1), [cells], [])

    def _cut(self) -> int:
        """Length of the longest piece of the buffer that seems to end with a record."""
        if self.ended:
            return len(self.buffer) - self.at
        end = self.buffer.rfind(b"\n", self.at) + 1
        odd = self.buffer.count(b'"', self.at, end) % 2
        while odd and end > self.at:
            before = max(self.buffer.rfind(b"\n", self.at, end - 1) + 1, self.at)
            odd ^= self.buffer.count(b'"', before, end) % 2
            end = before
        return max(end - self.at, 0)

    def _clean_block(self) -> Block | None:
        """As much as ends with a record, at once; None when anything in it is not as it should be."""
        size = self._cut()
        raw = self.buffer[self.at : self.at + size]
        if not raw or len(raw.translate(None, _CONTROLS)) != size:
            return None
        try:
            text = raw.decode(self.codec)
            rows = [row for row in csv.reader(io.StringIO(text, newline="\n"), strict=True) if row]
        except (UnicodeDecodeError, csv.Error):
            return None
        if not set(map(len, rows)) <= {self.width}:
            return None
        if self.codec == "cp932" and _ILLEGAL_SINGLES.search(text):
            return None
        self._take(size)
        first, self.next_row = self.next_row, self.next_row + len(rows)
        return Block(range(first, self.next_row), rows, [])

    def _careful_block(self) -> Block:
        """The complete records of the buffer one by one."""
        numbers: list[int] = []
        block = Block(numbers, [], [])
        while size := self._record_size():
            start = self.offset
            cells, bad = self._record(self._take(size), start)
            if bad:
                block.bad.append(bad)
            elif cells:
                block.rows.append(cells)
                numbers.append(self.next_row)
            self.next_row += bool(bad or cells)
        if not block.rows and not block.bad and not self.ended:
            self._read()
        return block

    def _record_size(self) -> int | None:
        """Bytes of the next record; None when its end is not in the buffer yet, 0 at the end of the file.

        A quote that is not closed within some lines ends with its line, so that one slip cannot swallow
        the rest of the file.
        """
        end, first_line = self.at, 0
        for _ in range(_LINES_IN_RECORD):
            found = self.buffer.find(b"\n", end)
            if found < 0 and not self.ended:
                return None
            end = found + 1 if found >= 0 else len(self.buffer)
            first_line = first_line or end - self.at
            if _frame(self.buffer[self.at : end]) is not None:
                return end - self.at
            if end == len(self.buffer) and self.ended:
                break
        return first_line

    def _record(self, raw: bytes, start: int) -> tuple[list[str], BadRow | None]:
        framed = _frame(raw)
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
        if cells and self.width and len(cells) != self.width:
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
        illegal = (_ILLEGAL if self.codec == "cp932" else _ILLEGAL_CONTROL).search(text)
        return len(text[: illegal.start()].encode(self.codec)) if illegal else otherwise


def _frame(raw: bytes) -> list[bytes] | None:
    """The cells of one record as bytes; None when it is ill-formed or not complete.

    Quote, comma and line end are never the second byte of a character, so the split is safe undecoded.
    """
    try:
        rows = list(csv.reader([raw.decode("latin-1")], strict=True))
    except csv.Error:
        return None
    return [cell.encode("latin-1") for cell in rows[0]] if rows else []
