"""A season in the small ward in which every process has something to do, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from programme import Programme
from small_ward import (
    CORRECTION_HEADER,
    COUPLE,
    DECLINES,
    FAMILY,
    GAIJI_NAME,
    INSTRUCTION_HEADER,
    INSTRUCTIONS,
    LATE,
    MOVER,
    NEIGHBOUR,
    SINGLE,
    correction,
    home_of,
    households,
    secret,
    table,
)

Step = tuple[str, date]
FILES, LABELS, HAND_OVER = date(2026, 7, 21), date(2026, 9, 7), date(2026, 11, 2)
FIRST, SECOND, THIRD = date(2026, 11, 10), date(2026, 11, 11), date(2026, 11, 12)
REPORT, AFTER_DEADLINE, TOILETS = date(2026, 12, 10), date(2027, 1, 18), date(2027, 1, 20)
BEFORE_REMINDER, REMINDER = date(2026, 12, 11), date(2026, 12, 14)


def makes_first_register(programme: Programme, content: bytes | None = None, *, instructed: bool = True) -> None:
    """The ward's font, households and, if it says so, how confidential parcels go are taken; the register is made."""
    programme.ward_sends_font()
    programme.ward_sends("households", content or households(), FILES)
    if instructed:
        programme.ward_sends("special_delivery", table(INSTRUCTION_HEADER, INSTRUCTIONS), FILES)
    programme.run("intake", FILES)
    programme.run("register", FILES)


def prints_labels(programme: Programme) -> None:
    """From the ward's first files to labels that are printed and still with us."""
    makes_first_register(programme)
    programme.run("labels", LABELS)
    programme.answer()
    programme.run("labels", LABELS)


def season(programme: Programme) -> Iterator[Step]:
    """Lets the outside act, then names what to run; the same step comes again where a person has answered."""
    programme.ward_sends_font()
    programme.ward_sends("households", households(), FILES)
    programme.ward_sends("special_delivery", table(INSTRUCTION_HEADER, INSTRUCTIONS), FILES)
    yield "intake", FILES
    yield "register", FILES
    yield "labels", LABELS
    programme.answer()
    yield "labels", LABELS
    _carrier_takes(programme, HAND_OVER, "引受", but=GAIJI_NAME)
    yield "deliveries", HAND_OVER

    programme.web_site_opens()
    programme.applies("w1", FAMILY, "2026-11-10 09:00", [("3001", 1)])
    programme.applies("w2", COUPLE, "2026-11-10 10:00", [("6001", 1)])
    programme.applies("w3", SINGLE, "2026-11-10 11:00", [("6001", 1)])
    programme.scans(
        FIRST,
        programme.card("H1", FAMILY, "ミホン　ハナコ", "153-0061", [("3006", 1)]),
        programme.card("H2", DECLINES, "ｴﾝﾘｮ ﾄﾐ", "1520003", [], 辞退="1", 辞退確信度=0.95),
        programme.card("H3", MOVER, "テンイ　チヨ", "1520021", [("3006", 1)], 商品コード1確信度=0.5),
    )
    yield "orders", FIRST
    programme.phones("a1", FAMILY, "2026-11-11 10:00", "replace", [("3001", 1), ("3006", 1)])
    programme.applies("w4", NEIGHBOUR, "2026-11-11 11:00", [("3001", 1)])
    yield "orders", SECOND
    _carrier_takes(programme, SECOND, "引受", but=NEIGHBOUR)
    yield "deliveries", SECOND
    rows = [*correction(secret(home_of(NEIGHBOUR))), *correction(home_of(LATE), "削除", "死亡", "2026-11-01")]
    programme.ward_sends("corrections", table(CORRECTION_HEADER, rows), THIRD)
    yield "intake", THIRD
    yield "register", THIRD
    yield "labels", THIRD
    yield "orders", THIRD
    _carrier_takes(programme, THIRD, "配達完了", state="handed_over")
    yield "deliveries", THIRD
    programme.answers([(f"w{n}", "Q1", str(n % 2 + 1), "2026-11-10 09:05") for n in range(1, 14)])
    yield "survey", THIRD
    yield "reports", REPORT
    yield "orders", BEFORE_REMINDER
    yield "reminders", REMINDER
    programme.answer()
    yield "reminders", REMINDER
    yield "orders", AFTER_DEADLINE
    yield "nonapplicants", TOILETS
    programme.answer()
    yield "nonapplicants", TOILETS


def _carrier_takes(programme: Programme, on: date, word: str, *, but: str = "", state: str = "released") -> None:
    rows = [
        (row["id"], row["released_rev"], word, "20:00")
        for row in programme.rows("shipment", state=state)
        if row["household_no"] != but
    ]
    programme.carrier_reports(on, *rows)
