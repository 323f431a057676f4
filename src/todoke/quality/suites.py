"""Great Expectations (GX Core 1.x) over whole datasets: the gate, and what its documentation is made of.

The suites are kept as written files in `expectations/`. Results hold counts and never a value: GX would keep
unexpected values of persons in anything above `BASIC`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from todoke.contract.loader import project_root
from todoke.errors import GateClosed
from todoke.model.codes import Finding
from todoke.quality.findings import READER_FINDINGS, by_reason

if TYPE_CHECKING:
    import pandas as pd

_FINDINGS = {finding.value: finding for finding in Finding}
_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class Check:
    """One expectation's result.

    Attributes:
        name: type and column.
        title: what is expected, in Japanese.
        reason: the quarantine reason that has to count the same, if any.
        evaluated: values looked at; unexpected: those not as expected.
    """

    name: str
    title: str
    reason: Finding | None
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


def run_suite(name: str, frame: pd.DataFrame) -> SuiteResult:
    """Run `expectations/<name>.json` over a frame (for households: `frame.suite_frame`), in memory only.

    Raises:
        GateClosed: an expectation could not be computed; the message names it, without GX's own text.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    written = json.loads((project_root() / "expectations" / f"{name}.json").read_text("utf-8"))
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = context.data_sources.add_pandas(name).add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
    suite = gx.ExpectationSuite(name=name, expectations=written["expectations"])
    result = batch.get_batch(batch_parameters={"dataframe": frame}).validate(suite, result_format=_COUNTS_ONLY)
    checks = tuple(_check(one.to_json_dict(), name) for one in result.results)
    in_order = {_name(one): place for place, one in enumerate(written["expectations"])}
    return SuiteResult(
        name, written["meta"]["title"], len(frame), tuple(sorted(checks, key=lambda check: in_order[check.name]))
    )


def gate(result: SuiteResult) -> None:
    """Let only rows pass that fulfil every check.

    Raises:
        GateClosed: names the checks and how many values fail.
    """
    if failed := [check for check in result.checks if not check.success]:
        raise GateClosed(
            "品質検査に合わない行が残っています: "
            + "、".join(f"{check.title}（{check.unexpected}件）" for check in failed),
            where=result.suite,
            next_step="隔離の規則と検査の定義を見比べてください。世帯台帳は更新していません",
        )


def agree(result: SuiteResult, found: pa.Table) -> list[str]:
    """Where the suite over the landed rows and the quarantine count differently, in Japanese; empty when they agree.

    Findings of the reader have no landed row and are left out.
    """
    lines = {reason: rows for reason, (_, rows) in by_reason(found).items() if reason not in READER_FINDINGS}
    seen: dict[Finding, int] = {}
    for check in result.checks:
        if check.reason is not None:
            seen[check.reason] = seen.get(check.reason, 0) + check.unexpected
    return [
        f"{reason.label}: 品質検査 {seen.get(reason, 0)}件、隔離 {lines.get(reason, 0)}件"
        for reason in Finding
        if seen.get(reason, 0) != lines.get(reason, 0)
    ]


def _check(one: dict[str, Any], suite: str) -> Check:
    config, result, failure = one["expectation_config"], one["result"], one.get("exception_info") or {}
    name = _name(config)
    if any(isinstance(part, dict) and part.get("raised_exception") for part in (failure, *failure.values())):
        raise GateClosed(
            f"品質検査を実行できません: {name}",
            where=suite,
            next_step=f"expectations/{suite}.json の定義を確かめてください",
        )
    evaluated = int(result.get("element_count", 0)) - int(result.get("missing_count", 0))
    meta = config.get("meta") or {}
    reason = _FINDINGS[meta["reason"]] if "reason" in meta else None
    unexpected = int(result.get("unexpected_count", 0))
    return Check(name, meta["title"], reason, evaluated, unexpected, bool(one["success"]))


def _name(config: dict[str, Any]) -> str:
    column = config["kwargs"].get("column")
    return f"{config['type']}:{column}" if column else str(config["type"])
