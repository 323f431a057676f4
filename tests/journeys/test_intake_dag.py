"""The intake's DAG as Airflow runs it: questions are asked and answered, receipts issued, failures shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from programme import Programme, installation
from small_ward import GOOD

pytestmark = pytest.mark.xdist_group("intake dag")
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


A, B, C, E, F, G, H, J = (f"{n}-{n}-{n}" for n in (1, 2, 3, 5, 6, 7, 8, 9))  # the blocks that the corrections give


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the runs told, and what was left after each."""
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
        assert programme.faults() == []
    return json.loads(done.stdout.splitlines()[-1])


def states(run: dict[str, Any]) -> list[str]:
    return [state for state, _ in run["left"]["receipts"]]


def changed(run: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What is otherwise after a run than before it."""
    return {name: value for name, value in run["left"].items() if value != before["left"][name]}


def test_an_older_content_is_asked_about_and_taken_after_a_yes(told):
    assert told["asked"] == ["receipt"]
    assert told["answered"] == [{"success": True, "answer": "success", "record": "success"}]
    assert told["nobody has answered"]["receive"] == "skipped"
    assert states(told["nobody has answered"]) == ["accepted", "accepted", "waiting"]
    assert told["nobody has answered"]["left"]["blocks"] == [A, B]
    assert told["after a yes"]["receive"] == "success"
    assert states(told["after a yes"]) == ["accepted"] * 3
    assert told["after a yes"]["left"]["blocks"] == [A, B, A]
    assert told["register of a"]["left"]["registered"] == [A]


def test_a_request_is_started_also_when_nothing_was_new(told):
    for run in ("a again", "nobody has answered"):
        assert told[run]["list_requests"] == "success"


def test_the_same_file_twice_is_a_repeat_without_a_receipt_of_its_own(told):
    run = told["the same file twice"]
    assert run["success"] and (run["receive"], run["issue"]) == ("success", "skipped")
    assert changed(run, told["register of a"]) == {"repeats": 1}


def test_the_same_content_encrypted_anew_is_a_repeat_with_its_receipt_and_changes_nothing(told):
    run, before = told["encrypted anew"], told["the same file twice"]
    assert run["success"] and (run["receive"], run["issue"]) == ("success", "success")
    assert set(changed(run, before)) == {"receipts", "certificates"}
    assert states(run) == [*states(before), "repeat"]
    assert run["left"]["certificates"] == before["left"]["certificates"] + 1
    register = told["register of nothing new"]
    assert register["success"] and register["publish"] == "skipped"
    assert changed(register, run) == {}


def test_a_revision_before_its_original_counts_and_the_original_is_superseded(told):
    revision, original = told["the revision"], told["its original"]
    assert revision["success"] and revision["left"]["blocks"] == [A, B, A, C]
    assert original["success"] and original["issue"] == "success"
    assert set(changed(original, revision)) == {"receipts", "certificates"}
    assert states(original)[-2:] == ["accepted", "superseded"]
    assert told["register of the revision"]["left"]["registered"] == [C]


def test_two_files_dropped_while_one_is_taken_are_taken_next(told):
    one, others = told["one of three"], told["the two others"]
    names = [f"corrections_20260730_{seq}.csv" for seq in (2, 3)]
    assert one["success"] and one["left"]["blocks"] == [A, B, A, C, E]
    assert one["left"]["inbox"] == sorted([*names, *(f"{name}.done" for name in names)])
    assert others["success"] and others["left"]["blocks"] == [A, B, A, C, E, F, G]
    assert (others["left"]["inbox"], states(others)[-3:]) == ([], ["accepted"] * 3)
    assert others["left"]["certificates"] == one["left"]["certificates"] + 2
    register = told["register of all three"]
    assert register["success"] and register["left"]["registered"] == [G]
    assert (
        register["left"]["residents"]
        == told["register of a"]["left"]["residents"]
        == sum(len(home.members) for home in GOOD)
    )


def test_a_refusal_fails_the_run_and_has_its_receipt_all_the_same(told):
    refused, before = told["refused"], told["register of all three"]
    assert {name: refused[name] for name in refused if name != "left"} == {
        "success": False,
        "look": "success",
        "check_viruses": "success",
        "receive": "failed",
        "take_answers": "skipped",
        "compare_fonts": "success",
        "issue": "success",
        "list_requests": "upstream_failed",
        "request_approval": "upstream_failed",
    }
    assert set(changed(refused, before)) == {"receipts", "certificates"}
    assert refused["left"]["receipts"][-1] == ["refused", "columns_missing"]
    assert refused["left"]["certificates"] == before["left"]["certificates"] + 1


def test_a_run_with_nothing_new_is_well_and_rings_no_bell(told):
    run = told["nothing new"]
    assert run["success"] and (run["look"], run["receive"], run["issue"]) == ("success", "skipped", "skipped")


def test_a_sidecar_that_never_comes_is_counted_then_told_of_and_holds_nobody_up(told):
    assert told["counted"] == {"unannounced": 1, "oldest_hours": 0}
    assert set(changed(told["nothing new"], told["refused"])) == {"inbox"}
    late = told["after a day"]
    assert (late["success"], late["look"], late["receive"], late["issue"]) == (False, "failed", "success", "success")
    assert late["left"]["blocks"] == [A, B, A, C, E, F, G, J]
    assert late["left"]["inbox"] == ["corrections_20260731_1.csv"]
    come = told["when it has come"]
    assert come["success"] and come["left"]["blocks"] == [A, B, A, C, E, F, G, J, H]
    assert come["left"]["inbox"] == []
