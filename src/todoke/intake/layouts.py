"""Turns a ward's CSV file into a dataset by its layout: header names of the contract, any column order, long or wide
form (G02, G03, C02)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from todoke.contract.layout import MEMBER_FIELDS, Layout, bare
from todoke.contract.model import Intake
from todoke.errors import FileRefused
from todoke.intake.character_codes import BLANKS, CODES
from todoke.intake.misread import refuse_if_another_form, refuse_if_other_separator
from todoke.intake.numbers import household_number, in_one_writing
from todoke.intake.text import BadRow, Block, read_columns
from todoke.store.schema import QUARANTINE

_HOUSEHOLD_NO = re.compile(r"[0-9]{1,15}")
#: What Excel writes so that a text stays one when it is opened again: ="001"; a quote in it stands there twice.
_FORMULA = re.compile(rf'[{BLANKS}]*="((?:[^"]|"")*)"[{BLANKS}]*')
_RESEND = "見出し行を契約のレイアウトと見比べ、区に再送を依頼するか、レイアウトの設定を直してください"
_SHOWN = 10


class Unread(NamedTuple):
    """A row that cannot be read, as people are told: `offset` is the bad byte's, or the row's, from the start of the
    file; `column` names the one whose cell it is, if it is one's."""

    row_no: int
    offset: int
    column: str
    reason: str

    def __str__(self) -> str:
        place = "、".join(part for part in (f"{self.offset}バイト目", self.column, self.reason) if part)
        return f"{self.row_no}行目（{place}）"


class Reading:
    """A file as it is read: iterating gives its good rows once, and then the counts are whole.

    A row is a row of the file, also in the wide form, where it becomes several rows of the dataset:
    `rows_in` = `accepted` + rows of `quarantine`. A line with nothing in it is no row.

    Attributes:
        places: what each column of the file is.
        rows_in, accepted: rows of the file that were read so far.
        blank: lines below the header with nothing in them but blanks, commas and Excel's empty texts.
        formulas: cells that were written as Excel's formula of a text.
        landed: rows of the dataset that they became.
        code: of the file's characters, as people call it.
        first_bad: the first rows that could not be read.
    """

    def __init__(self, stream: BinaryIO, layout: Layout, schema: pa.Schema, receipt_no: str) -> None:
        self._stream, self._schema, self._receipt_no = stream, schema, receipt_no
        width = None if layout.header else len(layout.columns)
        header, self._blocks = read_columns(stream, encoding=layout.encoding, width=width)
        if layout.header and layout.missing(layout.names(header)):
            refuse_if_another_form(header, self._blocks, layout)
        self.places = Places.of(header if layout.header else list(layout.columns), layout)
        self._headless, self.code = not layout.header, CODES[layout.encoding]
        self.rows_in = self.accepted = self.landed = self.blank = self.formulas = 0
        self._bad: list[pa.RecordBatch] = []
        self.first_bad: list[Unread] = []

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with self._stream:
            for block in self._blocks:
                if self._headless and self.rows_in == 0:
                    self._refuse_header(block)
                self.rows_in += len(block.row_nos) + len(block.bad)
                self.accepted += len(block.row_nos)
                self.blank += block.blank
                if block.bad:
                    self._put_aside(block.bad)
                if block.columns:
                    block.columns, formulas = _unwrapped(block.columns)
                    self.formulas += formulas
                    batch = _batch(block, self.places, self._schema, self._receipt_no)
                    self.landed += batch.num_rows
                    yield batch

    @property
    def quarantine(self) -> pa.Table:
        """The rows that could not be read, `schema.QUARANTINE`."""
        return pa.Table.from_batches(self._bad, QUARANTINE)

    def _refuse_header(self, block: Block) -> None:
        """Names of columns are nobody's data."""
        if block.bad and not block.row_nos:  # a row that is good has the separator that it should have
            refuse_if_other_separator(block.bad[0].cells, len(self.places.names))
        if block.columns and [bare(cells[0].as_py()) for cells in block.columns] == list(map(bare, self.places.names)):
            raise FileRefused(
                "header_unexpected",
                "見出し行がないはずのファイルに見出し行があります",
                where="1行目",
                next_step="区に確かめ、レイアウトの header を直すか、再送を依頼してください",
            )

    def _put_aside(self, bad: list[BadRow]) -> None:
        lines = [
            {
                "receipt_no": self._receipt_no,
                "row_no": row.row_no,
                "household_no": _household_no(row, self.places.of_row.get("household_no")),
                "field": None if row.column is None else self.places.field(row.column),
                "reason": str(row.reason),
                "byte_offset": row.offset,
            }
            for row in bad
        ]
        self._bad.append(pa.RecordBatch.from_pylist(lines, QUARANTINE))
        self.first_bad += [self._told(row) for row in bad[: _SHOWN - len(self.first_bad)]]

    def _told(self, row: BadRow) -> Unread:
        if row.column is not None:
            return Unread(row.row_no, row.offset, self.places.told(row.column), row.reason.label)
        counts = f"{len(row.cells)}項目、{len(self.places.names)}項目のはず" if row.cells else "引用符の誤り"
        return Unread(row.row_no, row.offset, "", f"{row.reason.label}: {counts}")


def read_layout(stream: BinaryIO, layout: Layout, schema: pa.Schema, receipt_no: str) -> Reading:
    """Read a file by its layout, in batches; cells stay text exactly as sent.

    Two things are no part of a text: what Excel puts around one so that it stays one (`="001"`), and how a number is
    written (`numbers`).

    Args:
        stream: the decrypted payload; closed when all is read.
        layout: an optional column that is absent becomes null; columns that it does not know are kept in `extra` as
            JSON, where the schema has it. In the wide form a member's `member_no` is its place among the row's
            members; a row without any is one row with empty ones.
        schema: of the batches, all text apart from `row_no`, which counts data rows from 1.
        receipt_no: goes into `receipt_no`, where the schema has it.

    Raises:
        FileRefused: `columns_missing`, `columns_twice`, `columns_order`, `members_beyond`, `other_separator`,
            `other_quotes`, `title_above`, or as `text.read_blocks`; while iterating `header_unexpected`,
            `other_separator`, `no_lines`.
    """
    return Reading(stream, layout, schema, receipt_no)


def check_any_rows(reading: Reading, kind: str) -> None:
    """Raises:
    FileRefused: a base file without a row (`empty`). Of any other kind the ward may well have nothing to say.
    """
    if kind == "households" and not reading.rows_in:
        raise FileRefused("empty", "データの行がありません", next_step="全世帯を含むファイルの再送を依頼してください")


def check_bad_rows(reading: Reading, intake: Intake) -> None:
    """Refuse a file that was read through, with unreadable rows where the contract says so, or more than it allows.

    Raises:
        FileRefused: `bad_rows`, with the first rows, their place and what is wrong there.
    """
    bad = reading.rows_in - reading.accepted
    allowed = 0 if intake.bad_rows == "refuse" else reading.rows_in * intake.bad_rows_per_mille // 1000
    if bad > allowed:
        first = "、".join(map(str, reading.first_bad))
        raise FileRefused(
            "bad_rows",
            f"読めない行が{bad}行あります（{reading.rows_in}行中、許容は{allowed}行）",
            where=f"{first}{'ほか' if bad > _SHOWN else ''}",
            next_step=f"文字コード（{reading.code}）と書式を確かめ、区に再送を依頼してください",
        )


@dataclass(frozen=True)
class Places:
    """Where each canonical column stands in the file.

    Attributes:
        names: of all columns of the file.
        of_row: canonical name → place, of what a row says once.
        of_members: the same for each member of a row in the wide form; () in the long form.
        absent: optional columns of the layout that the file does not have.
        extra: name and place of the columns that the layout does not know.
    """

    names: tuple[str, ...]
    of_row: dict[str, int]
    of_members: tuple[dict[str, int], ...]
    absent: tuple[str, ...]
    extra: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, header: list[str], layout: Layout) -> Places:
        """Raises:
        FileRefused: as `read_layout` says. Only names that the contract knows are shown: without a header the
            first row is somebody's data.
        """
        names = layout.names(header)
        once, members = layout.required | layout.optional, _member_columns(layout)
        known = {*once, *(name for columns in members for name in columns)}
        if missing := layout.missing(names):
            raise _refused("columns_missing", f"必要な列がありません: {'、'.join(missing)}")
        if twice := sorted(name for name in known if names.count(name) > 1):
            raise _refused("columns_twice", f"同じ列が2つあります: {'、'.join(twice)}")
        if layout.columns and names != layout.columns:
            raise _refused("columns_order", f"列の並びが決まりと違います: {'、'.join(layout.columns)}")
        others = [(name, place) for place, name in enumerate(names) if name not in known]
        if layout.members and (beyond := sum(layout.members.looks_numbered(name) for name, _ in others)):
            raise _refused(
                "members_beyond",
                f"レイアウト（世帯員{layout.members.most}人まで）にない番号の世帯員の列が{beyond}列あります",
            )
        found = [{field: names.index(name) for name, field in part.items() if name in names} for part in members]
        return cls(
            names,
            {field: names.index(name) for name, field in once.items() if name in names},
            tuple(part for part in found if part),
            tuple(name for name in layout.optional if name not in names),
            tuple(_distinct(others)),
        )

    def field(self, place: int) -> str:
        """What a column is called in a finding: its canonical name, with its number if it is a member's."""
        for field, here in self.of_row.items():
            if here == place:
                return field
        for number, columns in enumerate(self.of_members, 1):
            for field, here in columns.items():
                if here == place:
                    return f"{field}_{number}"
        return "extra"

    def told(self, place: int) -> str:
        """What people are told that a column is called; one that the layout does not know by its place alone."""
        known = self.field(place) != "extra"
        return f"{place + 1}列目{f' {self.names[place]}' if known else ''}"


def _member_columns(layout: Layout) -> list[dict[str, str]]:
    """Header → canonical name of each member that a file can have, the head in its own columns first."""
    if layout.members is None:
        return []
    numbers = range(1, layout.members.most + 1)
    return [layout.members.head, *(layout.members.columns(number) for number in numbers)]


def _distinct(columns: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """The columns with names that no two share, so that none is lost in JSON; one without a name is 列<n>."""
    seen: set[str] = set()
    for name, place in columns:
        own = name or f"列{place + 1}"
        if own in seen:
            own = f"{own}（{place + 1}列目）"
        seen.add(own)
        yield own, place


def _refused(reason: str, what: str) -> FileRefused:
    return FileRefused(reason, what, where="1行目", next_step=_RESEND)


def _batch(block: Block, places: Places, schema: pa.Schema, receipt_no: str) -> pa.RecordBatch:
    cells, count = block.columns, len(block.row_nos)
    columns: dict[str, pa.Array] = {name: in_one_writing(name, cells[place]) for name, place in places.of_row.items()}
    columns["row_no"] = pa.array(block.row_nos, pa.int32())
    if places.extra and "extra" in schema.names:
        columns["extra"] = _json([(name, cells[place]) for name, place in places.extra])
    if places.of_members:
        columns = _members(cells, columns, places.of_members)
        count = len(columns["row_no"])
    columns["receipt_no"] = pa.repeat(pa.scalar(receipt_no, pa.string()), count)
    arrays = [columns.get(field.name, pa.nulls(count, field.type)) for field in schema]
    return pa.record_batch(arrays, schema=schema)


def _members(
    cells: list[pa.Array], once: dict[str, pa.Array], members: tuple[dict[str, int], ...]
) -> dict[str, pa.Array]:
    """One row per member that has anything in its columns; a row without any stays one row."""
    rows = len(once["row_no"])
    there = np.stack([_filled([cells[place] for place in columns.values()]) for columns in members], axis=1)
    there[:, 0] |= ~there.any(axis=1)
    row, slot = np.nonzero(there)
    columns = {name: column.take(pa.array(row)) for name, column in once.items()}
    order = pa.array(slot * rows + row)
    for field in MEMBER_FIELDS:
        parts = [cells[part[field]] if field in part else pa.nulls(rows, pa.string()) for part in members]
        columns[field] = in_one_writing(field, pa.concat_arrays(parts).take(order))
    if not any("member_no" in part for part in members):
        first = np.searchsorted(row, row)
        columns["member_no"] = pa.array(np.arange(len(row)) - first + 1).cast(pa.string())
    return columns


def _filled(cells: list[pa.Array]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows have more than blanks in any of these columns."""
    filled = np.zeros(len(cells[0]), bool)
    for column in cells:
        filled |= pc.not_equal(pc.utf8_trim_whitespace(column), "").to_numpy(zero_copy_only=False)
    return filled


def _unwrapped(columns: list[pa.Array]) -> tuple[list[pa.Array], int]:
    """The columns without Excel's formulas of a text, and how many cells were such."""
    plain, count, whole = list(columns), 0, f"^{_FORMULA.pattern}$"
    for place, cells in enumerate(columns):
        text = cells.buffers()[2]
        if text is None or b'="' not in text.to_pybytes():  # nearly always, and Arrow's search is slower
            continue
        formulas = pc.match_substring_regex(cells, whole)
        texts = pc.replace_substring(pc.replace_substring_regex(cells, whole, r"\1"), '""', '"')
        plain[place] = pc.if_else(formulas, texts, cells)
        count += pc.sum(formulas).as_py()
    return plain, count


def _json(columns: list[tuple[str, pa.Array]]) -> pa.Array:
    """One JSON object for each row. Of the controls only these three can be in a cell."""
    parts: list[pa.Array | str] = []
    for name, text in columns:
        escaped = text
        for char, instead in (("\\", r"\\"), ('"', r"\""), ("\n", r"\n"), ("\r", r"\r"), ("\t", r"\t")):
            escaped = pc.replace_substring(escaped, char, instead)
        parts += [f'{", " if parts else "{"}{json.dumps(name, ensure_ascii=False)}: "', escaped, '"']
    return pc.binary_join_element_wise(*parts, "}", "")


def _household_no(row: BadRow, place: int | None) -> str | None:
    """The household of a bad row: in a row of the wrong length only a first cell is sure to be itself."""
    if place is None or place >= len(row.cells) or (row.column is None and place > 0):
        return None
    cell = row.cells[place] or ""
    formula = _FORMULA.fullmatch(cell)
    cell = household_number(formula[1] if formula else cell)
    return cell if _HOUSEHOLD_NO.fullmatch(cell) else None
