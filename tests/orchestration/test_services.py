"""Stopping a service leaves none of its children behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psutil

from orchestration import services

STUBBORN_PARENT = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("ready", flush=True)
time.sleep(600)
"""


def start(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_a_service_that_does_not_go_is_killed_with_its_children(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(services, "_STOPPED_WITHIN", 0.5)
    with start(STUBBORN_PARENT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        children = psutil.Process(process.pid).children()
        services._remember(tmp_path, "scheduler", process.pid)
        assert services.down(tmp_path) == 0
        assert children
        assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
        assert process.wait(5) == -signal.SIGKILL
    assert not (tmp_path / "scheduler.pid").exists()
    assert "scheduler      停止しました" in capsys.readouterr().out


def test_a_number_that_is_another_programs_now_is_left_alone(tmp_path):
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        (tmp_path / "scheduler.pid").write_text(f"{other.pid} {time.time() - 3600}")
        services.down(tmp_path)
        time.sleep(0.1)
        still_there = other.poll() is None
        other.kill()
    assert still_there


def test_nothing_to_stop_is_no_error(tmp_path, capsys):
    assert services.down(tmp_path) == 0
    assert services.status(tmp_path) == 1
    assert capsys.readouterr().out.count("停止") == 8
