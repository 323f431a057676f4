from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import gnupg
import pytest

from todoke.errors import FileRefused
from todoke.intake.envelopes import Keys, open_payload, opened_payload, recognise

PASSPHRASE = "ひらけごま open sesame"
PAYLOAD = "世帯番号,世帯員氏名\r\n".encode("cp932") + random.Random(7).randbytes(40_000).hex().encode()
FAULTS = {"wrong_passphrase", "damaged", "tampered", "truncated", "unknown_format"}
Encrypt = Callable[..., bytes]


@pytest.fixture(scope="module")
def gpg() -> Iterator[gnupg.GPG]:
    home = tempfile.mkdtemp(prefix="ward-")
    try:
        gpg = gnupg.GPG(gnupghome=home)
        gpg.encoding = "utf-8"
        yield gpg
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def encrypted(gpg: gnupg.GPG) -> bytes:
    return encrypt(gpg)


def encrypt(gpg: gnupg.GPG, payload: bytes = PAYLOAD, *, armor: bool = False) -> bytes:
    result = gpg.encrypt(payload, None, symmetric="AES256", passphrase=PASSPHRASE, armor=armor)
    assert result.ok
    return result.data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    private = tmp_path / "opened"
    private.mkdir(mode=0o700)
    return private


def outcome(raw: bytes, folder: Path, passphrase: str | None = PASSPHRASE, **options: object) -> str:
    path = folder.parent / "households_20260721_1.csv.pgp"
    path.write_bytes(raw)
    options.setdefault("allowed", ("openpgp", "plain"))
    keys = Keys(passphrase, options.pop("secret_key", None), options.pop("signer_key", None))
    try:
        with opened_payload(path, keys=keys, into=folder, **options) as payload:
            assert payload.read_bytes() == PAYLOAD
            assert payload == path or payload.stat().st_mode & 0o077 == 0
            reason = "opened"
    except FileRefused as error:
        assert error.next_step
        reason = error.reason
    assert list(folder.iterdir()) == [], "plaintext is left"
    return reason


@pytest.mark.parametrize("armor", [False, True])
def test_a_symmetric_file_opens_whatever_its_name(gpg, folder, armor):
    assert outcome(encrypt(gpg, armor=armor), folder) == "opened"


def test_a_plain_file_is_taken_as_it_is_and_not_removed(folder):
    assert outcome(PAYLOAD, folder) == "opened"
    assert (folder.parent / "households_20260721_1.csv.pgp").is_file()


@pytest.mark.parametrize(
    ("passphrase", "reason"), [("other", "wrong_passphrase"), (None, "no_passphrase"), ("", "no_passphrase")]
)
def test_a_wrong_or_missing_passphrase_is_named(encrypted, folder, passphrase, reason):
    assert outcome(encrypted, folder, passphrase) == reason


def test_a_right_passphrase_before_does_not_help_a_wrong_one(encrypted, folder):
    assert outcome(encrypted, folder) == "opened"
    assert outcome(encrypted, folder, "other") == "wrong_passphrase"


def test_a_changed_file_is_tampered_and_leaves_nothing(encrypted, folder):
    place = len(encrypted) - 3
    raw = encrypted[:place] + bytes([encrypted[place] ^ 1]) + encrypted[place + 1 :]
    assert outcome(raw, folder) == "tampered"


def test_a_file_cut_anywhere_never_opens_and_leaves_nothing(encrypted, folder):
    cuts = [1, 5, 9, 15, 16, 20, 40, 300, 8192, 20_000, len(encrypted) - 20, len(encrypted) - 1]
    found = {cut: outcome(encrypted[:cut], folder) for cut in cuts}
    assert set(found.values()) <= FAULTS
    assert found[len(encrypted) - 1] == found[20_000] == found[300] == "truncated"


def test_a_bit_flipped_anywhere_never_opens_and_leaves_nothing(encrypted, folder):
    places = [*random.Random(3).sample(range(len(encrypted)), 12), 0, 2, 3, 8, 15, 17]
    for place in places:
        raw = encrypted[:place] + bytes([encrypted[place] ^ 0x10]) + encrypted[place + 1 :]
        assert outcome(raw, folder) in FAULTS


def test_a_public_key_file_needs_its_secret_key(gpg, folder):
    key = gpg.gen_key(
        gpg.gen_key_input(key_type="RSA", key_length=2048, name_email="desk@example.jp", no_protection=True)
    )
    raw = gpg.encrypt(PAYLOAD, key.fingerprint, always_trust=True, armor=False).data
    secret = gpg.export_keys(key.fingerprint, secret=True, expect_passphrase=False)
    assert outcome(raw, folder, None, secret_key=secret) == "opened"
    assert outcome(raw, folder) == "no_key"


@pytest.mark.parametrize(
    ("raw", "allowed", "reason"),
    [
        (b"", ("openpgp", "plain"), "empty"),
        (b"\x1a\r\n", ("openpgp", "plain"), "empty"),
        (b"\x00" * 5000, ("openpgp", "plain"), "empty"),
        (b"PK\x03\x04\x14\x00\x01\x00", ("openpgp", "plain"), "forbidden_format"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", ("openpgp", "plain"), "forbidden_format"),
        (b"MZ\x90\x00\x03\x00", ("openpgp", "plain"), "unknown_format"),
        (b"a,b\r\n1,2\r\n", ("openpgp",), "forbidden_format"),
        (b"\x00\x01\x02garbage", ("openpgp", "plain"), "unknown_format"),
    ],
)
def test_other_contents_are_named(folder, raw, allowed, reason):
    assert outcome(raw, folder, allowed=allowed) == reason


@pytest.mark.parametrize("text", ["世帯番号,氏名\r\n1,表\r\n", "鹿児島,1\r\n", "MZ,1\r\n", "PK,1\r\n", "住所,1"])
def test_a_cp932_text_is_not_taken_for_an_encrypted_file(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode("cp932"))
    assert recognise(path) == "plain"


def test_no_secret_is_in_the_error(encrypted, folder, tmp_path):
    path = tmp_path / "a.pgp"
    path.write_bytes(encrypted)
    with pytest.raises(FileRefused) as refused:
        open_payload(path, keys=Keys("so-very-secret"), allowed=("openpgp",), into=folder)
    assert "so-very-secret" not in str(refused.value)
