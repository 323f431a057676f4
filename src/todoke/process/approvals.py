"""Asking a person, and releasing only what exactly that person said yes to (`design.md` §4)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from math import ceil
from typing import Any

from sqlalchemy import Connection, select

from todoke import clock
from todoke.errors import NotApproved, StalePlan
from todoke.model.changes import effect_kind
from todoke.model.codes import Labelled, ShipmentKind
from todoke.process.gaiji_fonts import fonts_in_force, pinned
from todoke.process.workspace import Workspace
from todoke.store import tables as t
from todoke.store.ledger import insert_ignoring_conflicts


class Verdict(Labelled):
    """What came of a request. Only a yes lets anything go; without an answer in time it is asked again.

    `inspected` is the yes that names the ward's inspector and the day; `incomplete` is a yes without them, or to a
    number of batches that there are not.
    """

    APPROVED = "approved", "承認"
    INSPECTED = "inspected", "検査合格として承認"
    INCOMPLETE = "incomplete", "記入もれ"
    REJECTED = "rejected", "却下"
    EXPIRED = "expired", "期限切れ"
    RELEASE = "release", "残りを発行する"
    WAIT = "wait", "待つ"
    REFUSE = "refuse", "ファイルを受け付けない"


#: What a person may choose from: the first is the yes.
YES_OR_NO = (Verdict.APPROVED, Verdict.REJECTED)
#: The same where the ward has to inspect something first (G06).
PASSED_OR_NOT = (Verdict.INSPECTED, Verdict.REJECTED)


@dataclass(frozen=True)
class Standing:
    """The last request for one content: the how manieth, and what came of it so far, on which day (Tokyo)."""

    round: int
    verdict: Verdict | None
    answered_on: date | None = None

    def is_over(self, on: date) -> bool:
        """Whether it is to be asked anew on a day: no full answer came in time, or one said to wait before."""
        waited = self.verdict is Verdict.WAIT and self.answered_on is not None and self.answered_on < on
        return waited or self.verdict in (Verdict.EXPIRED, Verdict.INCOMPLETE)


_OWN_TEST_PRINT, *_OTHER_LABELS = [
    [effect_kind(kind, confidential=apart) for apart in (False, True)]
    for kind in (ShipmentKind.CATALOGUE, ShipmentKind.TOILET, ShipmentKind.NOTICE)
]
_LABEL_KINDS = [*_OWN_TEST_PRINT, *chain.from_iterable(_OTHER_LABELS)]
#: What of a form is no part of what a label shows.
_OFFSETS: Any = {"offset_mm": True, "forms": True, "labels_per_batch": True, "methods": {"__all__": {"offset_mm"}}}
#: What a label shows is taken from these.
_PRINTED_FROM = ("household", "person", "delivery_instruction")


def content_digest(ws: Workspace, tx: Connection, kind: str, keys: list[str]) -> str:
    """The digest of what a person says yes to: these pending effects, what is in them, where it is printed from.

    Raises:
        StalePlan: another run has claimed some of them since they were seen pending.
    """
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
    if not inside.keys() >= set(keys):
        raise StalePlan("別の実行が、承認を確かめている間に確定しました", where=kind)
    heads = ws.ledger.heads(tx)
    versions = [heads[name].id for name in _PRINTED_FROM if name in heads]
    # The printer's offset may be set after the test print that shows it; anything else of the form is looked at anew.
    form = ws.contract.labels.form(kind).model_dump_json(exclude=_OFFSETS)
    fonts = pinned(fonts_in_force(ws, tx)).values()
    told = [*(f"{key}\t{inside[key]}" for key in sorted(keys)), *versions, *fonts, form]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def form_subject(kind: str) -> str:
    """The subject of the test print of a kind of labels."""
    return f"labels_test:{kind}"


def form_digest(ws: Workspace, tx: Connection, kind: str, *, shown_by: str = "") -> str:
    """The digest of what a test print is inspected for: the form of the labels and their fonts, whatever the data.

    Args:
        shown_by: the kind whose test print shows it, when that is another one.
    """
    form = ws.contract.labels.form(kind).model_dump_json(exclude={"labels_per_batch", "forms"})
    told = [shown_by or kind, form, *pinned(fonts_in_force(ws, tx)).values()]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def inspections(ws: Workspace, tx: Connection, kind: str) -> list[tuple[str, str]]:
    """Subject and digest of each test print that shows how labels of a kind are printed now, its own first.

    Catalogues have one of their own, ordinary and confidential ones; any other kind may stand on that of another kind
    with the same form and fonts.
    """
    others = [] if kind in _OWN_TEST_PRINT else [other for other in _LABEL_KINDS if other != kind]
    return [(form_subject(shown), form_digest(ws, tx, kind, shown_by=shown)) for shown in (kind, *others)]


def form_passed(ws: Workspace, tx: Connection, kind: str) -> bool:
    """Whether the ward has inspected a test print that shows how labels of a kind are printed now (G06)."""
    return any(verdict(ws, tx, *place) is Verdict.INSPECTED for place in inspections(ws, tx, kind))


def request(
    ws: Workspace,
    subject: str,
    digest: str,
    title: str,
    body: str,
    options: Sequence[Verdict] = YES_OR_NO,
    *,
    labels: int = 0,
) -> bool:
    """Writes a request for a person's yes to the content `digest`.

    Asked before, nothing changes – unless no full answer came in time, or somebody wanted to wait: then it is asked
    anew.

    Args:
        subject: what kind of thing it is, such as `labels:catalogue`.
        title, body: Japanese, without personal data.
        options: what the person may choose from.
        labels: how many labels it is about; where they make several batches, a yes may be to the first of them alone.

    Returns:
        whether it is new.
    """
    with ws.ledger.read() as tx:
        last = standing(tx, _subject(ws, subject), digest)
    if last is not None and not last.is_over(ws.on):
        return False
    if last is not None and last.verdict is Verdict.INCOMPLETE:
        body = f"**前回の承認には、記入もれか、正しくない検査日または束数がありました。**\n\n{body}"
    row: dict[str, object] = {
        "subject": _subject(ws, subject),
        "subject_digest": digest,
        "round": last.round + 1 if last else 1,
        "contract": ws.contract.id,
        "title": title,
        "body": body,
        "options": " ".join(options),
        "requested_on": ws.on,
    }
    most = ws.contract.labels.labels_per_batch
    if labels > most:
        row |= {"batches": ceil(labels / most), "labels_per_batch": most}
    with ws.ledger.write() as tx:
        return insert_ignoring_conflicts(tx, t.approval_request, [row]) == 1


def standing(tx: Connection, subject: str, digest: str) -> Standing | None:
    """The last time that exactly this content was asked about; None when it never was."""
    asked, said = t.approval_request.c, t.approval.c
    same = (said.subject == asked.subject) & (said.subject_digest == asked.subject_digest) & (said.round == asked.round)
    row = tx.execute(
        select(asked.round, said.verdict, said.at)
        .outerjoin(t.approval, same)
        .where(asked.subject == subject, asked.subject_digest == digest)
        .order_by(asked.round.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    if row.verdict is None:
        return Standing(row.round, None)
    return Standing(row.round, Verdict(row.verdict), row.at.astimezone(clock.TOKYO).date())


def verdict(ws: Workspace, tx: Connection, subject: str, digest: str) -> Verdict | None:
    """What was said when exactly this content was last asked about; None while nobody has answered."""
    last = standing(tx, _subject(ws, subject), digest)
    return last.verdict if last else None


def needs_asking(ws: Workspace, tx: Connection, subject: str, digest: str) -> bool:
    """Whether `request` would ask now: exactly this content has no answer that holds, and no question is open."""
    last = standing(tx, _subject(ws, subject), digest)
    return last is None or last.is_over(ws.on)


def require(ws: Workspace, tx: Connection, process: str, kind: str, keys: list[str]) -> int | None:
    """Returns how many of these labels, the first in printing order, a yes lets go; None means all.

    Raises NotApproved unless a person has approved to print exactly these labels for a process.

    The form and the fonts that they are printed with must have passed the ward's inspection, too (G06).
    """
    _require(ws, tx, inspections(ws, tx, kind), Verdict.INSPECTED, "この書式と外字の試し刷り")
    content = (f"{process}:{kind}", content_digest(ws, tx, kind, keys))
    _require(ws, tx, [content], Verdict.APPROVED, "この内容")
    return _released(ws, tx, *content)


def released(ws: Workspace, tx: Connection, process: str, kind: str, keys: list[str]) -> int | None:
    """As `require` returns it; None as well where nothing has been said yet."""
    return _released(ws, tx, f"{process}:{kind}", content_digest(ws, tx, kind, keys))


def _released(ws: Workspace, tx: Connection, subject: str, digest: str) -> int | None:
    said = t.approval.c
    mine = (said.subject == _subject(ws, subject)) & (said.subject_digest == digest)
    last = select(said.labels).where(mine, said.verdict == Verdict.APPROVED).order_by(said.round.desc()).limit(1)
    found: int | None = tx.execute(last).scalar_one_or_none()
    return found


def _require(ws: Workspace, tx: Connection, places: list[tuple[str, str]], yes: Verdict, what: str) -> None:
    said, subject = {verdict(ws, tx, *place) for place in places}, places[0][0]
    if yes in said:
        return
    if Verdict.REJECTED in said:
        raise NotApproved(
            f"{what}は却下されています",
            where=subject,
            next_step="内容を直すか、todoke approval reopen でもう一度依頼してください",
        )
    raise NotApproved(
        f"{what}はまだ承認されていません",
        where=subject,
        next_step="Airflowの「承認」で内容を確かめて回答してください",
    )


def _subject(ws: Workspace, subject: str) -> str:
    return f"{ws.contract.id}:{subject}"
