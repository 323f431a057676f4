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
    found = delivered(person, dict(zip(TEXT, instruction, strict=True)), confidential=True)
    assert (found["postal_code"], found["town"], found["addressee"]) == ("1500002", "", "内密　凪")
    assert (found["block"], found["building"]) == (block, building)


def test_blanks_that_pad_fields_are_on_no_label_and_in_no_file():
    person = {
        "head_name": "実　名　　",
        "postal_code": "1520001",
        "town": "中央町　",
        "block": "1番 ",
        "building": "　",
    }
    found = delivered(person, dict.fromkeys(TEXT), confidential=False)
    assert [found[name] for name in ("addressee", "town", "block", "building")] == ["実　名", "中央町", "1番", ""]


def delivered(person: dict[str, str], instruction: dict[str, str | None], *, confidential: bool) -> dict[str, object]:
    tables = {
        "household": {"ward_no": "1", "confidential": confidential},
        "person": person,
        "instruction": instruction,
    }
    with Engine() as engine:
        for name, row in tables.items():
            fields = [pa.field(key, pa.bool_() if key == "confidential" else pa.string()) for key in row]
            schema = pa.schema([pa.field("household_no", pa.string()), *fields])
            engine.register(name, pa.Table.from_pylist([{"household_no": "1", **row}], schema))
        found: list[dict[str, object]] = engine.fetch(load("parcels", "delivery_address")).to_pylist()
    return found[0]
