"""The benchmark of the stages goes with the steps that it measures: nothing else runs it whole."""

from __future__ import annotations

import importlib
import runpy
from pathlib import Path

import pytest

_BENCH = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "stages.py"))
_STAGES = sorted({step[:2] for step in _BENCH["STORY"] if not isinstance(step, str)})


@pytest.mark.parametrize(("process", "function"), _STAGES)
def test_every_stage_that_is_measured_is_a_step_of_its_process(process: str, function: str):
    assert callable(getattr(importlib.import_module(f"todoke.process.{process}"), function))


def test_what_is_done_between_the_stages_is_there():
    assert {step for step in _BENCH["STORY"] if isinstance(step, str)} == _BENCH["_OUTSIDE"].keys()
