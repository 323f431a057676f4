from __future__ import annotations

import io

import pytest

from todoke.contract.layout import Layout
from todoke.errors import FileRefused
from todoke.intake.layouts import Reading, read_layout
from todoke.store.schema import WARD_ROW


def read(lines: list[str], *columns: str) -> Reading:
    """A file without a header read through."""
    layout = Layout.model_validate({"required": {"番号": "household_no"}, "columns": columns, "header": False})
    reading = read_layout(io.BytesIO("\r\n".join([*lines, ""]).encode("cp932")), layout, WARD_ROW, "R1")
    assert sum(batch.num_rows for batch in reading) == reading.landed
    return reading


def test_a_file_without_a_header_and_with_another_separator_is_refused_by_that():
    with pytest.raises(FileRefused) as refused:
        read(["1\t東\t見本", "2\t西\t試行"], "番号", "町会", "主")
    assert refused.value.reason == "other_separator"


@pytest.mark.parametrize("place", [0, 1, 40])
@pytest.mark.parametrize("sign", ["，", ";", "\t"])
def test_one_row_with_another_separator_is_a_bad_row_of_a_good_file_without_a_header(place, sign):
    lines = [f"{n:08},転居" for n in range(90)]
    lines.insert(place, f"00000900{sign}転居")
    reading = read(lines, "番号", "理由")
    assert (reading.rows_in, reading.accepted) == (91, 90)
    assert reading.quarantine["row_no"].to_pylist() == [place + 1]
