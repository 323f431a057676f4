"""`<contract>_register`: from landed rows to a published register (G01, G03–G05, G09).

The rows that fail are found by SQL and put into quarantine; the Great Expectations suite is the gate and must count the
same. Publishing gives entitlements, application numbers and web accounts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, delete, func, insert, select

from todoke.contract import loader
from todoke.errors import GateClosed
from todoke.process.gaiji_fonts import gaiji_fonts
from todoke.process.quality_pages import QualityPage
from todoke.process.workspace import Counts, Workspace
from todoke.quality.docs import Listing, quality_page
from todoke.quality.findings import RULES, Reference, accepted, accepted_rows, by_reason, findings
from todoke.quality.frame import suite_frame
from todoke.quality.postal import postal_table
from todoke.quality.suites import SuiteResult, agree, gate, run_suite
from todoke.register.accounts import web_accounts
from todoke.register.build import Register, build
from todoke.register.gates import drift, drift_gate, first_drift, register_gate
from todoke.register.numbers import numbers
from todoke.store import facts
from todoke.store import tables as t
from todoke.store.engine import Engine
from todoke.store.ledger import Pin, VersionRef, analyze
from todoke.store.sqlfiles import digest as sql_digest

_LANDED = ("ward_row", "addition_row", "correction_row", "bad_row")
#: The rules over ten wards at once were run within it.
_MEMORY = "4GB"
#: Code points of the user-defined area of CP932.
_GAIJI = range(0xE000, 0xE758)


def validate(contract: str, on: date) -> Counts:
    """Finds the rows that cannot be taken, gates the rest, and documents the quality.

    Returns:
        Over all files that count: rows, accepted, quarantined (rows; they close), findings (lines in the quarantine),
        page (its place below `quality/`); nothing when no file is new.

    Raises:
        GateClosed: rows of a file are missing; the suite fails on accepted rows, or counts otherwise than the rules.
    """
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
    inputs = _quality_inputs(ws, pin)
    page = QualityPage(ws, "households", inputs)
    if "ward_row" not in pin.heads or page.is_there(pin.heads.get("quarantine")):
        return {}
    landed = _Landed.read(ws, pin)
    _all_there(ws, landed)
    reference = Reference(postal_table(landed.rows["postal_code"]), _drawable(ws), ws.contract.reference_date)
    found = _findings(landed, reference)
    taken, all_rows = _gate(ws, landed, found, reference)
    rows = all_rows.rows + landed.bad.num_rows
    shown = quality_page(
        taken,
        landed=all_rows,
        counts={"受領した行": rows, "受け入れた行": taken.rows, "隔離した行": rows - taken.rows},
        listings=[_reasons(found)],
        contract_name=ws.contract.name,
        on=on,
    )
    made = ws.commit_tables({"quarantine": found}, pin.heads, inputs)
    return {
        "rows": rows,
        "accepted": taken.rows,
        "quarantined": rows - taken.rows,
        "findings": found.num_rows,
        "page": page.put(made["quarantine"], shown),
    }


def _quality_inputs(ws: Workspace, pin: Pin) -> list[str]:
    ids = [pin.heads[name].id if name in pin.heads else "" for name in _LANDED]
    return [*ids, _drawable_digest(ws), sql_digest("register"), loader.digest(ws.contract)]


def _drawable_digest(ws: Workspace) -> str:
    return "".join(sorted(_drawable(ws)))


def _drawable(ws: Workspace) -> frozenset[str]:
    """The private-use characters that the ward's font draws."""
    drawn = gaiji_fonts(ws).drawable
    return frozenset(char for char in map(chr, _GAIJI) if char in drawn)


def _is_made(ws: Workspace, pin: Pin, dataset: str, inputs: list[str]) -> bool:
    """Whether the newest version of a dataset was made of exactly these inputs."""
    head = pin.heads.get(dataset)
    return head is not None and head.id.startswith(ws.ledger.version_id(dataset, *inputs) + "-")


@dataclass(frozen=True)
class _Landed:
    """The rows of the ward's files as they were read, and those of the same files that could not be."""

    base: pa.Table
    additions: pa.Table
    corrections: pa.Table
    bad: pa.Table

    @classmethod
    def read(cls, ws: Workspace, pin: Pin) -> _Landed:
        base, additions, corrections, bad = (ws.head_table(name, pin) for name in _LANDED)
        receipts = pc.unique(pa.concat_tables([base, additions, corrections])["receipt_no"])
        return cls(base, additions, corrections, bad.filter(pc.is_in(bad["receipt_no"], value_set=receipts)))

    @cached_property
    def rows(self) -> pa.Table:
        return pa.concat_tables([self.base, self.additions, self.corrections])

    @property
    def bringing(self) -> list[str]:
        """The files that bring new households, in the order in which they came."""
        receipts = pc.unique(pa.concat_tables([self.base, self.additions])["receipt_no"])
        return [str(receipt) for receipt in receipts.to_pylist()]


def _all_there(ws: Workspace, landed: _Landed) -> None:
    """Every row that a receipt counts is among the rows landed or those that could not be read."""
    here = Counter([*landed.rows["receipt_no"].to_pylist(), *landed.bad["receipt_no"].to_pylist()])
    with ws.ledger.read() as tx:
        counted = tx.execute(
            select(t.receipt.c.receipt_no, t.receipt.c.rows).where(t.receipt.c.receipt_no.in_(list(here)))
        ).all()
    if wrong := sorted(f"{no}（受領 {rows}行、データ {here[no]}行）" for no, rows in counted if rows != here[no]):
        raise GateClosed(
            "受領した行数とデータの行数が合いません",
            where="、".join(wrong),
            next_step="ファイルの受領（intake）をやり直してください。世帯台帳は更新していません",
        )


def _findings(landed: _Landed, reference: Reference) -> pa.Table:
    """The quarantine over all files. A household of an addition that is there already is a duplicate."""
    with Engine(memory_limit=_MEMORY) as engine:
        return findings(engine, landed.rows, reference, bad_rows=landed.bad, bringing=landed.bringing)


def _gate(ws: Workspace, landed: _Landed, found: pa.Table, reference: Reference) -> tuple[SuiteResult, SuiteResult]:
    """The suite over the rows that are taken, and over all rows.

    It runs over those taken and over the rest; the sum is the suite over all, for what the frame holds of a row does
    not depend on which other households are looked at with it.
    """
    taken = accepted(landed.rows, found)
    frame = suite_frame(
        landed.rows,
        found,
        reference,
        accepted=taken,
        points_per_member=ws.contract.entitlement.points_per_member,
        bringing=landed.bringing,
    )
    mask = np.asarray(taken)
    over_accepted, over_rest = run_suite("households", frame[mask]), run_suite("households", frame[~mask])
    over_landed = over_accepted + over_rest
    agree(over_landed, found, RULES)
    gate(over_accepted)
    return over_accepted, over_landed


def _reasons(found: pa.Table) -> Listing:
    return Listing(
        "隔離の理由",
        ("理由", "世帯", "指摘"),
        [(reason.label, *lines) for reason, lines in by_reason(found).items()],
        empty="隔離した世帯はありません。",
        note="誤りが1つでもある世帯は、世帯全体を隔離しています。",
    )


def publish(contract: str, on: date) -> Counts:
    """Publishes the register that follows from all files, with numbers, entitlements and web accounts.

    Returns:
        households, members, confidential, new_numbers; nothing when nothing has changed.

    Raises:
        GateClosed: the register does not hold together, or drifted further than the contract allows.
    """
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
    if "quarantine" not in pin.heads:
        return {}
    inputs = [pin.heads["quarantine"].id, *_quality_inputs(ws, pin), _id(pin, "delivery_instruction")]
    if _is_made(ws, pin, "household", inputs):
        _put_accounts(ws, pin.heads["household"])
        return {}
    register = _build(ws, pin)
    _count_gates(ws, pin, register)
    new = _commit(ws, pin, register, inputs)
    with ws.ledger.read() as tx:
        _put_accounts(ws, ws.ledger.heads(tx)["household"])
    return {
        "households": register.household.num_rows,
        "members": int(pc.sum(register.household["members"]).as_py()),
        "confidential": int(pc.sum(register.household["confidential"]).as_py()),
        "new_numbers": new,
    }


def _count_gates(ws: Workspace, pin: Pin, register: Register) -> None:
    """What a register must be in itself, and against the version before (the first: against the landed file)."""
    register_gate(register.person, register.household, ws.contract.entitlement.points_per_member)
    before = ws.head_table("household", pin)
    found = (
        drift(before, register.household)
        if before.num_rows
        else first_drift(ws.head_table("ward_row", pin, ["household_no"])["household_no"], register.household)
    )
    drift_gate(found, ws.contract.register_.drift_gate_percent)


def _id(pin: Pin, dataset: str) -> str:
    return pin.heads[dataset].id if dataset in pin.heads else ""


def _build(ws: Workspace, pin: Pin) -> Register:
    landed = _Landed.read(ws, pin)
    found = ws.head_table("quarantine", pin)
    accepted = accepted_rows(pa.concat_tables([landed.base, landed.additions]), found)
    corrections = accepted_rows(landed.corrections, found)
    return build(accepted, [corrections], ws.head_table("delivery_instruction", pin), ws.contract.reference_date)


def _commit(ws: Workspace, pin: Pin, register: Register, inputs: list[str]) -> int:
    """Versions, numbers and entitlements in one transaction; returns how many numbers are new."""
    person = ws.lake.stage("person", register.person, inputs)
    household = ws.lake.stage("household", register.household, inputs)
    with ws.ledger.write() as tx:
        ws.ledger.commit_version(tx, person, pin.heads.get("person"))
        version = ws.ledger.commit_version(tx, household, pin.heads.get("household"))
        new = _give_numbers(ws, tx, register.household["household_no"].to_pylist())
        _entitle(ws, tx, register.household, version)
        if new:
            analyze(tx, "application_number", "entitlement")
    return new


def _give_numbers(ws: Workspace, tx: Connection, households: list[str]) -> int:
    """A number for every household that has none; given once and never again."""
    c = t.application_number.c
    known = set(tx.execute(select(c.household_no).where(c.contract == ws.contract.id)).scalars())
    first = tx.execute(select(func.max(c.position)).where(c.contract == ws.contract.id)).scalar()
    start = 0 if first is None else first + 1
    new = [number for number in households if number not in known]
    given = numbers(ws.ledger.keys.number_key, start, len(new)) if new else []
    rows = [
        {"contract": ws.contract.id, "household_no": household, "application_no": number, "position": start + place}
        for place, (household, number) in enumerate(zip(new, given, strict=True))
    ]
    if rows:
        tx.execute(insert(t.application_number), rows)
    return len(rows)


def _entitle(ws: Workspace, tx: Connection, household: pa.Table, version: VersionRef) -> None:
    """Members and points of every household (G05), written where they differ from what is there."""
    known = facts.entitled_households(tx, ws.contract.id)
    each = ws.contract.entitlement.points_per_member
    rows = [
        {
            "contract": ws.contract.id,
            "household_no": number,
            "members": members,
            "points": members * each,
            "state": state,
            "register_version": version.id,
        }
        for number, members, state in zip(
            *(household[name].to_pylist() for name in ("household_no", "members", "state")), strict=True
        )
        if known.get(number) != (members, members * each, state)
    ]
    if not rows:
        return
    c = t.entitlement.c
    stale = [row["household_no"] for row in rows if row["household_no"] in known]
    for number in stale:
        tx.execute(delete(t.entitlement).where(c.contract == ws.contract.id, c.household_no == number))
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
        ws.head_table("delivery_instruction", pin),
    )
    ws.outbox.put(name, content)
