"""Claiming what is pending, with all that its files are made from pinned to the batch (`design.md` §2.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from sqlalchemy import Connection, select

from todoke.contract import loader
from todoke.contract.model import Contract
from todoke.errors import StalePlan
from todoke.outbox.batch import Batch, Guard, any_pending, claim, nothing_to_say, unpublished
from todoke.process.gaiji_fonts import font_receipt
from todoke.process.workspace import Workspace
from todoke.store import tables as t

_CONTRACT, _FONT = "contract", "gaiji_font"
#: What decides whether a parcel may go, and where to.
_REGISTER = ("household", "person", "delivery_instruction")
_ATTEMPTS = 20

#: Brings what is pending up to the register in force.
Refresh = Callable[[], object]


def claimed(
    ws: Workspace, kind: str, *, refresh: Refresh | None = None, guard: Guard = nothing_to_say
) -> Iterator[tuple[Workspace, Batch]]:
    """Batches to render, each with the workspace as it was when it was claimed: those an earlier run left come first.

    Args:
        refresh: is called when something is pending, and again whenever a register has been published meanwhile:
            nothing is claimed on the word of an older one.
        guard: as `outbox.batch.claim` takes it.
    """
    for batch in unpublished(ws.ledger, kind):
        yield _as_claimed(ws, batch), batch
    with ws.ledger.read() as tx:
        as_of = ws.ledger.pin(tx).frontier(ws.on)
    for _ in range(_ATTEMPTS):
        if not any_pending(ws.ledger, kind, as_of):
            return
        only_now = _only_under(ws, _refreshed(ws, refresh), guard)
        try:
            new = claim(ws.ledger, kind, as_of, guard=only_now, settings=_settings(ws))
        except StalePlan:
            continue
        if new is not None:
            yield _as_claimed(ws, new), new
        return
    raise StalePlan("世帯台帳が続けて更新されています", where=kind, next_step="しばらくしてから再実行してください")


def _refreshed(ws: Workspace, refresh: Refresh | None) -> Mapping[str, str] | None:
    """The register that everything pending agrees with from here on; None: it need not agree with any."""
    ws.record_contract()
    if refresh is None:
        return None
    while True:
        with ws.ledger.read() as tx:
            before = _register(ws, tx)
        refresh()
        with ws.ledger.read() as tx:
            if _register(ws, tx) == before:
                return before


def _register(ws: Workspace, tx: Connection) -> Mapping[str, str]:
    heads = ws.ledger.heads(tx)
    return {name: heads[name].id for name in _REGISTER if name in heads}


def _only_under(ws: Workspace, seen: Mapping[str, str] | None, guard: Guard) -> Guard:
    def check(tx: Connection, keys: list[str]) -> Mapping[str, int]:
        if seen is not None and _register(ws, tx) != seen:
            raise StalePlan("世帯台帳が更新されました", where=ws.contract.id)
        return guard(tx, keys)

    return check


def _settings(ws: Workspace) -> Callable[[Connection], Mapping[str, str]]:
    return lambda tx: {_CONTRACT: loader.digest(ws.contract), _FONT: font_receipt(ws, tx) or ""}


def _as_claimed(ws: Workspace, batch: Batch) -> Workspace:
    """The workspace under the contract revision and with the font of the batch."""
    with ws.ledger.read() as tx:
        c = t.contract_revision.c
        body = tx.execute(
            select(c.body).where(c.contract == ws.contract.id, c.digest == batch.settings[_CONTRACT])
        ).scalar_one()
    return replace(ws, contract=Contract.model_validate_json(body), font=batch.settings[_FONT])
