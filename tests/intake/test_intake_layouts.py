from __future__ import annotations

import io
import json
from dataclasses import dataclass

import pyarrow as pa
import pytest

from todoke.contract.layout import Layout
from todoke.contract.loader import load
from todoke.contract.model import Intake
from todoke.errors import FileRefused
from todoke.intake.layouts import Reading, check_bad_rows, read_layout
from todoke.store.schema import DELIVERY_INSTRUCTION, QUARANTINE, WARD_ROW

LAYOUTS = load("gift").layouts
REQUIRED = list(LAYOUTS["households"].required)


@dataclass
class Result:
    """A file read through."""

    reading: Reading
    table: pa.Table

    @property
    def quarantine(self) -> pa.Table:
        return self.reading.quarantine

    @property
    def rows_in(self) -> int:
        return self.reading.rows_in


def read(
    lines: list[str] | bytes, kind: str | Layout = "households", schema: pa.Schema = WARD_ROW, encoding: str = "cp932"
) -> Result:
    raw = lines if isinstance(lines, bytes) else ("\r\n".join(lines) + "\r\n").encode(encoding)
    layout = kind if isinstance(kind, Layout) else LAYOUTS[kind]
    reading = read_layout(io.BytesIO(raw), layout, schema, "R1")
    return Result(reading, pa.Table.from_batches(reading, schema))


def test_columns_in_any_order_land_under_their_names_and_extra_ones_are_kept():
    header = ["町内会", *reversed(REQUIRED), "続柄"]
    result = read([",".join(header), ",".join(["第一", *(f"v{n}" for n in range(10)), "世帯主"])])
    (row,) = result.table.to_pylist()
    assert result.table.schema.equals(WARD_ROW)
    assert (row["household_no"], row["household_size"], row["relationship"]) == ("v9", "v0", "世帯主")
    assert json.loads(row["extra"]) == {"町内会": "第一"}
    assert (row["receipt_no"], row["row_no"]) == ("R1", 1)
    assert row["birth_date"] is None


def test_missing_required_columns_are_listed_and_the_files_own_text_is_not():
    with pytest.raises(FileRefused) as refused:
        read(["0001234567,目黒花子,番地", "1,2,3"])
    assert refused.value.reason == "columns_missing"
    assert "世帯番号" in str(refused.value)
    assert "番地" not in str(refused.value)
    assert "花子" not in str(refused.value)


def test_a_column_that_is_there_twice_is_refused():
    with pytest.raises(FileRefused) as refused:
        read([",".join([*REQUIRED, "世帯番号"])])
    assert refused.value.reason == "columns_twice"


def test_rows_in_are_accepted_plus_quarantined_and_a_bad_row_is_tied_to_its_household():
    good = "0001234567," + ",".join("x" * 9)
    lines = [",".join(REQUIRED), good, "0001234568,short", "no number,short", good]
    raw = "\r\n".join(lines).encode("cp932") + b"\r\n0001234569,a\xfdb," + b",".join([b"x"] * 8)
    result = read(raw)
    assert result.rows_in == result.table.num_rows + result.quarantine.num_rows == 5
    assert result.quarantine.schema.equals(QUARANTINE)
    found = [tuple(line.values())[1:] for line in result.quarantine.to_pylist()]
    assert found == [
        (2, "0001234568", None, "ragged", raw.index(b"0001234568")),
        (3, None, None, "ragged", raw.index(b"no number")),
        (5, "0001234569", "head_name", "bad_character", raw.index(b"\xfd")),
    ]
    assert result.table["row_no"].to_pylist() == [1, 4]


def test_in_a_ragged_row_only_a_first_cell_is_believed_to_be_the_household():
    result = read([",".join(reversed(REQUIRED)), "3,short,0001234568"])
    assert result.quarantine["household_no"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("per_mille", "mode", "refused"), [(20, "quarantine", False), (19, "quarantine", True), (20, "refuse", True)]
)
def test_more_bad_rows_than_the_contract_allows_refuse_the_file(per_mille, mode, refused):
    result = read([",".join(REQUIRED), *[",".join("1" * 10)] * 98, "1,2", "3"])
    intake = Intake(bad_rows=mode, bad_rows_per_mille=per_mille)
    if refused:
        with pytest.raises(FileRefused, match=r"99行目（\d+バイト目）、100行目（\d+バイト目）"):
            check_bad_rows(result.reading, intake)
    else:
        check_bad_rows(result.reading, intake)


def test_an_instruction_file_has_its_own_schema():
    header = ",".join(LAYOUTS["special_delivery"].required)
    result = read([header, "1,局留,1530061,,,受取人,中目黒局"], "special_delivery", DELIVERY_INSTRUCTION)
    assert result.table.schema.equals(DELIVERY_INSTRUCTION)
    assert result.table["held_at"].to_pylist() == ["中目黒局"]


def test_a_header_alone_is_a_file_of_no_rows():
    result = read([",".join(REQUIRED)])
    assert (result.rows_in, result.table.num_rows) == (0, 0)
