"""Runs fall on the contract's open days, start when the day is over, and never catch up by themselves."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.xdist_group("airflow")

TOKYO = ZoneInfo("Asia/Tokyo")


def at(day: date, hour: int = 0) -> Any:
    import pendulum

    return pendulum.instance(datetime.combine(day, time(hour), TOKYO))


def runs(timetable: Any, first: date, last: date) -> list[Any]:
    """All runs that a backfill from `first` to `last` makes."""
    from airflow.timetables.base import TimeRestriction

    found, interval = [], None
    while True:
        info = timetable.next_dagrun_info(
            last_automated_data_interval=interval, restriction=TimeRestriction(at(first), at(last), catchup=True)
        )
        if info is None:
            return found
        found.append(info)
        interval = info.data_interval


def dates(timetable: Any, first: date, last: date) -> list[date]:
    return [info.logical_date.astimezone(TOKYO).date() for info in runs(timetable, first, last)]


@pytest.fixture
def business_days():
    from business_timetables import BusinessDays

    return BusinessDays("gift")


@pytest.fixture
def report_days():
    from business_timetables import ReportDays

    return ReportDays("gift")


def test_weekends_and_national_holidays_have_no_run(business_days):
    assert dates(business_days, date(2026, 11, 20), date(2026, 11, 25)) == [
        date(2026, 11, 20),  # Friday; the 23rd is 勤労感謝の日
        date(2026, 11, 24),
        date(2026, 11, 25),
    ]


def test_the_days_round_new_year_have_no_run(business_days):
    assert dates(business_days, date(2026, 12, 25), date(2027, 1, 6)) == [
        date(2026, 12, 25),
        date(2026, 12, 28),
        date(2027, 1, 4),
        date(2027, 1, 5),
        date(2027, 1, 6),
    ]


def test_runs_start_and_end_with_the_contracts_term(business_days):
    all_days = dates(business_days, date(2026, 1, 1), date(2028, 1, 1))
    assert (all_days[0], all_days[-1]) == (date(2026, 6, 15), date(2027, 3, 31))
    assert all_days == sorted(set(all_days))


def test_a_run_starts_when_its_day_is_complete_even_before_a_weekend(business_days):
    friday = runs(business_days, date(2026, 11, 20), date(2026, 11, 20))[0]
    assert friday.data_interval == (at(date(2026, 11, 20)), at(date(2026, 11, 21)))
    assert friday.run_after == at(date(2026, 11, 21), 1)


def test_reports_are_due_on_the_last_open_day_until_the_tenth(report_days):
    assert dates(report_days, date(2026, 1, 1), date(2028, 1, 1)) == [
        date(2026, 7, 10),
        date(2026, 8, 10),
        date(2026, 9, 10),
        date(2026, 10, 9),  # the 10th is a Saturday
        date(2026, 11, 10),
        date(2026, 12, 10),
        date(2027, 1, 8),  # Sunday
        date(2027, 2, 10),
        date(2027, 3, 10),
        date(2027, 4, 9),  # Saturday; the last month of the term is reported after it
    ]


def test_a_report_is_made_in_the_morning_of_its_day(report_days):
    assert runs(report_days, date(2027, 1, 1), date(2027, 1, 31))[0].run_after == at(date(2027, 1, 8), 9)


def next_run(timetable: Any, last: date | None) -> Any:
    from airflow.timetables.base import DataInterval, TimeRestriction

    interval = None if last is None else DataInterval(at(last), at(last + timedelta(days=1)))
    info = timetable.next_dagrun_info(
        last_automated_data_interval=interval, restriction=TimeRestriction(None, None, catchup=False)
    )
    return None if info is None else info.logical_date.astimezone(TOKYO).date()


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (None, date(2026, 11, 19)),  # new here: waits for the next day, starts nothing of the past
        (date(2026, 11, 17), date(2026, 11, 18)),  # as usual
        (date(2026, 11, 2), date(2026, 11, 18)),  # after an outage: the last missed day alone
        (date(2026, 11, 18), date(2026, 11, 19)),
    ],
)
def test_nothing_catches_up_by_itself(business_days, last, expected, monkeypatch):
    monkeypatch.setenv("TODOKE_NOW", "2026-11-19T08:00")
    assert next_run(business_days, last) == expected


def test_after_the_term_there_is_no_run(business_days, monkeypatch):
    monkeypatch.setenv("TODOKE_NOW", "2027-04-02T00:00")
    assert next_run(business_days, None) is None


def test_a_run_by_hand_speaks_for_its_day_in_tokyo_open_or_not(business_days):
    import pendulum

    new_year_in_tokyo = pendulum.datetime(2026, 12, 31, 15, 30, tz="UTC")
    interval = business_days.infer_manual_data_interval(run_after=new_year_in_tokyo)
    assert interval == (at(date(2027, 1, 1)), at(date(2027, 1, 2)))


def test_a_timetable_survives_being_stored(business_days, report_days):
    from airflow.serialization.decoders import decode_timetable
    from airflow.serialization.encoders import encode_timetable

    for timetable in (business_days, report_days):
        stored = decode_timetable(encode_timetable(timetable))
        assert type(stored) is type(timetable)
        assert stored.contract == "gift"
