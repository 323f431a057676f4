"""Decrypts an OpenPGP file with gpg; every way it can fail is told apart."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gnupg

from todoke.errors import FileRefused, KeyMissing

#: gpg's sockets have to fit into 108 bytes.
_LONGEST_HOME = 80
_ASK_AGAIN = "ファイルの再送を依頼してください"
_FAILURES = {
    "no_key": (
        "このファイルを開ける秘密鍵がありません",
        "どの公開鍵で暗号化したかを区に確かめ、その秘密鍵を登録してください",
    ),
    "wrong_passphrase": ("パスフレーズが違います", "登録したパスフレーズを区に確かめてください"),
    "tampered": ("暗号化の後で内容が変わっています（改ざん検知）", f"転送の経路を確かめ、{_ASK_AGAIN}"),
    "truncated": ("ファイルが途中で切れています", f"転送が終わっているか確かめ、{_ASK_AGAIN}"),
    "damaged": ("ファイルが壊れています", _ASK_AGAIN),
}


def decrypt(path: Path, payload: Path, *, passphrase: str | None, secret_key: str | None = None) -> None:
    """Decrypt `path` to the new file `payload`.

    gpg writes plaintext before it has checked it, so it writes under another name that goes on any failure.

    Raises:
        FileRefused: `no_passphrase`, or a key of `_FAILURES`.
        KeyMissing: gpg is not installed, or the secret key cannot be read.
    """
    if not passphrase and not secret_key:
        raise FileRefused(
            "no_passphrase",
            "パスフレーズが登録されていません",
            where=path.name,
            next_step="Airflow の接続または環境変数にパスフレーズを登録し、もう一度実行してください",
        )
    unproven = payload.with_name(payload.name + ".unproven")
    try:
        with _gpg() as gpg:
            if secret_key and gpg.import_keys(secret_key, passphrase=passphrase).sec_read == 0:
                raise KeyMissing("秘密鍵を読めません", next_step="登録した秘密鍵を確かめてください")
            result = gpg.decrypt_file(str(path), passphrase=passphrase, always_trust=True, output=str(unproven))
        # `ok` alone is not enough: gpg says so for messages it has complained about.
        if not (result.ok and result.returncode == 0 and not result.problems and unproven.is_file()):
            reason = _reason(result.stderr)
            what, next_step = _FAILURES[reason]
            raise FileRefused(reason, what, where=path.name, next_step=next_step)
        unproven.chmod(0o600)
        unproven.rename(payload)
    finally:
        unproven.unlink(missing_ok=True)


def _reason(said: str) -> str:
    """Why gpg failed. Only its status lines tell; "decryption failed" stands for several things."""
    lines = [line.removeprefix("[GNUPG:] ").split() for line in said.splitlines() if line.startswith("[GNUPG:]")]
    status = {line[0] for line in lines if line}
    signs = {
        # A packet that is shorter than it says is called manipulated by gpg as well.
        "truncated": "block_filter" in said and "read error" in said,
        "tampered": "BADMDC" in status or "manipulated" in said,
        "wrong_passphrase": "BAD_PASSPHRASE" in said or "Bad session key" in said or "MISSING_PASSPHRASE" in status,
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
    root = tempfile.gettempdir()
    home = Path(tempfile.mkdtemp(prefix="gpg-", dir=root if len(root) < _LONGEST_HOME else "/tmp"))  # noqa: S108
    try:
        gpg = gnupg.GPG(gnupghome=str(home))
        gpg.encoding = "utf-8"  # latin-1 otherwise, and a passphrase beyond it would be in the exception
        yield gpg
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)
