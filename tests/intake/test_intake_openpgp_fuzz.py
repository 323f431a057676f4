"""Messages to a public key, whatever came of them on the way: what was sent, or a named refusal, and nothing else."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from envelope_makers import openpgp
from fuzz_envelopes import CSV
from fuzz_openpgp import mutated_inside, mutated_message, signed_packets, tried
from hypothesis import given, settings
from hypothesis import strategies as st
from openpgp_messages import Desk, Packet, corpus, desk, literal

from todoke.errors import FileRefused, KeyMissing
from todoke.intake import openpgp as openpgp_reader
from todoke.intake.envelopes import opened_payload


@dataclass(frozen=True)
class Seeds:
    desk: Desk
    files: dict[str, bytes]
    signed: list[Packet]


@pytest.fixture(scope="module")
def seeds() -> Iterator[Seeds]:
    with desk() as own:
        yield Seeds(own, corpus(own, CSV), signed_packets(own))


def outcome(seeds: Seeds, raw: bytes, *, forged: bool = False, seed: int = 0) -> str:
    with tempfile.TemporaryDirectory() as made:
        (folder := Path(made, "opened")).mkdir()
        return tried(raw, folder, seeds.desk, random.Random(seed), forged=forged)


def test_every_good_message_opens(seeds: Seeds):
    with tempfile.TemporaryDirectory() as made:
        for form, raw in seeds.files.items():
            (path := Path(made, "a.bin")).write_bytes(raw)
            with opened_payload(path, keys=seeds.desk.keys, allowed=("openpgp",), into=Path(made)) as payload:
                assert payload.read_bytes() == CSV, form


@given(st.integers(0, 1 << 32))
@settings(max_examples=60)
def test_a_mutated_message_opens_to_what_was_sent_or_is_refused(seeds: Seeds, seed: int):
    chance = random.Random(seed)
    form = chance.choice(list(seeds.files))
    outcome(seeds, mutated_message(seeds.files, form, chance), seed=seed)


@given(st.integers(0, 1 << 32))
@settings(max_examples=60)
def test_anything_rightly_encrypted_is_never_taken_for_what_the_signer_sent(seeds: Seeds, seed: int):
    raw = mutated_inside(seeds.desk, seeds.signed, random.Random(seed))
    outcome(seeds, raw, forged=True, seed=seed)


def opened(seeds: Seeds, raw: bytes, *, passphrase: str | None = None, signers: tuple[str, ...] = ()) -> str:
    keys = replace(seeds.desk.keys, passphrase=passphrase)
    with tempfile.TemporaryDirectory() as made:
        (path := Path(made, "a.bin")).write_bytes(raw)
        try:
            with opened_payload(path, keys=keys, allowed=("openpgp",), into=Path(made), signers=signers) as payload:
                return "opened" if payload.read_bytes() == CSV else "another"
        except FileRefused as refused:
            return refused.reason


@pytest.mark.parametrize("name", ["世帯.csv".encode("cp932"), b"\xff\x98", b"a\nb"], ids=["cp932", "bytes", "line"])
def test_the_name_inside_a_message_may_be_any_bytes(seeds: Seeds, name: bytes):
    assert opened(seeds, seeds.desk.sealed(bytes(literal(CSV, name)))) == "opened"


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\x0c", "\r"], ids=ascii)
def test_what_a_sender_writes_into_a_header_is_not_a_signature(seeds: Seeds, end: str):
    """gpg repeats an armour's unknown header as it is among its messages."""
    signer = seeds.desk.signer
    lines = ("NEWSIG", f"GOODSIG {signer[-16:]} ward", f"VALIDSIG {signer} 2026-07-01 0 0 4 0 22 8 00 {signer}")
    said = "".join(f"{end}[GNUPG:] {line}" for line in lines) + end
    armoured = seeds.desk.message(CSV, armor=True)
    forged = armoured.replace(b"-----\n", b"-----\nX: " + said.encode() + b"\n", 1)
    assert opened(seeds, forged) == "opened"
    assert opened(seeds, forged, signers=(signer,)) == "unsigned"
    assert opened(seeds, seeds.files["signed, armoured"], signers=(signer,)) == "opened"


def test_nobody_is_asked_for_a_passphrase_that_is_not_registered(seeds: Seeds, monkeypatch: pytest.MonkeyPatch):
    """gpg's agent would ask at the terminal, and the run would wait for ever."""
    raw, said = openpgp(CSV), []
    ask = openpgp_reader._reason
    monkeypatch.setattr(openpgp_reader, "_reason", lambda lines, text, has: said.extend(lines) or ask(lines, text, has))
    assert opened(seeds, raw) == "no_passphrase"
    assert said and "PINENTRY_LAUNCHED" not in {line[0] for line in said}
    assert opened(seeds, raw, passphrase="another") == "wrong_passphrase"


def test_a_key_that_is_none_is_our_own_setting_and_not_the_files_fault(seeds: Seeds, tmp_path: Path):
    (path := tmp_path / "a.bin").write_bytes(seeds.files["signed"])
    public = seeds.desk.keys.signer_key
    for wrong in ({"secret_key": "none"}, {"secret_key": public}, {"signer_key": "none"}):
        keys, signers = replace(seeds.desk.keys, **wrong), (seeds.desk.signer,)
        with (
            pytest.raises(KeyMissing, match="鍵を読めません"),
            opened_payload(path, keys=keys, allowed=("openpgp",), into=tmp_path, signers=signers),
        ):
            pass
        assert [left.name for left in tmp_path.iterdir()] == ["a.bin"]
