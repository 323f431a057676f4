"""The tables and views of the ledger, the same on SQLite and PostgreSQL.

Uniqueness is a constraint here and nowhere else. `*_head` tables are small copies of the last row of an
append-only log, changed in the same transaction; `todoke ledger verify` rebuilds and compares them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from todoke.store import columns, pull_tables
from todoke.store.columns import count_column as _count
from todoke.store.columns import key_column as _key
from todoke.store.columns import text_column as _id
from todoke.store.utc_datetime import UtcDateTime

metadata = columns.metadata
pull_request, pull_item, pull_step = pull_tables.pull_request, pull_tables.pull_item, pull_tables.pull_step
reprint = pull_tables.reprint

stream = Table(
    "stream",
    metadata,
    _key("contract"),
    Column("seq", Integer, nullable=False),
    Column("settled_through", Date),
)

contract_revision = Table(
    "contract_revision",
    metadata,
    _key("contract"),
    Column("digest", String(64), primary_key=True),
    Column("valid_from", Date, nullable=False),
    Column("body", Text, nullable=False),
)

receipt = Table(
    "receipt",
    metadata,
    Column("receipt_no", String(40), primary_key=True),
    *(_id(name, nullable=False) for name in ("contract", "source")),
    Column("file_name", String(255), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("content_sha256", String(64)),
    Column("bytes", BigInteger, nullable=False),
    *map(_count, ("rows", "accepted", "quarantined")),
    Column("received_at", UtcDateTime, nullable=False),
    Column("received_by", String(80), nullable=False),
    _id("kind", nullable=False),
    _id("state", nullable=False),
    Column("reason", String(80)),
    Column("arrived_ns", BigInteger, nullable=False),
    #: the nth time that these bytes came and were judged anew: an older content that comes back is a receipt of its own
    Column("arrival", Integer, nullable=False),
    #: where the stream stood when it got its state: the order of what was taken
    Column("seq", Integer, nullable=False),
    #: from the file's name; the highest revision of (kind, file_date, file_seq) counts
    Column("file_date", Date),
    Column("file_seq", Integer, nullable=False),
    Column("file_revision", Integer, nullable=False),
    #: digest of the 預かり証 that is out for it as it stands now
    Column("certificate_sha256", String(64)),
    UniqueConstraint("contract", "source", "sha256", "arrival"),
)

#: The same file dropped once more: recorded, changes nothing.
receipt_repeat = Table(
    "receipt_repeat",
    metadata,
    Column("receipt_no", String(40), primary_key=True),
    Column("arrived_ns", BigInteger, primary_key=True),
    Column("received_at", UtcDateTime, nullable=False),
)

#: What the virus scanner said of a file or of what was in it, with the patterns that it had then (T09).
virus_check = Table(
    "virus_check",
    metadata,
    _key("contract"),
    Column("sha256", String(64), primary_key=True),
    Column("engine", String(160), primary_key=True),
    Column("signature", String(160)),
    Column("checked_at", UtcDateTime, nullable=False),
)

dataset_version = Table(
    "dataset_version",
    metadata,
    Column("id", String(80), primary_key=True),
    _id("contract", nullable=False),
    _id("dataset", nullable=False),
    Column("number", Integer, nullable=False),
    Column("parent", String(80), nullable=False),
    Column("manifest", Text, nullable=False),
    Column("rows_digest", String(64), nullable=False),
    UniqueConstraint("contract", "dataset", "number"),
    UniqueConstraint("contract", "dataset", "parent"),
)

application_number = Table(
    "application_number",
    metadata,
    _key("contract"),
    _key("household_no"),
    Column("application_no", String(10), nullable=False),
    Column("position", Integer, nullable=False),
    UniqueConstraint("contract", "application_no"),
    UniqueConstraint("contract", "position"),
)

entitlement = Table(
    "entitlement",
    metadata,
    _key("contract"),
    _key("household_no"),
    Column("members", Integer, nullable=False),
    Column("points", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("register_version", String(80), nullable=False),
)

settlement = Table(
    "settlement",
    metadata,
    Column("id", String(80), primary_key=True),
    _id("contract", nullable=False),
    _id("process", nullable=False),
    Column("as_of", Date, nullable=False),
    Column("inputs_digest", String(64), nullable=False),
    Column("register_digest", String(64), nullable=False),
    Column("seq", Integer, nullable=False),
    UniqueConstraint("contract", "seq"),
)


def _decision_columns() -> list[Column[Any]]:
    return [
        Column("as_of", Date, nullable=False),
        _id("settlement_id", nullable=False),
        Column("source", String(20), nullable=False),
        _id("household_no"),
        Column("received_at", DateTime, nullable=False),
        Column("status", String(20), nullable=False),
        Column("reason", String(40)),
        Column("points", Integer, nullable=False),
        Column("differs", Boolean, nullable=False),
        Column("register_version", String(80), nullable=False),
    ]


decision = Table(
    "decision",
    metadata,
    _key("contract"),
    _key("application_id"),
    Column("seq", Integer, primary_key=True),
    *_decision_columns(),
)
decision_head = Table(
    "decision_head",
    metadata,
    _key("contract"),
    _key("application_id"),
    Column("seq", Integer, nullable=False),
    *_decision_columns(),
)

shipment = Table(
    "shipment",
    metadata,
    Column("id", String(40), primary_key=True),
    _id("contract", nullable=False),
    _id("household_no", nullable=False),
    _id("kind", nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("cause", String(20), nullable=False),
    Column("cause_ref", String(80), nullable=False),
    Column("state", String(40), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("released_rev", Integer),
    Column("released_on", Date),
    Column("handed_over_at", DateTime),
    Column("handed_over_on", Date),
    Column("handed_rev", Integer),
    Column("delivered_on", Date),
    Column("carrier", String(80)),
    Column("tracking_no", String(80)),
    UniqueConstraint("contract", "household_no", "kind", "sequence"),
    UniqueConstraint("contract", "household_no", "kind", "cause", "cause_ref"),
    CheckConstraint("sequence = 1 OR cause <> 'first'", name="shipment_needs_cause"),
    # every parcel is updated some times, never in an indexed column: room beside it spares PostgreSQL its indexes
    postgresql_with={"fillfactor": 50},
)

shipment_revision = Table(
    "shipment_revision",
    metadata,
    Column("shipment_id", String(40), primary_key=True),
    Column("rev", Integer, primary_key=True),
    Column("content_digest", String(64), nullable=False),
    Column("action", String(20), nullable=False),
    Column("source_ref", String(80), nullable=False),
    Column("points", Integer, nullable=False),
    _id("effect_kind"),
    _id("settlement_id", nullable=False),
)

shipment_item = Table(
    "shipment_item",
    metadata,
    Column("shipment_id", String(40), primary_key=True),
    Column("rev", Integer, primary_key=True),
    Column("item_code", String(40), primary_key=True),
    Column("quantity", Integer, nullable=False),
)

claim = Table(
    "claim",
    metadata,
    _key("contract"),
    _key("household_no"),
    _key("claim"),
    Column("shipment_id", String(40), nullable=False, unique=True),
)

shipment_event = Table(
    "shipment_event",
    metadata,
    _key("source"),
    Column("source_ref", String(120), primary_key=True),
    Column("shipment_id", String(40), nullable=False),
    Column("state", String(40), nullable=False),
    Column("revision", Integer),
    Column("tracking_no", String(80)),
    Column("occurred_at", DateTime, nullable=False),
    Column("landed_seq", Integer, nullable=False, server_default="0"),
    Index("shipment_event_landed", "landed_seq"),
    Index("shipment_event_shipment", "shipment_id"),
)

effect = Table(
    "effect",
    metadata,
    Column("key", String(120), primary_key=True),
    _id("contract", nullable=False),
    _id("kind", nullable=False),
    Column("shipment_id", String(40), nullable=False),
    Column("rev", Integer, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("batch_id", String(80)),
    Index("effect_batch", "batch_id"),
)
Index(
    "effect_pending",
    effect.c.contract,
    effect.c.kind,
    postgresql_where=effect.c.batch_id.is_(None),
    sqlite_where=effect.c.batch_id.is_(None),
)

batch = Table(
    "batch",
    metadata,
    Column("id", String(80), primary_key=True),
    _id("contract", nullable=False),
    _id("kind", nullable=False),
    Column("business_on", Date, nullable=False),
    Column("members", Integer, nullable=False),
    Column("members_digest", String(64), nullable=False),
    Column("inputs", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("sha256", String(64)),
    Column("state", String(20), nullable=False),
)

send = Table(
    "send",
    metadata,
    Column("key", String(120), primary_key=True),
    Column("message_id", String(160), nullable=False, unique=True),
    Column("digest", String(64), nullable=False),
    Column("state", String(20), nullable=False),
    Column("sent_at", UtcDateTime),
)

#: What operators found out about mails in doubt: `verdict` is the state that the mail was given.
send_decision = Table(
    "send_decision",
    metadata,
    Column("key", String(120), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("verdict", String(20), nullable=False),
    Column("by_whom", String(80), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

difference = Table(
    "difference",
    metadata,
    _key("contract"),
    Column("shipment_id", String(40), primary_key=True),
    Column("desired_digest", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("found_on", Date, nullable=False),
)

#: A question is asked anew (`round`) when it expired or is reopened after a no. `options`: verdicts, the yes first.
approval_request = Table(
    "approval_request",
    metadata,
    Column("subject", String(80), primary_key=True),
    Column("subject_digest", String(64), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    _id("contract", nullable=False),
    Column("title", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("options", String(80), nullable=False),
    Column("requested_on", Date, nullable=False),
    Column("reopened_by", String(80)),
    Column("batches", Integer),
    Column("labels_per_batch", Integer),
)

#: `labels`: how many, the first in printing order, may go on this yes; all of them where it is empty.
approval = Table(
    "approval",
    metadata,
    Column("subject", String(80), primary_key=True),
    Column("subject_digest", String(64), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("verdict", String(20), nullable=False),
    Column("by_whom", String(80), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("inspector", String(80)),
    Column("inspected_on", Date),
    Column("labels", Integer),
)

#: `content`: what it is rendered from (JSON), as it was when it was begun; none where there is nothing to report.
deliverable = Table(
    "deliverable",
    metadata,
    _key("contract"),
    _key("kind"),
    Column("period", String(20), primary_key=True),
    Column("due_on", Date, nullable=False),
    Column("state", String(20), nullable=False),
    Column("content", Text),
    Column("sent_at", UtcDateTime),
    Column("approved_at", UtcDateTime),
)

#: What people and other systems may read (`interfaces.md`, Out); the views are made by the migrations.
VIEWS = (
    "decision_current",
    "shipment_current",
    "shipment_line",
    "application_number",
    "points_current",
    "receipt_current",
    "deliverable_current",
)
