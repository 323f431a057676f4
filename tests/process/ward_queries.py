"""The newest 照会票 as the ward opens it, fills it in and sends it back."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import msoffcrypto
import openpyxl
from programme import CONTRACT, Programme
from small_ward import PASSPHRASE, drop

from todoke.process import returned_work

NEXT = date(2026, 7, 22)


def workbook(programme: Programme) -> bytes:
    """The newest query."""
    files = sorted(programme.out("queries"))
    paths = {name: programme.home / "outbox" / CONTRACT / f"{name}.age" for name in files}
    return programme.outbox.get(max(files, key=lambda name: paths[name].stat().st_mtime_ns))


def opened(content: bytes, password: str = PASSPHRASE) -> Any:
    office, plain = msoffcrypto.OfficeFile(io.BytesIO(content)), io.BytesIO()
    office.load_key(password=password, verify_password=True)
    office.decrypt(plain)
    return openpyxl.load_workbook(plain)


class Query:
    """A workbook that somebody fills in."""

    def __init__(self, programme: Programme) -> None:
        self.book = opened(workbook(programme))
        self.sheet = self.book["照会票"]
        self.top = next(row for row in range(1, 20) if self.sheet.cell(row, 1).value == "管理番号")
        self.places: dict[str, int] = {}
        for place in range(1, self.sheet.max_column + 1):
            for line in (self.top, self.top + 1):
                if text := self.sheet.cell(line, place).value:
                    self.places[text] = place

    def rows(self) -> dict[str, int]:
        """Row of each household."""
        last = self.sheet.max_row
        found = {self.sheet.cell(row, self.places["世帯番号"]).value: row for row in range(self.top + 2, last + 1)}
        return {str(number): row for number, row in found.items() if number}

    def cell(self, household: str, heading: str) -> Any:
        return self.sheet.cell(self.rows()[household], self.places[heading])

    def answer(self, household: str, decision: str, value: object = None, by: str | None = "区・田中") -> Query:
        for heading, content in (("決定", decision), ("訂正後の値", value), ("担当者", by)):
            self.cell(household, heading).value = content
        return self

    def content(self) -> bytes:
        stream = io.BytesIO()
        self.book.save(stream)
        return stream.getvalue()


def returns(programme: Programme, content: bytes, on: date = NEXT, seq: int = 1) -> Any:
    drop(programme.inbox("returned_work"), f"answers_{on:%Y%m%d}_{seq:02d}.xlsx", content)
    return returned_work.take_answers(CONTRACT, on)
