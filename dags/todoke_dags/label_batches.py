"""How approved labels are printed: one task locks them in batches, then several print these, side by side."""

from __future__ import annotations

from typing import Any

from airflow.sdk import task

from todoke_dags.run import Counts, business_date


def print_batches(contract: str, shares: Any) -> Any:
    """Print the batches that a task before it has locked.

    Args:
        shares: what that task returns, their ids in `label_claims.shared_out`.
    """

    @task(task_display_name="ラベルの出力", queue="heavy")
    def print_batches(batches: list[str]) -> Counts:
        """Print some batches; again, and they come out the same."""
        from todoke.process import labels

        return labels.print_batches(contract, business_date(), batches)

    return print_batches.expand(batches=shares)
