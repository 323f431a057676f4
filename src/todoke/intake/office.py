"""Workbooks that people send back, encrypted under a password or not, within limits."""

from __future__ import annotations

import secrets
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msoffcrypto
from msoffcrypto.exceptions import InvalidKeyError

from todoke.errors import FileRefused

_CONTAINER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: No workbook of ours comes near; a bomb does.
_MOST_BYTES, _MOST_UNPACKED = 20 << 20, 200 << 20


@contextmanager
def opened_workbook(path: Path, passwords: Sequence[str | None], into: Path, where: str) -> Iterator[Path]:
    """The workbook as a plain .xlsx; what was decrypted is removed at the end, whatever happens.

    Args:
        passwords: what is tried, one after the other.
        into: folder for it, of the owner alone (0700).
        where: what the file is called in errors.

    Raises:
        FileRefused: `no_passphrase`, `wrong_passphrase`, `damaged`, `unknown_format`, `bomb`.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise _refused("bomb", "ワークブックが大きすぎます", where)
    with path.open("rb") as stream:
        is_encrypted = stream.read(len(_CONTAINER)) == _CONTAINER
    plain = into / f"payload-{secrets.token_hex(8)}" if is_encrypted else path
    try:
        if is_encrypted:
            _decrypt(path, plain, [password for password in passwords if password], where)
        _check(plain, where)
        yield plain
    finally:
        if is_encrypted:
            plain.unlink(missing_ok=True)


def _decrypt(path: Path, plain: Path, passwords: list[str], where: str) -> None:
    if not passwords:
        raise _refused("no_passphrase", "ワークブックのパスワードが設定されていません", where)
    with path.open("rb") as sealed, plain.open("wb") as stream:
        try:
            office = msoffcrypto.OfficeFile(sealed)
            _load_key(office, passwords)
            office.decrypt(stream)
        except InvalidKeyError:
            raise _refused("wrong_passphrase", "ワークブックのパスワードが違います", where) from None
        except Exception:  # the library lets out whatever it stumbles over
            raise _refused("damaged", "ワークブックを復号できません", where) from None


def _load_key(office: Any, passwords: list[str]) -> None:
    """By the first password that is right; InvalidKeyError when none is."""
    *others, last = passwords
    for password in others:
        with suppress(InvalidKeyError):
            office.load_key(password=password, verify_password=True)
            return
    office.load_key(password=last, verify_password=True)


def _check(plain: Path, where: str) -> None:
    try:
        with zipfile.ZipFile(plain) as parts:
            infos = parts.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise _refused("unknown_format", "Excelのワークブック（.xlsx）ではありません", where) from None
    if sum(info.file_size for info in infos) > _MOST_UNPACKED:
        raise _refused("bomb", "ワークブックの中身が大きすぎます", where)


def _refused(reason: str, what: str, where: str) -> FileRefused:
    return FileRefused(
        reason,
        what,
        where=where,
        next_step="送信箱の照会票・引抜き一覧に記入したもの（.xlsx）を送り直してもらってください",
    )
