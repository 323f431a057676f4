"""A register version from landed rows: every step's CPU seconds, GX and its import included; quarantine against
the simulated ward's answer sheet; Great Expectations against the same checks in plain SQL. On one core.

    python bench/register.py [households]
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from todoke.contract.loader import load
from todoke.errors import GateClosed
from todoke.intake.layouts import read_layout
from todoke.quality.findings import RULES, Reference, accepted, by_reason, findings
from todoke.quality.postal import postal_table
from todoke.register.accounts import web_accounts
from todoke.register.build import build
from todoke.register.gates import drift_gate, first_drift, register_gate
from todoke.register.numbers import numbers
from todoke.simulate.files import write_households
from todoke.simulate.ward import Ward, make_ward
from todoke.store.engine import Engine
from todoke.store.schema import WARD_ROW

AIM_SECONDS = 12
SQL, FRAME, GX = "the checks in SQL", "frame for GX", "the checks in GX, landed and accepted"
CONTRACT = load("gift")
ON = date(2026, 7, 21)
_spent: dict[str, float] = {}


@contextmanager
def step(name: str) -> Iterator[None]:
    cpu = time.process_time()
    yield
    _spent[name] = time.process_time() - cpu


class Landed(NamedTuple):
    """A file as it was read: the rows landed, those that could not be read, and how many there were."""

    table: pa.Table
    quarantine: pa.Table
    rows_in: int


def landed(ward: Ward) -> Landed:
    with tempfile.TemporaryDirectory() as made:
        file = write_households(ward, Path(made), on=ON, passphrase=None)
        reading = read_layout(file.open("rb"), CONTRACT.layouts["households"], WARD_ROW, "R-1")
        return Landed(pa.Table.from_batches(reading, WARD_ROW), reading.quarantine, reading.rows_in)


def main(households: int) -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    ward = make_ward(households, seed=1)
    result = landed(ward)
    wall = time.perf_counter()
    with step("postal reference"):
        gaiji = frozenset(map(chr, ward.font_code_points))
        reference = Reference(postal_table(result.table["postal_code"]), gaiji, CONTRACT.reference_date)
    with step(SQL), Engine(memory_limit="4GB") as engine:
        found = findings(engine, result.table, reference, bad_rows=result.quarantine)
        taken = accepted(result.table, found)
        accepted_rows = result.table.filter(taken)
    with step("GX import"):
        from todoke.quality.docs import Listing, quality_page
        from todoke.quality.frame import suite_frame
        from todoke.quality.suites import agree, gate, run_suite

        with contextlib.suppress(GateClosed):  # a suite's first run imports GX; there is nothing to look at
            run_suite("households", pd.DataFrame())
    points = CONTRACT.entitlement.points_per_member
    with step(FRAME):
        frame = suite_frame(result.table, found, reference, accepted=taken, points_per_member=points)
        mask = np.asarray(taken)
        parts = frame[mask], frame[~mask]
    with step(GX):
        over_accepted, over_rest = (run_suite("households", part) for part in parts)
    with step("gate, counts compared, page"):
        agree(over_accepted + over_rest, found, RULES)
        gate(over_accepted)
        reasons = [(reason.label, *lines) for reason, lines in by_reason(found).items()]
        quality_page(
            over_accepted,
            landed=over_accepted + over_rest,
            counts={"受領した行": result.rows_in},
            listings=[Listing("隔離の理由", ("理由", "世帯", "指摘"), reasons, empty="")],
            contract_name=CONTRACT.name,
            on=ON,
        )
    with step("register"):
        register = build(accepted_rows, [], None, CONTRACT.reference_date)
        register_gate(register.person, register.household, points)
        drift_gate(first_drift(result.table["household_no"], register.household), 2)
    with step("application numbers"):
        made = numbers(bytes(32), 0, register.household.num_rows)
    with step("web accounts"):
        application = pa.table({"household_no": register.household["household_no"], "application_no": made})
        web_accounts(register.household, application, CONTRACT.entitlement.points_per_member)
    wall = time.perf_counter() - wall

    assert result.rows_in - accepted_rows.num_rows == ward.mistakes["rows"].sum()
    _tell(result.rows_in, found, ward.mistakes, wall)


def _tell(rows_in: int, found: pa.Table, mistakes: pd.DataFrame, wall: float) -> None:
    reported = set(zip(found["household_no"].to_pylist(), found["reason"].to_pylist(), strict=True))
    assert reported == set(zip(mistakes["file_household_no"], mistakes["reason"], strict=True))
    for name, seconds in _spent.items():
        print(f"{name:<40}{seconds:6.2f} CPU s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'together':<40}{sum(_spent.values()):6.2f} CPU s (aim {AIM_SECONDS}), {wall:.2f} s, {peak:.0f} MB")
    ratio, with_frame = _spent[GX] / _spent[SQL], (_spent[GX] + _spent[FRAME]) / _spent[SQL]
    print(f"GX / SQL with equal counts: {ratio:.1f}, with its frame {with_frame:.1f}; its import apart")
    print(f"{rows_in:,} rows; quarantine equals the answer sheet: {len(reported)} households")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 163_000)
