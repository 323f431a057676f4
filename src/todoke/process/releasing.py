"""Claiming what is pending, with all that its files are made from pinned to the batch (`design.md` §2.3)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from sqlalchemy import Connection, select

from todoke.contract import loader
from todoke.contract.model import Contract
from todoke.errors import StalePlan
from todoke.outbox.batch import Batch, Claim, any_pending, claim, unpublished
from todoke.process.gaiji_fonts import fonts_in_force, pinned, unpinned
from todoke.process.workspace import Workspace
from todoke.store import tables as t
from todoke.store.settle import register_digest, settled_under

_CONTRACT = "contract"
_ATTEMPTS = 20

#: Brings what is pending up to the register in force.
Refresh = Callable[[], object]


def claimed(
    ws: Workspace,
    kind: str,
    *,
    refresh: Refresh | None = None,
) -> Iterator[tuple[Workspace, Batch]]:
    """Batches of a kind to render; as `claimed_together`, and nothing stands in the way of what is pending."""
    return claimed_together(ws, [kind], lambda: {kind: Claim()}, refresh=refresh)


def claimed_together(
    ws: Workspace,
    kinds: Collection[str],
    claims: Callable[[], Mapping[str, Claim]],
    *,
    process: str = "",
    refresh: Refresh | None = None,
) -> Iterator[tuple[Workspace, Batch]]:
    """Batches to render, each with the workspace as it was when it was claimed: those an earlier run left come first.

    Args:
        claims: makes what `outbox.batch.claim` takes, outside the transaction.
        refresh: is called when something is pending, and again whenever a register has been published meanwhile:
            nothing is claimed on the word of an older one.
        process: whose settlements make what is pending agree with a register; when it settled last under the one in
            force, nothing is to be refreshed.
    """
    for kind in kinds:
        for batch in unpublished(ws.ledger, kind):
            yield as_claimed(ws, batch), batch
    ws.record_contract()
    with ws.ledger.read() as tx:
        as_of = ws.ledger.pin(tx).frontier(ws.on)
    for _ in range(_ATTEMPTS):
        if not any(any_pending(ws.ledger, kind, as_of) for kind in kinds):
            return
        seen = None if refresh is None else _refreshed(ws, process, refresh)
        wanted = {kind: claim if seen is None else _only_under(ws, seen, claim) for kind, claim in claims().items()}
        try:
            new = claim(ws.ledger, wanted, as_of, settings=_settings(ws))
        except StalePlan:
            continue
        for batch in new:
            yield as_claimed(ws, batch), batch
        return
    raise StalePlan(
        "世帯台帳が続けて更新されています", where=" ".join(kinds), next_step="しばらくしてから再実行してください"
    )


def _refreshed(ws: Workspace, process: str, refresh: Refresh) -> str:
    """The digest of the register that everything pending agrees with from here on."""
    while True:
        with ws.ledger.read() as tx:
            before = register_digest(ws.ledger.heads(tx))
            agrees = settled_under(ws.ledger, tx, process) == before
        if agrees:
            return before
        refresh()
        with ws.ledger.read() as tx:
            if register_digest(ws.ledger.heads(tx)) == before:
                return before


def _only_under(ws: Workspace, seen: str, claim: Claim) -> Claim:
    def check(tx: Connection, keys: list[str]) -> Mapping[str, int] | None:
        if register_digest(ws.ledger.heads(tx)) != seen:
            raise StalePlan("世帯台帳が更新されました", where=ws.contract.id)
        return claim.guard(tx, keys)

    return replace(claim, guard=check)


def _settings(ws: Workspace) -> Callable[[Connection], Mapping[str, str]]:
    return lambda tx: {_CONTRACT: loader.digest(ws.contract), **pinned(fonts_in_force(ws, tx))}


def as_claimed(ws: Workspace, batch: Batch) -> Workspace:
    """The workspace under the contract revision and with the fonts of the batch."""
    with ws.ledger.read() as tx:
        c = t.contract_revision.c
        body = tx.execute(
            select(c.body).where(c.contract == ws.contract.id, c.digest == batch.settings[_CONTRACT])
        ).scalar_one()
    return replace(ws, contract=Contract.model_validate_json(body), fonts=unpinned(batch.settings))
