"""What is committed: no traces of a machine, one statement a SQL file, nothing longer than a reader likes."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
#: Made by a program: the lock.
GENERATED = {"requirements.txt"}
PROSE_AND_CODE = {".py", ".sql", ".md", ".yaml", ".toml", ".j2", ".json", ".mako", ""}
#: Patterns that do not match themselves: this file does not hold what it looks for.
MACHINE_FOLDERS = r"(?<![\w.])/(?:home/[a-z]|Users/[A-Za-z]|[r]oot/|[w]ork/|[f]arm/)"
REGISTRIES = r"pypi[.]org|[p]ythonhosted|npmjs[.]com|deb[.]debian"
UNFINISHED = r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b"
RESERVED = re.compile(r"(^|\.)example(\.(jp|com|org|net|co\.jp))?$")


def _committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def _is_text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:8192]


FILES = _committed()
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in FILES if _is_text(path)}
STATEMENTS = {name: text for name, text in TEXTS.items() if name.endswith(".sql")}
MODULES = {name: text for name, text in TEXTS.items() if name.endswith(".py")}


def _holding(pattern: str) -> list[str]:
    found = re.compile(pattern)
    return [f"{name}: {hit.group()}" for name, text in TEXTS.items() if (hit := found.search(text))]


def test_there_is_something_to_look_at():
    assert len(STATEMENTS) > 50 and len(MODULES) > 100


def test_no_file_names_a_folder_of_a_machine():
    assert _holding(MACHINE_FOLDERS) == []
    assert _holding(rf"{re.escape(str(ROOT))}\b(?!-)") == []


def test_no_file_names_a_registry():
    assert _holding(REGISTRIES) == []


def test_nothing_is_left_to_be_done():
    assert _holding(UNFINISHED) == []


def test_every_mail_address_is_a_reserved_one():
    found = {
        (name, domain)
        for name, text in TEXTS.items()
        for domain in re.findall(r"[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,})\b", text)
        if not RESERVED.search(domain)
    }
    assert found == set()


def test_no_key_and_no_data_of_a_run_is_committed():
    assert [name for name in TEXTS if name.split("/")[0] in {"var", "secrets", "build"}] == []
    assert [path.name for path in FILES if path.suffix in {".age", ".db", ".parquet", ".pgp", ".gpg", ".eml"}] == []


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_a_sql_file_is_one_statement(name: str):
    code = re.sub(r"--[^\n]*", "", STATEMENTS[name]).strip()
    assert re.match(r"(SELECT|WITH)\b", code)
    assert ";" not in code.removesuffix(";")


def test_no_file_is_too_long():
    counted = {
        name: text.count("\n")
        for name, text in TEXTS.items()
        if Path(name).suffix in PROSE_AND_CODE and name not in GENERATED
    }
    assert {name: lines for name, lines in counted.items() if lines > LONGEST_FILE} == {}


def test_every_function_fits_a_screen():
    too_long = [
        f"{name}:{node.lineno} {node.name}"
        for name, text in MODULES.items()
        if not name.startswith("tests/")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= LONGEST_FUNCTION
        and "migrations" not in name
    ]
    assert too_long == []
