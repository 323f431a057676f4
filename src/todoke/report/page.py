"""A sheet of A4 that is drawn line by line with the labels' own writer."""

from __future__ import annotations

from todoke.contract.sheet_layout import SheetLayout
from todoke.labels.fonts import FontSet
from todoke.labels.sheet import Line

PAGE = SheetLayout(columns=1, rows=1, width_mm=210, height_mm=297, left_mm=0, top_mm=0, barcode_pt=None)


def to_the_right(text: str, right: float, y: float, size: float, fonts: FontSet) -> list[Line]:
    """A line that ends at `right`."""
    text = printable(text, fonts)
    return [Line(right - fonts.width(text) * size, y, size, text)]


def centred(text: str, left: float, right: float, y: float, size: float, fonts: FontSet) -> Line:
    """A line in the middle between two edges."""
    text = printable(text, fonts)
    return Line((left + right - fonts.width(text) * size) / 2, y, size, text)


def printable(text: str, fonts: FontSet) -> str:
    """Composed text, with 〓 (or nothing) for what the fonts do not draw: a name of a file may hold anything."""
    unknown = "〓" if "〓" in fonts.widths else ""
    return "".join(sign if sign in fonts.widths else unknown for sign in text)


def wrapped(text: str, ems: float, fonts: FontSet) -> list[str]:
    """The text in lines no wider than `ems`, cut anywhere: a name of a file has no words."""
    lines, width = [""], 0.0
    for sign in printable(text, fonts):
        own = fonts.width(sign)
        if width + own > ems:
            lines.append("")
            width = 0.0
        lines[-1] += sign
        width += own
    return lines


def rule(left: float, right: float, y: float) -> bytes:
    """A horizontal rule."""
    return b"%.2f %.2f m %.2f %.2f l S " % (left, y, right, y)


def upright(x: float, top: float, foot: float) -> bytes:
    """A vertical rule."""
    return b"%.2f %.2f m %.2f %.2f l S " % (x, top, x, foot)
