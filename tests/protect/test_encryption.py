"""Files and tables at rest open with the contract's key and with nothing else."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.errors import KeyMissing, TodokeError
from todoke.protect.encryption import FileCipher, TableCipher

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


def test_what_is_written_is_sealed_as_it_comes() -> None:
    cipher, sealed = FileCipher(_KEY), io.BytesIO()
    with cipher.sealing(sealed) as plain:
        for _ in range(3):
            plain.write(b"x" * 300_000)
        assert sealed.tell() > 300_000
    assert cipher.open(sealed.getvalue()) == b"x" * 900_000


def test_what_ends_the_sealing_ends_the_writing() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(pyrage.EncryptError, match="full"), FileCipher(_KEY).sealing(Full()) as plain:
        for _ in range(100):
            plain.write(b"x" * 300_000)


def test_an_error_while_writing_is_the_one_that_is_seen() -> None:
    with pytest.raises(KeyboardInterrupt), FileCipher(_KEY).sealing(io.BytesIO()) as plain:
        plain.write(b"half")
        raise KeyboardInterrupt
