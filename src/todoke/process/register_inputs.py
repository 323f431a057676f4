"""Everything that a register version is made from, and the version as a list of its parents and parts.

A version of the dataset `register` names in its rows what it was made from (`input`), which states of the base and the
additions had been published before (`published`), and what it consists of (`output`): any of them can be made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from todoke.process.ward_files import (
    NOTHING_WITHDRAWN,
    FileName,
    Judged,
    State,
    in_effect,
    merged_states,
    published_states,
    revisions,
)
from todoke.process.workspace import Workspace
from todoke.register.build import Readdress, Register, build, by_file
from todoke.store.ledger import VersionRef
from todoke.store.schema import REGISTER

INPUTS = (
    "ward_row",
    "addition_row",
    "correction_row",
    "bad_row",
    "quarantine",
    "delivery_instruction",
    "stop_row",
    "readdress_row",
    "register_answer",
    "query_answer",
    "register_caution",
)
CAUTION = "register_caution"
OUTPUTS = ("person", "household", "register_question")
_WITH_STATES = ("ward_row", "addition_row", "correction_row")


@dataclass(frozen=True)
class Parents:
    """What a register version is made from.

    Attributes:
        inputs: version by dataset, of `INPUTS`.
        published: the judged versions of the base, the additions and the corrections that earlier register versions
            were made from, oldest first.
    """

    inputs: Mapping[str, VersionRef]
    published: Mapping[str, tuple[Judged, ...]]

    def rows(self, outputs: Mapping[str, VersionRef]) -> pa.Table:
        """The version as `schema.REGISTER`."""
        lines = [("input", name, ref.id) for name, ref in self.inputs.items()]
        for name in _WITH_STATES:
            for judged in self.published[name]:
                lines += [("published", name, judged.rows.id), ("published", "quarantine", judged.quarantine.id)]
        lines += [("output", name, outputs[name].id) for name in OUTPUTS]
        return pa.Table.from_pylist([dict(zip(REGISTER.names, line, strict=True)) for line in lines], REGISTER)

    def ids(self) -> list[str]:
        """The versions that name the register version."""
        return [line["version"] for line in self.rows(dict.fromkeys(OUTPUTS, _NONE)).to_pylist()]


_NONE = VersionRef("", "", 0, 0, (), "")


def parents_of_next(ws: Workspace, tx: Connection, heads: Mapping[str, VersionRef]) -> Parents:
    """What the next register version would be made from; cautions are for a version that waits, and end with it."""
    inputs = {name: heads[name] for name in INPUTS if name in heads and name != CAUTION}
    published: dict[str, list[Judged]] = {name: [] for name in _WITH_STATES}
    for version in ws.ledger.versions(tx, "register"):
        before = version_parts(ws, tx, version, "input")
        for name in _WITH_STATES:
            if name in before:
                _note(published[name], Judged(before[name], before["quarantine"]))
    for name, states in published.items():
        # the state in force is the head's own matter
        if name in inputs and states and states[-1].rows.id == inputs[name].id:
            states.pop()
    return Parents(inputs, {name: tuple(states) for name, states in published.items()})


def _note(states: list[Judged], judged: Judged) -> None:
    """Keeps one line a version: as it was judged last."""
    if states and states[-1].rows.id == judged.rows.id:
        states.pop()
    states.append(judged)


def parents_of(ws: Workspace, tx: Connection, version: VersionRef) -> Parents:
    """What a register version was made from."""
    ledger = ws.ledger
    published: dict[str, list[Judged]] = {name: [] for name in _WITH_STATES}
    lines = [row for row in ws.lake.read(version).to_pylist() if row["role"] == "published"]
    for rows, quarantine in zip(lines[::2], lines[1::2], strict=True):
        judged = Judged(ledger.version(tx, rows["version"]), ledger.version(tx, quarantine["version"]))
        published[rows["dataset"]].append(judged)
    inputs = version_parts(ws, tx, version, "input")
    return Parents(inputs, {name: tuple(states) for name, states in published.items()})


def released_version(ws: Workspace, tx: Connection) -> VersionRef | None:
    """The newest register version as the ward's files and persons' answers made it, without cautions."""
    for version in reversed(ws.ledger.versions(tx, "register")):
        caution = version_parts(ws, tx, version, "input").get(CAUTION)
        if caution is None or not caution.rows:
            return version
    return None


def version_parts(ws: Workspace, tx: Connection, version: VersionRef, role: str) -> dict[str, VersionRef]:
    """The versions that a register version names in one role, by dataset."""
    rows = ws.lake.read(version).to_pylist()
    return {row["dataset"]: ws.ledger.version(tx, row["version"]) for row in rows if row["role"] == role}


def make(ws: Workspace, parents: Parents, names: Mapping[str, FileName]) -> Register:
    """The register of these parents; the same for the same parents."""
    inputs = parents.inputs
    base, additions, corrections = (_published(ws, parents, name, names) for name in _WITH_STATES)
    answers = ws.version_table("register_answer", inputs.get("register_answer"))
    merged = [merged_states(states, answers) for states in corrections]
    firsts = sorted((states[0] for states in (*base, *additions)), key=lambda state: _base_first(state, names))
    later = [(names[each.receipt_no], each) for states in (*base, *additions) for each in revisions(states)]
    readdressed = in_effect(ws.version_table("readdress_row", inputs.get("readdress_row")), names)
    addresses = [(names[rows["receipt_no"][0].as_py()], Readdress(rows)) for rows in by_file([readdressed])]
    files = [(names[each.rows.receipt_no], each.rows.accepted) for each in merged]
    return build(
        pa.concat_tables(list(_each_household_once(state.accepted for state in firsts))),
        [change for _, change in sorted((*files, *later, *addresses), key=lambda change: change[0])],
        in_effect(ws.version_table("delivery_instruction", inputs.get("delivery_instruction")), names),
        ws.contract.reference_date,
        withdrawn=pa.concat_tables([NOTHING_WITHDRAWN, *(each.withdrawn for each in merged)]),
        stops=in_effect(ws.version_table("stop_row", inputs.get("stop_row")), names),
        answers=answers,
        cautions=ws.version_table(CAUTION, inputs.get(CAUTION)),
    )


def _published(ws: Workspace, parents: Parents, name: str, names: Mapping[str, FileName]) -> list[list[State]]:
    inputs = parents.inputs
    head = Judged(inputs[name], inputs["quarantine"]) if name in inputs else None
    answers = ws.version_table("query_answer", inputs.get("query_answer"))
    return published_states(ws, parents.published[name], head, names, answers)


def _base_first(state: State, names: Mapping[str, FileName]) -> tuple[bool, FileName]:
    name = names[state.receipt_no]
    return (name.kind != "households", name)


def _each_household_once(files: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """A household that stands in two files is the first one's; the quarantine names the other."""
    known = pa.array([], pa.string())
    for rows in files:
        yield rows.filter(pc.invert(pc.is_in(rows["household_no"], known)))
        known = pa.concat_arrays([known, pc.unique(rows["household_no"])])
