"""`<contract>_reports`: the monthly delivery report, as a workbook and a mail (G10, G32)."""

from __future__ import annotations

import json
import os
from datetime import date, datetime, time, timedelta
from email.message import EmailMessage

from sqlalchemy import Connection, select, update

from todoke import clock, ids
from todoke.contract.business_days import report_due_on
from todoke.contract.model import Report
from todoke.errors import KeyMissing, TodokeError
from todoke.outbox import mail
from todoke.outbox.send import send as send_once
from todoke.outbox.transmit import transmit
from todoke.process.workspace import Counts, Workspace
from todoke.report import deliveries
from todoke.store import facts
from todoke.store import tables as t
from todoke.store.ledger import insert_ignoring_conflicts

PREPARING, PREPARED, NOT_NEEDED, SENT = "preparing", "prepared", "not_needed", "sent"
_KINDS = ("catalogue", "goods", "toilet")
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def prepare(contract: str, on: date) -> Counts:
    """Makes the reports that are due on `on` for the month before; none for a month without results.

    The figures are kept in the ledger first and the files rendered from them, so that a report stays as it was begun:
    one whose run was killed is ended by the next run, of whatever day.

    Returns:
        due, prepared, not_needed: how many.
    """
    ws = Workspace.open(contract, on)
    counts = {"due": 0, "prepared": 0, "not_needed": 0}
    for report in _due(ws):
        counts["due"] += 1
        if _state(ws, report.kind, _period(on)) is None:
            counts["not_needed"] += _begin(ws, report, _period(on)) == NOT_NEEDED
    for kind, period, content in _begun(ws):
        _render(ws, kind, period, content)
        counts["prepared"] += _end(ws, kind, period)
    return dict(counts)


def _begin(ws: Workspace, report: Report, period: str) -> str:
    """Keeps what the report is rendered from; returns its state."""
    month = _month(ws, period)
    if not deliveries.has_results(month):
        _keep(ws, report.kind, period, state=NOT_NEEDED)
        return NOT_NEEDED
    contract = ws.contract
    words = {
        "title": report.title,
        "programme": contract.name,
        "client": contract.client.name,
        "contractor": contract.contractor.name,
        "desk": contract.contractor.desk,
    }
    content = json.dumps({"words": words, "month": month.to_json()}, ensure_ascii=False)
    _keep(ws, report.kind, period, state=PREPARING, content=content)
    return PREPARING


def _begun(ws: Workspace) -> list[tuple[str, str, str]]:
    """Kind, period and content of the reports whose files may not all be out."""
    c = t.deliverable.c
    query = select(c.kind, c.period, c.content).where(c.contract == ws.contract.id, c.state == PREPARING)
    with ws.ledger.read() as tx:
        return [tuple(row) for row in tx.execute(query.order_by(c.due_on, c.kind))]


def _render(ws: Workspace, kind: str, period: str, content: str) -> None:
    """Puts out workbook and mail text; the same bytes for the same content."""
    kept = json.loads(content)
    words, month = kept["words"], deliveries.DeliveryMonth.from_json(kept["month"])
    book = deliveries.workbook(
        month, title=words["title"], programme=words["programme"], contractor=words["contractor"]
    )
    text = mail.render_text(
        f"{kind}.txt.j2",
        file_name=deliveries.file_name(ws.contract.id, period),
        **words,
        **deliveries.figures(month),
    )
    ws.outbox.put(_place(ws, period), book)
    ws.outbox.put(_text_place(kind, period), text.encode())


def _end(ws: Workspace, kind: str, period: str) -> bool:
    """Records that the files are out; False where another run has."""
    with ws.ledger.write() as tx:
        ws.ledger.move(tx)
        begun = update(t.deliverable).where(*_key(ws, kind, period), t.deliverable.c.state == PREPARING)
        return tx.execute(begun.values(state=PREPARED)).rowcount == 1


def _due(ws: Workspace) -> list[Report]:
    """The reports on the month before whose day is `on`."""
    first = ws.on.replace(day=1) - timedelta(days=1)
    calendar = ws.contract.calendar
    return [r for r in ws.contract.reports if report_due_on(calendar, r, first.year, first.month) == ws.on]


def _period(on: date) -> str:
    return f"{on.replace(day=1) - timedelta(days=1):%Y-%m}"


def _place(ws: Workspace, period: str) -> str:
    return f"reports/{period}/{deliveries.file_name(ws.contract.id, period)}"


def _text_place(kind: str, period: str) -> str:
    return f"reports/{period}/{kind}_mail.txt"


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


def _keep(ws: Workspace, kind: str, period: str, **values: str) -> None:
    """Keeps a new deliverable; where another run was faster, its own stands."""
    place = {"contract": ws.contract.id, "kind": kind, "period": period, "due_on": ws.on}
    with ws.ledger.write() as tx:
        ws.ledger.move(tx)
        insert_ignoring_conflicts(tx, t.deliverable, [{**place, **values}])


def send(contract: str, on: date) -> Counts:
    """Sends every report that is prepared, each once; one that cannot go does not keep the others back.

    Returns:
        sent: how many mails the server took now.

    Raises:
        KeyMissing: no mail server is set.
        Refused, InDoubt: see `todoke.outbox.transmit`; when all have been tried, and first what may be well in a while.
    """
    ws = Workspace.open(contract, on)
    reports = {report.kind: report for report in ws.contract.reports}
    with ws.ledger.read() as tx:
        c = t.deliverable.c
        waiting = tx.execute(
            select(c.kind, c.period, c.due_on)
            .where(c.contract == contract, c.state == PREPARED, c.kind.in_(list(reports)))
            .order_by(c.due_on, c.kind)
        ).all()
    sent, failed = 0, list[TodokeError]()
    for kind, period, due in waiting:
        try:
            message = _message(ws, reports[kind], period, due)
            outcome = send_once(ws.ledger, f"report/{kind}/{period}", message, lambda m: transmit(_smtp_url(), m))
        except TodokeError as error:
            failed.append(error)
            continue
        sent += outcome == "sent"
        with ws.ledger.write() as tx:
            _mark_sent(ws, tx, kind, period)
    if failed:
        raise min(failed, key=lambda error: error.final)
    return {"sent": sent}


def _mark_sent(ws: Workspace, tx: Connection, kind: str, period: str) -> None:
    ws.ledger.move(tx)
    tx.execute(update(t.deliverable).where(*_key(ws, kind, period)).values(state=SENT, sent_at=clock.now_utc()))


def _message(ws: Workspace, report: Report, period: str, due: date) -> EmailMessage:
    """The mail of a report, as it was prepared: built again it is the same mail."""
    contract, place = ws.contract, _place(ws, period)
    key = ids.identifier(ws.ledger.keys.id_key, "mail", contract.id, report.kind, period)
    return mail.build(
        sender_name=contract.mail.sender_name,
        sender=contract.mail.sender,
        to=contract.client.mail,
        subject=f"【{contract.name}】{report.title}（{deliveries.label_of(period)}分）",
        text=ws.outbox.get(_text_place(report.kind, period)).decode(),
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
