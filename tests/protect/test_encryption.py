"""Files and tables at rest open with the contract's key and with nothing else."""

from __future__ import annotations

import gc
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.errors import KeyMissing, TodokeError
from todoke.protect.encryption import FileCipher, SealedFile, TableCipher

_KEY, _OTHER = b"k" * 32, b"o" * 32


@given(st.binary(max_size=200_000))
def test_a_sealed_file_opens_to_what_it_was(content: bytes) -> None:
    cipher = FileCipher(_KEY)
    assert FileCipher(_KEY).open(cipher.seal(content)) == content


def test_a_sealed_file_is_age_and_opens_with_its_tools_alone() -> None:
    cipher = FileCipher(_KEY)
    sealed = cipher.seal(b"content")
    assert sealed.startswith(b"age-encryption.org/v1")
    assert b"content" not in sealed
    assert cipher.seal(b"content") != sealed
    identity = cipher.identity()
    assert identity.startswith("AGE-SECRET-KEY-1")
    assert pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(identity)]) == b"content"


def _damaged() -> list[bytes]:
    sealed = FileCipher(_KEY).seal(b"content")
    return [b"", sealed[:50], sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), FileCipher(_OTHER).seal(b"content")]


@pytest.mark.parametrize("which", range(5), ids=["empty", "header cut", "cut", "changed", "another key"])
def test_a_damaged_file_or_another_key_is_an_error_with_a_next_step(which: int) -> None:
    sealed, cipher = _damaged()[which], FileCipher(_KEY)
    with pytest.raises(TodokeError) as caught:
        cipher.open(sealed)
    assert caught.value.next_step
    with pytest.raises(TodokeError):
        cipher.open_stream(io.BytesIO(sealed), io.BytesIO())


def test_streams_are_sealed_and_opened_as_files_are() -> None:
    cipher = FileCipher(_KEY)
    sealed, plain = io.BytesIO(), io.BytesIO()
    cipher.seal_stream(io.BytesIO(b"x" * 300_000), sealed)
    cipher.open_stream(io.BytesIO(sealed.getvalue()), plain)
    assert plain.getvalue() == cipher.open(sealed.getvalue()) == b"x" * 300_000


def test_tables_open_with_their_key_only(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    table = pa.table({"secret_column": ["secret value"] * 10})
    pq.write_table(table, file, encryption_properties=TableCipher(_KEY).for_writing())
    assert pq.read_table(file, decryption_properties=TableCipher(_KEY).for_reading()) == table
    assert b"secret" not in file.read_bytes()
    with pytest.raises(KeyMissing):
        pq.read_table(file, decryption_properties=TableCipher(_OTHER).for_reading())


def test_a_file_in_work_is_handed_over_once_when_it_is_closed() -> None:
    kept: list[bytes] = []
    with SealedFile(kept.append) as file:
        file.write(b"whole")
        assert kept == []
    file.close()
    assert kept == [b"whole"]


def test_a_file_that_an_error_cut_short_is_forgotten() -> None:
    kept: list[bytes] = []
    with pytest.raises(KeyboardInterrupt), SealedFile(kept.append) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert kept == []


def test_a_file_that_nobody_closed_is_forgotten() -> None:
    kept: list[bytes] = []
    file = SealedFile(kept.append)
    file.write(b"half")
    del file
    gc.collect()
    assert kept == []
