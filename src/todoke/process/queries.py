"""Queries to the ward about quarantined households (照会票): put out, and the answers taken (G03, G04).

The workbook goes out under the passphrase of the ward's own files. Answers are one more input of the register.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from todoke import ids
from todoke.model.codes import QueryDecision, QueryFinding
from todoke.process.passphrase import password
from todoke.process.receiving import Landing
from todoke.process.ward_files import JUDGED
from todoke.process.workspace import Workspace
from todoke.quality.findings import standing
from todoke.quality.queries import Item, Sent, SentFile, about_a_value, items
from todoke.report.query import Returned, query_workbook, read_answers
from todoke.report.returned import Opened
from todoke.store import tables as t
from todoke.store.ledger import Pin
from todoke.store.schema import QUARANTINE, QUERY_ANSWER

FOLDER = "queries"
_LANDED = (
    *("ward_row", "addition_row", "correction_row"),
    *("stop_row", "delivery_instruction", "readdress_row", "bad_row"),
)
_DECISIONS = {decision.label: decision for decision in QueryDecision}
_APPROVE = "承認"
Fault = tuple[str, QueryFinding]


def put_out(ws: Workspace) -> int:
    """Puts out the query about the newest quarantine, if it asks anything that has not been asked so.

    Returns:
        How many items a new workbook has.

    Raises:
        KeyMissing: there is no passphrase to put it under.
    """
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
        open_items = _items(ws, tx, pin)
    if not open_items:
        return 0
    asked = ids.members_digest([f"{item.item_no}/{item.digest}" for item in open_items])
    name = f"{FOLDER}/{pin.heads['quarantine'].id}/{ws.contract.id}_query_{asked[:8]}.xlsx"
    if name in ws.outbox.listing(FOLDER):
        return 0
    ws.outbox.put(name, query_workbook(open_items, programme=ws.contract.name, password=password(ws)))
    return len(open_items)


def _items(ws: Workspace, tx: Connection, pin: Pin) -> list[Item]:
    """What is open now."""
    r = t.receipt.c
    landed = {
        receipt
        for name in _LANDED
        for receipt in pc.unique(ws.head_table(name, pin, ["receipt_no"])["receipt_no"]).to_pylist()
    }
    rows = tx.execute(select(r.receipt_no, r.file_name, r.kind).where(r.contract == ws.contract.id))
    layouts = ws.contract.layouts
    files = {no: SentFile(name, layouts[kind]) for no, name, kind in rows if no in landed and kind in layouts}
    number = partial(ids.identifier, ws.ledger.keys.id_key, "query", length=10)
    quarantine = standing(ws.head_table("quarantine", pin))
    return items(quarantine, files, ws.head_table("query_answer", pin), _sent(ws, pin, quarantine), number)


def _sent(ws: Workspace, pin: Pin, quarantine: pa.Table) -> Sent:
    """The ward's own values that are in question, as they landed."""
    lines = about_a_value(quarantine).select(["receipt_no", "row_no", "field"]).to_pylist()
    wanted = {tuple(line.values()) for line in lines}
    if not wanted:
        return {}
    fields = sorted({line["field"] for line in lines})
    receipts, numbers = (pa.array({line[name] for line in lines}) for name in ("receipt_no", "row_no"))
    sent: dict[tuple[str, int, str], str] = {}
    for name in JUDGED:
        rows = ws.head_table(name, pin, ["receipt_no", "row_no", *fields])
        near = pc.and_(pc.is_in(rows["receipt_no"], receipts), pc.is_in(rows["row_no"], numbers.cast(pa.int32())))
        for row in rows.filter(near).to_pylist():
            places = ((row["receipt_no"], row["row_no"], field) for field in fields)
            sent |= {place: row[place[2]] or "" for place in places if place in wanted}
    return sent


def take(ws: Workspace, book: Opened, receipt_no: str, pin: Pin) -> Landing:
    """What an answered 照会票 becomes: answers, and rows that cannot be taken."""
    returned = read_answers(book)
    with ws.ledger.read() as tx:
        known = {item.item_no: item for item in _items(ws, tx, pin)}
    before = {(row["item_no"], row["digest"]): row for row in ws.head_table("query_answer", pin).to_pylist()}
    answers, bad, seen = [], [], set[str]()
    for row in returned:
        said = before.get((row.item_no, row.digest))
        if said is not None and row.item_no not in seen and _says(row) == (said["decision"], said["value"]):
            seen.add(row.item_no)
            continue  # sent once more
        faults = _faults(row, known.get(row.item_no), said is not None, row.item_no in seen)
        seen.add(row.item_no)
        if faults:
            line = {"receipt_no": receipt_no, "row_no": row.row}
            bad += [line | {"field": key, "reason": str(finding)} for key, finding in faults]
        else:
            answers.append(_answer(row, known[row.item_no], receipt_no))
    faulty = len({line["row_no"] for line in bad})
    return Landing(
        len(returned),
        len(returned) - faulty,
        faulty,
        {
            "query_answer": pa.Table.from_pylist(answers, QUERY_ANSWER),
            "query_bad_row": pa.Table.from_pylist(bad, QUARANTINE),
        },
        adds=frozenset({"query_answer", "query_bad_row"}),
    )


def _says(row: Returned) -> tuple[str | None, str | None]:
    decision = _DECISIONS.get(row.decision)
    return decision, row.value if decision is QueryDecision.CORRECT else None


def _faults(row: Returned, item: Item | None, answered: bool, twice: bool) -> list[Fault]:
    """Why an answer cannot be taken: column and reason."""
    if twice:
        return [("item_no", QueryFinding.ITEM_TWICE)]
    if answered:
        return [("decision", QueryFinding.ANSWERED)]
    if item is None:
        return [("item_no", QueryFinding.UNKNOWN_ITEM)]
    if item.digest != row.digest:
        return [("digest", QueryFinding.STALE)]
    faults = [*_decision_faults(row, item)]
    if not row.by_whom:
        faults.append(("by_whom", QueryFinding.PERSON_MISSING))
    return faults


def _decision_faults(row: Returned, item: Item) -> Sequence[Fault]:
    decision = _DECISIONS.get(row.decision)
    if decision is None:
        unknown = {"": QueryFinding.DECISION_MISSING, _APPROVE: QueryFinding.APPROVAL_FORBIDDEN}
        return [("decision", unknown.get(row.decision, QueryFinding.DECISION_UNKNOWN))]
    if decision is not QueryDecision.CORRECT:
        return []
    if not item.correctable:
        return [("decision", QueryFinding.CORRECTION_FORBIDDEN)]
    if row.value is None:
        return [("value", QueryFinding.VALUE_UNREADABLE if row.unreadable else QueryFinding.VALUE_MISSING)]
    return []


def _answer(row: Returned, item: Item, receipt_no: str) -> dict[str, object]:
    decision, value = _says(row)
    finding = {name: getattr(item, name) for name in ("receipt_no", "row_no", "household_no", "field", "reason")}
    return {
        "item_no": item.item_no,
        "digest": item.digest,
        **finding,
        "decision": str(decision),
        "value": value,
        "by_whom": row.by_whom,
        "note": row.note or None,
        "answer_receipt": receipt_no,
        "answer_row": row.row,
    }
