"""What a run is told and what its tasks may do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from todoke import clock, errors

#: What a task hands over: counts, ids and digests; never anything of a person.
Counts = dict[str, int | str]

NOT_RELEASED = "この実行では出力・送信をしません（release: false、または過去分再実行）"


def business_date() -> date:
    """The date this run speaks for: what an operator gave, else the logical date, else its start, in Tokyo.

    A backfill has a date for each of its runs, so what an operator gives does not count there.

    Raises:
        TodokeError: a backfill without a reason.
    """
    context = get_current_context()
    run, params = context["dag_run"], context["params"]
    if run.run_type == "backfill":
        _require_reason(run.run_id, params.get("reason"))
    elif params.get("on"):
        return date.fromisoformat(params["on"])
    return (run.logical_date or run.run_after).astimezone(clock.TOKYO).date()


def _require_reason(run_id: str, reason: str | None) -> None:
    if not (reason or "").strip():
        raise errors.TodokeError(
            "過去分再実行には理由が必要です",
            where=run_id,
            next_step='設定（conf）に {"reason": "…"} を入れて、もう一度実行してください',
        )


def may_release(context: Mapping[str, Any]) -> bool:
    """Whether this run may print, ship and mail: as its conf says, else yes, but never a backfill."""
    run, said = context["dag_run"], context["params"].get("release")
    if run.run_type == "backfill":
        return said is True
    return said is not False


def news(counts: Counts) -> Counts:
    """`counts` when something happened; else the task is skipped, so that no bell rings for nothing."""
    if not any(counts.values()):
        raise AirflowSkipException("新しいものはありません")
    return counts


@contextmanager
def skipped_until_approved() -> Iterator[None]:
    """A release that waits for a person's yes is skipped; the approval's bell starts it again."""
    try:
        yield
    except errors.NotApproved as waiting:
        raise AirflowSkipException(str(waiting)) from None
