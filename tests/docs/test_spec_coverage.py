"""`docs/spec-coverage.md`: every requirement has its row, and what a row names is there."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "spec-coverage.md"
#: Requirements by the letter of their contract, numbered from 1.
REQUIREMENTS = {"G": 40, "C": 10, "T": 10, "S": 4, "N": 4, "P": 10, "K": 1}
STATES = ("done", "partly", "not yet")


@dataclass(frozen=True)
class Row:
    id: str
    duty: str
    tasks: tuple[str, ...]
    tests: tuple[str, ...]
    state: str
    missing: str


def _rows() -> list[Row]:
    found = []
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"[A-Z]\d\d", cells[0]):
            assert len(cells) == 6, cells[0]
            requirement, duty, tasks, tests, state, missing = cells
            names = [tuple(re.findall(r"`([^`]+)`", cell)) for cell in (tasks, tests)]
            found.append(Row(requirement, duty, *names, state, missing))
    return found


ROWS = _rows()


def _tasks_of_dags() -> set[str]:
    """`<dag>.<task>` of every task in `docs/dags.md`, which is generated from the DAGs and proven to be up to date."""
    page = (ROOT / "docs" / "dags.md").read_text("utf-8")
    chapters = re.split(r"^## .*（`(\w+)`）$", page, flags=re.MULTILINE)[1:]
    return {
        f"{dag}.{task}"
        for dag, chapter in zip(chapters[::2], chapters[1::2], strict=True)
        for task in re.findall(r"^\| `(\w+)` \|", chapter, flags=re.MULTILINE)
    }


def _tests_of(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def test_every_requirement_has_one_row_in_order():
    assert [row.id for row in ROWS] == [
        f"{letter}{number:02d}" for letter, count in REQUIREMENTS.items() for number in range(1, count + 1)
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_what_a_row_says_fits_its_state(row: Row):
    assert row.duty and row.state in STATES
    assert bool(row.tests) == (row.state != "not yet"), "a test shows what works, and nothing else"
    assert not (row.tasks and row.state == "not yet")
    if row.state == "done":
        assert row.tasks and row.missing == "–"
    if row.state == "partly":
        assert row.missing != "–"


def test_every_dag_and_task_named_is_there():
    named = {task for row in ROWS for task in row.tasks}
    assert named - _tasks_of_dags() == set()


def test_every_test_named_is_there():
    named = sorted({test for row in ROWS for test in row.tests})
    assert [name for name in named if not _is_there(*name.split("::"))] == []


def _is_there(file: str, function: str) -> bool:
    path = ROOT / "tests" / file
    return path.is_file() and function.startswith("test_") and function in _tests_of(path)
