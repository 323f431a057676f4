"""Airflow's services on this machine: `python -m orchestration.services up | down | status`.

The api-server comes first and is waited for: tasks talk to it, and a scheduler that is up before it loses them.
Each service leads a process group of its own, so that stopping it leaves no children behind.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from orchestration import settings
from orchestration.in_process import Airflow

SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer")
_HEALTHY_WITHIN = 120
_STOPPED_WITHIN = 20


def up(home: Path, port: int) -> int:
    """Start what does not run yet; 0 when Airflow says that all are healthy."""
    settings.apply(home, port)
    if not _pid(home, SERVICES[0]) and _health(port) is not None:
        print(f"ポート {port} は使用中です。TODOKE_PORT で別の番号を指定してください。", file=sys.stderr)
        return 1
    with Airflow(home):
        pass  # migrates the database and proves that every DAG file loads
    for service in SERVICES:
        if not _pid(home, service):
            _start(home, service)
        if service == "api-server" and not _wait(lambda: _health(port) is not None):
            print(f"api-server が起動しません。ログ: {_log(home, service)}", file=sys.stderr)
            down(home)
            return 1
    if not _wait(lambda: set((_health(port) or {}).values()) == {"healthy"}):
        print(f"起動しないものがあります: {_health(port)}  ログ: {home / 'logs'}", file=sys.stderr)
        return 1
    print(_welcome(home, port))
    return status(home)


def down(home: Path) -> int:
    """Stop the services in reverse order: asked first, killed when they do not go."""
    for service in reversed(SERVICES):
        pid = _pid(home, service)
        if pid:
            _stop_group(pid)
            print(f"停止しました: {service}")
        _pid_file(home, service).unlink(missing_ok=True)
    return 0


def status(home: Path) -> int:
    """Say which services live; 0 when all do."""
    pids = {service: _pid(home, service) for service in SERVICES}
    for service, pid in pids.items():
        print(f"{service:<14} {'稼働中 (pid ' + str(pid) + ')' if pid else '停止'}")
    return 0 if all(pids.values()) else 1


def _start(home: Path, service: str) -> None:
    command = [sys.executable, "-m", "airflow", service]
    with _log(home, service).open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    _pid_file(home, service).write_text(str(process.pid))


def _stop_group(pid: int) -> None:
    for sig, patience in ((signal.SIGTERM, _STOPPED_WITHIN), (signal.SIGKILL, 5)):
        try:
            os.killpg(pid, sig)
        except ProcessLookupError:
            return
        end = time.monotonic() + patience
        while time.monotonic() < end and _group_lives(pid):
            time.sleep(0.1)


def _group_lives(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # our own child has to be reaped to be gone
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _pid(home: Path, service: str) -> int | None:
    """The service's process id while it lives; the file may outlast it, and the number may be another's.

    A process that is just being started has no command line yet.
    """
    try:
        pid = int(_pid_file(home, service).read_text())
        leads_its_group = os.getpgid(pid) == pid
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return None
    command = Path(f"/proc/{pid}/cmdline")  # services change their title; where there is no /proc, trust the file
    is_airflow = not command.exists() or b"airflow" in (command.read_bytes() or b"airflow")
    return pid if leads_its_group and is_airflow else None


def _wait(ready: Callable[[], bool]) -> bool:
    end = time.monotonic() + _HEALTHY_WITHIN
    while time.monotonic() < end:
        if ready():
            return True
        time.sleep(0.3)
    return False


def _health(port: int) -> dict[str, str | None] | None:
    """What the api-server says of every service; None when there is no api-server."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/monitor/health", timeout=5) as answer:
            return {name: part["status"] for name, part in json.load(answer).items()}
    except urllib.error.HTTPError:
        return {}
    except OSError:
        return None


def _welcome(home: Path, port: int) -> str:
    return (
        f"\nAirflow: http://127.0.0.1:{port}/\n"
        f"  利用者 / user: {settings.ADMIN}\n"
        f"  パスワード / password: {settings.admin_password(home)}\n"
        f"  （{settings.password_file(home)} に保存）  ログ / logs: {home / 'logs'}\n"
    )


def _pid_file(home: Path, service: str) -> Path:
    return home / f"{service}.pid"


def _log(home: Path, service: str) -> Path:
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{service}.log"


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="orchestration.services", description="Airflowを起動・停止します")
    parser.add_argument("action", choices=("up", "down", "status"))
    action = parser.parse_args(arguments).action
    home = settings.airflow_home()
    if action == "up":
        return up(home, int(os.environ.get("TODOKE_PORT", settings.DEFAULT_PORT)))
    return down(home) if action == "down" else status(home)


if __name__ == "__main__":
    sys.exit(main())
