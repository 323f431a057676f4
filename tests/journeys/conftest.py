"""Offices of the tiny contract and the days they live through."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny_world import Office

import databases

sys.path[:0] = [str(Path(__file__).parents[1] / room) for room in ("process", "labels")]  # the small ward


@pytest.fixture
def office(stores: databases.Stores, tmp_path: Path) -> Office:
    """An office over empty stores."""
    return Office(tmp_path / "mailbox")
