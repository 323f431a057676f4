"""The ward's own count of households: taken from the rows that it sent, beside register and quarantine (G04).

The register is made from these rows by rules. Counted apart, a household that the rules lose is missed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from todoke.process.register_answers import standing_answers
from todoke.process.ward_files import FileName, as_judged, counting, file_names
from todoke.process.workspace import Workspace
from todoke.store.ledger import VersionRef
from todoke.store.schema import DATASETS

_LANDED = ("ward_row", "addition_row", "correction_row")
_SENT = ("receipt_no", "row_no", "household_no", "former_household_no", "change_kind")
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

    Base file, additions and corrections, in every state that was published; of rows that could not be read, those that
    say their household. What another revision took the place of before anybody saw it has said nothing. What is taken
    away by a correction was in another file, or never was. A household that the ward gave another number is one
    household.
    """
    with ws.ledger.read() as tx:
        names = file_names(tx, ws.contract.id)
        made_from = {
            name: [version for version in ws.ledger.versions(tx, name) if version.id in register.inputs]
            for name in (*_LANDED, "bad_row", "quarantine", "register_answer", "query_answer")
        }
    said = _rows(ws, "query_answer", made_from, DATASETS["query_answer"].names)
    sent = [as_judged(ws, name, _heard(ws, name, made_from, names), said) for name in _LANDED]
    sent[-1] = sent[-1].filter(pc.not_equal(sent[-1]["change_kind"], "削除"))
    receipts = pa.chunked_array([chunk for rows in sent for chunk in rows["receipt_no"].chunks], pa.string())
    bad = _rows(ws, "bad_row", made_from, ["receipt_no", "household_no"])
    unread = bad.filter(pc.is_in(bad["receipt_no"], value_set=pc.unique(receipts)))
    households = ws.version_table("household", register, ["household_no", "ward_no"])
    answers = _rows(ws, "register_answer", made_from, DATASETS["register_answer"].names)
    numbers = set[str]().union(*(_numbers(rows) for rows in (*sent, unread)))
    of_ward = _first_numbers(numbers, households, [*_former(sent), *_said_same(answers)])
    registered = _numbers(households)
    # a household of the register whose correction is in quarantine counts once, in the register
    quarantined = (_numbers(_rows(ws, "quarantine", made_from, ["household_no"])) & of_ward) - registered
    return WardCount(register.id, len(of_ward), len(quarantined))


def _rows(ws: Workspace, name: str, made_from: Mapping[str, list[VersionRef]], columns: Sequence[str]) -> pa.Table:
    return pa.concat_tables(
        [ws.version_table(name, None, columns), *(ws.version_table(name, ref, columns) for ref in made_from[name])]
    )


def _heard(
    ws: Workspace, name: str, made_from: Mapping[str, list[VersionRef]], names: Mapping[str, FileName]
) -> pa.Table:
    """The rows of a landed dataset whose files came to count by one of these versions."""
    versions = [ws.version_table(name, ref, _SENT) for ref in made_from[name]]
    receipts = [pc.unique(rows["receipt_no"]).to_pylist() for rows in versions]
    heard = pa.array([no for each in counting(receipts, names) for no in each], pa.string())
    rows = pa.concat_tables([ws.version_table(name, None, _SENT), *versions])
    return rows.filter(pc.is_in(rows["receipt_no"], value_set=heard))


def _numbers(rows: pa.Table) -> set[str]:
    numbers = pc.unique(rows["household_no"]).drop_null()
    return set(numbers.filter(pc.match_substring_regex(numbers, _NUMBER)).to_pylist())


def _former(sent: Sequence[pa.Table]) -> Iterator[tuple[str, str]]:
    """A number and the one that the ward says it had before."""
    for rows in sent:
        named = rows.filter(pc.match_substring_regex(rows["former_household_no"], _NUMBER))
        yield from set(zip(named["household_no"].to_pylist(), named["former_household_no"].to_pylist(), strict=True))


def _said_same(answers: pa.Table) -> Iterator[tuple[str, str]]:
    answers = standing_answers(answers)
    same = answers.filter(pc.equal(answers["verdict"], "same"))
    yield from zip(same["household_no"].to_pylist(), same["other_no"].to_pylist(), strict=True)


def _first_numbers(numbers: set[str], households: pa.Table, links: Iterable[tuple[str, str]]) -> set[str]:
    """The numbers under which the register knows these households; one that it does not know stays itself."""
    columns = (households[name].to_pylist() for name in ("ward_no", "household_no"))
    first = dict(zip(*columns, strict=True)) | {number: number for number in households["household_no"].to_pylist()}
    near: dict[str, set[str]] = defaultdict(set)
    for one, other in links:
        near[one].add(other)
        near[other].add(one)
    return {_known(number, first, near) for number in numbers}


def _known(number: str, first: Mapping[str, str], near: Mapping[str, set[str]]) -> str:
    seen, waiting = {number}, [number]
    while waiting:
        here = waiting.pop()
        if here in first:
            return first[here]
        more = near.get(here, set()) - seen
        seen |= more
        waiting += sorted(more)
    return number
