"""Intake of a ward's file: MB a CPU second and peak memory, decoding and Arrow table included.

python bench/intake.py [households]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from todoke.contract.loader import load
from todoke.intake.envelopes import Keys, opened_payload
from todoke.intake.layouts import read_layout
from todoke.simulate.files import write_households
from todoke.simulate.ward import make_ward
from todoke.store.schema import WARD_ROW

AIM_MB_PER_SECOND = 15
PASSPHRASE = "bench"


def main(households: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "opened").mkdir(mode=0o700)
        file = write_households(make_ward(households, seed=1), folder, on=date(2026, 7, 21), passphrase=PASSPHRASE)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        layout = load("gift").layouts["households"]
        wall = time.perf_counter()
        with opened_payload(file, keys=Keys(PASSPHRASE), allowed=("openpgp",), into=folder / "opened") as payload:
            opened = time.perf_counter() - wall
            size, cpu = payload.stat().st_size / 1e6, time.process_time()
            with payload.open("rb") as stream:
                result = read_layout(stream, layout, WARD_ROW, "R-1")
            cpu = time.process_time() - cpu
    assert result.rows_in == result.table.num_rows + result.quarantine.num_rows
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{result.rows_in:,} rows, {size:.1f} MB: opened in {opened:.2f} s")
    print(f"read in {cpu:.2f} CPU s = {size / cpu:.1f} MB/s (aim {AIM_MB_PER_SECOND}), {peak:.0f} MB more than before")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 163_000)
