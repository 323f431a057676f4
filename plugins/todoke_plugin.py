"""The one file of this folder that Airflow executes: it registers what is Todoke's own face of Airflow."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from business_timetables import BusinessDays, ReportDays


class TodokePlugin(AirflowPlugin):
    """Timetables of a contract's open days."""

    name = "todoke"
    timetables = [BusinessDays, ReportDays]  # noqa: RUF012 - the attribute is Airflow's
