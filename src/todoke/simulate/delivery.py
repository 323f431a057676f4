"""How a file gets into the inbox: CSV text, the OpenPGP envelope, the data first and its sidecar last."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import gnupg
import pyarrow as pa
import pyarrow.compute as pc

from todoke.errors import TodokeError

#: A small salted-and-iterated count: the simulated passphrase is no secret and the tests seal many files.
_GPG_OPTIONS = ("--s2k-count", "65536", "--compress-level", "1", "--no-symkey-cache")


def csv_lines(columns: Sequence[pa.Array]) -> list[str]:
    """One RFC 4180 line per row, without its end; a field is quoted where it must be."""
    fields = [_quoted(column) for column in columns]
    lines: list[str] = pc.binary_join_element_wise(*fields, ",").to_pylist()
    return lines


def _quoted(column: pa.Array) -> pa.Array:
    special = pc.match_substring_regex(column, '[",\r\n]')
    if not pc.any(special, min_count=0).as_py():
        return column
    doubled = pc.replace_substring(column, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), column)


def deliver(
    inbox: Path, name: str, lines: Iterable[list[str]], *, passphrase: str | None, encoding: str = "cp932"
) -> Path:
    """Write a CSV file and its sidecar `<name>.done`, each under its final name only when it is whole.

    Args:
        inbox: folder, made when missing.
        name: file name without the envelope's ending.
        lines: the lines in portions, header first; they get CRLF and the encoding, strictly.
        passphrase: seals the file as OpenPGP (`.pgp`); `None` leaves it plain.

    Returns:
        The data file.

    Raises:
        TodokeError: gpg is missing or refuses.
        UnicodeEncodeError: a character that the encoding does not have.
    """
    inbox.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="todoke-") as folder:
        plain = Path(folder, "plain.csv")
        rows = -1
        with plain.open("wb") as file:
            for portion in lines:
                rows += len(portion)
                file.write("".join([line + "\r\n" for line in portion]).encode(encoding))
        if passphrase is None:
            return publish(plain, inbox / name, rows)
        sealed = Path(folder, "sealed.pgp")
        _seal(plain, sealed, passphrase, Path(folder))
        return publish(sealed, inbox / f"{name}.pgp", rows)


def publish(source: Path, target: Path, rows: int | None = None) -> Path:
    """Move a finished file to `target`, then write its sidecar (bytes, sha256, rows)."""
    sidecar = {"bytes": source.stat().st_size, "sha256": _sha256(source)}
    if rows is not None:
        sidecar["rows"] = rows
    part = target.with_name(target.name + ".part")
    shutil.copyfile(source, part)
    part.replace(target)
    done = target.with_name(target.name + ".done")
    part.write_text(json.dumps(sidecar), encoding="utf-8")
    part.replace(done)
    return target


def _seal(plain: Path, sealed: Path, passphrase: str, folder: Path) -> None:
    """Encrypt with a passphrase alone (AES256); it goes to gpg through a pipe, never on a command line."""
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    try:
        gpg = gnupg.GPG(gnupghome=str(home))
        gpg.encoding = "utf-8"
        result = gpg.encrypt_file(
            str(plain),
            recipients=None,
            symmetric="AES256",
            passphrase=passphrase,
            armor=False,
            output=str(sealed),
            extra_args=list(_GPG_OPTIONS),
        )
    except OSError as error:
        raise TodokeError("gpg が使えません", next_step="GnuPG 2.2 以降を導入してください") from error
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
    if not (result.ok and result.returncode == 0):
        raise TodokeError("gpg で暗号化できません", where=sealed.name, next_step="パスフレーズを確かめてください")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def portions(total: int, size: int) -> Iterator[tuple[int, int]]:
    """Bounds of consecutive portions: (0, size), (size, 2·size) … (…, total)."""
    for start in range(0, total, size):
        yield start, min(start + size, total)
