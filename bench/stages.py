"""CPU seconds and peak memory of every stage on one ward, each in a process of its own.

    python bench/stages.py [households]

Imports are part of the figures, as they are in a task of Airflow.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import resource
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from todoke import clock
from todoke.errors import NotApproved

CONTRACT = "gift"
SEED = 20260601
DELIVERED, LABELS = date(2026, 7, 21), date(2026, 9, 7)
ARRIVED, ORDERED, REPORT = date(2026, 11, 6), date(2026, 11, 30), date(2026, 12, 10)
AFTER_DEADLINE, TOILETS = date(2027, 1, 18), date(2027, 1, 20)

#: What happens, in order: a stage is (process, function, business date); a name alone is done outside, unmeasured.
STORY: tuple[tuple[str, str, date] | str, ...] = (
    "deliver",
    ("intake", "receive", DELIVERED),
    ("register", "validate", DELIVERED),
    ("register", "publish", DELIVERED),
    "approve",
    ("register", "publish", DELIVERED),
    ("gaiji_proof", "prove", LABELS),
    ("labels", "plan", LABELS),
    ("labels", "test_pack", LABELS),
    "approve",
    ("labels", "test_pack", LABELS),
    "approve",
    ("labels", "claim_batches", LABELS),
    ("labels", "print_batches", LABELS),
    "carry",
    ("deliveries", "land_results", ARRIVED),
    ("deliveries", "check_results", ARRIVED),
    ("deliveries", "settle", ARRIVED),
    "order",
    ("orders", "land_web", ORDERED),
    ("orders", "land_postcards", ORDERED),
    ("orders", "check_postcards", ORDERED),
    ("orders", "settle", ORDERED),
    ("orders", "release", ORDERED),
    ("survey", "land", ORDERED),
    ("survey", "publish", ORDERED),
    ("reports", "prepare", REPORT),
    ("orders", "settle", AFTER_DEADLINE),
    ("nonapplicants", "propose", TOILETS),
    "approve",
    ("nonapplicants", "propose", TOILETS),
    "approve",
    ("nonapplicants", "claim_batches", TOILETS),
    ("labels", "print_batches", TOILETS),
)


def _stage(process: str, function: str, on: date, answer: Any) -> None:
    started = time.monotonic()
    with contextlib.suppress(NotApproved):  # it asks; the stage runs once more after the answer
        step = getattr(importlib.import_module(f"todoke.process.{process}"), function)
        for batch in _claimed() if function == "print_batches" else [()]:
            step(CONTRACT, on, *batch)
    used = resource.getrusage(resource.RUSAGE_SELF)
    answer.put((time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024))


def _claimed() -> list[tuple[list[str]]]:
    from todoke.outbox.batch import unpublished
    from todoke.store.ledger import Ledger

    kinds = ("catalogue", "toilet")
    return [([batch.id],) for kind in kinds for batch in unpublished(Ledger(CONTRACT), kind)]


def _deliver(households: int) -> None:
    from todoke.simulate.delivery_to_inbox import deliver_base

    deliver_base(CONTRACT, households, SEED)


def _approve(_households: int) -> None:
    from todoke.process import approval

    inspector, *_ = approval.inspectors(CONTRACT)
    inspection = {"inspector": inspector, "inspected_on": clock.now_tokyo().date().isoformat()}
    for request in approval.pending(CONTRACT):
        place = (CONTRACT, request["subject"], request["digest"])
        approval.record(*place, request["options"][0], "bench", request["round"], **inspection)


def _carry(_households: int) -> None:
    from todoke.simulate import carrier
    from todoke.simulate.delivery_to_inbox import inbox
    from todoke.store import facts
    from todoke.store.ledger import Ledger

    with Ledger(CONTRACT).read() as tx:
        shipments = facts.shipments(tx, CONTRACT, ["catalogue"]).to_pandas()
    released = shipments[shipments["released_on"].notna()].assign(revision=1, released_on=date(2026, 11, 1))
    columns = ["shipment_id", "revision", "kind", "released_on"]
    since = date(2026, 11, 1)
    carrier.write_results(released[columns], inbox(CONTRACT, "carrier"), on=ARRIVED, seed=SEED, since=since)


def _order(households: int) -> None:
    import pandas as pd

    from todoke.contract.loader import contract_folder
    from todoke.simulate.delivery_to_inbox import inbox
    from todoke.simulate.orders import OrderStream
    from todoke.simulate.ward import make_ward
    from todoke.store import facts
    from todoke.store.ledger import Ledger

    with Ledger(CONTRACT).read() as tx:
        numbers = facts.numbers(tx, CONTRACT).to_pandas()
    catalogue = pd.read_csv(contract_folder(CONTRACT) / "catalogue.csv", dtype={"item_code": str})
    stream = OrderStream(make_ward(households, SEED), numbers, catalogue, SEED)
    stream.write_day(ORDERED, os.environ["TODOKE_GIFT_WEB"], inbox(CONTRACT, "postcards"))


_OUTSIDE: dict[str, Callable[[int], None]] = {
    "deliver": _deliver,
    "approve": _approve,
    "carry": _carry,
    "order": _order,
}


def main() -> None:
    """Runs the story and prints a line a stage."""
    households = int(sys.argv[1]) if len(sys.argv) > 1 else 163_000
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "TODOKE_ENV": "test",
            "TODOKE_HOME": home,
            "TODOKE_GIFT_KEY": secrets.token_hex(32),
            "TODOKE_GIFT_LGWAN_PASSPHRASE": secrets.token_hex(8),
            "TODOKE_GIFT_WEB": f"sqlite:///{Path(home) / 'web.db'}",
        }
        print(f"{households:,} households\n{'stage':<26}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}")
        for step in STORY:
            if isinstance(step, str):
                outside = spawn.Process(target=_OUTSIDE[step], args=(households,))
                outside.start()
                outside.join()
                assert outside.exitcode == 0, step
                continue
            answer = spawn.SimpleQueue()
            process = spawn.Process(target=_stage, args=(*step, answer))
            process.start()
            process.join()
            assert process.exitcode == 0, step
            wall, cpu, peak = answer.get()
            print(f"{step[0] + '.' + step[1]:<26}{wall:8.1f}{cpu:8.1f}{peak:9.0f}", flush=True)


if __name__ == "__main__":
    main()
