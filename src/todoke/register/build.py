"""Makes a register version out of the ward's accepted rows: who is entitled, where they live, who is held (G01, G09).

A pure function of its inputs: the same receipts give the same version, row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from todoke.errors import GateClosed
from todoke.intake.changes import REASONS, check_changes
from todoke.intake.dates import parsed_dates
from todoke.store import sqlfiles
from todoke.store.engine import Engine
from todoke.store.schema import DELIVERY_INSTRUCTION, HOUSEHOLD, PERSON


class Register(NamedTuple):
    """`person` as `schema.PERSON`, `household` as `schema.HOUSEHOLD`; sorted by household and member number."""

    person: pa.Table
    household: pa.Table


def build(
    accepted: pa.Table, corrections: Iterable[pa.Table], special_delivery: pa.Table | None, reference_date: date
) -> Register:
    """The register after all files.

    Args:
        accepted: accepted rows of the base file and the additions, `schema.WARD_ROW`.
        corrections: accepted rows of the corrections in the order in which they take effect; a table may hold
            several files, told apart by receipt number, in order.
        special_delivery: `schema.DELIVERY_INSTRUCTION`.
        reference_date: entitlement follows the members on it.

    Returns:
        Deleted and held households stay, with their members, and say so in `state`.

    Raises:
        GateClosed: a household stands in two of the base files and additions.
        FileRefused: a correction cannot be carried out (`change_invalid`).
    """
    _check_once(accepted)
    with Engine() as engine:
        engine.register("member", _members(engine, accepted))
        engine.register("standing", _fetch(engine, "base_standing"))
        reasons = pa.table({"written": list(REASONS), "code": list(REASONS.values())})
        engine.register("change_reason", reasons)
        for rows in _files(corrections):
            _correct(engine, rows, reference_date)
        instructions = special_delivery if special_delivery is not None else DELIVERY_INSTRUCTION.empty_table()
        engine.register("special_delivery", instructions)
        return Register(_fetch(engine, "person").cast(PERSON), _fetch(engine, "household").cast(HOUSEHOLD))


def _correct(engine: Engine, rows: pa.Table, reference_date: date) -> None:
    """Carry one corrections file out on `member` and `standing`."""
    check_changes(rows)
    engine.register("sent_member", _members(engine, rows))
    engine.register("change", _fetch(engine, "change", reference_date=reference_date))
    engine.register("renamed_member", _fetch(engine, "renamed_member"))
    members, standing = _fetch(engine, "changed_member"), _fetch(engine, "changed_standing")
    engine.register("member", members)
    engine.register("standing", standing)


def _members(engine: Engine, rows: pa.Table) -> pa.Table:
    engine.register("ward_row", rows)
    engine.register("parsed_date", parsed_dates(rows["birth_date"], rows["changed_on"]))
    return _fetch(engine, "ward_member")


def _fetch(engine: Engine, name: str, **params: object) -> pa.Table:
    return engine.fetch(sqlfiles.load("register", name), params)


def _files(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    for table in tables:
        for receipt in pc.unique(table["receipt_no"]):
            yield table.filter(pc.equal(table["receipt_no"], receipt))


def _check_once(accepted: pa.Table) -> None:
    files = accepted.select(["household_no", "receipt_no"]).group_by(["household_no", "receipt_no"]).aggregate([])
    twice = files.num_rows - pc.count_distinct(files["household_no"]).as_py()
    if twice:
        raise GateClosed(
            f"{twice}世帯が2つ以上のファイルにあります",
            where="households、additions",
            next_step="追加ファイルの世帯を、登録済みの世帯と照らし合わせて隔離してください",
        )
