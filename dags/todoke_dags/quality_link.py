"""The button of a task that leads to the page of its quality check."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink, XComArg
from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.xcom import XCom


class QualityPageLink(BaseOperatorLink):
    """To the page that the task's result names; a run that checked nothing has none."""

    name = "品質検査の文書"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        counts = XCom.get_value(ti_key=ti_key, key="return_value") or {}
        base = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
        return f"{base}/quality/{counts['page']}" if "page" in counts else ""


def with_quality_page(checked: Any) -> Any:
    """The task's output, its task with the button."""
    assert isinstance(checked, XComArg)
    checked.operator.operator_extra_links = (QualityPageLink(),)
    return checked
