"""Runs the intake's DAG in one process over the home that the environment names; the last line is what came of it.

Each turn is a run of the DAG; told are the states of its tasks, and what stood in inbox, ledger and outbox after it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from threading import Thread
from typing import Any

from corrections_sent import A, B, C, block, blocks, receipts, sends
from label_samples import eudc_font
from programme import CONTRACT, Programme
from small_ward import COUPLE, INSTRUCTION_HEADER, INSTRUCTIONS, drop, households, sealed, table

from orchestration.in_process import Airflow, RunResult
from todoke.process import approval

DAYS = [date(2026, 7, day) for day in range(21, 32)]
D, E, F, G, H, J = (block(COUPLE, f"{n}-{n}-{n}") for n in range(4, 10))
_HOUR = 3600


def told(run: RunResult) -> dict[str, Any]:
    return {"success": run.success, **{name: task.state for name, task in run.tasks.items()}}


def counted(run: RunResult, task: str) -> Any:
    """What a task of a run returned, as Airflow keeps it."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    place = {"run_id": run.run_id, "dag_id": run.dag_id, "task_id": task, "key": "return_value"}
    with create_session() as session:
        return session.scalars(select(XComModel.value).filter_by(**place)).one()


def left(programme: Programme) -> dict[str, Any]:
    """What can be seen from outside after a run."""
    versions = programme.rows("dataset_version")
    there = {row["dataset"] for row in versions}
    people = programme.version("person") if "person" in there else []
    return {
        "receipts": [tuple(receipt[1:]) for receipt in receipts(programme, "corrections")],
        "repeats": len(programme.rows("receipt_repeat")),
        "versions": len(versions),
        "blocks": blocks(programme) if "correction_row" in there else [],
        "registered": sorted({row["block"] for row in people if row["household_no"] == COUPLE}),
        "residents": len(people),
        "inbox": sorted(path.name for path in programme.inbox("lgwan").iterdir()),
        "certificates": len(programme.out("receipts")),
    }


@contextmanager
def others_come_meanwhile(programme: Programme, *names: str) -> Iterator[None]:
    """Two files are dropped while one is being taken: it is read and staged, and its run stands before its commit."""
    lake = programme.home / "lake" / CONTRACT / "correction_row"
    before, staged = set(lake.rglob("*.parquet")), []

    def send() -> None:
        end = time.monotonic() + 25  # a run waits 30 s for the ledger
        while not staged and time.monotonic() < end:
            staged.extend(set(lake.rglob("*.parquet")) - before)
            time.sleep(0.01)
        for name, content in zip(names, (F, G), strict=True):
            sends(programme, name, sealed(content))
        ledger.execute("ROLLBACK")

    path = programme.home / "ledger" / f"{CONTRACT}.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)) as ledger:
        ledger.execute("BEGIN IMMEDIATE")
        (sender := Thread(target=send)).start()
        yield
        sender.join()
    assert staged, "nothing was being taken when the others came"


class Days:
    """The days of one ward, run by run."""

    def __init__(self, airflow: Airflow) -> None:
        self.airflow, self.seen = airflow, dict[str, Any]()
        self.programme = Programme(Path(os.environ["TODOKE_HOME"]), Path(os.environ["TODOKE_ROOT"]))

    def runs(self, name: str, day: date, process: str = "intake") -> RunResult:
        run = self.airflow.run(f"{CONTRACT}_{process}", day)
        self.seen[name] = told(run) | {"left": left(self.programme)}
        return run

    def sends(self, name: str, content: bytes) -> Path:
        return sends(self.programme, name, content)

    def correction_a_then_b_then_a(self) -> bytes:
        """What was sent last is given back, as it was."""
        drop(self.programme.inbox("cloud"), "EUDC.TTE", eudc_font())
        self.sends("households_20260721_1.csv", sealed(households()))
        self.sends("special_delivery_20260721_1.csv", sealed(table(INSTRUCTION_HEADER, INSTRUCTIONS)))
        envelope = b""
        for name, day, content in zip(("a", "b", "a again"), DAYS, (A, B, A), strict=False):
            envelope = sealed(content)
            self.sends(f"corrections_{day:%Y%m%d}_1.csv", envelope)
            self.runs(name, day)
        self.seen["asked"] = [request["subject"].split(":")[1] for request in approval.pending(CONTRACT)]
        self.runs("nobody has answered", DAYS[3])
        self.seen["answered"] = [told(run) for run in self.airflow.answer_approvals(CONTRACT, on=DAYS[3])]
        self.runs("after a yes", DAYS[4])
        self.runs("register of a", DAYS[4], "register")
        return envelope

    def the_last_one_again(self, envelope: bytes) -> None:
        self.sends(f"corrections_{DAYS[2]:%Y%m%d}_1.csv", envelope)
        self.runs("the same file twice", DAYS[5])
        self.sends("corrections_20260726_1.csv", sealed(A))
        self.runs("encrypted anew", DAYS[5])
        self.runs("register of nothing new", DAYS[5], "register")

    def a_revision_before_its_original(self) -> None:
        self.sends("corrections_20260727_1_r1.csv", sealed(C))
        self.runs("the revision", DAYS[6])
        self.sends("corrections_20260727_1.csv", sealed(D))
        self.runs("its original", DAYS[7])
        self.runs("register of the revision", DAYS[7], "register")

    def two_dropped_while_one_is_taken(self) -> None:
        self.sends("corrections_20260730_1.csv", sealed(E))
        with others_come_meanwhile(self.programme, "corrections_20260730_2.csv", "corrections_20260730_3.csv"):
            self.runs("one of three", DAYS[8])
        self.runs("the two others", DAYS[8])
        self.runs("register of all three", DAYS[8], "register")

    def a_sidecar_that_never_comes(self) -> None:
        self.sends("corrections_20260729_1.csv", sealed(table(("x",), [("y",)])))
        self.runs("refused", DAYS[9])
        lonely = self.sends("corrections_20260731_1.csv", sealed(H))
        sidecar = lonely.with_name(lonely.name + ".done")
        promise = sidecar.read_bytes()
        sidecar.unlink()
        self.seen["counted"] = counted(self.runs("nothing new", DAYS[9]), "look")
        os.utime(lonely, (time.time() - 25 * _HOUR,) * 2)
        self.sends("corrections_20260731_2.csv", sealed(J))
        self.runs("after a day", DAYS[10])
        sidecar.write_bytes(promise)
        self.runs("when it has come", DAYS[10])


def main() -> None:
    with Airflow() as airflow:
        days = Days(airflow)
        days.the_last_one_again(days.correction_a_then_b_then_a())
        days.a_revision_before_its_original()
        days.two_dropped_while_one_is_taken()
        days.a_sidecar_that_never_comes()
    print(json.dumps(days.seen))


if __name__ == "__main__":
    main()
