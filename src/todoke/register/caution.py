"""Whom to hold while a register waits for a person, or rows for the ward's answer: nothing goes where it may have to be
taken back (G09)."""

from __future__ import annotations

import pyarrow as pa

from todoke.intake.character_codes import BLANKS
from todoke.store import sqlfiles
from todoke.store.engine import Engine
from todoke.store.schema import REGISTER_CAUTION


def cautions(in_force: pa.Table, waiting: pa.Table) -> pa.Table:
    """Households to hold until the waiting register is released or refused.

    Args:
        in_force, waiting: `schema.HOUSEHOLD`.

    Returns:
        `schema.REGISTER_CAUTION`, sorted by household.
    """
    with Engine() as engine:
        engine.register("household_before", in_force)
        engine.register("household_after", waiting)
        return engine.fetch(sqlfiles.load("register", "caution")).cast(REGISTER_CAUTION)


def doubts(aside: pa.Table, sent: pa.Table, files: pa.Table) -> pa.Table:
    """Households to hold until the ward has answered what is in quarantine about them.

    Args:
        aside: receipt_no, household_no, reason of the quarantine's lines that stand.
        sent: receipt_no, household_no, change_kind, confidential of corrections, stops and instructions.
        files: receipt_no, kind; lines of other files are left out.

    Returns:
        `schema.REGISTER_CAUTION`, sorted by household; who is to be taken for confidential.
    """
    with Engine() as engine:
        inputs = {"aside": aside, "sent_row": sent, "file": files}
        return engine.run(sqlfiles.load("register", "doubt"), inputs, {"blanks": BLANKS}).cast(REGISTER_CAUTION)
