"""How approved labels are printed: one task locks them in batches, then one a batch prints, side by side."""

from __future__ import annotations

from typing import Any

from airflow.sdk import task

from todoke_dags.run import Counts, business_date


def print_batches(contract: str, batches: Any) -> Any:
    """Print each of the batches that a task before it has locked.

    Args:
        batches: what that task returns, their ids.
    """

    @task(task_display_name="ラベルの出力", queue="heavy")
    def print_batch(batch: str) -> Counts:
        """Print one batch; again, and it comes out the same."""
        from todoke.process import labels

        return labels.print_batch(contract, business_date(), batch)

    return print_batch.expand(batch=batches)
