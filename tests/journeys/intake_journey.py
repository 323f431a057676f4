"""Runs the intake's DAG in one process over the home that the environment names; the last line is what came of it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from corrections_sent import A, B
from programme import CONTRACT
from small_ward import drop, sealed, table

from orchestration.in_process import Airflow, RunResult
from todoke.process import approval
from todoke.store.files import home

DAYS = [date(2026, 7, day) for day in range(21, 29)]


def told(run: RunResult) -> dict[str, Any]:
    return {"success": run.success, **{name: task.state for name, task in run.tasks.items()}}


def main() -> None:
    inbox = Path(home("inbox")) / CONTRACT / "lgwan"
    seen: dict[str, Any] = {}
    with Airflow() as airflow:

        def takes(name: str, day: date) -> None:
            seen[name] = told(airflow.run(f"{CONTRACT}_intake", day))

        for name, day, content in zip(("a", "b", "a again"), DAYS, (A, B, A), strict=False):
            drop(inbox, f"corrections_{day:%Y%m%d}_1.csv", sealed(content))
            takes(name, day)
        seen["asked"] = [request["subject"].split(":")[1] for request in approval.pending(CONTRACT)]
        takes("nobody has answered", DAYS[3])
        seen["answered"] = [told(run) for run in airflow.answer_approvals(CONTRACT, on=DAYS[3])]
        takes("after a yes", DAYS[4])
        drop(inbox, "corrections_20260726_1.csv", sealed(table(("x",), [("y",)])))
        takes("refused", DAYS[5])
        lonely = drop(inbox, "corrections_20260727_1.csv", b"x")
        lonely.with_name(lonely.name + ".done").unlink()
        takes("nothing new", DAYS[6])
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
