"""The daily reconciliation against the same rules in pandas: `python bench/reconcile.py [households] [applications]`.

Each peer runs in processes of its own over the same Arrow files, three times, in turns. Printed are the medians of
CPU seconds (all threads, imports and loading left out), of wall-clock seconds and of the peak memory of the process;
the results must be equal, row by row.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

PEERS = ("duckdb", "pandas")
RESULTS = ("decision", "parcel", "parcel_line")
RUNS = 3


def write(folder: Path, name: str, table: pa.Table) -> None:
    with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read(folder: Path, name: str) -> pa.Table:
    with pa.OSFile(str(folder / f"{name}.arrow"), "rb") as source:
        return pa.ipc.open_file(source).read_all()


def generate(folder: Path, households: int, applications: int) -> None:
    from full_size_inputs import full_size

    for name, table in vars(full_size(households, applications)).items():
        write(folder, name, table)


def settle(peer: str, inputs: Any) -> Any:
    """What the peer makes of the inputs: `Desired`, or pandas' three frames."""
    from full_size_inputs import RULES
    from todoke.orders import reconcile as sql
    from todoke.store.engine import Engine

    if peer == "duckdb":
        with Engine() as engine:
            return sql.reconcile(engine, inputs, RULES)
    import reconcile_pandas

    return reconcile_pandas.reconcile(inputs, RULES)


def measure(peer: str, folder: Path) -> dict[str, float]:
    """One run of a peer in this process, after a small one that imports everything; leaves its result in `folder`."""
    from full_size_inputs import full_size
    from todoke.orders import reconcile as sql

    settle(peer, full_size(2_000, 1_500))
    inputs = sql.OrderInputs(**{f.name: read(folder, f.name) for f in fields(sql.OrderInputs)})
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = settle(peer, inputs)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    (folder / peer).mkdir(exist_ok=True)
    for name, kind in zip(RESULTS, (sql.DECISION, sql.PARCEL, sql.PARCEL_LINE), strict=True):
        if peer == "duckdb":
            table = getattr(result, name)
        else:
            table = pa.Table.from_pandas(result[name], schema=kind, preserve_index=False)
        write(folder / peer, name, table)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, "wall": wall, "start": before.ru_maxrss / 1024, "peak": after.ru_maxrss / 1024}


def apart(*arguments: str) -> str:
    """Runs this file in a process of its own; started from a small one, as a process inherits its parent's peak."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def compare(households: int, applications: int) -> None:
    """Prints both peers' figures and how many times as much pandas takes."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        apart("--generate", str(folder), str(households), str(applications))
        print(f"{households:,} households, {applications:,} applications")
        runs = [(peer, json.loads(apart("--measure", str(folder), peer))) for _ in range(RUNS) for peer in PEERS]
        for result in RESULTS:
            ours, theirs = (read(folder / peer, result) for peer in PEERS)
            assert ours.equals(theirs), f"the peers disagree in {result}"
            print(f"{result}: {ours.num_rows:,} rows, equal")
    medians = {
        peer: {key: statistics.median(m[key] for p, m in runs if p == peer) for key in runs[0][1]} for peer in PEERS
    }
    for peer, m in medians.items():
        memory = f"peak {m['peak']:.0f} MB, {m['start']:.0f} MB of it inputs and imports"
        print(f"{peer:>7}: {m['cpu']:.2f} CPU s, {m['wall']:.2f} s, {memory}")
    ours, theirs = (medians[peer] for peer in PEERS)
    ratios = {key: theirs[key] / ours[key] for key in ("cpu", "wall")}
    print(f"  ratio: {ratios['cpu']:.1f} in CPU s, {ratios['wall']:.1f} in s")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--generate", folder, households, applications]:
            generate(Path(folder), int(households), int(applications))
        case ["--measure", folder, peer]:
            print(json.dumps(measure(peer, Path(folder))))
        case sizes:
            compare(*([int(size) for size in sizes] or [163_000, 120_000]))
