"""How a process asks a person: it starts `<contract>_approval` and ends; nobody waits inside a calendar DAG."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import task


def ask_for_approval(contract: str, trigger_rule: str = "all_success") -> tuple[Any, Any]:
    """Start one approval for each request that has no answer yet; a request asked before is left alone.

    Args:
        trigger_rule: of the first task; `none_failed` asks also when a task before it had nothing to do.

    Returns:
        The first task (lists the requests) and the last one (starts the approvals).
    """

    @task(task_display_name="承認待ちの一覧", trigger_rule=trigger_rule)
    def list_requests() -> list[dict[str, Any]]:
        """The digest of what is to be approved is the run's id: the same content is asked once (design §4)."""
        from todoke.process import approval

        return [{"trigger_run_id": approval.run_id(each), "conf": each} for each in approval.pending(contract)]

    requests = list_requests()
    ask = TriggerDagRunOperator.partial(
        task_id="request_approval",
        task_display_name="承認の依頼",
        trigger_dag_id=f"{contract}_approval",
        logical_date=None,
        skip_when_already_exists=True,
    ).expand_kwargs(requests)
    return requests, ask
