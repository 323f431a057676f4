"""Airflow's services and LocalExecutor: tasks killed with SIGKILL and tried again end as an undisturbed run does.

The test holds the ledger's write lock, so that the task stands before its commit, with files staged, when it dies.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest
from programme import CONTRACT, Programme, installation
from small_ward import INSTRUCTION_HEADER, INSTRUCTIONS, households, table

from orchestration import services as control
from orchestration import settings

pytestmark = pytest.mark.xdist_group("local executor")

FILES = date(2026, 7, 21)
DAG = f"{CONTRACT}_register"
ROOT = Path(__file__).parents[2]


@dataclass
class Services:
    """Airflow as `make up` starts it, spoken to through its REST API."""

    home: Path
    env: dict[str, str]
    port: int
    _token: str = field(default="", init=False)

    def command(self, action: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "orchestration.services", action],
            env=self.env,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-3000:]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=20) as answer:
            return json.load(answer)

    def log_in(self) -> None:
        password = settings.admin_password(self.home / "airflow")
        self._token = self.ask("POST", "/auth/token", {"username": settings.ADMIN, "password": password})[
            "access_token"
        ]

    def pid(self, service: str) -> int | None:
        """The service's process while it lives; a number alone may be another program's by now."""
        return control._pid(self.home / "airflow", service)

    def dags(self) -> set[str]:
        return {dag["dag_id"] for dag in self.ask("GET", "/api/v2/dags")["dags"]}

    def tasks(self, run_id: str) -> dict[str, dict[str, Any]]:
        found = self.ask("GET", f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances")
        return {task["task_id"]: task for task in found["task_instances"]}


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Programme:
    """A programme whose files have been taken, not yet looked at."""
    folder = tmp_path_factory.mktemp("executor")
    programme = Programme(folder / "taken", installation(folder / "root"))
    with programme.entered():
        programme.ward_sends_font()
        programme.ward_sends("households", households(), FILES)
        programme.ward_sends("special_delivery", table(INSTRUCTION_HEADER, INSTRUCTIONS), FILES)
        programme.run("intake", FILES)
    return programme


@pytest.fixture(scope="module")
def killed(ward: Programme, tmp_path_factory: pytest.TempPathFactory) -> Programme:
    """Where Airflow's tasks are to be killed; nothing has come yet."""
    return Programme(tmp_path_factory.mktemp("killed") / "home", ward.root, now=ward.now)


@pytest.fixture(scope="module")
def airflow(killed: Programme) -> Iterator[Services]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "TODOKE"))}
    own = {name: value for name, value in killed.variables.items() if value is not None}
    env = (
        kept
        | own
        | {
            "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}",
            "TODOKE_PORT": str(port),
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        }
    )
    services = Services(killed.home, env, port)
    try:
        services.command("up")
        services.log_in()
        wait_for(lambda: DAG in services.dags())
        yield services
    finally:
        for service in control.SERVICES:  # each leads a group; nobody waits for their farewells
            if pid := services.pid(service):
                os.killpg(pid, signal.SIGKILL)


@contextlib.contextmanager
def ledger_locked(programme: Programme) -> Iterator[None]:
    """Nobody can commit to the ledger meanwhile."""
    path = programme.home / "ledger" / f"{CONTRACT}.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def wait_for(what: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.2)
    raise AssertionError(f"nothing within {seconds} s")


def let_the_day_pass(airflow: Services) -> None:
    """Within some hours of its time a DAG runs as soon as it may: waits for that run, which finds nothing to do."""
    quiet_since = time.monotonic()
    while time.monotonic() < quiet_since + 5:
        runs = airflow.ask("GET", f"/api/v2/dags/{DAG}/dagRuns")["dag_runs"]
        if any(run["state"] in ("queued", "running") for run in runs):
            quiet_since = time.monotonic()
        time.sleep(0.5)


def staged(programme: Programme, dataset: str) -> bool:
    return any((programme.home / "lake" / CONTRACT / dataset).rglob("*.parquet"))


def kill_task(airflow: Services, run_id: str, task_id: str) -> None:
    """SIGKILL for the process in which the task runs now: a descendant of our scheduler."""
    pid = airflow.tasks(run_id)[task_id]["pid"]
    assert pid in {process.pid for process in psutil.Process(airflow.pid("scheduler")).children(recursive=True)}
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def held(programme: Programme) -> dict[str, Any]:
    """Every row of the ledger, and the contents of what is out; a version's files and an envelope differ each time."""
    rows = programme.traces()["ledger"]
    rows["dataset_version"] = [row | {"manifest": ""} for row in rows["dataset_version"]]
    return {"ledger": rows, "out": programme.out()}


def test_tasks_killed_before_their_commit_are_tried_again_to_the_same_end(
    ward: Programme, killed: Programme, airflow: Services, tmp_path: Path
):
    with ward.copied(tmp_path / "undisturbed") as undisturbed, undisturbed.entered():
        undisturbed.run("register", FILES)
        expected = held(undisturbed)
        assert len(undisturbed.version("household")) == 12

    airflow.ask("PATCH", f"/api/v2/dags/{DAG}", {"is_paused": False})
    let_the_day_pass(airflow)
    for part in ("ledger", "lake", "vault", "inbox", "outbox"):
        shutil.rmtree(killed.home / part, ignore_errors=True)
        if (ward.home / part).exists():
            shutil.copytree(ward.home / part, killed.home / part)
    with ledger_locked(killed):
        asked = {"logical_date": None, "conf": {"on": FILES.isoformat()}}
        run_id = airflow.ask("POST", f"/api/v2/dags/{DAG}/dagRuns", asked)["dag_run_id"]
        wait_for(lambda: staged(killed, "quarantine"))
        kill_task(airflow, run_id, "validate")
    wait_for(lambda: airflow.tasks(run_id)["validate"]["state"] == "success")
    with ledger_locked(killed):
        wait_for(lambda: staged(killed, "household"))
        kill_task(airflow, run_id, "publish")
    wait_for(lambda: airflow.ask("GET", f"/api/v2/dags/{DAG}/dagRuns/{run_id}")["state"] == "success")

    tasks = airflow.tasks(run_id)
    tries = {name: (tasks[name]["state"], tasks[name]["try_number"]) for name in ("validate", "publish")}
    assert tries == {"validate": ("success", 2), "publish": ("success", 2)}
    with killed.entered():
        assert held(killed) == expected
        assert killed.faults() == []
