from __future__ import annotations

import hashlib
import json
import os
import time
from datetime import date
from pathlib import Path

import pytest

from todoke.errors import FileRefused
from todoke.intake.inbox import ready_files, shown_name, unannounced


def put(folder: Path, name: str, content: bytes = b"x", sidecar: object = None) -> None:
    (folder / name).write_bytes(content)
    if sidecar is not None:
        (folder / f"{name}.done").write_text(sidecar if isinstance(sidecar, str) else json.dumps(sidecar))


def test_a_file_waits_for_its_sidecar_and_what_it_says_is_read(tmp_path):
    put(
        tmp_path,
        "households_20260721_1.csv.pgp",
        b"abc",
        {"bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest(), "rows": 7},
    )
    put(tmp_path, "additions_20260721_1.csv", b"abc")
    (file,) = ready_files(tmp_path, sidecar="required")
    assert (file.kind, file.date, file.seq, file.revision, file.rows) == ("households", date(2026, 7, 21), 1, 0, 7)
    assert (file.bytes, file.sha256) == (3, hashlib.sha256(b"abc").hexdigest())
    file.check_sidecar()
    file.check_rows(7)
    file.check_rows(7, blank=3)
    file.check_rows(4, blank=3)
    with pytest.raises(FileRefused):
        file.check_rows(8)
    with pytest.raises(FileRefused, match="通知 7、実際 6、ほかに空の行 3"):
        file.check_rows(6, blank=3)


@pytest.mark.parametrize(
    "sidecar",
    [
        {"bytes": 4},
        {"sha256": "00"},
        "not json",
        "[1]",
        {"bytes": "3"},
        {"households": "3"},
        {"bytes": 3, "sha256": "ff"},
    ],
)
def test_a_file_that_is_not_what_its_sidecar_says_is_refused_and_others_are_not(tmp_path, sidecar):
    put(tmp_path, "households_20260721_1.csv", b"abc", sidecar)
    put(tmp_path, "households_20260721_2.csv", b"abc", {})
    wrong, right = ready_files(tmp_path, sidecar="required")
    right.check_sidecar()
    with pytest.raises(FileRefused) as refused:
        wrong.check_sidecar()
    assert refused.value.reason == "sidecar_mismatch"


@pytest.mark.parametrize(
    ("said", "read", "unread", "fits"),
    [
        ({"households": 3, "members": 7}, (3, 7), 0, True),
        ({"households": 3}, (3, 9), 0, True),
        ({}, (3, 7), 0, True),
        ({"households": 4}, (3, 7), 0, False),
        ({"households": 2}, (3, 7), 0, False),
        ({"members": 8}, (3, 7), 0, False),
        ({"households": 4, "members": 8}, (3, 7), 1, True),
        ({"households": 2}, (3, 7), 1, False),
    ],
)
def test_the_wards_control_counts_are_held_against_what_was_read(tmp_path, said, read, unread, fits):
    put(tmp_path, "households_20260721_1.csv", b"abc", said)
    (file,) = ready_files(tmp_path, sidecar="required")
    households, members = read
    if fits:
        file.check_control(households=households, members=members, unread=unread)
        return
    with pytest.raises(FileRefused, match="通知") as refused:
        file.check_control(households=households, members=members, unread=unread)
    assert refused.value.reason == "sidecar_mismatch"


def test_files_come_in_the_order_in_which_they_build_on_each_other_the_highest_revision_first(tmp_path):
    names = [
        "households_20260721_1_r10.csv.pgp",
        "households_20260721_1_r2.csv.pgp",
        "households_20260721_1.csv.pgp",
        "households_20260721_2.csv",
        "additions_20260101_1.csv",
        "corrections_20260820_2.csv",
        "corrections_20260820_10.csv",
        "special_delivery_20260722_1.csv",
        "stop_20260722_1.csv",
        "NOTE from the ward.csv",
        "postcards_20261110_1.csv",
    ]
    for name in names:
        put(tmp_path, name, sidecar={})
    assert [file.name for file in ready_files(tmp_path, sidecar="required")] == names


def test_without_sidecars_a_file_waits_until_it_has_been_still_for_ten_seconds(tmp_path):
    put(tmp_path, "old.csv")
    put(tmp_path, "new.csv")
    os.utime(tmp_path / "old.csv", (time.time() - 11, time.time() - 11))
    assert [(file.name, file.kind) for file in ready_files(tmp_path, sidecar="none")] == [("old.csv", "")]


def test_hidden_files_links_and_folders_are_not_taken(tmp_path):
    put(tmp_path, ".part", sidecar={})
    put(tmp_path, "real", sidecar={})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    put(tmp_path, "link.done")
    (tmp_path / "folder").mkdir()
    assert [file.name for file in ready_files(tmp_path, sidecar="required")] == ["real"]
    assert ready_files(tmp_path / "nowhere", sidecar="required") == []


def test_a_file_without_its_sidecar_and_a_sidecar_without_its_file_are_known_with_their_age(tmp_path):
    put(tmp_path, "whole.csv", sidecar={})
    put(tmp_path, "lonely.csv")
    (tmp_path / "gone.csv.done").write_text("{}")
    put(tmp_path, ".hidden")
    os.utime(tmp_path / "lonely.csv", (time.time() - 7200, time.time() - 7200))
    found = {path.name: round(hours, 1) for path, hours in unannounced(tmp_path)}
    assert found == {"gone.csv.done": 0.0, "lonely.csv": 2.0}
    assert unannounced(tmp_path / "nowhere") == []


def test_a_file_sent_anew_is_no_longer_the_one_that_was_looked_at(tmp_path):
    put(tmp_path, "a.csv", b"abc", {})
    (file,) = ready_files(tmp_path, sidecar="required")
    assert file.is_still_there()
    stat = file.path.stat()
    put(tmp_path, "new", b"xyz")
    os.utime(tmp_path / "new", ns=(stat.st_atime_ns, stat.st_mtime_ns))  # a copy that keeps its time
    (tmp_path / "new").replace(file.path)
    assert not file.is_still_there()
    file.path.unlink()
    assert not file.is_still_there()


@pytest.mark.parametrize(
    "name",
    [
        "households_20260721_01.csv",
        "special_delivery_20260721_1_r12.csv.pgp",
        "stop_20260721_01.CSV.ZIP",
        "corrections_20260721_01.csv.zip.gpg",
        "postcards_20261110_01.csv",
        "EUDC.TTE",
    ],
)
def test_a_name_that_was_promised_is_shown_with_its_sidecar_too(tmp_path: Path, name: str):
    put(tmp_path, name, sidecar={})
    (file,) = ready_files(tmp_path, sidecar="required")
    assert file.label == shown_name(name) == name
    assert shown_name(f"{name}.done") == f"{name}.done"


@pytest.mark.parametrize(
    "name",
    [
        "見本一郎様の世帯.csv.pgp",
        "mihon_ichiro_20260721_01.csv",
        "households_20260721_01_見本.csv",
        "households_20260721_01.mihon.csv",
        "households_20260721_0901234567.csv",
        "households_20260721_01.csv.mihon",
        "households_20260721_01.csv\n.pgp",
        "MIHON.TTE",
    ],
)
def test_any_other_name_is_told_by_the_files_digest(tmp_path: Path, name: str):
    put(tmp_path, name, b"abc", sidecar={})
    (file,) = ready_files(tmp_path, sidecar="required")
    assert file.label == f"規定外の名前のファイル（SHA-256 {hashlib.sha256(b'abc').hexdigest()[:8]}…）"
