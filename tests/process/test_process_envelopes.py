"""Whatever envelope a ward's file comes in, the same rows land; what opens it comes from the environment."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest
from programme import Programme, installation, one
from small_ward import HOMES, PASSPHRASE, drop, households, sealed

sys.path.insert(0, str(Path(__file__).parents[1] / "intake"))

from envelope_makers import program, self_decrypting, seven_zipped, zipped

from todoke.errors import FileRefused

FILES = date(2026, 7, 21)
NAME = "households_20260721_01.csv"
ENVELOPES = {
    "OpenPGP": lambda content: sealed(content),
    "PGP self-decrypting": lambda content: self_decrypting([(NAME, content)], PASSPHRASE),
    "ZIP with AES": lambda content: zipped([(NAME, content)], PASSPHRASE),
    "7z": lambda content: seven_zipped([(NAME, content)], PASSPHRASE),
    "self-extracting 7z": lambda content: program() + seven_zipped([(NAME, content)], PASSPHRASE),
    "7z in OpenPGP": lambda content: sealed(seven_zipped([(NAME, content)], PASSPHRASE)),
}


def landed(programme: Programme) -> list[dict[str, object]]:
    """The rows as they lie in the lake, without the receipt that they came with."""
    return [{key: value for key, value in row.items() if key != "receipt_no"} for row in programme.version("ward_row")]


@pytest.fixture
def plain_rows(root: Path, tmp_path: Path) -> list[dict[str, object]]:
    """What the same file becomes without an envelope."""
    with Programme(tmp_path / "plain", root).entered() as programme:
        drop(programme.inbox("lgwan"), NAME, households())
        programme.run("intake", FILES)
        return landed(programme)


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_the_same_rows_land_from_every_envelope(fresh: Programme, plain_rows, envelope):
    sent = drop(fresh.inbox("lgwan"), f"{NAME}.bin", ENVELOPES[envelope](households()))
    assert fresh.run("intake", FILES)["receive"]["accepted_files"] == 1
    assert landed(fresh) == plain_rows
    assert len(plain_rows) == sum(len(home.members) for home in HOMES)
    assert one(fresh.rows("receipt"))["state"] == "accepted"
    assert not sent.exists()


def test_the_same_content_in_another_kind_of_envelope_is_a_repeat(fresh: Programme):
    for seq, envelope in enumerate(ENVELOPES.values(), 1):
        drop(fresh.inbox("lgwan"), f"households_20260721_{seq:02d}.csv.bin", envelope(households()))
    counts = fresh.run("intake", FILES)["receive"]
    assert (counts["accepted_files"], counts["repeats"]) == (1, len(ENVELOPES) - 1)


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_an_envelope_under_another_passphrase_waits_in_the_inbox(fresh: Programme, envelope):
    sent = drop(fresh.inbox("lgwan"), f"{NAME}.bin", ENVELOPES[envelope](households()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TODOKE_GIFT_LGWAN_PASSPHRASE", "another one")
        with pytest.raises(FileRefused) as refused:
            fresh.run("intake", FILES)
        assert refused.value.reason == "wrong_passphrase"
    assert sent.exists()
    assert fresh.run("intake", FILES)["receive"]["accepted_files"] == 1


def test_a_contract_that_pins_a_signer_waits_for_the_key_to_check_it_with(tmp_path: Path):
    root = installation(tmp_path / "root", intake={"signers": ["A" * 40]})
    with Programme(tmp_path / "home", root).entered() as programme:
        sent = programme.ward_sends("households", households(), FILES)
        with pytest.raises(FileRefused) as refused:
            programme.run("intake", FILES)
        assert refused.value.reason == "no_signer_key"
        assert sent.exists()
