"""外字確認票: every gaiji in use as the labels will show it, for the ward to sign before anything is printed (G04).

Nothing of a resident is on it: characters, their codes, how often they occur.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from fontTools.pens.basePen import BasePen

from todoke.contract.sheet_layout import MM
from todoke.labels.faces import Face, Glyph, strokes
from todoke.labels.fonts import FontSet
from todoke.labels.gaiji import GaijiUse
from todoke.labels.pdf import Drawing, EmbeddedFonts, SheetFile
from todoke.labels.sheet import Line
from todoke.report.page import PAGE, centred, printable, rule, to_the_right, upright, wrapped

_LEFT, _RIGHT, _TOP, _FOOT = 15 * MM, 195 * MM, 282 * MM, 15 * MM
#: Columns: heading and width in mm.
_COLUMNS = (
    ("No.", 10), ("印字する字形", 30), ("前の字形", 30), ("コード", 33), ("使用数", 23), ("判定", 31), ("区の確認", 23)
)  # fmt: skip
_HEAD, _ROW, _GLYPH = 7 * MM, 27 * MM, 22 * MM
#: Height of the block that is signed, and how much of a glyph's em lies below its baseline.
_SIGNED, _BELOW = 22 * MM, 0.12
_ROWS_A_PAGE = 6
_GREY = b"0.55 g "


@dataclass(frozen=True)
class FontFile:
    """A font's file as its receiver knows it."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Heading:
    """What the sheet is of: programme, client, register version, the fonts by priority (the base font first)."""

    programme: str
    client: str
    register: str
    fonts: tuple[FontFile, ...]
    held: int


@dataclass(frozen=True)
class SheetRow:
    """A character in use; `before`: the face that drew it before it was reshaped."""

    use: GaijiUse
    before: Face | None = field(default=None, repr=False)

    @property
    def drawn(self) -> bool:
        """Whether the fonts draw it."""
        return self.use.glyph in (Glyph.DRAWN, Glyph.RESHAPED)


def gaiji_sheet(rows: Sequence[SheetRow], heading: Heading, fonts: FontSet) -> bytes:
    """The sheet as a PDF on A4, drawn with the labels' fonts; the same rows give the same bytes."""
    pages = [rows[start : start + _ROWS_A_PAGE] for start in range(0, len(rows), _ROWS_A_PAGE)] or [[]]
    drawing, out, printed = Drawing(PAGE, fonts), io.BytesIO(), set[str]()
    file = SheetFile("gaiji_sheet.pdf", out, PAGE)
    for number, page in enumerate(pages):
        lines, marks = _page(page, rows, heading, fonts, number, len(pages))
        printed.update(*(line.text for line in lines))
        file.add_sheet([drawing.label(0, lines, None, marks)])
    file.finish(EmbeddedFonts(fonts.cut(printed)))
    return out.getvalue()


def _page(
    page: Sequence[SheetRow], rows: Sequence[SheetRow], heading: Heading, fonts: FontSet, number: int, pages: int
) -> tuple[list[Line], bytes]:
    """Lines of text and, beneath them, rules and earlier glyphs of one page."""
    lines, y = _head(rows, heading, fonts)
    lines += to_the_right(f"{number + 1} / {pages}", _RIGHT, _TOP - 4 * MM, 9, fonts)
    edges = [_LEFT]
    for _, width in _COLUMNS:
        edges.append(edges[-1] + width * MM)
    top, marks = y, [b"0.5 w 0.35 G ", rule(_LEFT, _RIGHT, y)]
    for (title, _), cell in zip(_COLUMNS, pairwise(edges), strict=True):
        lines.append(centred(title, *cell, y - 4.8 * MM, 8.5, fonts))
    y -= _HEAD
    marks.append(rule(_LEFT, _RIGHT, y))
    for place, row in enumerate(page, number * _ROWS_A_PAGE + 1):
        lines += _row(place, row, edges, y, fonts)
        if row.before is not None:
            marks.append(_outline(row.before, ord(row.use.text), (edges[2], edges[3]), y))
        y -= _ROW
        marks.append(rule(_LEFT, _RIGHT, y))
    marks += [upright(x, top, y) for x in edges]
    signed, frames = _signature(fonts)
    lines = [line._replace(text=printable(line.text, fonts)) for line in [*lines, *signed]]
    return lines, b"".join([*marks, *frames])


def _head(rows: Sequence[SheetRow], heading: Heading, fonts: FontSet) -> tuple[list[Line], float]:
    """Title, what it is of, the fonts, the totals; and where the table begins."""
    wrong = sum(row.use.glyph is not Glyph.DRAWN for row in rows)
    told = [
        f"事業名　{heading.programme}",
        f"台帳の版　{heading.register}",
        *(f"フォント{place}　{font.name}　（SHA-256 {font.sha256[:16]}…）" for place, font in enumerate(heading.fonts)),
        f"使用する外字　{len(rows)}種　うち印字できないもの・確認が必要なもの　{wrong}種　保留中　{heading.held:,}世帯",
    ]
    lines = [
        centred("外字確認票", _LEFT, _RIGHT, _TOP - 6 * MM, 18, fonts),
        Line(_LEFT, _TOP - 14 * MM, 12, printable(f"{heading.client}　御中", fonts)),
    ]
    y = _TOP - 21 * MM
    for text in told:
        for part in wrapped(printable(text.replace("フォント0", "基本フォント"), fonts), (_RIGHT - _LEFT) / 8.5, fonts):
            lines.append(Line(_LEFT, y, 8.5, part))
            y -= 4.4 * MM
    return lines, y - 0.5 * MM


def _row(place: int, row: SheetRow, edges: Sequence[float], top: float, fonts: FontSet) -> list[Line]:
    use, middle = row.use, top - _ROW / 2
    cells = list(pairwise(edges))
    drawn = fonts.composed(use.text)
    lines = [centred(str(place), *cells[0], middle - 3, 9, fonts)]
    if row.drawn:
        foot = middle - _GLYPH / 2 + _BELOW * _GLYPH
        lines.append(centred(drawn, *cells[1], foot, _GLYPH, fonts))
    else:
        lines.append(centred("（印字できません）", *cells[1], middle - 3, 8, fonts))
    if row.before is None:
        lines.append(centred("—", *cells[2], middle - 3, 9, fonts))
    codes = use.code_points.split(" ")
    told = [*codes, f"CP932 {use.cp932 or 'なし'}"]
    lines += _stacked(told, cells[3], middle, 9.5, fonts)
    lines += _stacked([f"{use.households:,}世帯", f"{use.count:,}文字"], cells[4], middle, 9.5, fonts)
    lines += _stacked(wrapped(use.glyph.label, 8.5, fonts), cells[5], middle, 9.5, fonts)
    answers = ["□ 正しい", "□ 誤り"] if row.drawn else ["□ 再送する", "□ 別の文字"]
    lines += _stacked(answers, cells[6], middle, 8.5, fonts)
    return lines


def _stacked(texts: Sequence[str], cell: tuple[float, float], middle: float, size: float, fonts: FontSet) -> list[Line]:
    """Lines one below the other around the middle of a cell."""
    first = middle + (len(texts) - 1) * size * 0.8 - size * 0.35
    return [centred(text, *cell, first - n * size * 1.6, size, fonts) for n, text in enumerate(texts)]


def _signature(fonts: FontSet) -> tuple[list[Line], list[bytes]]:
    """What the ward signs, at the foot of each page."""
    top = _FOOT + _SIGNED
    told = "上の字形を確かめました。誤りのある外字は、正しい外字フォントを送ります。"
    lines = [Line(_LEFT, top + 2.5 * MM, 9, told)]
    marks = []
    for left, width, title in ((75, 45, "確認日"), (120, 75, "確認者（所属・氏名）")):
        x, right = left * MM, (left + width) * MM
        lines.append(Line(x + 1.5 * MM, top - 4.5 * MM, 8, title))
        marks.append(b"%.2f %.2f %.2f %.2f re S " % (x, _FOOT, right - x, _SIGNED))
    lines.append(Line(78 * MM, _FOOT + 5 * MM, 10, "　　　年　　月　　日"))
    return lines, marks


class _PathPen(BasePen):  # type: ignore[misc]  # fontTools is not typed
    """Writes an outline as operators of a PDF's content; curves of TrueType become cubic ones."""

    def __init__(self, scale: float, x: float, y: float) -> None:
        super().__init__(None)
        self._scale, self._x, self._y = scale, x, y
        self.parts: list[bytes] = []

    def _put(self, operator: bytes, *points: tuple[float, float]) -> None:
        told = b" ".join(b"%.2f %.2f" % (self._x + x * self._scale, self._y + y * self._scale) for x, y in points)
        self.parts.append(told + b" " + operator + b" ")

    def _moveTo(self, pt: tuple[float, float]) -> None:
        self._put(b"m", pt)

    def _lineTo(self, pt: tuple[float, float]) -> None:
        self._put(b"l", pt)

    def _curveToOne(self, pt1: tuple[float, float], pt2: tuple[float, float], pt3: tuple[float, float]) -> None:
        self._put(b"c", pt1, pt2, pt3)

    def _closePath(self) -> None:
        self.parts.append(b"h ")


def _outline(face: Face, code_point: int, cell: tuple[float, float], top: float) -> bytes:
    """A glyph of a font that is no longer in force, as a path: nothing of it is embedded as text."""
    left = (cell[0] + cell[1] - face.width(code_point) * _GLYPH) / 2
    pen = _PathPen(_GLYPH / face.em, left, top - _ROW / 2 - _GLYPH / 2 + _BELOW * _GLYPH)
    for operation, points in strokes(face, code_point):
        getattr(pen, operation)(*points)
    return _GREY + b"".join(pen.parts) + b"f 0 g "
