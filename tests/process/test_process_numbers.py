"""A number is given once, stays with its household through every version, and is never given again."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

import databases
from todoke.model.codes import BEFORE_NUMBER
from todoke.process.register import _give_numbers
from todoke.register.numbers import is_valid
from todoke.store import database
from todoke.store import tables as t
from todoke.store.ledger import Ledger
from todoke.store.schema import HOUSEHOLD

REASONS = (None, "died", "stopped", *sorted(BEFORE_NUMBER))
versions = st.lists(
    st.dictionaries(st.integers(1, 12).map(str), st.sampled_from(REASONS), min_size=1), min_size=1, max_size=6
)


class _UndoneError(Exception):
    """Ends a case without leaving a trace of it."""


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(versions)
def test_numbers_stay_through_all_versions_and_wait_while_a_household_is_in_question(tmp_path: Path, versions):
    with databases.environment(TODOKE_HOME=str(tmp_path), TODOKE_LEDGER=None, TODOKE_GIFT_KEY=databases.KEY):
        ledger = Ledger("gift")
        ws = SimpleNamespace(contract=SimpleNamespace(id="gift"), ledger=ledger)
        with contextlib.suppress(_UndoneError), ledger.write() as tx:
            known: dict[str, str] = {}
            for version in versions:
                rows = [{"household_no": no, "state_reason": reason} for no, reason in sorted(version.items())]
                new = _give_numbers(ws, tx, pa.Table.from_pylist(rows, HOUSEHOLD))
                c = t.application_number.c
                given_now = dict(tx.execute(select(c.household_no, c.application_no)).tuples().all())
                certain = {no for no, reason in version.items() if reason not in BEFORE_NUMBER}
                assert {no: given_now[no] for no in known} == known
                assert given_now.keys() == known.keys() | certain
                assert new == len(given_now) - len(known)
                assert len(set(given_now.values())) == len(given_now)
                assert all(map(is_valid, given_now.values()))
                known = given_now
            raise _UndoneError
        database.engine_of("gift").dispose()


def test_the_database_refuses_a_number_or_a_place_that_was_given_before(tmp_path: Path):
    with databases.environment(TODOKE_HOME=str(tmp_path), TODOKE_LEDGER=None, TODOKE_GIFT_KEY=databases.KEY):
        ledger = Ledger("gift")
        first = {"contract": "gift", "household_no": "1", "application_no": "1234567889", "position": 0}
        with ledger.write() as tx:
            tx.execute(insert(t.application_number).values(first))
        for again in ({"household_no": "2", "position": 1}, {"household_no": "2", "application_no": "1111111130"}, {}):
            with pytest.raises(IntegrityError), ledger.write() as tx:
                tx.execute(insert(t.application_number).values(first | again))
        database.engine_of("gift").dispose()
