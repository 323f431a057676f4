"""Ending a process at any step that leaves something behind: before, in the middle of and after it.

Production code has no hooks for this: commits are counted through SQLAlchemy, files through `FileStore.create`.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import patch

from sqlalchemy import Connection, event
from tiny_days import TOILETS_FROM, run_day
from tiny_rules import day
from tiny_world import Office

import databases
from todoke.outbox.send import resolve
from todoke.outbox.transmit import InDoubt
from todoke.store import database
from todoke.store.files import FileStore


class Crash(BaseException):
    """The process is gone; nothing in the product may catch this."""


class Steps:
    """Counts steps as they happen and crashes at one of them."""

    def __init__(self, crash_at: int | None = None) -> None:
        self.names: list[str] = []
        self._crash_at = crash_at

    def __call__(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) - 1 == self._crash_at:
            raise Crash(name)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Counts what happens to the stores of the environment meanwhile."""
        engine = database.engine_of(databases.CONTRACT)
        commit, writing = engine.dialect.do_commit, False

        def before_commit(connection: Connection) -> None:
            nonlocal writing
            writing = bool(connection.get_execution_options().get(database._WRITING))
            if writing:
                self("before a commit")

        def do_commit(connection: Any) -> None:
            nonlocal writing
            commit(connection)
            if writing:
                writing = False
                self("after a commit")

        event.listen(engine, "commit", before_commit)
        engine.dialect.do_commit = do_commit  # type: ignore[method-assign]
        try:
            with patch.object(FileStore, "create", self._file(FileStore.create)):
                yield
        finally:
            event.remove(engine, "commit", before_commit)
            engine.dialect.do_commit = commit  # type: ignore[method-assign]

    def _file(self, create: Callable[..., Any]) -> Callable[..., Any]:
        @contextlib.contextmanager
        def counted(store: FileStore, key: str) -> Iterator[BinaryIO]:
            self("before a file")
            with create(store, key) as stream:
                yield stream
                self("in the middle of a file")
            self("after a file")

        return counted


def office_of(mailbox: Path, steps: Callable[[str], None] | None = None) -> Office:
    office = Office(mailbox, toilets_from=TOILETS_FROM)
    if steps is not None:
        office.step = steps
    return office


def run_again(office: Office, number: int) -> None:
    """The day's normal run after a crash; where a mail is in doubt, an operator looks whether it has arrived."""
    try:
        run_day(office, number)
    except InDoubt:
        message_id = str(office.message(day(number))["Message-ID"])
        resolve(office.ledger, f"report/{day(number)}", sent=message_id in office.mails(), by_whom="operator")
        run_day(office, number)


def run_until_killed(variables: dict[str, str | None], mailbox: str, number: int, ready: Pipe) -> None:
    """The body of a process that its parent kills."""
    with databases.environment(**variables):
        office = office_of(Path(mailbox))
        ready.send(os.getpid())
        run_day(office, number)
        ready.send("done")
        time.sleep(60)


def moments(seed: int) -> Iterator[tuple[int, float]]:
    """Days and seconds into them."""
    draw = random.Random(seed)
    while True:
        yield draw.randint(1, 3), draw.uniform(0.0, 0.25)
