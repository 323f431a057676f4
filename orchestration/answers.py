"""Answers requests for approval as a person would: through Airflow's REST API, logged in, with their name on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from orchestration import settings
from todoke import clock
from todoke.contract import loader
from todoke.errors import NotApproved

Verdict = Literal["approve", "reject"]

_POLL_SECONDS = 0.2


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
        """Answer every request of `dag_id` that turns up meanwhile; what went wrong is raised at the end."""
        over, failures = threading.Event(), []

        def keep_answering() -> None:
            try:
                while not over.wait(_POLL_SECONDS):
                    self._answer_all(dag_id, verdict)
            except Exception as error:
                failures.append(error)

        thread = threading.Thread(target=keep_answering, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if failures:
            raise failures[0]

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
