"""Stops, instructions and new addresses as the suite looks at them: whether each names a known household (G07, G09)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from todoke.quality.findings import NOTICE_RULES, Targets
from todoke.quality.suites import SuiteResult, agree, gate, run_suite

if TYPE_CHECKING:
    import pandas as pd


def with_notices(
    over_accepted: SuiteResult, over_landed: SuiteResult, targets: Targets, found: pa.Table
) -> tuple[SuiteResult, SuiteResult]:
    """The results over the ward's rows with those over its stops and instructions, where there are any.

    Args:
        found: the quarantine of all files.

    Raises:
        GateClosed: suite and rules count differently.
    """
    if not targets.notices.num_rows:
        return over_accepted, over_landed
    frame = _frame(targets)
    mine = found.filter(pc.is_in(found["receipt_no"], pc.unique(targets.notices["receipt_no"])))
    whole = run_suite("notices", frame)
    agree(whole, mine, NOTICE_RULES)
    sound = run_suite("notices", frame[frame["unknown_household"] == 0])
    gate(sound)
    return _joined(over_accepted, sound), _joined(over_landed, whole)


def _frame(targets: Targets) -> pd.DataFrame:
    import pandas as pd

    numbers = targets.notices["household_no"]
    usable = np.asarray(pc.fill_null(pc.match_substring_regex(numbers, r"\A[0-9]{1,15}\z"), fill_value=False))
    known = np.asarray(pc.is_in(numbers, targets.known["household_no"].combine_chunks()))
    unknown = np.where(usable, ~known, np.nan).astype(np.float32)
    return pd.DataFrame({"household_no": numbers.to_pandas(), "unknown_household": unknown})


def _joined(one: SuiteResult, notices: SuiteResult) -> SuiteResult:
    return replace(one, rows=one.rows + notices.rows, checks=(*one.checks, *notices.checks))
