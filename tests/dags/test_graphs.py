"""The DAGs are exactly these, and nothing leaves the house before it is settled or approved."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from todoke import errors

pytestmark = pytest.mark.xdist_group("airflow")

ROOT = Path(__file__).parents[2]
JAPANESE = re.compile(r"[぀-ヿ一-鿿]")
TASKS = {
    "gift_intake": [
        "look",
        "check_viruses",
        "receive",
        "compare_fonts",
        "take_answers",
        "issue",
        "list_requests",
        "request_approval",
    ],
    "gift_register": ["validate", "publish", "stop", "list_requests", "request_approval"],
    "gift_labels": [
        "prove",
        "plan",
        "test_pack",
        "list_requests",
        "request_approval",
        "claim_batches",
        "print_batches",
        "pull_out",
    ],
    "gift_orders": ["land_web", "land_postcards", "check_postcards", "settle", "release"],
    "gift_deliveries": ["land_results", "check_results", "settle"],
    "gift_reminders": ["propose", "list_requests", "request_approval", "claim_batches", "print_batches"],
    "gift_nonapplicants": ["propose", "list_requests", "request_approval", "claim_batches", "print_batches"],
    "gift_survey": ["land", "publish"],
    "gift_reports": ["prepare", "send"],
    "gift_approval": ["answer", "record"],
}
RELEASES = [
    ("gift_labels", "claim_batches"),
    ("gift_labels", "print_batches"),
    ("gift_orders", "release"),
    ("gift_reminders", "claim_batches"),
    ("gift_reminders", "print_batches"),
    ("gift_nonapplicants", "claim_batches"),
    ("gift_nonapplicants", "print_batches"),
    ("gift_survey", "publish"),
    ("gift_reports", "send"),
]


def all_tasks(dags: dict[str, Any]) -> list[Any]:
    return list(chain.from_iterable(dag.tasks for dag in dags.values()))


def test_every_process_of_the_contract_is_one_dag_with_exactly_these_tasks(dags):
    assert {name: sorted(dag.task_ids) for name, dag in dags.items()} == {k: sorted(v) for k, v in TASKS.items()}


@pytest.mark.parametrize(
    ("dag_id", "first", "then"),
    [
        ("gift_intake", "check_viruses", "receive"),
        ("gift_intake", "receive", "issue"),
        ("gift_intake", "receive", "list_requests"),
        ("gift_register", "validate", "publish"),
        ("gift_register", "publish", "stop"),
        ("gift_labels", "prove", "plan"),
        ("gift_labels", "plan", "test_pack"),
        ("gift_labels", "test_pack", "claim_batches"),
        ("gift_labels", "claim_batches", "print_batches"),
        ("gift_labels", "print_batches", "pull_out"),
        ("gift_labels", "test_pack", "list_requests"),
        ("gift_orders", "land_web", "check_postcards"),
        ("gift_orders", "land_postcards", "check_postcards"),
        ("gift_orders", "check_postcards", "settle"),
        ("gift_orders", "settle", "release"),
        ("gift_deliveries", "land_results", "check_results"),
        ("gift_deliveries", "check_results", "settle"),
        ("gift_reminders", "propose", "claim_batches"),
        ("gift_reminders", "claim_batches", "print_batches"),
        ("gift_reminders", "propose", "list_requests"),
        ("gift_nonapplicants", "propose", "claim_batches"),
        ("gift_nonapplicants", "claim_batches", "print_batches"),
        ("gift_nonapplicants", "propose", "list_requests"),
        ("gift_reports", "prepare", "send"),
        ("gift_approval", "answer", "record"),
    ],
)
def test_nothing_is_released_before_it_is_settled_proved_and_answered(dags, dag_id, first, then):
    assert then in dags[dag_id].get_task(first).downstream_task_ids


def test_every_release_waits_for_all_that_is_upstream_of_it(dags):
    for dag_id, task_id in RELEASES:
        assert dags[dag_id].get_task(task_id).trigger_rule == "all_success"


def test_what_a_task_returns_is_kept_once_and_whole(dags):
    assert [task.task_id for task in all_tasks(dags) if getattr(task, "multiple_outputs", False)] == []


def test_no_run_of_a_calendar_waits_for_a_person(dags):
    from airflow.providers.standard.operators.hitl import HITLOperator

    waiting = {task.dag.dag_id for task in all_tasks(dags) if isinstance(task, HITLOperator)}
    assert waiting == {"gift_approval"}
    for dag_id in ("gift_intake", "gift_labels", "gift_reminders", "gift_nonapplicants"):
        request = dags[dag_id].get_task("request_approval").partial_kwargs
        assert request["trigger_dag_id"] == "gift_approval"
        assert request["skip_when_already_exists"] is True


def test_a_receipt_is_issued_and_the_run_fails_when_a_file_is_refused(dags):
    intake = dags["gift_intake"]
    assert intake.get_task("issue").trigger_rule == "all_done"
    leaves = {task.task_id for task in intake.tasks if not task.downstream_task_ids}
    assert leaves == {"look", "compare_fonts", "issue", "request_approval"}  # the last one fails with what it stands on
    assert intake.get_task("list_requests").trigger_rule == "none_failed"
    assert intake.get_task("look").upstream_task_ids == set()


def test_no_answer_in_time_is_a_no(dags):
    answer = dags["gift_approval"].get_task("answer")
    assert answer.options == ["承認", "却下"]  # those of a request that says nothing else
    assert answer.defaults == ["却下"]
    assert answer.response_timeout <= timedelta(days=14)


def test_an_answer_is_that_of_the_account_and_the_time_limit_is_nobodys_answer(dags):
    said = dags["gift_approval"].get_task("record").python_callable.__globals__["said"]
    admin = {"id": "1", "name": "admin"}
    assert said(["承認"], admin) == ("approved", "admin")
    assert said(["却下"], admin) == ("rejected", "admin")
    assert said(["却下"], None)[0] == "expired"
    assert said(["残りを発行する"], admin) == ("release", "admin")


def test_a_request_is_answered_by_what_it_offers_itself(dags):
    answer = copy.copy(dags["gift_approval"].get_task("answer"))
    answer._offer({"params": {"options": ["release", "wait", "refuse"]}})
    assert answer.options == ["残りを発行する", "待つ", "ファイルを受け付けない"]
    assert answer.defaults == ["ファイルを受け付けない"]
    assert answer.serialized_params == {}


@pytest.mark.parametrize(
    ("keyed_in", "taken"),
    [
        ({"inspector": "02", "inspected_on": "2026-09-07"}, ("02", "2026-09-07")),
        ({"inspector": None, "inspected_on": None}, (None, None)),
        ({"inspector": "防災課 検査一郎", "inspected_on": "きのう 検査一郎が"}, (None, None)),
        ({"inspector": ["02"], "inspected_on": 20260907, "memo": "検査一郎"}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_an_inspection_is_answered_with_a_code_and_a_day_and_nothing_else_goes_on(dags, keyed_in, taken):
    from airflow.sdk.timezone import utcnow

    answer = copy.copy(dags["gift_approval"].get_task("answer"))
    answer.hitl_summary_extra = {}
    context = {"params": {"options": ["inspected", "rejected"]}, "dag": dags["gift_approval"]}
    event = {"responded_at": utcnow(), "responded_by_user": {"id": "1", "name": "admin"}}
    said = answer.execute_complete(
        context, event | {"chosen_options": ["検査合格として承認"], "params_input": keyed_in}
    )
    assert said["params_input"] == dict(zip(("inspector", "inspected_on"), taken, strict=True))
    assert "検査一郎" not in str(said) + str(answer.hitl_summary)
    asked = {name: param["schema"] for name, param in answer.serialized_params.items()}
    assert all(JAPANESE.search(schema["title"]) for schema in asked.values())
    assert asked["inspector"]["enum"] == [None, "01", "02", "03"], "a choice, not a field to write a name into"
    assert asked["inspector"]["values_display"]["02"] == "02 防災課普及係主任"


@pytest.mark.parametrize(
    ("keyed_in", "taken"), [({"batches": 2}, 2), ({}, 3), ({"batches": "1束"}, None), ({"batches": 4}, None)]
)
def test_a_yes_to_labels_in_batches_says_how_many_and_all_unless_told(dags, keyed_in, taken):
    from airflow.sdk.timezone import utcnow

    answer = copy.copy(dags["gift_approval"].get_task("answer"))
    answer.hitl_summary_extra = {}
    context = {"params": {"options": ["approved", "rejected"], "batches": 3}, "dag": dags["gift_approval"]}
    event = {"responded_at": utcnow(), "responded_by_user": {"id": "1", "name": "admin"}}
    said = answer.execute_complete(context, event | {"chosen_options": ["承認"], "params_input": keyed_in})
    assert said["params_input"] == {"batches": taken}
    schema = answer.serialized_params["batches"]["schema"]
    assert (schema["minimum"], schema["maximum"]) == (1, 3) and JAPANESE.search(schema["title"])


def test_operators_read_japanese(dags):
    for dag in dags.values():
        assert JAPANESE.search(dag.dag_display_name), dag.dag_id
        assert JAPANESE.search(dag.doc_md), dag.dag_id
        assert {param.schema["title"] for param in map(dag.params.get_param, dag.params)}, dag.dag_id
        assert all(JAPANESE.search(dag.params.get_param(name).schema["title"]) for name in dag.params)
    for task in all_tasks(dags):
        assert JAPANESE.search(task.task_display_name), task.task_id


def test_dags_carry_contract_and_process_as_tags(dags):
    for name, dag in dags.items():
        contract, process = name.split("_")
        assert dag.tags == {f"contract:{contract}", f"process:{process}"}


def test_every_task_is_retried_with_growing_pauses(dags):
    for task in all_tasks(dags):
        assert task.retries >= 2, task.task_id
        assert task.retry_exponential_backoff, task.task_id


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (errors.FileRefused("layout", "誤り"), "fail"),
        (errors.GateClosed("誤り"), "fail"),
        (errors.StalePlan("古い"), "retry"),
        (errors.StaleParent("古い"), "retry"),
        (ConnectionError(), "default"),
    ],
)
def test_wrong_input_fails_at_once_and_what_passes_is_tried_again(dags, error, action):
    for task in all_tasks(dags):
        assert task.retry_policy.evaluate(error, 1, 2).action.value == action


def test_the_retry_policy_knows_every_error_that_another_try_can_mend():
    def family(kind: type[errors.TodokeError]) -> set[type[errors.TodokeError]]:
        return {kind}.union(*(family(child) for child in kind.__subclasses__()))

    mendable = {kind for kind in family(errors.TodokeError) if not kind.final}
    assert mendable == family(errors.Passing)


def test_return_values_stay_out_of_the_logs(dags):
    shown = [task for task in all_tasks(dags) if getattr(task, "show_return_value_in_logs", False)]
    assert shown == []


def test_nothing_catches_up_by_itself(dags):
    for dag in dags.values():
        assert dag.catchup is False
        assert dag.start_date is None


def test_one_run_at_a_time_except_for_approvals_that_wait(dags):
    assert {name: dag.max_active_runs for name, dag in dags.items() if dag.max_active_runs != 1} == {
        "gift_approval": 50
    }


def test_heavy_work_has_its_own_queue(dags):
    heavy = {(task.dag.dag_id, task.task_id) for task in all_tasks(dags) if task.queue == "heavy"}
    assert {("gift_register", "validate"), ("gift_orders", "settle"), ("gift_labels", "print_batches")} <= heavy
    assert ("gift_intake", "receive") not in heavy


def test_what_must_be_backfillable_runs_on_open_days(dags):
    from business_timetables import BusinessDays, ReportDays

    on_open_days = {name for name, dag in dags.items() if isinstance(dag.timetable, (BusinessDays, ReportDays))}
    assert on_open_days == {"gift_orders", "gift_deliveries", "gift_reports"}


def test_bells_are_heard_where_they_should_start_something(dags):
    def heard(dag_id: str) -> set[str]:
        from orchestration.document import uris

        return set(uris(dags[dag_id].timetable.asset_condition))

    rung = {outlet.uri for task in all_tasks(dags) for outlet in task.outlets}
    assert heard("gift_register") == {"todoke://gift/received", "todoke://gift/approval"}
    assert heard("gift_labels") == {"todoke://gift/register", "todoke://gift/approval"}
    assert heard("gift_nonapplicants") == {"todoke://gift/approval"}
    assert {f"todoke://gift/{name}" for name in ("received", "register", "approval", "orders", "deliveries")} == rung


def test_a_dag_file_is_short_and_calls_processes_alone():
    for file in (ROOT / "dags").glob("*.py"):
        text = file.read_text("utf-8")
        assert len(text.splitlines()) <= 100, file.name
        assert set(re.findall(r"from (todoke[.\w]*) import", text)) <= {
            "todoke.process",
            "todoke_dags.graph",
            "todoke_dags.quality_link",
            "todoke_dags.run",
            "todoke_dags.answer",
            "todoke_dags.approval_request",
            "todoke_dags.label_batches",
        }, file.name


def test_parsing_is_quick_and_loads_no_engine(tmp_path):
    """DAG files are parsed every half minute; an engine loaded then costs a second and 100 MB each time."""
    code = """
import sys, time
from pathlib import Path
from orchestration import settings
settings.apply(Path(sys.argv[1]))
import airflow.sdk, airflow.dag_processing.dagbag as bags
from airflow.providers.standard.operators import hitl, trigger_dagrun
from todoke.contract import loader
folder = settings.ROOT / "dags"
started = time.process_time()
bag = bags.BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
spent = time.process_time() - started
heavy = {"duckdb", "pyarrow", "great_expectations", "matplotlib", "todoke.process"} & set(sys.modules)
print(spent / len(bag.dagbag_stats), sorted(heavy), sorted(bag.import_errors))
"""
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=env, capture_output=True, text=True, check=True
    )
    seconds, rest = done.stdout.strip().splitlines()[-1].split(" ", 1)
    assert rest == "[] []"
    assert float(seconds) < 0.3
