"""The amendments of the pandas peer: few, and each stands on the one before it, so they are followed in a loop."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from todoke.orders.reconcile import OrderRules

HOLDING = {"no_items", "unknown_item", "refused_item", "over_points"}
DECISION = [
    "application_id",
    "source",
    "household_no",
    "received_at",
    "status",
    "reason",
    "points",
    "differs_from_standing",
]


@dataclass
class Amended:
    """What the amendments leave behind.

    Attributes:
        settled: applications that a replacement took out of review.
        taken_back: household to the moment of its last cancellation.
        replaced: household to the replacement that stands.
        added: household, parcel and addition; the first parcel is ''.
        founded: household and the addition that founded a further parcel.
        holding: households with a change that a person has to look at.
    """

    decisions: pd.DataFrame
    settled: set[str] = field(default_factory=set)
    taken_back: dict[str, pd.Timestamp] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    added: list[tuple[str, str, str]] = field(default_factory=list)
    founded: list[tuple[str, str]] = field(default_factory=list)
    holding: set[str] = field(default_factory=set)


def in_order(apps: pd.DataFrame) -> pd.DataFrame:
    """Applications by household, day received, web before postcard, time, id."""
    order = apps.assign(day=apps["received_at"].dt.normalize(), by_post=apps["source"] == "postcard")
    return order.sort_values(["household_no", "day", "by_post", "received_at", "application_id"])


def follow_amendments(
    apps: pd.DataFrame,
    amendments: pd.DataFrame,
    household: pd.DataFrame,
    shipped: pd.DataFrame,
    rules: OrderRules,
) -> Amended:
    """Decides each amendment, in order of `requested_at`, on what its household's earlier ones left."""
    concerned = set(amendments["household_no"].dropna())
    orders: dict[str, list[Any]] = defaultdict(list)
    for app in in_order(apps[apps["household_no"].isin(concerned)]).itertuples(index=False):
        orders[app.household_no].append(app)
    parcels: dict[str, list[Any]] = defaultdict(list)
    for parcel in shipped[shipped["household_no"].isin(concerned)].itertuples(index=False):
        parcels[parcel.household_no].append(parcel)
    homes = household.loc[household.index.isin(concerned)].to_dict("index")
    stories = {no: _Story(no, homes[no], orders[no], parcels[no], rules) for no in concerned}
    rows = []
    for change in amendments.itertuples(index=False):
        story = stories.get(change.household_no)
        rows.append(story.decide(change) if story else _row(change, None, "unknown_household", 0))
    decisions = pd.DataFrame(rows, columns=DECISION)
    decisions["received_at"] = decisions["received_at"].astype("datetime64[us]")
    result = Amended(decisions)
    for story in stories.values():
        story.leave(result)
    return result


def _row(change: Any, household_no: str | None, reason: str | None, total: int) -> dict[str, Any]:
    status = "accepted" if reason is None else "rejected" if reason == "late" else "review"
    return {
        "application_id": change.application_id,
        "source": "phone",
        "household_no": household_no,
        "received_at": change.received_at,
        "status": status,
        "reason": reason,
        "points": total,
        "differs_from_standing": False,
    }


def _gone(parcel: Any, t: pd.Timestamp) -> bool:
    return parcel.handed_over_at is not pd.NaT and parcel.handed_over_at <= t


class _Story:
    """One household's amendments so far."""

    def __init__(self, no: str, home: dict[str, Any], orders: list[Any], parcels: list[Any], rules: OrderRules) -> None:
        self.no, self.home, self.alive, self.rules = no, home, list(orders), rules
        self.goods = [p for p in parcels if p.kind == "goods"]
        self.toilets = any(p.kind == "toilet" for p in parcels)
        self.sources = {p.source_ref for p in self.goods if p.sequence == 1}
        self.settled: set[str] = set()
        self.taken_back: pd.Timestamp | None = None
        self.replaced: Any = None
        self.adds: list[tuple[Any, str]] = []
        self.standing_rows: list[dict[str, Any]] = []
        self.waiting_rows: list[dict[str, Any]] = []
        self.open_parcels = [""]

    def decide(self, change: Any) -> dict[str, Any]:
        t = change.received_at
        candidates = [o for o in self.alive if o.good or o.application_id in self.settled]
        carried = next((o for o in candidates if o.application_id in self.sources), None)
        waiting = [o for o in self.alive if o.received_at <= t and (o.good or o.in_review)]
        total = self._total(change, carried or next(iter(candidates), None))
        reason = self._failing(change, waiting, total)
        row = _row(change, self.no, reason, total)
        if change.action in {"replace", "add"} and row["status"] == "review":
            self.waiting_rows.append(row)
        if reason is None:
            self._accept(change, carried or next(iter(waiting), None), row)
        return row

    def _total(self, change: Any, standing: Any) -> int:
        if change.action == "replace":
            return int(change.points)
        if change.action != "add":
            return 0
        base = self.replaced or standing
        return int((base.points if base else 0) + change.points + sum(add.points for add, _ in self.adds))

    def _failing(self, change: Any, waiting: list[Any], total: int) -> str | None:
        t, action = change.received_at, change.action
        has_content = action in {"replace", "add"}
        late = t.normalize() > pd.Timestamp(self.rules.deadline) and not self.rules.amend_until_handover
        gone = any(_gone(p, t) for p in self.goods)
        checks = {
            "departed": self.home["state"] in {"deleted", "held"},
            "late": has_content and late,
            "no_application": action != "decline" and not waiting,
            "already_shipped": (action != "add" and gone) or (has_content and self.toilets),
            "no_items": has_content and change.line_count == 0,
            "unknown_item": has_content and change.unknown,
            "refused_item": has_content and change.refused,
            "over_points": has_content and total > self.home["entitlement"],
        }
        return next((reason for reason, fails in checks.items() if fails), None)

    def _accept(self, change: Any, target: Any, row: dict[str, Any]) -> None:
        if change.action == "add":
            self.adds.append((change, self._parcel_for(change)))
            self.standing_rows.append(row)
            return
        for earlier in (*self.standing_rows, *self.waiting_rows):
            earlier |= {"status": "superseded", "reason": None}
        self.adds, self.waiting_rows = [], []
        if change.action == "replace":
            if not target.good:
                self.settled.add(target.application_id)
            self.replaced, self.standing_rows = change, [row]
        else:
            self.alive = [o for o in self.alive if o.received_at > change.received_at]
            self.taken_back, self.replaced, self.standing_rows = change.received_at, None, []

    def _parcel_for(self, add: Any) -> str:
        """The newest parcel that the carrier has not got, else a new one."""
        for ref in reversed(self.open_parcels):
            sent = [p for p in self.goods if p.cause in {"first", "add"} and p.cause_ref == ref]
            if not any(_gone(p, add.received_at) for p in sent):
                return ref
        self.open_parcels.append(add.application_id)
        return str(add.application_id)

    def leave(self, result: Amended) -> None:
        result.settled |= self.settled
        if self.taken_back is not None:
            result.taken_back[self.no] = self.taken_back
        if self.replaced is not None:
            result.replaced[self.no] = self.replaced.application_id
        result.added += [(self.no, ref, add.application_id) for add, ref in self.adds]
        result.founded += [(self.no, ref) for ref in self.open_parcels[1:]]
        if any(row["reason"] in HOLDING for row in self.waiting_rows):
            result.holding.add(self.no)
