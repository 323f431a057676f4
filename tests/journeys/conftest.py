"""Offices of the tiny contract and the days they live through."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_world import Office

import databases


@pytest.fixture
def office(stores: databases.Stores, tmp_path: Path) -> Office:
    """An office over empty stores."""
    return Office(tmp_path / "mailbox")
