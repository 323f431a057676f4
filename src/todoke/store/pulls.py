"""The pull list in the ledger: labels to be taken out, each with the log of its steps and the last of them (G08)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, ScalarSelect, and_, func, select, update

from todoke.errors import StaleParent
from todoke.model.codes import PullReason, PullState
from todoke.store import tables as t
from todoke.store.ledger import insert_ignoring_conflicts

#: The actions of a revision that put a label on an envelope.
SENDING = ("instruct", "replace")
#: How a request ended: nothing of it is sought any more; what is out is printed anew.
WITHDRAWN, AGAIN = "withdrawn", "again"


@dataclass(frozen=True)
class NewItem:
    """A printed label that is to be pulled. `source`: the receipt (with `source_row`) or the request that says so."""

    shipment_id: str
    batch_id: str
    item_no: str
    file: str
    sheet: int
    position: int
    source: str
    source_row: int | None
    reason: PullReason


@dataclass(frozen=True)
class PullItem:
    """A label on the pull list: where it was printed, whose it is, and its last step.

    `part` of the batches that were printed together; `is_last`: no later label of its parcel has been printed or taken
    by the carrier; `handed_over`: the carrier has this very label; `settings`: what its batch was rendered under;
    `ended`: how a person ended its request, `WITHDRAWN` or `AGAIN`; empty while it is open, and of what has none.
    """

    shipment_id: str
    batch_id: str
    item_no: str
    file: str
    sheet: int
    position: int
    reason: PullReason
    state: PullState
    number: int
    at: datetime
    household_no: str
    application_no: str
    kind: str
    batch_kind: str
    part: int
    printed_on: date
    handed_over: bool
    is_last: bool
    ended: str
    source: str
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """What became of an item; `number` counts its steps from 1, `said_in` names the receipt that says so."""

    item_no: str
    number: int
    state: PullState
    by_whom: str
    at: datetime
    said_in: str


def items(tx: Connection, contract: str) -> list[PullItem]:
    """The pull list, in the order of printing: by day, kind, part of the run, file, sheet and position."""
    p, s, n, b, e = t.pull_item.c, t.shipment.c, t.application_number.c, t.batch.c, t.effect.c
    q = t.pull_request.c
    is_last = e.rev == counting_label()
    rows = tx.execute(
        select(
            *(p.shipment_id, p.batch_id, p.item_no, p.file, p.sheet, p.position, p.reason, p.state, p.number, p.at),
            *(s.household_no, n.application_no, s.kind, b.kind.label("batch_kind"), b.notes, b.settings),
            b.business_on.label("printed_on"),
            and_(s.handed_over_at.is_not(None), is_last).label("handed_over"),
            is_last.label("is_last"),
            *(p.source, func.coalesce(q.ended, "").label("ended")),
        )
        .join(t.shipment, s.id == p.shipment_id)
        .join(t.application_number, (n.contract == p.contract) & (n.household_no == s.household_no))
        .join(t.batch, b.id == p.batch_id)
        .join(t.effect, and_(e.shipment_id == p.shipment_id, e.batch_id == p.batch_id))
        .outerjoin(t.pull_request, and_(q.contract == p.contract, q.id == p.source))
        .where(p.contract == contract)
    )
    return sorted((_item(dict(row)) for row in rows.mappings()), key=_place)


def _item(row: dict[str, Any]) -> PullItem:
    said: dict[str, Any] = {"reason": PullReason(row["reason"]), "state": PullState(row["state"])}
    said |= {name: bool(row[name]) for name in ("handed_over", "is_last")}
    part = json.loads(row.pop("notes")).get("part", 1)
    return PullItem(**row | said | {"part": part, "settings": json.loads(row["settings"])})


def _place(item: PullItem) -> tuple[object, ...]:
    return (item.printed_on, item.batch_kind, item.part, item.batch_id, item.file, item.sheet, item.position)


def counting_label() -> ScalarSelect[int]:
    """The revision of a `shipment` whose label counts: the last with one that the carrier took, or was told of."""
    r, s = t.shipment_revision.alias("labelled").c, t.shipment.c
    told = func.coalesce(s.handed_rev, s.released_rev)
    last = select(func.max(r.rev)).where(r.shipment_id == s.id, r.action.in_(SENDING), r.rev <= told)
    return last.correlate(t.shipment).scalar_subquery()


def put_items(
    tx: Connection, contract: str, new: Iterable[NewItem], *, too_late: set[str], by_whom: str, at: datetime
) -> int:
    """Puts labels on the list with their first step, or with the next one after a request that was withdrawn; returns
    how many.

    Args:
        too_late: shipment ids of those that the carrier has already.
    """
    heads: list[dict[str, object]] = []
    for item in new:
        state = PullState.TOO_LATE if item.shipment_id in too_late else PullState.TO_FIND
        step = {"number": 1, "state": state.value, "by_whom": by_whom, "at": at, "said_in": item.source}
        heads.append({"contract": contract, **item.__dict__, "reason": item.reason.value, **step})
    c, names = t.pull_item.c, t.pull_step.c.keys()
    withdrawn = select(c.item_no, c.number).where(c.contract == contract, c.state == PullState.WITHDRAWN)
    had = dict(tx.execute(withdrawn).tuples().all())
    for head in heads:
        if (number := had.get(str(head["item_no"]))) is not None:
            head["number"] = number + 1
            anew = {name: head[name] for name in ("source", "source_row", "reason", *names)}
            tx.execute(update(t.pull_item).where(c.contract == contract, c.item_no == head["item_no"]).values(anew))
    insert_ignoring_conflicts(tx, t.pull_item, heads)
    insert_ignoring_conflicts(tx, t.pull_step, [{name: head[name] for name in names} for head in heads])
    return len(heads)


def take_steps(tx: Connection, contract: str, steps: Iterable[Step]) -> int:
    """Appends steps and moves the heads; returns how many.

    Raises:
        StaleParent: an item has taken another step meanwhile.
    """
    c, count = t.pull_item.c, 0
    for step in steps:
        said = {name: value for name, value in step.__dict__.items() if name != "item_no"}
        here = (c.contract == contract) & (c.item_no == step.item_no) & (c.number == step.number - 1)
        if tx.execute(update(t.pull_item).where(here).values(said)).rowcount != 1:
            raise StaleParent("引抜き一覧の状態がほかの処理で変わりました", where=step.item_no)
        insert_ignoring_conflicts(tx, t.pull_step, [{"contract": contract, "item_no": step.item_no, **said}])
        count += 1
    return count


def reprinted(tx: Connection, contract: str) -> int:
    """How many labels have been printed once more, each time counted."""
    c = t.reprint.c
    return int(tx.execute(select(func.sum(c.labels)).where(c.contract == contract)).scalar_one() or 0)
