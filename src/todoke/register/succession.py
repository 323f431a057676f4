"""Who is whose successor: a household that the ward gave another number stays the household that we know.

A successor stands in the register under the number of the first of its predecessors, so that the application number,
used points, claims and parcels that the ledger keeps by that number are its own (`interfaces.md`, from the ward).
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from todoke.errors import GateClosed
from todoke.store.schema import HOUSEHOLD_ALIAS


def aliases(made: pa.Table) -> pa.Table:
    """Every number of every chain of successors.

    Args:
        made: household_no (the successor), other_no (its predecessor).

    Returns:
        `schema.HOUSEHOLD_ALIAS`.

    Raises:
        GateClosed: two successors of one household, two predecessors of one, or a circle.
    """
    successors, predecessors = made["household_no"].to_pylist(), made["other_no"].to_pylist()
    before = dict(zip(successors, predecessors, strict=True))
    after = dict(zip(predecessors, successors, strict=True))
    rows = []
    for number in sorted(before.keys() | after.keys()):
        chain = [number]
        while chain[-1] in before and len(chain) <= len(before):
            chain.append(before[chain[-1]])
        if len(chain) > len(before) + 1 or chain[-1] in before:
            raise _impossible(made.num_rows)
        rows.append({"household_no": number, "identity_no": chain[-1], "is_last": number not in after})
    if len(before) != made.num_rows or len(after) != made.num_rows:
        raise _impossible(made.num_rows)
    return pa.Table.from_pylist(rows, HOUSEHOLD_ALIAS)


def _impossible(count: int) -> GateClosed:
    return GateClosed(
        "世帯の引継ぎの回答が食い違っています（1つの世帯を2つの世帯が引き継いでいます）",
        where=f"引継ぎ {count}件",
        next_step="todoke register questions で回答を確かめ、担当の技術者に連絡してください",
    )


def under_identity(rows: pa.Table, alias: pa.Table) -> pa.Table:
    """Rows of a ward's list with each household under the number that it is known by, whichever of its own they name.

    Args:
        rows: with household_no.
        alias: `schema.HOUSEHOLD_ALIAS`.
    """
    if not alias.num_rows:
        return rows
    place = pc.index_in(rows["household_no"], alias["household_no"].combine_chunks())
    known = alias["identity_no"].combine_chunks().take(place.combine_chunks())
    column = rows.schema.get_field_index("household_no")
    return rows.set_column(column, "household_no", pc.coalesce(known, rows["household_no"]))
