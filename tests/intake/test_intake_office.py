"""A workbook that comes back is opened within limits, and a fault in it is named without its content."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

from todoke.errors import FileRefused
from todoke.intake.office import opened_workbook
from todoke.outbox.workbook import encrypted

SECRET = "秘密の内容"


def workbook() -> bytes:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    book.active.append([SECRET])
    book.save(stream)
    return stream.getvalue()


def zipped(size: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as parts, parts.open("a", "w") as part:
        for _ in range(size >> 20):
            part.write(bytes(1 << 20))
    return stream.getvalue()


def put(folder: Path, content: bytes) -> Path:
    (path := folder / "answers.xlsx").write_bytes(content)
    (folder / "private").mkdir()
    return path


@pytest.mark.parametrize("seal", [lambda plain: plain, lambda plain: encrypted(plain, "鍵")])
def test_a_workbook_opens_with_its_password_and_leaves_nothing(seal, tmp_path: Path):
    path = put(tmp_path, seal(workbook()))
    with opened_workbook(path, ["新しい鍵", "鍵"], tmp_path / "private", "a.xlsx") as plain:
        assert openpyxl.load_workbook(io.BytesIO(plain.read_bytes())).active["A1"].value == SECRET
    assert list((tmp_path / "private").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "password", "reason"),
    [
        (encrypted(workbook(), "鍵"), "別の鍵", "wrong_passphrase"),
        (encrypted(workbook(), "鍵"), None, "no_passphrase"),
        (encrypted(workbook(), "鍵")[:4000], "鍵", "damaged"),
        (workbook()[:100], "鍵", "unknown_format"),
        (b"", "鍵", "unknown_format"),
        (zipped(201 << 20), "鍵", "bomb"),
        (bytes(21 << 20), "鍵", "bomb"),
    ],
    ids=["another password", "no password", "cut", "cut and plain", "empty", "bomb", "large"],
)
def test_what_cannot_be_opened_is_refused_by_name(content: bytes, password: str | None, reason: str, tmp_path: Path):
    path = put(tmp_path, content)
    with pytest.raises(FileRefused) as caught, opened_workbook(path, [password], tmp_path / "private", "a.xlsx"):
        pass
    assert caught.value.reason == reason
    assert caught.value.__cause__ is None and SECRET not in str(caught.value)
    assert list((tmp_path / "private").iterdir()) == []
