"""Every sheet says beside its labels which it is, every file in its metadata; a delivery method its own files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from io import BytesIO, StringIO
from itertools import product

import pyarrow as pa
import pypdfium2.raw as pdfium
import pytest
from fontTools.ttLib import TTFont
from label_samples import DRAWN, Shelf, batches, record
from pypdfium2 import PdfDocument, PdfPage

from todoke.contract.label_forms import LabelForm
from todoke.contract.sheet_layout import MM, SheetLayout
from todoke.errors import GateClosed
from todoke.ids import identifier
from todoke.labels.batch import SHEETS_PER_FILE, Place, plan_holds, render, render_sheet
from todoke.labels.cutting import Cut
from todoke.labels.fonts import FontSet
from todoke.labels.grid import grid
from todoke.labels.imprint import IMPRINTED, Imprint, SheetPlace, margin_line
from todoke.labels.test_pack import pick
from todoke.model.changes import effect_kind
from todoke.model.codes import ShipmentKind
from todoke.model.ward_values import DELIVERY_METHODS

TWELVE, ONE = SheetLayout(), SheetLayout(columns=1, rows=1)
TWENTY_FOUR = SheetLayout(3, 8, 70, 33.9, 0, 12.9, barcode_pt=8)
HIGH_UP = SheetLayout(2, 6, 86.4, 42.3, 18.6, 40.0)
ROLL = SheetLayout(1, 1, 100, 60, 0, 1.5, barcode_pt=10, page_width_mm=100, page_height_mm=63)
ROLL_FORM = LabelForm(
    columns=1, rows=1, width_mm=100, height_mm=60, left_mm=0, top_mm=1.5, barcode_pt=10,
    page_mm={"width": 100, "height": 63}, free_text="窓口でお渡しください",
)  # fmt: skip
BATCH = Imprint("gift", "見本事業", date(2026, 9, 7), "catalogue", identifier(b"key", "batch", "gift"), 2, 7)


def texts(page: PdfPage, layout: SheetLayout) -> tuple[list[str], str]:
    """The text of each label of a page, and all text outside of them."""
    page_text, inside = page.get_textpage(), []
    for x, y in layout.corners():
        if found := page_text.get_text_bounded(x, y, x + layout.width_mm * MM, y + layout.height_mm * MM):
            inside.append(found)
    whole = page_text.get_text_range()
    for found in inside:
        whole = whole.replace(found, "")
    return inside, whole.strip()


@pytest.mark.parametrize("layout", [TWELVE, TWENTY_FOUR, HIGH_UP, replace(TWENTY_FOUR, offset_y_mm=1.5)])
def test_a_loose_sheet_says_outside_its_labels_which_it_is(fonts: FontSet, shelf: Shelf, layout: SheetLayout) -> None:
    records = [record(n, name=f"見本　{chr(DRAWN)}") for n in range(1, 50)]
    render(batches(records, 20), layout, fonts, shelf.open, imprint=BATCH)
    pages = PdfDocument(shelf.files["labels_001.pdf"])
    plain = Shelf()
    render(batches(records), layout, fonts, plain.open)
    for number, (page, without) in enumerate(zip(pages, PdfDocument(plain.files["labels_001.pdf"]), strict=True), 1):
        inside, beside = texts(page, layout)
        place = f"束 2/7 {BATCH.batch}\u3000ファイル 1/1\u3000枚目 {number}/{len(pages)}"
        assert beside == f"gift\u3000印刷日 2026-09-07\u3000カタログ宛名ラベル\u3000{place}"
        assert inside == texts(without, layout)[0]
    assert shelf.files["manifest.csv"] == plain.files["manifest.csv"]


def test_files_and_sheets_are_counted_over_the_batch(fonts: FontSet, shelf: Shelf) -> None:
    render(batches([record(n) for n in range(1, SHEETS_PER_FILE + 3)], 400), ONE, fonts, shelf.open, imprint=BATCH)
    first, second = (PdfDocument(shelf.files[f"labels_00{n}.pdf"]) for n in (1, 2))
    ends = [texts(page, ONE)[1].split("\u3000")[-2:] for page in (first[0], first[999], second[1])]
    assert ends == [["ファイル 1/2", "枚目 1/1000"], ["ファイル 1/2", "枚目 1000/1000"], ["ファイル 2/2", "枚目 2/2"]]


def test_without_a_margin_the_metadata_alone_tell_the_file(fonts: FontSet, shelf: Shelf) -> None:
    render(batches([record(1)]), ROLL, fonts, shelf.open, imprint=replace(BATCH, is_test=True), test_print=True)
    file = PdfDocument(shelf.files["labels_001.pdf"])
    assert texts(file[0], ROLL)[1] == ""
    told = {key: value for key, value in file.get_metadata_dict().items() if value}
    assert told == {
        "Title": "見本事業\u3000カタログ宛名ラベル\u3000試し刷り",
        "Subject": "印刷日 2026-09-07\u3000束 2/7\u3000ファイル 1/1",
        "Keywords": f"gift catalogue {BATCH.batch} labels_001.pdf",
    }


def test_the_line_keeps_off_the_labels_and_off_what_printers_leave_blank(fonts: FontSet) -> None:
    text = BATCH.text(SheetPlace(1, 1, 1, 1))
    for layout in (TWELVE, TWENTY_FOUR, HIGH_UP, replace(TWENTY_FOUR, offset_y_mm=-2.0)):
        line = margin_line(text, layout, fonts)
        assert line is not None
        low, high = line.y - 0.12 * line.size, line.y + 0.88 * line.size
        assert low >= 5 * MM and high <= (layout.page_height_mm - 5) * MM
        assert line.x + fonts.width(text) * line.size <= (layout.page_width_mm - 5) * MM
        feet = [y for _, y in layout.corners()]
        assert high <= min(feet) or low >= max(feet) + layout.height_mm * MM
    assert margin_line(text, ROLL, fonts) is None


def test_every_line_holds_nothing_but_what_the_contract_check_has_proven() -> None:
    numbers = [identifier(b"key", "batch", n) for n in range(50)]
    for kind, apart, method in product(ShipmentKind, (False, True), ("", *DELIVERY_METHODS)):
        said = replace(BATCH, kind=effect_kind(kind, confidential=apart), is_test=apart, again=not apart)
        assert IMPRINTED.issuperset(said.text(SheetPlace(12, 34, 567, 890), method))
    assert IMPRINTED.issuperset("".join(numbers))


def test_every_character_of_the_line_has_a_glyph_with_ink_in_the_file(
    fonts: FontSet, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A character that the cut lacks is still found as text, but prints as a box."""
    cuts: list[Cut | None] = []
    cut = FontSet.cut

    def noted(self: FontSet, characters: Iterable[str]) -> list[Cut | None]:
        cuts[:] = cut(self, characters)
        return list(cuts)

    monkeypatch.setattr(FontSet, "cut", noted)
    batch = replace(BATCH, batch="".join(identifier(b"key", "batch", n) for n in range(3)))
    [part] = batches([record(1)])
    place = {part["application_no"][0].as_py(): Place("labels_001.pdf", 1, 1)}
    for again in (False, True):
        said = replace(batch, again=again)
        if again:
            render_sheet(part, place, TWELVE, fonts, shelf.open, imprint=(said, SheetPlace(1, 1, 1, 1)))
        else:
            render([part], TWELVE, fonts, shelf.open, imprint=said)
        inked = set()
        for face in filter(None, cuts):
            outlines = TTFont(BytesIO(face.data))
            names, shapes = outlines.getGlyphOrder(), outlines["glyf"]
            inked |= {text for _, text, glyph, _ in face.glyphs if glyph and shapes[names[glyph]].numberOfContours}
        line = texts(PdfDocument(shelf.files["labels_001.pdf"])[0], TWELVE)[1]
        assert said.batch in line
        assert inked.issuperset(re.sub(r"\s", "", line))


def test_the_same_batch_gives_the_same_bytes_with_its_imprint(fonts: FontSet) -> None:
    shelves = Shelf(), Shelf()
    for shelf, size in zip(shelves, (7, 50), strict=True):
        render(batches([record(n) for n in range(1, 30)], size), TWELVE, fonts, shelf.open, imprint=BATCH)
    assert shelves[0].files == shelves[1].files


def test_a_label_without_room_stops_sheets_that_count_themselves(fonts: FontSet, shelf: Shelf) -> None:
    records = [record(1), record(2, building="1" * 200)]
    with pytest.raises(GateClosed, match=BATCH.batch):
        render(batches(records), TWELVE, fonts, shelf.open, imprint=BATCH)


def by_methods(*methods: str) -> pa.RecordBatch:
    rows = [record(n, sort_mark=method, flags="confidential") for n, method in enumerate(methods, 1)]
    return batches(rows)[0].append_column("delivery_method", pa.array(methods))


CONFIDENTIAL = replace(BATCH, kind="catalogue_confidential")


def test_each_delivery_method_has_files_of_its_own_on_its_own_form(fonts: FontSet, shelf: Shelf) -> None:
    own = {"局留": ROLL_FORM}
    part = by_methods("別住所", "局留", "局留", "営業所留")
    parts = [part.slice(0, 2), part.slice(2, 2)]
    totals = render(parts, TWELVE, fonts, shelf.open, "防災カタログ在中", by_method=own, imprint=CONFIDENTIAL)
    assert [(file.sheets, file.labels) for file in totals.files] == [(1, 1), (2, 2), (1, 1)]
    files = [PdfDocument(shelf.files[f"labels_00{n}.pdf"]) for n in (1, 2, 3)]
    assert [round(file[0].get_size()[0] / MM) for file in files] == [210, 100, 210]
    rows = list(csv.DictReader(StringIO(shelf.files["manifest.csv"].decode())))
    assert [row["flags"].split(";")[1] for row in rows] == ["method:別住所", *["method:局留"] * 2, "method:営業所留"]
    assert [(row["file"], row["sheet"]) for row in rows][1:3] == [("labels_002.pdf", "1"), ("labels_002.pdf", "2")]
    for file, layout, free_text in zip(files, (TWELVE, ROLL, TWELVE), ("在中", "窓口", "在中"), strict=True):
        assert all(free_text in text for page in file for text in texts(page, layout)[0])
    titles = [file.get_metadata_dict()["Title"] for file in files]
    assert [title.rpartition("\u3000")[2] for title in titles] == ["別住所", "局留", "営業所留"]
    assert (
        "（秘匿世帯）\u3000別住所" in texts(files[0][0], TWELVE)[1] and "ファイル 3/3" in texts(files[2][0], TWELVE)[1]
    )


def test_a_method_is_held_by_its_own_form_and_is_in_the_test_pack(fonts: FontSet, shelf: Shelf) -> None:
    narrow = LabelForm(columns=1, rows=1, width_mm=46, height_mm=26, left_mm=5, top_mm=5, barcode_pt=None)
    part = by_methods("営業所留", "局留")
    index = part.schema.get_field_index("building")
    part = part.set_column(index, "building", pa.array(["グランドメゾン目黒フロントタワー東館101号室"] * 2))
    held = plan_holds([part], TWELVE, fonts, by_method={"局留": narrow}).held
    assert list(held) == ["00000002"]
    flags = pick([by_methods("営業所留", "局留", "局留")], fonts)["flags"].to_pylist()
    assert ["test:method" in flag for flag in flags] == [True, True]


def test_a_reprinted_sheet_is_that_of_its_method_and_says_so(fonts: FontSet, shelf: Shelf) -> None:
    part, own = by_methods("局留"), {"局留": ROLL_FORM}
    again = replace(CONFIDENTIAL, again=True), SheetPlace(2, 3, 1, 1)
    place = {part["application_no"][0].as_py(): Place("labels_002.pdf", 1, 1)}
    render_sheet(part, place, TWELVE, fonts, shelf.open, by_method=own, imprint=again)
    file = PdfDocument(shelf.files["labels_001.pdf"])
    assert round(file[0].get_size()[0] / MM) == 100
    assert file.get_metadata_dict()["Title"].endswith("刷り直し\u3000局留")
    assert file.get_metadata_dict()["Subject"].endswith("ファイル 2/3")


def fonts_of(pdf: bytes) -> set[str]:
    names = set()
    for page in PdfDocument(pdf):
        for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT]):
            font = pdfium.FPDFTextObj_GetFont(item.raw)
            assert pdfium.FPDFFont_GetIsEmbedded(font)
            buffer = (pdfium.c_char * 100)()
            pdfium.FPDFFont_GetBaseFontName(font, buffer, 100)
            names.add(buffer.value.decode())
    return names


def test_every_font_of_every_file_is_embedded_and_a_subset(fonts: FontSet) -> None:
    gaiji = [record(n, name=f"見本　{chr(DRAWN)}") for n in range(1, 5)]
    made = {}
    for kind in ("catalogue", "toilet", "notice_confidential"):
        shelf = Shelf()
        render(batches(gaiji), TWELVE, fonts, shelf.open, "在中", imprint=replace(BATCH, kind=kind))
        made |= {f"{kind}/{name}": content for name, content in shelf.files.items()}
    shelf, many = Shelf(), by_methods("別住所", "局留")
    render([many], TWELVE, fonts, shelf.open, by_method={"局留": ROLL_FORM}, imprint=CONFIDENTIAL)
    made |= {f"methods/{name}": content for name, content in shelf.files.items()}
    shelf = Shelf()
    render([pick(batches(gaiji), fonts)], TWELVE, fonts, shelf.open, imprint=BATCH, test_print=True)
    made |= {f"test/{name}": content for name, content in shelf.files.items()} | {"grid.pdf": grid({"x": TWELVE})}
    pdfs = {name: content for name, content in made.items() if name.endswith(".pdf")}
    assert len(pdfs) == 7
    for content in pdfs.values():
        names = fonts_of(content)
        # the barcode's font is of four glyphs as a whole
        assert all(re.match(r"[A-Z]{6}\+", name) for name in names - {"CustomerBarcode"})
        assert any("IPAexGothic" in name for name in names)
        assert len(content) < 80_000


def test_longest_is_what_is_drawn_widest_not_what_has_most_characters(fonts: FontSet) -> None:
    names = {1: "ｱ" * 14, 2: "亜" * 8, 3: "i" * 20}
    picked = pick(batches(record(n, name=name) for n, name in names.items()), fonts)
    flags = dict(zip(picked["household_no"].to_pylist(), picked["flags"].to_pylist(), strict=True))
    widest = max(names, key=lambda n: fonts.width(names[n]))
    assert widest == 2 and "test:longest_name" in flags["00000002"]
