"""What a sheet says of itself beside its labels, so that a loose one is found by the pull list and put back (G08).

It stands in the sheet's margin, never on a label; where a form leaves no margin, the file's metadata alone hold it. It
names batches and numbers, nothing of a person.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from todoke.contract.sheet_layout import MM, SheetLayout
from todoke.labels.fonts import FontSet
from todoke.labels.sheet import Line
from todoke.labels.wrapping import Style, fit
from todoke.model.changes import effect_kind
from todoke.model.codes import ShipmentKind
from todoke.model.ward_values import DELIVERY_METHODS

_STYLE = Style(6, 5, 1)
#: Printers leave so much of the paper's edge blank; and so much parts the line from the labels.
_UNPRINTABLE_MM, _CLEAR_MM = 5.0, 1.0
_CONFIDENTIAL, _TEST, _AGAIN = "（秘匿世帯）", "試し刷り", "刷り直し"
_TITLES = {
    effect_kind(kind, confidential=apart): f"{kind.label}宛名ラベル{_CONFIDENTIAL if apart else ''}"
    for kind in ShipmentKind
    for apart in (False, True)
}
#: Every character that a line may hold.
IMPRINTED = frozenset(
    "".join((*_TITLES.values(), *DELIVERY_METHODS, _TEST, _AGAIN, "印刷日束ファイル枚目\u3000 /-_"))
    + string.digits
    + string.ascii_letters
)


class SheetPlace(NamedTuple):
    """A sheet: its file of so many, and itself of so many in that file; from 1."""

    file: int
    files: int
    sheet: int
    sheets: int


@dataclass(frozen=True)
class Imprint:
    """What the sheets of a batch have in common.

    Attributes:
        contract, programme: id and name of the contract; the name stands in the metadata alone.
        on: the business date that it is printed for; kind: as `effect_kind()` says.
        batch: its id; part of parts that are printed together.
        again: whether it is one sheet, printed once more.
    """

    contract: str
    programme: str
    on: date
    kind: str
    batch: str
    part: int = 1
    parts: int = 1
    is_test: bool = False
    again: bool = False
    title: str = field(init=False)

    def __post_init__(self) -> None:
        marks = (_TEST if self.is_test else "", _AGAIN if self.again else "")
        object.__setattr__(self, "title", "\u3000".join(filter(None, (_TITLES[self.kind], *marks))))

    def text(self, place: SheetPlace, method: str = "") -> str:
        """The line of a sheet; `method`: the delivery method of all its labels."""
        parts = (
            self.contract,
            f"印刷日 {self.on}",
            *filter(None, (self.title, method)),
            f"束 {self.part}/{self.parts} {self.batch}",
            f"ファイル {place.file}/{place.files}",
            f"枚目 {place.sheet}/{place.sheets}",
        )
        return "\u3000".join(parts)

    def about(self, name: str, number: int, files: int, method: str = "") -> Mapping[str, str]:
        """The metadata of a file, the `number`th of so many."""
        what = "\u3000".join(filter(None, (self.title, method)))
        return {
            "Title": f"{self.programme}\u3000{what}",
            "Subject": f"印刷日 {self.on}\u3000束 {self.part}/{self.parts}\u3000ファイル {number}/{files}",
            "Keywords": f"{self.contract} {self.kind} {self.batch} {name}",
        }


def margin_line(text: str, layout: SheetLayout, fonts: FontSet) -> Line | None:
    """Where a line stands on a sheet: under the labels, or above them; None where the margins have no room for it."""
    width = (layout.page_width_mm - 4 * _UNPRINTABLE_MM) * MM
    fitted = fit(text, _STYLE, width, fonts)
    if fitted is None:
        return None
    feet = [y for _, y in layout.corners()]
    under = min(feet) / MM
    above = layout.page_height_mm - max(feet) / MM - layout.height_mm
    high = fitted.size / MM
    for margin, lowest in ((under, _UNPRINTABLE_MM), (above, layout.page_height_mm - above + _CLEAR_MM)):
        if spare := max(0.0, margin - _UNPRINTABLE_MM - _CLEAR_MM - high):
            return Line(2 * _UNPRINTABLE_MM * MM, (lowest + spare / 2) * MM + 0.12 * fitted.size, fitted.size, text)
    return None
