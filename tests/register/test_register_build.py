from __future__ import annotations

import random
from datetime import date

import pyarrow as pa
import pytest
from ward_rows import Row, household, table

from todoke.errors import GateClosed
from todoke.register.build import Readdress, Register, build
from todoke.store.schema import DELIVERY_INSTRUCTION, HOUSEHOLD, PERSON, READDRESS_ROW

REFERENCE = date(2026, 6, 1)
BEFORE, AFTER = "2026-05-20", "令和8年7月1日"


def change(
    no: str, kind: str, reason: str, on: str = AFTER, size: int = 2, receipt: str = "C1", **row: object
) -> list[Row]:
    return household(no, size, receipt_no=receipt, change_kind=kind, change_reason=reason, changed_on=on, **row)


def made(base: pa.Table, *corrections: pa.Table, special: pa.Table | None = None) -> Register:
    return build(base, corrections, special, REFERENCE)


def standing(register: Register, no: str) -> tuple[str, str | None, int]:
    (row,) = [row for row in register.household.to_pylist() if row["household_no"] == no]
    return row["state"], row["state_reason"], row["members"]


def persons(register: Register, no: str) -> list[dict[str, object]]:
    return [row for row in register.person.to_pylist() if row["household_no"] == no]


def instruction(no: str, **fields: str) -> dict[str, str]:
    return {
        "household_no": no,
        "method": "局留",
        "postal_code": "141-0021",
        "address": "",
        "recipient_name": "世帯　一",
        "held_at": "見本局",
    } | fields


def test_rows_become_members_and_households_sorted_and_typed():
    register = made(table(household("2", 1), household("1", 3, birth_date="昭和35年4月1日")))
    assert register.person.schema.equals(PERSON)
    assert register.household.schema.equals(HOUSEHOLD)
    assert [(p["household_no"], p["member_no"], p["is_head"]) for p in register.person.to_pylist()] == [
        ("1", 1, True),
        ("1", 2, False),
        ("1", 3, False),
        ("2", 1, True),
    ]
    assert register.person["birth_date"].to_pylist()[0] == date(1960, 4, 1)
    assert register.household.to_pylist()[0] == {
        "household_no": "1",
        "members": 3,
        "postal_code": "1530063",
        "confidential": False,
        "instructed": False,
        "state": "live",
        "state_reason": None,
        "ward_no": "1",
        "instruction": None,
    }


def test_without_optional_columns_members_are_numbered_by_row_and_the_head_is_found_by_name():
    rows = household("1", 3, member_no=None, birth_date=None, relationship=None, confidential=None, head_name="頭")
    rows[2]["member_name"] = "頭"
    people = persons(made(table(rows)), "1")
    assert [(p["member_no"], p["is_head"], p["birth_date"]) for p in people] == [
        (1, False, None),
        (2, False, None),
        (3, True, None),
    ]


@pytest.mark.parametrize(
    ("kind", "reason", "on", "expected"),
    [
        ("更新", "誤り", AFTER, ("live", None, 3)),
        ("更新", "誤り", "", ("live", None, 3)),
        ("更新", "\u3000誤り ", "", ("live", None, 3)),
        ("更新", "転居", AFTER, ("live", None, 2)),
        ("更新", "死亡", AFTER, ("live", None, 2)),
        ("更新", "分離", BEFORE, ("live", None, 3)),
        ("更新", "その他", "2026-06-01", ("live", None, 3)),
        ("削除", "誤り", AFTER, ("deleted", "error", 2)),
        ("削除", "死亡", AFTER, ("held", "died", 2)),
        ("削除", "転出", BEFORE, ("held", "left", 2)),
        ("削除", "合併", AFTER, ("held", "merged", 2)),
    ],
)
def test_entitlement_follows_the_members_on_the_reference_date(kind, reason, on, expected):
    sent = change("1", kind, reason, on, 2 if kind == "削除" else 3)
    register = made(table(household("1"), household("2")), table(sent))
    assert standing(register, "1") == expected
    assert standing(register, "2") == ("live", None, 2)


def test_an_event_after_the_reference_date_changes_names_and_address_only():
    sent = change(
        "1",
        "更新",
        "転居",
        town="中目黒",
        postal_code="1530061",
        block="9番",
        head_name="改姓　一",
        head_kana="かいせい　いち",
    )
    sent[0] |= {"member_name": "改姓　一", "member_kana": "かいせい　いち"}
    sent[1] |= {"member_name": "他人", "birth_date": "2001-01-01"}
    before = made(table(household("1")))
    after = made(table(household("1")), table(sent))
    first, second = persons(after, "1")
    assert (first["member_name"], first["head_name"], first["town"]) == ("改姓　一", "改姓　一", "中目黒")
    assert second["member_name"] == persons(before, "1")[1]["member_name"]
    assert [p["birth_date"] for p in (first, second)] == [p["birth_date"] for p in persons(before, "1")]
    assert [p["is_head"] for p in (first, second)] == [True, False]
    assert after.household["postal_code"].to_pylist() == ["1530061"]


def test_added_households_are_live_only_if_they_were_there_on_the_reference_date():
    register = made(
        table(household("1")),
        table(change("7", "追加", "誤り"), change("8", "追加", "転居", AFTER), change("9", "更新", "誤り", size=1)),
    )
    assert standing(register, "7") == ("live", None, 2)
    assert standing(register, "8") == ("held", "moved", 2)
    assert standing(register, "9") == ("live", None, 1)


def test_corrections_take_effect_in_order_over_tables_and_receipts():
    deleted = change("1", "削除", "誤り", receipt="C1")
    restored = change("1", "更新", "誤り", size=4, receipt="C2")
    gone = change("1", "削除", "死亡", size=4, receipt="C3")
    base = table(household("1"))
    assert standing(made(base, table(deleted, restored)), "1") == ("live", None, 4)
    assert standing(made(base, table(restored), table(deleted)), "1")[0] == "deleted"
    assert standing(made(base, table(deleted, restored, gone)), "1") == ("held", "died", 4)


def test_a_deletion_of_a_household_that_is_not_there_changes_nothing():
    base = table(household("1"))
    assert made(base, table(change("5", "削除", "死亡"))) == made(base)


def test_confidential_is_marked_or_named_and_instructed_only_with_a_usable_instruction():
    base = table(
        household("1", confidential="1"),
        household("2"),
        household("3", confidential="1"),
        household("4"),
        household("5"),
    )
    special = pa.Table.from_pylist(
        [instruction("1"), instruction("4"), instruction("5", held_at="")], DELIVERY_INSTRUCTION
    )
    rows = made(base, special=special).household.to_pylist()
    assert [(r["confidential"], r["instructed"]) for r in rows] == [
        (True, True),
        (False, False),
        (True, False),
        (True, True),
        (True, False),
    ]


def test_a_correction_that_does_not_say_leaves_a_household_confidential():
    base = table(household("1", confidential="1"))
    silent = made(base, table(change("1", "更新", "転居", confidential=None)))
    assert silent.household["confidential"].to_pylist() == [True]
    lifted = made(base, table(change("1", "更新", "転居", confidential="0")))
    assert lifted.household["confidential"].to_pylist() == [False]


def test_a_household_in_two_files_does_not_get_its_members_twice():
    with pytest.raises(GateClosed, match="1世帯"):
        made(table(household("1"), household("1", receipt_no="R2")))


def test_the_order_of_the_rows_does_not_change_the_version():
    rows = table(*(household(str(n), n % 4 + 1) for n in range(1, 40)), household("50"))
    order = list(range(rows.num_rows))
    random.Random(1).shuffle(order)
    corrections = table(
        change("1", "更新", "誤り", size=3), change("2", "更新", "転居", size=3), change("3", "削除", "転出")
    )
    assert made(rows.take(order), corrections) == made(rows, corrections)


def addresses(*rows: tuple[str, str], receipt: str = "A1") -> Readdress:
    said = [
        {"receipt_no": receipt, "row_no": n, "household_no": no, "postal_code": "153-0064", "town": "下目黒"}
        | {"block": block, "building": None}
        for n, (no, block) in enumerate(rows, 1)
    ]
    return Readdress(pa.Table.from_pylist(said, READDRESS_ROW))


def test_an_address_that_the_ward_has_found_changes_the_address_and_nothing_else():
    rows = table(household("1", building="旧棟"), household("2", confidential="1"), household("3"))
    before = build(rows, [], None, REFERENCE)
    after = build(rows, [addresses(("1", "9番1号"), ("77", "9番"), ("1", "9番2号"), ("2", "9番3号"))], None, REFERENCE)

    def rest(register: Register) -> list[dict]:
        place = ("postal_code", "town", "block", "building")
        both = (*register.person.to_pylist(), *register.household.to_pylist())
        return [{name: value for name, value in row.items() if name not in place} for row in both]

    assert rest(after) == rest(before)
    assert {
        (row["household_no"], row["postal_code"], row["block"], row["building"]) for row in after.person.to_pylist()
    } == {
        ("1", "1530064", "9番2号", None),
        ("2", "1530064", "9番3号", None),
        ("3", "1530063", "1丁目1番1号", ""),
    }


def test_addresses_and_corrections_take_effect_in_the_order_of_the_files():
    rows = table(household("1"))
    moved = table(household("1", receipt_no="C1", block="5番", change_kind="更新", change_reason="誤り"))
    found = addresses(("1", "9番"))

    def block(*files: object) -> set[str]:
        return set(build(rows, files, None, REFERENCE).person["block"].to_pylist())

    assert block(moved, found) == {"9番"}
    assert block(found, moved) == {"5番"}
