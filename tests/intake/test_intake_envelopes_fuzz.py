"""Whatever bytes come: a name for what is wrong with them, no other error, and nothing left behind."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from envelope_makers import PASSPHRASE, program, records, self_decrypting
from fuzz_envelopes import CSV, corpus, mutated, mutated_inside, tried
from hypothesis import given, settings
from hypothesis import strategies as st

from todoke.errors import FileRefused
from todoke.intake.envelopes import recognise
from todoke.intake.self_decrypting import BLOCK, TRAILERS, decrypted_blocks, key_digest
from todoke.intake.unpacking import Limits

MAGICS = st.sampled_from(
    [b"", b"PK\x03\x04", b"PK\x05\x06", b"7z\xbc\xaf\x27\x1c", b"MZ", b"\x8c\x0d\x04\x09", b"\xc3\x0d"]
)
FILES = corpus()


@given(MAGICS, st.binary(max_size=2000))
@settings(max_examples=300)
def test_any_bytes_have_a_form_or_none(magic: bytes, rest: bytes):
    with tempfile.TemporaryDirectory() as made:
        path = Path(made, "a.csv")
        path.write_bytes(magic + rest)
        try:
            assert recognise(path) in {"openpgp", "pgp_sda", "zip", "7z", "plain", "exe", None}
        except FileRefused as refused:
            assert refused.reason == "empty"


@given(MAGICS.filter(lambda magic: magic[:1] not in (b"\x8c", b"\xc3")), st.binary(max_size=2000))
@settings(max_examples=200)
def test_any_bytes_open_or_are_refused(magic: bytes, rest: bytes):
    with tempfile.TemporaryDirectory() as made:
        (folder := Path(made, "opened")).mkdir()
        tried(magic + rest, folder)


@pytest.mark.parametrize("form", FILES)
@given(st.integers(0, 1 << 32), st.sampled_from(sorted(FILES)))
@settings(max_examples=15)
def test_a_mutated_envelope_opens_or_is_refused(form: str, seed: int, other: str):
    with tempfile.TemporaryDirectory() as made:
        (folder := Path(made, "opened")).mkdir()
        tried(mutated(FILES[form], random.Random(seed), FILES[other]), folder)


@given(st.integers(0, 1 << 32))
@settings(max_examples=150)
def test_a_self_decrypting_archive_with_anything_inside_opens_or_is_refused(seed: int):
    with tempfile.TemporaryDirectory() as made:
        (folder := Path(made, "opened")).mkdir()
        tried(mutated_inside(random.Random(seed)), folder)


@given(st.binary(max_size=3000), st.sampled_from(TRAILERS), st.integers(0, (1 << 32) - 1), st.integers(0, 5000))
@settings(max_examples=150)
def test_any_trailer_is_read_or_refused(body: bytes, layout, offset: int, length: int):
    raw = program() + body + layout.pack(b"PGPSDA", offset, length, 1, bytes(8), 1, bytes(8))
    with tempfile.TemporaryDirectory() as made:
        (folder := Path(made, "opened")).mkdir()
        assert tried(raw, folder) != "opened"


@given(st.binary(min_size=1, max_size=4000), st.integers(0, 3))
@settings(max_examples=60)
def test_blocks_decrypt_alike_all_at_once_and_one_by_one(plain: bytes, trailer: int):
    raw = self_decrypting(plain, packed=False, trailer=trailer % len(TRAILERS))
    key = key_digest(PASSPHRASE.encode(), bytes.fromhex("12ad24b8dd12b751"), 300)[:16]
    blocks = raw[1024 : 1024 + -(-len(plain) // BLOCK) * BLOCK]
    salt = bytes.fromhex("12ad24b8dd12b751")
    whole = decrypted_blocks(blocks, 0, salt, key)
    assert whole[: len(plain)] == plain
    single = b"".join(
        decrypted_blocks(blocks[n : n + BLOCK], n // BLOCK, salt, key) for n in range(0, len(blocks), BLOCK)
    )
    assert single == whole


@given(st.integers(1, 40), st.integers(1, 2000))
def test_records_arrive_in_pieces_of_any_size(piece: int, size: int):
    from todoke.intake.self_decrypting import _Records
    from todoke.intake.unpacking import OnePayload, new_payload

    stream = records([("d", -1), ("a.csv", CSV[:size])])
    with tempfile.TemporaryDirectory() as made:
        payload = Path(made, "payload")
        with new_payload(payload, 1 << 20, "a") as output:
            reader = _Records(output, OnePayload("a", 1 << 20, Limits()), 2, "a")
            for start in range(0, len(stream), piece):
                reader.feed(stream[start : start + piece])
            reader.finish()
        assert payload.read_bytes() == CSV[:size]
