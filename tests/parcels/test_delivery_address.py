"""A confidential household's parcel goes where the ward has instructed, and nowhere else (G09)."""

from __future__ import annotations

import pyarrow as pa
import pytest

from todoke.intake.character_codes import BLANKS
from todoke.store.engine import Engine
from todoke.store.sqlfiles import load

TEXT = ("method", "postal_code", "address", "building", "recipient_name", "held_at")


@pytest.mark.parametrize(
    ("instruction", "block", "building"),
    [
        (("局留", "150-0002", None, None, "内密　凪", "渋谷郵便局"), "渋谷郵便局留", ""),
        (("局留", "1500002", "\t\u00a0", None, "内密　凪", "渋谷郵便局\u3000"), "渋谷郵便局留", ""),
        (("局留", "1500002", None, None, "内密　凪", "渋谷郵便局留 "), "渋谷郵便局留", ""),
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
    assert found["delivery_method"] == instruction[0]


@pytest.mark.parametrize("method", ["局\u3000留", "局留\t", "局留\u00a0", "\u3000別 住所\r\n"])
def test_a_method_written_with_blanks_is_the_one_that_it_was_judged_as(method: str) -> None:
    """`register/instruction.sql` takes all of them away; what it lets go has a sheet, a mark and a form."""
    plain = "".join(method.split())
    said = (method, "1500002", "渋谷一丁目1番1号", None, "内密　凪", "渋谷郵便局")
    instruction = dict(zip(TEXT, said, strict=True))
    person = dict.fromkeys(("head_name", "postal_code", "town", "block", "building"), "")
    found = delivered(person, instruction, confidential=True)
    assert (found["delivery_method"], found["building"]) == (plain, "" if plain == "別住所" else "渋谷郵便局留")
    parcel = {"shipment_id": "C1", "household_no": "1", "application_no": "123"}
    with Engine() as engine:
        engine.register("parcel", pa.Table.from_pylist([parcel]))
        schema = pa.schema([(name, pa.string()) for name in ("household_no", *TEXT)])
        engine.register("instruction", pa.Table.from_pylist([{"household_no": "1", **instruction}], schema))
        rows = engine.fetch(load("parcels", "delivery_method"), {"blanks": BLANKS}).to_pylist()
    assert [row["delivery_method"] for row in rows] == [plain]


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
        found: list[dict[str, object]] = engine.fetch(
            load("parcels", "delivery_address"), {"blanks": BLANKS}
        ).to_pylist()
    return found[0]
