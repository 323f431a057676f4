"""The one place that reads the clock.

`TODOKE_NOW` (ISO, Asia/Tokyo when naive) sets it for the demo and for tests; rules never ask.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time
from time import time as time_of_machine
from zoneinfo import ZoneInfo

TOKYO = ZoneInfo("Asia/Tokyo")


def now_utc() -> datetime:
    """The present moment, aware, in UTC (for clock fields of the ledger)."""
    fixed = os.environ.get("TODOKE_NOW")
    if not fixed:
        return datetime.now(UTC)
    moment = datetime.fromisoformat(fixed)
    return (moment if moment.tzinfo else moment.replace(tzinfo=TOKYO)).astimezone(UTC)


def now_tokyo() -> datetime:
    """The present moment as a naive Asia/Tokyo time (for `…_at` fields of the lake)."""
    return now_utc().astimezone(TOKYO).replace(tzinfo=None)


def file_seconds() -> float:
    """Seconds since the epoch as file systems count them: the age of a file is never that of a demo's clock."""
    return time_of_machine()


def end_of(day: date) -> datetime:
    """The first naive Asia/Tokyo moment that no longer belongs to `day`."""
    return datetime.combine(date.fromordinal(day.toordinal() + 1), time())
