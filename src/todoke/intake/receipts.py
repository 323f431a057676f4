"""What is written down of every file that arrives (P01)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from todoke.model.codes import ReceiptState


@dataclass(frozen=True)
class Receipt:
    """One received file, as the ledger view `receipt_current` shows it.

    Attributes:
        sha256: of the file as it came.
        content_sha256: of the decrypted payload; None when it could not be opened.
        rows: data rows in the payload = accepted + quarantined; None when it could not be read.
        received_at: naive Asia/Tokyo.
        received_by: who or what took it.
        reason: why it was refused or waits.
    """

    receipt_no: str
    contract: str
    source: str
    file_name: str
    sha256: str
    content_sha256: str | None
    bytes: int
    rows: int | None
    accepted: int | None
    quarantined: int | None
    received_at: datetime
    received_by: str
    kind: str
    state: ReceiptState
    reason: str | None = None
