"""What a run's conf, dates and kind mean: the business date, and whether anything may leave the house."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from todoke.errors import NotApproved, TodokeError

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.usefixtures("dags")]

AFTER_MIDNIGHT_IN_TOKYO = datetime(2026, 11, 9, 15, 0, tzinfo=UTC)


def context(run_type: str = "manual", logical_date: datetime | None = AFTER_MIDNIGHT_IN_TOKYO, **conf: Any) -> dict:
    run = SimpleNamespace(
        run_id="r", run_type=run_type, logical_date=logical_date, run_after=datetime(2026, 11, 20, 16, tzinfo=UTC)
    )
    return {"dag_run": run, "params": {"on": None, "release": None, "reason": None, **conf}}


@pytest.fixture
def on(monkeypatch):
    """The business date that a task sees in the given context (Airflow's own, put in its place)."""
    from todoke_dags import run

    def business_date(given: dict) -> date:
        monkeypatch.setattr(run, "get_current_context", lambda: given)
        return run.business_date()

    return business_date


def test_the_business_date_is_the_logical_date_in_tokyo_not_in_utc(on):
    assert on(context()) == date(2026, 11, 10)


def test_an_operators_date_goes_before(on):
    assert on(context(on="2026-12-28")) == date(2026, 12, 28)


def test_a_run_without_logical_date_speaks_for_the_day_it_was_started(on):
    assert on(context(logical_date=None)) == date(2026, 11, 21)


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_backfill_without_a_reason_fails(on, reason):
    with pytest.raises(TodokeError, match="理由が必要です"):
        on(context("backfill", reason=reason))


def test_each_run_of_a_backfill_has_its_own_date(on):
    assert on(context("backfill", reason="訂正", on="2026-12-28")) == date(2026, 11, 10)


@pytest.mark.parametrize(
    ("run_type", "release", "may"),
    [
        ("scheduled", None, True),
        ("manual", None, True),
        ("manual", True, True),
        ("manual", False, False),
        ("asset_triggered", None, True),
        ("backfill", None, False),  # what the trigger form sends when nobody touched it
        ("backfill", False, False),
        ("backfill", True, True),
    ],
)
def test_a_backfill_releases_only_when_told_to(run_type, release, may):
    from todoke_dags.run import may_release

    assert may_release(context(run_type, release=release)) is may


def test_a_form_that_nobody_touched_tells_no_backfill_to_release(dags):
    for name, dag in dags.items():
        assert dag.params.dump().get("release") is None, name


def test_no_news_rings_no_bell():
    from airflow.sdk.exceptions import AirflowSkipException

    from todoke_dags.run import news

    assert news({"accepted": 1, "repeats": 0}) == {"accepted": 1, "repeats": 0}
    for nothing in ({}, {"accepted": 0, "settlement": ""}):
        with pytest.raises(AirflowSkipException):
            news(nothing)


def test_a_release_without_a_yes_is_skipped_and_other_errors_are_not():
    from airflow.sdk.exceptions import AirflowSkipException

    from todoke_dags.run import skipped_until_approved

    with pytest.raises(AirflowSkipException), skipped_until_approved():
        raise NotApproved("まだです")
    with pytest.raises(TodokeError), skipped_until_approved():
        raise TodokeError("別の誤り")
