"""Geometry of a sheet of labels, and the setting of one label.

Lengths in the layout are millimetres; lines of a label are points from the label's lower left corner.
Placement rules of the customer barcode: Japan Post's manual p11–p13 (2 mm blank on all sides).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from todoke.errors import ContractError
from todoke.labels.barcode import plain_postal_code
from todoke.labels.fonts import BAR_WIDTH, BARS, PITCH, FontSet, barcode_font_size, barcode_size_mm
from todoke.labels.wrapping import Fitted, Style, fit
from todoke.model.codes import Labelled

if TYPE_CHECKING:
    from todoke.contract.model import Labels

MM = 72 / 25.4
#: Blank around the barcode on all sides, and the narrowest label that can carry one.
BARCODE_BLANK_MM = 2.0
NARROWEST_WITH_BARCODE_MM = 68.0
#: The foot of the bars keeps a millimetre more, for the printer's drift.
BARCODE_FOOT_MM = 3.0

POSTAL, ADDRESS, BUILDING = Style(11, 9, 1), Style(11, 8, 3), Style(10, 7.5, 3)
NAME, APPLICATION_NO, SORT_MARK = Style(14, 9, 2), Style(8, 7, 1), Style(8, 6, 1)
_LEADING = 1.2
_ASCENT = 0.9
_POSTAL_GAP, _NAME_GAP = 2.0, 3.0
_SCALES = (1.0, 0.9, 0.8, 0.7)


class Line(NamedTuple):
    """One line of text: its baseline's start, size and characters."""

    x: float
    y: float
    size: float
    text: str


class Record(NamedTuple):
    """What a label shows, as the ward sent it; in the order of `gaiji.PRINTED_FIELDS`."""

    postal_code: str
    town: str
    block: str
    building: str
    name: str
    application_no: str
    sort_mark: str


class Misfit(Labelled):
    """The field for which a label has no room; its household is held, nothing is ever clipped (G06)."""

    POSTAL_CODE = "misfit_postal_code", "郵便番号が7桁でない"
    BLANK = "misfit_blank", "住所または氏名が空欄"
    ADDRESS = "misfit_address", "住所が枠に収まらない"
    BUILDING = "misfit_building", "方書が枠に収まらない"
    NAME = "misfit_name", "氏名が枠に収まらない"
    APPLICATION_NO = "misfit_application_no", "申込番号が枠に収まらない"
    SORT_MARK = "misfit_sort_mark", "区分記号が枠に収まらない"
    HEIGHT = "misfit_height", "住所・方書・氏名の行数が枠に収まらない"


@dataclass(frozen=True)
class SheetLayout:
    """A sheet of labels, in millimetres; A4 unless told otherwise.

    `left_mm`, `top_mm`: margins before the first label; `gutter_mm`: between columns. `offset_x_mm` (to the right) and
    `offset_y_mm` (downwards) move the print for the printer, in steps of 0.1 mm. `barcode_pt`: a of the customer
    barcode, 8 to 11.5 points, None for none. Raises ContractError for what cannot be printed.
    """

    columns: int = 2
    rows: int = 6
    width_mm: float = 86.4
    height_mm: float = 42.3
    left_mm: float = 18.6
    top_mm: float = 21.6
    gutter_mm: float = 0.0
    offset_x_mm: float = 0.0
    offset_y_mm: float = 0.0
    barcode_pt: float | None = 8.5
    page_width_mm: float = 210.0
    page_height_mm: float = 297.0

    def __post_init__(self) -> None:
        if self.columns < 1 or self.rows < 1:
            raise _wrong("columns・rows", "列数と行数は1以上にしてください", "面付けを見直してください")
        for name in ("offset_x_mm", "offset_y_mm"):
            if abs(getattr(self, name) * 10 - round(getattr(self, name) * 10)) > 1e-6:
                raise _wrong(name, "印字位置の補正が0.1mm単位ではありません", "0.1mm単位の値にしてください")
        right = self.left_mm + self.columns * self.width_mm + (self.columns - 1) * self.gutter_mm
        bottom = self.top_mm + self.rows * self.height_mm
        for name, low, high, shift, page in (
            ("width_mm", self.left_mm, right, self.offset_x_mm, self.page_width_mm),
            ("height_mm", self.top_mm, bottom, self.offset_y_mm, self.page_height_mm),
        ):
            # A shifted label may lose its blank margin at the page's edge, never its print.
            if low < 0 or high > page + 1e-6 or low + shift < -self.indent_mm or high + shift > page + self.indent_mm:
                raise _wrong(name, "ラベルが用紙からはみ出します", "列数・行数・余白・寸法・補正値を見直してください")
        self._check_barcode()

    def _check_barcode(self) -> None:
        if self.barcode_pt is None:
            return
        if not 8 <= self.barcode_pt <= 11.5:
            raise _wrong("barcode_pt", "バーコードの大きさが8〜11.5ポイントではありません", "値を直してください")
        length, height = barcode_size_mm(self.barcode_pt)
        if self.width_mm < NARROWEST_WITH_BARCODE_MM or length + 2 * BARCODE_BLANK_MM > self.width_mm + 1e-6:
            raise _wrong(
                "width_mm・barcode_pt",
                "ラベルの幅が足りず、カスタマバーコードを印字できません（8ポイントで幅68mm以上が必要）",
                "barcode_pt を小さくするか、空にしてバーコードなしで印字してください",
            )
        if self.height_mm < BARCODE_FOOT_MM + height + BARCODE_BLANK_MM + 20:
            raise _wrong("height_mm", "ラベルの高さが足りません", "ラベル用紙を見直してください")

    @classmethod
    def of(cls, labels: Labels) -> SheetLayout:
        """The layout that a contract sets."""
        return cls(
            labels.columns, labels.rows, labels.width_mm, labels.height_mm, labels.left_mm, labels.top_mm,
            labels.gutter_mm, labels.offset_mm.x, labels.offset_mm.y, labels.barcode_pt,
        )  # fmt: skip

    @property
    def per_sheet(self) -> int:
        """Labels on a sheet."""
        return self.columns * self.rows

    @property
    def indent_mm(self) -> float:
        """Blank at the left and right of a label's text."""
        return 5.0 if self.width_mm >= 80 else 3.0

    def corners(self) -> list[tuple[float, float]]:
        """Lower left corner of each label in points from the page's, row by row from the top left."""
        return [
            (
                (self.left_mm + column * (self.width_mm + self.gutter_mm) + self.offset_x_mm) * MM,
                (self.page_height_mm - self.top_mm - (row + 1) * self.height_mm - self.offset_y_mm) * MM,
            )
            for row, column in product(range(self.rows), range(self.columns))
        ]

    def barcode_box(self) -> tuple[float, float, float, float]:
        """Left, foot, right and top of the bars in points from the label's corner; needs a barcode."""
        length, height = barcode_size_mm(self.barcode_pt or 0)
        left = min(self.indent_mm, (self.width_mm - length) / 2)
        return left * MM, BARCODE_FOOT_MM * MM, (left + length) * MM, (BARCODE_FOOT_MM + height) * MM


def _wrong(key: str, what: str, next_step: str) -> ContractError:
    return ContractError(what, where=f"labels.{key}", next_step=next_step)


class Typesetter:
    """Sets labels of one layout in one set of fonts."""

    def __init__(self, layout: SheetLayout, fonts: FontSet) -> None:
        self.layout, self._fonts = layout, fonts
        self._left = layout.indent_mm * MM
        self._width = (layout.width_mm - 2 * layout.indent_mm) * MM
        self._top = (layout.height_mm - 2.5) * MM
        box = layout.barcode_box() if layout.barcode_pt is not None else None
        self._bottom = box[3] + BARCODE_BLANK_MM * MM if box else 2.5 * MM

    def barcode_line(self, bars: str) -> Line:
        """Where the bars are drawn in the barcode font. A glyph starts half a gap before its bar."""
        a = self.layout.barcode_pt or 0
        left, foot, _, _ = self.layout.barcode_box()
        assert len(bars) == BARS
        return Line(left - (PITCH - BAR_WIDTH) / 2 * a / 10_000 * MM, foot, barcode_font_size(a), bars)

    def test_line(self, text: str) -> Line:
        """Where a test print is named: between postal code and sort mark."""
        return Line(self._left + 7 * POSTAL.size, self._top - _ASCENT * POSTAL.size, 8, text)

    def set_label(self, record: Record) -> list[Line] | Misfit:
        """The lines of a label, top to bottom, or the field that has no room. Nothing outside the label is ever set.

        Every character of the record must be drawable (`gaiji.Prover`).
        """
        postal, address = plain_postal_code(record.postal_code), record.town + record.block
        if postal is None:
            return Misfit.POSTAL_CODE
        if not address or not record.name:
            return Misfit.BLANK
        lines = [Line(self._left, self._top - _ASCENT * POSTAL.size, POSTAL.size, f"〒{postal[:3]}-{postal[3:]}")]
        if record.sort_mark:
            mark = fit(record.sort_mark, SORT_MARK, self._width - 8 * POSTAL.size, self._fonts)
            if mark is None:
                return Misfit.SORT_MARK
            right = self._left + self._width - self._fonts.width(record.sort_mark) * mark.size
            lines.append(Line(right, lines[0].y, mark.size, record.sort_mark))
        number = f"申込番号 {record.application_no}" if record.application_no else ""
        fitted = fit(number, APPLICATION_NO, self._width, self._fonts)
        if fitted is None:
            return Misfit.APPLICATION_NO
        foot = self._bottom + (fitted.size * _LEADING if number else 0)
        body = self._body(address, record.building, record.name, self._top - POSTAL.size * _LEADING - _POSTAL_GAP, foot)
        if isinstance(body, Misfit):
            return body
        lines += body
        if number:
            lines.append(Line(self._left, self._bottom + (1 - _ASCENT) * fitted.size, fitted.size, number))
        return lines

    def _body(self, address: str, building: str, name: str, top: float, foot: float) -> list[Line] | Misfit:
        """Address, building and name + 様 between two heights, as large as they all fit."""
        fields = [(address, ADDRESS, Misfit.ADDRESS, 0), (building, BUILDING, Misfit.BUILDING, 0)]
        fields = [*(f for f in fields if f[0]), (f"{name}\u3000様", NAME, Misfit.NAME, 2)]
        misfit = Misfit.HEIGHT
        for scale in _SCALES:
            blocks: list[Fitted] = []
            for text, style, fault, keep in fields:
                fitted = fit(text, _scaled(style, scale), self._width, self._fonts, keep)
                if fitted is None:
                    return fault
                blocks.append(fitted)
            spare = top - foot - _NAME_GAP - sum(len(b.lines) * b.size for b in blocks) * _LEADING
            if spare >= 0:
                return self._stack(blocks, top, _NAME_GAP + min(spare / 2, 9.0))
        return misfit

    def _stack(self, blocks: list[Fitted], top: float, name_gap: float) -> list[Line]:
        lines, last = [], len(blocks) - 1
        for index, block in enumerate(blocks):
            top -= name_gap if index == last else 0
            for text in block.lines:
                lines.append(Line(self._left, top - _ASCENT * block.size, block.size, text))
                top -= block.size * _LEADING
        return lines


def _scaled(style: Style, scale: float) -> Style:
    return style if scale == 1 else Style(max(style.floor, style.size * scale), style.floor, style.lines)
