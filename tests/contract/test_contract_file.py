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
        ({"client": {"name": "x", "mail": ["a@example.jp"]}}, "client.inspectors"),
        ({"client": {"name": "x", "mail": ["a@example.jp"], "inspectors": {"検査一郎": "係長"}}}, "client.inspectors"),
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


def test_labels_that_a_later_change_makes_unprintable_are_refused_today(written):
    change = {"valid_from": date(2027, 1, 4), "set": {"labels": {"forms": {"toilet": {"columns": 5}}}}}
    written(changes=[change])
    for day in (None, date(2026, 7, 1)):
        with pytest.raises(ContractError, match=r"changes\(2027-01-04\)\.labels\.forms\.toilet: width_mm"):
            loader.load("gift", day)


def test_no_number_of_a_contract_is_infinite_or_undefined(written):
    for key in ("x", "y"):
        for value in (float("inf"), float("nan")):
            labels = yaml.safe_load(GIFT.read_text("utf-8"))["labels"]
            written(labels=labels | {"forms": {"toilet": {"offset_mm": {key: value}}}})
            with pytest.raises(ContractError, match=rf"labels\.forms\.toilet\.offset_mm\.{key}: 有限の数"):
                loader.load("gift")


#: What a contract says whose data stays with the client.
CONSENT = {"given_on": date(2026, 6, 20), "given_by": "保育課長", "document": "8目子保第123号", "scope": "counts"}
COUNTS = ["reports", "approval"]


@pytest.mark.parametrize("machine", ["place_of_work", "client"])
def test_a_contract_whose_data_stays_with_the_client_loads_with_the_clients_consent_and_for_counts(written, machine):
    written(machine=machine, consent=CONSENT, processes=COUNTS)
    contract = loader.load("gift")
    assert contract.consent and contract.consent.document == "8目子保第123号"
    assert contract.machine == machine


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"consent": None}, "発注者の同意"),
        ({"consent": {k: v for k, v in CONSENT.items() if k != "document"}}, "consent.document"),
        ({"consent": CONSENT | {"given_by": ""}}, "consent.given_by"),
        ({"consent": CONSENT | {"scope": "persons"}}, "consent.scope"),
        ({"consent": CONSENT | {"scope": "my_number"}}, "consent.scope"),
        ({"consent": CONSENT | {"my_number": True}}, "consent.my_number"),
        ({"consent": CONSENT | {"given_on": date(2027, 4, 1)}}, "consent.given_on"),
        ({"processes": ["intake", *COUNTS]}, "件数だけ.*: intake"),
        ({"processes": ["register", "labels", *COUNTS]}, "件数だけ.*: labels, register"),
        ({"machine": "cloud"}, "machine"),
    ],
)
def test_without_consent_or_beyond_counts_it_does_not_load(written, changed: dict, told: str):
    written(**{"machine": "client", "consent": CONSENT, "processes": COUNTS} | changed)
    with pytest.raises(ContractError, match=told):
        loader.load("gift")


def test_no_contract_leaves_unsaid_whose_machines_may_hold_its_data(written, tmp_path: Path):
    path = tmp_path / "contracts" / "gift" / "contract.yaml"
    path.write_text(path.read_text("utf-8").replace("machine: any\n", ""), "utf-8")
    with pytest.raises(ContractError, match="machine"):
        loader.load("gift")


def test_a_consent_that_is_withdrawn_on_a_day_stops_the_contract_from_then_on(written):
    withdrawn = {"valid_from": date(2026, 12, 1), "set": {"consent": None}}
    written(machine="client", consent=CONSENT, processes=COUNTS, changes=[withdrawn])
    assert loader.load("gift", date(2026, 11, 30)).consent
    with pytest.raises(ContractError, match="発注者の同意"):
        loader.load("gift", date(2026, 12, 1))


@pytest.mark.parametrize("environment", ["simulation", "production"])
@pytest.mark.parametrize("here", ["production", "demo", "test", None])
def test_real_contracts_run_in_production_and_simulated_ones_elsewhere(written, monkeypatch, environment, here):
    written(environment=environment)
    monkeypatch.delenv("TODOKE_ENV", raising=False)
    if here:
        monkeypatch.setenv("TODOKE_ENV", here)
    contract = loader.load("gift")  # it can be read anywhere
    if (environment == "production") == ((here or "production") == "production"):
        loader.keep_apart(contract)
    else:
        with pytest.raises(ContractError, match="TODOKE_ENV"):
            loader.keep_apart(contract)
    assert loader.is_simulation("gift") == (environment == "simulation" and here in ("demo", "test"))


def test_an_environment_that_does_not_exist_is_not_taken_for_a_test(written, monkeypatch):
    monkeypatch.setenv("TODOKE_ENV", "staging")
    with pytest.raises(ContractError, match="production、demo、test"):
        loader.is_simulation("gift")


@pytest.mark.parametrize("reminder", [None, {"day": date(2026, 11, 2)}, {"day": date(2027, 1, 15)}])
def test_a_reminder_is_on_a_day_between_hand_over_and_deadline(written, reminder):
    written(reminder=reminder)
    with pytest.raises(ContractError, match="reminder"):
        loader.load("gift")
