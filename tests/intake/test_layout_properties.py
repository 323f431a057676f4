"""Any file that a layout describes comes back cell for cell; any other is read row by row or refused."""

from __future__ import annotations

import json
from random import Random

from hypothesis import example, given
from hypothesis import strategies as st
from layout_samples import damaged, landed, outcome, read_as, sample

_SEEDS = st.integers(0, 2**48)


@given(_SEEDS)
def test_a_file_under_any_layout_lands_cell_for_cell(seed):
    case = sample(Random(seed))
    rows = landed(case)
    assert rows == case.rows
    assert all(json.loads(row["extra"]) for row in rows if row["extra"] is not None)


@given(_SEEDS)
def test_a_damaged_file_is_refused_or_every_row_of_it_is_accounted_for(seed):
    random = Random(seed)
    case = sample(random)
    outcome(damaged(random, case.raw), case.layout)


@given(_SEEDS, st.sampled_from([1, 9, 70, 600, 5000]))
def test_a_damaged_file_is_read_alike_by_rows_and_by_columns_and_however_it_is_cut(seed, size):
    random = Random(seed)
    case = sample(random)
    raw, encoding = damaged(random, case.raw), case.layout.encoding
    expected = read_as(raw, encoding, 1 << 17, by_column=False)
    for by_column in (False, True):
        assert read_as(raw, encoding, size, by_column=by_column) == expected


@given(st.integers(1, 70), st.sampled_from([b"\r\n" + b"5,6\r\n" * 100, b""]))
@example(31, b"")
@example(32, b"")
def test_a_field_over_too_many_lines_is_a_slip_of_the_pen_for_every_way_of_reading(lines, rest):
    raw = b'a,b\r\n0,0\r\n1,"' + b"x,y\r\n" * lines + b'"' + rest
    found = [read_as(raw, "cp932", size, by_column=by) for size in (1, 50, 1 << 17) for by in (False, True)]
    assert all(one == found[0] for one in found)
    rows, bad = found[0]
    assert len(rows) + len(bad) == rest.count(b"5") + (3 if lines < 32 else 3 + lines)
