"""The printer's test grid: what an operator lays over a sheet of labels to measure how far the print is off (G06)."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import BinaryIO

from todoke.contract.sheet_layout import MM, SheetLayout
from todoke.labels.fonts import standard_fonts
from todoke.labels.pdf import Drawing, EmbeddedFonts, SheetFile
from todoke.labels.sheet import Line

GRID = "grid.pdf"
_CROSS_MM = 4.0
#: A line that is nearer to the paper's edge is not printed, or cannot be measured; so far inside it is.
_SEEN_MM, INSET_MM = 5.0, 5.0


def write_grid(out: BinaryIO, layouts: Mapping[str, SheetLayout]) -> None:
    """Write one page for each named layout: label outlines, rulers in mm from the page's edges, registration crosses.

    Outlines and crosses are moved by the offset in force, the rulers are not: where the outline's corner lies on the
    paper, read off the label's edge, is the offset that is still missing. An outline on the paper's edge would not be
    seen, so those of labels that lie there are drawn `INSET_MM` inside them. The same layouts give the same bytes.
    """
    fonts, characters = standard_fonts(), set[str]()
    file: SheetFile | None = None
    for name, layout in layouts.items():
        page = SheetLayout(
            1, 1, layout.page_width_mm, layout.page_height_mm, 0, 0, barcode_pt=None,
            page_width_mm=layout.page_width_mm, page_height_mm=layout.page_height_mm,
        )  # fmt: skip
        file = file or SheetFile(GRID, out, page, {"Title": "宛名ラベルの印字位置の確認"})
        texts = [*_legend(name, layout), *_numbers(layout)]
        characters.update(*(line.text for line in texts))
        file.add_sheet([Drawing(page, fonts).label(0, texts, None, _rulers(layout) + _outlines(layout))], page)
    if file is not None:
        file.finish(EmbeddedFonts(fonts.cut(characters)))


def grid(layouts: Mapping[str, SheetLayout]) -> bytes:
    """The file that `write_grid` writes."""
    out = BytesIO()
    write_grid(out, layouts)
    return out.getvalue()


def _legend(name: str, layout: SheetLayout) -> list[Line]:
    """The form's name and offset, in the first label."""
    x, y = layout.corners()[0]
    # clear of the rulers, which run through a label that begins at the page's edge
    left, top = max(x, 6 * MM), min(y + layout.height_mm * MM, (layout.page_height_mm - 5) * MM)
    size = f"{layout.width_mm:g}×{layout.height_mm:g}mm"
    inset = f"　枠線はラベルの縁の{INSET_MM:g}mm内側" if _inset(layout) else ""
    texts = (
        f"印字位置の確認　{name}",
        f"補正 右へ {layout.offset_x_mm:+.1f}mm　下へ {layout.offset_y_mm:+.1f}mm",
        f"{layout.columns}列×{layout.rows}段　ラベル {size}{inset}",
        "枠線とラベルの縁のずれを測り、右・下へずらす量を",
        "offset_mm の x・y に足してください（0.1mm単位）",
    )
    return [Line(left + 6 * MM, top - (8 + 5 * n) * MM, 6.5, text) for n, text in enumerate(texts)]


def _numbers(layout: SheetLayout) -> list[Line]:
    """Centimetres along the top and the left edge of the page."""
    width, height = layout.page_width_mm, layout.page_height_mm
    across = [Line((10 * n + 0.4) * MM, (height - 7) * MM, 6, str(10 * n)) for n in range(1, int(width // 10) + 1)]
    down = [Line(5.2 * MM, (height - 10 * n + 0.4) * MM, 6, str(10 * n)) for n in range(1, int(height // 10) + 1)]
    return [*(line for line in across if line.x < (width - 4) * MM), *down]


def _rulers(layout: SheetLayout) -> bytes:
    """A mark every millimetre along the top and the left edge of the page, longer at 5 and 10, and a line at 10."""
    width, height = layout.page_width_mm, layout.page_height_mm
    strokes = [b"0.1 w 0.85 G "]
    strokes += [_line(10 * n, 0, 10 * n, height) for n in range(1, int(width // 10) + 1)]
    strokes += [_line(0, height - 10 * n, width, height - 10 * n) for n in range(1, int(height // 10) + 1)]
    strokes.append(b"S 0.15 w 0 G ")
    strokes += [_line(n, height, n, height - _tick(n)) for n in range(1, int(width) + 1)]
    strokes += [_line(0, height - n, _tick(n), height - n) for n in range(1, int(height) + 1)]
    return b"".join(strokes) + b"S "


def _tick(mm: int) -> float:
    return 5.0 if mm % 10 == 0 else 3.5 if mm % 5 == 0 else 2.0


def _outlines(layout: SheetLayout) -> bytes:
    """Each label's outline, and a cross on each of its corners."""
    strokes = [b"0.3 w 0 G "]
    corners, inset = set(), _inset(layout)
    width, height = layout.width_mm - 2 * inset, layout.height_mm - 2 * inset
    for x, y in layout.corners():
        left, foot = x / MM + inset, y / MM + inset
        strokes.append(b"%.2f %.2f %.2f %.2f re " % (left * MM, foot * MM, width * MM, height * MM))
        corners |= {
            (round(left + right * width, 3), round(foot + top * height, 3)) for right in (0, 1) for top in (0, 1)
        }
    for across, up in sorted(corners):
        strokes.append(_line(across - _CROSS_MM / 2, up, across + _CROSS_MM / 2, up))
        strokes.append(_line(across, up - _CROSS_MM / 2, across, up + _CROSS_MM / 2))
    return b"".join(strokes) + b"S "


def _inset(layout: SheetLayout) -> float:
    """How far the outlines lie inside the labels, in mm: not at all where all of them are clear of the paper's edge."""
    xs, feet = ([place[axis] / MM for place in layout.corners()] for axis in (0, 1))
    right, top = max(xs) + layout.width_mm, max(feet) + layout.height_mm
    clear = min(*xs, *feet, layout.page_width_mm - right, layout.page_height_mm - top)
    return INSET_MM if clear < _SEEN_MM else 0.0


def _line(x0: float, y0: float, x1: float, y1: float) -> bytes:
    return b"%.2f %.2f m %.2f %.2f l " % (x0 * MM, y0 * MM, x1 * MM, y1 * MM)
