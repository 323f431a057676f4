"""Airflow executes every file of the plugin folder in every process: only the entry file may be let in."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("airflow")

FOLDER = Path(__file__).parents[2] / "plugins"
DAGS = Path(__file__).parents[2] / "dags"


def let_in(folder: Path) -> set[str]:
    from airflow._shared.module_loading import find_path_from_directory

    found = find_path_from_directory(folder, ".airflowignore", "glob")
    return {Path(file).relative_to(folder).as_posix() for file in found if file.endswith(".py")}


def test_only_the_entry_file_is_let_in():
    assert let_in(FOLDER) == {"todoke_plugin.py"}


def test_what_dag_files_share_is_no_dag_file():
    assert {file.partition("/")[0] for file in let_in(DAGS)} == {file.name for file in DAGS.glob("*.py")}


def test_the_entry_file_only_registers():
    tree = ast.parse((FOLDER / "todoke_plugin.py").read_text("utf-8"))
    assert {type(node) for node in tree.body} <= {ast.Expr, ast.ImportFrom, ast.ClassDef}


def test_the_timetables_are_registered():
    from airflow.plugins_manager import get_timetables_plugins

    assert {"business_timetables.BusinessDays", "business_timetables.ReportDays"} <= set(get_timetables_plugins())
