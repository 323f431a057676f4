"""Airflow itself, run from here: its settings, runs in this process, its services, the page on its DAGs.

Beside `src/todoke`, which imports no Airflow.
"""
