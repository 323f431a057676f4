"""Encryption at rest: files as age (age-encryption.org/v1), tables as Parquet modular encryption.

Both are published formats: with the contract's key a file can be opened by the `age` tool and a table by any
Parquet reader that knows the format, without this product.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO

import bech32
import pyarrow.parquet.encryption as pqe
import pyrage
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from todoke.errors import KeyMissing, TodokeError

_NONCE_BYTES = 12
_PIPE_BYTES = 1 << 16


class FileCipher:
    """Seals and opens files with an X25519 age identity that is the contract's file key (32 bytes)."""

    #: Ending of a sealed file.
    ENDING = ".age"

    def __init__(self, key: bytes) -> None:
        words = bech32.convertbits(key, 8, 5)
        self._identity = pyrage.x25519.Identity.from_str(bech32.bech32_encode("age-secret-key-", words).upper())
        self._recipient = self._identity.to_public()

    def identity(self) -> str:
        """The secret as `age -d -i` takes it, for restoring without this product."""
        return str(self._identity)

    def seal(self, plain: bytes) -> bytes:
        """The sealed form of `plain`; another one at every call."""
        sealed: bytes = pyrage.encrypt(plain, [self._recipient])
        return sealed

    def seal_stream(self, plain: BinaryIO, sealed: BinaryIO) -> None:
        """Seals a stream of any size in constant memory."""
        pyrage.encrypt_io(plain, sealed, [self._recipient])

    @contextmanager
    def sealing(self, sealed: BinaryIO) -> Iterator[BinaryIO]:
        """A stream of which everything written is sealed into `sealed` as it comes; what is sealed is whole when the
        block ends well, and to be thrown away when it does not.
        """
        read, write = os.pipe()

        def seal() -> None:
            with os.fdopen(read, "rb") as plain:
                self.seal_stream(plain, sealed)

        # pyrage asks for the content instead of taking it: it waits in a thread of its own at the end of a pipe
        with ThreadPoolExecutor(1) as pool, os.fdopen(write, "wb", buffering=_PIPE_BYTES) as plain:
            done = pool.submit(seal)
            try:
                yield plain
                plain.close()
            except BrokenPipeError:
                done.result()  # what ended the sealing says more than that it has ended
                raise
            done.result()

    def open(self, sealed: bytes) -> bytes:
        """The content of a sealed file.

        Raises:
            TodokeError: it was sealed with another key, or is damaged.
        """
        try:
            plain: bytes = pyrage.decrypt(sealed, [self._identity])
        except pyrage.DecryptError:
            raise _cannot_open() from None
        return plain

    def open_stream(self, sealed: BinaryIO, plain: BinaryIO) -> None:
        """Opens a stream of any size in constant memory; raises as `open` does, then `plain` is to be thrown away."""
        try:
            pyrage.decrypt_io(sealed, plain, [self._identity])
        except pyrage.DecryptError:
            raise _cannot_open() from None
        except OSError as error:
            if error.errno is not None:  # a disk, not the content
                raise
            raise _cannot_open() from None


def _cannot_open() -> TodokeError:
    return TodokeError(
        "暗号化されたファイルを開けません", next_step="契約の鍵と、ファイルが壊れていないかを確かめてください"
    )


class _WrapWithMasterKey(pqe.KmsClient):  # type: ignore[misc]  # pyarrow has no types
    """Wraps the data keys of Parquet files with AES-256-GCM under the contract's table key."""

    def __init__(self, key: bytes) -> None:
        super().__init__()
        self._cipher = AESGCM(key)

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, key_bytes, master_key_identifier.encode()))

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        raw = base64.b64decode(wrapped_key)
        try:
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], master_key_identifier.encode())
        except InvalidTag:
            raise KeyMissing(
                "暗号化されたデータを開けません",
                next_step="環境変数の鍵が、この契約のものかを確かめてください",
            ) from None


class TableCipher:
    """Encryption and decryption properties for pyarrow's Parquet writer and reader (key: 32 bytes)."""

    _MASTER = "contract"

    def __init__(self, key: bytes) -> None:
        self._factory = pqe.CryptoFactory(lambda _config: _WrapWithMasterKey(key))
        self._connection = pqe.KmsConnectionConfig()

    def for_writing(self) -> pqe.FileEncryptionProperties:
        """Every column and the footer are encrypted, so that not even the schema is read without the key."""
        return self._factory.file_encryption_properties(
            self._connection, pqe.EncryptionConfiguration(footer_key=self._MASTER, uniform_encryption=True)
        )

    def for_reading(self) -> pqe.FileDecryptionProperties:
        return self._factory.file_decryption_properties(self._connection, pqe.DecryptionConfiguration())
