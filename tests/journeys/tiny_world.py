"""A tiny contract that stands on the store's protocol alone: households, applications, a catalogue, toy rules.

A *day* is what the real processes do: land the sources, settle orders, settle toilets, release, hear the carrier, send
a mail. Its rules are plain Python and pure. Every day can be run again at any time.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, select
from tiny_rules import Sources, one_item_parcels, reconcile

from databases import CONTRACT
from todoke import clock
from todoke.errors import StaleParent
from todoke.model.changes import Changes, StateChange
from todoke.model.codes import ShipmentKind
from todoke.outbox.batch import Batch, Claim, OpenFile, Outbox, claim, publish, unpublished
from todoke.outbox.send import send
from todoke.parcels.diff import diff
from todoke.parcels.ledger_parcels import actual_parcels, new_and_settled
from todoke.store import facts
from todoke.store import settle as settling
from todoke.store import tables as t
from todoke.store.lake import Lake
from todoke.store.ledger import Ledger, Pin, insert_ignoring_conflicts

RELEASED_KINDS = ("catalogue", "goods", "stop")


def _nothing(_step: str) -> None:
    pass


@dataclass
class Office:
    """Runs the tiny contract's days over the stores that the environment names."""

    mailbox: Path
    #: is told of steps that no database and no file shows
    step: Callable[[str], None] = _nothing
    toilets_from: date = date.max
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(CONTRACT)
        self.lake = Lake(self.ledger)
        self.mailbox.mkdir(parents=True, exist_ok=True)

    # -- land and settle ----------------------------------------------------------------------------------

    def land(self, sources: Sources) -> None:
        """Makes the next versions of what has changed, all in one transaction."""
        while True:
            with self.ledger.read() as tx:
                heads = self.ledger.heads(tx)
            tables = sources.tables()
            staged = {name: self.lake.stage(name, table, ["test"]) for name, table in tables.items()}
            try:
                with self.ledger.write() as tx:
                    for name, item in staged.items():
                        self.ledger.commit_version(tx, item, heads.get(name))
                return
            except StaleParent:
                continue

    def settle_orders(self, on: date) -> settling.Settlement | None:
        """Decisions, catalogue and goods parcels."""

        def plan(tx: Connection, pin: Pin, as_of: date) -> Callable[[], Changes]:
            known = {kind: _parcels_of(tx, kind) for kind in ("catalogue", "goods", "toilet")}
            decided = facts.decisions(tx, CONTRACT)
            differences = facts.differences(tx, CONTRACT)
            return lambda: self._order_changes(pin, as_of, known, decided, differences)

        return settling.settle(self.ledger, "orders", on, plan)

    def settle_toilets(self, on: date) -> settling.Settlement | None:
        """Toilets for households without an order, from the day on which they are due."""

        def plan(tx: Connection, pin: Pin, as_of: date) -> Callable[[], Changes]:
            goods, toilets = _parcels_of(tx, "goods"), _parcels_of(tx, "toilet")
            differences = facts.differences(tx, CONTRACT)
            return lambda: self._toilet_changes(pin, as_of, goods, toilets, differences)

        return settling.settle(self.ledger, "toilets", on, plan)

    def _order_changes(
        self, pin: Pin, as_of: date, known: Mapping[str, _Known], decided: pa.Table, differences: pa.Table
    ) -> Changes:
        desired = reconcile(
            self._rows(pin), as_of, known["goods"].released_sources(), known["toilet"].released_households()
        )
        goods, toilets = known["goods"], known["toilet"]
        key = self.ledger.keys.id_key
        goods_diff = diff(key, CONTRACT, desired.goods, goods.actual(), displaced=toilets.actual())
        catalogue_diff = diff(key, CONTRACT, desired.catalogue, known["catalogue"].actual())
        found = (*goods_diff.differences, *catalogue_diff.differences)
        compared = pa.concat_tables([goods.shipments, known["catalogue"].shipments])
        new, gone = new_and_settled(found, differences, compared)
        standing = {
            row["application_id"]: (row["status"], row["reason"], row["points"], row["household_no"])
            for row in decided.to_pylist()
        }
        decisions = tuple(
            d
            for d in desired.decisions
            if standing.get(d.application_id) != (d.status, d.reason, d.points, d.household_no)
        )
        register = pin.heads["household"].id if "household" in pin.heads else ""
        return Changes(decisions, (*goods_diff.changes, *catalogue_diff.changes), new, gone, register_version=register)

    def _toilet_changes(self, pin: Pin, as_of: date, goods: _Known, toilets: _Known, differences: pa.Table) -> Changes:
        desired = reconcile(self._rows(pin), as_of, goods.released_sources(), toilets.released_households())
        wanted = [] if as_of < self.toilets_from else desired.toilets(goods.shipments, toilets.shipments)
        parcels = one_item_parcels(wanted, ShipmentKind.TOILET, "TOILET")
        changes = diff(self.ledger.keys.id_key, CONTRACT, parcels, toilets.actual())
        new, gone = new_and_settled(changes.differences, differences, toilets.shipments)
        return Changes((), changes.changes, new, gone)

    def _rows(self, pin: Pin) -> dict[str, list[dict[str, Any]]]:
        names = ("household", "web_application", "web_line", "catalogue")
        return {name: self.lake.read(pin.heads[name]).to_pylist() if name in pin.heads else [] for name in names}

    # -- release, carrier, mail ---------------------------------------------------------------------------

    def release(self, on: date, kinds: Sequence[str] = RELEASED_KINDS) -> None:
        """Claims what is pending and puts its files out; first what an earlier run left."""
        with self.ledger.read() as tx:
            as_of = self.ledger.pin(tx).frontier(on)
        for kind in kinds:
            for batch in unpublished(self.ledger, kind):
                self._put_out(batch)
            for batch in claim(self.ledger, {kind: Claim()}, as_of):
                self._put_out(batch)

    def _put_out(self, batch: Batch) -> None:
        publish(self.ledger, batch, "shipping", lambda open_file: self._render(batch, open_file))

    def _render(self, batch: Batch, open_file: OpenFile) -> None:
        e, r, i = t.effect.c, t.shipment_revision.c, t.shipment_item.c
        query = (
            select(e.shipment_id, e.rev, r.action, i.item_code, i.quantity)
            .join(t.shipment_revision, (r.shipment_id == e.shipment_id) & (r.rev == e.rev))
            .outerjoin(t.shipment_item, (i.shipment_id == e.shipment_id) & (i.rev == e.rev))
            .where(e.batch_id == batch.id)
            .order_by(e.key, i.item_code)
        )
        with self.ledger.read() as tx:
            rows = tx.execute(query).tuples().all()
        with open_file(f"{batch.kind}.csv") as stream:
            for number, row in enumerate(rows):
                line = io.StringIO()
                csv.writer(line).writerow(row)
                stream.write(line.getvalue().encode())
                if number == 0:
                    self.step("first line written")

    def hand_over(self, on: date, households: Iterable[str] | None = None, state: str = "handed_over") -> None:
        """The carrier reports what it has taken of all parcels released by `on`; then deliveries are settled."""
        s = t.shipment.c
        query = select(s.id, s.released_rev, s.household_no).where(s.released_on <= on)
        with self.ledger.read() as tx:
            known = {row["source_ref"] for row in facts.events(tx).to_pylist()}
            taken = [row for row in tx.execute(query) if households is None or row.household_no in households]
        new: list[dict[str, object]] = [
            {
                "source": "carrier",
                "source_ref": f"{row.id}/{state}",
                "shipment_id": row.id,
                "state": state,
                "revision": row.released_rev,
                "tracking_no": f"T{row.id}",
                "occurred_at": datetime.combine(on, time(15)),
            }
            for row in taken
            if f"{row.id}/{state}" not in known
        ]
        if new:
            with self.ledger.write() as tx:
                self.ledger.move(tx)
                insert_ignoring_conflicts(tx, t.shipment_event, new)
        self.settle_deliveries(on)

    def settle_deliveries(self, on: date) -> settling.Settlement | None:
        """Brings every parcel to the state that its events say."""

        def plan(tx: Connection, _pin: Pin, _as_of: date) -> Callable[[], Changes]:
            events, shipments = facts.events(tx), facts.shipments(tx, CONTRACT, list(ShipmentKind))
            return lambda: Changes(states=_moved(events, shipments))

        return settling.settle(self.ledger, "deliveries", on, plan)

    def mail(self, on: date) -> str:
        """The day's mail, once."""
        return send(self.ledger, f"report/{on}", self.message(on), self._transmit)

    def message(self, on: date) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = "office@example.jp", "ward@example.jp"
        message["Date"] = datetime.combine(on, time(9), clock.TOKYO)
        message["Message-ID"] = f"<report-{on}@example.jp>"
        message.set_content(f"report of {on}")
        return message

    def _transmit(self, message: EmailMessage) -> None:
        self.step("before the mail is taken")
        number = len(list(self.mailbox.iterdir()))
        (self.mailbox / f"{number}.eml").write_bytes(message.as_bytes())
        self.step("after the mail is taken")

    def mails(self) -> list[str]:
        """Message-IDs as they arrived."""
        texts = [path.read_text() for path in sorted(self.mailbox.iterdir(), key=lambda p: int(p.stem))]
        return [line.split(": ")[1] for text in texts for line in text.splitlines() if line.startswith("Message-ID")]


@dataclass(frozen=True)
class _Known:
    shipments: pa.Table
    revisions: pa.Table

    def actual(self) -> list[Any]:
        return actual_parcels(self.shipments, self.revisions)

    def released_households(self) -> set[str]:
        return {row["household_no"] for row in self.shipments.to_pylist() if row["released_on"]}

    def released_sources(self) -> dict[str, str]:
        """By household, whose order the released first parcel carries."""
        first = {
            row["shipment_id"]: row["household_no"]
            for row in self.shipments.to_pylist()
            if row["released_rev"] is not None and row["cause"] == "first"
        }
        return {
            first[row["shipment_id"]]: row["source_ref"]
            for row in self.revisions.to_pylist()
            if row["shipment_id"] in first and row["rev"] == 1
        }


def _moved(events: pa.Table, shipments: pa.Table) -> tuple[StateChange, ...]:
    """The states that differ from those of the ledger; the last event of a parcel counts, the first hand-over stays."""
    now = {row["shipment_id"]: row for row in shipments.to_pylist()}
    said: dict[str, StateChange] = {}
    for e in sorted(events.to_pylist(), key=lambda e: e["occurred_at"]):
        at, on = e["occurred_at"], e["occurred_at"].date()
        before = said.get(e["shipment_id"])
        said[e["shipment_id"]] = StateChange(
            e["shipment_id"],
            e["state"],
            before.handed_over_at if before else at,
            before.handed_over_on if before else on,
            before.handed_rev if before else e["revision"],
            on if e["state"] == "delivered" else None,
            e["tracking_no"],
            "carrier",
        )
    same = ("state", "handed_over_at", "handed_rev", "delivered_on", "tracking_no")
    return tuple(s for s in said.values() if any(getattr(s, name) != now[s.shipment_id][name] for name in same))


def _parcels_of(tx: Connection, kind: str) -> _Known:
    return _Known(facts.shipments(tx, CONTRACT, [kind]), facts.revisions(tx, CONTRACT, [kind]))


# -- what the stores hold, to compare ----------------------------------------------------------------------


def dump(office: Office) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for the drawn part of a lake file's name."""
    content: dict[str, list[tuple[Any, ...]]] = {}
    with office.ledger.read() as tx:
        for table in t.metadata.sorted_tables:
            columns = [c for c in table.columns if c.name != "manifest"]
            content[table.name] = sorted((tuple(row) for row in tx.execute(select(*columns))), key=repr)
    return content


def outbox(office: Office) -> dict[str, str]:
    """The digest of every outgoing file's content, by name."""
    out = Outbox(office.ledger)
    return {name: hashlib.sha256(out.get(name)).hexdigest() for name in out.listing()}
