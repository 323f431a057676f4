"""The intake's DAG as Airflow runs it: questions are asked and answered, receipts issued, failures shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from corrections_sent import blocks, states
from programme import Programme, installation

pytestmark = pytest.mark.xdist_group("intake dag")
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the runs told, and what they left."""
    folder = tmp_path_factory.mktemp("intake")
    programme = Programme(folder / "home", installation(folder / "root"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "TODOKE"))}
    own = {name: value for name, value in programme.variables.items() if value is not None}
    env = kept | own | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src"), *sys.path])}
    done = subprocess.run(
        [sys.executable, HERE / "intake_journey.py"], env=env, capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-4000:]
    with programme.entered():
        left = {
            "states": states(programme),
            "blocks": blocks(programme),
            "certificates": len(programme.out("receipts")),
        }
    return json.loads(done.stdout.splitlines()[-1]), left


def test_an_older_content_is_asked_about_and_taken_after_a_yes(ran):
    told, left = ran
    assert told["asked"] == ["receipt"]
    assert told["answered"] == [{"success": True, "answer": "success", "record": "success"}]
    assert told["nobody has answered"]["receive"] == "skipped"
    assert told["after a yes"]["receive"] == "success"
    assert left["states"] == ["accepted", "accepted", "accepted", "refused"]
    assert left["blocks"] == ["1-1-1", "2-2-2", "1-1-1"]


def test_a_request_is_started_also_when_nothing_was_new(ran):
    told, _ = ran
    for run in ("a again", "nobody has answered"):
        assert told[run]["list_requests"] == "success"


def test_a_refusal_fails_the_run_and_has_its_receipt_all_the_same(ran):
    told, left = ran
    assert told["refused"]["success"] is False
    assert told["refused"] | {"success": ""} == {
        "success": "",
        "look": "success",
        "check_viruses": "success",
        "receive": "failed",
        "take_answers": "skipped",
        "issue": "success",
        "list_requests": "upstream_failed",
        "request_approval": "upstream_failed",
    }
    assert left["certificates"] == 5  # one for each file, one more for the one that was approved


def test_a_run_with_nothing_new_is_well_and_rings_no_bell(ran):
    told, _ = ran
    run = told["nothing new"]
    assert run["success"] and (run["look"], run["receive"], run["issue"]) == ("success", "skipped", "skipped")
