"""Timetables of a contract's open days (G10, G38): what runs on them can be backfilled.

The data interval is the business date itself, from midnight to midnight in Asia/Tokyo, so the logical date of
every run, scheduled, manual or backfilled, is the midnight with which its business date begins.

Nothing catches up by itself: without `catchup`, a DAG that has never run waits for the next business date, and
after an outage the last missed date alone is made up (one run settles all that is open).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

from todoke import clock

_DAY = timedelta(days=1)


def _midnight(day: date) -> pendulum.DateTime:
    return pendulum.instance(datetime.combine(day, time(), clock.TOKYO))


def _date_in_tokyo(moment: datetime) -> date:
    return moment.astimezone(clock.TOKYO).date()


class _ContractDays(Timetable):
    """Runs on days that follow from a contract's calendar; a subclass says which, and when it starts."""

    run_ordering = ("logical_date",)

    def __init__(self, contract: str) -> None:
        self.contract = contract

    def days(self) -> Iterator[date]:
        """The business dates in order, over the whole term."""
        raise NotImplementedError

    def starts_at(self, day: date) -> pendulum.DateTime:
        """When the run of business date `day` starts."""
        raise NotImplementedError

    def serialize(self) -> dict[str, Any]:
        return {"contract": self.contract}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        return cls(data["contract"])

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """A run by hand speaks for the day it is started on (in Tokyo), open or not."""
        day = _date_in_tokyo(run_after)
        return DataInterval(_midnight(day), _midnight(day + _DAY))

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        last, earliest, latest = last_automated_data_interval, restriction.earliest, restriction.latest
        due = [
            day
            for day in self.days()
            if (last is None or _midnight(day) > last.start)
            and (earliest is None or _midnight(day) >= earliest)
            and (latest is None or _midnight(day) <= latest)
        ]
        if not restriction.catchup:
            due = self._without_missed(due, makes_up_last=last is not None)
        if not due:
            return None
        interval = DataInterval(_midnight(due[0]), _midnight(due[0] + _DAY))
        return DagRunInfo(run_after=self.starts_at(due[0]), data_interval=interval)

    def _without_missed(self, due: list[date], *, makes_up_last: bool) -> list[date]:
        now = clock.now_utc()
        missed = sum(self.starts_at(day) <= now for day in due)
        return due[missed - 1 :] if missed and makes_up_last else due[missed:]


class BusinessDays(_ContractDays):
    """One run for each open day of the contract, at 01:00 of the next morning, when the day is complete."""

    description = "契約の営業日ごと（翌日の午前1時に開始）"

    @property
    def summary(self) -> str:
        return f"営業日ごと 翌1:00（{self.contract}）"

    def days(self) -> Iterator[date]:
        from todoke.contract import business_days, loader

        contract = loader.load(self.contract)
        return business_days.open_days(contract.calendar, contract.term.starts_on, contract.term.ends_on)

    def starts_at(self, day: date) -> pendulum.DateTime:
        return _midnight(day + _DAY).add(hours=1)


class ReportDays(_ContractDays):
    """One run on each day on which a monthly report of the contract is due (G10), at 9:00 of that day."""

    description = "月次報告の期日（期日の午前9時に開始）"

    @property
    def summary(self) -> str:
        return f"報告の期日 9:00（{self.contract}）"

    def days(self) -> Iterator[date]:
        from todoke.contract import business_days, loader

        contract = loader.load(self.contract)
        first, last = contract.term.starts_on, contract.term.ends_on
        months = [
            divmod(number, 12) for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        ]
        due = {
            business_days.report_due_on(contract.calendar, report, year, month + 1)
            for year, month in months
            for report in contract.reports
        }
        return iter(sorted(due))

    def starts_at(self, day: date) -> pendulum.DateTime:
        return _midnight(day).add(hours=9)
