"""Throws mutated OpenPGP messages to a public key at the opener for some minutes, as `fuzz_envelopes` does.

python tests/intake/fuzz_openpgp.py [minutes] [seed]
"""

from __future__ import annotations

import random
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from envelope_makers import PASSPHRASE
from fuzz_envelopes import CSV, LIMITS, fuzzed, mutated
from openpgp_messages import (
    MARKER,
    ONE_PASS,
    Desk,
    Packet,
    compressed,
    corpus,
    desk,
    edited,
    joined,
    literal,
    packets,
)

from todoke.errors import FileRefused
from todoke.intake.envelopes import opened_payload

OTHER = CSV.replace(b"abc", b"xyz")


def mutated_message(files: dict[str, bytes], form: str, chance: random.Random) -> bytes:
    """One of the files with wrong bytes, or with its packets in disorder."""
    raw, other = files[form], files[chance.choice(list(files))]
    if b"BEGIN" in raw or chance.random() < 0.4:
        return mutated(raw, chance, other)
    others = packets(other) if b"BEGIN" not in other else [Packet(MARKER, b"PGP")]
    message = packets(raw)
    for _ in range(chance.choice((1, 1, 2, 4))):
        message = edited(message, chance, others) if message else message
    raw = joined(message)
    return mutated(raw, chance, other) if raw and chance.random() < 0.2 else raw


def mutated_inside(desk: Desk, signed: list[Packet], chance: random.Random) -> bytes:
    """A message whose encryption is right and whose content is not.

    Args:
        signed: the packets of a signed content, as they stand under the encryption.
    """
    forged = [literal(OTHER), literal(CSV, b"../b.csv"), compressed(bytes(literal(OTHER))), compressed(bytes(300_000))]
    inner = list(signed) if chance.random() < 0.7 else [chance.choice(forged)]
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        inner = edited(inner, chance, [*forged, *signed]) if inner else inner
    content = joined(inner)
    if content and chance.random() < 0.3:
        content = mutated(content, chance, joined(forged))
    for _ in range(chance.choice((0, 0, 1, 2, 40))):
        content = bytes(compressed(content))
    return desk.sealed(content, chance.choice(desk.receivers))


def signed_packets(desk: Desk) -> list[Packet]:
    """What the ward signs, as it stands under the encryption: one-pass, content, signature."""
    raw = desk.gpg.sign(
        CSV, keyid=desk.signer, clearsign=False, binary=True, extra_args=["--compress-algo", "none"]
    ).data
    made = packets(raw)
    assert made[0].tag == ONE_PASS
    return made


def tried(raw: bytes, folder: Path, desk: Desk, chance: random.Random, *, forged: bool = False) -> str:
    """The reason of the refusal, or `opened`; with a signer asked for or not, with a passphrase or not.

    Args:
        forged: it was encrypted by anybody: only a signature can tell what was sent.

    Raises:
        AssertionError: something is left in the folder, or what nobody sent was taken.
    """
    signers = (desk.signer,) if chance.random() < 0.5 else ()
    keys = replace(desk.keys, passphrase=chance.choice((PASSPHRASE, None)))
    path = folder.parent / "a.bin"
    path.write_bytes(raw)
    try:
        options = {"keys": keys, "allowed": ("openpgp",), "into": folder, "limits": LIMITS, "signers": signers}
        with opened_payload(path, **options) as payload:
            assert payload.read_bytes() == CSV or (forged and not signers), "what nobody sent was taken"
            reason = "opened"
    except FileRefused as error:
        assert error.next_step
        reason = error.reason
    assert not list(folder.iterdir()), "plaintext is left"
    return reason


def main(minutes: float, seed: int) -> None:
    chance = random.Random(seed)
    with desk() as own, tempfile.TemporaryDirectory() as made:
        folder = Path(made, "opened")
        folder.mkdir(mode=0o700)
        files, signed = corpus(own, CSV), signed_packets(own)
        inside = False

        def make() -> bytes:
            nonlocal inside
            inside = chance.random() < 0.4
            if inside:
                return mutated_inside(own, signed, chance)
            return mutated_message(files, chance.choice(list(files)), chance)

        fuzzed(make, lambda raw: tried(raw, folder, own, chance, forged=inside), minutes, seed)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
