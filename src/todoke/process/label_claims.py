"""Locking approved labels in batches, in the order in which they are printed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from math import ceil

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from todoke.errors import ContractError, NotApproved, StalePlan
from todoke.labels.sort_mark import sort_marks
from todoke.model.ward_values import KEPT_METHODS
from todoke.outbox.batch import Claim, Cut, Guard, pending_keys
from todoke.process import approvals, stops
from todoke.process.addresses import delivery_addresses
from todoke.process.releasing import Refresh, claimed_together
from todoke.process.workspace import Workspace
from todoke.store import tables as t

PRINTING_ORDER = ("delivery_method", "postal_code", "town", "sort_mark", "household_no")
#: A limit of the contract that makes more batches than this is a slip: nobody hands over so many.
_BATCHES_AT_ONCE = 1_000
#: Among so many tasks the batches of a run are shared out. Each starts a process and reads the register once, whatever
#: it prints: with a task for each batch, the printing of ten wards would cost 17 times as much as that of one.
_TASKS = 24


def claim_approved(
    ws: Workspace,
    process: str,
    kinds: Collection[str],
    *,
    resettle: Refresh,
    note: Callable[[], Guard],
) -> list[str]:
    """Locks the pending labels of each kind that a person has approved for `process`; see `labels.claim_batches`.

    Args:
        resettle: brings what is pending up to the register in force; a yes to something else does not hold then.
        note: makes the guard whose figures are kept with the batches, when something is pending. They are those of
            the whole run: the guard is given the labels of every kind that the run is going to lock.
    """
    stops.hold(ws)
    stops.put_out(ws)
    waiting: list[NotApproved] = []

    def claims() -> dict[str, Claim]:
        waiting.clear()
        run = _Run(ws, process, note(), waiting, {})
        return {kind: Claim(run.guard(kind), run.cutter(kind)) for kind in kinds}

    batches = [batch.id for _, batch in claimed_together(ws, kinds, claims, process=process, refresh=resettle)]
    if waiting and not batches:
        raise waiting[0]
    return batches


@dataclass(frozen=True)
class _Run:
    """What a run is going to lock.

    Attributes:
        note: is told of the labels of every kind that the run locks.
        waiting: what has not been approved.
        cut: by kind, how many labels a person lets go (None: all) and which they are, as it was when they were cut.
    """

    ws: Workspace
    process: str
    note: Guard
    waiting: list[NotApproved]
    cut: dict[str, tuple[int | None, list[str]]]

    def cutter(self, kind: str) -> Cut:
        """Of pending effects those that may go now, in printing order, in batches that one worker each prints."""

        def cut(keys: list[str]) -> list[list[str]]:
            with self.ws.ledger.read() as tx:
                labels = approvals.released(self.ws, tx, self.process, kind, keys)
            parts = _cut(self.ws, kind, keys, labels)
            self.cut[kind] = labels, list(chain.from_iterable(parts))
            return parts

        return cut

    def guard(self, kind: str) -> Guard:
        """Lets exactly what was approved pass."""

        def guard(tx: Connection, keys: list[str]) -> Mapping[str, int] | None:
            try:
                together = self._going(tx, kind, keys)
            except NotApproved as error:
                self.waiting.append(error)
                return None
            on = self.ws.ledger.pin(tx).frontier(self.ws.on)
            for other in self.cut.keys() - {kind}:
                with suppress(NotApproved):
                    together = together + self._going(tx, other, pending_keys(self.ws.ledger, tx, other, on))
            return self.note(tx, together)

        return guard

    def _going(self, tx: Connection, kind: str, keys: list[str]) -> list[str]:
        """Of pending effects those that were cut; raises NotApproved, or StalePlan when they were on another answer."""
        labels, going = self.cut[kind]
        if approvals.require(self.ws, tx, self.process, kind, keys) != labels:
            raise StalePlan("分けている間に、承認の答えが記録されました", where=kind)
        return going


def shared_out(batches: Sequence[str]) -> list[list[str]]:
    """Batches in their order, each share to be printed by one task: a batch each, until there are some dozens."""
    share = ceil(len(batches) / _TASKS) or 1
    return [list(batches[first : first + share]) for first in range(0, len(batches), share)]


def batches_told(ws: Workspace, labels: int) -> str:
    """The line of a request that says which batches so many labels are printed in."""
    most = ws.contract.labels.labels_per_batch
    whole, left = divmod(labels, most)
    parts = [f"1〜{whole}束目 各{most:,}件" if whole > 1 else f"1束目 {most:,}件"] if whole else []
    parts += [f"{whole + 1}束目 {left:,}件"] if left else []
    return f"- 束: 全{whole + bool(left):,}束（{'、'.join(parts)}）\n"


def _cut(ws: Workspace, kind: str, keys: list[str], labels: int | None) -> list[list[str]]:
    """The first `labels` of pending effects, or all, in printing order, in batches that one worker each prints."""
    most = ws.contract.labels.labels_per_batch
    if labels is None and len(keys) <= most:
        return [keys]
    if min(len(keys), labels or len(keys)) > most * _BATCHES_AT_ONCE:
        raise ContractError(
            f"ラベル{len(keys):,}件が{_BATCHES_AT_ONCE:,}束に収まりません",
            where="labels.labels_per_batch",
            next_step="1束の件数を増やしてください",
        )
    ordered = _in_order(ws, kind, keys)[:labels]
    return [ordered[first : first + most] for first in range(0, len(ordered), most)]


def _in_order(ws: Workspace, kind: str, keys: list[str]) -> list[str]:
    """Effects in printing order."""
    with ws.ledger.read() as tx:
        heads = ws.ledger.heads(tx)
    table = pa.table({"key": keys, "household_no": members(ws, keys)})
    places = delivery_addresses(ws, heads).select(
        ["household_no", "delivery_method", "postal_code", "town", "block", "confidential"]
    )
    placed = in_printing_order(ws, table.join(places, "household_no", join_type="left outer"), kind)
    ordered: list[str] = placed["key"].to_pylist()
    return ordered


def in_printing_order(ws: Workspace, addresses: pa.Table, kind: str) -> pa.Table:
    """Addresses with `sort_mark`, as they are printed in a batch of a kind: by postal code and town for the carrier.

    Those of confidential households by delivery method before that.
    """
    return with_sort_mark(ws, addresses, kind).sort_by([(name, "ascending") for name in PRINTING_ORDER])


def with_sort_mark(ws: Workspace, addresses: pa.Table, kind: str) -> pa.Table:
    """Addresses with `sort_mark`.

    A confidential household's label names no town beside its address; where a place keeps the parcel it is marked by
    the delivery method, 局留 or 営業所留. 別住所 would tell who reads it that somebody lives elsewhere (G09).
    """
    towns, blocks = (addresses[name].fill_null("").to_pylist() for name in ("town", "block"))
    marks = sort_marks(ws.contract.labels.form(kind).sort_mark, towns, blocks)
    kept = pc.if_else(
        pc.is_in(addresses["delivery_method"], value_set=pa.array(KEPT_METHODS)), addresses["delivery_method"], ""
    )
    mark = pc.if_else(addresses["confidential"], kept, pa.array(marks, pa.string()))
    return addresses.append_column("sort_mark", mark)


def members(ws: Workspace, keys: list[str]) -> pa.Array:
    """The household of each effect."""
    c = t.shipment.c
    with ws.ledger.read() as tx:
        of = dict(tx.execute(select(c.id, c.household_no).where(c.contract == ws.contract.id)).tuples().all())
    return pa.array([of[key.rpartition("/")[0]] for key in keys], pa.string())
