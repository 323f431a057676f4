"""What a confidential batch tells the carrier: the ward's method, place and recipient, never the registered address."""

from __future__ import annotations

import csv
import io
import shutil
from datetime import date
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from programme import Programme, installation, one
from pypdfium2 import PdfDocument
from small_ward import INSTRUCTION_HEADER, SECRET, SECRET_INSTRUCTED, home_of, table

from todoke.contract.sheet_layout import MM
from todoke.errors import GateClosed
from todoke.outbox.delivery_methods import delivery_methods

LABELS, NEXT, THIRD = date(2026, 9, 7), date(2026, 9, 8), date(2026, 9, 9)
HEADER = ("出荷番号", "申込番号", "送付先郵便番号", "送付先住所", "送付先方書", "留置先名称", "送付先氏名")
KEPT = (SECRET_INSTRUCTED, "局留", "1500002", "東京都渋谷区渋谷一丁目1番1号", "", "内密　凪", "渋谷郵便局")


def printed(programme: Programme, *instructions: tuple[str, ...]) -> dict[str, bytes]:
    """The files of the confidential batch under these instructions."""
    programme.ward_sends("special_delivery", table(INSTRUCTION_HEADER, instructions), NEXT)
    for process in ("intake", "register", "labels"):
        programme.run(process, NEXT)
    programme.answer()
    programme.run("labels", NEXT)
    batch = one(programme.rows("batch", kind="catalogue_confidential"))["id"]
    return {name.rpartition("/")[2]: content for name, content in programme.out(f"labels/{batch}").items()}


def sheets(content: bytes) -> dict[str, list[tuple[str, ...]]]:
    """The rows under the headings, by sheet."""
    read = {}
    for sheet in openpyxl.load_workbook(io.BytesIO(content)):
        rows = [tuple(str(value or "") for value in row[: len(HEADER)]) for row in sheet.iter_rows(values_only=True)]
        head = rows.index(HEADER)
        read[sheet.title] = [row for row in rows[head + 1 :] if row[0] and row[1]]
    return read


def label_text(files: dict[str, bytes]) -> str:
    document = PdfDocument(files["labels_001.pdf"])
    return "".join(document[n].get_textpage().get_text_bounded() for n in range(len(document)))


def test_each_method_has_its_sheet_with_the_wards_places_alone(july: Programme):
    other = (SECRET, "別住所", "1540001", "東京都世田谷区池尻一丁目2番3号", "見本荘101", "秘匿　花", "")
    files = printed(july, KEPT, other)
    read = sheets(files["delivery_methods.xlsx"])
    assert list(read) == ["局留", "別住所"]
    [row] = read["局留"]
    parcel = july.parcel(SECRET_INSTRUCTED, "catalogue")["id"]
    assert row[:2] == (parcel, july.number(SECRET_INSTRUCTED))
    assert [cell.replace("-", "") for cell in row[2:]] == [KEPT[2], KEPT[3], "", "渋谷郵便局", "内密　凪"]
    [row] = read["別住所"]
    assert [cell.replace("-", "") for cell in row[2:]] == [other[2], other[3], "見本荘101", "", "秘匿　花"]
    text = str(read)
    for number in (SECRET, SECRET_INSTRUCTED):
        assert home_of(number).block not in text
        assert number not in text


@pytest.mark.parametrize(
    ("method", "place", "shown"),
    [
        ("局留", "渋谷郵便局", "渋谷郵便局留"),
        ("営業所留", "見本運輸渋谷営業所", "見本運輸渋谷営業所留"),
        ("局留", "渋谷郵便局留", "渋谷郵便局留"),
        ("営業所留", "渋谷営業所留め", "渋谷営業所留め"),
        ("局\u3000留\t", "渋谷郵便局", "渋谷郵便局留"),
    ],
)
def test_the_label_names_the_place_that_keeps_the_parcel_in_the_usual_form(
    july: Programme, method: str, place: str, shown: str
):
    files = printed(july, (*KEPT[:1], method, *KEPT[2:6], place))
    lines = label_text(files).split()
    assert shown in lines and (plain := "".join(method.split())) in lines
    assert {name: len(rows) for name, rows in sheets(files["delivery_methods.xlsx"]).items()} == {plain: 1}


def test_a_parcel_that_would_be_on_no_sheet_closes_the_gate():
    row = dict.fromkeys(("shipment_id", "application_no", "postal_code", "address", "building", "held_at"), "")
    rows = pa.Table.from_pylist([{**row, "recipient_name": "", "delivery_method": m} for m in ("局留", "置き配")])
    said = {"batch": "B1", "programme": "見本事業", "title": "配送方法"}
    for parcels in (rows, rows.slice(0, 1)):
        with pytest.raises(GateClosed, match="B1"):
            delivery_methods(parcels, count=2, **said)
    assert list(sheets(delivery_methods(rows.slice(0, 1), count=1, **said))) == ["局留"]


def test_a_method_that_alone_changes_is_sent_anew(july: Programme):
    kept = (*KEPT[:3], "", *KEPT[4:6], "渋谷留置所留")
    printed(july, kept)
    july.ward_sends("special_delivery", table(INSTRUCTION_HEADER, [(kept[0], "営業所留", *kept[2:])]), THIRD)
    for process in ("intake", "register", "labels"):
        july.run(process, THIRD)
    july.answer()
    july.run("labels", THIRD)
    parcel = july.parcel(SECRET_INSTRUCTED, "catalogue")
    assert (parcel["state"], parcel["action"], parcel["revision"]) == ("released", "replace", 2)
    [batch] = [row["id"] for row in july.rows("batch", kind="catalogue_confidential", business_on=THIRD)]
    files = {name.rpartition("/")[2]: content for name, content in july.out(f"labels/{batch}").items()}
    assert list(sheets(files["delivery_methods.xlsx"])) == ["営業所留"]
    assert "営業所留" in label_text(files)
    assert july.faults() == []


def test_a_method_is_printed_in_files_of_its_own_on_the_form_that_the_contract_gives_it(
    in_july: Programme, tmp_path: Path
):
    own = {"columns": 1, "rows": 1, "width_mm": 100, "height_mm": 60, "left_mm": 0, "top_mm": 1.5}
    own |= {"page_mm": {"width": 100, "height": 63}, "free_text": "窓口でお渡しください"}
    root = installation(tmp_path / "root", labels={"forms": {"catalogue_confidential": {"methods": {"局留": own}}}})
    shutil.copytree(in_july.home, tmp_path / "home")
    other = (SECRET, "別住所", "1540001", "東京都世田谷区池尻一丁目2番3号", "見本荘101", "秘匿　花", "")
    with Programme(tmp_path / "home", root, now=in_july.now).entered() as programme:
        files = printed(programme, KEPT, other)
        assert programme.faults() == []
    sheets = [PdfDocument(files[name]) for name in ("labels_001.pdf", "labels_002.pdf")]
    assert [round(sheet[0].get_size()[0] / MM) for sheet in sheets] == [210, 100]
    elsewhere, kept = (sheet[0].get_textpage().get_text_range() for sheet in sheets)
    assert kept.splitlines()[0] == "〒150-0002 局留"
    assert "窓口でお渡しください" in kept and "渋谷郵便局留" in kept
    assert elsewhere.splitlines()[0].strip() == "〒154-0001" and "窓口" not in elsewhere
    rows = list(csv.DictReader(io.StringIO(files["manifest.csv"].decode())))
    assert [row["flags"].split(";")[1] for row in rows] == ["method:別住所", "method:局留"]


def test_ordinary_batches_have_no_such_form(july: Programme):
    printed(july, KEPT)
    ordinary = one(july.rows("batch", kind="catalogue"))["id"]
    assert not [name for name in july.out(f"labels/{ordinary}") if name.endswith(".xlsx")]
    assert one([name for name in july.out("labels") if name.endswith(".xlsx")]).endswith("/delivery_methods.xlsx")
