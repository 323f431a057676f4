"""`<contract>_approval`: what waits for a person, and what the person said."""

from __future__ import annotations

from datetime import date
from typing import TypedDict

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, select

from todoke import clock
from todoke.contract.loader import load
from todoke.errors import TodokeError
from todoke.process.approvals import Verdict, standing
from todoke.process.workspace import Counts, Workspace
from todoke.store import tables as t
from todoke.store.ledger import insert_ignoring_conflicts

#: A yes to all batches of a request.
ALL = "all"


class Request(TypedDict):
    """A question to a person; `round` counts how often the same content has been asked about.

    `options` are `Verdict`s, the yes first. `batches`: of how many a yes may let go the first alone; 0 when there is no
    such choice.
    """

    subject: str
    digest: str
    round: int
    title: str
    body: str
    options: list[str]
    batches: int


def pending(contract: str) -> list[Request]:
    """Requests that nobody has answered."""
    return [
        Request(
            subject=row["subject"],
            digest=row["subject_digest"],
            round=row["round"],
            title=row["title"],
            body=row["body"],
            options=row["options"].split(),
            batches=row["batches"] or 0,
        )
        for row in history(contract)
        if row["verdict"] is None
    ]


def history(contract: str) -> list[RowMapping]:
    """Every request with its answer, oldest first: the request's columns, verdict, by_whom, at, and the inspection."""
    ws = Workspace.open(contract, _today())
    asked, said = t.approval_request.c, t.approval.c
    same = (said.subject == asked.subject) & (said.subject_digest == asked.subject_digest) & (said.round == asked.round)
    query = (
        select(t.approval_request, said.verdict, said.by_whom, said.at, said.inspector, said.inspected_on)
        .outerjoin(t.approval, same)
        .where(asked.contract == contract)
        .order_by(asked.requested_on, asked.subject, asked.subject_digest, asked.round)
    )
    with ws.ledger.read() as tx:
        return list(tx.execute(query).mappings())


def run_id(request: Request) -> str:
    """The id of the run that asks: the digest of what is asked, so that it is asked once; a later round has its own."""
    return request["digest"] if request["round"] == 1 else f"{request['digest']}-{request['round']}"


def record(
    contract: str,
    subject: str,
    digest: str,
    verdict: str,
    by_whom: str,
    round: int = 1,
    *,
    inspector: object = None,
    inspected_on: object = None,
    batches: object = ALL,
) -> Counts:
    """Keeps the answer to one request; the first answer stands.

    Args:
        verdict: a `Verdict`; `expired` when nobody answered in time.
        by_whom: the account that answered.
        round: that of the request.
        inspector, inspected_on: the code of who of the ward inspected it (`inspectors`), and the day (ISO), as a person
            keyed them in. The post is kept with the code. An `inspected` without both becomes `incomplete`: nothing is
            released on it, and it is asked again (G06).
        batches: how many batches, the first in printing order, an `approved` lets go. What is no number that the
            request offers makes it `incomplete`, too.

    Raises:
        TodokeError: the request does not offer this answer.
    """
    ws = Workspace.open(contract, _today())
    row: dict[str, object] = {
        "subject": subject,
        "subject_digest": digest,
        "round": round,
        "verdict": Verdict(verdict).value,
        "by_whom": by_whom,
        "at": clock.now_utc(),
    }
    with ws.ledger.write() as tx:
        ws.ledger.lock(tx)
        _must_be_offered(tx, subject, digest, round, Verdict(verdict))
        if verdict == Verdict.INSPECTED:
            who, day = _inspector(ws, inspector), _day(inspected_on, _first_asked(tx, subject, digest), ws.on)
            complete = who is not None and day is not None
            row |= {"inspector": who, "inspected_on": day} if complete else {"verdict": Verdict.INCOMPLETE.value}
        elif verdict == Verdict.APPROVED and batches != ALL:
            row |= _let_go(tx, subject, digest, round, batches)
        if not insert_ignoring_conflicts(tx, t.approval, [row]):
            return {"recorded": 0}
        ws.ledger.move(tx)
    return {"recorded": 1, "verdict": str(row["verdict"])}


def inspectors(contract: str) -> dict[str, str]:
    """Who of the ward may have inspected a test print: posts by code, as the contract has them today."""
    return dict(load(contract, _today()).client.inspectors)


def _is(subject: str, digest: str, round: int) -> ColumnElement[bool]:
    c = t.approval_request.c
    return and_(c.subject == subject, c.subject_digest == digest, c.round == round)


def _let_go(tx: Connection, subject: str, digest: str, round: int, batches: object) -> dict[str, object]:
    """What a yes to the first of several batches is kept as."""
    c = t.approval_request.c
    asked = select(c.batches, c.labels_per_batch).where(_is(subject, digest, round))
    offered, per_batch = tx.execute(asked).one()
    if not isinstance(batches, int) or not 1 <= batches <= (offered or 0):
        return {"verdict": Verdict.INCOMPLETE.value}
    return {} if batches == offered else {"labels": batches * per_batch}


def _inspector(ws: Workspace, given: object) -> str | None:
    post = ws.contract.client.inspectors.get(given) if isinstance(given, str) else None
    return None if post is None else f"{post}（{given}）"


def _must_be_offered(tx: Connection, subject: str, digest: str, round: int, verdict: Verdict) -> None:
    """An answer that is none of the request's own would hold nothing and would never be asked about again."""
    asked = select(t.approval_request.c.options).where(_is(subject, digest, round))
    offered: str | None = tx.execute(asked).scalar_one_or_none()
    if offered is not None and verdict not in (*offered.split(), Verdict.EXPIRED, Verdict.INCOMPLETE):
        raise TodokeError(
            f"「{verdict.label}」は、この依頼の答えの選択肢にありません",
            where=f"{subject} {digest}",
            next_step="「承認」の画面に出ている選択肢から選んでください",
        )


def _day(given: object, first: date, last: date) -> date | None:
    """The day if it is one on which the inspection can have been."""
    try:
        day = date.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        return None
    return day if day is not None and min(first, last) <= day <= last else None


def _first_asked(tx: Connection, subject: str, digest: str) -> date:
    c = t.approval_request.c
    first = select(func.min(c.requested_on)).where(c.subject == subject, c.subject_digest == digest)
    asked: date | None = tx.execute(first).scalar_one()
    return asked or date.min


def reopen(contract: str, subject: str, digest: str, by_whom: str) -> int:
    """Asks anew about content that was rejected; the next run of the process that asked sends the request.

    Args:
        by_whom: who wants it asked again; kept with the request.

    Returns:
        The new request's round.

    Raises:
        TodokeError: exactly this content does not stand rejected.
    """
    ws = Workspace.open(contract, _today())
    request = t.approval_request
    with ws.ledger.write() as tx:
        ws.ledger.lock(tx)
        last = standing(tx, subject, digest)
        if last is None or last.verdict is not Verdict.REJECTED:
            raise TodokeError(
                "却下された依頼ではありません",
                where=f"{subject} {digest}",
                next_step="todoke approval list で対象とダイジェストを確かめてください",
            )
        before = dict(tx.execute(select(request).where(_is(subject, digest, last.round))).mappings().one())
        again = {"round": last.round + 1, "requested_on": ws.on, "reopened_by": by_whom}
        insert_ignoring_conflicts(tx, request, [before | again])
    return last.round + 1


def _today() -> date:
    return clock.now_tokyo().date()
