"""The carrier's mark is the same for one route however the register writes its 丁目."""

from __future__ import annotations

import pytest

from todoke.labels.sort_mark import sort_marks


@pytest.mark.parametrize(
    ("town", "block", "route"),
    [
        ("中央町", "2丁目3番4号", "中央町2丁目"),
        ("中央町", "２丁目３番４号", "中央町2丁目"),
        ("中央町", "二丁目3番4号", "中央町2丁目"),
        ("中央町二丁目", "3番4号", "中央町2丁目"),
        ("中央町２丁目", "3-4", "中央町2丁目"),
        ("中央町", "2-3-4", "中央町2丁目"),
        ("中央町二丁目　 ", "3番4号　", "中央町2丁目"),
        ("三田", "十一丁目3番", "三田11丁目"),
        ("中央町", "3番4号", "中央町"),
        ("中央町", "3-4", "中央町"),
        ("中央町", "", "中央町"),
        ("", "東京都目黒区中央町2丁目3番4号", ""),
    ],
)
def test_route_is_the_town_with_its_chome(town: str, block: str, route: str) -> None:
    assert sort_marks("route", [town], [block]) == [route]


def test_town_or_none() -> None:
    assert sort_marks("town", ["中央町"], ["2丁目"]) == ["中央町"]
    assert sort_marks("none", ["中央町"], ["2丁目"]) == [""]
