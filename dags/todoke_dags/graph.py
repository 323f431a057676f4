"""From a graph to the DAGs of every contract that asks for the process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Asset, ExceptionRetryPolicy, Param, RetryAction, RetryRule

from todoke import errors
from todoke.contract import loader
from todoke.contract.model import Contract
from todoke_dags.connections import use_connections

#: What another try can mend (a stale plan, a lost connection) is tried again; a wrong input fails at once.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(exception=errors.Passing, action=RetryAction.RETRY),
        RetryRule(exception=errors.TodokeError, action=RetryAction.FAIL, reason="再試行では直りません"),
    ]
)
#: The first pause is Airflow's own setting (`core.default_task_retry_delay`).
TASK_DEFAULTS: dict[str, Any] = {
    "retries": 2,
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": RETRY_POLICY,
    "show_return_value_in_logs": False,
    "pre_execute": use_connections,
}


def run_params() -> dict[str, Param]:
    """What an operator may set when a run is started by hand."""
    return {
        "on": Param(
            None,
            type=["null", "string"],
            format="date",
            title="業務日",
            description="空欄のときは、実行の論理日付（日本時間）が業務日になります。",
        ),
        "release": Param(
            None,
            type=["null", "boolean"],
            title="過去分再実行でも出力・送信する",
            description="通常の実行では、これに関わらず出力・送信します（設定の release: false で止められます）。",
        ),
        "reason": Param(
            None,
            type=["null", "string"],
            maxLength=200,
            title="理由",
            description="過去分再実行では必須です。個人情報は書かないでください。",
        ),
    }


def process_dags(
    process: str,
    *,
    title: str,
    doc: str | None,
    schedule: Callable[[Contract], Any],
    params: Callable[[], dict[str, Param]] = run_params,
    max_active_runs: int = 1,
) -> Callable[[Callable[[str], None]], None]:
    """Build `<contract>_<process>` from the decorated graph for every contract that asks for `process`.

    No `start_date` and no catch-up: a DAG that has never run waits for its next time.
    """

    def build(graph: Callable[[str], None]) -> None:
        for contract in map(loader.load, loader.contract_ids()):
            if process not in contract.processes:
                continue
            with DAG(
                dag_id=f"{contract.id}_{process}",
                dag_display_name=f"{title}（{contract.id}）",
                description=contract.name,
                doc_md=doc,
                schedule=schedule(contract),
                catchup=False,
                max_active_runs=max_active_runs,
                default_args=TASK_DEFAULTS,
                params=params(),
                tags={f"contract:{contract.id}", f"process:{process}"},
            ) as dag:
                graph(contract.id)
            _keep_results_whole(dag)

    return build


def _keep_results_whole(dag: DAG) -> None:
    """What a task returns is read as a whole; Airflow would send each of its counts to its API once more."""
    for step in dag.tasks:
        if getattr(step, "multiple_outputs", False):
            step.multiple_outputs = False


def asset(contract: str, name: str) -> Asset:
    """The bell `todoke://<contract>/<name>`; who hears it asks the ledger for all unhandled work."""
    return Asset(name=f"{contract}/{name}", uri=f"todoke://{contract}/{name}", group="todoke")
