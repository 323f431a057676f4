"""`<contract>_register`: from landed rows to a published register (G01, G03–G05, G09).

The rows that fail are found by SQL and put into quarantine; the Great Expectations suite is the gate and must count the
same. Publishing gives entitlements, application numbers and web accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, delete, func, insert, select

from todoke.contract import loader
from todoke.errors import GateClosed
from todoke.ids import members_digest
from todoke.process.gaiji_fonts import gaiji_fonts
from todoke.process.workspace import Counts, Workspace
from todoke.quality import docs
from todoke.quality.findings import accepted_rows, findings
from todoke.quality.frame import suite_frame
from todoke.quality.postal import postal_table
from todoke.quality.suites import SuiteResult, agree, gate, run_suite
from todoke.register.accounts import web_accounts
from todoke.register.build import Register, build
from todoke.register.gates import drift_gate
from todoke.register.numbers import numbers
from todoke.store import facts
from todoke.store import tables as t
from todoke.store.engine import Engine
from todoke.store.files import FileStore, home
from todoke.store.ledger import Pin, VersionRef, analyze
from todoke.store.schema import QUARANTINE
from todoke.store.sqlfiles import digest as sql_digest

_LANDED = ("ward_row", "addition_row", "correction_row", "bad_row")
#: Code points of the user-defined area of CP932.
_GAIJI = range(0xE000, 0xE758)


def validate(contract: str, on: date) -> Counts:
    """Finds the rows that cannot be taken, gates the rest, and documents the quality.

    Returns:
        rows, accepted, quarantined: rows, which close; findings: lines in the quarantine; nothing when no file is new.

    Raises:
        GateClosed: the suite fails on accepted rows, or counts otherwise than the quarantine.
    """
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
    inputs = _quality_inputs(ws, pin)
    if "ward_row" not in pin.heads or _is_made(ws, pin, "quarantine", inputs):
        return {}
    landed = _Landed.read(ws, pin)
    found = landed.findings(ws)
    accepted = accepted_rows(landed.base, found)
    _gate(ws, landed, found, accepted, pin)
    ws.commit_tables({"quarantine": found}, pin.heads, inputs)
    bad = landed.bad.filter(pc.is_in(landed.bad["receipt_no"], value_set=pc.unique(landed.base["receipt_no"])))
    rows = landed.base.num_rows + bad.num_rows
    return {
        "rows": rows,
        "accepted": accepted.num_rows,
        "quarantined": rows - accepted.num_rows,
        "findings": found.num_rows,
    }


def _quality_inputs(ws: Workspace, pin: Pin) -> list[str]:
    ids = [pin.heads[name].id if name in pin.heads else "" for name in _LANDED]
    return [*ids, _drawable_digest(ws), sql_digest("register"), loader.digest(ws.contract)]


def _drawable_digest(ws: Workspace) -> str:
    return members_digest(list(_drawable(ws)))


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
    """The rows of the ward's files as they were read, and the rows that could not be."""

    base: pa.Table
    additions: pa.Table
    corrections: pa.Table
    bad: pa.Table

    @classmethod
    def read(cls, ws: Workspace, pin: Pin) -> _Landed:
        return cls(*(ws.head_table(name, pin) for name in _LANDED))

    def findings(self, ws: Workspace) -> pa.Table:
        """The quarantine over all files. An addition of a household that is there already is a duplicate."""
        known = self.base.select(["household_no"]).group_by("household_no").aggregate([])
        parts = [
            _findings(ws, self.base, self.bad, None),
            _findings(ws, self.additions, self.bad, known),
            _findings(ws, self.corrections, self.bad, None),
        ]
        return pa.concat_tables(parts)


def _findings(ws: Workspace, rows: pa.Table, bad: pa.Table, registered: pa.Table | None) -> pa.Table:
    if rows.num_rows == 0:
        return QUARANTINE.empty_table()
    of_these = bad.filter(pc.is_in(bad["receipt_no"], value_set=pc.unique(rows["receipt_no"])))
    with Engine() as engine:
        return findings(
            engine,
            rows,
            postal=postal_table(),
            gaiji=_drawable(ws),
            reference_date=ws.contract.reference_date,
            bad_rows=of_these,
            registered=registered,
        )


def _gate(ws: Workspace, landed: _Landed, found: pa.Table, accepted: pa.Table, pin: Pin) -> None:
    of_base = found.filter(pc.is_in(found["receipt_no"], value_set=pc.unique(landed.base["receipt_no"])))
    over_landed = _suite(ws, landed.base, of_base)
    if disagreements := agree(over_landed, of_base):
        raise GateClosed(
            "品質検査と隔離の件数が合いません: " + "、".join(disagreements),
            where="expectations/households.json",
            next_step="隔離の規則（SQL）と検査の定義を見比べてください。世帯台帳は更新していません",
        )
    over_accepted = _suite(ws, accepted, of_base)
    gate(over_accepted)
    page = docs.quality_page(
        over_landed,
        over_accepted,
        of_base,
        rows_in=landed.base.num_rows + landed.bad.num_rows,
        contract_name=ws.contract.name,
        on=ws.on,
    )
    # the page holds counts alone: it lies open, where a browser can show it
    pages = FileStore(f"{home('quality')}/{ws.contract.id}")
    pages.write(f"households_{pin.heads['ward_row'].id}.html", page)


def _suite(ws: Workspace, rows: pa.Table, found: pa.Table) -> SuiteResult:
    frame = suite_frame(
        rows, found, postal=postal_table(), gaiji=_drawable(ws), reference_date=ws.contract.reference_date
    )
    return run_suite("households", frame)


def publish(contract: str, on: date) -> Counts:
    """Publishes the register that follows from all files, with numbers, entitlements and web accounts.

    Returns:
        households, members, confidential, new_numbers; nothing when nothing has changed.

    Raises:
        GateClosed: more households are gone than the contract allows.
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
    before = ws.head_table("household", pin, ["household_no"])["household_no"]
    if not len(before):
        before = ws.head_table("ward_row", pin, ["household_no"])["household_no"]
    drift_gate(before, register.household["household_no"], ws.contract.register_.drift_gate_percent)
    new = _commit(ws, pin, register, inputs)
    with ws.ledger.read() as tx:
        _put_accounts(ws, ws.ledger.heads(tx)["household"])
    return {
        "households": register.household.num_rows,
        "members": int(pc.sum(register.household["members"]).as_py()),
        "confidential": int(pc.sum(register.household["confidential"]).as_py()),
        "new_numbers": new,
    }


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
