"""The one file of this folder that Airflow executes: it registers what is Todoke's own face of Airflow."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from business_timetables import BusinessDays, ReportDays
from quality_pages import PREFIX, app


class TodokePlugin(AirflowPlugin):
    """Timetables of a contract's open days, and the pages of the quality checks."""

    name = "todoke"
    timetables = [BusinessDays, ReportDays]  # noqa: RUF012 - the attribute is Airflow's
    fastapi_apps = [{"app": app, "url_prefix": PREFIX, "name": "品質検査の文書"}]  # noqa: RUF012
