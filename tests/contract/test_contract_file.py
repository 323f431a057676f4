"""The contract file: what is wrong in it is named, and dated revisions come into force on their day."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from todoke.contract import loader
from todoke.errors import ContractError

GIFT = loader.contract_folder("gift") / "contract.yaml"


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes the gift contract with some keys changed and reads it."""
    monkeypatch.setenv("TODOKE_ROOT", str(tmp_path))
    folder = tmp_path / "contracts" / "gift"
    folder.mkdir(parents=True)
    shutil.copy(GIFT, folder / "contract.yaml")

    def write(**changed: object) -> None:
        body = yaml.safe_load(GIFT.read_text("utf-8")) | changed
        (folder / "contract.yaml").write_text(yaml.safe_dump(body, allow_unicode=True), "utf-8")

    return write


def test_the_gift_contract_says_what_the_interfaces_promise():
    contract = loader.load("gift")
    assert contract.client.name == "目黒区危機管理部防災課"
    assert contract.reference_date == date(2026, 6, 1)
    assert contract.term.ends_on == date(2027, 3, 31)
    assert contract.entitlement.points_per_member == 3000
    assert contract.applications.deadline == date(2027, 1, 15)
    assert contract.applications.confidence_threshold == 0.80
    assert (contract.toilets.per_member, contract.toilets.grace_days) == (15, 3)
    assert contract.intake.bad_rows_per_mille == 20
    assert contract.register_.drift_gate_percent == 2


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"entitlement": {"points_per_member": 0}}, "entitlement.points_per_member"),
        ({"colour": "red"}, "colour"),
        ({"processes": ["intake", "magic"]}, "processes.1"),
        ({"catalogue": {"file": "c.csv", "handed_over_from": date(2027, 1, 1)}}, "G20"),
        ({"carrier": {"name": "x", "states": {"着": "arrived"}}}, "carrier.states"),
    ],
)
def test_a_wrong_key_is_named_with_what_is_allowed(written, changed: dict, key: str):
    written(**changed)
    with pytest.raises(ContractError, match=key.replace(".", r"\.")):
        loader.load("gift")


def test_an_unknown_contract_is_an_error_that_lists_the_known(written):
    with pytest.raises(ContractError, match="gift"):
        loader.load("nobody")


def test_a_file_that_is_no_yaml_names_the_line_and_shows_nothing_else(written, tmp_path: Path):
    (tmp_path / "contracts" / "gift" / "contract.yaml").write_text("id: gift\nname: [", "utf-8")
    with pytest.raises(ContractError, match="行目"):
        loader.load("gift")


def test_a_dated_change_is_in_force_from_its_day_and_not_before(written):
    change = {"valid_from": date(2026, 12, 1), "set": {"applications": {"confidence_threshold": 0.9}}}
    written(changes=[change])
    assert loader.load("gift", date(2026, 11, 30)).applications.confidence_threshold == 0.80
    assert loader.load("gift", date(2026, 12, 1)).applications.confidence_threshold == 0.90
    assert loader.load("gift", date(2026, 12, 1)).applications.deadline == date(2027, 1, 15)
