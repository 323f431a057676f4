"""Real processes for tests: forked from a clean server that has done the slow imports once."""

from __future__ import annotations

import multiprocessing
import os
import sys
from functools import lru_cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

import databases


@lru_cache(maxsize=1)
def context() -> ForkServerContext:
    """Where processes come from; none shares memory, connections or locks with the tests'."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["crashes", "racing"])
    with databases.environment(PYTHONPATH=os.pathsep.join(sys.path)):
        forkserver.ensure_running()
    return processes
