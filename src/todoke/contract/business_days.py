"""Open days of a contract: weekends, Japanese national holidays and its own closed days (K01, G38)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

import holidays

from todoke.contract.model import Calendar, Report

_SATURDAY = 5


@lru_cache(maxsize=64)
def _national_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("JP", years=year))


def is_open(calendar: Calendar, day: date) -> bool:
    """Whether the contract works on `day`."""
    if calendar.weekend_closed and day.weekday() >= _SATURDAY:
        return False
    if calendar.national_holidays_closed and day in _national_holidays(day.year):
        return False
    month_day = day.strftime("%m-%d")
    for closed in calendar.closed_yearly:
        over_new_year = closed.end < closed.start
        inside = (
            month_day >= closed.start or month_day <= closed.end
            if over_new_year
            else closed.start <= month_day <= closed.end
        )
        if inside:
            return False
    return True


def next_open(calendar: Calendar, day: date) -> date:
    """`day` itself when open, else the first open day after it."""
    while not is_open(calendar, day):
        day += timedelta(days=1)
    return day


def last_open_until(calendar: Calendar, day: date) -> date:
    """`day` itself when open, else the last open day before it."""
    while not is_open(calendar, day):
        day -= timedelta(days=1)
    return day


def add_open_days(calendar: Calendar, day: date, count: int) -> date:
    """The `count`-th open day after `day`."""
    for _ in range(count):
        day = next_open(calendar, day + timedelta(days=1))
    return day


def open_days(calendar: Calendar, first: date, last: date) -> Iterator[date]:
    """The open days from `first` to `last`, both included."""
    day = first
    while day <= last:
        if is_open(calendar, day):
            yield day
        day += timedelta(days=1)


def report_due_on(calendar: Calendar, report: Report, year: int, month: int) -> date:
    """The day on which the report on `year`-`month` is due (G10, G32)."""
    following = date(year + month // 12, month % 12 + 1, report.day)
    if report.rule == "last_open_day_until":
        return last_open_until(calendar, following)
    return next_open(calendar, following)
