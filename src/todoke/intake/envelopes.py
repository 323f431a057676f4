"""Opens the envelopes a ward's files come in, one inside another as well (G02).

A payload exists on disk only as long as `opened_payload` is open, and never after a failure.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from todoke.errors import FileRefused
from todoke.intake import openpgp, self_decrypting, seven_zip, zip_archive
from todoke.intake.envelope_faults import fault, way_out
from todoke.intake.forms import NAMES, foreign, recognise
from todoke.intake.unpacking import Limits

__all__ = ["NAMES", "Keys", "Limits", "open_payload", "opened_payload", "recognise"]
#: Envelopes around a payload.
DEEPEST = 2


@dataclass(frozen=True)
class Keys:
    """What opens a ward's files; none of it is ever printed.

    Attributes:
        passphrase: of the encryption, or of the secret key.
        earlier: passphrases before this one, for files under way at a change and for originals in the vault.
        secret_key: the receiver's ASCII-armoured secret key, for files encrypted to its public key.
        signer_key: the ward's ASCII-armoured public keys.
    """

    passphrase: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    signer_key: str | None = field(default=None, repr=False)
    earlier: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, contract: str) -> Keys:
        """Those of a contract, from `TODOKE_<CONTRACT>_LGWAN_PASSPHRASE`, `_SECRET_KEY`, `_SIGNER_KEY` and
        `_PASSPHRASE_OLD`: one a line, or a JSON list, the newest first.
        """
        name, parts = f"TODOKE_{contract.upper()}_LGWAN", ("PASSPHRASE", "SECRET_KEY", "SIGNER_KEY")
        earlier = _listed(os.environ.get(f"{name}_PASSPHRASE_OLD", ""))
        passphrase, secret_key, signer_key = (os.environ.get(f"{name}_{part}") for part in parts)
        return cls(passphrase, secret_key, signer_key, earlier)

    @property
    def passphrases(self) -> tuple[str | None, ...]:
        """What is tried, one after the other; at least one."""
        return (self.passphrase, *(old for old in self.earlier if old != self.passphrase))


@contextmanager
def opened_payload(
    path: Path,
    *,
    keys: Keys,
    allowed: tuple[str, ...],
    into: Path,
    signers: tuple[str, ...] = (),
    limits: Limits | None = None,
    where: str | None = None,
) -> Iterator[Path]:
    """As `open_payload`; what was decrypted is removed at the end, whatever happens."""
    payload = open_payload(path, keys=keys, allowed=allowed, into=into, signers=signers, limits=limits, where=where)
    try:
        yield payload
    finally:
        if payload != path:
            payload.unlink(missing_ok=True)


def open_payload(
    path: Path,
    *,
    keys: Keys,
    allowed: tuple[str, ...],
    into: Path,
    signers: tuple[str, ...] = (),
    limits: Limits | None = None,
    where: str | None = None,
) -> Path:
    """The file's content, out of at most two envelopes.

    Args:
        path: the file as it came.
        allowed: forms that the contract takes, keys of `NAMES`. Without `plain`, one of the envelopes has to be
            encrypted; ZipCrypto needs `zip_crypto` beside `zip`.
        into: folder for the decrypted payload, of the owner alone (0700).
        signers: fingerprints; when there are any, one of the envelopes has to be OpenPGP signed by one of them.
        where: what the file is called in errors; None: by its name.

    Returns:
        A new file in `into`; for a plain file, `path` itself.

    Raises:
        FileRefused: a reason of `envelope_faults`. Nothing decrypted is left.
        KeyMissing: gpg is not installed, or a key cannot be read.
    """
    limits, where, current = limits or Limits(), where or path.name, path
    room = limits.room(path.stat().st_size)
    protected = proven = False
    try:
        for depth in range(DEEPEST + 1):
            form = _expected(current, allowed, where, depth)
            if form == "plain":
                break
            inner = into / f"payload-{secrets.token_hex(8)}"
            if form == "openpgp":
                proven |= _by_any(keys, partial(_decrypt, keys, current, inner, signers, room, where))
                protected = True
            else:
                protected |= _by_any(keys, partial(_unpack, form, current, inner, allowed, room, limits, where))
            if current != path:
                current.unlink()
            current = inner
        if not protected and "plain" not in allowed:
            raise _forbidden("plain", allowed, where)
        if signers and not proven:
            raise fault("unsigned", where)
    except BaseException:
        if current != path:
            current.unlink(missing_ok=True)
        raise
    return current


def _listed(text: str) -> tuple[str, ...]:
    """A list as JSON, or one thing a line."""
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if isinstance(given, list) and all(isinstance(each, str) for each in given):
        return tuple(filter(None, given))
    return tuple(line for line in text.splitlines() if line)


def _by_any(keys: Keys, opened: Callable[[str | None], bool]) -> bool:
    """What opening says under the first passphrase that is not wrong; what the last one ends in, when all are."""
    *others, last = keys.passphrases
    for passphrase in others:
        try:
            return opened(passphrase)
        except FileRefused as error:
            if error.reason not in ("wrong_passphrase", "no_passphrase"):
                raise
    return opened(last)


def _expected(path: Path, allowed: tuple[str, ...], where: str, depth: int) -> str:
    """The form of a file, if it may stand at this depth."""
    form = recognise(path, where)
    if form is None:
        name = foreign(path)
        if name is None:
            raise fault("unknown_format", where)
        step = "CSV（Shift_JIS）を契約の形式で暗号化したものの再送を依頼してください"
        raise fault("unknown_format", where, f"CSV でも受け取れる暗号化ファイルでもなく、{name}です", step)
    if form == "exe":
        raise way_out(
            "unknown_format",
            where,
            "実行形式のファイルですが、方式が分かりません（途中で切れているか、知らない方式です）",
        )
    if form == "plain":
        return form
    if depth == DEEPEST:
        raise fault("too_deep", where)
    if form not in allowed:
        raise _forbidden(form, allowed, where)
    return form


def _decrypt(
    keys: Keys, path: Path, payload: Path, signers: tuple[str, ...], room: int, where: str, passphrase: str | None
) -> bool:
    """Decrypts an OpenPGP message, and says whether one of the signers has signed it."""
    return openpgp.decrypt(
        path,
        payload,
        passphrase=passphrase,
        secret_key=keys.secret_key,
        signer_key=keys.signer_key,
        signers=signers,
        room=room,
        where=where,
    )


def _unpack(
    form: str,
    path: Path,
    payload: Path,
    allowed: tuple[str, ...],
    room: int,
    limits: Limits,
    where: str,
    passphrase: str | None,
) -> bool:
    """Opens an archive, and says whether it was encrypted."""
    if form == "pgp_sda":
        self_decrypting.decrypt(path, payload, passphrase=passphrase, room=room, limits=limits, where=where)
        return True
    if form == "7z":
        return seven_zip.unpack(path, payload, passphrase=passphrase, room=room, limits=limits, where=where)
    weak = "zip_crypto" in allowed
    return zip_archive.unpack(path, payload, passphrase=passphrase, weak=weak, room=room, limits=limits, where=where)


def _forbidden(form: str, allowed: tuple[str, ...], where: str) -> Exception:
    return fault(
        "forbidden_format",
        where,
        f"この契約では受け取れない形式です（{NAMES[form]}）",
        f"契約の形式（{'、'.join(NAMES[name] for name in allowed)}）での再送を依頼してください",
    )
