"""The contract's master key and what derives from it.

The key comes from `TODOKE_<CONTRACT>_KEY` (64 hexadecimal digits) and lies outside `TODOKE_HOME` and outside backups:
destroying it destroys person data, vault and outbox (P02).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from todoke.errors import KeyMissing


@dataclass(frozen=True)
class KeyRing:
    """Keys of one contract, 32 bytes each; never shown."""

    id_key: bytes = field(repr=False)
    number_key: bytes = field(repr=False)
    file_key: bytes = field(repr=False)
    table_key: bytes = field(repr=False)

    @classmethod
    def derive(cls, master: bytes) -> KeyRing:
        """The keys that follow from a master key of 32 bytes (HKDF-SHA256, RFC 5869)."""

        def key(purpose: str) -> bytes:
            return HKDF(SHA256(), 32, salt=b"todoke", info=purpose.encode()).derive(master)

        return cls(key("id"), key("application number"), key("file"), key("table"))

    @classmethod
    def of(cls, contract: str) -> KeyRing:
        """The keys of `contract` from the environment.

        Raises:
            KeyMissing: the variable is missing or is not 64 hexadecimal digits.
        """
        name = f"TODOKE_{contract.upper()}_KEY"
        text = os.environ.get(name, "")
        if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
            raise KeyMissing(
                "契約の鍵がないか、形式が違います",
                where=name,
                next_step="16進64桁の鍵を環境変数に設定してください（todoke key で新しい鍵を作れます）",
            )
        return cls.derive(bytes.fromhex(text))
