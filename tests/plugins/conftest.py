"""Lets these tests load Airflow as the tests of the DAGs do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "dags"))


@pytest.fixture(scope="session", autouse=True)
def airflow() -> None:
    import loaded_airflow

    loaded_airflow.dags()
