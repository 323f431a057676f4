"""The ward's files in the order in which they take effect, whatever the order in which they came (G01, G07).

Files build on each other by the date and number in their names, `<kind>_<YYYYMMDD>_<seq>[_r<revision>]`; of several
revisions the highest counts. What has been published is not taken back: a later revision of it acts as corrections.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from todoke.model.codes import Question
from todoke.process.workspace import Workspace
from todoke.quality.findings import accepted_rows
from todoke.quality.queries import corrected
from todoke.register.build import Revision
from todoke.store import tables as t
from todoke.store.ledger import VersionRef

_NAME = re.compile(r"_(\d{8})_(\d+)(?:_r(\d+))?\.", re.ASCII)

#: Which file a revision is one of: kind, date and number.
Group = tuple[str, str, int]


@dataclass(frozen=True, order=True)
class FileName:
    """Where a file stands among the ward's; files without such a name come last, in the order of their arrival."""

    day: str
    seq: int
    revision: int
    received_at: str
    receipt_no: str
    kind: str

    @property
    def said_on(self) -> date:
        """The day in the name; without one, that of the arrival."""
        return date.fromisoformat(self.received_at[:10]) if self.day > "99" else date.fromisoformat(self.day)

    @property
    def group(self) -> Group:
        """All states of the register's base are one file."""
        return (self.kind, "", 0) if self.kind == "households" else (self.kind, self.day, self.seq)


def file_names(tx: Connection, contract: str) -> dict[str, FileName]:
    """Every received file by its receipt number."""
    c = t.receipt.c
    rows = tx.execute(select(c.receipt_no, c.kind, c.file_name, c.received_at).where(c.contract == contract))
    return {no: _file_name(no, kind, name, at.isoformat()) for no, kind, name, at in rows}


def _file_name(receipt_no: str, kind: str, name: str, at: str) -> FileName:
    found = _NAME.search(name)
    day, seq, revision = found.groups() if found else ("99999999", "0", None)
    return FileName(day, int(seq), int(revision or 0), at, receipt_no, kind)


def in_effect(rows: pa.Table, names: Mapping[str, FileName]) -> pa.Table:
    """The rows of the highest revision of each file, file by file in the order of effect."""
    receipts = pc.unique(rows["receipt_no"]).to_pylist()
    highest = highest_revisions(receipts, names)
    parts = [rows.filter(pc.equal(rows["receipt_no"], receipt)) for receipt in highest]
    return pa.concat_tables(parts) if parts else rows


def highest_revisions(receipts: Iterable[str], names: Mapping[str, FileName]) -> list[str]:
    """One receipt a file, in the order of effect."""
    last: dict[Group, str] = {}
    for receipt in sorted(receipts, key=lambda no: names[no]):
        last[names[receipt].group] = receipt
    return sorted(last.values(), key=lambda no: names[no])


def additions_in_order(
    base: pa.Table, additions: pa.Table, names: Mapping[str, FileName]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Each additions file, in the order of effect, with the rows of the base and of the other files before it.

    A household that stands among the latter comes again; a revision of a file does not repeat the file.
    """
    before: list[tuple[Group | None, pa.Table]] = [(None, base.select(["household_no"]))]
    for receipt in sorted(pc.unique(additions["receipt_no"]).to_pylist(), key=lambda no: names[no]):
        file = additions.filter(pc.equal(additions["receipt_no"], receipt))
        group = names[receipt].group
        yield file, pa.concat_tables([rows for other, rows in before if other != group])
        before.append((group, file.select(["household_no"])))


@dataclass(frozen=True)
class Judged:
    """A dataset's version with the quarantine that was found over it."""

    rows: VersionRef
    quarantine: VersionRef


@dataclass(frozen=True)
class State:
    """A file as it was, or is to be, published.

    Attributes:
        accepted: its accepted rows, `schema.WARD_ROW`.
        named: household_no of all its rows, those in quarantine too.
    """

    receipt_no: str
    accepted: pa.Table
    named: pa.ChunkedArray


def published_states(
    ws: Workspace,
    published: Iterable[Judged],
    head: Judged | None,
    names: Mapping[str, FileName],
    query_answers: pa.Table,
) -> list[list[State]]:
    """Every file with the states of it that were published, oldest first, and the one that is to be.

    Args:
        published: versions that register versions were made from, oldest first.
        head: the version that the next one is made from; None when there is none.
        query_answers: `schema.QUERY_ANSWER`; they are about rows of the head, and no other state has these.
    """
    of_group: dict[Group, list[State]] = {}
    versions = [*published, *([head] if head is not None else [])]
    seen: set[str] = set()
    known = _last_judgement(ws, versions, query_answers)
    for version in versions:
        receipts = known.receipts[version.rows.id]
        if version is head:
            # of what has not been published the highest revision alone counts
            receipts = [no for no in highest_revisions([*seen, *receipts], names) if no in receipts]
        for receipt in receipts:
            if receipt not in seen:
                seen.add(receipt)
                of_group.setdefault(names[receipt].group, []).append(known.state(receipt))
    return list(of_group.values())


def revisions(states: Iterable[State]) -> list[Revision]:
    """Every state of the base or of an additions file but the first: what has been published is corrected by it."""
    return [
        Revision(before.accepted, after.accepted, after.named, after.receipt_no) for before, after in pairwise(states)
    ]


@dataclass(frozen=True)
class Merged:
    """A corrections file as it is in force; `withdrawn`: household_no, receipt_no of what a revision leaves out."""

    rows: State
    withdrawn: pa.Table


NOTHING_WITHDRAWN = pa.schema([("household_no", pa.string()), ("receipt_no", pa.string())]).empty_table()


def merged_states(states: Iterable[State], answers: pa.Table) -> Merged:
    """The last state of a corrections file, and of those before it what it leaves out and nobody has let go.

    Args:
        answers: `schema.REGISTER_ANSWER`.
    """
    first, *later = states
    rows, withdrawn = first, NOTHING_WITHDRAWN
    let_go = answers.filter(
        pc.and_(pc.equal(answers["kind"], Question.REMOVED), pc.equal(answers["verdict"], "remove"))
    )
    for state in later:
        said = let_go.filter(pc.equal(let_go["receipt_no"], state.receipt_no))["household_no"]
        settled = pc.or_(
            pc.is_in(rows.accepted["household_no"], pc.unique(state.named)),
            pc.is_in(rows.accepted["household_no"], pc.unique(said)),
        )
        kept = rows.accepted.filter(pc.invert(settled))
        column = pa.repeat(pa.scalar(state.receipt_no, pa.string()), kept.num_rows)
        kept = kept.set_column(kept.schema.get_field_index("receipt_no"), "receipt_no", column)
        left_out = kept.select(["household_no", "receipt_no"]).group_by(["household_no", "receipt_no"]).aggregate([])
        withdrawn = pa.concat_tables([withdrawn, left_out])
        rows = State(state.receipt_no, pa.concat_tables([state.accepted, kept]), state.named)
    return Merged(rows, withdrawn)


@dataclass(frozen=True)
class _Judgements:
    receipts: Mapping[str, list[str]]
    state: Callable[[str], State]


def _last_judgement(ws: Workspace, versions: Iterable[Judged], query_answers: pa.Table) -> _Judgements:
    """Each file is judged as it was the last time that it was looked at: a new font clears rows of old files."""
    last: dict[str, Judged] = {}
    receipts: dict[str, list[str]] = {}
    for version in versions:
        receipts[version.rows.id] = pc.unique(ws.lake.read(version.rows, ["receipt_no"])["receipt_no"]).to_pylist()
        last |= dict.fromkeys(receipts[version.rows.id], version)

    @cache
    def judged(version: Judged) -> tuple[pa.Table, pa.Table]:
        return corrected(ws.lake.read(version.rows), query_answers), ws.lake.read(version.quarantine)

    def state(receipt: str) -> State:
        rows, found = judged(last[receipt])
        mine = rows.filter(pc.equal(rows["receipt_no"], receipt))
        return State(receipt, accepted_rows(mine, found), mine["household_no"])

    return _Judgements(receipts, state)
