"""Decrypts an OpenPGP file with gpg; every way it can fail is told apart (G02, P05)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gnupg

from todoke.errors import KeyMissing
from todoke.intake.envelope_faults import fault
from todoke.intake.private_folder import private_folder

#: gpg's children see nothing of ours: a passphrase in the environment can be read in /proc. English, to be parsed.
_ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
#: Of libgpg-error, behind the number of the source.
_BAD_PASSPHRASE = 11
#: What gpg says is read byte for byte, for the name inside a message may be in CP932; what it is given is UTF-8.
_BYTEWISE = "latin-1"
_NO_KEY_TO_CHECK = {"NO_PUBKEY", "ERRSIG"}


def decrypt(
    path: Path,
    payload: Path,
    *,
    passphrase: str | None,
    room: int,
    where: str,
    secret_key: str | None = None,
    signer_key: str | None = None,
    signers: tuple[str, ...] = (),
) -> bool:
    """Decrypt `path` to the new file `payload`.

    gpg writes plaintext before it has checked it, so it writes under another name that goes on any failure.

    Args:
        room: bytes that the payload may have.
        where: name of the file as it came.
        signers: fingerprints (40 hex digits) of which one has to have signed; none: signatures are not asked for.

    Returns:
        Whether it carries a good signature of one of the signers.

    Raises:
        FileRefused: `no_passphrase`, `no_key`, `wrong_passphrase`, `tampered`, `truncated`, `damaged`, `bomb`,
            `empty`, `bad_signature`; with signers `no_signer_key`, `unknown_signer`, `signature_expired`.
        KeyMissing: gpg is not installed, or a key cannot be read.
    """
    if not passphrase and not secret_key:
        raise fault("no_passphrase", where)
    if signers and not signer_key:
        raise fault("no_signer_key", where)
    unproven = payload.with_name(payload.name + ".unproven")
    typed = passphrase and passphrase.encode().decode(_BYTEWISE)
    try:
        with _gpg() as gpg:
            if secret_key and gpg.import_keys(secret_key.encode(), passphrase=typed).sec_read == 0:
                raise KeyMissing("秘密鍵を読めません", next_step="登録した秘密鍵を確かめてください")
            if signers and signer_key and gpg.import_keys(signer_key.encode()).count == 0:
                raise KeyMissing("署名を確かめる公開鍵を読めません", next_step="登録した公開鍵を確かめてください")
            result = gpg.decrypt_file(
                str(path),
                passphrase=typed,
                always_trust=True,
                output=str(unproven),
                extra_args=["--max-output", str(room)],
            )
        lines = _status(result.stderr)
        if not _is_whole(lines, result.returncode) or not unproven.is_file():
            raise fault(_reason(lines, result.stderr, bool(passphrase)), where)
        proven = _is_signed(lines, signers, where)
        if unproven.stat().st_size == 0:
            raise fault("empty", where)
        unproven.chmod(0o600)
        unproven.rename(payload)
        return proven
    finally:
        unproven.unlink(missing_ok=True)


def _status(said: str) -> list[list[str]]:
    """gpg's status lines, word by word. Only they tell; "decryption failed" stands for several things."""
    lines = [line.removeprefix("[GNUPG:] ").split() for line in said.splitlines() if line.startswith("[GNUPG:]")]
    return [line for line in lines if line]


def _is_whole(lines: list[list[str]], returncode: int) -> bool:
    """Whether exactly one message was decrypted and its integrity is proven.

    `ok` alone is not enough: gpg says so for messages it has complained about. The one complaint that counts for
    nothing here is a signature of which the key is not known: `_is_signed` judges that.
    """
    words = [line[0] for line in lines]
    fine = returncode == 0 or bool(_NO_KEY_TO_CHECK & set(words))
    return (
        fine
        and words.count("PLAINTEXT") == 1
        and "DECRYPTION_OKAY" in words
        and not {"BADMDC", "UNEXPECTED", "NODATA", "ERROR", "DECRYPTION_FAILED"} & set(words)
    )


def _is_signed(lines: list[list[str]], signers: tuple[str, ...], where: str) -> bool:
    """Whether one of the signers has signed what was decrypted.

    Raises:
        FileRefused: a signature is wrong, or signers are named and another one or nobody in force has signed.
    """
    words = {line[0] for line in lines}
    if "BADSIG" in words:
        raise fault("bad_signature", where)
    if not signers or not words & {"NEWSIG", "GOODSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "ERRSIG"}:
        return False
    good = False
    for word, *rest in lines:
        if word in ("NEWSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "ERRSIG"):
            good = False
        elif word == "GOODSIG":
            good = True
        elif word == "VALIDSIG" and good and {rest[0], rest[-1]} & set(signers):
            return True
    expired = words & {"EXPSIG", "EXPKEYSIG", "REVKEYSIG"}
    raise fault("signature_expired" if expired else "unknown_signer", where)


def _reason(lines: list[list[str]], said: str, has_passphrase: bool) -> str:
    """Why gpg failed, having been given a passphrase or not."""
    status = {line[0] for line in lines}
    key_refused = [line[2] for line in lines if line[:2] == ["ERROR", "pkdecrypt_failed"] and line[2:]]
    signs = {
        "bomb": "exceeded --max-output limit" in said,
        # A packet that is shorter than it says is called manipulated by gpg as well.
        "truncated": "block_filter" in said and "read error" in said,
        "tampered": "BADMDC" in status or "manipulated" in said or "not integrity protected" in said,
        "bad_signature": "BADSIG" in status,
        "wrong_passphrase": "BAD_PASSPHRASE" in said
        or "Bad session key" in said
        or "MISSING_PASSPHRASE" in status
        or any(code.isdigit() and int(code) & 0xFFFF == _BAD_PASSPHRASE for code in key_refused),
        "no_passphrase": bool(key_refused) and not has_passphrase,
        "no_key": "NO_SECKEY" in status,
    }
    # A session key, and nothing that it opens.
    ends_early = "pending bytes" in said or ("NEED_PASSPHRASE_SYM" in status and "BEGIN_DECRYPTION" not in status)
    return next((reason for reason, seen in signs.items() if seen), "truncated" if ends_early else "damaged")


@contextmanager
def _gpg() -> Iterator[gnupg.GPG]:
    """A gpg of its own with an empty key ring: an agent's memory of an earlier passphrase must not help."""
    if shutil.which("gpg") is None:
        raise KeyMissing("gpg がありません", next_step="GnuPG 2.2 以上を入れてください")
    with private_folder() as home:  # secret keys are in it, and gpg's sockets need a short path
        try:
            gpg = gnupg.GPG(gnupghome=str(home), env=_ENVIRONMENT)
            gpg.encoding = _BYTEWISE
            yield gpg
        finally:
            command = ["gpgconf", "--homedir", str(home), "--kill", "all"]
            subprocess.run(command, check=False, capture_output=True, env=_ENVIRONMENT)
