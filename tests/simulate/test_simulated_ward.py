"""The simulated ward is deterministic, has a ward's proportions, and nobody lives in it twice."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from todoke.model.codes import Finding
from todoke.simulate.answers import read_answers, write_answers
from todoke.simulate.ward import Ward, make_ward

#: A conflict explains nothing that the others do not; what the ward does not want taken, it says in its answers alone;
#: a file of all households has no changes in it that could be wrong, or be of a household that nobody has brought.
KINDS = set(Finding) - {
    Finding.HOUSEHOLD_CONFLICT,
    Finding.NOT_WANTED,
    Finding.CHANGE_INVALID,
    Finding.UNKNOWN_HOUSEHOLD,
}


@pytest.fixture(scope="module")
def full_ward() -> Ward:
    return make_ward(163_000, seed=1)


def test_the_same_seed_gives_the_same_ward_and_another_seed_another():
    one, same, other = make_ward(500, 3), make_ward(500, 3), make_ward(500, 4)
    for table in ("households", "persons", "mistakes"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(same, table))
    assert not one.persons["member_kana"].equals(other.persons["member_kana"])


def test_a_whole_ward_has_the_residents_of_meguro(full_ward: Ward):
    assert len(full_ward.households) == 163_000
    assert len(full_ward.persons) == pytest.approx(283_000, rel=0.005)
    assert full_ward.households["town"].nunique() == 27


def test_shares_of_confidential_households_gaiji_and_mistakes(full_ward: Ward):
    assert full_ward.households["confidential"].mean() == pytest.approx(0.003, rel=0.15)
    gaiji = full_ward.persons["member_name"].str.contains("[\ue000-\ue757]")
    assert gaiji.mean() == pytest.approx(0.008, rel=0.15)
    assert full_ward.households["building"].str.contains("[\ue000-\ue757]").sum() > 20
    assert len(full_ward.mistakes) == pytest.approx(0.004 * 163_000, rel=0.02)


@pytest.mark.parametrize("households", [2_000, 20_000])
def test_every_kind_of_mistake_is_there_once_a_household_and_below_the_gate(households: int):
    ward = make_ward(households, 2)
    assert set(ward.mistakes["reason"]) == set(map(str, KINDS))
    assert ward.mistakes["household_no"].is_unique
    assert ward.mistakes["rows"].sum() < 0.02 * len(ward.persons)


def test_a_tiny_ward_stays_below_the_gate_too():
    ward = make_ward(300, 2)
    assert 0 < ward.mistakes["rows"].sum() < 0.02 * len(ward.persons)


def test_no_two_people_share_kana_and_birth_date_and_none_is_born_later(full_ward: Ward):
    assert not full_ward.persons.duplicated(["member_kana", "birth_date"]).any()
    assert full_ward.persons["birth_date"].max() <= pd.Timestamp(date(2026, 6, 1))


def test_each_household_has_one_head_who_gives_it_its_name(full_ward: Ward):
    heads = full_ward.persons[full_ward.persons["relationship"] == "世帯主"]
    assert heads["household"].tolist() == list(range(163_000))
    assert heads["member_name"].tolist() == full_ward.households["head_name"].tolist()


def test_answer_sheet_comes_back_as_it_was_written(tmp_path):
    ward = make_ward(2_000, 2)
    found = read_answers(write_answers(ward, tmp_path / "answers"))
    expected = ward.mistakes.drop(columns="household")
    assert found["mistakes"].astype(str).values.tolist() == expected.astype(str).values.tolist()
