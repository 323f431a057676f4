"""Plaintext lies in a folder of the owner alone, and does not outlive its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from envelope_makers import PASSPHRASE, zipped

from todoke.intake import private_folder as module
from todoke.intake.private_folder import private_folder, sweep

_HOLDS = """
import sys, time
from pathlib import Path
from todoke.intake.envelopes import Keys, opened_payload
from todoke.intake import private_folder as module
from todoke.intake.private_folder import private_folder
module._MEMORY = Path(sys.argv[3])
with private_folder() as folder:
    with opened_payload(Path(sys.argv[1]), keys=Keys(sys.argv[2]), allowed=("zip",), into=folder) as payload:
        print(payload, flush=True)
        time.sleep(600)
"""


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of this machine have folders of their own."""
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(module, "_MEMORY", tmp_path / "memory")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_it_is_the_owners_alone_and_goes_whatever_happens():
    with pytest.raises(KeyboardInterrupt), private_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "plain.csv").write_text("a,b")
        raise KeyboardInterrupt
    assert not folder.exists()


def test_it_is_in_memory_unless_the_file_may_grow_beyond_it(tmp_path: Path):
    with private_folder() as small, private_folder(1 << 50) as large:
        assert small.parent == tmp_path / "memory"
        assert large.parent == tmp_path


def test_a_living_owners_folder_and_other_peoples_things_are_left_alone(tmp_path: Path):
    (tmp_path / "todoke-opened-link").symlink_to(tmp_path)
    (tmp_path / "todoke-opened-file").write_text("")
    (tmp_path / "todoke-other").mkdir()
    with private_folder() as folder:
        assert sweep() == 0
        assert folder.is_dir()
    assert {path.name for path in tmp_path.glob("todoke-*")} == {
        "todoke-opened-link",
        "todoke-opened-file",
        "todoke-other",
    }


def test_what_a_killed_process_left_is_swept_at_the_next_start(tmp_path: Path):
    sent = tmp_path / "a.zip"
    sent.write_bytes(zipped([("a.csv", b"a,b\r\n1,2\r\n")]))
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, sent, PASSPHRASE, tmp_path / "memory"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert holder.stdout is not None
    payload = Path(holder.stdout.readline().strip())
    try:
        assert payload.read_bytes() == b"a,b\r\n1,2\r\n"
        assert payload.parent.parent == tmp_path / "memory"
        sweep()
        assert payload.is_file(), "its owner is alive"
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    assert payload.is_file(), "nothing ran after the kill"
    assert sweep() >= 1
    assert not payload.parent.exists()
