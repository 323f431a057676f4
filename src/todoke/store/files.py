"""Files of a contract on any fsspec file system, with the one promise that a file appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from todoke import clock


def home(part: str) -> str:
    """The place of a part (inbox, vault, lake, outbox, ledger): `TODOKE_<PART>`, else below `TODOKE_HOME`."""
    base = os.environ.get("TODOKE_HOME", "var")
    return os.environ.get(f"TODOKE_{part.upper()}_HOME", f"{base.rstrip('/')}/{part}")


_PARTIAL = ".part"


class FileStore:
    """A folder by path or URL (`s3://…`); keys are relative, with `/`."""

    def __init__(self, url: str) -> None:
        self._fs, root = fsspec.core.url_to_fs(url)
        self._root = str(root).rstrip("/")
        self._local = isinstance(self._fs, LocalFileSystem)

    def location(self, key: str) -> str:
        """Where a key lies, for people and for readers that take a path."""
        return f"{self._root}/{key}"

    @contextlib.contextmanager
    def create(self, key: str) -> Iterator[BinaryIO]:
        """A stream whose content is at `key` when the block ends well, and nowhere when it does not.

        On a local disk the file is written beside, flushed, and given its name at the end. An object store shows
        an object when it is complete, but its streams complete even what an error cut short: it gets whole files.
        """
        path = self.location(key)
        if not self._local:
            with tempfile.NamedTemporaryFile(prefix="todoke-") as stream:
                yield cast(BinaryIO, stream)
                stream.flush()
                self._fs.put_file(stream.name, path)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{secrets.token_hex(8)}{_PARTIAL}")
        try:
            with partial.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(target)
            _flush_folder(target.parent)
        finally:
            partial.unlink(missing_ok=True)

    def write(self, key: str, content: bytes) -> None:
        """Puts `content` at `key`."""
        with self.create(key) as stream:
            stream.write(content)

    def read(self, key: str) -> bytes:
        """The content at `key`; FileNotFoundError when there is none."""
        return cast(bytes, self._fs.cat_file(self.location(key)))

    def open(self, key: str) -> BinaryIO:
        """A stream over the content at `key`."""
        return cast(BinaryIO, self._fs.open(self.location(key), "rb"))

    def exists(self, key: str) -> bool:
        return bool(self._fs.exists(self.location(key)))

    def delete(self, key: str) -> None:
        """Removes `key`; nothing happens when it is gone already."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm(self.location(key), recursive=True)

    def listing(self, below: str = "") -> list[str]:
        """All keys below a prefix, sorted; for sweeping and for people, never for finding data."""
        return [key for key in self._everything(below) if not key.endswith(_PARTIAL)]

    def sweep_partial(self, older_than_seconds: float) -> int:
        """Removes what killed writers left before they had finished; returns how many."""
        oldest = clock.file_seconds() - older_than_seconds
        left = [k for k in self._everything("") if k.endswith(_PARTIAL) and self.is_older(k, oldest)]
        for key in left:
            self.delete(key)
        return len(left)

    def _everything(self, below: str) -> list[str]:
        prefix = self.location(below) if below else self._root
        if not self._fs.exists(prefix):
            return []
        return sorted(str(path)[len(self._root) + 1 :] for path in self._fs.find(prefix))

    def is_older(self, key: str, than: float) -> bool:
        """Whether `key` was written before a moment (seconds since the epoch); not when it has gone meanwhile."""
        try:
            return self.modified_at(key) < than
        except FileNotFoundError:
            return False

    def modified_at(self, key: str) -> float:
        """When `key` was written, in seconds since the epoch."""
        return float(self._fs.modified(self.location(key)).timestamp())


def _flush_folder(folder: Path) -> None:
    """Makes a new name last through a power failure, as the ledger's commit that follows does."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
