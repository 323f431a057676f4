"""Geometry of a sheet of labels: where each label and its customer barcode lie, and what cannot be printed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import isfinite

from todoke.errors import ContractError
from todoke.model.barcode_measures import BLANK_MM, LARGEST_PT, SMALLEST_PT, barcode_size_mm

MM = 72 / 25.4
#: The narrowest label that can carry a barcode; at 8 pt bars and blanks take 67.84 mm.
NARROWEST_WITH_BARCODE_MM = 68.0
#: Under the bars: the line of application number and free text, its distance from the label's foot, the bars' blank.
FOOT_LINE_MM, FOOT_MM = 2.9, 2.1
#: Between the foot line and the name of a label without bars.
ABOVE_FOOT_MM = 0.5
#: What stands above the bars, or above the foot line of a label without: postal code, one line each of address,
#: building and name at their smallest. In width an application number, and a postal code beside a sort mark (町名).
_ADDRESS_MM, _NARROWEST_MM = 20.0, 46.0


@dataclass(frozen=True)
class SheetLayout:
    """A sheet of labels, in millimetres; A4 unless told otherwise. A continuous form is a sheet of one label.

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
        for name, value in vars(self).items():
            if value is not None and not isfinite(value):
                raise _wrong(name, "有限の数ではありません", "値を直してください")
        for axis in "xy":
            tenths = getattr(self, f"offset_{axis}_mm") * 10
            if abs(tenths - round(tenths)) > 1e-6:
                raise _wrong(
                    f"offset_mm.{axis}", "印字位置の補正が0.1mm単位ではありません", "0.1mm単位の値にしてください"
                )
        right = self.left_mm + self.columns * self.width_mm + (self.columns - 1) * self.gutter_mm
        bottom = self.top_mm + self.rows * self.height_mm
        for name, low, high, shift, page in (
            ("width_mm", self.left_mm, right, self.offset_x_mm, self.page_width_mm),
            ("height_mm", self.top_mm, bottom, self.offset_y_mm, self.page_height_mm),
        ):
            # A shifted label may lose its blank margin at the page's edge, never its print.
            if low < 0 or high > page + 1e-6 or low + shift < -BLANK_MM or high + shift > page + BLANK_MM:
                raise _wrong(
                    name,
                    f"ラベルが用紙（{page:g}mm）からはみ出します",
                    "列数・行数・余白・寸法・補正値・用紙の大きさ（page_mm）を見直してください",
                )
        self._check_barcode()

    def _check_barcode(self) -> None:
        if self.barcode_pt is None:
            self._check_height(FOOT_MM + FOOT_LINE_MM + ABOVE_FOOT_MM + _ADDRESS_MM)
            if self.width_mm < _NARROWEST_MM:
                raise _wrong(
                    "width_mm",
                    f"ラベルの幅（{self.width_mm:g}mm）が足りず、宛名を印字できません（{_NARROWEST_MM:g}mm以上が必要）",
                    "ラベル用紙を見直してください",
                )
            return
        if not SMALLEST_PT <= self.barcode_pt <= LARGEST_PT:
            raise _wrong("barcode_pt", "バーコードの大きさが8〜11.5ポイントではありません", "値を直してください")
        length, height = barcode_size_mm(self.barcode_pt)
        if self.width_mm < NARROWEST_WITH_BARCODE_MM or length + 2 * BLANK_MM > self.width_mm + 1e-6:
            raise _wrong(
                "width_mm・barcode_pt",
                f"ラベルの幅（{self.width_mm:g}mm）が足りず、カスタマバーコードを印字できません"
                "（8ポイントで幅68mm以上が必要）",
                "barcode_pt を小さくするか、null にしてバーコードなしで印字してください",
            )
        self._check_height(self.barcode_foot_mm + height + BLANK_MM + _ADDRESS_MM)

    def _check_height(self, needed: float) -> None:
        if self.height_mm < needed:
            raise _wrong(
                "height_mm",
                f"ラベルの高さ（{self.height_mm:g}mm）が足りず、宛名を印字できません（{needed:.1f}mm以上が必要）",
                "ラベル用紙を見直してください",
            )

    @property
    def per_sheet(self) -> int:
        """Labels on a sheet."""
        return self.columns * self.rows

    @property
    def indent_mm(self) -> float:
        """Blank at the left and right of a label's text."""
        return 5.0 if self.width_mm >= 80 else 3.0

    @property
    def barcode_foot_mm(self) -> float:
        """Height of the bars' foot above the label's: the foot line and its blank lie between."""
        return FOOT_MM + FOOT_LINE_MM + BLANK_MM

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
        left, foot = min(self.indent_mm, (self.width_mm - length) / 2), self.barcode_foot_mm
        return left * MM, foot * MM, (left + length) * MM, (foot + height) * MM


def _wrong(key: str, what: str, next_step: str) -> ContractError:
    return ContractError(what, where=f"labels.{key}", next_step=next_step)
