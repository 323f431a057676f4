"""Layouts and files made at random, with what they must be read as; and files damaged at random."""

from __future__ import annotations

import csv
import io
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

import pyarrow as pa

from todoke.contract.layout import HOUSEHOLD_FIELDS, MEMBER_FIELDS, Layout, Members, numbered
from todoke.contract.model import Intake
from todoke.errors import FileRefused
from todoke.intake.layouts import check_bad_rows, read_layout
from todoke.intake.text import Encoding, read_blocks, read_columns
from todoke.store.schema import WARD_ROW

#: Stands in the first cell that is free text of every file: no error may show it.
CANARY = "秘姓髙"
_CHARACTERS = '表ソ能①髙神塚\ue000\ue757ｱﾃあ 　,"12-\\|\t'
_LINES = "\r\n"


@dataclass
class Sample:
    """A file and its layout; `rows` are the rows that it lands as, `rows_in` those of the file."""

    layout: Layout
    raw: bytes
    rows: list[dict[str, str | int | None]]
    rows_in: int


def sample(random: Random) -> Sample:
    """A well-formed file under a layout, both of any kind that a contract allows."""
    wide, header = random.random() < 0.5, random.random() < 0.7
    fields = ["household_no", "head_name", *_some(random, HOUSEHOLD_FIELDS[2:])]
    fields += [] if wide else _some(random, MEMBER_FIELDS)
    once = {f"項目{place}": field for place, field in enumerate(fields)}
    members = _members(random) if wide else None
    slots = _slots(members, random.randint(1, members.most)) if members else []
    optional = {name: field for name, field in list(once.items())[2:] if random.random() < 0.5}
    absent = {name for name in optional if random.random() < 0.3}
    extra = [f"他{place}" for place in range(random.randint(0, 2))]
    names = [name for name in once if name not in absent] + extra + [name for slot in slots for name in slot]
    random.shuffle(names)
    layout = Layout(
        encoding=random.choice(["cp932", "cp932", "utf-8-sig"]),
        header=header,
        columns=tuple(names) if not header or random.random() < 0.3 else (),
        required={name: field for name, field in once.items() if name not in optional},
        optional=optional,
        members=members,
    )
    rows = [_row(random, names, once) for _ in range(random.randint(0 if header else 1, 12))]
    expected = [line for number, row in enumerate(rows, 1) for line in _expected(row, number, once, slots, extra)]
    table = [names, *([row[name] for name in names] for row in rows)]
    return Sample(layout, _written(random, table if header else table[1:], layout.encoding), expected, len(rows))


def _some(random: Random, fields: tuple[str, ...]) -> list[str]:
    return [field for field in fields if random.random() < 0.5]


def _members(random: Random) -> Members:
    form = random.choice(["{n}", "{nn}", "{ｎ}"])
    fields = ["member_name", *_some(random, MEMBER_FIELDS[1:])]
    columns = {f"世帯員{form}欄{place}": field for place, field in enumerate(fields)}
    required = dict(list(columns.items())[: random.randint(1, len(columns))])
    head = {"主の名": "member_name", "主の日": "birth_date"} if random.random() < 0.3 else {}
    optional = {name: field for name, field in columns.items() if name not in required}
    return Members(most=random.randint(1, 4), required=required, optional=optional, head=head)


def _slots(members: Members, count: int) -> list[dict[str, str]]:
    """Header → canonical name of each member that the file has columns for."""
    patterns = members.required | members.optional
    numbers = ({numbered(name, n): field for name, field in patterns.items()} for n in range(1, count + 1))
    return [slot for slot in (members.head, *numbers) if slot]


def _row(random: Random, names: list[str], once: Mapping[str, str]) -> dict[str, str]:
    row = {name: _cell(random) for name in names}
    for name in names:
        if once.get(name) == "household_no":
            row[name] = f"{random.randrange(10**6):08}"
        elif once.get(name) == "head_name":
            row[name] = CANARY + _cell(random)
    return row


def _cell(random: Random) -> str:
    if random.random() < 0.3:
        return ""
    alphabet = _CHARACTERS + (_LINES if random.random() < 0.1 else "")
    return "".join(random.choice(alphabet) for _ in range(random.randint(1, 5)))


def _expected(
    row: dict[str, str], number: int, once: Mapping[str, str], slots: list[dict[str, str]], extra: list[str]
) -> list[dict[str, str | int | None]]:
    line: dict[str, str | int | None] = dict.fromkeys(WARD_ROW.names)
    line |= {"receipt_no": "R1", "row_no": number}
    line |= {field: _as_landed(field, row[name]) for name, field in once.items() if name in row}
    if extra:
        line["extra"] = json.dumps({name: row[name] for name in row if name in extra}, ensure_ascii=False)
    if not slots:
        return [line]
    there = [slot for slot in slots if any(row[name].strip() for name in slot)] or slots[:1]
    told = any("member_no" in slot.values() for slot in slots)
    return [
        {
            **line,
            **({} if told else {"member_no": str(n)}),
            **{field: _as_landed(field, row[name]) for name, field in slot.items()},
        }
        for n, slot in enumerate(there, 1)
    ]


def _as_landed(field: str, text: str) -> str:
    """Blanks are no part of a number, and of a text they are; a count has four digits at most."""
    number = "".join(text.split())
    counts = field == "former_household_no" or (field in ("household_size", "member_no") and len(number) <= 4)
    return number if counts and number and set(number) <= {"1", "2"} else text


def _written(random: Random, table: list[list[str]], encoding: str) -> bytes:
    out = io.StringIO(newline="")
    returns = any("\r" in cell for row in table for cell in row)  # left bare by the writer
    quoting = csv.QUOTE_ALL if returns or random.random() < 0.3 else csv.QUOTE_MINIMAL
    end = random.choice(["\r\n", "\n"])
    csv.writer(out, lineterminator=end, quoting=quoting).writerows(table)
    text = out.getvalue()
    if random.random() < 0.2:
        text = text.removesuffix(end)
    raw = text.encode("cp932" if encoding == "cp932" else random.choice(["utf-8", "utf-8-sig"]))
    return raw + random.choice([b"", b"", b"\x1a", b"\r\n", b"\x1a\r\n"])


def damaged(random: Random, raw: bytes) -> bytes:
    """The file after an accident or several: bytes changed, lost, put in, moved, or all after some point gone."""
    for _ in range(random.randint(1, 3)):
        at, other = random.randrange(len(raw) + 1), random.randrange(len(raw) + 1)
        match random.randrange(8):
            case 0:
                raw = raw[:at]
            case 1:
                raw = raw[:at] + bytes([random.randrange(256)]) + raw[at + 1 :]
            case 2:
                raw = raw[:at] + bytes([random.choice(b'"\r\n,\x00\x1a\x81\xff')]) + raw[at:]
            case 3:
                raw = raw[: min(at, other)] + raw[max(at, other) :]
            case 4:
                raw = raw[:at] + raw[min(at, other) : max(at, other)][:200] + raw[at:]
            case 5:
                quoted = b'"' + b"1,2\r\n" * random.randint(1, 70) + random.choice([b'"', b"", b'",""'])
                raw = raw[:at] + quoted + raw[at:]
            case 6:
                raw = (
                    raw[:at]
                    + b"\r\n"
                    + random.choice([b",", b" ,\t", b'"\r\n",']) * random.randint(1, 9)
                    + b"\r\n"
                    + raw[at:]
                )
            case _:
                raw = raw[:at] + random.randbytes(random.randint(1, 8)) + raw[at:]
    return raw


def landed(case: Sample) -> list[dict[str, object]]:
    """The rows that a well-formed file becomes."""
    reading = read_layout(io.BytesIO(case.raw), case.layout, WARD_ROW, "R1")
    rows: list[dict[str, object]] = pa.Table.from_batches(reading, WARD_ROW).to_pylist()
    assert (reading.rows_in, reading.accepted, reading.quarantine.num_rows) == (case.rows_in, case.rows_in, 0)
    return rows


def read_as(raw: bytes, encoding: Encoding, size: int, *, by_column: bool) -> object:
    """What the reader makes of any bytes with a header, in pieces of `size`: rows and bad rows, or a refusal."""
    try:
        if by_column:
            header, blocks = read_columns(io.BytesIO(raw), encoding=encoding, size=size)
            rows, bad = [(0, header)], []
        else:
            blocks, rows, bad = read_blocks(io.BytesIO(raw), encoding=encoding, size=size), [], []
        for block in blocks:
            cells = zip(*(column.to_pylist() for column in block.columns), strict=True) if by_column else block.rows
            rows += zip(block.row_nos, map(list, cells), strict=True)
            bad += [(row.row_no, row.offset, row.column, row.reason) for row in block.bad]
    except FileRefused as error:
        return error.reason
    return rows, bad


def outcome(raw: bytes, layout: Layout) -> str:
    """Reads what may be anything; the reason of its refusal, or "read". Every row is accounted for."""
    try:
        reading = read_layout(io.BytesIO(raw), layout, WARD_ROW, "R1")
        table = pa.Table.from_batches(reading, WARD_ROW)
    except FileRefused as error:
        shown = "".join(traceback.format_exception(error))
        assert not any(part in shown for part in (CANARY, CANARY[:2]))
        assert error.next_step
        return error.reason
    bad = reading.quarantine
    assert reading.rows_in == reading.accepted + bad.num_rows
    good, out = set(table["row_no"].to_pylist()), bad["row_no"].to_pylist()
    assert len(good) == reading.accepted
    assert sorted([*good, *out]) == list(range(1, reading.rows_in + 1))
    assert all(0 <= offset <= len(raw) for offset in bad["byte_offset"].to_pylist())
    assert CANARY[:2] not in str(bad.to_pylist())
    try:
        check_bad_rows(reading, Intake())
    except FileRefused as error:
        assert CANARY[:2] not in str(error)
        return error.reason
    return "read"
