"""Scanned postcards: the scanner's CSV as read, the first scan of a card, and the keys it is compared by."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from todoke.errors import FileRefused
from todoke.intake.dates import parse_date
from todoke.intake.text import BadRow, read_blocks
from todoke.model.codes import CardFinding
from todoke.orders.folding import fold_column, fold_kana, fold_postal
from todoke.store.schema import POSTCARD, POSTCARD_LINE, QUARANTINE

SLOTS = range(1, 7)
_TEXTS = {
    "受付番号": "card_no",
    "画像ファイル名": "image_file",
    "申込番号": "application_no",
    "氏名カナ": "name_kana",
    "郵便番号": "postal_code",
    "辞退": "declined",
}
_DATES = {"受付日": "received_on", "消印日": "postmarked_on"}
_CONFIDENCES = {
    "申込番号確信度": "application_no_confidence",
    "氏名カナ確信度": "name_kana_confidence",
    "郵便番号確信度": "postal_code_confidence",
    "辞退確信度": "declined_confidence",
}
_SLOT_FIELDS = [name.format(slot) for slot in SLOTS for name in ("商品コード{}", "数量{}", "商品コード{}確信度")]
FIELDS = (*_TEXTS, *_DATES, *_CONFIDENCES, *_SLOT_FIELDS)
_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_PLACE = ("receipt_no", "row_no")


class _Unusable(Exception):
    def __init__(self, field: str, reason: CardFinding) -> None:
        self.field, self.reason = field, reason


@dataclass(frozen=True)
class Cards:
    """Postcards, one row a 受付番号, and the slots that hold a code or a quantity (`POSTCARD`, `POSTCARD_LINE`)."""

    card: pa.Table
    line: pa.Table


@dataclass(frozen=True)
class Scan:
    """A scanner's file. `rows` = rows that went into `cards` or repeat one exactly + rows of `quarantine`.

    `blank`: lines with nothing in them beside these.
    """

    rows: int
    cards: Cards
    quarantine: pa.Table
    blank: int


def read_cards(stream: BinaryIO, receipt_no: str) -> Scan:
    """Reads a postcards file (CP932, header of `interfaces.md`); the first row of a 受付番号 stands.

    Raises:
        FileRefused: a column is missing.
    """
    blocks = read_blocks(stream)
    header = _header(next(blocks).rows[0])
    first: dict[str, dict[str, Any]] = {}
    bad: list[dict[str, Any]] = []
    rows = blank = 0
    for block in blocks:
        blank += block.blank
        rows += len(block.row_nos) + len(block.bad)
        for record in block.records():
            place = {"receipt_no": receipt_no, "row_no": record.row_no}
            if isinstance(record, BadRow):
                field = "" if record.column is None else header[record.column]
                bad.append({**place, "field": field, "reason": record.reason, "byte_offset": record.offset})
                continue
            try:
                card = _card(dict(zip(header, (cell.strip() for cell in record.cells), strict=True)))
            except _Unusable as fault:
                bad.append({**place, "field": fault.field, "reason": fault.reason})
                continue
            stands = first.setdefault(card["card_no"], {**card, **place})
            if stands != {**card, **{name: stands[name] for name in _PLACE}}:
                bad.append({**place, "field": "受付番号", "reason": CardFinding.CARD_REPEATED})
    return Scan(rows, _cards(first.values()), pa.Table.from_pylist(bad, QUARANTINE), blank)


def merge_cards(known: Cards | None, new: Cards) -> tuple[Cards, pa.Table]:
    """`known` with the cards of `new` that it has not: the first scan of a 受付番号 stands.

    Returns:
        The merged cards, and the later scans that differ from the first (`QUARANTINE`, reason `card_repeated`).
    """
    if known is None:
        return new, QUARANTINE.empty_table()
    again = pc.is_in(new.card["card_no"], value_set=known.card["card_no"].combine_chunks())
    repeated = new.card.filter(again)["card_no"]
    before, now = _contents(known, repeated), _contents(new, repeated)
    differing = [card_no for card_no, content in now.items() if content != before[card_no]]
    listed = new.card.filter(pc.is_in(new.card["card_no"], value_set=pa.array(differing, pa.string())))
    fresh = new.card.filter(pc.invert(again))
    lines = new.line.filter(pc.is_in(new.line["card_no"], value_set=fresh["card_no"].combine_chunks()))
    merged = Cards(pa.concat_tables([known.card, fresh]), pa.concat_tables([known.line, lines]))
    return merged, pa.Table.from_pylist(
        [
            {**place, "field": "受付番号", "reason": CardFinding.CARD_REPEATED}
            for place in listed.select(_PLACE).to_pylist()
        ],
        QUARANTINE,
    )


def with_keys(card: pa.Table) -> pa.Table:
    """`POSTCARD` with name_key and postal_key, the folded fields that are compared with the register."""
    return card.append_column("name_key", fold_column(card["name_kana"], fold_kana)).append_column(
        "postal_key", fold_column(card["postal_code"], fold_postal)
    )


def with_quantities(line: pa.Table) -> pa.Table:
    """`POSTCARD_LINE` with quantity and quantity_readable; an empty quantity means 1."""
    read = [read_quantity(text or "") for text in line["quantity_text"].to_pylist()]
    return line.append_column("quantity", pa.array([number for number, _ in read], pa.int32())).append_column(
        "quantity_readable", pa.array([readable for _, readable in read], pa.bool_())
    )


def read_quantity(text: str) -> tuple[int | None, bool]:
    """The number that a quantity names, full-width digits too, and whether it names one."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain:
        return 1, True
    return (int(plain), True) if _WHOLE_NUMBER.fullmatch(plain) else (None, False)


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if missing := [name for name in FIELDS if name not in names]:
        raise FileRefused(
            "header",
            "はがき読取りファイルの見出しに必要な項目がありません",
            where=", ".join(missing),
            next_step="読取り機の出力設定を確かめ、作り直してください",
        )
    return names


def _card(cells: Mapping[str, str]) -> dict[str, Any]:
    """A row as values of `POSTCARD`, with its slots under `lines`."""
    if not cells["受付番号"]:
        raise _Unusable("受付番号", CardFinding.CARD_NO_MISSING)
    card: dict[str, Any] = {column: cells[name] for name, column in _TEXTS.items()}
    card |= {column: _date(name, cells[name]) for name, column in _DATES.items()}
    if card["received_on"] is None:
        raise _Unusable("受付日", CardFinding.DATE_INVALID)
    card |= {column: _confidence(name, cells[name]) for name, column in _CONFIDENCES.items()}
    card["lines"] = list(_slots(cells))
    return card


def _slots(cells: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for slot in SLOTS:
        code, quantity = cells[f"商品コード{slot}"], cells[f"数量{slot}"]
        name = f"商品コード{slot}確信度"
        confidence = _confidence(name, cells[name])
        if code or quantity:
            yield {
                "line_no": slot,
                "item_code": code,
                "quantity_text": quantity,
                "item_confidence": confidence,
            }


def _date(name: str, text: str) -> date | None:
    if not text:
        return None
    if (day := parse_date(text)) is None:
        raise _Unusable(name, CardFinding.DATE_INVALID)
    return day


def _confidence(name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        confidence = float(text)
    except ValueError:
        raise _Unusable(name, CardFinding.CONFIDENCE_INVALID) from None
    if not 0 <= confidence <= 1:
        raise _Unusable(name, CardFinding.CONFIDENCE_INVALID)
    return confidence


def _cards(cards: Iterable[dict[str, Any]]) -> Cards:
    rows = list(cards)
    lines = [{"card_no": card["card_no"], **line} for card in rows for line in card["lines"]]
    return Cards(pa.Table.from_pylist(rows, POSTCARD), pa.Table.from_pylist(lines, POSTCARD_LINE))


def _contents(cards: Cards, card_nos: pa.ChunkedArray) -> dict[str, tuple[object, ...]]:
    """What was read of each of these cards, wherever it stood in which file."""
    wanted = card_nos.combine_chunks()
    contents: dict[str, tuple[object, ...]] = {}
    for card in cards.card.filter(pc.is_in(cards.card["card_no"], value_set=wanted)).to_pylist():
        contents[card["card_no"]] = tuple(value for name, value in card.items() if name not in _PLACE)
    lines = cards.line.filter(pc.is_in(cards.line["card_no"], value_set=wanted))
    for line in lines.sort_by("line_no").to_pylist():
        contents[line["card_no"]] += tuple(line.values())
    return contents
