"""The ward's file holds the listed mistakes and no others, in real CP932 and a real OpenPGP envelope."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import subprocess
from collections import defaultdict
from datetime import date
from pathlib import Path

import gnupg
import pytest
from fontTools.ttLib import TTFont

from todoke.simulate.files import write_font, write_households
from todoke.simulate.reference import towns
from todoke.simulate.ward import Ward, make_ward

DAY = date(2026, 7, 21)
HEADER = (
    "世帯番号,世帯主氏名,世帯主氏名かな,世帯員氏名,世帯員氏名かな,郵便番号,町名,番地,方書,世帯人数,"
    "世帯員番号,生年月日,続柄,秘匿区分,旧世帯番号,備考"
)
NO, HEAD, _, NAME, KANA, POSTAL, TOWN, BLOCK, BUILDING, SIZE, MEMBER, BORN, RELATION, CONFIDENTIAL = range(14)


@pytest.fixture(scope="module")
def ward() -> Ward:
    return make_ward(3_000, seed=8)


@pytest.fixture(scope="module")
def plain(ward: Ward, tmp_path_factory) -> bytes:
    return write_households(ward, tmp_path_factory.mktemp("plain"), on=DAY, passphrase=None).read_bytes()


def read_mistakes(raw: bytes, glyphs: set[int]) -> dict[str, set[str]]:
    """A reader of its own: household number as in the file → reasons."""
    rows = list(csv.reader(io.StringIO(raw.decode("cp932"), newline=""), strict=True))[1:]
    households, damaged = defaultdict(list), defaultdict(set)
    for row in rows:
        if len(row) != 16:
            damaged[row[NO]].add("ragged")
        elif re.search("[\x80\xa0\uf8f0-\uf8f3]", "".join(row)):
            damaged[row[NO]].add("bad_character")
        households[row[NO]].append(row)
    codes = dict(zip(towns()["town"], towns()["postal_code"], strict=True))
    found = {no: reasons_of(block, codes, glyphs) for no, block in households.items() if no not in damaged}
    return {no: reasons for no, reasons in {**found, **damaged}.items() if reasons}


def reasons_of(block: list[list[str]], codes: dict[str, str], glyphs: set[int]) -> set[str]:
    numbers = [row[MEMBER] for row in block]
    if len(numbers) == 2 * len(set(numbers)):
        return {"household_duplicate"}
    heads = [row for row in block if row[RELATION] == "世帯主"]
    private = {ord(c) for row in block for c in "".join(row) if "\ue000" <= c <= "\ue757"}
    checks = {
        "household_no_missing": not block[0][NO].isdigit(),
        "size_mismatch": any(row[SIZE] != str(len(block)) for row in block),
        "head_missing": not heads,
        "head_twice": len(heads) > 1,
        "member_no_gap": numbers != [str(n + 1) for n in range(len(block))],
        "postal_code_unknown": block[0][POSTAL] not in codes.values(),
        "postal_code_town": block[0][POSTAL] in codes.values() and codes[block[0][TOWN]] != block[0][POSTAL],
        "address_missing": not block[0][BLOCK],
        "kana_invalid": not all(re.fullmatch("[ぁ-ゖー　]+", row[KANA]) for row in block),
        "name_missing": not all(row[NAME].strip("　") for row in block),
        "birth_date_invalid": not all(is_date(row[BORN]) for row in block),
        "gaiji_unknown": bool(private - glyphs),
        "confidential_invalid": not all(row[CONFIDENTIAL] in ("", "0", "1") for row in block),
    }
    if len(heads) == 1:
        assert heads[0][NAME] == block[0][HEAD]
    assert len({tuple(row[i] for i in (NO, HEAD, POSTAL, TOWN, BLOCK, BUILDING, SIZE)) for row in block}) == 1
    return {reason for reason, fails in checks.items() if fails}


def is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text) <= date(2026, 6, 1)
    except ValueError:
        return False


def test_mistakes_listed_are_the_mistakes_present(ward: Ward, plain: bytes, tmp_path):
    glyphs = set(TTFont(write_font(ward, tmp_path)).getBestCmap())
    sheet = ward.mistakes
    listed = {no: {reason} for no, reason in zip(sheet["file_household_no"], sheet["reason"], strict=True)}
    assert read_mistakes(plain, glyphs) == listed


def test_rows_of_the_answer_sheet_are_the_rows_in_the_file(ward: Ward, plain: bytes):
    numbers = [line.split(",", 1)[0] for line in plain.decode("cp932").split("\r\n")]
    for no, rows in zip(ward.mistakes["file_household_no"], ward.mistakes["rows"], strict=True):
        assert numbers.count(no) == rows


def test_file_is_cp932_with_crlf_and_the_promised_header(plain: bytes):
    text = plain.decode("cp932")
    assert text.encode("cp932") == plain
    assert text.startswith(HEADER + "\r\n") and text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")
    assert re.search(rb"[\xf0-\xf9][\x40-\xfc]", plain) and "髙" in text


def test_gpg_decrypts_to_the_same_bytes_and_the_sidecar_is_true(ward: Ward, plain: bytes, tmp_path):
    path = write_households(ward, tmp_path / "in", on=DAY, passphrase="正しい 合言葉", seq=2)
    assert path.name == "households_20260721_02.csv.pgp"
    done = json.loads(Path(f"{path}.done").read_text())
    sealed = path.read_bytes()
    assert done == {
        "bytes": len(sealed),
        "sha256": hashlib.sha256(sealed).hexdigest(),
        "rows": plain.count(b"\r\n") - 1,
    }
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    gpg = gnupg.GPG(gnupghome=str(home))
    gpg.encoding = "utf-8"
    assert gpg.decrypt(sealed, passphrase="正しい 合言葉").data == plain
    assert not gpg.decrypt(sealed, passphrase="wrong").ok
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, path.name + ".done"]


def test_writing_again_gives_the_same_payload(ward: Ward, plain: bytes, tmp_path):
    again = make_ward(3_000, seed=8)
    assert write_households(again, tmp_path, on=DAY, passphrase=None).read_bytes() == plain


def test_font_draws_every_gaiji_but_the_unknown_ones_each_in_its_own_shape(ward: Ward, plain: bytes, tmp_path):
    font = TTFont(write_font(ward, tmp_path))
    cmap, glyf = font.getBestCmap(), font["glyf"]
    used = {ord(c) for c in plain.decode("cp932") if "\ue000" <= c <= "\ue757"}
    assert used - set(cmap) and all(point > 0xE700 for point in used - set(cmap))
    shapes = {tuple(glyf[name].coordinates) for name in cmap.values()}
    assert len(shapes) == len(cmap) == 60
    assert all(glyf[name].numberOfContours > 0 for name in cmap.values())


def test_the_same_font_is_the_same_bytes(ward: Ward, tmp_path):
    one, two = write_font(ward, tmp_path / "a"), write_font(ward, tmp_path / "b")
    assert one.read_bytes() == two.read_bytes()
