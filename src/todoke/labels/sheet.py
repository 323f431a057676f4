"""The setting of one label.

Lines are points from the label's lower left corner. The customer barcode stands alone right under the addressee's
name, with 2 mm blank on all sides (Japan Post's manual p13); application number and free text stand at the foot.
"""

from __future__ import annotations

from typing import NamedTuple

from todoke.contract.sheet_layout import ABOVE_FOOT_MM, FOOT_LINE_MM, FOOT_MM, MM, SheetLayout
from todoke.errors import ContractError
from todoke.labels.barcode import plain_postal_code
from todoke.labels.fonts import FontSet, barcode_font_size
from todoke.labels.wrapping import Fitted, Style, fit
from todoke.model.barcode_measures import BAR_WIDTH, BARS, BLANK_MM, PITCH
from todoke.model.codes import Labelled

POSTAL, ADDRESS, BUILDING = Style(11, 9, 1), Style(11, 8, 3), Style(10, 7.5, 3)
NAME, APPLICATION_NO, SORT_MARK, FREE_TEXT = Style(14, 9, 2), Style(8, 7, 1), Style(8, 6, 1), Style(8, 6, 1)
_LEADING = 1.2
#: What a character reaches above and below its baseline, in em.
_ASCENT, _DESCENT = 0.88, 0.12
_POSTAL_GAP, _NAME_GAP, _FREE_GAP = 2.0, 3.0, 6.0
_SCALES, _LARGE_SCALE, _LARGE_MM = (1.0, 0.9, 0.8, 0.7), 1.3, 55.0
#: The longest application number, for which room is kept beside the free text.
_NUMBER = "申込番号 0000000000"


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


class Typesetter:
    """Sets labels of one layout in one set of fonts, each with the contract's `free_text`.

    Raises ContractError if a character of the free text cannot be drawn or it has no room beside an application number.
    """

    def __init__(self, layout: SheetLayout, fonts: FontSet, free_text: str = "") -> None:
        self.layout, self._fonts = layout, fonts
        self._left = layout.indent_mm * MM
        self._width = (layout.width_mm - 2 * layout.indent_mm) * MM
        self._top = (layout.height_mm - 2.5) * MM
        box = layout.barcode_box() if layout.barcode_pt is not None else None
        self._bottom = box[3] + BLANK_MM * MM if box else (FOOT_MM + FOOT_LINE_MM + ABOVE_FOOT_MM) * MM
        self._scales = (_LARGE_SCALE, *_SCALES) if layout.height_mm >= _LARGE_MM else _SCALES
        self._free = self._free_line(free_text) if free_text else None
        self._number_width = self._free.x - self._left - _FREE_GAP if self._free else self._width

    def barcode_line(self, bars: str) -> Line:
        """Where the bars are drawn in the barcode font. A glyph starts half a gap before its bar."""
        a = self.layout.barcode_pt or 0
        left, foot, _, _ = self.layout.barcode_box()
        assert len(bars) == BARS
        return Line(left - (PITCH - BAR_WIDTH) / 2 * a / 10_000 * MM, foot, barcode_font_size(a), bars)

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
        body = self._body(address, record.building, record.name)
        if isinstance(body, Misfit):
            return body
        lines += body
        if record.application_no:
            number = f"申込番号 {record.application_no}"
            fitted = fit(number, APPLICATION_NO, self._number_width, self._fonts)
            if fitted is None:
                return Misfit.APPLICATION_NO
            lines.append(Line(self._left, _foot(fitted.size), fitted.size, number))
        if self._free:
            lines.append(self._free)
        return lines

    def _free_line(self, text: str) -> Line:
        """The free text at the right of the foot, as large as it fits beside an application number."""
        wrong = [char for char in text if char not in self._fonts.drawable]
        if wrong:
            raise ContractError(
                f"自由文に印字できない文字があります（U+{ord(wrong[0]):04X}）",
                where="labels.free_text",
                next_step="フォントにある文字に直してください",
            )
        room = self._width - self._fonts.width(_NUMBER) * APPLICATION_NO.size - _FREE_GAP
        fitted = fit(text, FREE_TEXT, room, self._fonts)
        if fitted is None:
            raise ContractError(
                "自由文が枠に収まりません",
                where="labels.free_text",
                next_step=f"全角{int(room / FREE_TEXT.floor)}文字までにしてください",
            )
        right = self._left + self._width
        return Line(right - self._fonts.width(text) * fitted.size, _foot(fitted.size), fitted.size, text)

    def _body(self, address: str, building: str, name: str) -> list[Line] | Misfit:
        """Address and building under the postal code, name + 様 right above the barcode, as large as they all fit."""
        top = self._top - POSTAL.size * _LEADING - _POSTAL_GAP
        fields = [(address, ADDRESS, Misfit.ADDRESS, 0), (building, BUILDING, Misfit.BUILDING, 0)]
        fields = [*(f for f in fields if f[0]), (f"{name}\u3000様", NAME, Misfit.NAME, 2)]
        for scale in self._scales:
            blocks: list[Fitted] = []
            for text, style, fault, keep in fields:
                fitted = fit(text, _scaled(style, scale), self._width, self._fonts, keep)
                if fitted is None:
                    return fault
                blocks.append(fitted)
            spare = top - self._bottom - _NAME_GAP - sum(len(b.lines) * b.size for b in blocks) * _LEADING
            if spare >= 0:
                # What is to spare parts the address from its postal code too, lest a tall label tears in two.
                return self._stack(blocks, top - spare / 4, _NAME_GAP + spare * 3 / 4)
        return Misfit.HEIGHT

    def _stack(self, blocks: list[Fitted], top: float, name_gap: float) -> list[Line]:
        lines, last = [], len(blocks) - 1
        for index, block in enumerate(blocks):
            top -= name_gap if index == last else 0
            for text in block.lines:
                lines.append(Line(self._left, top - _ASCENT * block.size, block.size, text))
                top -= block.size * _LEADING
        return lines


def _foot(size: float) -> float:
    """The baseline of the foot line."""
    return FOOT_MM * MM + _DESCENT * size


def _scaled(style: Style, scale: float) -> Style:
    return style if scale == 1 else Style(max(style.floor, style.size * scale), style.floor, style.lines)
