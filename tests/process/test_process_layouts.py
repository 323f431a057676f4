"""A ward that writes its file in another form gets the same register; what accumulates does so in new files."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from programme import ROOT, Programme, installation, one
from small_ward import (
    CORRECTION_HEADER,
    COUPLE,
    FAMILY,
    HEADER,
    HOMES,
    INSTRUCTION_HEADER,
    INSTRUCTIONS,
    QUIET,
    SINGLE,
    WRONG,
    Home,
    correction,
    home_of,
    households,
    secret,
    table,
    without,
)
from story import makes_first_register
from ward_queries import Query, returns

from todoke.errors import FileRefused
from todoke.process.register_inputs import instructions_in_force
from todoke.process.register_rebuild import rebuilt
from todoke.process.workspace import Workspace

Row = dict[str, Any]
FILES, NEXT, THIRD = date(2026, 7, 21), date(2026, 7, 22), date(2026, 7, 23)
MEMBER = {"氏名": "member_name", "かな": "member_kana", "生年月日": "birth_date", "続柄": "relationship"}
ONCE = ("世帯番号", "世帯主氏名", "世帯主氏名かな", "郵便番号", "町名", "番地", "方書", "世帯人数", "秘匿区分")
FIELDS = (
    *("household_no", "head_name", "head_kana", "postal_code", "town", "block", "building", "household_size"),
    "confidential",
)
WIDE = {
    "required": dict(zip(ONCE, FIELDS, strict=True)),
    "optional": {},
    "members": {"most": 5, "required": {f"世帯員{{n}}{name}": field for name, field in MEMBER.items()}},
}
#: The wide form, the columns of a member together, without a header row.
HEADLESS = WIDE | {"header": False, "columns": [*ONCE, *(f"世帯員{n}{name}" for n in (1, 2, 3) for name in MEMBER)]}


def wide_row(home: Home) -> list[str]:
    rows = [dict(zip(HEADER, row, strict=True)) for row in home.rows()]
    cells = [rows[0][name] for name in ONCE]
    for row in rows:
        cells += [row["世帯員氏名"], row["世帯員氏名かな"], row["生年月日"], row["続柄"]]
    return cells + [""] * (len(ONCE) + 3 * len(MEMBER) - len(cells))


def wide_file(*homes: Home, header: bool) -> bytes:
    names = HEADLESS["columns"]
    content = table(names, map(wide_row, homes))
    return content if header else content.partition(b"\r\n")[2]


def register_of(folder: Path, content: bytes, **layouts: object) -> tuple[Row, list[Row], list[Row]]:
    """The receipt, the members and the households that a file of the whole ward leads to."""
    programme = Programme(folder / "home", installation(folder / "root", layouts=layouts))
    with programme.entered():
        makes_first_register(programme, content, instructed=False)
        receipt = one(programme.rows("receipt", kind="households"))
        return receipt, programme.version("person"), programme.version("household")


@pytest.mark.parametrize(("layout", "header"), [(WIDE, True), (HEADLESS, False)])
def test_the_wide_form_leads_to_the_register_that_the_long_form_leads_to(tmp_path: Path, layout, header):
    _, person, household = register_of(tmp_path / "long", households())
    receipt, wide_person, wide_household = register_of(
        tmp_path / "wide", wide_file(*HOMES, header=header), households=layout
    )
    assert wide_household == household
    assert wide_person == person
    assert (receipt["rows"], receipt["accepted"], receipt["quarantined"]) == (len(HOMES), len(HOMES), 0)


#: What a ward writes in our values' place.
OWN = {
    "続柄": {"世帯主": "本人", "子": "02"},
    "秘匿区分": {"1": "有", "0": "無"},
    "異動区分": {"更新": "2", "削除": "3"},
    "異動事由": {"誤り": "09", "死亡": "04"},
    "配送方法": {"営業所留": "A", "局留": "B", "別住所": "C"},
}
VALUES = {
    "households": {"relationship": {"本人": "世帯主"}, "confidential": {"有": "1", "無": "0"}},
    "corrections": {
        "relationship": {"本人": "世帯主"},
        "confidential": {"有": "1", "無": "0"},
        "change_kind": {"2": "更新", "3": "削除"},
        "change_reason": {"09": "誤り", "04": "死亡"},
    },
    "special_delivery": {"method": {"A": "営業所留", "B": "局留", "C": "別住所"}},
}


#: How a ward writes our numbers and days, which are no words.
WIDE_DIGITS = str.maketrans("0123456789", "０１２３４５６７８９")
WRITTEN = {
    "世帯番号": lambda text: f'="{text}"' if text[-1] in "13579" else f"{text[:4]}　{text[4:]} ".translate(WIDE_DIGITS),
    "郵便番号": lambda text: f"〒{text[:3]}－{text[-4:]}".translate(WIDE_DIGITS),
    "送付先郵便番号": lambda text: f"{text[:3]} ー {text[-4:]}",
    "世帯人数": lambda text: f"{text}人",
    "世帯員番号": lambda text: f" {text}".translate(WIDE_DIGITS),
    "生年月日": lambda text: f"{text.replace('-', '/')} 00:00:00",
}


def in_own_words(content: bytes) -> bytes:
    """A file with the ward's own values, and its numbers and days in other ways of writing; columns too."""
    header, *rows = csv.reader(io.StringIO(content.decode("cp932")))
    own = [[OWN.get(name, {}).get(cell, cell) for name, cell in zip(header, row, strict=True)] for row in rows]
    own = [[WRITTEN.get(name, str)(cell) for name, cell in zip(header, row, strict=True)] for row in own]
    blank = [""] * len(header)
    return table([f" {name[:2]}　{name[2:]}" for name in header], [blank, *own, blank])


def methods() -> list[str]:
    """How the instructions in force have parcels delivered."""
    ws = Workspace.open("gift", FILES)
    with ws.ledger.read() as tx:
        heads = ws.ledger.heads(tx)
    return instructions_in_force(ws, heads)["method"].to_pylist()


def test_a_ward_with_its_own_values_gets_the_same_register_and_is_asked_in_its_own(tmp_path: Path):
    """Base, corrections, one of them with a value that nobody knows, and instructions; then the ward's answer."""
    died = correction(home_of(QUIET), "削除", "死亡", "2026-07-05")
    unknown = correction(replace(home_of(SINGLE), block="9-9-9"), "更新", "引越", "2026-07-05")
    sent = {
        "households": households(),
        "corrections": table(CORRECTION_HEADER, [*died, *correction(secret(home_of(COUPLE))), *unknown]),
        "special_delivery": table(INSTRUCTION_HEADER, INSTRUCTIONS),
    }
    layouts = yaml.safe_load((ROOT / "contracts/gift/contract.yaml").read_text("utf-8"))["layouts"]
    mapped = {kind: layouts[kind] | {"values": values} for kind, values in VALUES.items()}
    made = []
    for name, changed, write in (("ours", {}, bytes), ("own", mapped, in_own_words)):
        programme = Programme(tmp_path / name, installation(tmp_path / f"{name} root", layouts=changed))
        with programme.entered():
            programme.ward_sends_font()
            for kind, content in sent.items():
                programme.ward_sends(kind, write(content), FILES)
            programme.run("intake", FILES)
            programme.run("register", FILES)
            # which row instructs a household is said by a receipt's number, which is the installation's
            homes = [row | {"instruction": row["instruction"] is not None} for row in programme.version("household")]
            parts = [programme.version("person"), homes]
            aside = [(row["household_no"], row["reason"], row["field"]) for row in programme.version("quarantine")]
            made.append((*parts, sorted(aside), methods()))
    assert made[1] == made[0]
    with programme.entered():
        assert {row["confidential"] for row in programme.version("ward_row")} == {"有", "無"}, "landed as it was sent"
        assert (SINGLE, "change_invalid", "change_reason") in made[1][2]
        asked = Query(programme)
        assert asked.cell(SINGLE, "送られた値").value == "引越"
        assert asked.cell(SINGLE, "お願い").value.endswith(
            "使える値: 04、09、誤り、転居、転出、死亡、分離、合併、その他"
        )
        assert asked.cell(WRONG, "送られた値").value == "–"
        returns(programme, asked.answer(SINGLE, "訂正", "09").content())
        programme.run("register", NEXT)
        assert {row["block"] for row in programme.version("person") if row["household_no"] == SINGLE} == {"9-9-9"}
        number = max(row["number"] for row in programme.rows("dataset_version", dataset="register"))
        assert "differs" not in rebuilt("gift", number).values()
        assert programme.faults() == []


def test_rows_of_a_wide_file_that_cannot_be_read_are_counted_and_shown_as_rows_of_the_file(tmp_path: Path):
    programme = Programme(tmp_path / "home", installation(tmp_path / "root", layouts={"households": WIDE}))
    homes = [replace(home, no=f"{int(home.no) + street * 10_000:08}") for home in HOMES for street in range(5)]
    content = wide_file(*homes, header=True) + b"00009999,x\r\n"
    with programme.entered():
        programme.ward_sends_font()
        programme.ward_sends("households", content, FILES)
        assert programme.run("intake", FILES)["receive"]["quarantined"] == 1
        receipt = one(programme.rows("receipt", kind="households"))
        assert (receipt["rows"], receipt["accepted"], receipt["quarantined"]) == (66, 65, 1)
        assert len({row["row_no"] for row in programme.version("ward_row")}) == 65
        programme.run("register", FILES)
        found = one([row for row in programme.version("quarantine") if row["reason"] == "ragged"])
    assert (found["household_no"], found["row_no"]) == ("00009999", 66)
    assert found["byte_offset"] == content.index(b"00009999,x")


def test_corrections_accumulate_and_what_is_there_is_not_written_again(july: Programme):
    def files() -> dict[str, bytes]:
        folder = july.home / "lake" / "gift" / "correction_row"
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.parquet")}

    july.ward_sends("corrections", table(CORRECTION_HEADER, correction(home_of(FAMILY))), NEXT)
    july.run("intake", NEXT)
    first = files()
    july.ward_sends("corrections", table(CORRECTION_HEADER, correction(home_of(COUPLE))), THIRD)
    july.run("intake", THIRD)
    assert len(first) == 1 and len(files()) == 2 and files().items() >= first.items()
    assert [row["household_no"] for row in july.version("correction_row")] == [FAMILY] * 3 + [COUPLE] * 2
    july.ward_sends("corrections", table(CORRECTION_HEADER, []), THIRD, seq=2)
    assert july.run("intake", THIRD)["receive"]["accepted_files"] == 1
    assert len(files()) == 2


def test_bad_rows_of_several_files_accumulate(fresh: Programme):
    for day, homes in ((FILES, HOMES), (NEXT, without(QUIET)), (THIRD, without(SINGLE))):
        rows = [row for home in homes for row in home.rows()] * 5
        fresh.ward_sends("households", table(HEADER, rows) + b"1,2\r\n", day)
        fresh.run("intake", day)
    receipts = fresh.rows("receipt", kind="households")
    assert [row["quarantined"] for row in receipts] == [1, 1, 1]
    assert {row["receipt_no"] for row in fresh.version("bad_row")} == {row["receipt_no"] for row in receipts}


def test_a_contract_that_refuses_bad_rows_takes_no_file_with_one(tmp_path: Path):
    programme = Programme(tmp_path / "home", installation(tmp_path / "root", intake={"bad_rows": "refuse"}))
    rows = [row for home in HOMES for row in home.rows()] * 5
    with programme.entered():
        programme.ward_sends("households", table(HEADER, rows) + b"1,2\r\n", FILES)
        with pytest.raises(FileRefused, match="許容は0行"):
            programme.run("intake", FILES)
        assert programme.rows("dataset_version") == []
        assert [p for p in (programme.home / "lake").rglob("*") if p.is_file()] == []


def test_the_limit_of_bad_rows_is_of_the_whole_file(tmp_path: Path):
    """The bad ones all stand at its beginning, far more than the limit of what was read until then."""
    programme = Programme(tmp_path / "home", installation(tmp_path / "root"))
    rows = [row for home in HOMES for row in home.rows()] * 250
    assert len(rows) > 5000
    header, _, good = table(HEADER, rows).partition(b"\r\n")
    with programme.entered():
        for day, bad, state in ((FILES, 100, "accepted"), (NEXT, 120, "refused")):
            programme.ward_sends("households", header + b"\r\n" + b"1,2\r\n" * bad + good, day)
            if state == "refused":
                with pytest.raises(FileRefused, match="行中、許容は"):
                    programme.run("intake", day)
            else:
                assert programme.run("intake", day)["receive"]["quarantined"] == bad
        states = sorted(programme.rows("receipt", kind="households"), key=lambda row: row["received_at"])
        assert [row["state"] for row in states] == ["accepted", "refused"]
