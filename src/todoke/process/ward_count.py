"""The ward's own count of households: taken from the rows that it sent, beside register and quarantine (G04).

The register is made from these rows by rules. Counted apart, a household that the rules lose is missed.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from todoke.process.workspace import Workspace
from todoke.store.ledger import VersionRef

_LANDED = ("ward_row", "addition_row", "correction_row")
#: A household number, or what stands in its place and can hold no name: the quarantine shows the same.
_NUMBER = r"\A[0-9A-Z-]{1,20}\z"


@dataclass(frozen=True)
class WardCount:
    """Distinct households in the rows that the version `register` was made from, and how many of them it lacks
    because they are in quarantine."""

    register: str
    households: int
    quarantined: int


def ward_count(ws: Workspace, register: VersionRef) -> WardCount:
    """Counts the households in the ward's files that a version of `household` was made from.

    Base file, additions and corrections; of rows that could not be read, those that say their household. What is
    taken away by a correction was in another file, or never was.
    """
    with ws.ledger.read() as tx:
        made_from = {
            name: version
            for name in (*_LANDED, "bad_row", "quarantine")
            for version in ws.ledger.versions(tx, name)
            if version.id in register.inputs
        }
    sent = [ws.version_table(name, made_from.get(name)) for name in _LANDED]
    sent[-1] = sent[-1].filter(pc.not_equal(sent[-1]["change_kind"], "削除"))
    receipts = pa.chunked_array([chunk for rows in sent for chunk in rows["receipt_no"].chunks], pa.string())
    bad = ws.version_table("bad_row", made_from.get("bad_row"), ["receipt_no", "household_no"])
    unread = bad.filter(pc.is_in(bad["receipt_no"], value_set=pc.unique(receipts)))
    of_ward = set[str]().union(*(_numbers(rows) for rows in (*sent, unread)))
    registered = _numbers(ws.version_table("household", register, ["household_no"]))
    found = ws.version_table("quarantine", made_from.get("quarantine"), ["household_no"])
    # a household of the register whose correction is in quarantine counts once, in the register
    quarantined = (_numbers(found) & of_ward) - registered
    return WardCount(register.id, len(of_ward), len(quarantined))


def _numbers(rows: pa.Table) -> set[str]:
    numbers = pc.unique(rows["household_no"]).drop_null()
    return set(numbers.filter(pc.match_substring_regex(numbers, _NUMBER)).to_pylist())
