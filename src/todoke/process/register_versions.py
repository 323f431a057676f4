"""Versions of the register: their parents, what lies between two of them, which runs used the older one (G01)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from todoke import clock
from todoke.errors import TodokeError
from todoke.model.codes import ReceiptState
from todoke.process.register_inputs import version_parts
from todoke.process.workspace import Workspace
from todoke.register.difference import difference
from todoke.store import tables as t
from todoke.store.ledger import VersionRef


def register_version(ws: Workspace, tx: Connection, number: int) -> VersionRef:
    """The register version of that number.

    Raises:
        TodokeError: there is none.
    """
    for version in ws.ledger.versions(tx, "register"):
        if version.number == number:
            return version
    raise TodokeError(
        "この番号の台帳の版はありません", where=f"第{number}版", next_step="todoke register versions で確かめてください"
    )


def parents(contract: str) -> Iterator[str]:
    """One line a register version: what it was made from, versions by dataset and the receipts behind them."""
    ws = Workspace.open(contract, clock.now_tokyo().date())
    with ws.ledger.read() as tx:
        taken = (t.receipt.c.contract == contract, t.receipt.c.state == ReceiptState.ACCEPTED)
        receipts = set(tx.execute(select(t.receipt.c.receipt_no).where(*taken)).scalars())
        for version in ws.ledger.versions(tx, "register"):
            inputs = version_parts(ws, tx, version, "input")
            made_of = "、".join(f"{name} 第{ref.number}版" for name, ref in inputs.items())
            files = sorted({no for ref in inputs.values() for no in _receipts(ws, tx, ref) if no in receipts})
            yield f"第{version.number}版 ← {made_of}（受領 {'、'.join(files)}）"


def _receipts(ws: Workspace, tx: Connection, version: VersionRef) -> Iterator[str]:
    """The receipts of a landed version and of those before it, for files accumulate."""
    for ref in ws.ledger.versions(tx, version.dataset):
        if ref.number <= version.number and (version.dataset != "ward_row" or ref.number == version.number):
            yield from ref.inputs


def compared(contract: str, older: int, newer: int) -> dict[str, dict[str, int]]:
    """What lies between two register versions, in counts.

    Returns:
        `changes`: households by kind of change (`register.difference`); `settlements`: by process, those computed from
        the older version or one between; `decisions`: current ones that rest on the older; `batches`: by kind, those
        rendered from it.

    Raises:
        TodokeError: there is no such version.
    """
    ws = Workspace.open(contract, clock.now_tokyo().date())
    with ws.ledger.read() as tx:
        first, second = register_version(ws, tx, older), register_version(ws, tx, newer)
        before, after = (version_parts(ws, tx, version, "output") for version in (first, second))
        touched = {
            "settlements": _settlements(ws, tx, first, second),
            "decisions": _decisions(ws, tx, before["household"]),
            "batches": _batches(ws, tx, before),
        }
    tables = [ws.lake.read(parts[name]) for parts in (before, after) for name in ("household", "person")]
    return {"changes": difference(*tables), **touched}


def _settlements(ws: Workspace, tx: Connection, first: VersionRef, second: VersionRef) -> dict[str, int]:
    c = t.settlement.c
    query = (
        select(c.process, func.count())
        .where(c.contract == ws.contract.id, c.seq > first.seq, c.seq < second.seq)
        .group_by(c.process)
        .order_by(c.process)
    )
    return dict(tx.execute(query).tuples().all())


def _decisions(ws: Workspace, tx: Connection, household: VersionRef) -> dict[str, int]:
    c = t.decision_head.c
    here = (c.contract == ws.contract.id) & (c.register_version == household.id)
    query = select(c.status, func.count()).where(here).group_by(c.status).order_by(c.status)
    return dict(tx.execute(query).tuples().all())


def _batches(ws: Workspace, tx: Connection, parts: dict[str, VersionRef]) -> dict[str, int]:
    counts: dict[str, int] = {}
    b = t.batch.c
    for kind, inputs in tx.execute(select(b.kind, b.inputs).where(b.contract == ws.contract.id).order_by(b.kind)):
        used = json.loads(inputs)
        if any(used.get(name) == parts[name].id for name in ("household", "person")):
            counts[kind] = counts.get(kind, 0) + 1
    return counts
