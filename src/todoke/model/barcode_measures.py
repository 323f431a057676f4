"""Published measures of Japan Post's customer barcode (カスタマバーコード), p12 and p13 of its manual."""

from __future__ import annotations

#: Bars of a symbol.
BARS = 67
#: At a = 10 pt, in µm: from bar to bar, a bar's width, heights of the long, semi-long and timing bars.
PITCH, BAR_WIDTH, LONG, SEMI, TIMING = 1200, 600, 3600, 2400, 1200
#: Smallest and largest a, in points.
SMALLEST_PT, LARGEST_PT = 8.0, 11.5
#: Blank on all sides of the bars.
BLANK_MM = 2.0


def barcode_size_mm(a: float) -> tuple[float, float]:
    """Length from the first bar's left edge to the last one's right edge, and height, in mm at a points."""
    return ((BARS - 1) * PITCH + BAR_WIDTH) * a / 10_000, LONG * a / 10_000
