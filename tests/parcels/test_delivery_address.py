"""A confidential household's parcel goes where the ward has instructed, and nowhere else (G09)."""

from __future__ import annotations

import pyarrow as pa
import pytest

from todoke.store.engine import Engine
from todoke.store.sqlfiles import load

TEXT = ("method", "postal_code", "address", "building", "recipient_name", "held_at")


@pytest.mark.parametrize(
    ("instruction", "block", "building"),
    [
        (("局留", "150-0002", None, None, "内密　凪", "渋谷郵便局"), "渋谷郵便局留", ""),
        (("営業所留", "1500002", "\u3000 ", "2階", "内密　凪", "渋谷営業所留"), "渋谷営業所留", "2階"),
        (("局留", "1500002", "渋谷一丁目1番1号", None, "内密　凪", "渋谷郵便局"), "渋谷一丁目1番1号", "渋谷郵便局留"),
        (("別住所", "1500002", "渋谷一丁目1番1号", "201", "内密　凪", "渋谷郵便局"), "渋谷一丁目1番1号", "201"),
    ],
)
def test_a_place_that_keeps_the_parcel_is_address_enough(
    instruction: tuple[str | None, ...], block: str, building: str
) -> None:
    person = {"head_name": "実名", "postal_code": "1520001", "town": "中央町", "block": "1番", "building": "101"}
    tables = {
        "household": {"ward_no": "1", "confidential": True},
        "person": person,
        "instruction": dict(zip(TEXT, instruction, strict=True)),
    }
    with Engine() as engine:
        for name, row in tables.items():
            fields = [pa.field(key, pa.bool_() if value is True else pa.string()) for key, value in row.items()]
            schema = pa.schema([pa.field("household_no", pa.string()), *fields])
            engine.register(name, pa.Table.from_pylist([{"household_no": "1", **row}], schema))
        (found,) = engine.fetch(load("parcels", "delivery_address")).to_pylist()
    assert (found["postal_code"], found["town"], found["addressee"]) == ("1500002", "", "内密　凪")
    assert (found["block"], found["building"]) == (block, building)
