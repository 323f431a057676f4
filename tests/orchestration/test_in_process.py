"""DAGs run in one process as the scheduler would run them, on Airflow's own database, and say how it went."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("airflow in process")

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def journey(tmp_path_factory) -> dict[str, Any]:
    """What the toy journey told; its own process, because Airflow reads its settings once."""
    home = tmp_path_factory.mktemp("todoke")
    folder = home / "dags"
    shutil.copytree(ROOT / "dags" / "todoke_dags", folder / "todoke_dags")
    for file in (ROOT / "dags" / ".airflowignore", ROOT / "dags" / "approval.py", HERE / "toy_dags.py"):
        shutil.copy(file, folder)
    (home / "notes").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "TODOKE"))}
    env = kept | {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "TODOKE_HOME": str(home),
        "TODOKE_ENV": "test",
        "TODOKE_GIFT_KEY": "5a" * 32,
        "TOY_NOTES": str(home / "notes"),
    }
    done = subprocess.run([sys.executable, HERE / "toy_journey.py"], env=env, capture_output=True, text=True, cwd=home)
    assert done.returncode == 0, done.stderr[-4000:]
    *before, last = done.stdout.splitlines()
    notes = {file.name: file.read_text().splitlines() for file in (home / "notes").iterdir()}
    return {**json.loads(last), "console": before, "notes": notes}


def states(run: dict[str, Any]) -> dict[str, str]:
    return {name: task["state"] for name, task in run["tasks"].items()}


def test_what_passes_is_tried_again_until_it_works(journey):
    assert journey["flaky"]["success"]
    assert states(journey["flaky"]) == {"land": "success", "settle": "success", "release": "success"}
    assert len(journey["notes"]["land"]) == 3 + 1 + 1 + 1  # two failures in the first of four runs


def test_a_task_is_told_its_business_date(journey):
    assert journey["notes"]["release"] == ["2026-11-10", "2026-11-10", "2026-11-12"]


def test_a_wrong_file_fails_at_once_and_stops_what_follows(journey):
    assert not journey["wrong_file"]["success"]
    assert states(journey["wrong_file"]) == {"land": "failed", "publish": "upstream_failed"}
    assert journey["notes"]["refused"] == ["2026-11-10", "2026-11-12"]  # one try a run
    assert "publish" not in journey["notes"]


def test_a_run_that_may_not_release_skips_the_release(journey):
    assert journey["held_back"]["success"]
    assert states(journey["held_back"])["release"] == "skipped"


def test_the_same_date_again_is_a_run_of_its_own_and_leaves_midnight_to_the_scheduler(journey):
    runs = [run_id for dag_id, run_id, _ in journey["stored"]["runs"] if dag_id == "gift_orders"]
    assert runs[:3] == [
        "manual__2026-11-10T00:00:01+09:00",
        "manual__2026-11-10T00:00:02+09:00",
        "manual__2026-11-11T00:00:01+09:00",
    ]


def test_a_release_waits_for_a_yes_and_goes_out_after_it(journey):
    assert journey["asking"]["success"]
    assert states(journey["asking"])["release_batches"] == "skipped"
    assert [states(run) for run in journey["answered"]] == [{"answer": "success", "record": "success"}]
    assert states(journey["approved"])["release_batches"] == "success"


def test_after_a_no_nothing_goes_out(journey):
    assert journey["rejected"]["success"]
    assert states(journey["rejected"])["release_batches"] == "skipped"
    assert journey["notes"]["labels"] == ["2026-11-10", "2026-11-12"]


def test_the_answer_is_kept_with_the_account_that_gave_it(journey):
    assert journey["answers"] == [
        ["gift:toy", "approved", "admin"],
        ["gift:toy", "approved", "admin"],
        ["gift:toy", "rejected", "admin"],
    ]
    assert journey["nothing_to_answer"] == 0


def test_nobody_is_answered_for_in_earnest(journey):
    assert "承認の自動応答は、模擬環境の契約でだけ使えます" in journey["refused"]


def test_no_run_stays_behind_for_a_scheduler_to_start(journey):
    assert {state for *_, state in journey["stored"]["runs"]} == {"success", "failed"}
    assert journey["stored"]["queued"] == 0


def test_the_bell_carries_a_settlement_and_nothing_else(journey):
    orders = [extra for uri, extra in journey["stored"]["events"] if uri == "todoke://gift/orders"]
    assert orders == [{"settlement": "s1"}] * 4


def test_runs_took_as_long_as_they_took(journey):
    assert journey["stored"]["all_started_before_they_ended"]


def test_the_console_stays_quiet_and_each_task_has_its_log(journey):
    assert journey["console"] == []
    assert "a line that belongs into the log of land" in journey["flaky"]["tasks"]["land"]["log"]
    assert "ファイルの列が足りません" in journey["wrong_file"]["tasks"]["land"]["log"]


def test_an_unknown_dag_is_named_with_those_there_are(journey):
    assert "gift_nothing" in journey["unknown"]
    assert "gift_orders" in journey["unknown"]


def test_the_command_says_how_it_went_and_shows_why_it_failed(journey):
    told = journey["cli"]
    assert told["codes"] == [0, 1, 0]
    assert "gift_orders manual__2026-11-12T00:00:01+09:00: 成功" in told["out"]
    assert "gift_survey manual__2026-11-12T00:00:01+09:00: 失敗" in told["out"]
    assert "ファイルの列が足りません［1行目］ → 再送を依頼してください" in told["err"]
    assert told["out"].count("gift_labels") == 2  # once to ask, once more after the answer
