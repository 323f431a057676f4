"""A person's answer to a request, and what has to be keyed in beside it.

Airflow keeps what its form shows and takes, in `hitl_detail` and in the log of its API, for good: it asks for no name.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict


def inspection(inspectors: Mapping[str, str]) -> dict[str, Param]:
    """What the form asks for beside a yes to an inspection. A no is taken without, so neither is required by the form.

    Args:
        inspectors: who of the ward may have inspected: posts by code.
    """
    return {
        "inspector": Param(
            None,
            type=["null", "string"],
            enum=[None, *inspectors],
            values_display={"null": "（未選択）", **{code: f"{code} {post}" for code, post in inspectors.items()}},
            title="検査者",
            description="合格のときは必須です。氏名は記入しません。一覧にない人は契約ファイル（client.inspectors）に足します。",
        ),
        "inspected_on": Param(
            None, type=["null", "string"], format="date", title="検査日", description="合格のときは必須です。"
        ),
    }


def batches(offered: int) -> dict[str, Param]:
    """What the form asks for beside a yes to labels in several batches: how many of them, from the first on."""
    return {
        "batches": Param(
            offered,
            type=["null", "integer"],
            minimum=1,
            maximum=offered,
            title="印刷する束の数",
            description=f"先頭（郵便番号・町名の順。秘匿世帯は配送方法の順が先）から何束を印刷するか（全{offered}束）。残りは、次の実行で改めて依頼します。",
        )
    }


class AnswerOperator(HITLOperator):
    """Offers what the request itself may be answered with; without an answer in time the last of it, for nobody."""

    def execute(self, context: Any) -> Any:
        self._offer(context)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """The answer; of what was keyed in only what the form offers goes on: anything else might name somebody."""
        self._offer(context)
        return super().execute_complete(context, event | {"params_input": self._offered(event["params_input"] or {})})

    def _offer(self, context: Any) -> None:
        from todoke.process import approval, approvals

        offered = [approvals.Verdict(code) for code in context["params"]["options"]]
        self.options = [verdict.label for verdict in offered]
        self.defaults = self.options[-1:]
        parted = context["params"].get("batches", 0)
        self.params = ParamsDict(batches(parted) if parted > 1 else {})
        if approvals.Verdict.INSPECTED in offered:
            contract = context["dag"].dag_id.rpartition("_")[0]
            self.params = ParamsDict(inspection(approval.inspectors(contract)))

    def _offered(self, keyed_in: Mapping[str, Any]) -> dict[str, str | int | None]:
        if "batches" in self.params:
            number, most = keyed_in.get("batches", self.params["batches"]), self.params["batches"]
            return {"batches": number if type(number) is int and 1 <= number <= most else None}
        if not self.params:
            return {}
        who, day = keyed_in.get("inspector"), None
        codes = self.params.get_param("inspector").schema["enum"]
        with suppress(TypeError, ValueError):
            day = date.fromisoformat(keyed_in.get("inspected_on", "")).isoformat()
        return {"inspector": who if who in codes else None, "inspected_on": day}


def said(chosen: list[str], person: dict[str, str] | None) -> tuple[str, str]:
    """Verdict and account; when the time is over, Airflow chooses the default for nobody."""
    from todoke.process import approvals

    if person is None:
        return approvals.Verdict.EXPIRED.value, approvals.Verdict.EXPIRED.label
    return next(verdict.value for verdict in approvals.Verdict if [verdict.label] == chosen), person["name"]
