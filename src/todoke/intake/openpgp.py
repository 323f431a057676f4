"""Decrypts an OpenPGP file with gpg; every way it can fail is told apart (G02, P05)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from todoke.errors import KeyMissing
from todoke.intake.envelope_faults import fault
from todoke.intake.forms import to_message
from todoke.intake.private_folder import private_folder

#: gpg's children see nothing of ours: a passphrase in the environment can be read in /proc. English, to be parsed.
_ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
#: gpg's agent would ask for a passphrase that we do not have, and wait, wherever there is a terminal.
_NOBODY_IS_ASKED = ["--pinentry-mode", "error"]
#: Of libgpg-error, behind the number of the source.
_BAD_PASSPHRASE = 11
_ENCRYPTED_DATA = (9, 18, 20)
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
        FileRefused: `no_passphrase`, `no_key`, `wrong_passphrase`, `tampered`, `no_integrity`, `truncated`, `damaged`,
            `more_behind`, `bomb`, `empty`, `bad_signature`; with signers `no_signer_key`, `unknown_signer`,
            `signature_expired`.
        KeyMissing: gpg is not installed, or a key cannot be read.
    """
    if not passphrase and not secret_key:
        raise fault("no_passphrase", where)
    if signers and not signer_key:
        raise fault("no_signer_key", where)
    unproven = payload.with_name(payload.name + ".unproven")
    try:
        with _key_ring() as home:
            if secret_key and _imported(home, secret_key, secret=True) == 0:
                raise KeyMissing("秘密鍵を読めません", next_step="登録した秘密鍵を確かめてください")
            if signers and _imported(home, signer_key or "") == 0:
                raise KeyMissing("署名を確かめる公開鍵を読めません", next_step="登録した公開鍵を確かめてください")
            options = ["--trust-model", "always", "--max-output", str(room), "--output", str(unproven)]
            asked = ["--pinentry-mode", "loopback", "--passphrase-fd", "0"] if passphrase else _NOBODY_IS_ASKED
            message = _message(path, home, where)
            returncode, lines, said = _gpg(home, [*asked, *options, "--decrypt", str(message)], f"{passphrase or ''}\n")
        if not _is_whole(lines, returncode) or not unproven.is_file():
            raise fault(_reason(lines, said, bool(passphrase)), where)
        proven = _is_signed(lines, signers, where)
        if unproven.stat().st_size == 0:
            raise fault("empty", where)
        unproven.chmod(0o600)
        unproven.rename(payload)
        return proven
    finally:
        unproven.unlink(missing_ok=True)


def _message(path: Path, home: Path, where: str) -> Path:
    """The file, or a copy of it without what stands before a message in letters: gpg stumbles over a BOM.

    Raises:
        FileRefused: `more_behind`.
    """
    with path.open("rb") as stream:
        start = to_message(stream)
        if _goes_on(stream):
            raise fault("more_behind", where)
        stream.seek(start)
        if not start or stream.read(1) != b"-":
            return path
        stream.seek(start)
        with (home / "message").open("wb") as message:
            shutil.copyfileobj(stream, message)
    return home / "message"


def _goes_on(stream: BinaryIO) -> bool:
    """Whether anything follows the encrypted data of a message in bytes (RFC 9580, 4.2).

    gpg says of some such files that they have been manipulated.
    """
    while (head := stream.read(1)) and head[0] & 0x80:
        new = bool(head[0] & 0x40)
        tag = head[0] & 0x3F if new else head[0] >> 2 & 0x0F
        size, more = _size(stream, 0 if new else 1 << (head[0] & 3))
        while size is not None:
            stream.seek(size, os.SEEK_CUR)
            if not more:
                break
            size, more = _size(stream, 0)
        if size is None:
            return False
        if tag in _ENCRYPTED_DATA:
            return bool(stream.read(1))
    return False


def _size(stream: BinaryIO, octets: int) -> tuple[int | None, bool]:
    """The length of a packet or a part of one, None where it cannot be told, and whether another part follows.

    Args:
        octets: that say so in the old form of a packet, 8 for none; 0 in the new form.
    """
    if octets == 8:
        return None, False
    first = stream.read(octets or 1)
    if len(first) < (octets or 1):
        return None, False
    if octets or first[0] < 192:
        return int.from_bytes(first, "big"), False
    if first[0] < 224:
        return (first[0] - 192 << 8) + int.from_bytes(stream.read(1), "big") + 192, False
    if first[0] < 255:
        return 1 << (first[0] & 0x1F), True
    return int.from_bytes(stream.read(4), "big"), False


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
        "more_behind": "GOODMDC" in status and ("NODATA" in status or "multiple plaintexts" in said),
        "tampered": "BADMDC" in status or "manipulated" in said,
        "no_integrity": "not integrity protected" in said,
        "bad_signature": "BADSIG" in status,
        "wrong_passphrase": "BAD_PASSPHRASE" in said
        or "Bad session key" in said
        or "MISSING_PASSPHRASE" in status
        or any(code.isdigit() and int(code) & 0xFFFF == _BAD_PASSPHRASE for code in key_refused),
        "no_passphrase": not has_passphrase and (bool(key_refused) or "NEED_PASSPHRASE_SYM" in status),
        "no_key": "NO_SECKEY" in status,
    }
    # A session key, and nothing that it opens.
    ends_early = "pending bytes" in said or ("NEED_PASSPHRASE_SYM" in status and "BEGIN_DECRYPTION" not in status)
    return next((reason for reason, seen in signs.items() if seen), "truncated" if ends_early else "damaged")


def _gpg(home: Path, command: list[str], given: str) -> tuple[int, list[list[str]], str]:
    """Runs gpg, given something to read: its exit code, its status word by word, and what else it said.

    The status comes on a channel of its own. gpg's messages repeat bytes of the file as they are: among them whatever
    looks like a status, such as that of a good signature, would be the sender's word for it.
    """
    fixed = ["gpg", "--homedir", str(home), "--batch", "--no-tty", "--status-fd", "1"]
    done = subprocess.run([*fixed, *command], input=given.encode(), capture_output=True, env=_ENVIRONMENT, check=False)
    status = [line.removeprefix("[GNUPG:] ").split(" ") for line in done.stdout.decode("latin-1").split("\n") if line]
    return done.returncode, status, done.stderr.decode("latin-1")


def _imported(home: Path, key: str, *, secret: bool = False) -> int:
    """Puts a key into the ring; how many there were."""
    _, lines, _ = _gpg(home, [*_NOBODY_IS_ASKED, "--import"], key)
    told = [line for line in lines if line[0] == "IMPORT_RES"]
    return int(told[-1][10 if secret else 1]) if told else 0


@contextmanager
def _key_ring() -> Iterator[Path]:
    """An empty key ring of one file alone: an agent's memory of an earlier passphrase must not help."""
    if shutil.which("gpg") is None:
        raise KeyMissing("gpg がありません", next_step="GnuPG 2.2 以上を入れてください")
    with private_folder() as home:  # secret keys are in it, and gpg's sockets need a short path
        try:
            yield home
        finally:
            command = ["gpgconf", "--homedir", str(home), "--kill", "all"]
            subprocess.run(command, check=False, capture_output=True, env=_ENVIRONMENT)
