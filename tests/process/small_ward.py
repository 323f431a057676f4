"""A ward of thirteen households written by hand, and the files that it and the people around it send.

Nothing here comes from the simulator: what the pipeline makes of these files can be read off the table below.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

PASSPHRASE = "目黒の防災-42"
GAIJI = "\ue000"
HEADER = (
    "世帯番号",
    "世帯主氏名",
    "世帯主氏名かな",
    "世帯員氏名",
    "世帯員氏名かな",
    "郵便番号",
    "町名",
    "番地",
    "方書",
    "世帯人数",
    "世帯員番号",
    "生年月日",
    "続柄",
    "秘匿区分",
    "旧世帯番号",
    "備考",
)
CORRECTION_HEADER = (*HEADER, "異動区分", "異動事由", "異動日")
INSTRUCTION_HEADER = (
    "世帯番号",
    "配送方法",
    "送付先郵便番号",
    "送付先住所",
    "送付先方書",
    "送付先氏名",
    "留置先名称",
)
CARRIER_HEADER = ("出荷番号", "改訂", "送り状番号", "状態", "日時", "備考")


@dataclass(frozen=True)
class Home:
    """A household; its first member is the head. Members: (given name, kana, birth date)."""

    no: str
    surname: tuple[str, str]
    members: tuple[tuple[str, str, str], ...]
    postal_code: str
    town: str
    block: str
    building: str = ""
    confidential: bool = False
    size: int | None = None

    def rows(self) -> list[tuple[str, ...]]:
        """One row per member, as the ward writes them."""
        name, kana = self.surname
        head = (f"{name}　{self.members[0][0]}", f"{kana}　{self.members[0][1]}")
        return [
            (
                self.no,
                *head,
                f"{name}　{given}",
                f"{kana}　{reading}",
                self.postal_code,
                self.town,
                self.block,
                self.building,
                str(self.size or len(self.members)),
                str(number),
                born,
                "世帯主" if number == 1 else "子",
                "1" if self.confidential else "0",
                "",
                "",
            )
            for number, (given, reading, born) in enumerate(self.members, 1)
        ]


#: Their numbers as the tests call them.
FAMILY, COUPLE, SINGLE, GAIJI_NAME, NEIGHBOUR, THREE, LATE, QUIET, DECLINES, MOVER = (
    f"{n:08d}" for n in range(1001, 1011)
)
SECRET, SECRET_INSTRUCTED, WRONG = "00002001", "00002002", "00003001"

HOMES = (
    Home(
        FAMILY,
        ("見本", "みほん"),
        (("一郎", "いちろう", "1970-04-01"), ("花子", "はなこ", "1972-05-02"), ("次郎", "じろう", "2004-06-03")),
        "153-0061",
        "中目黒",
        "１丁目２番３号",
        "コーポ見本１０１",
    ),
    Home(
        COUPLE,
        ("試行", "しこう"),
        (("三郎", "さぶろう", "1955-01-11"), ("桜", "さくら", "1957-02-12")),
        "1530051",
        "上目黒",
        "2-3-4",
    ),
    Home(SINGLE, ("例示", "れいじ"), (("梅子", "うめこ", "1980-07-21"),), "1520002", "目黒本町", "三丁目４番５号"),
    Home(
        GAIJI_NAME,
        (f"架{GAIJI}", "かくう"),
        (("四郎", "しろう", "1966-08-22"), ("菊", "きく", "1995-09-23")),
        "1520035",
        "自由が丘",
        "１－１－１",
    ),
    Home(NEIGHBOUR, ("仮名", "かめい"), (("五郎", "ごろう", "1990-10-24"),), "1520023", "八雲", "1丁目1番1号"),
    Home(
        THREE,
        ("模擬", "もぎ"),
        (("六郎", "ろくろう", "1968-03-04"), ("蘭", "らん", "1969-04-05"), ("葵", "あおい", "2001-05-06")),
        "1530063",
        "目黒",
        "2丁目4番6号",
    ),
    Home(
        LATE,
        ("試験", "しけん"),
        (("七子", "ななこ", "1948-11-25"), ("八重", "やえ", "1950-12-26")),
        "1530064",
        "下目黒",
        "3丁目5番7号",
    ),
    Home(QUIET, ("無音", "むおん"), (("九太", "きゅうた", "1985-01-27"),), "1530042", "青葉台", "4丁目6番8号"),
    Home(DECLINES, ("遠慮", "えんりょ"), (("十美", "とみ", "1939-02-28"),), "1520003", "碑文谷", "5丁目7番9号"),
    Home(
        MOVER,
        ("転居", "てんい"),
        (("千代", "ちよ", "1977-03-29"), ("万里", "まり", "1979-04-30")),
        "1520021",
        "東が丘",
        "1丁目3番5号",
    ),
    Home(
        SECRET,
        ("秘匿", "ひとく"),
        (("静", "しずか", "1988-05-31"),),
        "1520004",
        "鷹番",
        "2丁目2番2号",
        confidential=True,
    ),
    Home(
        SECRET_INSTRUCTED,
        ("内密", "ないみつ"),
        (("凪", "なぎ", "1983-06-01"), ("波", "なみ", "2010-07-02")),
        "1520011",
        "原町",
        "1丁目9番9号",
        confidential=True,
    ),
    Home(WRONG, ("誤記", "ごき"), (("空", "そら", "1991-08-03"),), "1520012", "洗足", "1丁目1番9号", size=2),
)
GOOD = tuple(home for home in HOMES if home.no != WRONG)
INSTRUCTIONS = ((SECRET_INSTRUCTED, "局留", "1500002", "東京都渋谷区渋谷一丁目1番1号", "", "内密　凪", "渋谷郵便局"),)


def home_of(number: str) -> Home:
    return next(home for home in HOMES if home.no == number)


def without(*numbers: str) -> tuple[Home, ...]:
    return tuple(home for home in HOMES if home.no not in numbers)


def correction(home: Home, kind: str = "更新", reason: str = "誤り", day: str = "") -> list[tuple[str, ...]]:
    """The rows of a corrections file for one household."""
    return [(*row, kind, reason, day) for row in home.rows()]


def secret(home: Home) -> Home:
    return replace(home, confidential=True)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A ward's CSV file: CP932, CRLF, one header row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("cp932")


def households(homes: Iterable[Home] = HOMES) -> bytes:
    return table(HEADER, (row for home in homes for row in home.rows()))


def sealed(content: bytes, passphrase: str = PASSPHRASE) -> bytes:
    """The content in an OpenPGP envelope; another one at every call."""
    with tempfile.TemporaryDirectory(prefix="gpg-", dir="/tmp") as home:
        (plain := Path(home, "plain")).write_bytes(content)
        command = [
            "gpg",
            "--homedir",
            home,
            "--batch",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase-fd",
            "0",
        ]
        options = ["--no-symkey-cache", "--s2k-count", "65536", "--cipher-algo", "AES256", "--output", "-"]
        try:
            done = subprocess.run(
                [*command, *options, "--symmetric", plain], input=passphrase.encode(), capture_output=True, check=True
            )
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)
        return done.stdout


def drop(folder: Path, name: str, content: bytes, rows: int | None = None, **counts: int) -> Path:
    """Puts a file into an inbox, its sidecar after it; `counts` are the ward's own."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(content)
    promise: dict[str, object] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), **counts}
    if rows is not None:
        promise["rows"] = rows
    file.with_name(f"{name}.done").write_text(json.dumps(promise))
    return file
