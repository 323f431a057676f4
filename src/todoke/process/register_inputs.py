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

from todoke.process.register_answers import standing_answers
from todoke.process.ward_files import (
    NOTHING_WITHDRAWN,
    FileName,
    Judged,
    Merged,
    State,
    as_judged,
    file_names,
    files_in_order,
    in_order_of_effect,
    merged_states,
    published_states,
    revisions,
    without_resumed,
)
from todoke.process.workspace import Workspace
from todoke.quality.findings import standing
from todoke.register.build import Readdress, Register, build
from todoke.register.caution import doubts
from todoke.register.succession import under_identity
from todoke.store.ledger import VersionRef
from todoke.store.schema import DELIVERY_INSTRUCTION, REGISTER, REGISTER_CAUTION, STOP_ROW

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
OUTPUTS = ("person", "household", "household_alias", "register_question")
#: Kinds of files whose rows may forbid a delivery.
_FORBIDDING = frozenset({"corrections", "stop", "special_delivery"})
_WITH_STATES = ("ward_row", "addition_row", "correction_row", "delivery_instruction", "stop_row")


@dataclass(frozen=True)
class Parents:
    """What a register version is made from.

    Attributes:
        inputs: version by dataset, of `INPUTS`.
        published: the judged versions of the ward's rows that earlier register versions were made from, oldest first,
            of `_WITH_STATES`.
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
    base, additions, corrections, instructions, stops = (_published(ws, parents, name, names) for name in _WITH_STATES)
    answers = standing_answers(ws.version_table("register_answer", inputs.get("register_answer")))
    corrected = [merged_states(states, answers) for states in corrections]
    instructed = [merged_states(states, answers) for states in instructions]
    stopped = [merged_states(without_resumed(states, answers), answers) for states in stops]
    firsts = sorted((states[0] for states in (*base, *additions)), key=lambda state: _base_first(state, names))
    later = [(names[each.receipt_no], each) for states in (*base, *additions) for each in revisions(states)]
    files = [(names[each.receipt_no], each.as_one_file()) for each in corrected]
    found = ws.version_table("readdress_row", inputs.get("readdress_row"))
    query_answers = ws.version_table("query_answer", inputs.get("query_answer"))
    readdressed = in_order_of_effect(as_judged(ws, "readdress_row", found, query_answers), names)
    addresses = [(name, Readdress(rows)) for name, rows in readdressed]
    withdrawn = [each.withdrawn for each in (*corrected, *instructed, *stopped)]
    return build(
        pa.concat_tables(list(_each_household_once(state.accepted for state in firsts))),
        [change for _, change in sorted((*files, *later, *addresses), key=lambda change: change[0])],
        _in_order(instructed, names, DELIVERY_INSTRUCTION),
        ws.contract.reference_date,
        withdrawn=pa.concat_tables([NOTHING_WITHDRAWN, *withdrawn]),
        stops=_in_order(stopped, names, STOP_ROW),
        answers=answers,
        cautions=ws.version_table(CAUTION, inputs.get(CAUTION)),
        doubts=_doubts(ws, inputs, names),
    )


def instructions_in_force(ws: Workspace, versions: Mapping[str, VersionRef]) -> pa.Table:
    """The delivery instructions as they count beside a register, in the order of effect, each under the number by which
    the register knows its household.

    The newest ones that the ward has sent, and of those before what a register was made from and nobody has let go.

    Args:
        versions: of `household`, which tells the register, and of `delivery_instruction`, if there is one.

    Returns:
        `schema.DELIVERY_INSTRUCTION`.
    """
    name = "delivery_instruction"
    head = versions.get(name)
    if head is None:
        return ws.version_table(name, None)
    with ws.ledger.read() as tx:
        names = file_names(tx, ws.contract.id)
        register = _register_of_households(ws, tx, versions.get("household"), head)
        parents = parents_of(ws, tx, register) if register is not None else Parents({}, {})
        outputs = version_parts(ws, tx, register, "output") if register is not None else {}
    published = [*parents.published.get(name, ())]
    if name in parents.inputs:
        published.append(Judged(parents.inputs[name], parents.inputs["quarantine"]))
    earlier = [judged for judged in published if judged.rows.number < head.number]
    answers = standing_answers(ws.version_table("register_answer", parents.inputs.get("register_answer")))
    query_answers = ws.version_table("query_answer", parents.inputs.get("query_answer"))
    states = published_states(ws, earlier, Judged(head, _NONE), names, query_answers)
    rows = _in_order([merged_states(each, answers) for each in states], names, DELIVERY_INSTRUCTION)
    return under_identity(rows, ws.version_table("household_alias", outputs.get("household_alias")))


def _register_of_households(
    ws: Workspace, tx: Connection, households: VersionRef | None, instructions: VersionRef
) -> VersionRef | None:
    """The newest register version with these households that was made when there were these instructions."""
    for version in reversed(ws.ledger.versions(tx, "register") if households is not None else ()):
        if version_parts(ws, tx, version, "output")["household"] == households:
            used = version_parts(ws, tx, version, "input").get(instructions.dataset)
            if used is None or used.number <= instructions.number:
                return version
    return None


def _in_order(files: Iterable[Merged], names: Mapping[str, FileName], schema: pa.Schema) -> pa.Table:
    """The rows in force, file by file in the order of effect."""
    ordered = sorted(files, key=lambda each: names[each.receipt_no])
    return pa.concat_tables([schema.empty_table(), *(each.rows for each in ordered)])


def _doubts(ws: Workspace, inputs: Mapping[str, VersionRef], names: Mapping[str, FileName]) -> pa.Table:
    """Who waits for the ward's answer to a finding in a correction, a stop or an instruction."""
    aside = standing(ws.version_table("quarantine", inputs.get("quarantine")))
    receipts = [no for no in pc.unique(aside["receipt_no"]).to_pylist() if names[no].kind in _FORBIDDING]
    if not receipts:
        return REGISTER_CAUTION.empty_table()
    said = ["receipt_no", "household_no", "change_kind", "confidential"]
    answers = ws.version_table("query_answer", inputs.get("query_answer"))
    changes = ws.version_table("correction_row", inputs.get("correction_row"), ["row_no", *said])
    sent = [as_judged(ws, "correction_row", changes, answers).select(said)]
    for name in ("stop_row", "delivery_instruction"):
        landed = ws.version_table(name, inputs.get(name), ["row_no", *said[:2]])
        rows = as_judged(ws, name, landed, answers).select(said[:2])
        nothing = pa.nulls(rows.num_rows, pa.string())
        sent.append(rows.append_column("change_kind", nothing).append_column("confidential", nothing))
    whole = pa.concat_tables(sent)
    return doubts(aside, whole, files_in_order(receipts, names))


def _published(ws: Workspace, parents: Parents, name: str, names: Mapping[str, FileName]) -> list[list[State]]:
    inputs = parents.inputs
    head = Judged(inputs[name], inputs["quarantine"]) if name in inputs else None
    answers = ws.version_table("query_answer", inputs.get("query_answer"))
    return published_states(ws, parents.published.get(name, ()), head, names, answers)


def _base_first(state: State, names: Mapping[str, FileName]) -> tuple[bool, FileName]:
    name = names[state.receipt_no]
    return (name.kind != "households", name)


def _each_household_once(files: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """A household that stands in two files is the first one's; the quarantine names the other."""
    known = pa.array([], pa.string())
    for rows in files:
        yield rows.filter(pc.invert(pc.is_in(rows["household_no"], known)))
        known = pa.concat_arrays([known, pc.unique(rows["household_no"])])
