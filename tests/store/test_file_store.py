"""A file is there whole or not at all, on a disk and in an object store."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from todoke.store.files import FileStore


@pytest.fixture(params=["disk", "object store"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    return FileStore(str(tmp_path) if request.param == "disk" else f"memory://{uuid4()}")


def test_what_is_written_is_read_back_and_listed(files: FileStore) -> None:
    files.write("a/b/c.bin", b"content")
    assert files.read("a/b/c.bin") == b"content"
    assert files.exists("a/b/c.bin")
    with files.open("a/b/c.bin") as stream:
        assert stream.read() == b"content"
    assert files.listing() == files.listing("a") == ["a/b/c.bin"]
    assert files.listing("nowhere") == []
    assert files.modified_at("a/b/c.bin") > 0
    files.delete("a/b/c.bin")
    files.delete("a/b/c.bin")
    assert files.listing() == []
    with pytest.raises(FileNotFoundError):
        files.read("a/b/c.bin")


def test_an_error_in_the_middle_leaves_nothing(files: FileStore) -> None:
    with pytest.raises(KeyboardInterrupt), files.create("k") as stream:
        stream.write(b"half")
        raise KeyboardInterrupt
    assert not files.exists("k")
    assert files.listing() == []


def test_an_error_in_the_middle_leaves_what_was_there(files: FileStore) -> None:
    files.write("k", b"before")
    with pytest.raises(ValueError, match="stop"), files.create("k") as stream:
        stream.write(b"half")
        raise ValueError("stop")
    assert files.read("k") == b"before"


def test_two_writers_of_one_key_do_not_mix(files: FileStore) -> None:
    with files.create("k") as one, files.create("k") as two:
        one.write(b"one")
        two.write(b"second")
    assert files.read("k") in (b"one", b"second")


def test_a_file_that_another_writer_has_just_finished_is_no_leftover(files: FileStore) -> None:
    assert not files.is_older("gone", 2e9)
    files.write("there", b"x")
    assert files.is_older("there", 4e9)
    assert not files.is_older("there", 0)
