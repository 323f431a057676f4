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
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from orchestration import demo_environment, settings
from orchestration.in_process import Airflow

SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer")
_HEALTHY_WITHIN = 120
_STOPPED_WITHIN = 20


def up(home: Path, port: int) -> int:
    """Start what does not run yet; 0 when Airflow says that all are healthy."""
    os.environ.pop("TODOKE_NOW", None)  # the demo's clock stands still; services live in the present
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
    """Stop all services, the api-server last: asked first, killed when they do not go."""
    for together in (SERVICES[1:], SERVICES[:1]):
        living = {service: pid for service in together if (pid := _pid(home, service))}
        for sig, patience in ((signal.SIGTERM, _STOPPED_WITHIN), (signal.SIGKILL, 5)):
            _signal_groups(living.values(), sig, patience)
        for service in together:
            _pid_file(home, service).unlink(missing_ok=True)
            print(f"{service:<14} 停止しました" if service in living else f"{service:<14} 停止しています")
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
    _remember(home, service, process.pid)


def _signal_groups(leaders: Iterable[int], sig: signal.Signals, patience: float) -> None:
    """Send `sig` to the groups that live and wait until they are gone or `patience` seconds are over."""
    living = [pid for pid in leaders if _group_lives(pid)]
    for pid in living:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, sig)
    end = time.monotonic() + patience
    while time.monotonic() < end and any(map(_group_lives, living)):
        time.sleep(0.1)


def _group_lives(leader: int) -> bool:
    """Whether a process of the group still runs; one that is dead but not yet buried by its parent does not."""
    for process in psutil.process_iter(["status"]):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
                return True
    return False


def _pid(home: Path, service: str) -> int | None:
    """The service's process id while it lives; after a while its number may be another program's."""
    try:
        pid, born = _pid_file(home, service).read_text().split()
        process = psutil.Process(int(pid))
        is_it = abs(process.create_time() - float(born)) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, ValueError, psutil.Error):
        return None
    return process.pid if is_it else None


def _remember(home: Path, service: str, pid: int) -> None:
    _pid_file(home, service).write_text(f"{pid} {psutil.Process(pid).create_time()}")


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
    demo_environment.apply_if_made()  # tasks of a demo need its keys
    home = settings.airflow_home()
    if action == "up":
        return up(home, int(os.environ.get("TODOKE_PORT", settings.DEFAULT_PORT)))
    return down(home) if action == "down" else status(home)


if __name__ == "__main__":
    sys.exit(main())
