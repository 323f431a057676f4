"""Intake of a ward's file from inbox to landed version: MB a CPU second, wall time and peak memory.

Each run is a process of its own, so that its peak is its own. The aims of a ward's file (`AIM_…`) are of its whole
intake: digest, vault, envelope, reading, checks, lake and ledger.

    python bench/intake.py                ×1 and ×10 of a ward, plain and OpenPGP
    python bench/intake.py --gigabyte     one plain file of 1 GB more
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from todoke.contract.loader import load
from todoke.intake.layouts import read_layout
from todoke.store.schema import WARD_ROW

AIM_SECONDS, AIM_MB = 4, 300
PASSPHRASE = "bench"
ON = date(2026, 7, 21)
HOUSEHOLDS = 163_000
ENVIRONMENT = {"TODOKE_ENV": "test", "TODOKE_GIFT_KEY": "12" * 32, "TODOKE_GIFT_LGWAN_PASSPHRASE": PASSPHRASE}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--households", type=int, default=HOUSEHOLDS)
    options.add_argument("--gigabyte", action="store_true")
    options.add_argument("--measure", choices=("read", "receive"), help=argparse.SUPPRESS)
    options.add_argument("file", nargs="?", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.measure:
        _measure(given.measure, Path(given.file) if given.file else None)
        return
    from todoke.simulate.files import write_households  # heavy, and not part of what is measured
    from todoke.simulate.ward import make_ward

    with tempfile.TemporaryDirectory() as made:
        ward = Path(made, "ward")
        ward.mkdir()
        plain = write_households(make_ward(given.households, seed=1), ward, on=ON, passphrase=None)
        for times in (1, 10):
            _run(plain, times, "plain", Path(made))
            _run(plain, times, "openpgp", Path(made))
        if given.gigabyte:
            _run(plain, round(1e9 / plain.stat().st_size), "plain", Path(made))


def _run(ward: Path, times: int, envelope: str, scratch: Path) -> None:
    """Puts `times` of a ward's rows into an inbox and takes the file, each time in a new process."""
    home = Path(tempfile.mkdtemp(dir=scratch))
    inbox = home / "inbox" / "gift" / "lgwan"
    inbox.mkdir(parents=True)
    file = inbox / ward.name
    header, _, rows = ward.read_bytes().partition(b"\n")
    with file.open("wb") as out:
        out.write(header + b"\n")
        for _ in range(times):
            out.write(rows)
    size = file.stat().st_size / 1e6
    aim = f" (aim: {AIM_SECONDS} s, {AIM_MB} MB)" if times == 1 else ""
    print(f"×{times}, {size:.0f} MB, {envelope}{aim}")
    if envelope == "plain":
        _child("read", size, file, home)
    else:
        file = _sealed(file)
    with file.open("rb") as content:
        promise = {"bytes": file.stat().st_size, "sha256": hashlib.file_digest(content, "sha256").hexdigest()}
    file.with_name(f"{file.name}.done").write_text(json.dumps(promise))
    _child("receive", size, None, home)
    subprocess.run(["rm", "-rf", home], check=True)


def _sealed(file: Path) -> Path:
    command = ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", PASSPHRASE]
    target = file.with_name(f"{file.name}.pgp")
    subprocess.run([*command, "--output", target, "--symmetric", file], check=True)
    file.unlink()
    return target


def _child(what: str, size: float, file: Path | None, home: Path) -> None:
    command = [sys.executable, __file__, "--measure", what, *([str(file)] if file else [])]
    said = subprocess.run(
        command, env={**os.environ, **ENVIRONMENT, "TODOKE_HOME": str(home)}, check=True, capture_output=True, text=True
    )
    found = json.loads(said.stdout)
    print(
        f"  {what:<8}{found['rows']:>10,} rows{found['wall']:7.2f} s wall{found['cpu']:7.2f} CPU s"
        f"{size / found['cpu']:7.1f} MB/CPU s{found['peak']:6.0f} MB peak ({found['before']:.0f} before)"
    )


def _measure(what: str, file: Path | None) -> None:
    """One run, told as JSON: rows, seconds (this process and its children), MB resident at most."""
    from todoke.process import intake

    layout = load("gift").layouts["households"]
    before, wall, cpu = _peak(), time.perf_counter(), _cpu()
    if file is None:
        rows = intake.receive("gift", ON)["rows"]
    else:
        reading = read_layout(file.open("rb"), layout, WARD_ROW, "R-1")
        landed = sum(batch.num_rows for batch in reading)
        rows = reading.rows_in
        assert rows == landed + reading.quarantine.num_rows
    seconds = {"wall": time.perf_counter() - wall, "cpu": _cpu() - cpu}
    print(json.dumps({"rows": rows, "before": before, "peak": _peak(), **seconds}))


def _cpu() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _peak() -> float:
    """The most that was resident; getrusage would give the parent's where that was more."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


if __name__ == "__main__":
    main()
