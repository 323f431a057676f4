"""`<contract>_register`, the publication: from accepted rows to a register with numbers and accounts (G01, G05, G09).

Publishing gives entitlements, application numbers and web accounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, bindparam, delete, func, insert, select

from todoke import ids
from todoke.errors import GateClosed
from todoke.model.codes import BEFORE_NUMBER, Question
from todoke.process.register_checks import has_base, quality_inputs, validate
from todoke.process.register_inputs import (
    CAUTION,
    OUTPUTS,
    Parents,
    instructions_in_force,
    make,
    parents_of,
    parents_of_next,
)
from todoke.process.register_release import Release, is_back_at_the_published
from todoke.process.ward_files import FileName, file_names
from todoke.process.workspace import Counts, Workspace
from todoke.register.accounts import web_accounts
from todoke.register.build import Register
from todoke.register.caution import cautions
from todoke.register.gates import Drift, drift, first_drift, register_gate
from todoke.register.numbers import numbers
from todoke.store import facts
from todoke.store import tables as t
from todoke.store.ledger import Pin, VersionRef, analyze


def publish(contract: str, on: date) -> Counts:
    """Publishes the register that follows from all files, with numbers, entitlements and web accounts.

    Returns:
        version: its number; households, members, confidential, held, new_numbers, questions to persons; nothing when
        nothing has changed. refused_files: how many a person did not want taken.

    Raises:
        GateClosed: the register does not hold together, or, where nobody is asked, drifted further than the contract
            allows.
        NotApproved: a person has been asked what becomes of quarantine and drift, and has not said to publish. Whom the
            waiting register holds, deletes or makes confidential is held meanwhile, by a version of its own.
    """
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
        if "quarantine" not in pin.heads or not has_base(pin):
            return {}
        parents = parents_of_next(ws, tx, pin.heads)
        names = file_names(tx, contract)
    inputs = [*parents.ids(), *quality_inputs(ws, pin)]
    if _is_made(ws, pin, "register", inputs) or is_back_at_the_published(ws, pin, parents, inputs):
        _put_accounts(ws, pin.heads["household"])
        return {}
    release = Release.of(ws, pin, parents, inputs)
    release.check_waiting()
    register = _made(ws, parents, names)
    try:
        register_gate(register.person, register.household, ws.contract.entitlement.points_per_member)
    except GateClosed:
        _hold_meanwhile(release, register, names)
        raise
    found = _drift(release, register, names)
    if release.is_refused:
        refused = release.refuse_files(found)
        validate(contract, on)
        return {"refused_files": refused, **publish(contract, on)}
    if not release.may_pass(found):
        _hold_meanwhile(release, register, names)
    release.check(found, register)
    version, new = _commit(ws, pin, parents, register, inputs)
    if version == pin.heads.get("register"):
        return {}
    with ws.ledger.read() as tx:
        _put_accounts(ws, ws.ledger.heads(tx)["household"])
    return {
        "version": version.number,
        "households": register.household.num_rows,
        "members": int(pc.sum(register.household["members"]).as_py() or 0),
        "confidential": int(pc.sum(register.household["confidential"]).as_py() or 0),
        "held": int(pc.sum(pc.equal(register.household["state"], "held")).as_py() or 0),
        "new_numbers": new,
        "questions": register.question.num_rows,
    }


def _made(ws: Workspace, parents: Parents, names: Mapping[str, FileName]) -> Register:
    made = make(ws, parents, names)
    return made._replace(question=with_question_ids(ws, made.question))


def _hold_meanwhile(release: Release, waiting: Register, names: Mapping[str, FileName]) -> None:
    """Publishes the register released last again, with cautions about what the waiting one forbids (G09).

    An error in the row of one household must not let the parcel of another go where it must not.
    """
    ws, pin = release.ws, release.pin
    if release.last is None or release.households is None:
        return
    found = cautions(ws.lake.read(release.households), waiting.household)
    if not found.num_rows and CAUTION not in pin.heads:
        return
    made_from = [*release.parents.ids(), release.last.id]
    caution = ws.commit_tables({CAUTION: found}, pin.heads, made_from)[CAUTION]
    with ws.ledger.read() as tx:
        parents = parents_of(ws, tx, release.last)
    parents = replace(parents, inputs={**parents.inputs, CAUTION: caution})
    inputs = [*parents.ids(), *quality_inputs(ws, pin)]
    if _is_made(ws, pin, "register", inputs):
        return
    _commit(ws, pin, parents, _made(ws, parents, names), inputs)
    with ws.ledger.read() as tx:
        _put_accounts(ws, ws.ledger.heads(tx)["household"])


def with_question_ids(ws: Workspace, question: pa.Table) -> pa.Table:
    """Questions with the ids by which persons answer them; the same question has the same id in every version."""
    key = ("kind", "household_no", "other_no", "receipt_no")
    made = [
        "Q" + ids.identifier(ws.ledger.keys.id_key, "question", *(row[name] or "" for name in key), length=10)
        for row in question.to_pylist()
    ]
    return question.set_column(0, "question_id", pa.array(made, pa.string()))


def _drift(release: Release, register: Register, names: Mapping[str, FileName]) -> Drift:
    """What a register is against the one released last; the first: against the landed file.

    A household that a revision no longer names counts as gone, though it stays until a person has said.
    """
    asked = register.question
    bringing = pa.array([no for no, name in names.items() if name.kind in ("households", "additions")], pa.string())
    gone = pc.and_(pc.equal(asked["kind"], Question.REMOVED), pc.is_in(asked["receipt_no"], bringing))
    removed = asked.filter(gone)["household_no"]
    here = register.household.filter(pc.invert(pc.is_in(register.household["ward_no"], pc.unique(removed))))
    ws = release.ws
    if release.households is not None:
        return drift(ws.lake.read(release.households), here)
    return first_drift(release.landed_households(), here)


def _commit(ws: Workspace, pin: Pin, parents: Parents, register: Register, inputs: list[str]) -> tuple[VersionRef, int]:
    """Versions, numbers and entitlements in one transaction; returns the version and how many numbers are new."""
    tables = (register.person, register.household, register.alias, register.question)
    staged = {name: ws.lake.stage(name, table, inputs) for name, table in zip(OUTPUTS, tables, strict=True)}
    # the parts' versions are known before they are committed, but for equal rows, which keep the version they have
    outputs = {name: ws.ledger.next_version(item, pin.heads.get(name)) for name, item in staged.items()}
    whole = ws.lake.stage("register", parents.rows(outputs), inputs)
    with ws.ledger.write() as tx:
        for name, item in staged.items():
            ws.ledger.commit_version(tx, item, pin.heads.get(name))
        version = ws.ledger.commit_version(tx, whole, pin.heads.get("register"))
        new = _give_numbers(ws, tx, register.household)
        _entitle(ws, tx, register.household, outputs["household"])
        if new:
            analyze(tx, "application_number", "entitlement")
    return version, new


def _give_numbers(ws: Workspace, tx: Connection, household: pa.Table) -> int:
    """A number for every household that has none and is not in question; given once and never again."""
    c = t.application_number.c
    known = set(tx.execute(select(c.household_no).where(c.contract == ws.contract.id)).scalars())
    first = tx.execute(select(func.max(c.position)).where(c.contract == ws.contract.id)).scalar()
    start = 0 if first is None else first + 1
    waiting = pc.is_in(household["state_reason"], pa.array(sorted(BEFORE_NUMBER), pa.string()))
    certain = household.filter(pc.invert(waiting))["household_no"].to_pylist()
    new = [number for number in certain if number not in known]
    given = numbers(ws.ledger.keys.number_key, start, len(new)) if new else []
    rows = [
        {"contract": ws.contract.id, "household_no": household_no, "application_no": number, "position": start + place}
        for place, (household_no, number) in enumerate(zip(new, given, strict=True))
    ]
    if rows:
        tx.execute(insert(t.application_number), rows)
    return len(rows)


def _entitle(ws: Workspace, tx: Connection, household: pa.Table, version: VersionRef) -> None:
    """Members and points of every household (G05), written where they differ from what is there."""
    known = facts.entitled_households(tx, ws.contract.id)
    each = ws.contract.entitlement.points_per_member
    columns = (household[name].to_pylist() for name in ("household_no", "members", "state"))
    rows = [
        {
            "contract": ws.contract.id,
            "household_no": number,
            "members": members,
            "points": members * each,
            "state": state,
            "register_version": version.id,
        }
        for number, members, state in zip(*columns, strict=True)
        if known.get(number) != (members, members * each, state)
    ]
    gone = known.keys() - set(household["household_no"].to_pylist())
    stale = [{"key_no": number} for number in (*(r["household_no"] for r in rows if r["household_no"] in known), *gone)]
    if stale:
        c = t.entitlement.c
        here = (c.contract == ws.contract.id) & (c.household_no == bindparam("key_no"))
        tx.execute(delete(t.entitlement).where(here), stale)
    if rows:
        tx.execute(insert(t.entitlement), rows)


def _put_accounts(ws: Workspace, version: VersionRef) -> None:
    """The accounts of the web site, one file for each version of the register."""
    name = f"web_accounts/{version.id}.csv"
    if name in ws.outbox.listing("web_accounts"):
        return
    with ws.ledger.read() as tx:
        known = facts.numbers(tx, ws.contract.id)
        pin = ws.ledger.pin(tx)
    content = web_accounts(
        ws.version_table("household", version),
        known,
        ws.contract.entitlement.points_per_member,
        instructions_in_force(ws, {**pin.heads, "household": version}),
    )
    ws.outbox.put(name, content)


def _is_made(ws: Workspace, pin: Pin, dataset: str, inputs: list[str]) -> bool:
    """Whether the newest version of a dataset was made of exactly these inputs."""
    head = pin.heads.get(dataset)
    return head is not None and head.id.startswith(ws.ledger.version_id(dataset, *inputs) + "-")
