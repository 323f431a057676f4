"""Where a contract stands, in counts: for the command line."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from todoke.model.codes import PullState, ReceiptState, ShipmentKind, ShipmentState, Status
from todoke.store import tables as t
from todoke.store.ledger import Ledger


def lines(contract: str) -> Iterator[str]:
    """One line for each thing that an operator asks about; counts only."""
    ledger = Ledger(contract)
    with ledger.read() as tx:
        pin = ledger.pin(tx)
        yield f"締め済みの業務日: {pin.settled_through or '-'}"
        for name, ref in sorted(pin.heads.items()):
            yield f"データ {name}: 第{ref.number}版 {ref.rows:,}行"
        r, d, s = t.receipt.c, t.decision_head.c, t.shipment.c
        for state, count in tx.execute(
            select(r.state, func.count()).where(r.contract == contract).group_by(r.state).order_by(r.state)
        ):
            yield f"受領 {ReceiptState(state).label}: {count:,}件"
        for status, count in tx.execute(
            select(d.status, func.count()).where(d.contract == contract).group_by(d.status).order_by(d.status)
        ):
            yield f"申込 {Status(status).label}: {count:,}件"
        for kind, state, count in tx.execute(
            select(s.kind, s.state, func.count())
            .where(s.contract == contract)
            .group_by(s.kind, s.state)
            .order_by(s.kind, s.state)
        ):
            yield f"出荷 {ShipmentKind(kind).label} {ShipmentState(state).label}: {count:,}件"
        waiting = tx.execute(
            select(func.count()).where(t.effect.c.contract == contract, t.effect.c.batch_id.is_(None))
        ).scalar_one()
        yield f"未出力: {waiting:,}件"
        differing = tx.execute(
            select(func.count()).where(t.difference.c.contract == contract, t.difference.c.state == "open")
        ).scalar_one()
        yield f"引渡し後の差異: {differing:,}件"
        p = t.pull_item.c
        pulls = select(p.state, func.count()).where(p.contract == contract).group_by(p.state).order_by(p.state)
        for state, count in tx.execute(pulls):
            yield f"引抜き {PullState(state).label}: {count:,}件"
