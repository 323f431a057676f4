"""Folders for plaintext: of the owner alone, in memory where there is room, and swept after a kill (P05)."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 – the folders in it are made by mkdtemp
_PREFIX = "todoke-opened-"
#: What a packed file is reckoned to become; more than half of the free memory is not taken.
_GROWTH = 16


@contextmanager
def private_folder(packed: int = 0) -> Iterator[Path]:
    """A new 0700 folder that is removed at the end, whatever happens.

    A lock is held on it, so that `sweep` tells it from the folder of a process that was killed.

    Args:
        packed: bytes of the file that will be opened in it.
    """
    folder, lock = _locked(_place(packed))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep() -> int:
    """Removes the folders of processes that were killed, and says how many there were."""
    removed = 0
    for place in {_MEMORY, Path(tempfile.gettempdir())}:
        for folder in place.glob(f"{_PREFIX}*") if place.is_dir() else ():
            removed += _removed(folder)
    return removed


def _place(packed: int) -> Path:
    if os.access(_MEMORY, os.W_OK) and packed * _GROWTH <= shutil.disk_usage(_MEMORY).free // 2:
        return _MEMORY
    return Path(tempfile.gettempdir())


def _locked(place: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        try:
            lock = _descriptor(folder)
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder, lock
        os.close(lock)  # swept before it was locked


def _removed(folder: Path) -> bool:
    try:
        lock = _descriptor(folder)
    except OSError:  # gone, no folder, or another user's
        return False
    try:
        if os.fstat(lock).st_uid != os.geteuid():
            return False
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return not folder.exists()


def _descriptor(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
