"""Airflow with the project's DAG files, loaded once a process; the environment is left as it was."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from orchestration import settings
from orchestration.in_process import load_dags


@cache
def dags() -> dict[str, Any]:
    """The DAGs by id; afterwards `business_timetables` and `todoke_dags` can be imported."""
    home = Path(tempfile.mkdtemp(prefix="airflow-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    before = dict(os.environ)
    try:
        for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
            del os.environ[name]
        settings.apply(home)
        return load_dags()
    finally:
        os.environ.clear()
        os.environ.update(before)
