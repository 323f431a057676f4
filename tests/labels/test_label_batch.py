"""A printed batch: text, manifest and totals agree; the same records give the same bytes; nothing held is printed."""

from __future__ import annotations

import csv
import re
from hashlib import sha256
from io import StringIO

import numpy as np
import pypdfium2.raw as pdfium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_samples import DRAWN, EMPTY, MISSING, Shelf, batches, eudc_font, record
from pypdfium2 import PdfDocument

from todoke.contract.sheet_layout import MM, SheetLayout
from todoke.errors import GateClosed
from todoke.labels.barcode import bars
from todoke.labels.batch import SHEETS_PER_FILE, BatchTotals, control_totals, plan_holds, render
from todoke.labels.faces import Glyph
from todoke.labels.fonts import FontSet, base_font_path
from todoke.labels.sheet import Misfit
from todoke.labels.test_pack import pick

LAYOUT = SheetLayout()
GAIJI = chr(DRAWN) + chr(DRAWN + 1)
NAMES = ("見本　太郎", f"髙{GAIJI[0]}　花{GAIJI[1]}子", "MARIA (FERNANDA) GONZALEZ\\DE LA CRUZ", "弓削　小山")
BUILDINGS = ("", f"コーポ{GAIJI}101号室", "ザ・パークハウス自由が丘フロントレジデンスイーストウイング１０１２号室")


def many(count: int) -> list[dict[str, object]]:
    return [record(n, name=NAMES[n % 4], building=BUILDINGS[n % 3]) for n in range(1, count + 1)]


def printed(shelf: Shelf) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(shelf.files["manifest.csv"].decode("utf-8"))))


def pdfs(shelf: Shelf) -> list[bytes]:
    return [data for name, data in sorted(shelf.files.items()) if name.endswith(".pdf")]


def label_texts(pdf: bytes, layout: SheetLayout = LAYOUT) -> list[str]:
    """The text inside each label, sheet by sheet."""
    texts = []
    for page in PdfDocument(pdf):
        text = page.get_textpage()
        for x, y in layout.corners():
            box = (x, y, x + layout.width_mm * MM, y + layout.height_mm * MM)
            if found := text.get_text_bounded(*box):
                texts.append(found)
    return texts


def test_extracted_text_is_the_manifest_label_by_label_with_gaiji(fonts: FontSet, shelf: Shelf) -> None:
    records = many(60)
    render(batches(records), LAYOUT, fonts, shelf.open)
    texts, rows = label_texts(shelf.files["labels_001.pdf"]), printed(shelf)
    assert len(texts) == len(rows) == len(records)
    for place, (text, row, sent) in enumerate(zip(texts, rows, records, strict=True)):
        lines = [line.rstrip(" ") for line in text.split("\r\n")]
        postal, mark = lines[0].split(" ")
        assert (postal, mark) == ("〒152-0001", sent["sort_mark"])
        assert lines[-2:] == [f"申込番号 {row['application_no']}", bars(row["barcode"].split())]
        whole = f"{sent['town']}{sent['block']}{sent['building']}{sent['name']}\u3000様"
        assert "".join(lines[1:-2]).replace(" ", "") == whole.replace(" ", "")
        assert (row["label_no"], row["household_no"]) == (str(sent["label_no"]), sent["household_no"])
        assert (row["sheet"], row["position"]) == (str(place // 12 + 1), str(place % 12 + 1))
        assert ("gaiji" in row["flags"].split(";")) is any(char in whole for char in GAIJI)


@pytest.mark.parametrize("base", ["gothic", "mincho"])
def test_a_variant_is_drawn_with_its_own_glyph_and_extracted_as_written(shelf: Shelf, base: str) -> None:
    variant, plain = "葛\U000e0100", "葛"
    records = [record(1, name=f"{variant}城　{GAIJI[0]}"), record(2, name=f"{plain}城　{GAIJI[0]}")]
    render(batches(records), LAYOUT, FontSet.load([eudc_font()], base_font_path(base)), shelf.open)
    with_variant, without = label_texts(shelf.files["labels_001.pdf"])
    assert f"{variant}城\u3000{GAIJI[0]}\u3000様" in with_variant
    assert f"{plain}城" in without and "\U000e0100" not in without
    page = PdfDocument(shelf.files["labels_001.pdf"])[0].render(scale=4, grayscale=True).to_numpy()
    (x, y), (right, _) = LAYOUT.corners()[:2]
    rows = slice(round(page.shape[0] - 4 * (y + 26 * MM)), round(page.shape[0] - 4 * (y + 16 * MM)))
    cells = [page[rows, round(4 * left) : round(4 * left) + round(4 * 40 * MM)] < 128 for left in (x, right)]
    assert all(cell.any() for cell in cells)
    assert (cells[0] != cells[1]).any()


def test_a_run_over_several_files_extracts_as_its_manifest_in_order(fonts: FontSet, shelf: Shelf) -> None:
    layout = SheetLayout(1, 1, 100, 60, 0, 1.5, barcode_pt=10, page_width_mm=100, page_height_mm=63)
    records = many(2 * SHEETS_PER_FILE + 300)
    render(batches(records, 500), layout, fonts, shelf.open, "重要：防災カタログ在中")
    texts = [text for pdf in pdfs(shelf) for text in label_texts(pdf, layout)]
    rows = printed(shelf)
    assert len(pdfs(shelf)) == 3
    assert len(texts) == len(rows) == len(records)
    for text, row, sent in zip(texts, rows, records, strict=True):
        squeezed = re.sub(r"\s", "", text)
        whole = re.sub(r"\s", "", f"{sent['town']}{sent['block']}{sent['building']}{sent['name']}様")
        assert whole in squeezed
        for piece in (row["application_no"], bars(row["barcode"].split()), "重要：防災カタログ在中"):
            assert piece in squeezed
        assert row["household_no"] == sent["household_no"]


def test_every_font_is_embedded_and_subset(fonts: FontSet, shelf: Shelf) -> None:
    render(batches(many(30)), LAYOUT, fonts, shelf.open)
    names = set()
    for page in PdfDocument(shelf.files["labels_001.pdf"]):
        for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT]):
            font = pdfium.FPDFTextObj_GetFont(item.raw)
            assert pdfium.FPDFFont_GetIsEmbedded(font)
            buffer = (pdfium.c_char * 100)()
            pdfium.FPDFFont_GetBaseFontName(font, buffer, 100)
            names.add(buffer.value.decode())
    assert {re.sub(r"^[A-Z]{6}\+", "", name) for name in names} == {"IPAexGothic", "EUDC", "CustomerBarcode"}
    assert len(shelf.files["labels_001.pdf"]) < 60_000


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_same_records_give_the_same_bytes_however_they_come(fonts: FontSet, shelf: Shelf, size: int) -> None:
    first = render(batches(many(60)), LAYOUT, fonts, shelf.open)
    again = Shelf()
    totals = render(batches(many(60), size), LAYOUT, FontSet.load([fonts.faces[1].data]), again.open)
    assert again.files == shelf.files
    assert totals == first
    assert totals.files[0].sha256 == sha256(shelf.files["labels_001.pdf"]).hexdigest()
    assert totals.files[0].bytes == len(shelf.files["labels_001.pdf"])


@given(st.lists(st.text(" \u3000", max_size=20), min_size=5, max_size=5))
@settings(max_examples=20, deadline=None)
def test_a_label_is_the_same_whether_its_fields_are_padded_or_not(fonts: FontSet, pads: list[str]) -> None:
    fields = {
        "town": "中央町二丁目",
        "block": "3番4号",
        "building": "コーポ　見本",
        "name": "試行　三郎",
        "sort_mark": "中央",
    }
    padded = {name: text + pad for (name, text), pad in zip(fields.items(), pads, strict=True)}
    plain, filled = Shelf(), Shelf()
    render(batches([record(1, **fields)]), LAYOUT, fonts, plain.open)
    render(batches([record(1, **padded)]), LAYOUT, fonts, filled.open)
    assert filled.files == plain.files
    assert label_texts(filled.files["labels_001.pdf"])[0].find("試行　三郎　様") > 0


def test_a_name_of_blanks_is_blank(fonts: FontSet, shelf: Shelf) -> None:
    totals = render(batches([record(1, name="　 ")]), LAYOUT, fonts, shelf.open)
    assert list(totals.held.values()) == [Misfit.BLANK]


def test_a_file_has_a_thousand_sheets_at_most_and_shares_its_fonts(fonts: FontSet, shelf: Shelf) -> None:
    single = SheetLayout(columns=1, rows=1)
    totals = render(batches(many(SHEETS_PER_FILE + 2), 400), single, fonts, shelf.open)
    assert [(file.name, file.sheets) for file in totals.files] == [("labels_001.pdf", 1000), ("labels_002.pdf", 2)]
    assert [len(PdfDocument(shelf.files[file.name])) for file in totals.files] == [1000, 2]
    assert printed(shelf)[1000]["file"] == "labels_002.pdf"
    assert printed(shelf)[1000]["sheet"] == "1"
    subsets = [re.findall(rb"/Length1 \d+>>stream\n(.*?)\nendstream", pdf, re.DOTALL) for pdf in pdfs(shelf)]
    assert len(subsets[0]) == 3
    assert subsets[0] == subsets[1]


def test_who_cannot_be_printed_is_known_before_and_never_printed(fonts: FontSet, shelf: Shelf) -> None:
    records = many(40)
    records[3]["name"], records[9]["building"] = f"山{chr(EMPTY)}", "1" * 200
    records[20]["town"], records[30]["postal_code"] = chr(MISSING), "152-0000"
    plan = plan_holds(batches(records), LAYOUT, fonts)
    assert plan.held == {"00000004": Glyph.EMPTY, "00000010": Misfit.BUILDING, "00000021": Glyph.MISSING}
    assert [finding.text for finding in plan.findings] == [chr(EMPTY), chr(MISSING)]
    totals = render(batches(records), LAYOUT, fonts, shelf.open)
    assert totals.held == plan.held
    assert totals.labels + len(totals.held) == plan.households == 40
    rows = {row["household_no"]: row for row in printed(shelf)}
    assert not rows.keys() & plan.held.keys()
    assert rows["00000031"]["barcode"] == ""
    assert rows["00000031"]["flags"].split(";")[-1] == "no_barcode:postal_code_general"


def test_no_records_give_a_manifest_and_no_sheet(fonts: FontSet, shelf: Shelf) -> None:
    assert render([], LAYOUT, fonts, shelf.open) == BatchTotals(0, 0, 0, (), {})
    assert printed(shelf) == []


def test_barcode_is_read_back_from_a_600_dpi_raster(fonts: FontSet, shelf: Shelf) -> None:
    layout = SheetLayout(barcode_pt=8)
    render(batches(many(24)), layout, fonts, shelf.open)
    dots = 600 / 72
    left, foot, right, top = layout.barcode_box()
    read = []
    for page in PdfDocument(shelf.files["labels_001.pdf"]):
        image = page.render(scale=dots, grayscale=True).to_numpy() < 128
        for x, y in layout.corners():
            rows = slice(round(image.shape[0] - (y + top + 3) * dots), round(image.shape[0] - (y + foot - 3) * dots))
            area = image[rows, round((x + left - 5) * dots) : round((x + right + 5) * dots)]
            read.append(decode(area, high=round((top - foot) * dots)))
    assert read == [bars(row["barcode"].split()) for row in printed(shelf)]


def decode(black: np.ndarray, high: int) -> str:
    """Bars of a raster, black as true: the columns' runs, and how far each reaches up and down from the middle."""
    columns = black.any(axis=0)
    starts = np.flatnonzero(columns[1:] & ~columns[:-1]) + 1
    middle = int(np.flatnonzero(black.any(axis=1)).mean())
    found = ""
    for start in starts:
        rows = np.flatnonzero(black[:, start + 3])
        up, down = middle - rows[0] > high / 3, rows[-1] - middle > high / 3
        found += {(True, True): "1", (True, False): "2", (False, True): "3", (False, False): "4"}[up, down]
    return found


def test_nothing_is_drawn_outside_the_labels(fonts: FontSet, shelf: Shelf) -> None:
    render(batches(many(36)), LAYOUT, fonts, shelf.open)
    for page in PdfDocument(shelf.files["labels_001.pdf"]):
        image = page.render(scale=2, grayscale=True).to_numpy() < 200
        for x, y in LAYOUT.corners():
            inside = [(y + 2 * MM), (y + (LAYOUT.height_mm - 2) * MM), (x + 4 * MM), (x + (LAYOUT.width_mm - 4) * MM)]
            low, high, left, right = (round(2 * value) for value in inside)
            image[image.shape[0] - high : image.shape[0] - low, left:right] = False
        assert not image.any()


def test_a_test_pack_is_marked_and_does_not_count(fonts: FontSet, shelf: Shelf) -> None:
    records = many(50)
    records[6] |= {"flags": "confidential", "town": "営業所留"}
    records[8] |= {"block": "2丁目3番4号" * 3, "building": BUILDINGS[2]}
    pack = pick(batches(records, 20), fonts)
    totals = render([pack], LAYOUT, fonts, shelf.open, test_print=True)
    why = {row["household_no"]: set(row["flags"].split(";")) for row in printed(shelf)}
    assert {"confidential", "test:confidential", "test:town", "test"} <= why["00000007"]
    assert "test:longest_address" in why["00000009"]
    assert any("test:most_gaiji" in flags for flags in why.values())
    assert any("test:longest_name" in flags for flags in why.values())
    assert (totals.labels, totals.test_labels) == (0, len(why))
    assert all("見本" in text and "テスト印字" in text for text in label_texts(shelf.files["labels_001.pdf"]))
    assert pick(batches(records, 50), fonts).equals(pack)


def test_control_totals_close_or_stop() -> None:
    totals = control_totals(labels=90, held=6, excluded=4, households=100, ward_households=103, quarantined=3)
    assert totals["labels"] + totals["held"] + totals["excluded"] == totals["households"]
    with pytest.raises(GateClosed, match="labels"):
        control_totals(labels=90, held=6, excluded=3, households=100)
    with pytest.raises(GateClosed, match="ward_households"):
        control_totals(labels=90, held=6, excluded=4, households=100, ward_households=104, quarantined=3)


def test_pdf_opens_with_a_reader_that_repairs_nothing(fonts: FontSet, shelf: Shelf) -> None:
    render(batches(many(13)), LAYOUT, fonts, shelf.open)
    pdf = shelf.files["labels_001.pdf"]
    start = int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    count = int(pdf[start:].split(b"\n")[1].split()[1])
    offsets = re.findall(rb"(\d{10}) 00000 n ", pdf[start:])
    assert len(offsets) == count - 1
    assert all(pdf[int(place) :].startswith(b"%d 0 obj" % number) for number, place in enumerate(offsets, 1))
    assert PdfDocument(pdf).get_version() == 17
