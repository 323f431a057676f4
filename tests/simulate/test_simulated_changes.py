"""Corrections and special deliveries say what their truth says, about sound households."""

from __future__ import annotations

import csv
from datetime import date

import pytest

from todoke.simulate.answers import read_answers, write_answers
from todoke.simulate.files import write_corrections, write_pull_out, write_readdress, write_special_delivery
from todoke.simulate.ward import Ward, make_ward


@pytest.fixture(scope="module")
def ward() -> Ward:
    return make_ward(20_000, seed=6)


def rows_of(path) -> list[dict[str, str]]:
    with path.open(encoding="cp932", newline="") as file:
        return list(csv.DictReader(file))


def test_corrections_touch_one_in_a_thousand_with_every_kind_and_reason(ward: Ward, tmp_path):
    path, truth = write_corrections(ward, tmp_path, on=date(2026, 8, 20), passphrase=None)
    assert path.name == "corrections_20260820_01.csv"
    assert len(truth) == truth["household_no"].nunique() == 20
    assert set(truth["change_kind"]) == {"更新", "削除", "追加"}
    assert set(truth["change_reason"]) == {"誤り", "転居", "死亡", "転出"}
    assert set(truth["state"]) == {"live", "deleted", "held"}
    rows = rows_of(path)
    assert {row["世帯番号"] for row in rows} == set(truth["household_no"])
    known = ward.households.set_index("household_no")
    for change in truth.itertuples():
        block = [row for row in rows if row["世帯番号"] == change.household_no]
        assert {row["世帯人数"] for row in block} == {str(len(block))}
        assert {(r["異動区分"], r["異動事由"], r["異動日"]) for r in block} == {change[2:5]}
        assert date(2026, 6, 1) < date.fromisoformat(change.changed_on) < date(2026, 8, 20)
        entitled = known["members"].get(change.household_no, len(block))
        assert change.members == (len(block) if change.change_reason == "誤り" else entitled)


def test_corrections_and_late_ones_are_about_other_sound_households(ward: Ward, tmp_path):
    early = write_corrections(ward, tmp_path, on=date(2026, 8, 20), passphrase=None).truth
    late = write_corrections(ward, tmp_path, on=date(2026, 12, 20), passphrase=None, late=True).truth
    assert not set(early["household_no"]) & set(late["household_no"])
    assert set(late["state"]) == {"deleted", "held"}
    touched = {*early["household_no"], *late["household_no"]}
    assert not touched & set(ward.mistakes["household_no"])
    confidential = ward.households.loc[ward.households["confidential"], "household_no"]
    assert not touched & set(confidential)


def test_corrections_are_the_same_again(ward: Ward, tmp_path):
    one = write_corrections(ward, tmp_path / "a", on=date(2026, 8, 20), passphrase=None).path
    two = write_corrections(ward, tmp_path / "b", on=date(2026, 8, 20), passphrase=None).path
    assert one.read_bytes() == two.read_bytes()


def test_special_delivery_names_nine_in_ten_confidential_households_and_a_few_others(ward: Ward, tmp_path):
    path, truth = write_special_delivery(ward, tmp_path, on=date(2026, 8, 20), passphrase=None)
    confidential = set(ward.households.loc[ward.households["confidential"], "household_no"])
    named = set(truth["household_no"])
    assert len(named & confidential) == round(0.9 * len(confidential))
    assert len(named - confidential) == 1
    assert set(truth["method"]) == {"営業所留", "局留", "別住所"}
    for row in rows_of(path):
        assert bool(row["留置先名称"]) == (row["配送方法"] != "別住所")
    answers = read_answers(write_answers(ward, tmp_path / "answers"))
    assert set(answers["special_delivery_20260820_01"]["household_no"]) == named


def test_pull_outs_and_new_addresses_name_who_they_are_told_and_places_of_the_ward(ward: Ward, tmp_path):
    named = ward.households["household_no"].tolist()[:3]
    pulled = rows_of(write_pull_out(named, tmp_path, on=date(2026, 9, 10), passphrase=None))
    assert [row["世帯番号"] for row in pulled] == named and all(row["理由"] for row in pulled)
    found = rows_of(write_readdress(named, tmp_path, on=date(2026, 12, 21), seed=6, passphrase=None))
    assert [row["世帯番号"] for row in found] == named
    known = set(zip(ward.households["postal_code"], ward.households["town"], strict=True))
    assert {(row["郵便番号"], row["町名"]) for row in found} <= known
