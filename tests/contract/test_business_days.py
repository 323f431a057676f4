"""Open days: weekends, national holidays and the year's end, and the days on which reports are due (G10, K01)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.contract import business_days as days
from todoke.contract.loader import load

GIFT = load("gift")
SOME_DAY = st.dates(date(2026, 6, 1), date(2028, 12, 31))


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        (date(2026, 11, 2), True),
        (date(2026, 11, 3), False),  # 文化の日
        (date(2026, 11, 7), False),  # Saturday
        (date(2026, 12, 28), True),
        (date(2026, 12, 29), False),
        (date(2027, 1, 3), False),
        (date(2027, 1, 4), True),
        (date(2027, 1, 11), False),  # 成人の日
        (date(2027, 3, 22), False),  # 振替休日
    ],
)
def test_closed_days_are_weekends_holidays_and_the_years_end(day: date, is_open: bool):
    assert days.is_open(GIFT.calendar, day) is is_open


@given(SOME_DAY)
def test_the_nearest_open_days_are_open_and_nothing_open_lies_between(day: date):
    after, before = days.next_open(GIFT.calendar, day), days.last_open_until(GIFT.calendar, day)
    assert days.is_open(GIFT.calendar, after) and days.is_open(GIFT.calendar, before)
    skipped = [day + timedelta(days=n) for n in range((after - day).days)]
    skipped += [before + timedelta(days=n) for n in range(1, (day - before).days + 1)]
    assert not any(days.is_open(GIFT.calendar, each) for each in skipped if each != after)


@given(SOME_DAY, st.integers(0, 30))
def test_adding_open_days_counts_them(day: date, count: int):
    end = days.add_open_days(GIFT.calendar, day, count)
    assert len(list(days.open_days(GIFT.calendar, day + timedelta(days=1), end))) == count


@pytest.mark.parametrize(
    ("month", "due"),
    [((2026, 11), date(2026, 12, 10)), ((2026, 12), date(2027, 1, 8)), ((2027, 1), date(2027, 2, 10))],
)
def test_the_monthly_report_is_due_on_the_last_open_day_until_the_tenth(month: tuple[int, int], due: date):
    assert days.report_due_on(GIFT.calendar, GIFT.reports[0], *month) == due


def test_toilets_go_three_open_days_after_the_deadline():
    assert days.add_open_days(GIFT.calendar, date(2027, 1, 15), GIFT.toilets.grace_days) == date(2027, 1, 20)
