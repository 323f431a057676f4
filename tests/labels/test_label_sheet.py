"""Sheet geometry and the setting of one label: everything stays inside its label, or the household is held."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_samples import ALSO_DRAWN, DRAWN, EMPTY, MISSING, batches
from label_samples import record as label_record

from todoke.contract.label_forms import Labels
from todoke.contract.sheet_layout import MM, SheetLayout
from todoke.errors import ContractError
from todoke.labels.composing import Composer, Forms
from todoke.labels.faces import Glyph
from todoke.labels.fonts import FontSet
from todoke.labels.sheet import Misfit, Record, Typesetter

TWENTY_FOUR = SheetLayout(columns=3, rows=8, width_mm=70, height_mm=33.9, left_mm=0, top_mm=12.9, barcode_pt=8)
CONTINUOUS = SheetLayout(1, 1, 100, 60, 0, 1.5, barcode_pt=10, page_width_mm=100, page_height_mm=63)
NARROW = SheetLayout(columns=3, rows=8, width_mm=66, height_mm=33.9, left_mm=6, top_mm=12.9, barcode_pt=None)
#: A character with its variation selector, if it has one.
CHARACTER = re.compile(r"[^\U000E0100-\U000E01EF]?[\U000E0100-\U000E01EF]|.", re.DOTALL)
JAPANESE = "中央町目黒本一二三丁番地号０１２1234-ーコポメゾン　 室館ABCの"


def record(**values: str) -> Record:
    plain = Record("1520001", "中央町", "2丁目3番4号", "コーポ見本101号室", "見本　太郎", "1234567889", "中央-01")
    return plain._replace(**values)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"width_mm": 67.9, "barcode_pt": 8}, "barcode_pt"),
        ({"barcode_pt": 7.5}, "barcode_pt"),
        ({"barcode_pt": 11.5}, "barcode_pt"),
        ({"columns": 3}, "width_mm"),
        ({"rows": 7}, "height_mm"),
        ({"offset_x_mm": 0.05}, "offset_mm.x"),
        ({"offset_y_mm": 40.0}, "height_mm"),
        ({"rows": 0}, "rows"),
        ({"offset_x_mm": float("inf")}, "offset_x_mm"),
        ({"offset_y_mm": float("nan")}, "offset_y_mm"),
        ({"width_mm": float("nan")}, "width_mm"),
        ({"barcode_pt": float("nan")}, "barcode_pt"),
        ({"height_mm": 20.0}, "height_mm"),
    ],
)
def test_a_layout_that_cannot_be_printed_is_refused(wrong: dict[str, float], key: str) -> None:
    with pytest.raises(ContractError, match=key):
        SheetLayout(**wrong)


def test_labels_too_narrow_for_a_barcode_are_printed_without() -> None:
    assert NARROW.per_sheet == 24


def test_offset_moves_every_label_by_tenths_of_a_millimetre() -> None:
    plain, moved = SheetLayout().corners(), SheetLayout(offset_x_mm=0.3, offset_y_mm=-1.2).corners()
    shifts = {(round((b[0] - a[0]) / MM, 6), round((b[1] - a[1]) / MM, 6)) for a, b in zip(plain, moved, strict=True)}
    assert shifts == {(0.3, 1.2)}


@pytest.mark.parametrize("layout", [SheetLayout(), TWENTY_FOUR, SheetLayout(barcode_pt=10)])
def test_barcode_keeps_two_millimetres_blank_on_all_sides(layout: SheetLayout, fonts: FontSet) -> None:
    left, foot, right, top = layout.barcode_box()
    assert min(left, foot) >= 2 * MM - 1e-6
    assert right <= (layout.width_mm - 2) * MM + 1e-6
    lines = Typesetter(layout, fonts).set_label(record())
    assert isinstance(lines, list)
    *above, foot_line = lines
    assert min(line.y - 0.12 * line.size for line in above) >= top + 2 * MM - 1e-6
    assert foot_line.y + 0.88 * foot_line.size <= foot - 2 * MM + 1e-6
    assert foot_line.y - 0.12 * foot_line.size >= 2 * MM


def test_the_name_stands_right_above_the_barcode_alone(fonts: FontSet) -> None:
    layout = SheetLayout()
    lines = Typesetter(layout, fonts, "重要：防災カタログ在中").set_label(record())
    assert isinstance(lines, list)
    name = next(line for line in lines if line.text.endswith("様"))
    top = layout.barcode_box()[3]
    assert top + 2 * MM <= name.y - 0.12 * name.size <= top + 4 * MM
    assert [line.text for line in lines if line.y < top] == ["申込番号 1234567889", "重要：防災カタログ在中"]


@pytest.mark.parametrize("layout", [SheetLayout(), TWENTY_FOUR, NARROW, CONTINUOUS])
def test_free_text_stands_whole_beside_any_application_number(layout: SheetLayout, fonts: FontSet) -> None:
    lines = Typesetter(layout, fonts, "重要：防災カタログ在中").set_label(record(application_no="8888888888"))
    assert isinstance(lines, list)
    number, free = lines[-2:]
    assert free.text == "重要：防災カタログ在中"
    assert number.x + fonts.width(number.text) * number.size < free.x
    assert free.x + fonts.width(free.text) * free.size <= (layout.width_mm - layout.indent_mm) * MM + 1e-6


@pytest.mark.parametrize(("text", "told"), [("防災" * 15, "自由文が枠に収まりません.*全角"), ("重要\u0e01", "U.0E01")])
def test_free_text_without_room_or_glyph_stops_before_any_label(fonts: FontSet, text: str, told: str) -> None:
    with pytest.raises(ContractError, match=told):
        Typesetter(SheetLayout(), fonts, text)


def test_order_of_an_ordinary_label(fonts: FontSet) -> None:
    lines = Typesetter(SheetLayout(), fonts).set_label(record())
    assert isinstance(lines, list)
    assert [line.text for line in lines] == [
        "〒152-0001", "中央-01", "中央町2丁目3番4号", "コーポ見本101号室", "見本　太郎　様", "申込番号 1234567889",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "misfit"),
    [
        ({"postal_code": "152"}, Misfit.POSTAL_CODE),
        ({"name": ""}, Misfit.BLANK),
        ({"town": "", "block": ""}, Misfit.BLANK),
        ({"block": "1" * 90}, Misfit.ADDRESS),
        ({"building": "あ" * 120}, Misfit.BUILDING),
        ({"name": "アレクサンドラ" * 12}, Misfit.NAME),
        ({"sort_mark": "中央" * 20}, Misfit.SORT_MARK),
        ({"application_no": "1" * 80}, Misfit.APPLICATION_NO),
        ({"town": "あ" * 70, "building": "い" * 80, "name": "う" * 40}, Misfit.HEIGHT),
    ],
)
def test_what_has_no_room_names_its_field(fonts: FontSet, values: dict[str, str], misfit: Misfit) -> None:
    assert Typesetter(SheetLayout(), fonts).set_label(record(**values)) is misfit


@pytest.mark.parametrize("barcode_pt", [None, 8])
def test_the_smallest_label_that_a_contract_may_have_is_the_smallest_that_holds_its_lines(
    fonts: FontSet, barcode_pt: float | None
) -> None:
    page = {"left_mm": 10, "top_mm": 10, "columns": 1, "rows": 1, "barcode_pt": barcode_pt}
    least = 46.0 if barcode_pt is None else 68.0

    def accepted(width: float, height: float) -> SheetLayout | None:
        try:
            return SheetLayout(width_mm=width, height_mm=height, **page)  # type: ignore[arg-type]
        except ContractError:
            return None

    height = next(tenth / 10 for tenth in range(100, 500) if accepted(least, tenth / 10))
    smallest = accepted(least, height)
    assert smallest and not accepted(least - 0.1, height)
    full = record(building="コーポ101", sort_mark="目黒本町")
    assert isinstance(Typesetter(smallest, fonts).set_label(full), list)
    # a check of the geometry that is passed by: half a millimetre less holds no building any more
    lower = SheetLayout(width_mm=least, height_mm=height, **page)  # type: ignore[arg-type]
    object.__setattr__(lower, "height_mm", height - 0.6)
    assert Typesetter(lower, fonts).set_label(full) is Misfit.HEIGHT
    narrower = SheetLayout(width_mm=least, height_mm=height, **page)  # type: ignore[arg-type]
    object.__setattr__(narrower, "width_mm", least - 0.6)
    if barcode_pt is None:
        assert Typesetter(narrower, fonts).set_label(full) is Misfit.SORT_MARK


#: One piece of what a ward's fields hold; the second ones no font draws, or not as they are written.
DRAWN_PIECES = [
    *"中央目黒髙﨑塚神福あかがっーアカガッｱｶｶﾞｯｰＡaＺz０９0 9〇一二十々・、。（）é𠮷〜～\u3000",
    *("葛\U000e0100", "辻\U000e0100", chr(DRAWN), chr(ALSO_DRAWN), "１２３番地", "101号室", "Residence"),
    *(f"1{dash}2" for dash in "-‐‑‒–—―−－ーｰ─━"),
]
OTHER_PIECES = [
    *("か\u3099", "ハ\u309a", "e\u0301", "葛\U000e01ef", chr(EMPTY), chr(MISSING), "😀", "👨\u200d👩\u200d👧"),
    *("\t", "\u200b", "\u0e01"),
]
FIELD = st.one_of(
    st.lists(st.sampled_from(DRAWN_PIECES), max_size=24),
    st.lists(st.sampled_from(DRAWN_PIECES + OTHER_PIECES), max_size=9),
).map("".join)


@given(st.sampled_from([SheetLayout(), TWENTY_FOUR, NARROW, CONTINUOUS]), FIELD, FIELD, FIELD)
@settings(max_examples=200, deadline=None)
def test_whatever_a_ward_writes_is_printed_whole_or_held_with_a_reason(
    fonts: FontSet, layout: SheetLayout, block: str, building: str, name: str
) -> None:
    sent = label_record(1, block=block, building=building, name=name)
    composer = Composer(Forms(layout, "", {}), fonts, test_print=False)
    [part] = batches([sent])
    composed = list(composer.compose(part, ""))
    wrong = [text for text in CHARACTER.findall(f"{block}{building}{name}") if fonts.glyph(text) is not Glyph.DRAWN]
    if not composed:
        [held] = composer.listed
        assert held.reason.label and (set(held.characters) <= set(wrong)) and bool(held.characters) is bool(wrong)
        return
    # what is a blank at a field's end fills the field up and is no part of it
    [label], fields = composed, [str(sent[field]).rstrip(" \u3000") for field in ("town", "block", "building", "name")]
    assert not [text for text in wrong if text in "".join(fields)]
    body = label.lines[2:-1]
    printed = "".join(fonts.sequences.get(char, char) for line in body for char in line.text)
    assert printed == f"{''.join(fields)}\u3000様"
    for line in label.lines:
        ink = fonts.width(line.text.rstrip(" \u3000")) * line.size
        assert line.x >= 0 and line.x + ink <= (layout.width_mm - layout.indent_mm) * MM + 1e-6
        assert line.y - 0.12 * line.size >= 0 and line.y + 0.88 * line.size <= layout.height_mm * MM
    ends = set(accumulate(len(fonts.composed(part)) for part in ("".join(fields[:2]), fields[2])))
    for place, (above, below) in zip(accumulate(len(line.text) for line in body), pairwise(body), strict=False):
        if place not in ends:
            assert not (re.search(r"[0-9０-９]$", above.text) and re.match(r"[0-9０-９]|番地|号室", below.text))
            assert not (re.search(r"1[^あ]$", above.text) and re.match("2", below.text))


@given(
    st.sampled_from([SheetLayout(), TWENTY_FOUR, NARROW, CONTINUOUS]),
    st.text(JAPANESE, min_size=1, max_size=45),
    st.text(JAPANESE, max_size=70),
    st.text(JAPANESE, min_size=1, max_size=40),
)
@settings(max_examples=300, deadline=None)
def test_every_line_is_inside_its_label_and_none_touches_another(
    fonts: FontSet, layout: SheetLayout, block: str, building: str, name: str
) -> None:
    lines = Typesetter(layout, fonts).set_label(record(block=block, building=building, name=name))
    if isinstance(lines, Misfit):
        return
    for line in lines:
        assert line.x >= layout.indent_mm * MM - 1e-6
        ink = fonts.width(line.text.rstrip(" \u3000")) * line.size
        assert line.x + ink <= (layout.width_mm - layout.indent_mm) * MM + 1e-6
        assert line.y + 0.88 * line.size <= layout.height_mm * MM
    stacked = [lines[0], *lines[2:]]
    for above, below in pairwise(stacked):
        assert above.y - 0.12 * above.size >= below.y + 0.88 * below.size - 1e-6
    printed = "".join(line.text for line in lines[2:-1])
    assert printed == f"中央町{block}{building}{name}\u3000様"


def test_layout_of_a_contract_is_taken_over_whole() -> None:
    settings = Labels(
        columns=3, rows=8, width_mm=68, height_mm=33.9, left_mm=2, top_mm=12.9, gutter_mm=1, barcode_pt=8,
        offset_mm={"x": 0.2, "y": -0.3},
    )  # fmt: skip
    assert settings.layout == SheetLayout(3, 8, 68, 33.9, 2, 12.9, 1, 0.2, -0.3, 8)
