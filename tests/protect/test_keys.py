"""The contract's keys follow from its master key, for ever the same way."""

from __future__ import annotations

import pytest

from todoke.errors import KeyMissing
from todoke.store.keys import KeyRing

_MASTER = bytes(range(32))


def test_keys_derive_as_they_did_when_the_first_files_were_sealed() -> None:
    """These values may never change: data sealed under them would be lost."""
    ring = KeyRing.derive(_MASTER)
    assert ring.id_key.hex() == "6c1fcb6a045cc5d731ec20bcf1b067a47fa587abd09b0cc2f257998919f80c5f"
    assert ring.number_key.hex() == "5950ed37af713875c36471b6eb22ceea627ed5c35638f6b9118f0cfca3bade3b"
    assert ring.file_key.hex() == "437014a18f94787e122726d9915634d22f64d432344a55a11539527c3b8ae6b4"
    assert ring.table_key.hex() == "b6a6d67cd7e474d19e2dd72b64a0febea3e6797af48f4833685eb0128441aaa7"


def test_another_master_key_gives_wholly_other_keys() -> None:
    ours, theirs = KeyRing.derive(_MASTER), KeyRing.derive(bytes(32))
    names = ("id_key", "number_key", "file_key", "table_key")
    assert len({getattr(ring, name) for ring in (ours, theirs) for name in names}) == 8


@pytest.mark.parametrize("given", [None, "", "12", "g" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n"])
def test_a_missing_or_malformed_key_is_refused_without_being_shown(
    given: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TODOKE_GIFT_KEY", raising=False)
    if given is not None:
        monkeypatch.setenv("TODOKE_GIFT_KEY", given)
    with pytest.raises(KeyMissing) as caught:
        KeyRing.of("gift")
    assert caught.value.where == "TODOKE_GIFT_KEY"
    assert not given or given not in str(caught.value)


def test_the_key_is_read_in_either_case_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TODOKE_GIFT_KEY", _MASTER.hex().upper())
    ring = KeyRing.of("gift")
    assert ring == KeyRing.derive(_MASTER)
    assert repr(ring) == "KeyRing()"
