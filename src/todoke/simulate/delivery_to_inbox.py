"""Puts a simulated ward's first delivery where the pipeline takes it: `inbox/<contract>/…`."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from todoke.simulate.answers import write_answers
from todoke.simulate.files import write_font, write_households, write_special_delivery
from todoke.simulate.ward import Ward, make_ward

FILE_DELIVERY = date(2026, 7, 21)


def inbox(contract: str, source: str) -> Path:
    """The inbox folder of a source, made when it is not there."""
    folder = Path(os.environ.get("TODOKE_INBOX_HOME") or Path(os.environ.get("TODOKE_HOME", "var")) / "inbox")
    folder = folder / contract / source
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def passphrase(contract: str) -> str | None:
    """What the ward encrypts with."""
    return os.environ.get(f"TODOKE_{contract.upper()}_LGWAN_PASSPHRASE")


def deliver_base(contract: str, households: int, seed: int, answers: Path | None = None) -> Ward:
    """Font, households and delivery instructions of a new ward; the answer sheet goes to `answers` alone."""
    ward = make_ward(households, seed)
    write_font(ward, inbox(contract, "cloud"))
    lgwan = inbox(contract, "lgwan")
    write_households(ward, lgwan, on=FILE_DELIVERY, passphrase=passphrase(contract))
    write_special_delivery(ward, lgwan, on=FILE_DELIVERY, passphrase=passphrase(contract))
    if answers is not None:
        write_answers(ward, answers)
    return ward
