"""A ward of a few households whose register, lists and carrier are written straight into the ledger and its datasets.

The labels' own rules run over it – plan, stop, claim with the control totals – without files, approvals and sheets.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, func, insert, select, update

from todoke import clock
from todoke.errors import TodokeError
from todoke.model.codes import PullReason, PullState, ShipmentState
from todoke.outbox.batch import Claim, claim
from todoke.parcels.diff import STOP
from todoke.process import labels, printed_labels, pull_outs, pull_requests, register, resend_requests, stops
from todoke.process.label_control import control
from todoke.process.ward_count import WardCount
from todoke.process.workspace import Workspace
from todoke.store import facts, pulls
from todoke.store import tables as t
from todoke.store.ledger import Pin
from todoke.store.schema import DATASETS

CONTRACT, FIRST_DAY = "gift", date(2026, 9, 7)
HOUSEHOLDS = ("1001", "1002", "1003", "1004", "1005")
CAME_BACK = (ShipmentState.RETURNED_UNKNOWN_ADDRESS, ShipmentState.LOST)
_LIVE, _HELD, _DELETED = "live", "held", "deleted"


class LabelWorld:
    """What the ward and the carrier say, and beside it what must have come of it.

    Attributes:
        state: of every household of the register; declined, named (to be pulled): households.
        printed: how often a label was printed for a household's cause; first: the day of its first catalogue.
    """

    def __init__(self) -> None:
        self.on = FIRST_DAY
        self.state: dict[str, str] = {}
        self.block: Counter[str] = Counter()
        self.declined, self.named = set[str](), set[str]()
        self.printed: Counter[tuple[str, str, str]] = Counter()
        self.first: dict[str, date] = {}
        self.rows: dict[str, list[dict[str, Any]]] = {"readdress_row": [], "pull_out_row": []}
        self.reprints = self.requests = 0
        self.items: list[str] = []
        self.parcels: list[tuple[str, int]] = []

    @property
    def ws(self) -> Workspace:
        return Workspace.open(CONTRACT, self.on)

    # -- what the ward, residents and the carrier do; what makes no sense yet does nothing --------------------

    def base(self, household: str) -> None:
        """The base file: whoever is in the register already stays as the corrections have it."""
        for number in HOUSEHOLDS[:3]:
            self.state.setdefault(number, _LIVE)

    def adds(self, household: str) -> None:
        self.state.setdefault(household, _LIVE)

    def deletes(self, household: str) -> None:
        if household in self.state:
            self.state[household] = _DELETED

    def holds(self, household: str) -> None:
        if self.state.get(household) == _LIVE:
            self.state[household] = _HELD

    def frees(self, household: str) -> None:
        if self.state.get(household) == _HELD:
            self.state[household] = _LIVE

    def declines(self, household: str) -> None:
        if household not in self.state or household in self.declined:
            return
        self.declined.add(household)
        said = {"as_of": self.on, "settlement_id": "S", "source": "postcard", "received_at": datetime(2026, 9, 1)}
        came_of_it = {"status": "withdrawn", "reason": "declined", "points": 0, "differs": False}
        row = {"contract": CONTRACT, "application_id": f"P:{household}", "seq": 1, "household_no": household}
        with self.ws.ledger.write() as tx:
            tx.execute(insert(t.decision_head).values(**row, **said, **came_of_it, register_version="V"))

    def names(self, household: str) -> None:
        """A pull-out list, which may name somebody whom nobody knows yet."""
        self.named.add(household)
        self._lands("pull_out", {"household_no": household, "note": "転出"})

    def readdresses(self, household: str) -> None:
        if household not in self.state:
            return
        self.block[household] += 1
        place = {"postal_code": "1530061", "town": "中目黒", "block": f"{self.block[household]}番", "building": ""}
        self._lands("readdress", {"household_no": household, "note": "返戻", **place})

    def asks(self, household: str) -> None:
        """A resident asks for the catalogue once more; it is refused while one is to go or nothing has gone."""
        with self.ws.ledger.read() as tx:
            numbers = {row["household_no"]: row["application_no"] for row in facts.numbers(tx, CONTRACT).to_pylist()}
        with suppress(TodokeError):
            resend_requests.request(CONTRACT, numbers.get(household, "0"), "catalogue", "紛失", "op")

    def reprints_one(self, household: str) -> None:
        if household not in self.first:
            return
        self.reprints += 1
        place = {"batch_id": "B", "file": "F", "sheet": 1, "position": 1, "labels": 1}
        row = {"contract": CONTRACT, "id": f"N{self.reprints}", "cause": "汚損", "by_whom": "op", "at": clock.now_utc()}
        with self.ws.ledger.write() as tx:
            self.ws.ledger.move(tx)
            tx.execute(insert(t.reprint).values(**row, **place))

    def pulls_one(self, household: str) -> None:
        """A person asks for the last label of a household that is not on the list."""
        ws, request = self.ws, f"Q{self.requests + 1}"

        def last(tx: Connection, _pin: Pin) -> list[pull_outs._Wanted]:
            found = [label for label in printed_labels.labels(ws, tx) if label.household_no == household]
            return [pull_outs._Wanted(label, request, None, PullReason.SINGLE) for label in found[-1:]]

        row = {"contract": CONTRACT, "id": request, "kind": "single", "value": "", "cause": "字形", "by_whom": "op"}

        def also(tx: Connection, _new: Sequence[pulls.NewItem]) -> None:
            tx.execute(insert(t.pull_request).values(**row, at=clock.now_utc()))

        self.requests += pull_outs._write(ws, last, also=also)

    def finds(self, household: str) -> None:
        """Whatever of a household is on the list is taken out."""
        sought = [item for item in self._pull_list(self.ws) if item.household_no == household]
        steps = [
            pulls.Step(item.item_no, item.number + 1, PullState.PULLED, "op", clock.now_utc(), "R")
            for item in sought
            if item.state is PullState.TO_FIND
        ]
        with self.ws.ledger.write() as tx:
            self.ws.ledger.move(tx)
            pulls.take_steps(tx, CONTRACT, steps)

    def withdraws(self, household: str) -> None:
        self._ends(household, pulls.WITHDRAWN)

    def mends(self, household: str) -> None:
        """What printed wrong prints right now."""
        self._ends(household, pulls.AGAIN)

    def _ends(self, household: str, how: str) -> None:
        for item in self._pull_list(self.ws):
            if item.household_no == household and item.reason is PullReason.SINGLE:
                with suppress(TodokeError):
                    pull_requests.end(self.ws, item.source, how, "op", "字形")

    def hands_over(self, household: str) -> None:
        """The carrier takes what was released and not stopped."""
        taken = {"handed_over_at": datetime.combine(self.on, datetime.min.time()), "handed_rev": t.shipment.c.revision}
        self._carrier(household, ShipmentState.RELEASED, ShipmentState.HANDED_OVER, **taken)

    def comes_back(self, household: str) -> None:
        self._carrier(household, ShipmentState.HANDED_OVER, CAME_BACK[0])

    def is_lost(self, household: str) -> None:
        self._carrier(household, ShipmentState.HANDED_OVER, CAME_BACK[1])

    # -- what we do -------------------------------------------------------------------------------------------

    def prints(self, household: str = "") -> None:
        """A day's labels: register, plan, stops, claim, pull list; every total is compared with what must be."""
        if not self.state:
            return
        self.on += timedelta(days=1)
        self._publishes()
        ws = self.ws
        stops.hold(ws)
        labels._settle(ws)
        self._claims(ws, STOP)
        for kind in labels._KINDS:
            self._claims(ws, kind)
        self._totals(ws)
        before = {item.item_no for item in self._pull_list(ws)}
        pull_outs._write(ws, lambda tx, pin: pull_outs._named_or_overtaken(ws, tx, pin))
        after = self._pull_list(ws)
        assert before <= {item.item_no for item in after}
        on_list = Counter(item.household_no for item in after if item.state is not PullState.WITHDRAWN)
        assert all(on_list[number] >= 1 for number in self.named if number in self.first)
        self._labels_close(ws, after)
        sought = [item for item in after if item.state is PullState.TO_FIND]
        assert not any(item.handed_over for item in sought)

    def _labels_close(self, ws: Workspace, on_list: Sequence[pulls.PullItem]) -> None:
        """Of every parcel one label goes or went, or none when it is stopped; every other one is on the pull list."""
        s, e, r = t.shipment.c, t.effect.c, t.shipment_revision.c
        query = (
            select(s.id, s.household_no, s.state, func.count())
            .join(t.effect, e.shipment_id == s.id)
            .join(t.shipment_revision, (r.shipment_id == s.id) & (r.rev == e.rev))
            .where(s.kind == "catalogue", e.batch_id.is_not(None), r.action.in_(pulls.SENDING))
            .group_by(s.id, s.household_no, s.state)
        )
        stays = (PullState.TOO_LATE, PullState.WITHDRAWN)
        out = Counter(item.shipment_id for item in on_list if item.state not in stays)
        going = set[str]()
        with ws.ledger.read() as tx:
            said = control(ws, tx, [], self._ward(ws), list(self.declined))
            for parcel, household, state, labelled in tx.execute(query):
                goes = state not in (ShipmentState.STOPPED, ShipmentState.CANCELLED)
                assert labelled - out[parcel] == goes
                going |= {household} if goes else set()
        assert said["labels"] + said["sent_before"] - said["pulled"] == len(going)

    def _publishes(self) -> None:
        """The register as the ward has it now, by the functions that publish one."""
        ws = self.ws
        households = [
            {
                **{"household_no": number, "ward_no": number, "members": 1, "postal_code": "1530061"},
                **{"confidential": False, "instructed": False, "state": state},
                "state_reason": None if state == _LIVE else "mistake" if state == _DELETED else "moved_out",
            }
            for number, state in sorted(self.state.items())
        ]
        persons = [
            {
                **{"household_no": row["household_no"], "member_no": 1, "is_head": True, "member_name": "見本　一"},
                **{"member_kana": "みほん　はじめ", "head_name": "見本　一", "head_kana": "みほん　はじめ"},
                **{"postal_code": "1530061", "town": "中目黒", "block": f"{self.block[row['household_no']]}番"},
                **{"birth_date": date(1980, 1, 1), "building": ""},
            }
            for row in households
        ]
        rows = {"household": households, "person": persons, **self.rows}
        tables = {name: pa.Table.from_pylist(each, DATASETS[name]) for name, each in rows.items()}
        with ws.ledger.read() as tx:
            heads = ws.ledger.heads(tx)
        made = ws.commit_tables(tables, heads, [str(self.on)])
        parts = [("input" if name in self.rows else "output", name, ref.id) for name, ref in made.items()]
        whole = pa.Table.from_pylist([dict(zip(DATASETS["register"].names, part, strict=True)) for part in parts])
        ws.commit_tables({"register": whole.cast(DATASETS["register"])}, heads, [ref.id for ref in made.values()])
        with ws.ledger.write() as tx:
            register._give_numbers(ws, tx, tables["household"])
            register._entitle(ws, tx, tables["household"], made["household"])

    def _claims(self, ws: Workspace, kind: str) -> None:
        declined = list(self.declined)
        counted = Claim(lambda tx, keys: control(ws, tx, keys, self._ward(ws), declined))
        for batch in claim(ws.ledger, {kind: counted}, self.on):
            e, s, r, n = t.effect.c, t.shipment.c, t.shipment_revision.c, t.application_number.c
            told = (
                select(s.household_no, s.cause, s.cause_ref, r.action, n.application_no)
                .select_from(t.effect)
                .join(t.shipment, s.id == e.shipment_id)
                .join(t.shipment_revision, (r.shipment_id == e.shipment_id) & (r.rev == e.rev))
                .join(t.application_number, n.household_no == s.household_no)
                .where(e.batch_id == batch.id)
            )
            with ws.ledger.write() as tx:
                told_rows = tx.execute(told).all()
                tx.execute(update(t.batch).where(t.batch.c.id == batch.id).values(state="published"))
            self._out(ws, batch.id, [row.application_no for row in told_rows])
            for row in told_rows:
                if row.action == "instruct":
                    self._is_printed(row.household_no, row.cause, row.cause_ref)

    def _is_printed(self, household: str, cause: str, reference: str) -> None:
        """Nobody is printed who must not be, and nobody twice for one cause."""
        self.printed[household, cause, reference] += 1
        assert self.printed[household, cause, reference] == 1, "printed twice for one cause"
        assert self.state[household] == _LIVE
        assert household not in self.named
        assert household not in self.declined or household in self.first
        assert (cause == "first") == (household not in self.first)
        self.first.setdefault(household, self.on)

    def _totals(self, ws: Workspace) -> None:
        """The control totals, from the ledger, are those of what has been printed here."""
        with ws.ledger.read() as tx:
            said = control(ws, tx, [], self._ward(ws), list(self.declined))
            again = tx.execute(
                select(func.count()).where(t.shipment.c.cause != "first", t.shipment.c.released_on.is_not(None))
            ).scalar_one()
        today = {number for (number, _, _), _ in self.printed.items() if self._last_printed(number) == self.on}
        unprinted = self.state.keys() - self.first.keys()
        deleted = {number for number in unprinted if self.state[number] == _DELETED}
        declined = (unprinted & self.declined) - deleted
        assert said["labels"] == len(today & self.first.keys())
        assert said["sent_before"] == len(self.first) - said["labels"]
        assert (said["deleted"], said["declined"]) == (len(deleted), len(declined))
        assert said["held"] == len(unprinted - deleted - declined)
        assert said["labels"] + said["held"] + said["excluded"] == said["households"] == len(self.state)
        assert said["excluded"] == said["deleted"] + said["declined"] + said["sent_before"]
        assert (said["reprinted"], said["resent"]) == (self.reprints, again)

    def _last_printed(self, household: str) -> date | None:
        c = t.shipment.c
        with self.ws.ledger.read() as tx:
            return tx.execute(select(func.max(c.released_on)).where(c.household_no == household)).scalar_one()

    def ends(self) -> None:
        """Keeps what has become of the items of the pull list (state) and of the parcels (state, revision)."""
        with self.ws.ledger.read() as tx:
            self.items = [str(item.state) for item in pulls.items(tx, CONTRACT)]
            self.parcels = list(tx.execute(select(t.shipment.c.state, t.shipment.c.revision)).tuples())

    # -- underneath -------------------------------------------------------------------------------------------

    def _ward(self, ws: Workspace) -> WardCount:
        with ws.ledger.read() as tx:
            head = ws.ledger.heads(tx)["household"]
        return WardCount(head.id, head.rows, 0)

    def _pull_list(self, ws: Workspace) -> list[pulls.PullItem]:
        with ws.ledger.read() as tx:
            return pulls.items(tx, CONTRACT)

    def _out(self, ws: Workspace, batch: str, numbers: Sequence[str]) -> None:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(("application_no", "file", "sheet", "position"))
        writer.writerows((number, "labels_001.pdf", 1, place) for place, number in enumerate(sorted(numbers), 1))
        ws.outbox.put(f"labels/{batch}/manifest.csv", text.getvalue().encode())

    def _lands(self, kind: str, row: Mapping[str, str]) -> None:
        """A file of one row, with its receipt."""
        rows, number = self.rows[f"{kind}_row"], f"R{kind}{len(self.rows[f'{kind}_row'])}"
        rows.append({"receipt_no": number, "row_no": 2, **row})
        name = {"file_name": f"{kind}_{self.on:%Y%m%d}_{len(rows):02d}.csv.pgp", "file_date": self.on}
        counts = {"bytes": 1, "rows": 1, "accepted": 1, "quarantined": 0, "arrived_ns": len(rows), "arrival": 1}
        place = {"contract": CONTRACT, "source": "lgwan", "kind": kind, "state": "accepted", "received_by": "t"}
        with self.ws.ledger.write() as tx:
            seq = self.ws.ledger.move(tx)
            at = {"received_at": clock.now_utc(), "seq": seq, "file_seq": len(rows), "file_revision": 0}
            tx.execute(insert(t.receipt).values(receipt_no=number, sha256=number, **name, **counts, **place, **at))

    def _carrier(self, household: str, before: ShipmentState, after: ShipmentState, **more: object) -> None:
        s = t.shipment.c
        here = (s.household_no == household) & (s.state == before) & (s.released_rev == s.revision)
        with self.ws.ledger.write() as tx:
            self.ws.ledger.move(tx)
            tx.execute(update(t.shipment).where(here).values(state=after, **more))
