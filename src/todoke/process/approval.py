"""`<contract>_approval`: what waits for a person, and what the person said."""

from __future__ import annotations

from datetime import date

from sqlalchemy import insert, select

from todoke import clock
from todoke.process.workspace import Counts, Workspace
from todoke.store import tables as t


def pending(contract: str) -> list[dict[str, str]]:
    """Requests that nobody has answered: subject, digest, title, body."""
    ws = Workspace.open(contract, _today())
    request, answer = t.approval_request.c, t.approval.c
    with ws.ledger.read() as tx:
        rows = tx.execute(
            select(request.subject, request.subject_digest, request.title, request.body)
            .outerjoin(
                t.approval,
                (answer.subject == request.subject) & (answer.subject_digest == request.subject_digest),
            )
            .where(request.contract == contract, answer.subject.is_(None))
            .order_by(request.requested_on, request.subject)
        ).all()
    return [dict(zip(("subject", "digest", "title", "body"), row, strict=True)) for row in rows]


def record(contract: str, subject: str, digest: str, verdict: str, by_whom: str) -> Counts:
    """Keeps the answer to one request; the first answer stands.

    Args:
        verdict: `approved` or `rejected`.
        by_whom: the account that answered.
    """
    ws = Workspace.open(contract, _today())
    place = (t.approval.c.subject == subject) & (t.approval.c.subject_digest == digest)
    with ws.ledger.write() as tx:
        if tx.execute(select(t.approval.c.verdict).where(place)).first():
            return {"recorded": 0}
        ws.ledger.move(tx)
        tx.execute(
            insert(t.approval).values(
                subject=subject, subject_digest=digest, verdict=verdict, by_whom=by_whom, at=clock.now_utc()
            )
        )
    return {"recorded": 1, "verdict": verdict}


def _today() -> date:
    return clock.now_tokyo().date()
