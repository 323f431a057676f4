"""The register's DAG where something is in quarantine: a person is asked, answers in Airflow, and it is published."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from programme import Programme, installation, one
from small_ward import GOOD, HOMES, households

pytestmark = pytest.mark.xdist_group("release dag")
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = date(2026, 7, 21)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the runs told, and what they left."""
    folder = tmp_path_factory.mktemp("release")
    root = installation(folder / "root", register={"drift_gate_percent": 20, "release": "person"})
    programme = Programme(folder / "home", root)
    with programme.entered():
        programme.ward_sends_font()
        programme.ward_sends("households", households(), FILES)
        programme.run("intake", FILES)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "TODOKE"))}
    own = {name: value for name, value in programme.variables.items() if value is not None}
    env = kept | own | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src"), *sys.path])}
    done = subprocess.run(
        [sys.executable, HERE / "release_journey.py"], env=env, capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-4000:]
    with programme.entered():
        left = {
            "households": {row["household_no"] for row in programme.version("household")},
            "said": one(programme.rows("approval")),
            "queries": list(programme.out("queries")),
        }
    logs = {path: path.read_text("utf-8") for path in folder.rglob("*.log")}
    of_tasks = "".join(log for path, log in logs.items() if path.name.startswith("attempt="))
    told = {"logs": "".join(logs.values()), "of tasks": of_tasks}
    return json.loads(done.stdout.splitlines()[-1]) | told, left


def test_quarantine_waits_for_a_person_and_the_run_is_well(ran):
    told, left = ran
    assert told["asked"]["success"]
    assert (told["asked"]["validate"], told["asked"]["publish"]) == ("success", "skipped")
    assert told["asked"]["list_requests"] == "success"
    assert told["options"] == [["release", "wait", "refuse"]]
    assert len(left["queries"]) == 1


def test_a_persons_yes_in_airflow_publishes_the_rest_and_is_on_record(ran):
    told, left = ran
    assert told["answered"] == [{"success": True, "answer": "success", "record": "success"}]
    assert told["released"]["publish"] == "success"
    assert told["again"]["publish"] == "skipped"
    assert left["households"] == {home.no for home in GOOD}
    assert (left["said"]["verdict"], left["said"]["by_whom"]) == ("release", "admin")


def test_logs_hold_nothing_of_a_person(ran):
    told, _ = ran
    assert told["logs"]
    for home in HOMES:
        assert home.no not in told["logs"]
        for _, kana, _ in home.members:
            assert f"{home.surname[1]}　{kana}" not in told["logs"]


def test_the_logs_of_tasks_hold_what_airflow_and_we_say_and_no_librarys_chatter(ran):
    told, _ = ran
    speakers = set(re.findall(r"^[0-9T:.-]+Z \[\w+ *\] .* \[([\w.]+)\] \w+=", told["of tasks"], re.MULTILINE))
    assert "task" in speakers
    assert {name for name in speakers if not name.startswith(("airflow.", "todoke."))} <= {"task", "http.access"}
