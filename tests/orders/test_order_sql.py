"""The statements stay in the subset that DuckDB, PostgreSQL and Spark read alike (`notes/rules-and-matching.md`)."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

import todoke

FILES = sorted((Path(todoke.__file__).parents[2] / "include" / "sql" / "orders").glob("*.sql"))
BANNED = (
    r"DISTINCT\s+ON",
    r"QUALIFY",
    r"GROUP\s+BY\s+ALL",
    r"UNNEST",
    r"STRING_AGG|LISTAGG|GROUP_CONCAT|ARRAY_AGG",
    r"LIST_?\w*\s*\(",
    r"REGEXP_?\w*|RLIKE|SIMILAR",
    r"\bTEXT\b",
    r"VARCHAR\b(?!\s*\()",
    r"TO_CHAR|DATE_TRUNC|STRFTIME|CONCAT",
    r"LEVENSHTEIN|JARO\w*",
    r"::",
    r"~",
    r"!=",
    r"/",
    r"ON\s+CONFLICT|MERGE\s+INTO",
    r"EXCLUDE|REPLACE\s*\(\s*\w+\s+AS|COLUMNS\s*\(",
    r"\bNOW\s*\(|CURRENT_\w+|RANDOM\s*\(",
)


def statement(path: Path) -> str:
    """Without comments and quoted texts."""
    return re.sub(r"--[^\n]*|'[^']*'", "", path.read_text(encoding="utf-8"))


def test_there_are_statements_to_check() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_one_select_that_begins_with_its_purpose(path: Path) -> None:
    [parsed] = duckdb.extract_statements(path.read_text(encoding="utf-8"))
    assert parsed.type == duckdb.StatementType.SELECT
    assert path.read_text(encoding="utf-8").startswith("-- ")
    assert "{" not in statement(path)
    assert set(re.findall(r"[$:?]\w+", statement(path))) == {f"${name}" for name in parsed.named_parameters}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_statement_uses_nothing_that_engines_read_differently(path: Path) -> None:
    found = [construct for construct in BANNED if re.search(construct, statement(path), re.IGNORECASE)]
    assert found == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_order_says_where_nulls_go(path: Path) -> None:
    for order in re.findall(r"ORDER\s+BY(.*?)(?=\)\s+AS\b|\Z)", statement(path), re.IGNORECASE | re.DOTALL):
        directions = len(re.findall(r"\b(?:ASC|DESC)\b", order, re.IGNORECASE))
        assert directions == len(re.findall(r"NULLS\s+LAST", order, re.IGNORECASE)) > 0
        assert re.fullmatch(r".*NULLS\s+LAST\s*", order, re.IGNORECASE | re.DOTALL)
