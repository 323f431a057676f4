"""The sources and the toy rules of the tiny contract: plain Python, pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from todoke import clock
from todoke.model.changes import DecisionChange, Parcel, effect_kind
from todoke.model.codes import Cause, ShipmentKind
from todoke.store.schema import DATASETS

FIRST_DAY = date(2026, 11, 10)
Lines = tuple[tuple[str, int], ...]


def day(number: int) -> date:
    return FIRST_DAY + timedelta(days=number - 1)


@dataclass(frozen=True)
class Household:
    no: str
    confidential: bool = False
    instructed: bool = False
    live: bool = True


@dataclass(frozen=True)
class Application:
    """`id` beginning with X: an addition, which founds a further parcel."""

    id: str
    household: str
    on: int
    lines: Lines
    cancelled_on: int | None = None


@dataclass(frozen=True)
class Sources:
    """All that the sources show at one moment."""

    households: tuple[Household, ...] = ()
    applications: tuple[Application, ...] = ()
    catalogue: tuple[tuple[str, int], ...] = (("A", 3000), ("B", 6000))

    def with_household(self, *changed: Household) -> Sources:
        kept = {h.no: h for h in self.households} | {h.no: h for h in changed}
        return replace(self, households=tuple(kept[no] for no in sorted(kept)))

    def with_application(self, *changed: Application) -> Sources:
        kept = {a.id: a for a in self.applications} | {a.id: a for a in changed}
        return replace(self, applications=tuple(kept[i] for i in sorted(kept)))

    def tables(self) -> dict[str, pa.Table]:
        """Datasets as the lake keeps them."""
        at = {a.id: datetime.combine(day(a.on), time(12)) for a in self.applications}
        rows: dict[str, list[dict[str, Any]]] = {
            "household": [
                {
                    "household_no": h.no,
                    "members": 2,
                    "confidential": h.confidential,
                    "instructed": h.instructed,
                    "state": "live" if h.live else "deleted",
                }
                for h in self.households
            ],
            "web_application": [
                {
                    "application_id": a.id,
                    "application_no": a.household,
                    "submitted_at": at[a.id],
                    "cancelled_at": None if a.cancelled_on is None else datetime.combine(day(a.cancelled_on), time(13)),
                }
                for a in self.applications
            ],
            "web_line": [
                {"application_id": a.id, "line_no": n, "item_code": code, "quantity": quantity}
                for a in self.applications
                for n, (code, quantity) in enumerate(a.lines)
            ],
            "catalogue": [{"item_code": code, "points": points} for code, points in self.catalogue],
        }
        return {name: pa.Table.from_pylist(rows[name], DATASETS[name]) for name in rows}


@dataclass(frozen=True)
class Desired:
    """What the toy rules say: decisions and parcels."""

    decisions: tuple[DecisionChange, ...]
    goods: tuple[Parcel, ...]
    catalogue: tuple[Parcel, ...]
    without_order: tuple[tuple[str, int, bool, bool], ...]

    def toilets(self, goods: pa.Table, toilets: pa.Table) -> list[tuple[str, int, bool, bool]]:
        """Toilets for those that have them already, and for households whose claim is not with goods."""
        theirs = {row["household_no"] for row in goods.to_pylist() if row["released_on"] or row["state"] != "cancelled"}
        have = {row["household_no"] for row in toilets.to_pylist() if row["released_on"]}
        free = [row for row in self.without_order if row[0] not in theirs | have]
        return free + [(no, 30, False, False) for no in sorted(have)]


def one_item_parcels(
    households: Iterable[tuple[str, int, bool, bool]], kind: ShipmentKind, item_code: str
) -> list[Parcel]:
    """First parcels of households given as number, quantity, held, confidential."""
    return [
        Parcel(no, kind, Cause.FIRST, "", "", ((item_code, quantity),), 0, held, effect_kind(kind, confidential=secret))
        for no, quantity, held, secret in households
    ]


def reconcile(
    rows: Mapping[str, list[dict[str, Any]]], as_of: date, released: Mapping[str, str], toilets_released: Set[str]
) -> Desired:
    """The toy rules, pure: the first good application of a household stands; what was released stays its own."""
    households = {h["household_no"]: h for h in rows["household"]}
    points = {item["item_code"]: item["points"] for item in rows["catalogue"]}
    lines: dict[str, list[tuple[str, int]]] = {}
    for line in rows["web_line"]:
        lines.setdefault(line["application_id"], []).append((line["item_code"], line["quantity"]))
    seen = sorted(
        (a for a in rows["web_application"] if a["submitted_at"] < clock.end_of(as_of)),
        key=lambda a: (a["submitted_at"], a["application_id"]),
    )
    verdict: dict[str, tuple[str, str | None]] = {}
    standing: dict[str, str] = {}
    for a in seen:
        number, household = a["application_id"], a["application_no"]
        if a["cancelled_at"] is not None and a["cancelled_at"] < clock.end_of(as_of):
            verdict[number] = ("withdrawn", None)
        elif household not in households or households[household]["state"] != "live":
            verdict[number] = ("review", "departed")
        elif any(code not in points for code, _ in lines.get(number, [])):
            verdict[number] = ("review", "unknown_item")
        elif household in toilets_released and released.get(household) != number:
            verdict[number] = ("review", "toilet_shipped")
        elif number.startswith("X"):
            verdict[number] = ("accepted", None)
        elif household in standing or released.get(household, number) != number:
            verdict[number] = ("rejected", "duplicate")
        else:
            standing[household] = number
            verdict[number] = ("accepted", None)
    wanted = [
        (a["application_no"], a["application_id"])
        for a in seen
        if verdict[a["application_id"]][0] == "accepted" and a["application_no"] in standing
    ]
    worth = {n: sum(points.get(code, 0) * q for code, q in lines.get(n, [])) for n in verdict}
    waiting = {a["application_no"] for a in seen if verdict[a["application_id"]][0] == "review"}

    def held(no: str) -> bool:
        return bool(households[no]["confidential"] and not households[no]["instructed"])

    return Desired(
        tuple(
            DecisionChange(n, "web", a["application_no"], a["submitted_at"], *verdict[n], worth[n], False)
            for a in seen
            for n in [a["application_id"]]
        ),
        tuple(
            Parcel(
                no,
                ShipmentKind.GOODS,
                Cause.ADD if n.startswith("X") else Cause.FIRST,
                n if n.startswith("X") else "",
                n,
                tuple(sorted(lines.get(n, []))),
                worth[n],
                held(no),
                "goods",
            )
            for no, n in wanted
        ),
        tuple(
            one_item_parcels(
                [(no, 1, held(no), False) for no, h in sorted(households.items()) if h["state"] == "live"],
                ShipmentKind.CATALOGUE,
                "CATALOGUE",
            )
        ),
        tuple(
            (no, 30, held(no), False)
            for no, h in sorted(households.items())
            if h["state"] == "live" and no not in standing and no not in waiting
        ),
    )
