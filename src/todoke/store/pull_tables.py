"""The ledger's tables of printed labels that are taken out, and of those printed once more (G07, G08)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Integer, String, Table, UniqueConstraint

from todoke.store.columns import key_column as _key
from todoke.store.columns import metadata
from todoke.store.columns import text_column as _id
from todoke.store.utc_datetime import UtcDateTime

#: What a person asked to be pulled beside the ward's lists: every label with a code point, or a single envelope (G08);
#: and how it ended: `withdrawn`, or `again` (what has been pulled is printed anew), on whose word and why.
pull_request = Table(
    "pull_request",
    metadata,
    _key("contract"),
    _key("id"),
    _id("kind", nullable=False),
    Column("value", String(20), nullable=False),
    Column("cause", String(80), nullable=False),
    Column("by_whom", String(80), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("ended", String(20)),
    Column("ended_cause", String(80)),
    Column("ended_by", String(80)),
    Column("ended_at", UtcDateTime),
)


def _pull_step_columns() -> list[Column[Any]]:
    return [
        Column("state", String(20), nullable=False),
        Column("by_whom", String(80), nullable=False),
        Column("at", UtcDateTime, nullable=False),
        #: the receipt that says so, or what put the label on the list
        _id("said_in", nullable=False),
    ]


#: A label on the pull list, where it was printed, and the last of its steps (`number`). `source`: a receipt with its
#: row, or a request.
pull_item = Table(
    "pull_item",
    metadata,
    _key("contract"),
    Column("shipment_id", String(40), primary_key=True),
    _key("batch_id"),
    _id("item_no", nullable=False),
    _id("file", nullable=False),
    Column("sheet", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    _id("source", nullable=False),
    Column("source_row", Integer),
    Column("reason", String(20), nullable=False),
    Column("number", Integer, nullable=False),
    *_pull_step_columns(),
    UniqueConstraint("contract", "item_no"),
)
pull_step = Table(
    "pull_step",
    metadata,
    _key("contract"),
    _key("item_no"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    *_pull_step_columns(),
)

#: A sheet, or a single label of it, that was printed once more; never a second parcel. `labels`: how many are on it.
reprint = Table(
    "reprint",
    metadata,
    _key("contract"),
    _key("id"),
    _id("batch_id", nullable=False),
    _id("file", nullable=False),
    Column("sheet", Integer, nullable=False),
    Column("position", Integer),
    Column("labels", Integer, nullable=False),
    Column("cause", String(80), nullable=False),
    Column("by_whom", String(80), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
