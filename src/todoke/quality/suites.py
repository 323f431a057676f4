"""Great Expectations (GX Core 1.x) over whole datasets: the gate, and what its documentation is made of.

The suites are kept as written files in `expectations/`. Results hold counts and never a value: GX would keep
unexpected values of persons in anything above `BASIC`.
"""

from __future__ import annotations

import gc
import json
import logging
import os
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from todoke.contract.loader import project_root
from todoke.errors import GateClosed
from todoke.model.codes import Labelled

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class Check:
    """One expectation's result.

    Attributes:
        name: type and columns.
        title: what is expected, in Japanese.
        reason: code of the rule that has to count the same, if any.
        evaluated: values looked at; unexpected: those not as expected.
    """

    name: str
    title: str
    reason: str | None
    evaluated: int
    unexpected: int
    success: bool


@dataclass(frozen=True)
class SuiteResult:
    """`rows` looked at and the checks in the suite's order."""

    suite: str
    title: str
    rows: int
    checks: tuple[Check, ...]

    @property
    def success(self) -> bool:
        """Whether every check is fulfilled."""
        return all(check.success for check in self.checks)

    def __add__(self, other: SuiteResult) -> SuiteResult:
        """The suite over the rows of two parts: counts of values add up; a check of a table as such (that it has
        rows) holds where it holds of a part.
        """
        checks = tuple(
            Check(
                one.name,
                one.title,
                one.reason,
                one.evaluated + two.evaluated,
                one.unexpected + two.unexpected,
                one.success and two.success if one.evaluated and two.evaluated else one.success or two.success,
            )
            for one, two in zip(self.checks, other.checks, strict=True)
        )
        return SuiteResult(self.suite, self.title, self.rows + other.rows, checks)

    def within(self, whole: SuiteResult) -> SuiteResult:
        """These rows as a part of `whole`: a check of a table as such is the whole's, for a part may be empty."""
        checks = tuple(
            replace(one, success=other.success) if one.name.startswith("expect_table_") else one
            for one, other in zip(self.checks, whole.checks, strict=True)
        )
        return replace(self, checks=checks)


def run_suite(name: str, frame: pd.DataFrame) -> SuiteResult:
    """Run `expectations/<name>.json` over a frame (for households: `frame.suite_frame`), in memory only.

    Importing GX takes 2 CPU seconds and 270 MB, once a process; a day's postcards then take 0.2 to 0.4 s, a ward 1 s.

    Raises:
        GateClosed: an expectation could not be computed; the message names it, without GX's own text.
    """
    written = json.loads((project_root() / "expectations" / f"{name}.json").read_text("utf-8"))
    expectations = written["expectations"]
    try:
        results = _validate(name, expectations, frame)
    except Exception:  # GX's own text may hold values of records
        raise _broken("全体", name) from None
    in_order = {_name(one): place for place, one in enumerate(expectations)}
    checks = sorted((_check(one, name) for one in results), key=lambda check: in_order[check.name])
    return SuiteResult(name, written["meta"]["title"], len(frame), tuple(checks))


def gate(result: SuiteResult, *, documented: Collection[str] = ()) -> None:
    """Let only rows pass that fulfil every check.

    Args:
        documented: reasons whose checks are counted and shown, and close nothing.

    Raises:
        GateClosed: names the checks and how many values fail.
    """
    if failed := [check for check in result.checks if not check.success and check.reason not in documented]:
        raise GateClosed(
            "品質検査に合わない行が残っています: "
            + "、".join(f"{check.title}（{check.unexpected}件）" for check in failed),
            where=f"expectations/{result.suite}.json",
            next_step="取込みの規則と検査の定義を見比べてください。後の処理には進んでいません",
        )


def agree(result: SuiteResult, found: pa.Table, reasons: Collection[Labelled]) -> None:
    """Compare what the suite counts with what the SQL rules found.

    Args:
        found: a column `reason`, one row a finding.
        reasons: those that both must count; what else is found (by the reader, without a landed row) is left out.

    Raises:
        GateClosed: names the reasons that are counted differently, with both counts.
    """
    lines = Counter(found["reason"].to_pylist())
    seen: Counter[str] = Counter()
    for check in result.checks:
        if check.reason is not None:
            seen[check.reason] += check.unexpected
    differing = [
        f"{reason.label}: 品質検査 {seen[reason]}件、規則 {lines[reason]}件"
        for reason in reasons
        if seen[reason] != lines[reason]
    ]
    differing += sorted(f"{code}: 規則にない理由" for code in seen.keys() - {str(reason) for reason in reasons})
    if differing:
        raise GateClosed(
            "品質検査と規則の件数が合いません: " + "、".join(differing),
            where=f"expectations/{result.suite}.json",
            next_step="規則（SQL）と検査の定義を見比べてください。後の処理には進んでいません",
        )


def _validate(name: str, expectations: list[dict[str, Any]], frame: pd.DataFrame) -> list[dict[str, Any]]:
    gx = _great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = context.data_sources.add_pandas(name).add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
    # a validation definition reads the frame once; a batch's own `validate` fingerprints it a second time
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    with _no_garbage_collection():
        run = definition.run(batch_parameters={"dataframe": frame}, result_format=_COUNTS_ONLY)
    return [one.to_json_dict() for one in run.results]


def _great_expectations() -> Any:
    """GX, of which warnings and errors alone are heard: it tells of 200 of its own functions while it is imported."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    with _no_garbage_collection():
        import great_expectations as gx
        from great_expectations.data_context.types import base

    base.logger.setLevel(logging.NOTSET)  # it sets itself to INFO
    return gx


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Looking for garbage among modules that stay takes a fifth of the import's time, a tenth of a run's."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _check(one: dict[str, Any], suite: str) -> Check:
    config, result, failure = one["expectation_config"], one["result"], one.get("exception_info") or {}
    name = _name(config)
    if any(isinstance(part, dict) and part.get("raised_exception") for part in (failure, *failure.values())):
        raise _broken(name, suite)
    evaluated = int(result.get("element_count", 0)) - int(result.get("missing_count", 0))
    meta = config.get("meta") or {}
    unexpected = int(result.get("unexpected_count", 0))
    return Check(name, meta["title"], meta.get("reason"), evaluated, unexpected, bool(one["success"]))


def _broken(name: str, suite: str) -> GateClosed:
    return GateClosed(
        f"品質検査を実行できません: {name}",
        where=suite,
        next_step=f"expectations/{suite}.json の定義を確かめてください",
    )


def _name(config: dict[str, Any]) -> str:
    kwargs = config["kwargs"]
    columns = kwargs.get("column_list") or [kwargs.get("column", "")]
    return ":".join([config["type"], *columns])
