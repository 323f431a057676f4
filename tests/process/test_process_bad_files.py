"""Ward files that are broken in every way that text can be: each ends in its named refusal or in counted quarantine,
shows nothing of what it says, and the next good file is taken."""

from __future__ import annotations

import csv
import io
import traceback
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import count

import pytest
from programme import Programme, installation
from small_ward import HEADER, HOMES, table

from todoke.errors import FileRefused

FIRST_DAY = date(2026, 7, 21)
ROWS = [row for home in HOMES for row in home.rows()]
GOOD = table(HEADER, ROWS * 5)
_days = count()


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programme]:
    """One programme that all the files come to, one a day."""
    folder = tmp_path_factory.mktemp("bad-files")
    programme = Programme(folder / "home", installation(folder / "root"))
    with programme.entered():
        yield programme


def text(raw: bytes) -> str:
    return raw.decode("cp932")


def put(at: str, what: bytes) -> Callable[[bytes], bytes]:
    """Puts bytes before the last place of a text."""

    def into(raw: bytes) -> bytes:
        before, found, after = raw.rpartition(at.encode("cp932"))
        return before + what + found + after

    return into


def many(line: bytes) -> Callable[[bytes], bytes]:
    return lambda raw: raw + line * 10


def without_column(name: str) -> Callable[[bytes], bytes]:
    place = HEADER.index(name)
    return lambda _: table([*HEADER[:place], *HEADER[place + 1 :]], [[*r[:place], *r[place + 1 :]] for r in ROWS])


def all_quoted_but_open(_: bytes) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows([HEADER, *ROWS])
    return out.getvalue().encode("cp932").replace(b'",', b",", 20)


#: What is done to a good file, and the reason that it is refused for.
REFUSED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "utf-8": (lambda raw: text(raw).encode(), "wrong_encoding"),
    "utf-8 with a BOM": (lambda raw: text(raw).encode("utf-8-sig"), "wrong_encoding"),
    "a BOM before Shift_JIS": (lambda raw: b"\xef\xbb\xbf" + raw, "wrong_encoding"),
    "utf-16 with a BOM": (lambda raw: text(raw).encode("utf-16"), "unknown_format"),
    "utf-16 without": (lambda raw: text(raw).encode("utf-16-le"), "unknown_format"),
    "EUC-JP": (lambda raw: text(raw).encode("euc-jp", "ignore"), "header columns_missing"),
    "ISO-2022-JP": (lambda raw: text(raw).encode("iso-2022-jp", "ignore"), "unknown_format"),
    "nothing": (lambda _: b"", "empty"),
    "blank lines": (lambda _: b"\r\n\r\n", "empty"),
    "a Ctrl-Z": (lambda _: b"\x1a", "empty"),
    "no header": (lambda raw: raw.partition(b"\r\n")[2], "columns_missing"),
    "half a header": (lambda raw: raw.partition(b"\r\n")[0][:19], "columns_missing"),
    "a header cut in a character": (lambda raw: raw[: raw.index(b",") + 2], "header"),
    "a header with an open quote": (lambda raw: b'"' + raw, "header"),
    "a NUL in the header": (lambda raw: raw[:10] + b"\x00" + raw[10:], "unknown_format"),
    "a title before the header": (lambda raw: "世帯一覧\r\n".encode("cp932") + raw, "title_above"),
    "a page of HTML": (lambda raw: b"\r\n<HTML><table><tr><td>" + raw.replace(b",", b"</td><td>"), "unknown_format"),
    "a PDF": (lambda raw: b"%PDF-1.7\n" + raw, "unknown_format"),
    "no household number": (without_column("世帯番号"), "columns_missing"),
    "no town": (without_column("町名"), "columns_missing"),
    "a column twice but for its blanks": (
        lambda _: table([*HEADER, "町　名"], [[*row, row[6]] for row in ROWS]),
        "columns_twice",
    ),
    "a column twice": (lambda _: table([*HEADER, "町名"], [[*row, row[6]] for row in ROWS]), "columns_twice"),
    "semicolons": (lambda raw: raw.replace(b",", b";"), "other_separator"),
    "tabs": (lambda raw: raw.replace(b",", b"\t"), "other_separator"),
    "one huge line": (lambda raw: raw + b"1" * 3_000_000, "no_lines"),
    "a huge header": (lambda raw: raw.replace(b"\r\n", b",") * 300, "no_lines"),
    "carriage returns alone": (lambda raw: raw.replace(b"\r\n", b"\r"), "no_lines"),
    "many carriage returns alone": (lambda raw: raw.replace(b"\r\n", b"\r") * 300, "no_lines"),
    "UTF-8 with a broken BOM": (lambda raw: b"\xef\xbb" + text(raw).encode(), "header columns_missing"),
    "many ragged rows": (many(b"1,2,3\r\n"), "bad_rows"),
    "many rows too long": (many(b"1," * 20 + b"\r\n"), "bad_rows"),
    "many NULs": (lambda raw: raw + (b"\x00" * 40 + b"\r\n") * 10, "bad_rows"),
    "quotes that close nowhere": (all_quoted_but_open, "columns_missing header"),
    "a page of binary": (lambda raw: raw + bytes(range(256)) * 8, "bad_rows"),
    "half of every character": (lambda raw: raw[:1000] + raw[1001:1500:2], "bad_rows"),
    "utf-8 rows under a Shift_JIS header": (
        lambda raw: raw.partition(b"\r\n")[0] + b"\r\n" + text(raw).partition("\r\n")[2].encode(),
        "bad_rows",
    ),
}
#: What is done to a good file, the rows that go into quarantine, and why.
QUARANTINED: dict[str, tuple[Callable[[bytes], bytes], list[tuple[str | None, str]]]] = {
    "a ragged row": (lambda raw: raw + b"1,2,3\r\n", [(None, "ragged")]),
    "a row too long": (lambda raw: raw + b"1," * 16 + b"\r\n", [(None, "ragged")]),
    "an open quote": (lambda raw: raw + b'1,"2\r\n', [(None, "ragged")]),
    "text after a quote": (lambda raw: raw + b'1,"2"3' + b"," * 14 + b"\r\n", [(None, "ragged")]),
    "a NUL": (put("１丁目２番３号", b"\x00"), [("block", "bad_character")]),
    "a control": (put("コーポ見本", b"\x07"), [("building", "bad_character")]),
    "a Ctrl-Z inside": (put("コーポ見本", b"\x1a"), [("building", "bad_character")]),
    "byte 80": (put("コーポ見本", b"\x80"), [("building", "bad_character")]),
    "byte A0": (put("コーポ見本", b"\xa0"), [("building", "bad_character")]),
    "byte FD": (put("コーポ見本", b"\xfd"), [("building", "bad_character")]),
    "byte FF": (put("コーポ見本", b"\xff"), [("building", "bad_character")]),
    "half a character": (put(",2004-06-03", b"\x83"), [("member_no", "bad_character")]),
    "an end in the middle of a row": (lambda raw: raw[: raw.rindex(b",")], [(None, "ragged")]),
    "an end in the middle of a character": (
        lambda raw: raw + ",".join(ROWS[0]).encode("cp932")[:12] + b"\x8c",
        [(None, "ragged")],
    ),
    "two bad rows": (lambda raw: put("上目黒", b"\xfd")(raw) + b"x\r\n", [("town", "bad_character"), (None, "ragged")]),
}


def good_file(day: int) -> bytes:
    """Another one every day."""
    return table(HEADER, [(*row[:-1], f"{day}日目") for row in ROWS])


def take(ward: Programme, content: bytes, name: str = "households") -> dict[str, object]:
    on = FIRST_DAY + timedelta(days=next(_days))
    ward.ward_sends_envelope(name, content, on)
    return ward.run("intake", on)["receive"]


def takes_the_next_good_one(ward: Programme) -> None:
    number = next(_days)
    assert take(ward, good_file(number))["accepted_files"] == 1


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_no_file_of_the_ward_is_refused_by_name(ward: Programme, what: str):
    damage, reasons = REFUSED[what]
    before = len(ward.rows("dataset_version"))
    with pytest.raises(FileRefused) as refused:
        take(ward, damage(GOOD))
    assert refused.value.reason in reasons.split()
    assert refused.value.next_step
    shown = "".join(traceback.format_exception(refused.value))
    assert not [word for word in ("見本　", "みほん　", "コーポ", "１丁目２番") if word in shown]
    assert len(ward.rows("dataset_version")) == before
    takes_the_next_good_one(ward)


@pytest.mark.parametrize("what", QUARANTINED)
def test_a_bad_row_goes_into_quarantine_with_its_place_and_the_rest_is_taken(ward: Programme, what: str):
    damage, expected = QUARANTINED[what]
    content = damage(GOOD)
    said = take(ward, content)
    assert said["quarantined"] == len(expected)
    receipt = max(ward.rows("receipt", kind="households", state="accepted"), key=lambda row: row["received_at"])
    assert receipt["rows"] == receipt["accepted"] + receipt["quarantined"] == said["rows"]
    landed = ward.version("ward_row")
    assert len(landed) == receipt["accepted"] and {row["receipt_no"] for row in landed} == {receipt["receipt_no"]}
    bad = [row for row in ward.version("bad_row") if row["receipt_no"] == receipt["receipt_no"]]
    assert [(row["field"], row["reason"]) for row in bad] == expected
    assert {row["row_no"] for row in bad} == set(range(1, receipt["rows"] + 1)) - {row["row_no"] for row in landed}
    lines = content.split(b"\n")
    for row in bad:
        before = sum(len(line) + 1 for line in lines[: row["row_no"]])
        assert before <= row["byte_offset"] <= before + len(lines[row["row_no"]])
    takes_the_next_good_one(ward)
