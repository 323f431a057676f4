"""A person's answer to a request, and what has to be keyed in beside it."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

#: What the form asks for beside a yes to an inspection. A no is taken without, so neither is required by the form.
INSPECTION = {
    "inspector": Param(
        None, type=["null", "string"], title="検査者（所属・氏名）", description="合格のときは必須です。"
    ),
    "inspected_on": Param(
        None, type=["null", "string"], format="date", title="検査日", description="合格のときは必須です。"
    ),
}


class AnswerOperator(HITLOperator):
    """Offers what the request itself may be answered with; without an answer in time the last of it, for nobody."""

    def execute(self, context: Any) -> Any:
        self._offer(context)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """The answer; what was keyed in is sealed, for it names a person and everybody at Airflow reads results."""
        from todoke.process import approval

        self._offer(context)
        contract = context["dag"].dag_id.rpartition("_")[0]
        keyed_in = {name: value for name, value in (event["params_input"] or {}).items() if name in self.params}
        answered = super().execute_complete(context, event | {"params_input": {}})
        return {**answered, "keyed_in": approval.sealed(contract, keyed_in)}

    def _offer(self, context: Any) -> None:
        from todoke.process import approvals

        offered = [approvals.Verdict(code) for code in context["params"]["options"]]
        self.options = [verdict.label for verdict in offered]
        self.defaults = self.options[-1:]
        self.params = ParamsDict(INSPECTION if approvals.Verdict.INSPECTED in offered else {})


def said(chosen: list[str], person: dict[str, str] | None) -> tuple[str, str]:
    """Verdict and account; when the time is over, Airflow chooses the default for nobody."""
    from todoke.process import approvals

    if person is None:
        return approvals.Verdict.EXPIRED.value, approvals.Verdict.EXPIRED.label
    return next(verdict.value for verdict in approvals.Verdict if [verdict.label] == chosen), person["name"]
