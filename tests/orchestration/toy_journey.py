"""Runs the toy DAGs in one process and prints, as the last line, what came of it (JSON)."""

from __future__ import annotations

import contextlib
import io
import json
import os
from dataclasses import asdict
from datetime import date
from typing import Any

from orchestration import in_process
from orchestration.in_process import Airflow, RunResult
from todoke.errors import NotApproved, TodokeError

DAY, NEXT_DAY = date(2026, 11, 10), date(2026, 11, 11)


def plain(result: RunResult) -> dict[str, Any]:
    tasks = {
        name: {"state": task.state, "log": task.log.read_text("utf-8") if task.log.exists() else ""}
        for name, task in result.tasks.items()
    }
    return {**asdict(result), "tasks": tasks}


def refused(airflow: Airflow, environment: str) -> str:
    os.environ["TODOKE_ENV"], before = environment, os.environ["TODOKE_ENV"]
    try:
        airflow.answer_approvals("gift", on=DAY)
    except NotApproved as error:
        return str(error)
    finally:
        os.environ["TODOKE_ENV"] = before
    return ""


def stored() -> dict[str, Any]:
    from airflow.models.asset import AssetDagRunQueue, AssetEvent
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return {
            "runs": [[run.dag_id, run.run_id, str(run.state)] for run in session.scalars(select(DagRun))],
            "events": [[event.asset.uri, event.extra] for event in session.scalars(select(AssetEvent))],
            "queued": len(session.scalars(select(AssetDagRunQueue)).all()),
            "all_started_before_they_ended": all(
                run.start_date <= run.end_date for run in session.scalars(select(DagRun))
            ),
        }


def answers() -> list[list[str]]:
    from sqlalchemy import select

    from todoke.process.workspace import Workspace
    from todoke.store import tables as t

    with Workspace.open("gift", DAY).ledger.read() as tx:
        rows = tx.execute(select(t.approval.c.subject, t.approval.c.verdict, t.approval.c.by_whom)).all()
    return sorted(list(row) for row in rows)


def main() -> None:
    told: dict[str, Any] = {}
    with Airflow() as airflow:
        told["flaky"] = plain(airflow.run("gift_orders", DAY))
        told["again"] = plain(airflow.run("gift_orders", DAY))
        told["held_back"] = plain(airflow.run("gift_orders", NEXT_DAY, {"release": False}))
        told["wrong_file"] = plain(airflow.run("gift_survey", DAY))
        told["asking"] = plain(airflow.run("gift_labels", DAY))
        told["refused"] = refused(airflow, "production")
        told["answered"] = [plain(result) for result in airflow.answer_approvals("gift", on=DAY)]
        told["approved"] = plain(airflow.run("gift_labels", DAY))
        airflow.run("gift_labels", NEXT_DAY)
        airflow.answer_approvals("gift", "reject", on=NEXT_DAY)
        told["rejected"] = plain(airflow.run("gift_labels", NEXT_DAY))
        told["nothing_to_answer"] = len(airflow.answer_approvals("gift", on=NEXT_DAY))
        try:
            airflow.run("gift_nothing", DAY)
        except TodokeError as error:
            told["unknown"] = str(error)
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        codes = [
            in_process.main(["gift", "orders", "--date", "2026-11-12"]),
            in_process.main(["gift", "survey", "--date", "2026-11-12"]),
            in_process.main(["gift", "labels", "--date", "2026-11-12", "--approve"]),
        ]
    told["cli"] = {"codes": codes, "out": out.getvalue(), "err": err.getvalue()}
    print(json.dumps({**told, "stored": stored(), "answers": answers()}, default=str))


main()
