"""Asking a person, and releasing only what exactly that person said yes to (`design.md` §4)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from todoke.errors import NotApproved
from todoke.outbox.batch import Guard
from todoke.process.gaiji_fonts import font_receipt
from todoke.process.workspace import Workspace
from todoke.store import tables as t
from todoke.store.ledger import insert_ignoring_conflicts


class Verdict(StrEnum):
    """What came of a request. Only a yes lets anything go; without an answer in time it is asked again."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Standing:
    """The last request for one content: the how manieth, and what came of it so far."""

    round: int
    verdict: Verdict | None


#: What a label shows is taken from these.
_PRINTED_FROM = ("household", "person", "delivery_instruction")


def content_digest(ws: Workspace, tx: Connection, kind: str, keys: list[str]) -> str:
    """The digest of what a person says yes to: these pending effects, what is in them, where it is printed from."""
    e, r = t.effect.c, t.shipment_revision.c
    inside: dict[str, str] = dict(
        tx.execute(
            select(e.key, r.content_digest)
            .join(t.shipment_revision, (r.shipment_id == e.shipment_id) & (r.rev == e.rev))
            .where(e.contract == ws.contract.id, e.kind == kind, e.batch_id.is_(None))
        )
        .tuples()
        .all()
    )
    heads = ws.ledger.heads(tx)
    versions = [heads[name].id for name in _PRINTED_FROM if name in heads]
    told = [*(f"{key}\t{inside[key]}" for key in sorted(keys)), *versions, font_receipt(ws, tx) or ""]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def request(ws: Workspace, subject: str, digest: str, title: str, body: str) -> bool:
    """Writes a request for a person's yes to the content `digest`.

    Asked before, nothing changes – unless nobody answered in time: then it is asked anew.

    Args:
        subject: what kind of thing it is, such as `labels:catalogue`.
        title, body: Japanese, without personal data.

    Returns:
        whether it is new.
    """
    with ws.ledger.read() as tx:
        last = standing(tx, _subject(ws, subject), digest)
    if last is not None and last.verdict != Verdict.EXPIRED:
        return False
    row: dict[str, object] = {
        "subject": _subject(ws, subject),
        "subject_digest": digest,
        "round": last.round + 1 if last else 1,
        "contract": ws.contract.id,
        "title": title,
        "body": body,
        "requested_on": ws.on,
    }
    with ws.ledger.write() as tx:
        return insert_ignoring_conflicts(tx, t.approval_request, [row]) == 1


def standing(tx: Connection, subject: str, digest: str) -> Standing | None:
    """The last time that exactly this content was asked about; None when it never was."""
    asked, said = t.approval_request.c, t.approval.c
    same = (said.subject == asked.subject) & (said.subject_digest == asked.subject_digest) & (said.round == asked.round)
    row = tx.execute(
        select(asked.round, said.verdict)
        .outerjoin(t.approval, same)
        .where(asked.subject == subject, asked.subject_digest == digest)
        .order_by(asked.round.desc())
        .limit(1)
    ).one_or_none()
    return Standing(row.round, Verdict(row.verdict) if row.verdict else None) if row else None


def verdict(ws: Workspace, tx: Connection, subject: str, digest: str) -> Verdict | None:
    """What was said when exactly this content was last asked about; None while nobody has answered."""
    last = standing(tx, _subject(ws, subject), digest)
    return last.verdict if last else None


def only_if_approved(ws: Workspace, process: str, kind: str, note: Guard) -> Guard:
    """A guard for `claim`: raises NotApproved unless this very content was approved; `note` is kept on the batch."""
    subject = f"{process}:{kind}"

    def guard(tx: Connection, keys: list[str]) -> Mapping[str, int]:
        said = verdict(ws, tx, subject, content_digest(ws, tx, kind, keys))
        if said is Verdict.REJECTED:
            raise NotApproved(
                "この内容は却下されています",
                where=subject,
                next_step="内容を直すか、todoke approval reopen でもう一度依頼してください",
            )
        if said is not Verdict.APPROVED:
            raise NotApproved(
                "この内容はまだ承認されていません",
                where=subject,
                next_step="Airflowの「承認」で内容を確かめて回答してください",
            )
        return note(tx, keys)

    return guard


def _subject(ws: Workspace, subject: str) -> str:
    return f"{ws.contract.id}:{subject}"
