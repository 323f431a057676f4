"""What all tests share: stores of their own, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

import databases
from todoke.store.ledger import Ledger

settings.register_profile("todoke", deadline=None, print_blob=True)
settings.load_profile("todoke")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        databases.prepare_session()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        databases.end_session()


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest) -> Iterator[databases.Stores]:
    """Empty stores of the contract `databases.CONTRACT`, named by the environment."""
    own = databases.Stores(request.param, databases.folder("stores") / "home")
    with own.entered():
        yield own
    own.removed()


@pytest.fixture
def ledger(stores: databases.Stores) -> Ledger:
    """An empty ledger."""
    return Ledger(databases.CONTRACT)
