"""Several runs of the intake at once: every file is taken once, whoever comes first."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from corrections_sent import DAYS, A, B, C, blocks, sends, sends_abba, states
from programme import CONTRACT, Programme
from small_ward import households, sealed

from todoke.process import intake


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
def test_two_runs_at_once_take_each_file_once(empty: Programme, attempt: int):
    for seq, content in enumerate((A, B, C), 1):
        sends(empty, f"corrections_20260721_{seq}.csv", content)
    sends(empty, "households_20260721_1.csv", households())
    assert race(*[lambda: intake.receive(CONTRACT, DAYS[0])] * 3) == []
    intake.receive(CONTRACT, DAYS[0])
    assert states(empty) == ["accepted"] * 3
    assert states(empty, "households") == ["accepted"]
    assert sorted(blocks(empty)) == ["1-1-1", "2-2-2", "3-3-3"]
    assert empty.rows("receipt_repeat") == []
    assert list(empty.inbox("lgwan").iterdir()) == []
    assert len(list((empty.home / "vault").rglob("*.age"))) == 4
    assert empty.faults() == []


@pytest.mark.parametrize("attempt", range(2))
def test_two_runs_at_once_take_the_same_content_in_two_envelopes_once(empty: Programme, attempt: int):
    for seq in (1, 2):
        sends(empty, f"corrections_20260721_{seq}.csv", sealed(A))
    assert race(*[lambda: intake.receive(CONTRACT, DAYS[0])] * 2) == []
    assert sorted(states(empty)) == ["accepted", "repeat"]
    assert blocks(empty) == ["1-1-1"]


def test_two_runs_at_once_take_an_approved_file_once(empty: Programme):
    sends_abba(empty, sealed)
    empty.answer()
    assert race(*[lambda: intake.receive(CONTRACT, DAYS[3])] * 2) == []
    assert states(empty) == ["accepted"] * 3
    assert blocks(empty) == ["1-1-1", "2-2-2", "1-1-1"]
