"""Airflow's settings as environment variables, so that every command and service of it sees the same ones.

A variable that is set already wins: production gives its own database, executor, auth manager and secrets.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from pathlib import Path

from todoke.errors import TodokeError

ROOT = Path(__file__).parents[1]
ADMIN = "admin"
DEFAULT_PORT = 8080


def airflow_home() -> Path:
    """Where Airflow keeps its database, logs and secrets: `AIRFLOW_HOME`, else `TODOKE_HOME/airflow`.

    Raises:
        TodokeError: `TODOKE_HOME` is no folder of this machine and `AIRFLOW_HOME` is not set.
    """
    if "AIRFLOW_HOME" in os.environ:
        return Path(os.environ["AIRFLOW_HOME"]).resolve()
    home = os.environ.get("TODOKE_HOME", "./var")
    if "://" in home:
        raise TodokeError(
            "Airflowの置き場所が決まりません",
            where="TODOKE_HOME",
            next_step="AIRFLOW_HOME にこの機械のフォルダーを指定してください",
        )
    return (Path(home) / "airflow").resolve()


def environment(home: Path, port: int = DEFAULT_PORT) -> dict[str, str]:
    """All variables for an Airflow that lives in `home`; makes its folder and, once, its secrets."""
    home.mkdir(parents=True, exist_ok=True)
    address = f"http://127.0.0.1:{port}"
    options: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": ROOT / "dags",
            "plugins_folder": ROOT / "plugins",
            "load_examples": False,
            # Nothing starts by itself all the same: no start_date, no catch-up, own timetables.
            "dags_are_paused_at_creation": False,
            "default_timezone": "Asia/Tokyo",
            "executor": "LocalExecutor",
            "default_task_retry_delay": 30,
            "parallelism": os.cpu_count() or 2,
            "execution_api_server_url": f"{address}/execution/",
            "simple_auth_manager_users": f"{ADMIN}:admin",
            "simple_auth_manager_passwords_file": password_file(home),
        },
        "database": {"sql_alchemy_conn": f"sqlite:///{home / 'airflow.db'}"},
        # A slot is held until the next heartbeat after a task's end, and the scheduler naps between loops.
        "workers": {"min_heartbeat_interval": 1},
        "scheduler": {"scheduler_idle_sleep_time": 0.1},
        "logging": {"base_log_folder": home / "logs", "min_length_masked_secret": 2},
        "api": {"host": "127.0.0.1", "port": port, "base_url": address, "workers": 1, "instance_name": "届け"},
        "usage_data_collection": {"enabled": False},
    }
    values = {
        f"AIRFLOW__{section}__{key}".upper(): str(value)
        for section, keys in options.items()
        for key, value in keys.items()
    }
    return {"AIRFLOW_HOME": str(home), "PYTHONPATH": _python_path(), **values, **_secrets(home)}


def apply(home: Path, port: int = DEFAULT_PORT) -> None:
    """Put `environment()` into this process.

    Raises:
        RuntimeError: Airflow has been imported with another home; it reads its settings then.
    """
    loaded = sys.modules.get("airflow.configuration")
    if loaded is not None and str(home) != loaded.AIRFLOW_HOME:
        raise RuntimeError(f"Airflow is loaded with {loaded.AIRFLOW_HOME}")
    for name, value in environment(home, port).items():
        if name == "PYTHONPATH":
            os.environ[name] = value
        else:
            os.environ.setdefault(name, value)


def password_file(home: Path) -> Path:
    """The file that holds the password of `ADMIN`, readable by its owner alone."""
    return home / "passwords.json"


def admin_password(home: Path) -> str:
    """The password of `ADMIN`; makes it the first time."""
    file = password_file(home)
    if not file.exists():
        _write_private(file, json.dumps({ADMIN: secrets.token_urlsafe(12)}))
    return json.loads(file.read_text())[ADMIN]


def _secrets(home: Path) -> dict[str, str]:
    """Keys that all services share, made once."""
    file = home / "secrets.json"
    if not file.exists():
        values = {
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
        }
        _write_private(file, json.dumps(values))
    admin_password(home)
    return json.loads(file.read_text())


def _write_private(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)


def _python_path() -> str:
    """Tasks import `todoke` from this checkout; what was on the path stays behind it."""
    mine = [str(ROOT / "src"), str(ROOT)]
    others = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part not in mine]
    return os.pathsep.join(mine + others)
