"""A register version from landed rows: every step's CPU seconds, GX and its import included; quarantine against
the simulated ward's answer sheet.

    python bench/register.py [households]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa

from todoke.contract.loader import load
from todoke.intake.layouts import read_layout
from todoke.quality.findings import accepted_rows, findings
from todoke.quality.postal import postal_table
from todoke.register.accounts import web_accounts
from todoke.register.build import build
from todoke.register.gates import drift_gate
from todoke.register.numbers import numbers
from todoke.simulate.files import write_households
from todoke.simulate.ward import Ward, make_ward
from todoke.store.engine import Engine
from todoke.store.schema import WARD_ROW

AIM_SECONDS = 15
CONTRACT = load("gift")
ON = date(2026, 7, 21)
_spent: dict[str, float] = {}


@contextmanager
def step(name: str) -> Iterator[None]:
    cpu = time.process_time()
    yield
    _spent[name] = time.process_time() - cpu


def landed(ward: Ward) -> tuple[pa.Table, pa.Table]:
    """The good rows, and those that cannot be read."""
    with tempfile.TemporaryDirectory() as made:
        file = write_households(ward, Path(made), on=ON, passphrase=None)
        reading = read_layout(file.open("rb"), CONTRACT.layouts["households"], WARD_ROW, "R-1")
        return pa.Table.from_batches(reading, WARD_ROW), reading.quarantine


def main(households: int) -> None:
    ward = make_ward(households, seed=1)
    table, quarantine = landed(ward)
    rows_in = table.num_rows + quarantine.num_rows
    gaiji = frozenset(map(chr, ward.font_code_points))
    wall = time.perf_counter()
    with step("postal reference"):
        reference = {"postal": postal_table(), "gaiji": gaiji, "reference_date": CONTRACT.reference_date}
    with step("SQL rules"), Engine() as engine:
        found = findings(engine, table, bad_rows=quarantine, **reference)
        accepted = accepted_rows(table, found)
    with step("GX import"):
        import great_expectations  # noqa: F401

        from todoke.quality.docs import quality_page
        from todoke.quality.frame import suite_frame
        from todoke.quality.suites import agree, gate, run_suite
    with step("GX over landed and accepted rows"):
        before = run_suite("households", suite_frame(table, found, **reference))
        after = run_suite("households", suite_frame(accepted, found, **reference))
        assert agree(before, found) == []
        gate(after)
        quality_page(before, after, found, rows_in=rows_in, contract_name=CONTRACT.name, on=ON)
    with step("register"):
        register = build(accepted, [], None, CONTRACT.reference_date)
        drift_gate(table["household_no"], register.household["household_no"], 2)
    with step("application numbers"):
        made = numbers(bytes(32), 0, register.household.num_rows)
    with step("web accounts"):
        application = pa.table({"household_no": register.household["household_no"], "application_no": made})
        web_accounts(register.household, application, CONTRACT.entitlement.points_per_member)
    wall = time.perf_counter() - wall

    reported = set(zip(found["household_no"].to_pylist(), found["reason"].to_pylist(), strict=True))
    mistakes = ward.mistakes
    assert reported == set(zip(mistakes["file_household_no"], mistakes["reason"], strict=True))
    assert rows_in - accepted.num_rows == mistakes["rows"].sum()
    for name, seconds in _spent.items():
        print(f"{name:<34}{seconds:6.2f} CPU s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'together':<34}{sum(_spent.values()):6.2f} CPU s (aim {AIM_SECONDS}), {wall:.2f} s, {peak:.0f} MB")
    print(f"{rows_in:,} rows; quarantine equals the answer sheet: {len(reported)} households")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 163_000)
