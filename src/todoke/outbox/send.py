"""Mail goes once: `prepared` → `sending`, committed → the conversation → `sent`.

A definite refusal returns to `prepared`. `sending` found at the start means that a run ended in the middle: only a
person can find out whether the mail arrived, and records it by `resolve`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from email.message import EmailMessage
from typing import Literal

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from todoke import clock
from todoke.errors import KeyMissing, TodokeError
from todoke.outbox.transmit import InDoubt, Refused
from todoke.store import tables as t
from todoke.store.ledger import Ledger, insert_ignoring_conflicts

PREPARED, SENDING, SENT = "prepared", "sending", "sent"


def send(
    ledger: Ledger, key: str, message: EmailMessage, transmit: Callable[[EmailMessage], None]
) -> Literal["sent", "already_sent"]:
    """Sends `message` unless the mail of that key has been sent.

    Args:
        key: names the mail for ever (report, kind, period).
        message: carries a Message-ID that is the same whenever the mail is built again.
        transmit: one SMTP conversation; raises `Refused` when nothing was taken, `InDoubt` when nobody can know.

    Raises:
        Refused, KeyMissing: nothing was taken; the next run tries again.
        InDoubt: this or an earlier run ended in the middle; see `resolve`.
        TodokeError: the Message-ID is missing or not the one that the key had.
    """
    if not _begin(ledger, key, message):
        return "already_sent"
    try:
        transmit(message)
    except (Refused, KeyMissing):
        _end(ledger, key, PREPARED)
        raise
    _end(ledger, key, SENT)
    return "sent"


def resolve(ledger: Ledger, key: str, sent: bool, by_whom: str) -> None:
    """Records what an operator found out about a mail in doubt: it arrived, or is to be sent again.

    Args:
        by_whom: who says so; kept in `send_decision`, one row for each doubt.

    Raises:
        TodokeError: there is no such mail in doubt.
    """
    verdict, decided = SENT if sent else PREPARED, t.send_decision.c
    with ledger.write() as tx:
        if not _leave_sending(tx, key, verdict):
            raise TodokeError(
                "到達が不明なメールではありません",
                where=key,
                next_step="メールの名前と、既に記録されていないかを確かめてください（todoke mail list）",
            )
        before = tx.execute(select(func.count()).where(decided.key == key)).scalar_one()
        row = {"key": key, "number": before + 1, "verdict": verdict, "by_whom": by_whom, "at": clock.now_utc()}
        tx.execute(insert(t.send_decision).values(row))


def mails(ledger: Ledger) -> list[tuple[str, str, str]]:
    """Every mail: key, state and Message-ID; the state `sending` is in doubt unless a run is at work."""
    c = t.send.c
    with ledger.read() as tx:
        return [tuple(row) for row in tx.execute(select(c.key, c.state, c.message_id).order_by(c.key))]


def _begin(ledger: Ledger, key: str, message: EmailMessage) -> bool:
    """Commits that the mail is about to go; False when it has gone."""
    message_id = str(message["Message-ID"] or "")
    digest = hashlib.sha256(message.as_bytes()).hexdigest()
    with ledger.write() as tx:
        row: dict[str, object] = {"key": key, "message_id": message_id, "digest": digest, "state": PREPARED}
        insert_ignoring_conflicts(tx, t.send, [row])
        known = tx.execute(select(t.send.c.message_id, t.send.c.state).where(t.send.c.key == key)).one_or_none()
        if not message_id or known is None or known.message_id != message_id:
            raise TodokeError(
                "メールのMessage-IDがないか、以前のものと違います", where=key, next_step="開発元に連絡してください"
            )
        if known.state == SENT:
            return False
        begun = tx.execute(update(t.send).where(_at(key, PREPARED)).values(state=SENDING, digest=digest))
        if begun.rowcount == 1:
            return True
    raise InDoubt(
        "前回の送信が途中で終わったか、ほかの処理が送信中です。届いたかどうか分かりません",
        where=key,
        next_step="相手に届いたか確かめ、todoke mail decide で記録してください",
    )


def _end(ledger: Ledger, key: str, state: str) -> None:
    with ledger.write() as tx:
        _leave_sending(tx, key, state)


def _leave_sending(tx: Connection, key: str, state: str) -> bool:
    values = {"state": state, "sent_at": clock.now_utc() if state == SENT else None}
    return tx.execute(update(t.send).where(_at(key, SENDING)).values(values)).rowcount == 1


def _at(key: str, state: str) -> ColumnElement[bool]:
    return (t.send.c.key == key) & (t.send.c.state == state)
