"""Several runs of the intake at once: every file is taken once, whoever comes first."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Thread

import pytest
from corrections_sent import DAYS, A, B, C, blocks, sends, sends_abba, states
from programme import CONTRACT, Programme
from small_ward import households, sealed

import databases
from todoke.process import intake


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Iterator[Programme]:
    """A programme to which nothing has happened, on either ledger."""
    url = None
    if request.param == "postgresql":
        url = databases.create_postgresql("template1", f"arrivals_{secrets.token_hex(4)}")
    with Programme(tmp_path / "home", root, url).entered() as programme:
        yield programme
    if url is not None:
        databases.drop_postgresql(url)


def race(*turns: Callable[[], None]) -> list[BaseException]:
    """Runs all at once; what any of them raised."""
    start, failures = Barrier(len(turns)), []

    def run(turn: Callable[[], None]) -> None:
        start.wait()
        try:
            turn()
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=run, args=(turn,)) for turn in turns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return failures


@pytest.mark.parametrize("attempt", range(3))
def test_two_runs_at_once_take_each_file_once(anywhere: Programme, attempt: int):
    for seq, content in enumerate((A, B, C), 1):
        sends(anywhere, f"corrections_20260721_{seq}.csv", content)
    sends(anywhere, "households_20260721_1.csv", households())
    assert race(*[lambda: intake.receive(CONTRACT, DAYS[0])] * 3) == []
    intake.receive(CONTRACT, DAYS[0])
    assert states(anywhere) == ["accepted"] * 3
    assert states(anywhere, "households") == ["accepted"]
    assert sorted(blocks(anywhere)) == ["1-1-1", "2-2-2", "3-3-3"]
    assert anywhere.rows("receipt_repeat") == []
    assert list(anywhere.inbox("lgwan").iterdir()) == []
    assert len(list((anywhere.home / "vault").rglob("*.age"))) == 4
    assert anywhere.faults() == []


@pytest.mark.parametrize("attempt", range(2))
def test_two_runs_at_once_take_the_same_content_in_two_envelopes_once(anywhere: Programme, attempt: int):
    for seq in (1, 2):
        sends(anywhere, f"corrections_20260721_{seq}.csv", sealed(A))
    assert race(*[lambda: intake.receive(CONTRACT, DAYS[0])] * 2) == []
    assert sorted(states(anywhere)) == ["accepted", "repeat"]
    assert blocks(anywhere) == ["1-1-1"]


def test_two_runs_at_once_take_an_approved_file_once(anywhere: Programme):
    sends_abba(anywhere, sealed)
    anywhere.answer()
    assert race(*[lambda: intake.receive(CONTRACT, DAYS[3])] * 2) == []
    assert states(anywhere) == ["accepted"] * 3
    assert blocks(anywhere) == ["1-1-1", "2-2-2", "1-1-1"]
