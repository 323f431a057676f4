"""A made-up ward's orders at full size, drawn with numpy from a seed: what `reconcile` takes on a late day.

Nobody in it exists: names are drawn from syllables, numbers are permuted counters.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from todoke.orders.reconcile import OrderInputs, OrderRules
from todoke.store import schema

AS_OF, DEADLINE = date(2027, 1, 18), date(2027, 1, 15)
RULES = OrderRules(
    as_of=AS_OF,
    deadline=DEADLINE,
    points_per_member=3000,
    threshold=0.80,
    postmark=False,
    amend_until_handover=False,
)
FIRST_DAY = np.datetime64("2026-11-10T00:00:00", "us")
DAYS = 69
SYLLABLES = np.array(list("アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワ"))
_DAY = np.timedelta64(86_400_000_000, "us")

Column = np.ndarray[Any, Any]


def numbers(bodies: Column) -> Column:
    """ISO 7064 MOD 97-10 numbers of 8-digit bodies."""
    check = (1 - bodies * 100) % 97
    return np.char.zfill((bodies * 100 + check).astype(str), 10)


def _names(draw: np.random.Generator, count: int) -> Column:
    """Folded names: one of 3,000 surnames and 2,000 given names, the frequent ones frequent."""

    def parts(kinds: int, chosen: Column) -> Column:
        pool = ["".join(row) for row in SYLLABLES[draw.integers(0, len(SYLLABLES), (kinds, 3))]]
        return np.array(pool)[chosen]

    surnames = parts(3000, (3000 * draw.random(count) ** 3).astype(int))
    return np.char.add(surnames, parts(2000, (2000 * draw.random(count) ** 2).astype(int)))


def _pick(draw: np.random.Generator, count: int, share: float) -> Column:
    return draw.random(count) < share


def _or_null(values: Column, null: Column, kind: pa.DataType | None = None) -> pa.Array:
    return pa.array(values, mask=null, type=kind)


def _table(kind: pa.Schema, columns: dict[str, Any]) -> pa.Table:
    """Columns not given are NULL."""
    rows = len(next(iter(columns.values())))
    filled = []
    for field in kind:
        values = columns.get(field.name)
        filled.append(pa.nulls(rows, field.type) if values is None else pa.array(values).cast(field.type))
    return pa.table(filled, schema=kind)


def _texts(*names: str) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])


class Ward:
    """Households, what they order by web, card and telephone, and what has left already."""

    def __init__(self, households: int = 163_000, applications: int = 120_000, seed: int = 1) -> None:
        self.draw = np.random.default_rng(seed)
        self.count = households
        self.household_no = np.char.zfill(np.arange(1, households + 1).astype(str), 10)
        self.members = self.draw.choice([1, 2, 3, 4, 5], households, p=[0.54, 0.25, 0.14, 0.06, 0.01])
        self.postal = np.char.add("153", np.char.zfill(self.draw.integers(1, 70, households).astype(str), 4))
        self.number = numbers((np.arange(households) * 61_234_567 + 12_345) % 100_000_000)
        self.owner = np.repeat(np.arange(households), self.members)
        self.names = _names(self.draw, len(self.owner))
        self.head_at = np.concatenate([[0], np.cumsum(self.members)[:-1]])
        self.web_count = applications * 3 // 4
        self.card_count = applications - self.web_count
        own = self.draw.permutation(households)[:applications]
        twice = _pick(self.draw, applications, 0.03)
        own[twice] = self.draw.permutation(own)[: twice.sum()]
        self.web_owner, self.card_owner = own[: self.web_count], own[self.web_count :]
        self.web_at = self._moments(self.web_count)
        self.card_day = FIRST_DAY + self.draw.integers(0, DAYS, self.card_count) * _DAY

    def _moments(self, count: int) -> Column:
        return FIRST_DAY + self.draw.integers(0, DAYS * 86_400_000_000, count).astype("timedelta64[us]")

    # ------------------------------------------------------------ register

    def register(self) -> dict[str, pa.Table]:
        confidential = _pick(self.draw, self.count, 0.003)
        instructed = confidential & _pick(self.draw, self.count, 0.7)
        state = self.draw.choice(["live", "held", "deleted"], self.count, p=[0.992, 0.005, 0.003])
        pairs = pa.table({"household_no": self.household_no[self.owner], "kana_key": self.names})
        return {
            "household": _table(
                schema.HOUSEHOLD,
                {
                    "household_no": self.household_no,
                    "members": self.members,
                    "postal_code": self.postal,
                    "confidential": confidential,
                    "instructed": instructed,
                    "state": state,
                },
            ),
            "application_number": pa.table({"household_no": self.household_no, "application_no": self.number}),
            "kana_key": pairs.group_by(["household_no", "kana_key"]).aggregate([]),
            "delivery_postal": pa.table(
                {"household_no": self.household_no[instructed], "postal_code": self.postal[::-1][instructed]}
            ),
        }

    def catalogue(self) -> pa.Table:
        """130 items: I000–I079 3,000 points, I080–I109 6,000, I110–I129 9,000; three refused in December."""
        refused = np.zeros(130, bool)
        refused[[7, 85, 120]] = True
        return _table(
            schema.CATALOGUE,
            {
                "item_code": [f"I{i:03d}" for i in range(130)],
                "points": [3000] * 80 + [6000] * 30 + [9000] * 20,
                "refused_from": _or_null(np.full(130, "2026-12-15", "datetime64[D]"), ~refused, pa.date32()),
            },
        )

    # ------------------------------------------------------------ what is ordered

    def _lines(self, key: str, ids: Column, owner: Column) -> dict[str, Column]:
        """One to three lines an order, mostly within the household's points; some with no line at all."""
        members = self.members[owner]
        lines = np.minimum(self.draw.integers(1, 4, len(ids)), members)
        lines[_pick(self.draw, len(ids), 0.002)] = 0
        at = np.repeat(np.arange(len(ids)), lines)
        alone = (lines == 1)[at]
        item = self.draw.integers(0, 80, len(at))
        dear = alone & (members[at] >= 2) & _pick(self.draw, len(at), 0.4)
        item[dear] = self.draw.integers(80, 110, dear.sum())
        codes = np.char.add("I", np.char.zfill(item.astype(str), 3))
        codes[_pick(self.draw, len(at), 0.002)] = "I999"
        quantity = np.where(_pick(self.draw, len(at), 0.01), 4, 1)
        line_no = np.arange(len(at)) - np.concatenate([[0], np.cumsum(lines)[:-1]])[at] + 1
        return {key: ids[at], "line_no": line_no, "item_code": codes, "quantity": quantity}

    def web(self) -> dict[str, pa.Table]:
        ids = np.char.add("w", self.draw.permutation(self.web_count).astype(str))
        self.web_id = ids
        number = self.number[self.web_owner].copy()
        wrong = _pick(self.draw, self.web_count, 0.003)
        number[wrong] = np.char.add("9", number[wrong].astype("U9"))
        cancelled = _pick(self.draw, self.web_count, 0.005)
        application = {
            "application_id": ids,
            "application_no": number,
            "submitted_at": self.web_at,
            "cancelled_at": _or_null(self.web_at + _DAY, ~cancelled),
            "updated_at": self.web_at,
        }
        lines = self._lines("application_id", ids, self.web_owner)
        return {
            "web_application": _table(schema.WEB_APPLICATION, application),
            "web_line": _table(schema.WEB_LINE, lines),
        }

    def _confidence(self, count: int, unsure: float) -> Column:
        return np.where(_pick(self.draw, count, unsure), 0.6, 0.8 + 0.2 * self.draw.random(count))

    def postcards(self) -> dict[str, pa.Table]:
        """One in seven numbers misread in a place, one name in thirty in a syllable."""
        count = self.card_count
        card_no = np.char.zfill(np.arange(1, count + 1).astype(str), 8)
        characters = self.number[self.card_owner].astype("U10").view("U1").reshape(count, 10).copy()
        misread, place = _pick(self.draw, count, 0.15), self.draw.integers(0, 10, count)
        characters[misread, place[misread]] = self.draw.integers(0, 10, misread.sum()).astype(str)
        names = self.names[self.head_at[self.card_owner]].astype("U6")
        other = _pick(self.draw, count, 0.03)
        names[other] = np.char.add(names[other].astype("U5"), "ン")
        postal = np.where(_pick(self.draw, count, 0.02), "1530099", self.postal[self.card_owner])
        declined = _pick(self.draw, count, 0.01)
        columns = {
            "card_no": card_no,
            "received_on": self.card_day.astype("datetime64[D]"),
            "application_no": characters.view("U10").ravel(),
            "application_no_confidence": self._confidence(count, 0.05),
            "name_kana": names,
            "name_kana_confidence": self._confidence(count, 0.05),
            "postal_code": postal,
            "postal_code_confidence": self._confidence(count, 0.02),
            "declined": _or_null(np.where(declined, "1", ""), ~declined),
            "declined_confidence": _or_null(self._confidence(count, 0.1), ~declined),
            "name_key": names,
            "postal_key": postal,
        }
        lines: dict[str, Any] = self._lines("card_no", card_no, self.card_owner)
        unreadable = _pick(self.draw, len(lines["card_no"]), 0.003)
        lines["quantity_text"] = np.where(unreadable, "?", "")
        lines["quantity"] = _or_null(lines["quantity"], unreadable)
        lines["quantity_readable"] = ~unreadable
        lines["item_confidence"] = self._confidence(len(unreadable), 0.01)
        keys = [("name_key", pa.string()), ("postal_key", pa.string())]
        read = [("quantity", pa.int32()), ("quantity_readable", pa.bool_())]
        return {
            "postcard": _table(pa.schema([*schema.POSTCARD, *keys]), columns),
            "postcard_line": _table(pa.schema([*schema.POSTCARD_LINE, *read]), lines),
        }

    # ------------------------------------------------------------ what happens to orders

    def amendments(self, share: float = 0.01) -> dict[str, pa.Table]:
        """On one web order in a hundred or so, every tenth household twice, within two weeks."""
        count = int((self.web_count + self.card_count) * share)
        chosen = self.draw.permutation(self.web_count)[:count]
        chosen[: count // 10] = chosen[count // 10 : count // 10 * 2]
        ids = np.char.add("t", np.arange(count).astype(str))
        owner = self.web_owner[chosen]
        after = (self.draw.random(count) * 14 * 86_400_000_000).astype("timedelta64[us]")
        columns = {
            "amendment_id": ids,
            "application_no": self.number[owner],
            "requested_at": self.web_at[chosen] + after,
            "action": self.draw.choice(["replace", "add", "cancel", "decline"], count, p=[0.6, 0.2, 0.15, 0.05]),
        }
        return {
            "amendment": _table(schema.AMENDMENT, columns),
            "amendment_line": _table(schema.AMENDMENT_LINE, self._lines("amendment_id", ids, owner)),
        }

    def shipments(self) -> pa.Table:
        """The web orders of November and half of December have left, the most of them are with the carrier."""
        left = np.flatnonzero(self.web_at < np.datetime64("2026-12-16"))
        _, firsts = np.unique(self.web_owner[left], return_index=True)
        left = left[firsts]
        released = (self.web_at[left] + 3 * _DAY).astype("datetime64[D]")
        handed_over = _or_null(self.web_at[left] + 5 * _DAY, _pick(self.draw, len(left), 0.05))
        columns = {
            "household_no": self.household_no[self.web_owner[left]],
            "kind": np.full(len(left), "goods"),
            "sequence": np.ones(len(left), int),
            "cause": np.full(len(left), "first"),
            "cause_ref": np.full(len(left), ""),
            "source_ref": np.char.add("W:", self.web_id[left]),
            "released_on": released,
            "handed_over_at": handed_over,
        }
        kinds = [("sequence", pa.int32()), *_texts("cause", "cause_ref", "source_ref")]
        dates = [("released_on", pa.date32()), ("handed_over_at", pa.timestamp("us"))]
        return _table(pa.schema([*_texts("household_no", "kind"), *kinds, *dates]), columns)


def full_size(households: int = 163_000, applications: int = 120_000, seed: int = 1) -> OrderInputs:
    """A ward's inputs of a day after the deadline, with three quarters of the applications from the web."""
    ward = Ward(households, applications, seed)
    tables = ward.register() | ward.web() | ward.postcards() | ward.amendments()
    return OrderInputs(**tables, catalogue=ward.catalogue(), shipment=ward.shipments())
