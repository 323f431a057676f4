"""Random small worlds for the oracle and the SQL, and their conversion to what `reconcile` takes.

Few days, few times, few names, few ids: what rarely collides in a ward collides here all the time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import date, datetime, time
from functools import cache
from itertools import chain
from typing import Any, TypeVar

import pyarrow as pa
from hypothesis import strategies as st
from oracle_nouns import Amendment, Card, Household, Item, Line, Reading, Shipment, Slot, Web, World

from todoke.orders.folding import fold_kana, fold_postal
from todoke.orders.reconcile import OrderInputs, OrderRules
from todoke.store import schema

T = TypeVar("T")

#: Small worlds in one example, at most.
TOGETHER = 16

DEADLINE = date(2027, 1, 15)
DAYS = [
    date(2026, 12, 31),
    date(2027, 1, 1),
    date(2027, 1, 14),
    date(2027, 1, 15),
    date(2027, 1, 16),
    date(2027, 2, 1),
]
TIMES = [time(0, 0), time(0, 0, 1), time(12, 0), time(23, 59, 59, 999999)]
#: Most of what happens, happens before the deadline.
BUSY_DAYS = [*DAYS[:4], *DAYS[:4], *DAYS]
#: Unsorted by any rule but bytes; the last two sort differently in UTF-16.
IDS = ["1", "2", "10", "01", "9", "A", "a", "Z-1", "é", "あ", "ｱ", "𠮷"]

POSTALS = ["1538573", "1520001"]
POSTALS_READ = {"1538573": ["1538573", "153-8573", "１５３８５７３"], "1520001": ["1520001", "152-0001"]}
#: As registered, and the ways a hand or a scanner writes the same name.
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
NAMES = {
    "ヤマモト ショウタ": ["ヤマモト ショウタ", "ﾔﾏﾓﾄ ｼｮｳﾀ", "ヤマモトシヨウタ", "ヤマモト　ショウタ"],
    "ガトー ハナ": ["ガトー ハナ", "ｶﾞﾄｰ ﾊﾅ", "ガトーハナ"],
    "ハットリ ジロウ": ["ハットリ ジロウ", "ﾊｯﾄﾘ ｼﾞﾛｳ", "ハツトリジロウ"],
}
SURE = [0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 1.0, 0.80]
CONFIDENCES = [*SURE, *SURE, *SURE, 0.79, 0.0, None]

ITEMS = (
    Item("A", 3000),
    Item("B", 6000),
    Item("C", 9000),
    Item("D", 3000, refused_from=date(2027, 1, 15)),
    Item("E", 3000, orderable_from=date(2027, 1, 1), orderable_to=date(2027, 1, 15)),
    Item("F", 6000, orderable_to=date(2027, 1, 14)),
)


def valid_number(body: int) -> str:
    return f"{body:08d}{(1 - body * 100) % 97:02d}"


def _apart(left: str, right: str) -> list[int]:
    return [i for i, (a, b) in enumerate(zip(left, right, strict=True)) if a != b]


def neighbour(number: str) -> str:
    """The first good number that differs from this one in two places only, as near as good numbers get."""
    body = number[:8]
    changed = (body[:k] + str(d) + body[k + 1 :] for k in range(8) for d in range(10) if str(d) != body[k])
    return next(n for n in map(valid_number, map(int, changed)) if len(_apart(number, n)) == 2)


def between(left: str, right: str) -> str:
    """`left` with the first differing place taken from `right`: one place from both."""
    i = _apart(left, right)[0]
    return left[:i] + right[i] + left[i + 1 :]


@cache
def numbers(count: int) -> tuple[str, ...]:
    """Good numbers in neighbouring pairs."""
    firsts = [valid_number(10_000_000 + 7919 * i) for i in range(1, (count + 1) // 2 + 1)]
    return tuple(n for first in firsts for n in (first, neighbour(first)))[:count]


class Dice:
    """Choices that read like a sentence, from hypothesis (shrinking to the first choice) or a seed."""

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def one_in(self, n: int) -> bool:
        return self.below(n) == n - 1

    def moment(self) -> datetime:
        return datetime.combine(self.pick(BUSY_DAYS), self.pick(TIMES))


def _household(dice: Dice, i: int, number: str) -> Household:
    names = list(NAMES)
    return Household(
        household_no=f"{i + 1:06d}",
        application_no=number,
        members=dice.pick([4, 1, 2, 3, 4, 6]),
        kana=tuple(dice.pick(names) for _ in range(dice.pick([1, 2]))),
        postal_code=dice.pick(POSTALS),
        delivery_postal=dice.pick(POSTALS) if dice.one_in(4) else None,
        confidential=dice.one_in(5),
        instructed=dice.one_in(2),
        state=dice.pick(["live"] * 14 + ["held", "deleted"]),
    )


def _number(dice: Dice, household: Household) -> str | None:
    no = household.application_no
    if not dice.one_in(4):
        return no
    other = neighbour(no)
    near = [between(no, other), no[:3] + str((int(no[3]) + 1) % 10) + no[4:], f"{no[:5]}-{no[5:]}", no.translate(WIDE)]
    return dice.pick([*near, *near, no[:9], valid_number(99_999_999), "", None, other])


def _lines(dice: Dice) -> tuple[Line, ...]:
    count = dice.pick([1, 1, 1, 1, 1, 2, 2, 2, 3, 0])
    if not dice.one_in(4):
        return tuple(Line(dice.pick(["A", "A", "B", "E"]), dice.pick([1, 1, 2])) for _ in range(count))
    codes = ["A", "B", "C", "D", "E", "F", "X", "", None]
    return tuple(Line(dice.pick(codes), dice.pick([1, 1, 1, 2, 3, 0, -1, None])) for _ in range(count))


def _web(dice: Dice, id_: str, household: Household) -> Web:
    own = household.application_no
    number = dice.pick(["", "1234567890", valid_number(11111111), own[:9], between(own, neighbour(own))])
    return Web(
        application_id=id_,
        application_no=number if dice.one_in(12) else household.application_no,
        submitted_at=dice.moment(),
        lines=_lines(dice),
        cancelled_at=dice.moment() if dice.one_in(10) else None,
    )


def _slots(dice: Dice) -> tuple[Slot, ...]:
    count = dice.pick([1, 1, 1, 1, 1, 2, 2, 2, 6, 0])
    if not dice.one_in(4):
        return tuple(Slot(dice.pick("AABE"), dice.pick(["1", "", None, "１"]), 0.95) for _ in range(count))
    codes = ["A", "B", "C", "D", "E", "F", "X", "", None]
    quantities = ["1", "1", "1", "", None, "２", "0", "l", "1.5"]
    return tuple(Slot(dice.pick(codes), dice.pick(quantities), dice.pick(CONFIDENCES)) for _ in range(count))


def _card(dice: Dice, id_: str, household: Household) -> Card:
    name = household.kana[0] if not dice.one_in(4) else dice.pick(list(NAMES))
    postal = household.postal_code if not dice.one_in(4) else dice.pick(POSTALS)
    received = dice.pick(BUSY_DAYS)
    mark = ("", None)
    if dice.one_in(6):
        mark = (dice.pick(["1", "✓", "0", "", None]), dice.pick([0.95, 0.80, 0.79, None]))
    return Card(
        card_no=id_,
        received_on=received,
        postmarked_on=dice.pick([d for d in DAYS if d <= received]) if dice.one_in(2) else None,
        number=Reading(_number(dice, household), dice.pick(CONFIDENCES)),
        name=Reading(dice.pick([*NAMES[name], *NAMES[name], "", None]), dice.pick(CONFIDENCES)),
        postal=Reading(dice.pick([*POSTALS_READ[postal] * 3, "", None]), dice.pick(CONFIDENCES)),
        declined=Reading(*mark),
        slots=_slots(dice),
    )


def _amendment(dice: Dice, id_: str, household: Household) -> Amendment:
    action = dice.pick(["replace", "add", "replace", "add", "add", "cancel", "decline"])
    return Amendment(
        amendment_id=id_,
        application_no=dice.pick([valid_number(11111111), household.application_no.translate(WIDE)])
        if dice.one_in(12)
        else household.application_no,
        requested_at=datetime.combine(dice.pick([*DAYS[2:4], *DAYS[2:4], *DAYS]), dice.pick(TIMES)),
        action=action,
        lines=_lines(dice) if action in {"replace", "add"} or dice.one_in(4) else (),
    )


def _sent(dice: Dice) -> tuple[date | None, datetime | None]:
    """Released, or not yet; handed over on a later day, the same day, or not yet."""
    released = dice.pick([*DAYS[:3], *DAYS, None])
    if released is None or dice.one_in(3):
        return released, None
    day = dice.pick([d for d in DAYS if d >= released][:3])
    return released, datetime.combine(day, dice.pick(TIMES))


def _shipments(dice: Dice, household: Household, own: list[str], adds: list[str]) -> list[Shipment]:
    no = household.household_no
    shipments = []
    if own and dice.one_in(2):
        source = dice.pick(own[:2])
        shipments.append(Shipment(no, "goods", 1, "first", "", source, *_sent(dice)))
        if adds and dice.one_in(2):
            shipments.append(Shipment(no, "goods", 2, "add", dice.pick(adds), source, *_sent(dice)))
        elif dice.one_in(6):
            shipments.append(Shipment(no, "goods", 2, "resend", "7", source, *_sent(dice)))
    if dice.one_in(12):
        shipments.append(Shipment(no, "toilet", 1, "first", "", "", *_sent(dice)))
    return shipments


def _stories(dice: Dice, households: Sequence[Household], ids: list[list[str]], most: list[int]) -> World:
    """Up to `most` web applications, cards and amendments a household; `ids` of each kind are used up."""
    web, cards, amendments, shipments = [], [], [], []
    for home in households:
        own_web = [_web(dice, ids[0].pop(), home) for _ in range(dice.below(most[0] + 1))]
        own_cards = [_card(dice, ids[1].pop(), home) for _ in range(dice.below(most[1] + 1))]
        changes = [_amendment(dice, ids[2].pop(), home) for _ in range(dice.below(most[2] + 1))]
        refs = [f"W:{w.application_id}" for w in own_web] + [f"P:{c.card_no}" for c in own_cards]
        shipments += _shipments(dice, home, refs, [a.ref for a in changes if a.action == "add"])
        web += own_web
        cards += own_cards
        amendments += changes
    return World(tuple(households), ITEMS, tuple(web), tuple(cards), tuple(amendments), tuple(shipments))


def _together(parts: Sequence[World]) -> World:
    one_by_one = ([getattr(part, field.name) for part in parts] for field in fields(World))
    together = [tuple(chain.from_iterable(rows)) for rows in one_by_one]
    return replace(World(*together), items=ITEMS)


def _small_world(dice: Dice, nth: int, pool: Sequence[str]) -> World:
    """Two to six households; ids may be equal across the kinds."""
    homes = [_household(dice, 6 * nth + i, pool[6 * nth + i]) for i in range(dice.pick([2, 3, 4, 5, 6]))]
    shifts = [dice.below(len(IDS)) for _ in range(3)]
    ids = [[f"{id_}{nth or ''}" for id_ in IDS[shift:] + IDS[:shift]] for shift in shifts]
    return _stories(dice, homes, ids, [2, 2, 2])


@st.composite
def worlds(draw: Callable[[st.SearchStrategy[Any]], Any]) -> World:
    """One to `TOGETHER` small worlds side by side: as many decided at the price of one call of `reconcile`."""
    dice = Dice(lambda n: draw(st.integers(0, n - 1)))
    pool = numbers(6 * TOGETHER)
    return _together([_small_world(dice, nth, pool) for nth in range(1 + dice.below(TOGETHER))])


def crowd(seed: int, count: int = 400) -> World:
    """One world of many households, each with a longer story: breadth where `worlds` gives small failures."""
    rng = random.Random(seed)
    dice = Dice(rng.randrange)
    households = [_household(dice, i, number) for i, number in enumerate(numbers(count))]
    ids = [[str(i) for i in rng.sample(range(20 * count), 5 * count)] for _ in range(3)]
    return _stories(dice, households, ids, [2, 2, 5])


def rules() -> st.SearchStrategy[OrderRules]:
    return st.builds(
        OrderRules,
        as_of=st.sampled_from([DAYS[5], DAYS[4], DAYS[3], DAYS[2], DAYS[5]]),
        deadline=st.just(DEADLINE),
        points_per_member=st.just(3000),
        threshold=st.just(0.80),
        postmark=st.booleans(),
        amend_until_handover=st.booleans(),
    )


# ---------------------------------------------------------------- to Arrow


def _table(rows: Sequence[dict[str, Any]], schema_: pa.Schema, backwards: bool) -> pa.Table:
    full = [{name: row.get(name) for name in schema_.names} for row in rows]
    return pa.Table.from_pylist(full[::-1] if backwards else full, schema=schema_)


def _texts(*names: str) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])


POSTCARD = pa.schema([*schema.POSTCARD, ("name_key", pa.string()), ("postal_key", pa.string())])
POSTCARD_LINE = pa.schema([*schema.POSTCARD_LINE, ("quantity", pa.int32()), ("quantity_readable", pa.bool_())])
SHIPMENT = pa.schema(
    [
        *_texts("household_no", "kind"),
        ("sequence", pa.int32()),
        *_texts("cause", "cause_ref", "source_ref"),
        ("released_on", pa.date32()),
        ("handed_over_at", pa.timestamp("us")),
    ]
)
SCHEMAS = {
    "household": schema.HOUSEHOLD,
    "application_number": _texts("household_no", "application_no"),
    "kana_key": _texts("household_no", "kana_key"),
    "delivery_postal": _texts("household_no", "postal_code"),
    "catalogue": schema.CATALOGUE,
    "web_application": schema.WEB_APPLICATION,
    "web_line": schema.WEB_LINE,
    "amendment": schema.AMENDMENT,
    "amendment_line": schema.AMENDMENT_LINE,
    "postcard": POSTCARD,
    "postcard_line": POSTCARD_LINE,
    "shipment": SHIPMENT,
}


def _numbered(key: str, id_: str, lines: Sequence[Line]) -> list[dict[str, Any]]:
    return [
        {key: id_, "line_no": n, "item_code": x.item_code, "quantity": x.quantity} for n, x in enumerate(lines, start=1)
    ]


def _card_row(card: Card) -> dict[str, Any]:
    return {
        "card_no": card.card_no,
        "received_on": card.received_on,
        "postmarked_on": card.postmarked_on,
        "application_no": card.number.text,
        "application_no_confidence": card.number.confidence,
        "name_kana": card.name.text,
        "name_kana_confidence": card.name.confidence,
        "name_key": None if card.name.text is None else fold_kana(card.name.text),
        "postal_code": card.postal.text,
        "postal_code_confidence": card.postal.confidence,
        "postal_key": None if card.postal.text is None else fold_postal(card.postal.text),
        "declined": card.declined.text,
        "declined_confidence": card.declined.confidence,
    }


def _card_lines(card: Card) -> list[dict[str, Any]]:
    """As landed: the quantity already read, or marked as unreadable."""
    return [
        {
            "card_no": card.card_no,
            "line_no": n,
            "item_code": slot.item_code,
            "item_confidence": slot.confidence,
            "quantity_text": slot.quantity_text,
            "quantity": slot.quantity,
            "quantity_readable": slot.quantity is not None,
        }
        for n, slot in enumerate(card.filled, start=1)
    ]


def to_inputs(world: World, *, backwards: bool = False) -> OrderInputs:
    """The world as Arrow tables; `backwards` gives every table in the opposite order of arrival."""
    homes = world.households
    rows: dict[str, list[dict[str, Any]]] = {
        "household": [vars(h) for h in homes],
        "application_number": [vars(h) for h in homes],
        "kana_key": [{"household_no": h.household_no, "kana_key": fold_kana(name)} for h in homes for name in h.kana],
        "delivery_postal": [
            {"household_no": h.household_no, "postal_code": h.delivery_postal}
            for h in homes
            if h.delivery_postal is not None
        ],
        "catalogue": [vars(i) for i in world.items],
        "web_application": [vars(w) for w in world.web],
        "web_line": [r for w in world.web for r in _numbered("application_id", w.application_id, w.lines)],
        "amendment": [vars(a) for a in world.amendments],
        "amendment_line": [r for a in world.amendments for r in _numbered("amendment_id", a.amendment_id, a.lines)],
        "postcard": [_card_row(c) for c in world.cards],
        "postcard_line": [r for c in world.cards for r in _card_lines(c)],
        "shipment": [vars(s) for s in world.shipments],
    }
    return OrderInputs(**{name: _table(rows[name], kind, backwards) for name, kind in SCHEMAS.items()})
