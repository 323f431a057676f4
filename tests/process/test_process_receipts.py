"""Every file of the client has its receipt on paper, once, and the register of them all can be handed over (P01)."""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from unittest.mock import patch

import openpyxl
import pypdfium2
import pytest
from programme import CONTRACT, Programme, one
from small_ward import CORRECTION_HEADER, COUPLE, HOMES, correction, drop, home_of, households, sealed, table

from todoke.errors import FileRefused
from todoke.intake import envelope_faults
from todoke.intake.receipts import KINDS, kind_label, reason_label
from todoke.model.codes import ReceiptState
from todoke.outbox.batch import Outbox
from todoke.process import receipts, receiving

DAY, NEXT, LATER = date(2026, 7, 21), date(2026, 7, 22), date(2026, 7, 23)


def pages(content: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(content)
    assert [tuple(round(side) for side in page.get_size()) for page in document] == [(595, 842)] * len(document)
    return [page.get_textpage().get_text_range() for page in document]


def test_a_receipt_says_when_who_what_how_many_and_the_digest_and_names_nobody(july: Programme):
    row = one(july.rows("receipt", kind="households"))
    assert len(july.out("receipts")) == 3
    content = july.out("receipts")[f"receipts/202607/{row['receipt_no']}_{row['seq']}.pdf"]
    text = one([{"page": page} for page in pages(content)])["page"]
    for told in (
        row["receipt_no"],
        "目黒区危機管理部防災課　御中",
        "在宅避難支援事業（防災カタログギフト配布事業）",
        "在宅避難支援事業事務局（todoke）",
        "2026年7月21日 18:00",
        "世帯データ",
        row["file_name"],
        f"{row['rows']} 件（うち要確認 0 件）",
        row["sha256"][:8],
        row["sha256"][-8:],
        row["content_sha256"][-8:],
    ):
        assert told in text, told
    for home in HOMES:
        given = [word for member in home.members for word in member[:2] if len(word) > 1]
        assert not any(word in text for word in (home.no, *home.surname, home.block, *given))


def test_receipts_are_put_out_once(july: Programme):
    before = july.traces()
    assert receipts.issue(CONTRACT, NEXT) == {"certificates": 0}
    assert july.traces() == before


@contextmanager
def killed(target: object, name: str):
    with patch.object(target, name, side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        yield


@pytest.mark.parametrize("where", ["before the file", "before the ledger knows of it"])
def test_a_killed_run_leaves_the_receipt_to_the_next_one(fresh: Programme, where: str):
    fresh.ward_sends("households", households(), DAY)
    fresh.ward_sends_font()
    if where == "before the file":
        with killed(Outbox, "put"):
            fresh.run("intake", DAY)
        assert fresh.out("receipts") == {}
    else:
        with killed(receipts, "update"):
            fresh.run("intake", DAY)
        assert len(fresh.out("receipts")) == 1
    assert all(row["certificate_sha256"] is None for row in fresh.rows("receipt"))
    assert fresh.run("intake", NEXT)["issue"] == {"certificates": 2}
    assert len(fresh.out("receipts")) == 2
    assert all(row["certificate_sha256"] for row in fresh.rows("receipt"))
    assert fresh.run("intake", NEXT)["issue"] == {"certificates": 0}


def test_a_refused_file_has_a_receipt_with_the_reason_and_another_when_it_is_taken(fresh: Programme):
    fresh.ward_sends_envelope("households", b"\x00" * 64, DAY)
    with pytest.raises(FileRefused):
        fresh.run("intake", DAY)
    receipts.issue(CONTRACT, DAY)
    assert "受領不可：内容がない" in "".join(pages(one([{"c": c} for c in fresh.out("receipts").values()])["c"]))


def test_a_refusal_that_was_killed_before_the_file_was_cleared_away_is_one_refusal(fresh: Programme):
    fresh.ward_sends_envelope("households", b"\x00" * 64, DAY)
    with killed(receiving, "_clear"):
        fresh.run("intake", DAY)
    receipts.issue(CONTRACT, DAY)
    before = fresh.rows("receipt")
    with pytest.raises(FileRefused):
        fresh.run("intake", NEXT)
    assert receipts.issue(CONTRACT, NEXT) == {"certificates": 0}
    assert fresh.rows("receipt") == before
    assert list(fresh.inbox("lgwan").iterdir()) == []


def test_a_file_that_waited_has_a_second_receipt_when_it_is_taken(july: Programme):
    july.ward_sends("households", households(HOMES[:-1]), NEXT)
    july.run("intake", NEXT)
    july.ward_sends("households", households(), LATER)
    july.run("intake", LATER)
    july.answer()
    july.run("intake", LATER)
    waited = next(row for row in july.rows("receipt", kind="households") if row["file_date"] == LATER)
    told = ["".join(pages(content)) for name, content in july.out("receipts").items() if waited["receipt_no"] in name]
    assert ["確認待ち" in text for text in told] == [True, False]
    assert "22 件" in told[1]


def test_specific_personal_information_is_said_not_to_be_kept(fresh: Programme):
    fresh.ward_sends("households", table(("個人番号",), [("123456789018",)]), DAY)
    with pytest.raises(FileRefused):
        fresh.run("intake", DAY)
    receipts.issue(CONTRACT, DAY)
    text = "".join(pages(one([{"c": c} for c in fresh.out("receipts").values()])["c"]))
    assert "お預かりせず消去しました" in text and "123456789018" not in text


def test_a_name_that_no_font_draws_and_a_very_long_one_still_fit(fresh: Programme):
    name = "households_" + "長い名前" * 18 + "\U0001f600.csv"
    drop(fresh.inbox("lgwan"), name, households())
    with pytest.raises(FileRefused):
        fresh.run("intake", DAY)
    receipts.issue(CONTRACT, DAY)
    (content,) = fresh.out("receipts").values()
    text = "".join("".join(pages(content)).split())
    assert "長い名前" * 18 + "〓.csv" in text


def register(programme: Programme) -> tuple[openpyxl.Workbook, list[dict[str, object]]]:
    book = openpyxl.load_workbook(io.BytesIO(receipts.export_register(CONTRACT)))
    page = book["記録簿"]
    rows = [[cell.value for cell in row] for row in page.iter_rows(min_row=4)]
    return book, [dict(zip(rows[0], row, strict=True)) for row in rows[1:] if row[1]]


def test_the_register_lists_every_receipt_with_state_reason_and_repeats(july: Programme):
    content = table(CORRECTION_HEADER, correction(home_of(COUPLE)))
    for day in (NEXT, LATER):
        drop(july.inbox("lgwan"), "corrections_20260722_1.csv", content)
        july.run("intake", day)
    drop(july.inbox("lgwan"), "corrections_20260722_1_r1.csv", table(CORRECTION_HEADER, correction(HOMES[0])))
    july.ward_sends("households", households(), LATER)
    july.ward_sends_envelope("stop", sealed(b"x,y\r\n1,2\r\n"), LATER)
    with pytest.raises(FileRefused):
        july.run("intake", LATER)
    book, rows = register(july)
    told = {(row["ファイル名"], row["種類"], row["取扱い"], row["理由"] or "", row["再送"]) for row in rows}
    assert told == {
        ("EUDC.TTE", "外字フォント", "受領", "", 0),
        ("households_20260721_01.csv.pgp", "世帯データ", "受領", "", 0),
        ("special_delivery_20260721_01.csv.pgp", "送付先の指示", "受領", "", 0),
        ("corrections_20260722_1.csv", "異動・訂正データ", "受領（後の版で差替え）", "", 1),
        ("corrections_20260722_1_r1.csv", "異動・訂正データ", "受領", "", 0),
        ("households_20260723_01.csv.pgp", "世帯データ", "同一内容（変更なし）", "", 0),
        ("stop_20260723_01.csv.pgp", "発送停止の指示", "受領不可", "必要な列がない", 0),
    }
    assert {row["受領番号"] for row in rows} == {row["receipt_no"] for row in july.rows("receipt")}
    for page in book:
        assert page.page_setup.paperSize == 9 and page.sheet_properties.pageSetUpPr.fitToPage
    assert book["記録簿"].page_setup.orientation == "landscape"
    totals = {row[0].value: [cell.value for cell in row[1:]] for row in book["種類別"].iter_rows(min_row=5)}
    assert totals["異動・訂正データ"] == [2, 0, 0, 0, 0, 1]


def test_every_reason_for_which_a_file_is_refused_is_told_in_words():
    """A code in a receipt or in the register would tell the ward nothing; what operators read names all codes."""
    operations = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    rows = operations.partition("| reason of a refused file |")[2].partition("\n\n")[0].splitlines()[2:]
    reasons = {code for row in rows for code in re.findall("`([a-z_]+)`", row.split("|")[1])}
    assert reasons > envelope_faults.REASONS
    assert {reason for reason in reasons if reason_label(reason) == reason} == receiving.STAYS


def test_a_kind_or_a_state_is_not_cut_off_in_the_register(july: Programme):
    """They stand in one line or wrap; LibreOffice and Excel cut what does neither."""
    page = register(july)[0]["記録簿"]
    columns = {cell.value: cell.column_letter for cell in page[4]}
    for heading, texts in {
        "種類": [*map(kind_label, KINDS), "その他"],
        "取扱い": [f"{ReceiptState.ACCEPTED.label}（後の版で差替え）", *(state.label for state in ReceiptState)],
    }.items():
        room = page.column_dimensions[columns[heading]].width - 2
        wraps = page[f"{columns[heading]}5"].alignment.wrap_text
        assert wraps or all(2 * len(text) <= room for text in texts)


def test_the_register_is_written_by_the_command_line(july: Programme, tmp_path):
    from typer.testing import CliRunner

    from todoke.cli import app

    done = CliRunner().invoke(app, ["receipts", "export", CONTRACT, "--to", str(tmp_path / "register.xlsx")])
    assert done.exit_code == 0, done.output
    heading = openpyxl.load_workbook(tmp_path / "register.xlsx")["記録簿"]["A1"].value
    assert heading.startswith("機密情報 受領記録簿（")
