"""Airflow's settings: made once, private, and never stronger than what the environment says."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from orchestration import settings
from todoke.errors import TodokeError


def test_secrets_are_made_once_and_are_the_owners_alone(tmp_path):
    first = settings.environment(tmp_path)
    for file in (tmp_path / "secrets.json", settings.password_file(tmp_path)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert settings.environment(tmp_path) == first
    for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"):
        assert len(first[name]) >= 32


def test_two_homes_share_no_secret(tmp_path):
    one, two = settings.environment(tmp_path / "a"), settings.environment(tmp_path / "b")
    assert one["AIRFLOW__API_AUTH__JWT_SECRET"] != two["AIRFLOW__API_AUTH__JWT_SECRET"]
    assert settings.admin_password(tmp_path / "a") != settings.admin_password(tmp_path / "b")


def test_the_password_is_in_no_variable(tmp_path):
    assert settings.admin_password(tmp_path) not in str(settings.environment(tmp_path))


def test_settings_are_those_measured_to_be_quick_and_quiet(tmp_path):
    told = settings.environment(tmp_path, port=8123)
    expected = {
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Asia/Tokyo",
        "AIRFLOW__CORE__PARALLELISM": str(os.cpu_count()),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "http://127.0.0.1:8123/execution/",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        "AIRFLOW__LOGGING__MIN_LENGTH_MASKED_SECRET": "2",
        "AIRFLOW__API__HOST": "127.0.0.1",
    }
    assert {name: told[name] for name in expected} == expected


def test_airflow_lives_in_todokes_home_unless_told_otherwise(tmp_path, monkeypatch):
    monkeypatch.delenv("AIRFLOW_HOME", raising=False)
    monkeypatch.setenv("TODOKE_HOME", str(tmp_path))
    assert settings.airflow_home() == tmp_path / "airflow"
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "elsewhere"))
    assert settings.airflow_home() == tmp_path / "elsewhere"


def test_a_home_on_an_object_store_needs_a_folder_for_airflow(monkeypatch):
    monkeypatch.delenv("AIRFLOW_HOME", raising=False)
    monkeypatch.setenv("TODOKE_HOME", "s3://somewhere")
    with pytest.raises(TodokeError, match="AIRFLOW_HOME"):
        settings.airflow_home()


def test_the_project_comes_first_on_the_path_and_the_rest_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/elsewhere", str(settings.ROOT / "src")]))
    path = settings.environment(tmp_path)["PYTHONPATH"].split(os.pathsep)
    assert path == [str(settings.ROOT / "src"), str(settings.ROOT), "/elsewhere"]
    assert Path(path[1], "orchestration").is_dir()
