"""Mail goes once, whatever ends the run; what nobody can know, a person decides."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import select

from todoke.errors import KeyMissing, TodokeError
from todoke.outbox.mail import build
from todoke.outbox.send import resolve, send
from todoke.outbox.transmit import InDoubt, Refused, RefusedForNow
from todoke.store import tables as t
from todoke.store.ledger import Ledger

_KEY = "report/deliveries/2026-11"


def _message(message_id: str = "<1@contractor.example.jp>", text: str = "報告") -> EmailMessage:
    return build(
        sender_name="事務局",
        sender="desk@contractor.example.jp",
        to=["bosai@ward.example.jp"],
        subject="報告",
        text=text,
        message_id=message_id,
        date=datetime(2026, 12, 9, tzinfo=UTC),
    )


def _row(ledger: Ledger) -> Any:
    with ledger.read() as tx:
        return tx.execute(select(t.send)).one_or_none()


class Server:
    """Takes mails, and then does what it is told."""

    def __init__(self, afterwards: BaseException | None = None, *, takes: bool = True) -> None:
        self.taken: list[str] = []
        self._afterwards, self._takes = afterwards, takes

    def __call__(self, message: EmailMessage) -> None:
        if self._takes:
            self.taken.append(str(message["Message-ID"]))
        if self._afterwards is not None:
            raise self._afterwards


def test_a_mail_goes_once(ledger: Ledger) -> None:
    server = Server()
    assert send(ledger, _KEY, _message(), server) == "sent"
    before = _row(ledger)
    assert send(ledger, _KEY, _message(), server) == "already_sent"
    assert server.taken == ["<1@contractor.example.jp>"]
    assert _row(ledger) == before
    assert before.state == "sent"
    assert before.sent_at is not None


def test_it_is_on_record_as_being_sent_before_the_conversation_begins(ledger: Ledger) -> None:
    seen: list[str] = []
    send(ledger, _KEY, _message(), lambda _m: seen.append(_row(ledger).state))
    assert seen == ["sending"]


@pytest.mark.parametrize(
    "refusal", [Refused("受け付けません"), RefusedForNow("つながりません"), KeyMissing("指定が誤りです")]
)
def test_a_definite_refusal_lets_the_next_run_try_again(ledger: Ledger, refusal: TodokeError) -> None:
    with pytest.raises(type(refusal)):
        send(ledger, _KEY, _message(), Server(refusal, takes=False))
    assert _row(ledger).state == "prepared"
    server = Server()
    assert send(ledger, _KEY, _message(text="組み直した本文"), server) == "sent"
    assert len(server.taken) == 1


@pytest.mark.parametrize("end", [InDoubt("切れました"), KeyboardInterrupt(), RuntimeError("anything else")])
def test_what_may_have_arrived_is_not_sent_again_unasked(ledger: Ledger, end: BaseException) -> None:
    server = Server(end)
    with pytest.raises(type(end)):
        send(ledger, _KEY, _message(), server)
    for _ in range(2):
        with pytest.raises(InDoubt) as caught:
            send(ledger, _KEY, _message(), server)
        assert caught.value.where == _KEY
        assert caught.value.next_step
    assert len(server.taken) == 1


@pytest.mark.parametrize(("arrived", "outcome", "mails"), [(True, "already_sent", 1), (False, "sent", 2)])
def test_a_person_resolves_the_doubt(ledger: Ledger, arrived: bool, outcome: str, mails: int) -> None:
    server = Server(InDoubt("切れました"))
    with pytest.raises(InDoubt):
        send(ledger, _KEY, _message(), server)
    resolve(ledger, _KEY, arrived, "事務局")
    second = Server()
    assert send(ledger, _KEY, _message(), second) == outcome
    assert len(server.taken + second.taken) == mails
    assert _row(ledger).state == "sent"
    assert _row(ledger).sent_at is not None


def test_who_decided_about_each_doubt_is_kept(ledger: Ledger) -> None:
    for arrived, person in ((False, "佐藤"), (True, "鈴木")):
        with pytest.raises(InDoubt):
            send(ledger, _KEY, _message(), Server(InDoubt("切れました")))
        resolve(ledger, _KEY, arrived, person)
    c = t.send_decision.c
    with ledger.read() as tx:
        rows = tx.execute(select(c.number, c.verdict, c.by_whom).order_by(c.number)).all()
        times = tx.execute(select(c.at)).scalars().all()
    assert [tuple(row) for row in rows] == [(1, "prepared", "佐藤"), (2, "sent", "鈴木")]
    assert all(moment.tzinfo is not None for moment in times)


@pytest.mark.parametrize("before", [lambda _l: None, lambda ledger: send(ledger, _KEY, _message(), Server())])
def test_only_a_doubt_can_be_resolved(ledger: Ledger, before: Callable[[Ledger], object]) -> None:
    before(ledger)
    kept = _row(ledger)
    for arrived in (True, False):
        with pytest.raises(TodokeError):
            resolve(ledger, _KEY, arrived, "事務局")
    assert _row(ledger) == kept
    with ledger.read() as tx:
        assert tx.execute(select(t.send_decision)).all() == []


def test_a_mail_is_known_by_one_message_id_for_ever(ledger: Ledger) -> None:
    with pytest.raises(Refused):
        send(ledger, _KEY, _message(), Server(RefusedForNow("つながりません"), takes=False))
    server = Server()
    with pytest.raises(TodokeError):
        send(ledger, _KEY, _message("<2@contractor.example.jp>"), server)
    with pytest.raises(TodokeError):
        send(ledger, "another/key", _message(), server)
    with pytest.raises(TodokeError):
        send(ledger, "no/id", EmailMessage(), server)
    assert server.taken == []


def test_of_two_that_send_at_once_one_sends(ledger: Ledger) -> None:
    server, outcomes = Server(), []
    start = threading.Barrier(2)

    def run() -> None:
        start.wait()
        try:
            outcomes.append(send(ledger, _KEY, _message(), server))
        except InDoubt:
            outcomes.append("in doubt")

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.taken) == 1
    assert "sent" in outcomes
