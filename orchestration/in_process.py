"""Runs a process's DAG in this process, on Airflow's own database, without services: the demo, the CLI, tests.

    python -m orchestration.in_process gift orders --date 2026-11-10

The run appears in Airflow's UI like any other. It is the same DAG file with the same tasks that the scheduler runs.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from orchestration import answers, settings
from orchestration.run_log import run_log
from todoke import clock
from todoke.contract import loader
from todoke.errors import TodokeError

_BUNDLE = "dags-folder"
_ASKS_A_PERSON = "request_approval"


@dataclass(frozen=True)
class TaskResult:
    """How one task of a run ended: Airflow's state, its duration, the file of its log."""

    state: str
    seconds: float
    log: Path


@dataclass(frozen=True)
class RunResult:
    """How a run ended; `tasks` by task id (`<id>[<n>]` when mapped)."""

    dag_id: str
    run_id: str
    success: bool
    seconds: float
    tasks: dict[str, TaskResult] = field(default_factory=dict)


def load_dags() -> dict[str, Any]:
    """Every DAG of the DAG folder by its id, as the DAG processor would load it; needs no database.

    Raises:
        RuntimeError: a DAG file does not load.
    """
    return dict(_parse().dags)


def _parse() -> Any:
    from airflow.configuration import conf
    from airflow.dag_processing.dagbag import BundleDagBag

    folder = Path(conf.get_mandatory_value("core", "dags_folder"))
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name=_BUNDLE)
    if bag.import_errors:
        raise RuntimeError("\n".join(f"{file}\n{error}" for file, error in bag.import_errors.items()))
    return bag


def _write(bag: Any) -> None:
    """Puts the DAGs into Airflow's database, where their runs refer to them."""
    from airflow.dag_processing import dagbag
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    manager = DagBundlesManager()
    manager.sync_bundles_to_db()
    [bundle] = [bundle for bundle in manager.get_all_dag_bundles() if bundle.name == _BUNDLE]
    dagbag.sync_bag_to_db(bag, bundle.name, bundle.version)


@contextmanager
def _parsed_already() -> Iterator[None]:
    """`dag.test()` reads and writes every DAG anew at each run, a fifth of a small demo; here no file changes."""
    from airflow.dag_processing import dagbag

    with patch.object(dagbag, "BundleDagBag"), patch.object(dagbag, "sync_bag_to_db"):
        yield


@contextmanager
def _asked_again() -> Iterator[None]:
    """`dag.test()` sleeps for a second when no task is ready, though one that was skipped right then frees the next."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.state import DagRunState

    update_state = DagRun.update_state

    def ready(run: DagRun, *args: Any, **kwargs: Any) -> Any:
        tasks, callback = update_state(run, *args, **kwargs)
        idle = not tasks and run.state == DagRunState.RUNNING
        return update_state(run, *args, **kwargs) if idle else (tasks, callback)

    with patch.object(DagRun, "update_state", ready):
        yield


class Airflow:
    """Airflow in this process. One home a process: Airflow reads its settings when it is first imported."""

    def __init__(self, home: Path | None = None) -> None:
        self.home = home or settings.airflow_home()
        self._person: answers.Person | None = None

    def __enter__(self) -> Airflow:
        settings.apply(self.home)
        self._log = run_log(self.home / "logs")
        with self._log.capturing():
            self._migrate()
            bag = _parse()
            _write(bag)
            self.dags = {name: self._make_ready(dag) for name, dag in dict(bag.dags).items()}
        return self

    def __exit__(self, *_: object) -> None:
        self._person = None

    def run(self, dag_id: str, on: date, conf: dict[str, Any] | None = None) -> RunResult:
        """Run `dag_id` for the business date `on`.

        Requests for approval are not started by it: `answer_approvals` finds them.

        Raises:
            TodokeError: there is no such DAG.
        """
        dag = self.dags.get(dag_id)
        if dag is None:
            raise TodokeError(
                "このDAGはありません",
                where=dag_id,
                next_step=f"次から選んでください: {', '.join(sorted(self.dags))}",
            )
        with self._log.capturing(), self._bells_silent():
            logical_date = self._free_moment(dag_id, on)
            started = datetime.now(clock.TOKYO)
            with _parsed_already(), _asked_again():
                run = dag.test(
                    run_after=logical_date,
                    logical_date=logical_date,
                    run_conf=conf,
                    mark_success_pattern=_ASKS_A_PERSON,
                )
            return self._result(run, started)

    def answer_approvals(
        self, contract: str, verdict: answers.Verdict = "approve", on: date | None = None
    ) -> list[RunResult]:
        """Run `<contract>_approval` for each open request and answer it through Airflow's REST API.

        Raises:
            NotApproved: outside a simulation.
        """
        from todoke.process import approval

        answers.allow(contract)
        requests = approval.pending(contract)
        if not requests:
            return []
        dag_id = f"{contract}_approval"
        with self._log.capturing():
            self._person = self._person or answers.Person(settings.admin_password(self.home))
            with self._person.answering(dag_id, verdict):
                return [self.run(dag_id, on or clock.now_tokyo().date(), conf=dict(request)) for request in requests]

    def _migrate(self) -> None:
        from airflow import settings as airflow_settings
        from airflow.utils import db
        from sqlalchemy import inspect

        with (self.home / "migrate.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not inspect(airflow_settings.get_engine()).has_table("alembic_version"):
                db.initdb()  # an empty database is not asked: the answer comes after a second
                return
            try:
                db.check_migrations(1)
            except TimeoutError:
                db.initdb()

    def _make_ready(self, dag: Any) -> Any:
        for task in dag.tasks:
            task.retry_delay = timedelta(seconds=1)  # somebody is waiting for this run
            task.on_execute_callback = [self._log.enter_task]
        return dag

    def _free_moment(self, dag_id: str, on: date) -> datetime:
        """A logical date within `on` that no run has: midnight is the scheduler's, then one second a run."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import func, select

        midnight = datetime.combine(on, time(), clock.TOKYO)
        within = DagRun.logical_date.between(midnight, midnight + timedelta(days=1) - timedelta(seconds=1))
        with create_session() as session:
            last = session.scalar(select(func.max(DagRun.logical_date)).where(DagRun.dag_id == dag_id, within))
        return (last or midnight).astimezone(clock.TOKYO) + timedelta(seconds=1)

    @contextmanager
    def _bells_silent(self) -> Iterator[None]:
        """Asset events stay on record, but start nothing later: who runs here runs the consumers too."""
        from airflow.models.asset import AssetDagRunQueue
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            before = {(row.asset_id, row.target_dag_id) for row in session.scalars(select(AssetDagRunQueue))}
        try:
            yield
        finally:
            with create_session() as session:
                for row in session.scalars(select(AssetDagRunQueue)):
                    if (row.asset_id, row.target_dag_id) not in before:
                        session.delete(row)

    def _result(self, run: Any, started: datetime) -> RunResult:
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session

        with create_session() as session:
            stored = session.get_one(DagRun, run.id)
            stored.start_date = started  # dag.test() puts the logical date here
            tasks = {}
            for ti in stored.get_task_instances(session=session):
                name = ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]"
                log = self._log.task_file(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number)
                tasks[name] = TaskResult(str(ti.state or "none"), ti.duration or 0.0, log)
            return RunResult(
                dag_id=stored.dag_id,
                run_id=stored.run_id,
                success=stored.state == "success",
                seconds=(datetime.now(clock.TOKYO) - started).total_seconds(),
                tasks=tasks,
            )


def main(arguments: list[str] | None = None) -> int:
    """`todoke run`: 0 when the run (and, with `--approve`, what it asked for) succeeded."""
    parser = argparse.ArgumentParser(prog="orchestration.in_process", description="業務をAirflowのDAGで1回実行します")
    parser.add_argument("contract", choices=loader.contract_ids(), help="契約")
    parser.add_argument("process", help="業務（intake, register, …）")
    parser.add_argument("--date", required=True, type=date.fromisoformat, dest="on", help="業務日（YYYY-MM-DD）")
    parser.add_argument("--approve", action="store_true", help="承認を自動で答え、続きも実行します（模擬環境だけ）")
    parser.add_argument("--conf", type=json.loads, default={}, help="実行の設定（JSON）")
    given = parser.parse_args(arguments)
    try:
        if given.approve:
            answers.allow(given.contract)
        with Airflow() as airflow:
            results = [airflow.run(f"{given.contract}_{given.process}", given.on, given.conf)]
            while given.approve and results[-1].success:
                answered = airflow.answer_approvals(given.contract, on=given.on)
                if not answered:
                    break
                results += [*answered, airflow.run(results[0].dag_id, given.on, given.conf)]
    except TodokeError as error:
        print(error, file=sys.stderr)
        return 2
    for result in results:
        report(result)
    return 0 if all(result.success for result in results) else 1


def report(result: RunResult) -> None:
    """Print how a run went; of a failed task the end of its log."""
    print(f"{result.dag_id} {result.run_id}: {'成功' if result.success else '失敗'} ({result.seconds:.1f}秒)")
    for name, task in result.tasks.items():
        print(f"  {name}: {task.state} ({task.seconds:.1f}秒)")
        if task.state == "failed" and task.log.exists():
            print("".join(task.log.read_text("utf-8").splitlines(keepends=True)[-60:]), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
