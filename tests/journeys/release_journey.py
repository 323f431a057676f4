"""Runs the register's DAG in one process over the home that the environment names; the last line is what came of it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from intake_journey import told
from programme import CONTRACT

from orchestration.in_process import Airflow
from todoke.process import approval

DAY, NEXT = date(2026, 7, 21), date(2026, 7, 22)


def main() -> None:
    seen: dict[str, Any] = {}
    with Airflow() as airflow:
        seen["asked"] = told(airflow.run(f"{CONTRACT}_register", DAY))
        seen["options"] = [request["options"] for request in approval.pending(CONTRACT)]
        seen["answered"] = [told(run) for run in airflow.answer_approvals(CONTRACT, on=DAY)]
        seen["released"] = told(airflow.run(f"{CONTRACT}_register", DAY))
        seen["again"] = told(airflow.run(f"{CONTRACT}_register", NEXT))
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
