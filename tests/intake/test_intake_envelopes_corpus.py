"""Everything that can be wrong with an envelope ends in its own error, leaves nothing, and stops no good file."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pyzipper
from envelope_makers import (
    FOLDER,
    MARKERS,
    PASSPHRASE,
    openpgp,
    program,
    records,
    self_decrypting,
    seven_zipped,
    zip_crypto,
    zipped,
)

from todoke.errors import FileRefused
from todoke.intake.envelopes import Keys, Limits, opened_payload, recognise
from todoke.intake.self_decrypting import Trailer

CSV = "世帯番号,世帯員氏名\r\n".encode("cp932") + random.Random(7).randbytes(20_000).hex().encode()
ONE = [("households_20260721_01.csv", CSV)]
ALL = ("openpgp", "pgp_sda", "zip", "7z", "plain")
SMALL = Limits(bytes=1 << 20, small=1 << 18, ratio=30, members=8)
INNER = zipped(ONE, None)
BOMB = [("a.csv", b"a,b\r\n" + bytes(700_000))]
#: As installers write them between program and archive.
SETTINGS = b'\xef\xbb\xbf;!@Install@!UTF-8!\r\nTitle="Extract"\r\n;!@InstallEnd@!\r\n'
SIGNATURE = b"7z\xbc\xaf\x27\x1c\0\4" + bytes(40)


def seven_zip_program(*arguments: Any, **more: Any) -> bytes:
    return program() + seven_zipped(*arguments, **more)


MAKERS: dict[str, Callable[..., bytes]] = {
    "zip": zipped,
    "7z": seven_zipped,
    "7z sfx": seven_zip_program,
    "sda": self_decrypting,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    private = tmp_path / "opened"
    private.mkdir(mode=0o700)
    return private


def outcome(
    raw: bytes, folder: Path, passphrase: str | None = PASSPHRASE, allowed: tuple[str, ...] = ALL, **more: object
) -> str:
    """The reason of the refusal, or `opened`; nothing may be left in either case."""
    path = folder.parent / "households_20260721_01.csv.bin"
    path.write_bytes(raw)
    try:
        with opened_payload(path, keys=Keys(passphrase), allowed=allowed, into=folder, **more) as payload:
            assert payload.read_bytes() == CSV
            assert payload == path or payload.stat().st_mode & 0o777 == 0o600
            reason = "opened"
    except FileRefused as error:
        assert error.next_step
        assert error.__cause__ is None
        reason = error.reason
    assert list(folder.iterdir()) == [], "plaintext is left"
    return reason


@cache
def good(form: str) -> bytes:
    return MAKERS[form](ONE)


GOOD = {
    "ZIP with AES": lambda: zipped(ONE),
    "ZIP with AES under a passphrase in CP932": lambda: zipped(ONE, codec="cp932"),
    "ZIP with AES, stored": lambda: zipped(ONE, method=pyzipper.ZIP_STORED),
    "ZIP with a Japanese name": lambda: zipped([("世帯表.csv", CSV)]),
    "ZIP with a folder": lambda: zipped([("届/", FOLDER), ("届/a.csv", CSV)]),
    "self-extracting ZIP": lambda: program() + zipped(ONE),
    "7z": lambda: seven_zipped(ONE),
    "self-extracting 7z": lambda: program() + seven_zipped(ONE),
    "self-extracting 7z with its names encrypted": lambda: program() + seven_zipped(ONE, header=True),
    "self-extracting 7z with an installer's settings": lambda: program() + SETTINGS + seven_zipped(ONE),
    "self-extracting 7z after a signature by chance": lambda: program() + SIGNATURE + seven_zipped(ONE),
    "self-extracting 7z with a Windows signature behind": lambda: program() + seven_zipped(ONE) + bytes(2000),
    "self-extracting 7z whose stub holds the signature": lambda: program(stub=SIGNATURE) + seven_zipped(ONE),
    "self-extracting 7z, unencrypted": lambda: program() + seven_zipped(ONE, None),
    "7z with its names encrypted": lambda: seven_zipped(ONE, header=True),
    "SDA of 8.0 to 10.x": lambda: self_decrypting(ONE),
    "SDA of 6.5, packed": lambda: self_decrypting(ONE, trailer=1),
    "SDA of 6.5, aligned": lambda: self_decrypting(ONE, trailer=2),
    "SDA with long sizes": lambda: self_decrypting([("d", FOLDER), *ONE], wide=True),
    "SDA with a folder": lambda: self_decrypting([("届", FOLDER), ("届\\a.csv", CSV)]),
    "SDA without a zlib head": lambda: self_decrypting(ONE, raw=True),
    "SDA under a passphrase in CP932": lambda: self_decrypting(ONE, codec="cp932"),
    "SDA of more repetitions": lambda: self_decrypting(ONE, repetitions=16_000),
    "unencrypted ZIP": lambda: zipped(ONE, None),
    "unencrypted 7z": lambda: seven_zipped(ONE, None),
    "ZIP in an SDA": lambda: self_decrypting([("a.zip", zipped(ONE))]),
    "SDA in a ZIP": lambda: zipped([("a.exe", self_decrypting(ONE))]),
    "self-extracting 7z in a ZIP": lambda: zipped([("a.exe", program() + seven_zipped(ONE))]),
    "ZIP in a self-extracting 7z that stores": lambda: program() + seven_zipped([("a.zip", zipped(ONE))], None),
    "self-extracting 7z in a self-extracting ZIP that stores": lambda: (
        program() + zipped([("a.exe", program() + seven_zipped(ONE, None))], None, method=pyzipper.ZIP_STORED)
    ),
    "7z in a ZIP": lambda: zipped([("a.7z", seven_zipped(ONE))]),
    "OpenPGP behind a marker packet": lambda: MARKERS[0] + openpgp(CSV),
    "OpenPGP in the text of a mail": lambda: b"Hello,\r\n\r\n" + openpgp(CSV, PASSPHRASE, "--armor") + b"\r\nbye\r\n",
    "plain CSV": lambda: CSV,
}


@pytest.mark.parametrize("form", GOOD)
def test_every_form_opens(form, folder):
    assert outcome(GOOD[form](), folder) == "opened"


@pytest.mark.parametrize("beside", ["__MACOSX/._a.csv", "a/.DS_Store", "Thumbs.db", "desktop.ini"])
@pytest.mark.parametrize("first", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize("maker", [zipped, seven_zipped])
def test_what_a_computer_leaves_beside_a_file_is_no_second_one(maker, first, beside, folder):
    junk = [(beside, b"\0Mac OS X")]
    assert outcome(maker([*junk, *ONE] if first else [*ONE, *junk]), folder) == "opened"
    assert outcome(maker(junk), folder) == "empty"


def test_what_is_left_beside_counts_against_the_limits(folder):
    assert outcome(zipped([("Thumbs.db", BOMB[0][1]), *ONE]), folder, limits=SMALL) == "bomb"


@pytest.mark.parametrize(
    ("raw", "reason", "said"),
    [
        (
            lambda: zipped([("[Content_Types].xml", b"x"), ("xl/workbook.xml", b"x")], None),
            "forbidden_format",
            "Office",
        ),
        (lambda: zipped([("a.xlsx", CSV)]), "forbidden_format", "Excel"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "unknown_format", "Excel"),
        (lambda: "世帯番号,氏名\r\n".encode("utf-16"), "unknown_format", "UTF-16"),
        (lambda: b"\x23\x00-lh5-" + bytes(50) + b"x", "unknown_format", "LZH"),
        (lambda: b"%PDF\x00-1.7", "unknown_format", "PDF"),
    ],
)
def test_a_form_that_nobody_takes_is_called_by_its_name(raw, reason, said, folder):
    path = folder.parent / "households_20260721_01.csv.bin"
    path.write_bytes(raw())
    with (
        pytest.raises(FileRefused, match=said) as refused,
        opened_payload(path, keys=Keys(PASSPHRASE), allowed=ALL, into=folder),
    ):
        pass
    assert (refused.value.reason, not list(folder.iterdir())) == (reason, True)


def test_the_three_real_key_vectors_open():
    vectors = json.loads((Path(__file__).parent / "data" / "pgp_sda_key_vectors.json").read_text("utf-8"))
    assert len(vectors) == 3
    for vector in vectors:
        salt, check = (bytes.fromhex(vector[name]) for name in ("salt", "check"))
        trailer = Trailer(0, 1, 1, salt, vector["reps"], check)
        assert trailer.key(vector["passphrase"]) is not None
        assert trailer.key(vector["passphrase"] + "x") is None


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "empty"),
    "only zeros": (lambda: bytes(5000), "empty"),
    "no known form": (lambda: b"\x00\x01\x02garbage", "unknown_format"),
    "PDF": (lambda: b"%PDF\x00-1.7", "unknown_format"),
    "UTF-16 text": (lambda: "世帯番号,氏名\r\n".encode("utf-16"), "unknown_format"),
    "some program": (lambda: program() + random.Random(1).randbytes(3000), "unknown_format"),
    "a program with the signature of a 7z by chance": (
        lambda: program() + random.Random(1).randbytes(500) + SIGNATURE,
        "unknown_format",
    ),
    "a program cut before its 7z": (lambda: (program() + seven_zipped(ONE))[:1024], "unknown_format"),
    "a 7z of two files in a self-extracting ZIP of two": (
        lambda: (
            program() + zipped([("a.7z", seven_zipped(ONE, None)), ("b.7z", b"x")], None, method=pyzipper.ZIP_STORED)
        ),
        "several_files",
    ),
    "a program's first bytes": (lambda: b"MZ\x90\x00\x03\x00", "unknown_format"),
    "SDA of the other form": (lambda: program() + bytes(2000) + b"PGSf" + bytes(1016) + b"PGSf", "unknown_variant"),
    "OpenPGP without proof of integrity": (lambda: openpgp(CSV, PASSPHRASE, "--rfc2440"), "no_integrity"),
    "OpenPGP with something after it": (lambda: openpgp(CSV) + b"\r\n", "more_behind"),
    "two OpenPGP messages in one file": (lambda: openpgp(CSV) * 2, "more_behind"),
    "an OpenPGP marker and nothing to read": (lambda: MARKERS[1] + b"nothing to read", "unknown_format"),
    "ZIP under ZipCrypto": (lambda: zip_crypto("a.csv", CSV), "forbidden_format"),
    "ZIP of an unbounded method": (lambda: zipped(ONE, method=pyzipper.ZIP_BZIP2), "unknown_format"),
    "ZIP of another unbounded method": (lambda: zipped(ONE, method=pyzipper.ZIP_LZMA), "unknown_format"),
    "SDA with something after it": (lambda: self_decrypting(ONE) + bytes(50), "damaged"),
    "SDA whose count is too high": (lambda: self_decrypting(ONE, files=2), "unknown_variant"),
    "SDA whose count is too low": (lambda: self_decrypting([("d", FOLDER), *ONE], files=1), "unknown_variant"),
    "SDA that is not deflated": (lambda: self_decrypting(records(ONE), packed=False), "unknown_variant"),
    "SDA whose record is too long": (lambda: self_decrypting(records(ONE)[:-9]), "truncated"),
    "SDA with a name without end": (lambda: self_decrypting(b"\1\0\0\0" + b"a" * 5000), "unknown_variant"),
    "SDA with a name in no code page": (lambda: self_decrypting(b"\1\0\0\0\x81\0csv\0"), "unknown_variant"),
    "SDA whose stream ends early": (
        lambda: self_decrypting(zlib.compress(records(ONE))[:-200], packed=False),
        "truncated",
    ),
    "SDA with a wrong Adler-32": (
        lambda: self_decrypting(zlib.compress(records(ONE))[:-4] + b"\1\2\3\4", packed=False),
        "damaged",
    ),
    "SDA with bytes after its stream": (
        lambda: self_decrypting(zlib.compress(records(ONE)) + b"more", packed=False),
        "damaged",
    ),
    "7z of nothing": (lambda: seven_zipped([]), "empty"),
    "ZIP of nothing": (lambda: zipped([]), "empty"),
    "stored ZIP in a ZIP, cut behind the inner one": (
        lambda: (outer := zipped([("a.zip", INNER)], None, method=pyzipper.ZIP_STORED))[
            : outer.index(INNER) + len(INNER)
        ],
        "damaged",
    ),
}
HOSTILE = {
    "a step up": "../a.csv",
    "a step up on Windows": "x\\..\\a.csv",
    "an absolute path": "/etc/a.csv",
    "a network path": "\\\\host\\a.csv",
    "a drive": "C:\\a.csv",
    "a control character": "a\x07.csv",
    "a line break": "a\r\n.csv",
}
for name, hostile in HOSTILE.items():
    BAD[f"ZIP with {name}"] = (lambda hostile=hostile: zipped([(hostile, CSV)]), "unsafe_path")
    BAD[f"7z with {name}"] = (lambda hostile=hostile: seven_zipped(ONE, names={ONE[0][0]: hostile}), "unsafe_path")
    BAD[f"self-extracting 7z with {name}"] = (
        lambda hostile=hostile: seven_zip_program(ONE, names={ONE[0][0]: hostile}),
        "unsafe_path",
    )
    BAD[f"SDA with {name}"] = (lambda hostile=hostile: self_decrypting([(hostile, CSV)]), "unsafe_path")
BAD["ZIP with a symbolic link"] = (lambda: zipped([("a.csv", b"/etc/passwd")], link=True), "unsafe_path")
for form, maker in MAKERS.items():
    BAD |= {
        f"{form} with two files": (lambda maker=maker: maker([*ONE, ("b.csv", CSV)]), "several_files"),
        f"{form} with a note beside": (lambda maker=maker: maker([*ONE, ("読んで.txt", b"x")]), "several_files"),
        f"{form} with a file of another kind": (lambda maker=maker: maker([("a.xlsm", CSV)]), "forbidden_format"),
        f"{form} with an empty file": (lambda maker=maker: maker([("a.csv", b"")]), "empty"),
        f"{form} with a blank file": (lambda maker=maker: maker([("a.csv", b"\r\n\x1a")]), "empty"),
        f"{form} with a program": (lambda maker=maker: maker([("a.exe", program())]), "unknown_format"),
        f"{form} three deep": (lambda maker=maker: maker([("a.zip", zipped([("b.7z", good("7z"))]))]), "too_deep"),
        f"{form} with a bomb": (lambda maker=maker: maker(BOMB), "bomb"),
        f"{form} with a bomb in an archive": (lambda maker=maker: maker([("a.zip", zipped(BOMB))]), "bomb"),
        f"{form} with too many entries": (
            lambda maker=maker: maker(
                [(f"{n}/", FOLDER) if maker in (zipped, self_decrypting) else (f"{n}.x", b"") for n in range(99)]
            ),
            "bomb forbidden_format",
        ),
        f"{form} with an inner one damaged": (
            lambda maker=maker: maker([("a.zip", zipped(ONE)[:5000])]),
            "truncated",
        ),
    }
for form in ("zip", "sda"):
    BAD[f"{form} with two of the same name"] = (
        lambda maker=MAKERS[form]: maker([("d/" if maker is zipped else "d", FOLDER)] * 2 + ONE),
        "unsafe_path",
    )


@pytest.mark.parametrize("name", BAD)
def test_a_bad_envelope_ends_in_its_error_and_a_good_one_after_it_opens(name, folder):
    make, reasons = BAD[name]
    assert outcome(make(), folder, limits=SMALL) in reasons.split()
    assert outcome(good("zip"), folder, limits=SMALL) == "opened"


def test_there_are_enough_bad_envelopes():
    assert len(BAD) >= 40


@pytest.mark.parametrize("form", MAKERS)
@pytest.mark.parametrize(
    ("passphrase", "reason"), [("other", "wrong_passphrase"), ("", "no_passphrase"), (None, "no_passphrase")]
)
def test_a_wrong_or_missing_passphrase_is_named(form, passphrase, reason, folder):
    assert outcome(good(form), folder, passphrase) == reason


def test_a_wrong_passphrase_is_named_where_the_names_are_encrypted_too(folder):
    raw = seven_zipped(ONE, header=True)
    assert outcome(raw, folder, "other") == "wrong_passphrase"
    assert outcome(raw, folder, None) == "no_passphrase"


@pytest.mark.parametrize("form", MAKERS)
def test_a_form_that_the_contract_does_not_name_is_forbidden(form, folder):
    assert outcome(good(form), folder, allowed=("openpgp", "plain")) == "forbidden_format"


def test_the_weak_cipher_and_no_encryption_need_the_contracts_word(folder):
    weak = zip_crypto("a.csv", CSV)
    assert outcome(weak, folder, allowed=("zip", "zip_crypto")) == "opened"
    assert outcome(weak, folder, "other", allowed=("zip", "zip_crypto")) == "wrong_passphrase"
    for raw in (CSV, zipped(ONE, None), seven_zipped(ONE, None)):
        assert outcome(raw, folder, allowed=("zip", "7z")) == "forbidden_format"
    assert outcome(zipped([("a.7z", good("7z"))], None), folder, allowed=("zip", "7z")) == "opened"


def test_without_a_named_signer_in_any_envelope_a_pinned_contract_takes_nothing(folder):
    assert outcome(good("zip"), folder, signers=("A" * 40,)) == "unsigned"


TRANSFER = {"truncated", "damaged", "tampered", "unknown_format", "unknown_variant", "empty", "wrong_passphrase"}


@pytest.mark.parametrize("form", MAKERS)
def test_a_file_cut_anywhere_never_opens(form, folder):
    whole = good(form)
    places = random.Random(5).sample(range(1, len(whole)), 25)
    cuts = sorted(
        {0, 1, 2, 6, 31, 32, 40, 511, 512, 1024, *places, *(len(whole) - n for n in (1, 5, 22, 36, 44, 60, 600))}
    )
    for cut in cuts:
        assert outcome(whole[:cut], folder) in TRANSFER, cut
    assert outcome(whole[:-1], folder) == "truncated"


@pytest.mark.parametrize("form", MAKERS)
def test_a_bit_flipped_anywhere_is_refused_or_changes_nothing(form, folder):
    """`outcome` compares the payload: what still opens is the same, such as after a flip in a date or the program."""
    whole = good(form)
    ends = [*range(0, 40), *range(len(whole) - 120, len(whole))]
    reasons = set()
    for place in [*random.Random(6).sample(range(len(whole)), 60), *ends[::3]]:
        bit = 1 << place % 8
        raw = whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :]
        reasons.add(outcome(raw, folder))
    assert reasons - {"opened"} <= TRANSFER | {"forbidden_format", "unsafe_path", "bomb", "several_files"}
    assert reasons & {"damaged", "tampered"}


def test_what_an_archive_says_of_its_size_is_not_believed(folder):
    """The table says a hundred bytes, the stream is endless: it is counted, and the checksum fails."""
    raw = bytearray(zipped(BOMB, None))
    size = len(BOMB[0][1]).to_bytes(4, "little")
    raw = raw.replace(size, (100).to_bytes(4, "little"))
    assert outcome(bytes(raw), folder, limits=SMALL) == "damaged"


@pytest.mark.parametrize("form", MAKERS)
def test_no_secret_and_no_name_is_in_the_error(form, folder):
    path = folder.parent / "a.bin"
    path.write_bytes(MAKERS[form]([("目黒一郎.xlsm", CSV)], "so-very-secret"))
    for passphrase in ("so-very-secret", "not-so-secret"):
        with pytest.raises(FileRefused) as refused:
            opened_payload(path, keys=Keys(passphrase), allowed=ALL, into=folder).__enter__()
        said = f"{refused.value} {refused.value.args!r} {Keys(passphrase)!r}"
        assert "secret" not in said
        assert "目黒一郎" not in said


def test_the_forms_are_told_by_content(tmp_path):
    for form, raw in {"zip": good("zip"), "7z": good("7z"), "pgp_sda": good("sda"), "exe": program()}.items():
        path = tmp_path / "a.csv"
        path.write_bytes(raw)
        assert recognise(path) == form
    for form in ("zip", "7z"):
        path.write_bytes(program() + good(form))
        assert recognise(path) == form
