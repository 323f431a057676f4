"""The fonts of a contract's labels: the base font and the ward's gaiji font as it was received (G04)."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Connection, select

from todoke.labels.fonts import FontSet
from todoke.model.codes import ReceiptState
from todoke.process.arrivals import SOURCE_KINDS
from todoke.process.workspace import Workspace
from todoke.store import tables as t


def gaiji_fonts(ws: Workspace) -> FontSet:
    """The base font with the gaiji font of the workspace; without one, the base font alone."""
    with ws.ledger.read() as tx:
        receipt_no = font_receipt(ws, tx) if ws.font is None else ws.font
    if not receipt_no:
        return _load(())
    sealed = ws.vault.read(f"{receipt_no}{ws.cipher.ENDING}")
    return _load((ws.cipher.open(sealed),))


def font_receipt(ws: Workspace, tx: Connection) -> str | None:
    """The receipt of the newest gaiji font."""
    return tx.execute(
        select(t.receipt.c.receipt_no)
        .where(
            t.receipt.c.contract == ws.contract.id,
            t.receipt.c.kind == SOURCE_KINDS["cloud"],
            t.receipt.c.state == ReceiptState.ACCEPTED,
        )
        .order_by(t.receipt.c.seq.desc())
        .limit(1)
    ).scalar()


@lru_cache(maxsize=2)
def _load(gaiji: tuple[bytes, ...]) -> FontSet:
    return FontSet.load(gaiji)
