"""The DAGs as Airflow loads them."""

from __future__ import annotations

from typing import Any

import loaded_airflow
import pytest


@pytest.fixture(scope="session")
def dags() -> dict[str, Any]:
    return loaded_airflow.dags()
