"""The mark that the carrier sorts by: the town, or the route, as which the register can give town and 丁目."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from todoke.labels.barcode import PADDING, address_number, after_town

_WRITTEN = re.compile(r"(?:[0-9０-９]+|[〇一二三四五六七八九十]+)丁目")


def sort_marks(by: Literal["town", "route", "none"], towns: Iterable[str], blocks: Iterable[str]) -> list[str]:
    """A mark for each town and block.

    `route`: the town with its 丁目 in ASCII figures, however the register writes it: with the town (中央町二丁目),
    with the block (２丁目3番4号), or as the first of three figures (2-3-4); the town alone where there is none.
    """
    if by == "none":
        return ["" for _ in towns]
    return list(towns) if by == "town" else [_route(*place) for place in zip(towns, blocks, strict=True)]


def _route(town: str, block: str) -> str:
    town = town.rstrip(PADDING)
    if not town:
        return ""
    figures = address_number(after_town(town, block, "")).split("-")
    written = _WRITTEN.search(f"{town} {block}")
    if not figures[0].isdigit() or (written is None and len(figures) != 3):
        return town
    plain = town[: written.start()] if written and written.end() == len(town) else town
    return f"{plain}{figures[0]}丁目"
