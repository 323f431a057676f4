"""Corrections that a ward sends one after the other, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from programme import Programme
from small_ward import CORRECTION_HEADER, COUPLE, correction, drop, home_of, table

DAYS = [date(2026, 7, day) for day in range(21, 29)]


def block(number: str, text: str) -> bytes:
    """A correction that puts a household at another block."""
    return table(CORRECTION_HEADER, correction(replace(home_of(number), block=text)))


A, B, C = block(COUPLE, "1-1-1"), block(COUPLE, "2-2-2"), block(COUPLE, "3-3-3")


def sends(programme: Programme, name: str, content: bytes) -> Path:
    return drop(programme.inbox("lgwan"), name, content)


def takes(programme: Programme, on: date) -> Any:
    return programme.run("intake", on)["receive"]


def receipts(programme: Programme, kind: str) -> list[tuple[str, str, str | None]]:
    """Name, state, reason in the order in which they got their state."""
    rows = sorted(programme.rows("receipt", kind=kind), key=lambda row: row["seq"])
    return [(row["file_name"], row["state"], row["reason"]) for row in rows]


def states(programme: Programme, kind: str = "corrections") -> list[str]:
    return [state for _, state, _ in receipts(programme, kind)]


def landed(programme: Programme) -> list[str]:
    """The blocks that corrections gave, in the order in which they were taken."""
    return list(dict.fromkeys((row["receipt_no"], row["block"]) for row in programme.version("correction_row")))


def blocks(programme: Programme) -> list[str]:
    return [block for _, block in landed(programme)]


def sends_abba(programme: Programme, form: Callable[[bytes], bytes]) -> None:
    """Correction A, then B, then A again."""
    for day, content in zip(DAYS, (A, B, A), strict=False):
        sends(programme, f"corrections_{day:%Y%m%d}_1.csv", form(content))
        takes(programme, day)
