"""The files that the ward sends: its households and the gaiji font (`interfaces.md`, from the ward)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from todoke.model.codes import Finding
from todoke.simulate.changes import write_corrections, write_pull_out, write_readdress, write_special_delivery
from todoke.simulate.delivery import csv_lines, deliver, portions, publish
from todoke.simulate.gaiji_font import make_eudc_font
from todoke.simulate.layout import HOUSEHOLD_HEADER, member_columns
from todoke.simulate.mistakes import Columns, Rows, spoil, tear
from todoke.simulate.ward import Ward

__all__ = [
    "write_corrections",
    "write_font",
    "write_households",
    "write_pull_out",
    "write_readdress",
    "write_special_delivery",
]

_HOUSEHOLDS_A_PORTION = 100_000


def write_households(ward: Ward, inbox_dir: Path, *, on: date, passphrase: str | None, seq: int = 1) -> Path:
    """Write `households_<YYYYMMDD>_<seq>.csv` (+ `.pgp`) and its sidecar: default layout, all optional columns.

    CP932 (gaiji as F040…), CRLF, one row per member; the ward's mistakes are in it, and the repeated
    blocks of duplicate households stand at its end. Raises as `delivery.deliver`.
    """
    name = f"households_{on:%Y%m%d}_{seq:02d}.csv"
    return deliver(Path(inbox_dir), name, _household_lines(ward), passphrase=passphrase)


def write_font(ward: Ward, cloud_dir: Path) -> Path:
    """Write `EUDC.TTE` and its sidecar: every gaiji of the ward but the deliberately unknown ones (G04)."""
    folder = Path(cloud_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="todoke-") as made:
        font = make_eudc_font(ward.font_code_points, Path(made, "EUDC.TTE"))
        return publish(font, folder / "EUDC.TTE")


def _household_lines(ward: Ward) -> Iterator[list[str]]:
    yield [",".join(HOUSEHOLD_HEADER)]
    repeated: list[str] = []
    first = ward.first_person()
    for start, end in portions(len(ward.households), _HOUSEHOLDS_A_PORTION):
        here = ward.mistakes["household"].between(start, end - 1)
        lines, again = _spoilt_lines(member_columns(ward, start, end), ward.mistakes[here], first, first[start])
        repeated += again
        yield lines
    yield repeated


def _spoilt_lines(columns: Columns, mistakes: pd.DataFrame, first: Rows, offset: int) -> tuple[list[str], list[str]]:
    """The lines of a portion of the ward with its mistakes, and the lines that come again at the end."""
    where = [
        (number, reason, np.arange(first[number], first[number + 1]) - offset)
        for number, reason in zip(mistakes["household"], mistakes["reason"], strict=True)
    ]
    for number, reason, rows in where:
        spoil(columns, rows, reason, number)
    lines = csv_lines([pa.array(column, pa.string()) for column in columns.values()])
    repeated: list[str] = []
    for number, reason, rows in where:
        if reason == Finding.RAGGED:
            lines[rows[-1]] = tear(lines[rows[-1]], number)
        elif reason == Finding.HOUSEHOLD_DUPLICATE:
            repeated += [lines[row] for row in rows]
    return lines, repeated
