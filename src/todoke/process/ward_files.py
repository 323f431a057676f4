"""The ward's files in the order in which they take effect, whatever the order in which they came (G01, G07).

Files build on each other by the date and number in their names, `<kind>_<YYYYMMDD>_<seq>[_r<revision>]`; of several
revisions the highest counts. What has been published is not taken back: a later revision of it acts as corrections,
and what it leaves out waits for a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from todoke import clock
from todoke.model.codes import Question, ReceiptState, Verdict
from todoke.process.workspace import Workspace
from todoke.quality.findings import accepted_rows, household_key
from todoke.quality.queries import corrected
from todoke.quality.ward_values import in_our_values
from todoke.register.build import Revision
from todoke.store import tables as t
from todoke.store.ledger import VersionRef

_NAME = re.compile(r"_(\d{8})_(\d+)(?:_r(\d+))?\.", re.ASCII)

#: What a person is asked of a file whose content came before; followed by its receipt number.
AGAIN = "receipt"
#: Which dataset a kind of file adds to; a base file takes the place of the one before, the others accumulate.
DATASET_OF_KIND = {
    "households": "ward_row",
    "additions": "addition_row",
    "corrections": "correction_row",
    "special_delivery": "delivery_instruction",
    "stop": "stop_row",
    "readdress": "readdress_row",
    "pull_out": "pull_out_row",
}
_KIND_OF_DATASET = {dataset: kind for kind, dataset in DATASET_OF_KIND.items()}
#: Datasets whose rows the rules judge.
JUDGED = frozenset({"ward_row", "addition_row", "correction_row"})
#: Which file a revision is one of: kind, date and number.
Group = tuple[str, str, int]


_FILE = pa.schema([("receipt_no", pa.string()), ("kind", pa.string()), ("place", pa.int64())])


@dataclass(frozen=True, order=True)
class FileName:
    """Where a file stands among the ward's: by day, number and revision, then by its position in the stream.

    Attributes:
        group: which file it is a state of; all states of the register's base are one file.
    """

    day: str
    seq: int
    revision: int
    position: int
    receipt_no: str
    group: Group = field(compare=False)
    arrived_on: date = field(compare=False)

    @property
    def kind(self) -> str:
        return self.group[0]

    @property
    def said_on(self) -> date:
        """The day in the name; without one, that of the arrival."""
        return self.arrived_on if self.day > "99" else date.fromisoformat(self.day)


def file_names(tx: Connection, contract: str) -> dict[str, FileName]:
    """Every received file by its receipt number.

    One whose content came before and that a person wants again stands behind all of its kind that had been taken then.
    """
    c, said = t.receipt.c, t.approval.c
    again = f"{contract}:{AGAIN}:"
    approved = select(said.subject).where(said.subject.startswith(again, autoescape=True), said.verdict == "approved")
    wanted = {subject.removeprefix(again) for subject in tx.execute(approved).scalars()}
    columns = (c.receipt_no, c.kind, c.file_name, c.seq, c.received_at, c.state)
    rows = select(*columns).where(c.contract == contract).order_by(c.seq)
    names: dict[str, FileName] = {}
    last: dict[str, FileName] = {}
    for no, kind, file_name, position, at, state in tx.execute(rows):
        name = _file_name(no, kind, file_name, position, at.astimezone(clock.TOKYO).date())
        if state == ReceiptState.ACCEPTED:
            before = last.get(kind, name)
            if no in wanted and before > name:
                name = replace(name, day=before.day, seq=before.seq, revision=before.revision)
            last[kind] = max(before, name)
        names[no] = name
    return names


def _file_name(receipt_no: str, kind: str, name: str, position: int, arrived_on: date) -> FileName:
    found = _NAME.search(name)
    day, seq, revision = found.groups() if found else ("99999999", "0", None)
    group = (kind, "", 0) if kind == "households" else (kind, day, int(seq))
    return FileName(day, int(seq), int(revision or 0), position, receipt_no, group, arrived_on)


def files_in_order(receipts: Iterable[str], names: Mapping[str, FileName]) -> pa.Table:
    """receipt_no, kind, place of files in the order of effect."""
    ordered = sorted(receipts, key=lambda no: names[no])
    columns = (ordered, [names[no].kind for no in ordered], range(len(ordered)))
    return pa.table([pa.array(column) for column in columns], schema=_FILE)


def as_judged(ws: Workspace, dataset: str, rows: pa.Table, query_answers: pa.Table) -> pa.Table:
    """Landed rows as rules and register see them: with what the ward corrected since, and its values in ours.

    Args:
        rows: of a dataset, or some of its columns with receipt_no, row_no and household_no.
        query_answers: `schema.QUERY_ANSWER`, in the ward's values or ours.
    """
    layout = ws.contract.layouts.get(_KIND_OF_DATASET[dataset])
    return in_our_values(corrected(rows, query_answers), layout.values if layout else {})


def highest_revisions(receipts: Iterable[str], names: Mapping[str, FileName]) -> list[str]:
    """One receipt a file, in the order of effect."""
    last: dict[Group, str] = {}
    for receipt in sorted(receipts, key=lambda no: names[no]):
        last[names[receipt].group] = receipt
    return sorted(last.values(), key=lambda no: names[no])


def counting(versions: Iterable[Iterable[str]], names: Mapping[str, FileName]) -> list[list[str]]:
    """For each version of a dataset that a register was, or is to be, made from, the receipts that came to count by it.

    Of what has not been published the highest revision of a file alone counts: what another took the place of before
    anybody saw it has said nothing.

    Args:
        versions: the receipts of each, oldest first.
    """
    seen: set[str] = set()
    said = []
    for receipts in versions:
        new = [no for no in highest_revisions([*seen, *receipts], names) if no not in seen]
        seen.update(new)
        said.append(new)
    return said


def in_order_of_effect(rows: pa.Table, names: Mapping[str, FileName]) -> list[tuple[FileName, pa.Table]]:
    """The rows of the highest revision of each file, file by file."""
    receipts = highest_revisions(pc.unique(rows["receipt_no"]).to_pylist(), names)
    return [(names[no], rows.filter(pc.equal(rows["receipt_no"], no))) for no in receipts]


@dataclass(frozen=True)
class Judged:
    """A dataset's version with the quarantine that was found over it."""

    rows: VersionRef
    quarantine: VersionRef


@dataclass(frozen=True)
class State:
    """A file as it was, or is to be, published.

    Attributes:
        accepted: its accepted rows, as their dataset has them; of stops and delivery instructions all rows.
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
    known = _last_judgement(ws, versions, query_answers)
    for receipts in counting((known.receipts[version.rows.id] for version in versions), names):
        for receipt in receipts:
            of_group.setdefault(names[receipt].group, []).append(known.state(receipt))
    return list(of_group.values())


def revisions(states: Iterable[State]) -> list[Revision]:
    """Every state of the base or of an additions file but the first: what has been published is corrected by it."""
    return [
        Revision(before.accepted, after.accepted, after.named, after.receipt_no) for before, after in pairwise(states)
    ]


@dataclass(frozen=True)
class Merged:
    """A file whose rows stay in force until a person lets them go, over all its states.

    Attributes:
        receipt_no: of its last state.
        rows: in force, each under the receipt that brought it.
        withdrawn: household_no, receipt_no of what a state leaves out; in force unless a person has let it go.
    """

    receipt_no: str
    rows: pa.Table
    withdrawn: pa.Table

    def as_one_file(self) -> pa.Table:
        """The rows in force under the receipt of the last state."""
        column = pa.repeat(pa.scalar(self.receipt_no, pa.string()), self.rows.num_rows)
        return self.rows.set_column(self.rows.schema.get_field_index("receipt_no"), "receipt_no", column)


NOTHING_WITHDRAWN = pa.schema([("household_no", pa.string()), ("receipt_no", pa.string())]).empty_table()


def merged_states(states: Iterable[State], answers: pa.Table) -> Merged:
    """The last state of a file, and of those before it what it leaves out and nobody has let go.

    Args:
        states: of one file, oldest first.
        answers: `schema.REGISTER_ANSWER`, those that stand.
    """
    rows, withdrawn, receipt = None, NOTHING_WITHDRAWN, ""
    for state in states:
        receipt = state.receipt_no
        if rows is None:
            rows = state.accepted
            continue
        kept, withdrawn = _but(rows, state.named), _but(withdrawn, state.named)
        left_out = pc.unique(_but(kept, withdrawn["household_no"])["household_no"])
        by = pa.repeat(pa.scalar(receipt, pa.string()), len(left_out))
        withdrawn = pa.concat_tables([withdrawn, pa.table([left_out, by], schema=withdrawn.schema)])
        rows = pa.concat_tables([state.accepted, kept])
    let_go = _answered(withdrawn, answers, Question.REMOVED, Verdict.REMOVE)
    return Merged(receipt, _but(rows, withdrawn.filter(let_go)["household_no"]), withdrawn)


def without_resumed(states: Iterable[State], answers: pa.Table) -> list[State]:
    """States of a stop list without the households that a person has resumed since: no later state leaves them out."""
    return [
        replace(
            each,
            accepted=each.accepted.filter(
                pc.invert(_answered(each.accepted, answers, Question.STOPPED, Verdict.RESUME))
            ),
        )
        for each in states
    ]


def _but(rows: pa.Table, households: pa.ChunkedArray) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows["household_no"], pc.unique(households))))


def _answered(rows: pa.Table, answers: pa.Table, question: Question, verdict: Verdict) -> pa.ChunkedArray:
    """For each row, whether its household and receipt have that answer."""
    said = answers.filter(pc.and_(pc.equal(answers["kind"], question), pc.equal(answers["verdict"], verdict)))
    return pc.is_in(household_key(rows), household_key(said).combine_chunks())


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
    def rows_of(version: Judged) -> pa.Table:
        return as_judged(ws, version.rows.dataset, ws.lake.read(version.rows), query_answers)

    @cache
    def found_in(version: Judged) -> pa.Table:
        return ws.lake.read(version.quarantine)

    def state(receipt: str) -> State:
        version = last[receipt]
        rows = rows_of(version)
        mine = rows.filter(pc.equal(rows["receipt_no"], receipt))
        accepted = accepted_rows(mine, found_in(version)) if version.rows.dataset in JUDGED else mine
        return State(receipt, accepted, mine["household_no"])

    return _Judgements(receipts, state)
