"""Receipts (預かり証) into the outbox, and the register of receipts (記録簿) for the client (P01; 004 別紙2 25)."""

from __future__ import annotations

from collections import Counter
from datetime import date

from sqlalchemy import select, update

from todoke import clock
from todoke.contract import loader
from todoke.contract.model import Contract
from todoke.intake.receipts import FROM_CLIENT, Receipt
from todoke.process.arrivals import replaced_receipts
from todoke.process.workspace import Counts, Workspace
from todoke.report.receipts import Entry, Parties, certificate, register
from todoke.store import tables as t

FOLDER = "receipts"


def issue(contract: str, on: date) -> Counts:
    """Puts out the receipt of every file of the client that has none for its present state.

    A run that was killed before a receipt was out leaves it to the next one; one that was killed before the ledger
    knew of it finds it there with the same content. A file that waited and was taken then gets a second one.

    Returns:
        certificates: how many are new.
    """
    ws = Workspace.open(contract, on)
    r = t.receipt.c
    due = (r.contract == contract, r.source.in_(FROM_CLIENT), r.certificate_sha256.is_(None))
    with ws.ledger.read() as tx:
        rows = tx.execute(select(t.receipt).where(*due).order_by(r.seq)).mappings().all()
    for row in rows:
        receipt = Receipt.of(dict(row))
        name = f"{FOLDER}/{receipt.received_at:%Y%m}/{receipt.receipt_no}_{row['seq']}.pdf"
        # by the contract of its day: whenever it is made, it says the same
        parties = _parties(loader.load(contract, receipt.received_at.date()))
        digest = ws.outbox.put(name, certificate(receipt, parties))
        same = (r.receipt_no == row["receipt_no"], r.seq == row["seq"])
        with ws.ledger.write() as tx:
            tx.execute(update(t.receipt).where(*same).values(certificate_sha256=digest))
    return {"certificates": len(rows)}


def export_register(contract: str) -> bytes:
    """The register of all receipts of a contract as a workbook, in the order in which they came."""
    ws = Workspace.open(contract, clock.now_tokyo().date())
    r, again = t.receipt.c, t.receipt_repeat.c
    with ws.ledger.read() as tx:
        all_receipts = select(t.receipt).where(r.contract == contract).order_by(r.received_at, r.seq)
        rows = tx.execute(all_receipts).mappings().all()
        repeats = Counter(tx.execute(select(again.receipt_no)).scalars())
        replaced = replaced_receipts(tx, contract)
    entries = [Entry(Receipt.of(dict(row)), repeats[row["receipt_no"]], row["receipt_no"] in replaced) for row in rows]
    return register(entries, _parties(ws.contract), clock.now_tokyo())


def _parties(contract: Contract) -> Parties:
    return Parties(contract.client.name, contract.name, contract.contractor.name, contract.contractor.desk)
