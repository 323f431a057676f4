"""OpenPGP: who signed, bombs, envelopes inside, and what other processes can see of a secret."""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gnupg
import psutil
import pytest
from envelope_makers import MARKERS, PASSPHRASE, openpgp, self_decrypting, zipped

from todoke.errors import FileRefused
from todoke.intake.envelopes import Keys, Limits, opened_payload, recognise

CSV = "世帯番号,氏名\r\n1,見本\r\n".encode("cp932") * 500
ALL = ("openpgp", "pgp_sda", "zip", "plain")


@dataclass(frozen=True)
class Ward:
    """The ward's gpg, with the keys that it signs with."""

    gpg: gnupg.GPG
    signer: str
    stranger: str
    expired: str

    def sends(self, payload: bytes, signer: str | None = None, **options: object) -> bytes:
        result = self.gpg.encrypt(
            payload, None, symmetric="AES256", passphrase=PASSPHRASE, armor=False, sign=signer, **options
        )
        assert result.ok, result.stderr
        return result.data

    def public(self, fingerprint: str) -> str:
        return self.gpg.export_keys(fingerprint)


@pytest.fixture(scope="module")
def ward() -> Iterator[Ward]:
    home = tempfile.mkdtemp(prefix="ward-", dir="/tmp")
    try:
        gpg = gnupg.GPG(gnupghome=home)
        gpg.encoding = "utf-8"
        made = [
            gpg.gen_key(
                f"%no-protection\nKey-Type: EDDSA\nKey-Curve: ed25519\nKey-Usage: sign\nName-Email: {name}@example.jp\n"
                f"Expire-Date: {until}\n%commit\n"
            ).fingerprint
            for name, until in (("ward", "0"), ("stranger", "0"), ("old", "seconds=2"))
        ]
        yield Ward(gpg, *made)
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    private = tmp_path / "opened"
    private.mkdir(mode=0o700)
    return private


def outcome(raw: bytes, folder: Path, keys: Keys | None = None, **more: object) -> str:
    path = folder.parent / "a.csv.pgp"
    path.write_bytes(raw)
    try:
        with opened_payload(path, keys=keys or Keys(PASSPHRASE), allowed=ALL, into=folder, **more) as payload:
            assert payload.read_bytes() == CSV
            reason = "opened"
    except FileRefused as error:
        assert error.next_step
        reason = error.reason
    assert list(folder.iterdir()) == [], "plaintext is left"
    return reason


def test_a_pinned_signer_is_taken_and_nobody_else(ward: Ward, folder: Path):
    keys, signers = Keys(PASSPHRASE, signer_key=ward.public(ward.signer)), (ward.signer,)
    assert outcome(ward.sends(CSV, ward.signer), folder, keys, signers=signers) == "opened"
    assert outcome(ward.sends(CSV), folder, keys, signers=signers) == "unsigned"
    assert outcome(ward.sends(CSV, ward.stranger), folder, keys, signers=signers) == "unknown_signer"
    both = Keys(PASSPHRASE, signer_key=ward.public(ward.signer) + ward.public(ward.stranger))
    assert outcome(ward.sends(CSV, ward.stranger), folder, both, signers=signers) == "unknown_signer"
    assert outcome(CSV, folder, keys, signers=signers) == "unsigned"
    assert outcome(ward.sends(CSV, ward.signer), folder, signers=signers) == "no_signer_key"


def test_a_signature_by_an_expired_key_is_refused(ward: Ward, folder: Path):
    raw = ward.sends(CSV, ward.expired, extra_args=["--faked-system-time", _created(ward)])
    time.sleep(max(0, int(_created(ward)) + 3 - time.time()))
    keys = Keys(PASSPHRASE, signer_key=ward.public(ward.expired))
    assert outcome(raw, folder, keys, signers=(ward.expired,)) == "signature_expired"
    assert outcome(raw, folder, keys) == "opened"


def _created(ward: Ward) -> str:
    return next(key["date"] for key in ward.gpg.list_keys() if key["fingerprint"] == ward.expired)


def test_a_signature_that_nobody_asked_for_does_not_stop_a_file(ward: Ward, folder: Path):
    assert outcome(ward.sends(CSV, ward.stranger), folder) == "opened"


def test_a_signed_file_cut_or_changed_never_opens(ward: Ward, folder: Path):
    """The key is not known, so gpg complains of every file: a cut must still be seen."""
    raw = ward.sends(CSV, ward.signer)
    for cut in (len(raw) - 1, len(raw) - 30, len(raw) // 2):
        assert outcome(raw[:cut], folder) in ("truncated", "tampered", "damaged")
        changed = raw[:cut] + bytes([raw[cut] ^ 1]) + raw[cut + 1 :]
        assert outcome(changed, folder) in ("tampered", "damaged", "truncated")
    assert outcome(raw + raw, folder) != "opened"


def test_a_protected_secret_key_opens_with_its_passphrase_alone(ward: Ward, folder: Path):
    made = ward.gpg.gen_key_input(key_type="RSA", key_length=2048, name_email="desk@example.jp", passphrase=PASSPHRASE)
    desk = ward.gpg.gen_key(made).fingerprint
    secret = ward.gpg.export_keys(desk, secret=True, passphrase=PASSPHRASE)
    raw = ward.gpg.encrypt(CSV, desk, always_trust=True, armor=True).data
    assert outcome(raw, folder, Keys(PASSPHRASE, secret)) == "opened"
    assert outcome(raw, folder, Keys("other", secret)) == "wrong_passphrase"
    assert outcome(raw, folder, Keys(None, secret)) == "no_passphrase"
    assert outcome(raw, folder) == "no_key"


@pytest.mark.parametrize("marker", MARKERS)
def test_a_message_behind_a_marker_packet_opens(marker: bytes, folder: Path):
    assert outcome(marker + openpgp(CSV), folder) == "opened"
    assert outcome(marker * 2 + openpgp(CSV), folder) == "opened"
    assert outcome(marker + b"x", folder) == "unknown_format"


@pytest.mark.parametrize(
    "before",
    [b"\xef\xbb\xbf", b"\r\n\r\n", "お世話になっております。\r\n世帯データ,送付します\r\n\r\n".encode("cp932")],
    ids=["a BOM", "blank lines", "a mail"],
)
def test_a_message_in_letters_is_found_behind_what_a_mailer_puts_before_it(before: bytes, folder: Path):
    armoured = openpgp(CSV, PASSPHRASE, "--armor")
    assert outcome(before + armoured, folder) == "opened"
    assert outcome(before + armoured.replace(b"\n", b"\r\n"), folder) == "opened"
    assert outcome(before + armoured, folder, Keys("other")) == "wrong_passphrase"


def test_a_line_that_only_speaks_of_a_message_stays_a_line_of_text(folder: Path):
    path = folder.parent / "a.csv"
    path.write_bytes(CSV + b"1,-----BEGIN PGP MESSAGE-----\r\n")
    assert recognise(path) == "plain"


@pytest.mark.parametrize("cipher", ["AES256", "3DES"])
def test_a_message_of_an_older_program_without_proof_of_integrity_has_its_own_way_out(cipher: str, folder: Path):
    raw = openpgp(CSV, PASSPHRASE, "--rfc2440", "--cipher-algo", cipher)
    assert outcome(raw, folder) == "no_integrity"
    assert outcome(raw, folder, Keys("other")) == "wrong_passphrase"
    with pytest.raises(FileRefused, match="AES") as refused:
        opened_payload(folder.parent / "a.csv.pgp", keys=Keys(PASSPHRASE), allowed=ALL, into=folder).__enter__()
    assert "再送では直りません" in refused.value.next_step


@pytest.mark.parametrize("more", [b"\r\n", b"\x1a", bytes(10), None], ids=["CRLF", "Ctrl-Z", "NULs", "a message"])
@pytest.mark.parametrize("times", [0, 1, 60], ids=["small", "in one piece", "in several"])
def test_what_hangs_on_a_good_message_is_told_from_one_that_was_changed(more: bytes | None, times: int, folder: Path):
    content = random.Random(3).randbytes(3000 * times).hex().encode() or CSV[:100]
    for options in ((), ("--compress-algo", "none"), ("--set-filename", "a.csv")):
        raw = openpgp(content, PASSPHRASE, *options)
        assert outcome(raw + (raw if more is None else more), folder) == "more_behind"
        assert outcome(raw[:-1], folder) in ("truncated", "tampered", "damaged")


@pytest.mark.parametrize("name", ["世帯表.csv".encode("cp932"), "世帯表.csv".encode(), bytes(range(0x80, 0x100))])
def test_a_name_inside_may_be_in_any_codec(name: bytes, ward: Ward, folder: Path):
    assert outcome(named(name), folder) == "opened"


def named(name: bytes) -> bytes:
    """A message whose content has this name."""
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        command = ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", PASSPHRASE]
        command += ["--s2k-count", "65536", "--output", "-", "--set-filename", name, "--symmetric"]
        return subprocess.run(command, input=CSV, capture_output=True, check=True).stdout


def test_a_bomb_is_stopped_while_it_is_being_written(ward: Ward, folder: Path):
    raw = ward.sends(bytes(3_000_000))
    assert outcome(raw, folder, limits=Limits(small=100_000, ratio=50)) == "bomb"


def test_an_empty_content_is_named(ward: Ward, folder: Path):
    assert outcome(ward.sends(b""), folder) == "empty"
    assert outcome(ward.sends(b"\r\n\x1a"), folder) == "empty"


def test_other_envelopes_may_stand_inside_once(ward: Ward, folder: Path):
    for inner in (zipped([("a.csv", CSV)]), self_decrypting([("a.csv", CSV)]), ward.sends(CSV)):
        assert outcome(ward.sends(inner), folder) == "opened"
    assert outcome(zipped([("a.pgp", ward.sends(CSV))]), folder) == "opened"
    assert outcome(ward.sends(ward.sends(ward.sends(CSV))), folder) == "too_deep"
    keys = Keys(PASSPHRASE, signer_key=ward.public(ward.signer))
    signed = zipped([("a.pgp", ward.sends(CSV, ward.signer))])
    assert outcome(signed, folder, keys, signers=(ward.signer,)) == "opened"


def test_no_other_process_shows_a_secret(ward: Ward, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TODOKE_GIFT_LGWAN_PASSPHRASE", PASSPHRASE)
    raw = ward.sends(CSV)
    seen: list[str] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            for process in psutil.process_iter():
                try:
                    if process.name().startswith("gpg") and "ward-" not in " ".join(process.cmdline()):
                        seen.append(f"{process.cmdline()} {process.environ()}")
                except (psutil.Error, OSError):
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _ in range(3):
            assert outcome(raw, folder) == "opened"
            assert outcome(raw, folder, Keys("new one", earlier=("older one", PASSPHRASE))) == "opened"
    finally:
        stop.set()
        watcher.join()
    ours = [line for line in seen if "todoke-opened-" in line]
    assert ours, "gpg was never seen at work"
    assert not [line for line in ours if "ひらけごま" in line or "sesame" in line or "one" in line.split()]
