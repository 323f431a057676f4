"""練習用のDAG

Stand-ins for processes, with the real library round them: what Airflow does with their results is under test.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from airflow.sdk import chain, get_current_context, task

from business_timetables import BusinessDays
from todoke_dags.approval_request import ask_for_approval
from todoke_dags.graph import asset, process_dags
from todoke_dags.run import NOT_RELEASED, Counts, business_date, may_release, skipped_until_approved

SUBJECT = "toy"


def note(step: str) -> int:
    """Write down that a step was called; returns how often."""
    file = Path(os.environ["TOY_NOTES"], step)
    with file.open("a") as notes:
        notes.write(f"{business_date()}\n")
    return len(file.read_text().splitlines())


@process_dags("orders", title="練習の申込", doc=__doc__, schedule=lambda contract: BusinessDays(contract.id))
def orders(contract: str) -> None:
    @task(task_display_name="途切れる取込")
    def land() -> Counts:
        if note("land") < 3:
            raise ConnectionError("途切れました")
        print("a line that belongs into the log of land")
        return {"rows": 1}

    @task(task_display_name="確定", outlets=[asset(contract, "orders")])
    def settle() -> Counts:
        bell = get_current_context()["outlet_events"][asset(contract, "orders")]
        bell.extra = {"settlement": "s1"}
        return {"settlement": "s1"}

    @task.run_if(may_release, NOT_RELEASED)
    @task(task_display_name="出力")
    def release() -> Counts:
        return {"released": note("release")}

    chain(land(), settle(), release())


@process_dags("survey", title="練習の壊れたファイル", doc=__doc__, schedule=lambda _: [asset("gift", "orders")])
def survey(contract: str) -> None:
    @task(task_display_name="拒否される取込")
    def land() -> Counts:
        from todoke.errors import FileRefused

        note("refused")
        raise FileRefused("layout", "ファイルの列が足りません", where="1行目", next_step="再送を依頼してください")

    @task(task_display_name="集計")
    def publish() -> Counts:
        return {"published": note("publish")}

    chain(land(), publish())


@process_dags("labels", title="練習の承認つき出力", doc=__doc__, schedule=lambda _: [asset("gift", "approval")])
def labels(contract: str) -> None:
    def digest(on: date) -> str:
        return f"{on:%Y%m%d}".zfill(64)

    @task(task_display_name="依頼")
    def test_pack() -> Counts:
        from todoke.process import approvals
        from todoke.process.workspace import Workspace

        on = business_date()
        return {
            "new": approvals.request(Workspace.open(contract, on), SUBJECT, digest(on), "練習の承認", "**1件**です")
        }

    @task(task_display_name="出力")
    def release_batches() -> Counts:
        from todoke.errors import NotApproved
        from todoke.process import approvals
        from todoke.process.workspace import Workspace

        ws = Workspace.open(contract, business_date())
        with skipped_until_approved(), ws.ledger.read() as tx:
            if approvals.verdict(ws, tx, SUBJECT, digest(ws.on)) != "approved":
                raise NotApproved("まだ承認されていません")
        return {"labels": note("labels")}

    requests, _ = ask_for_approval(contract)
    chain(test_pack(), [requests, release_batches()])
