"""The rules as SQL files: `include/sql/<process>/<name>.sql`, one statement a file."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

import todoke
from todoke.errors import TodokeError


def _folder(process: str) -> Path:
    """The folder of a process below the project's root: `TODOKE_ROOT`, else where the package's source lies."""
    root = os.environ.get("TODOKE_ROOT")
    return (Path(root) if root else Path(todoke.__file__).parents[2]) / "include" / "sql" / process


def load(process: str, name: str) -> str:
    """The text of a statement.

    Raises:
        TodokeError: there is no such file; the installation is incomplete.
    """
    return _read(_folder(process) / f"{name}.sql")


@cache
def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TodokeError(
            "SQLファイルがありません",
            where=f"{path.parent.name}/{path.name}",
            next_step="TODOKE_ROOT と配置（include/sql）を確認してください",
        ) from None


def digest(process: str) -> str:
    """SHA-256 over the names and texts of a process's files: part of the ids of the versions they make."""
    seal = hashlib.sha256()
    for path in sorted(_folder(process).glob("*.sql")):
        text = path.read_bytes()
        seal.update(f"{path.name}:{len(text)}:".encode())
        seal.update(text)
    return seal.hexdigest()
