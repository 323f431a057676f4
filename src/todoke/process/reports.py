"""`<contract>_reports`: the monthly delivery report, as a workbook and a mail (G10, G32)."""

from __future__ import annotations

import os
from datetime import date, datetime, time, timedelta
from email.message import EmailMessage

from sqlalchemy import Connection, insert, select, update

from todoke import clock, ids
from todoke.contract.business_days import report_due_on
from todoke.contract.model import Report
from todoke.errors import KeyMissing
from todoke.outbox import mail
from todoke.outbox.send import send as send_once
from todoke.outbox.transmit import transmit
from todoke.process.workspace import Counts, Workspace
from todoke.report import deliveries
from todoke.store import facts
from todoke.store import tables as t

_KINDS = ("catalogue", "goods", "toilet")
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def prepare(contract: str, on: date) -> Counts:
    """Makes the reports that are due on `on` for the month before; none for a month without results.

    A report that has been made stays as it was made.

    Returns:
        prepared, not_needed, due: how many.
    """
    ws = Workspace.open(contract, on)
    counts = {"due": 0, "prepared": 0, "not_needed": 0}
    for report in _due(ws):
        counts["due"] += 1
        period = _period(on)
        if _state(ws, report.kind, period) is not None:
            continue
        month = _month(ws, period)
        needed = deliveries.has_results(month)
        if needed:
            content = deliveries.workbook(
                month, title=report.title, programme=ws.contract.name, contractor=ws.contract.contractor.name
            )
            ws.outbox.put(_place(ws, period), content)
            ws.outbox.put(_text_place(report, period), _text(ws, report, period, month).encode())
        _keep(ws, report.kind, period, "prepared" if needed else "not_needed")
        counts["prepared" if needed else "not_needed"] += 1
    return dict(counts)


def _due(ws: Workspace) -> list[Report]:
    """The reports on the month before whose day is `on`."""
    first = ws.on.replace(day=1) - timedelta(days=1)
    calendar = ws.contract.calendar
    return [r for r in ws.contract.reports if report_due_on(calendar, r, first.year, first.month) == ws.on]


def _period(on: date) -> str:
    return f"{on.replace(day=1) - timedelta(days=1):%Y-%m}"


def _place(ws: Workspace, period: str) -> str:
    return f"reports/{period}/{deliveries.file_name(ws.contract.id, period)}"


def _text_place(report: Report, period: str) -> str:
    return f"reports/{period}/{report.kind}_mail.txt"


def _text(ws: Workspace, report: Report, period: str, month: deliveries.DeliveryMonth) -> str:
    """The body of the mail, with the figures in it."""
    contract = ws.contract
    return mail.render_text(
        f"{report.kind}.txt.j2",
        client=contract.client.name,
        contractor=contract.contractor.name,
        desk=contract.contractor.desk,
        programme=contract.name,
        title=report.title,
        file_name=deliveries.file_name(contract.id, period),
        **deliveries.figures(month),
    )


def _month(ws: Workspace, period: str) -> deliveries.DeliveryMonth:
    with ws.ledger.read() as tx:
        shipments = facts.shipments(tx, ws.contract.id, _KINDS, deliveries.SHIPMENT_COLUMNS)
        events = facts.events(tx, deliveries.REPORTED_STATES)
    return deliveries.collect(shipments, events, period)


def _state(ws: Workspace, kind: str, period: str) -> str | None:
    with ws.ledger.read() as tx:
        return tx.execute(select(t.deliverable.c.state).where(*_key(ws, kind, period))).scalar()


def _key(ws: Workspace, kind: str, period: str) -> tuple:  # type: ignore[type-arg]  # SQL conditions
    c = t.deliverable.c
    return c.contract == ws.contract.id, c.kind == kind, c.period == period


def _keep(ws: Workspace, kind: str, period: str, state: str) -> None:
    with ws.ledger.write() as tx:
        ws.ledger.move(tx)
        tx.execute(
            insert(t.deliverable).values(contract=ws.contract.id, kind=kind, period=period, due_on=ws.on, state=state)
        )


def send(contract: str, on: date) -> Counts:
    """Sends every report that is prepared, each once.

    Returns:
        sent: how many mails the server took now.

    Raises:
        KeyMissing: no mail server is set.
        Refused, InDoubt: see `todoke.outbox.transmit`.
    """
    ws = Workspace.open(contract, on)
    reports = {report.kind: report for report in ws.contract.reports}
    with ws.ledger.read() as tx:
        c = t.deliverable.c
        waiting = tx.execute(
            select(c.kind, c.period, c.due_on)
            .where(c.contract == contract, c.state == "prepared", c.kind.in_(list(reports)))
            .order_by(c.due_on, c.kind)
        ).all()
    sent = 0
    for kind, period, due in waiting:
        message = _message(ws, reports[kind], period, due)
        outcome = send_once(ws.ledger, f"report/{kind}/{period}", message, lambda m: transmit(_smtp_url(), m))
        sent += outcome == "sent"
        with ws.ledger.write() as tx:
            _mark_sent(ws, tx, kind, period)
    return {"sent": sent}


def _mark_sent(ws: Workspace, tx: Connection, kind: str, period: str) -> None:
    ws.ledger.move(tx)
    tx.execute(update(t.deliverable).where(*_key(ws, kind, period)).values(state="sent", sent_at=clock.now_utc()))


def _message(ws: Workspace, report: Report, period: str, due: date) -> EmailMessage:
    """The mail of a report, as it was prepared: built again it is the same mail."""
    contract, place = ws.contract, _place(ws, period)
    key = ids.identifier(ws.ledger.keys.id_key, "mail", contract.id, report.kind, period)
    return mail.build(
        sender_name=contract.mail.sender_name,
        sender=contract.mail.sender,
        to=contract.client.mail,
        subject=f"【{contract.name}】{report.title}（{deliveries.label_of(period)}分）",
        text=ws.outbox.get(_text_place(report, period)).decode(),
        attachments=[(place.rpartition("/")[2], ws.outbox.get(place), _XLSX)],
        message_id=f"<{key.lower()}@{contract.mail.sender.rpartition('@')[2]}>",
        date=datetime.combine(due, time(9), clock.TOKYO),
    )


def _smtp_url() -> str:
    url = os.environ.get("TODOKE_SMTP")
    if not url:
        raise KeyMissing(
            "メールサーバーが設定されていません",
            where="TODOKE_SMTP",
            next_step="Airflowの接続 todoke_smtp か環境変数を設定してください",
        )
    return url
