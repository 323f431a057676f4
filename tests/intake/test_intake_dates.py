from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.intake.dates import parse_date, parsed_dates

_ERAS = [
    ("S", "昭和", 1925, date(1926, 12, 25)),
    ("H", "平成", 1988, date(1989, 1, 8)),
    ("R", "令和", 2018, date(2019, 5, 1)),
]


@given(st.dates(date(1926, 12, 25), date(2099, 12, 31)))
def test_every_way_of_writing_a_day_means_that_day(day):
    letter, name, base, _ = [era for era in _ERAS if era[3] <= day][-1]
    year = day.year - base
    for text in (
        day.isoformat(),
        day.strftime("%Y/%m/%d"),
        day.strftime("%Y%m%d"),
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}.{day.month}.{day.day}",
        f"{letter}{year}.{day.month}.{day.day}",
        f"{letter}{year:02}/{day.month:02}/{day.day:02}",
        f"{letter}{year:02}-{day.month:02}-{day.day:02}",
        f"{letter}{year:02}{day.month:02}{day.day:02}",
        f"{letter}{year:2}.{day.month:2}.{day.day:2}",
        f"{name}{year:2}年{day.month:2}月{day.day:2}日",
        f"{letter.lower()}{year:02}.{day.month:02}.{day.day:02}",
        f"{letter}.{year}.{day.month}.{day.day}",
        f"{name[0]}{year}.{day.month}.{day.day}",
        f"{name[0]} {year:2}年{day.month:2}月{day.day:2}日生",
        day.strftime("%Y/%m/%d 00:00:00"),
        day.strftime("%Y-%m-%dT23:59:59.000"),
        f"{day.year}/{day.month}/{day.day} 0:00",
        f"{name}{year}年{day.month}月{day.day}日　０：００",
        f"{name}{year}年{day.month}月{day.day}日",
        f"{name}{'元' if year == 1 else year}年{day.month}月{day.day}日".translate(
            str.maketrans("0123456789", "０１２３４５６７８９")
        ),
    ):
        assert parse_date(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-30",
        "2026-13-01",
        "2026-06/01",
        "1964-00-10",
        "昭和64年5月1日",
        "R8.6",
        "X8.6.1",
        "R8.6/1",
        "5080601",
        "R8061",
        "2026年6月",
        "260601",
        "令和8年",
        "平成32年1月1日",
        "大正元年1月1日",
        "２０２６年",
        "----------",
        "+190-01-01",
        "19_0-01-01",
        "1990-1 -01",
        "1990/1/1 0",
        "1990/1/1 00:0",
        "1990/1/10:00",
        "1990/1/1 生まれ",
        "昭.50.1.1",
        "明大50.1.1",
        " 0:00",
    ],
)
def test_what_is_no_date_is_none(text):
    assert parse_date(text) is None


def test_meiji_and_taisho_are_read():
    assert parse_date("M45.7.29") == date(1912, 7, 29)
    assert parse_date("大正元年7月30日") == date(1912, 7, 30)


def test_distinct_texts_of_several_columns_are_read_once_and_blanks_left_out():
    table = parsed_dates(pa.chunked_array([["R8.6.1", "", None]]), pa.chunked_array([["R8.6.1", "x", "　"]]))
    assert table.to_pylist() == [{"text": "R8.6.1", "parsed_on": date(2026, 6, 1)}, {"text": "x", "parsed_on": None}]
