"""Answers requests for approval as a person would: through Airflow's REST API, logged in, with their name on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from unittest.mock import patch

from orchestration import settings
from todoke import clock
from todoke.contract import loader
from todoke.errors import NotApproved

Verdict = Literal["approve", "reject"]


def allow(contract: str) -> None:
    """Check that nobody's answer is given for them in earnest.

    Raises:
        NotApproved: the contract is no simulation, or `TODOKE_ENV` is not `demo` or `test`.
    """
    if not loader.is_simulation(contract):
        raise NotApproved(
            "承認の自動応答は、模擬環境の契約でだけ使えます",
            where=contract,
            next_step="Airflowの画面で担当者が承認してください",
        )


class Person:
    """Somebody logged in to Airflow's API (served in this process)."""

    def __init__(self, password: str) -> None:
        from airflow.api_fastapi.app import create_app
        from fastapi.testclient import TestClient

        self._api = TestClient(create_app(apps="core"))
        login = self._api.post("/auth/token", json={"username": settings.ADMIN, "password": password})
        login.raise_for_status()
        self._api.headers["Authorization"] = f"Bearer {login.json()['access_token']}"

    @contextmanager
    def answering(self, dag_id: str, verdict: Verdict) -> Iterator[None]:
        """Answer every request of `dag_id` that turns up meanwhile, before its run would wait for somebody."""
        from airflow.models.dagrun import DagRun

        update_state = DagRun.update_state

        def answered_first(run: DagRun, *args: Any, **kwargs: Any) -> Any:
            self._answer_all(dag_id, verdict)
            return update_state(run, *args, **kwargs)

        # dag.test() asks this before it looks whether anybody is being waited for, and sleeps for a second if so
        with patch.object(DagRun, "update_state", answered_first):
            yield

    def _answer_all(self, dag_id: str, verdict: Verdict) -> None:
        from todoke.process import approval

        waiting = self._api.get(
            f"/api/v2/dags/{dag_id}/dagRuns/~/hitlDetails",
            params={"response_received": False, "state": "awaiting_input"},
        )
        waiting.raise_for_status()
        for request in waiting.json()["hitl_details"]:
            options = request["options"]  # the yes first, the no last
            first, *_ = approval.inspectors(dag_id.rpartition("_")[0])
            keyed_in = {"inspector": first, "inspected_on": clock.now_tokyo().date().isoformat()}
            asked = {name: value for name, value in keyed_in.items() if name in (request["params"] or {})}
            self._answer(request["task_instance"], options[0] if verdict == "approve" else options[-1], asked)

    def _answer(self, ti: dict[str, Any], option: str, keyed_in: dict[str, str]) -> None:
        self._api.patch(
            f"/api/v2/dags/{ti['dag_id']}/dagRuns/{ti['dag_run_id']}/taskInstances/{ti['task_id']}"
            f"/{ti['map_index']}/hitlDetails",
            json={"chosen_options": [option], "params_input": keyed_in},
        ).raise_for_status()
