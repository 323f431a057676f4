"""The answer sheet: what is truly in the simulated files. Tests and the demo read it, the pipeline never."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from todoke.simulate.ward import Ward


def write_answers(ward: Ward, folder: Path) -> Path:
    """Write `<folder>/<name>.csv` (UTF-8) for every entry of `ward.answers`; returns the folder.

    `mistakes`: household_no, file_household_no (as the file has it), reason (a `Finding`), rows in the file.
    `corrections_…`, `special_delivery_…`: see `changes`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in ward.answers.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    return folder


def read_answers(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables by name; numbers of households and postal codes stay text, counts are integers."""
    whole = {"rows": "int64", "members": "int64"}
    tables = {}
    for path in sorted(Path(folder).glob("*.csv")):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        tables[path.stem] = table.astype({c: t for c, t in whole.items() if c in table.columns})
    return tables
