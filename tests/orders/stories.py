"""Words to tell a household's story in: web("1", "12-01 10:00", "A"), phone("1", "12-02 09:00", "add", "B")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from oracle_nouns import Amendment, Card, Household, Item, Line, Reading, Shipment, Slot, Web, World
from worlds import to_inputs, valid_number

from todoke.orders.reconcile import Desired, OrderInputs, OrderRules, possible_senders, reconcile
from todoke.store.engine import Engine

DEADLINE = date(2027, 1, 15)
NUMBER = valid_number(12345678)
#: Three members: 9,000 points.
HOME = Household("0001", NUMBER, 3, ("ヤマモト ショウタ",), "1538573")
ITEMS = (
    Item("A", 3000),
    Item("B", 6000),
    Item("C", 9000),
    Item("REFUSED", 3000, refused_from=date(2026, 12, 10)),
    Item("LATER", 3000, orderable_from=date(2027, 1, 5)),
)


def at(text: str) -> datetime:
    """`12-01 10:00`: November and December are 2026, the rest 2027."""
    return datetime.fromisoformat(f"{2026 if text > '06' else 2027}-{text}")


def on(text: str) -> date:
    return at(f"{text} 00:00").date()


def order(items: str) -> tuple[Line, ...]:
    """`A B B` → one of A, two of B as lines of one each."""
    return tuple(Line(code, 1) for code in items.split())


def web(id_: str, when: str, items: str, *, number: str = NUMBER, cancelled: str | None = None) -> Web:
    return Web(id_, number, at(when), order(items), at(cancelled) if cancelled else None)


def card(id_: str, day: str, items: str, **changed: Any) -> Card:
    """A card read without doubt; `changed` replaces fields of it."""
    fields: dict[str, Any] = {
        "card_no": id_,
        "received_on": on(day),
        "postmarked_on": None,
        "number": Reading(NUMBER, 0.95),
        "name": Reading("ヤマモト ショウタ", 0.95),
        "postal": Reading("153-8573", 0.95),
        "declined": Reading("", None),
        "slots": tuple(Slot(code, "1", 0.95) for code in items.split()),
    }
    return Card(**(fields | changed))


def phone(id_: str, when: str, action: str, items: str = "", *, number: str = NUMBER) -> Amendment:
    return Amendment(id_, number, at(when), action, order(items))


def goods(source: str, released: str, handed_over: str | None = None) -> Shipment:
    return Shipment("0001", "goods", 1, "first", "", source, on(released), at(handed_over) if handed_over else None)


def added_goods(cause_ref: str, released: str, handed_over: str | None = None) -> Shipment:
    moment = at(handed_over) if handed_over else None
    return Shipment("0001", "goods", 2, "add", cause_ref, "", on(released), moment)


def toilets(released: str) -> Shipment:
    return Shipment("0001", "toilet", 1, "first", "", "", on(released))


@dataclass(frozen=True)
class Ending:
    """What became of a story."""

    desired: Desired

    def of(self, application_id: str) -> tuple[str, str | None]:
        """(status, reason) of an application or amendment."""
        row = self.row(application_id)
        return row["status"], row["reason"]

    def row(self, application_id: str) -> dict[str, Any]:
        [row] = [r for r in self.desired.decision.to_pylist() if r["application_id"] == application_id]
        return row

    @property
    def parcels(self) -> dict[str, dict[str, int]]:
        """Content of each goods parcel of the household by cause_ref, '' for the first."""
        contents: dict[str, dict[str, int]] = {r["cause_ref"]: {} for r in self.desired.parcel.to_pylist()}
        for line in self.desired.parcel_line.to_pylist():
            contents[line["cause_ref"]][line["item_code"]] = line["quantity"]
        return contents

    @property
    def held(self) -> bool:
        return any(self.desired.parcel["held"].to_pylist())


def world(*facts: Web | Card | Amendment | Shipment, homes: tuple[Household, ...] = (HOME,)) -> World:
    def only(kind: type) -> tuple[Any, ...]:
        return tuple(fact for fact in facts if isinstance(fact, kind))

    return World(homes, ITEMS, only(Web), only(Card), only(Amendment), only(Shipment))


def rules(**changed: Any) -> OrderRules:
    usual: dict[str, Any] = {
        "as_of": date(2027, 2, 10),
        "deadline": DEADLINE,
        "points_per_member": 3000,
        "threshold": 0.80,
        "postmark": False,
        "amend_until_handover": False,
    }
    return OrderRules(**(usual | changed))


def ending(*facts: Web | Card | Amendment | Shipment, homes: tuple[Household, ...] = (HOME,), **changed: Any) -> Ending:
    """The end of a story; `changed` are rules other than the gift contract's."""
    return settle(to_inputs(world(*facts, homes=homes)), rules(**changed))


def settle(inputs: OrderInputs, order_rules: OrderRules) -> Ending:
    with Engine(memory_limit="256MB") as engine:
        return Ending(reconcile(engine, inputs, order_rules))


def possible(*facts: Web | Card | Amendment | Shipment, homes: tuple[Household, ...] = (HOME,)) -> list[str]:
    """Households that an order of the story that is nobody's may come from."""
    with Engine(memory_limit="256MB") as engine:
        found = possible_senders(engine, to_inputs(world(*facts, homes=homes)), rules())
    return [str(number) for number in found["household_no"].to_pylist()]
