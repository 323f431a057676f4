from __future__ import annotations

import csv
import io
import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from todoke.register.accounts import web_accounts
from todoke.register.numbers import BODIES, is_valid, numbers
from todoke.store.schema import DELIVERY_INSTRUCTION, HOUSEHOLD

KEY = bytes(range(32))


def test_the_published_example_has_right_check_digits():
    assert is_valid("1234567889")
    assert not is_valid("1234567898")
    assert not is_valid("123456788９")


@settings(max_examples=8, deadline=None)
@given(st.binary(min_size=16, max_size=32), st.integers(0, BODIES - 2_000), st.integers(1, 2_000))
def test_numbers_are_ten_digits_checked_distinct_and_the_same_in_any_portion(key, first, count):
    made = numbers(key, first, count)
    assert all(is_valid(number) for number in made)
    assert len(set(made)) == count
    assert numbers(key, first + count // 2, count - count // 2) == made[count // 2 :]


def test_a_ward_gets_distinct_numbers_far_apart_that_another_key_does_not_give():
    made = numbers(KEY, 0, 163_000)
    assert len(set(made)) == 163_000
    bodies = [int(number[:8]) for number in made]
    steps = sorted(abs(b - a) for a, b in itertools.pairwise(bodies))
    assert steps[len(steps) // 2] > BODIES // 5
    assert len(set(made) & set(numbers(KEY[::-1], 0, 163_000))) < 500


def test_all_indices_map_onto_all_bodies():
    """A Feistel round is undone by subtracting: every body comes back to its index, so none is shared."""
    from todoke.register import numbers as room

    left, right = divmod(12_345_678, 10_000)
    body = int(numbers(KEY, 12_345_678, 1)[0][:8])
    back_left, back_right = divmod(body, 10_000)
    for number in reversed(range(room._ROUNDS)):
        values = room._round(KEY, number, np.array([back_left]))
        back_left, back_right = (back_right - int(values[back_left])) % 10_000, back_left
    assert (back_left, back_right) == (left, right)


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (BODIES, 1), (BODIES - 1, 2)])
def test_numbers_are_never_reused_by_running_over_the_end(first, count):
    with pytest.raises(ValueError, match="running indices"):
        numbers(KEY, first, count)


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        numbers(b"short", 0, 1)


def test_web_accounts_show_a_confidential_household_by_its_delivery_postal_code_alone():
    lines = [
        ("1", 2, "1530063", False, False, "live"),
        ("2", 1, "1530064", True, True, "live"),
        ("3", 4, "1530065", True, False, "live"),
        ("4", 1, "1520001", False, False, "deleted"),
        ("5", 1, "1520002", False, False, "held"),
    ]
    names = ["household_no", "members", "postal_code", "confidential", "instructed", "state"]
    household = pa.Table.from_pylist([dict(zip(names, line, strict=True)) for line in lines], HOUSEHOLD)
    special = pa.Table.from_pylist([{"household_no": "2", "postal_code": "141-0021"}], DELIVERY_INSTRUCTION)
    application = pa.table({"household_no": list("12345"), "application_no": ["50", "40", "30", "20", "10"]})
    raw = web_accounts(household, application, 3000, special)
    assert [tuple(row.values()) for row in csv.DictReader(io.StringIO(raw.decode()))] == [
        ("10", "1520002", "1", "3000", "0"),
        ("20", "1520001", "1", "3000", "0"),
        ("30", "", "4", "12000", "0"),
        ("40", "1410021", "1", "3000", "1"),
        ("50", "1530063", "2", "6000", "1"),
    ]
    assert raw.startswith(b"application_no,postal_code,members,points,active\n")
    assert b"1530064" not in raw
