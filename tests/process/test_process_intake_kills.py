"""The intake killed at any file that it writes and any commit that it makes: the next run ends where it would have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import patch

import pytest
from corrections_sent import DAYS, B, C, blocks, sends, sends_abba, states
from programme import Programme
from small_ward import households, sealed

from todoke.intake import private_folder
from todoke.process import gaiji_proof, intake, layout_check, register_checks, returned_work
from todoke.store.files import FileStore
from todoke.store.ledger import Ledger


class Killed(BaseException):
    """The process is gone; nothing in the product may catch this."""


class Steps:
    """Counts files and write transactions, and ends the process in the middle of one or after it."""

    def __init__(self, at: int | None) -> None:
        self.count, self._at = 0, at

    def __call__(self) -> None:
        self.count += 1
        if self.count == self._at:
            raise Killed


@contextmanager
def stepping(at: int | None) -> Iterator[Steps]:
    steps = Steps(at)
    create, write = FileStore.create, Ledger.write

    @contextmanager
    def created(store: FileStore, key: str) -> Iterator[BinaryIO]:
        with create(store, key) as stream:
            yield stream
            steps()
        steps()

    @contextmanager
    def written(ledger: Ledger) -> Iterator[Any]:
        with write(ledger) as tx:
            yield tx
            steps()
        steps()

    with patch.object(FileStore, "create", created), patch.object(Ledger, "write", written):
        yield steps


def prepared(programme: Programme) -> None:
    """An approved file in the vault; in the inbox a good one, a repeat, an old revision, and a broken one."""
    sends_abba(programme, sealed)
    programme.answer()
    sends(programme, "corrections_20260724_1_r1.csv", sealed(C))
    sends(programme, "corrections_20260724_1.csv", sealed(B))
    sends(programme, "households_20260724_1.csv", sealed(households()))
    sends(programme, "households_20260724_2.csv", sealed(households()))
    sends(programme, "stop_20260724_1.csv", sealed(b"x,y\r\n1,2\r\n"))


def takes_all(programme: Programme) -> None:
    """A run ends with the refusal, its receipts are issued all the same."""
    from todoke.errors import FileRefused
    from todoke.process import receipts

    try:
        programme.run("intake", DAYS[3])
    except FileRefused:
        receipts.issue("gift", DAYS[3])


def end(programme: Programme) -> dict[str, Any]:
    return {
        "corrections": sorted(states(programme)),
        "households": states(programme, "households"),
        "stop": states(programme, "stop"),
        "blocks": blocks(programme),
        "rows": len(programme.version("ward_row")),
        "repeats": len(programme.rows("receipt_repeat")),
        "vault": len(list((programme.home / "vault").rglob("*.age"))),
        "certificates": len(programme.out("receipts")),
        "inbox": [path.name for path in programme.inbox("lgwan").iterdir()],
        "requests": len(programme.rows("approval_request")),
        "faults": programme.faults(),
    }


@pytest.fixture(scope="module")
def start(root, tmp_path_factory) -> Programme:
    programme = Programme(tmp_path_factory.mktemp("start") / "home", root)
    with programme.entered():
        prepared(programme)
    return programme


#: Dies while the payload lies open.
_DIES = """
import os, signal, sys
from datetime import date
from pathlib import Path
from todoke.intake import private_folder
from todoke.process import intake, receiving
private_folder._MEMORY = Path(sys.argv[1])
receiving.judge = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
intake.receive("gift", date(2026, 7, 24))
"""
#: A first step of each process, and what looks at files by hand.
_NEXT = {
    "look": lambda: intake.look("gift", DAYS[3]),
    "register": lambda: register_checks.validate("gift", DAYS[3]),
    "labels": lambda: gaiji_proof.prove("gift", DAYS[3]),
    "queries": lambda: returned_work.take_answers("gift", DAYS[3]),
    "layout check": lambda: list(layout_check.check("gift", "stop", Path("nowhere"), DAYS[3])),
}


@pytest.mark.parametrize("name", _NEXT)
def test_whatever_runs_next_removes_the_plaintext_that_a_killed_run_left(july: Programme, tmp_path, monkeypatch, name):
    memory = tmp_path / "memory"
    memory.mkdir()
    sends(july, "households_20260724_1.csv", sealed(households()))
    died = subprocess.run(
        [sys.executable, "-c", _DIES, memory], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert "世帯番号".encode("cp932") in next(path for path in memory.rglob("payload-*")).read_bytes()
    monkeypatch.setattr(private_folder, "_MEMORY", memory)
    with private_folder.private_folder() as living, suppress(OSError):
        _NEXT[name]()
        assert living.is_dir()
    assert not list(memory.iterdir())


def test_a_run_killed_at_any_step_is_finished_by_the_next(start: Programme, tmp_path):
    with start.copied(tmp_path / "undisturbed") as programme, programme.entered(), stepping(None) as steps:
        takes_all(programme)
        expected = end(programme)
    assert steps.count > 40
    assert expected["corrections"] == ["accepted"] * 4 + ["superseded"]
    assert (expected["households"], expected["stop"]) == (["accepted", "repeat"], ["refused"])
    assert (expected["blocks"], expected["inbox"]) == (["1-1-1", "2-2-2", "1-1-1", "3-3-3"], [])
    for step in range(1, steps.count + 1, 5):
        with start.copied(tmp_path / str(step)) as programme, programme.entered():
            with stepping(step), pytest.raises(Killed):
                takes_all(programme)
            takes_all(programme)
            assert end(programme) == expected, step
