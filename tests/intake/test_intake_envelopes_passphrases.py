"""After a change of passphrase, what was sent under the one before opens still."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from envelope_makers import PASSPHRASE, openpgp, self_decrypting, seven_zipped, zip_crypto, zipped

from todoke.errors import FileRefused
from todoke.intake.envelopes import Keys, opened_payload

CSV = b"no,name\r\n" + b"1,abcdefgh\r\n" * 60
ONE = [("a.csv", CSV)]
ALL = ("openpgp", "pgp_sda", "zip", "zip_crypto", "7z", "plain")
UNDER: dict[str, Callable[[bytes, str], bytes]] = {
    "openpgp": openpgp,
    "zip": lambda plain, passphrase: zipped([("a.csv", plain)], passphrase),
    "zip_crypto": lambda plain, passphrase: zip_crypto("a.csv", plain, passphrase),
    "7z": lambda plain, passphrase: seven_zipped([("a.csv", plain)], passphrase),
    "7z, header": lambda plain, passphrase: seven_zipped([("a.csv", plain)], passphrase, header=True),
    "sda": lambda plain, passphrase: self_decrypting([("a.csv", plain)], passphrase),
}


def outcome(raw: bytes, folder: Path, keys: Keys) -> str:
    path, into = folder / "a.bin", folder / "opened"
    into.mkdir(exist_ok=True, mode=0o700)
    path.write_bytes(raw)
    try:
        with opened_payload(path, keys=keys, allowed=ALL, into=into) as payload:
            assert payload.read_bytes() == CSV
            reason = "opened"
    except FileRefused as error:
        reason = error.reason
    assert list(into.iterdir()) == [], "plaintext is left"
    return reason


@pytest.mark.parametrize("form", UNDER)
def test_a_file_under_an_earlier_passphrase_opens_and_under_none_of_them_does_not(form: str, tmp_path: Path):
    raw = UNDER[form](CSV, PASSPHRASE)
    assert outcome(raw, tmp_path, Keys("new", earlier=("newer", PASSPHRASE))) == "opened"
    assert outcome(raw, tmp_path, Keys(None, earlier=(PASSPHRASE,))) == "opened"
    assert outcome(raw, tmp_path, Keys(PASSPHRASE, earlier=("old",))) == "opened"
    assert outcome(raw, tmp_path, Keys("new", earlier=("old", "older"))) == "wrong_passphrase"
    assert outcome(raw, tmp_path, Keys(None)) == "no_passphrase"


def test_envelopes_in_one_another_may_be_under_different_ones(tmp_path: Path):
    inner = zipped(ONE, "old")
    assert outcome(openpgp(inner, "new"), tmp_path, Keys("new", earlier=("old",))) == "opened"
    assert outcome(zipped([("a.pgp", openpgp(CSV, "new"))], "old"), tmp_path, Keys("new", earlier=("old",))) == "opened"


def test_a_file_that_is_broken_is_told_so_under_the_passphrase_that_fits(tmp_path: Path):
    raw = bytearray(zipped([("a.csv", CSV * 50)], PASSPHRASE))
    raw[120] ^= 1
    assert outcome(bytes(raw), tmp_path, Keys("new", earlier=(PASSPHRASE,))) in ("damaged", "tampered")


@pytest.mark.parametrize(
    ("text", "passphrases"),
    [
        ("", ("now",)),
        ("old", ("now", "old")),
        ("old\nolder \r\n\n", ("now", "old", "older ")),
        ('["old", "a\\nb", ""]', ("now", "old", "a\nb")),
        ("[old", ("now", "[old")),
        ("12345678", ("now", "12345678")),
        ("now\nold", ("now", "old")),
    ],
)
def test_earlier_passphrases_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, text: str, passphrases):
    monkeypatch.setenv("TODOKE_GIFT_LGWAN_PASSPHRASE", "now")
    monkeypatch.setenv("TODOKE_GIFT_LGWAN_PASSPHRASE_OLD", text)
    keys = Keys.of("gift")
    assert keys.passphrases == passphrases
    assert "old" not in repr(keys) and "now" not in repr(keys)
