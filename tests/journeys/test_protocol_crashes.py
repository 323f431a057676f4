"""Whatever step a run dies at, running it again ends as if nothing had happened; nothing is done twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import processes
import pytest
from crashes import Crash, Steps, moments, office_of, run_again, run_until_killed
from tiny_days import DAYS, run_day
from tiny_world import dump, outbox

import databases
from todoke.store.ledger import Ledger
from todoke.store.verify import verify


@dataclass(frozen=True)
class Story:
    """Undisturbed days. The stores keep the state before each as `day1`, `day2`…"""

    stores: databases.Stores
    mailbox: Path
    ends: list[dict[str, Any]]
    steps: list[list[str]]

    def go_back_to(self, number: int) -> None:
        """Brings back the state before a day."""
        self.stores.restore(f"day{number}")
        for mail in self.mailbox.iterdir():
            if int(mail.stem) >= number - 1:
                mail.unlink()


def _held(mailbox: Path) -> dict[str, Any]:
    office = office_of(mailbox)
    ledger = dump(office)
    del ledger["send_decision"]  # that an operator has looked is the one trace that a crash may leave
    return {"ledger": ledger, "outbox": outbox(office), "mails": office.mails()}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    folder = databases.folder("story")
    stores, mailbox = databases.Stores(request.param, folder / "home"), folder / "mail"
    ends, steps = [], []
    with stores.entered():
        for number in range(1, DAYS + 1):
            stores.keep(f"day{number}")
            watch = Steps()
            with watch.watched():
                run_day(office_of(mailbox, watch), number)
            ends.append(_held(mailbox))
            assert verify(Ledger(databases.CONTRACT)) == []
            steps.append(watch.names)
        yield Story(stores, mailbox, ends, steps)
    stores.removed()


@pytest.mark.parametrize("number", range(1, DAYS + 1))
def test_a_crash_at_any_step_of_a_day_leaves_no_trace_once_the_day_has_run_again(story: Story, number: int) -> None:
    """For every step: the stores as they were before the day, a run that dies there, a normal run.

    Rows of the ledger, outgoing files and mails are then equal to those of the undisturbed day; so all that follows
    is equal too, and a crash in a later day is proven by that day's own test.
    """
    steps = story.steps[number - 1]
    assert {"before a commit", "after a file", "first line written", "after the mail is taken"} <= set(steps)
    for crash_at, (before, name) in enumerate(pairwise(("", *steps))):
        if story.stores.kind == "postgresql" and before.startswith("after") and name.startswith("before"):
            continue  # nothing lies between the two; on SQLite, which is faster, both are tried all the same
        story.go_back_to(number)
        watch = Steps(crash_at)
        with pytest.raises(Crash), watch.watched():
            run_day(office_of(story.mailbox, watch), number)
        run_again(office_of(story.mailbox), number)
        assert _held(story.mailbox) == story.ends[number - 1], f"after a crash at step {crash_at}: {name}"


def test_a_day_run_again_changes_no_row_and_no_file(story: Story) -> None:
    story.go_back_to(1)
    for number in range(1, DAYS + 1):
        run_day(office_of(story.mailbox), number)
        before = _bytes_of(story.stores.home / "outbox")
        run_day(office_of(story.mailbox), number)
        assert _held(story.mailbox) == story.ends[number - 1]
        assert _bytes_of(story.stores.home / "outbox") == before


def _bytes_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("seed", range(2))
def test_sigkill_at_a_random_moment_leaves_no_trace_once_the_day_has_run_again(story: Story, seed: int) -> None:
    for number, seconds in islice(moments(seed), 4):
        story.go_back_to(number)
        _run_and_kill(story.stores, story.mailbox, number, seconds)
        run_again(office_of(story.mailbox), number)
        assert _held(story.mailbox) == story.ends[number - 1], f"killed {seconds:.3f} s into day {number}"


def _run_and_kill(stores: databases.Stores, mailbox: Path, number: int, seconds: float) -> None:
    ready, theirs = processes.context().Pipe()
    victim = processes.context().Process(target=run_until_killed, args=(stores.variables, str(mailbox), number, theirs))
    victim.start()
    assert ready.poll(30)
    pid = ready.recv()
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    victim.join()
    assert victim.exitcode == -signal.SIGKILL
