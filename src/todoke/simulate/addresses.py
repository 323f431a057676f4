"""Made-up addresses in the 27 towns of Meguro, written in the mixed ways of a ward's file."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from todoke.simulate.people import GAIJI
from todoke.simulate.reference import bundled, towns

_CHOME, _BANCHI, _GO = 5, 30, 25
_WIDE = str.maketrans("0123456789-", "０１２３４５６７８９－")
_KANJI = "一二三四五"
_STYLE_SHARE = (0.42, 0.10, 0.14, 0.12, 0.12, 0.10)
_WITH_BUILDING = 0.68
_LONG_OR_ODD_BUILDING = 0.03
_BUILDING_WITH_GAIJI = 0.0005


def make_addresses(rng: np.random.Generator, households: int) -> dict[str, pa.Array]:
    """postal_code, town, block (番地) and building (方書, often empty) of each household."""
    places = towns()
    weight = _town_share(len(places))
    town = rng.choice(len(places), size=households, p=weight)
    style = rng.choice(len(_STYLE_SHARE), size=households, p=_STYLE_SHARE)
    place = rng.integers(0, _CHOME * _BANCHI * _GO, households)
    return {
        "postal_code": pa.array(places["postal_code"].tolist()).take(pa.array(town)),
        "town": pa.array(places["town"].tolist()).take(pa.array(town)),
        "block": _blocks().take(pa.array(style * _CHOME * _BANCHI * _GO + place)),
        "building": _buildings(rng, households),
    }


def _town_share(count: int) -> NDArray[np.float64]:
    """Shares of the towns: the same in every ward, the largest about three times the smallest."""
    weight = 1 + 2 * (np.arange(count) * 11 % count) / count
    return np.asarray(weight / weight.sum())


@cache
def _blocks() -> pa.Array:
    """Every way of writing every chome, banchi and go: styles × chome × banchi × go."""
    numbers = [(c, b, g) for c in range(1, _CHOME + 1) for b in range(1, _BANCHI + 1) for g in range(1, _GO + 1)]
    plain = [f"{c}丁目{b}番{g}号" for c, b, g in numbers]
    short = [f"{c}-{b}-{g}" for c, b, g in numbers]
    return pa.array(
        [text.translate(_WIDE) for text in plain]
        + [f"{_KANJI[c - 1]}丁目" + f"{b}番{g}号".translate(_WIDE) for c, b, g in numbers]
        + short
        + [text.translate(_WIDE) for text in short]
        + [f"{c}丁目{b}-{g}".translate(_WIDE) for c, b, g in numbers]
        + plain
    )


def _buildings(rng: np.random.Generator, households: int) -> pa.Array:
    words = bundled("buildings")
    front, back, whole = (list(words.loc[words["part"] == p, "text"]) for p in ("front", "back", "whole"))
    made = [a + b for a in front for b in back]
    with_gaiji = [made[n * 5][:-1] + glyph for n, glyph in enumerate(GAIJI)]
    names = [*made, *whole, *with_gaiji]
    choice = rng.integers(0, len(made), households)
    draw = rng.random(households)
    odd = draw < _LONG_OR_ODD_BUILDING
    choice = np.where(odd, len(made) + rng.integers(0, len(whole), households), choice)
    rare = draw > 1 - _BUILDING_WITH_GAIJI / _WITH_BUILDING
    choice = np.where(rare, len(made) + len(whole) + rng.integers(0, len(GAIJI), households), choice)
    rooms = [f"{floor}{room:02d}" for floor in range(1, 16) for room in range(1, 13)]
    written = (
        [f"　{r}".translate(_WIDE) for r in rooms]
        + [f"{r}号室" for r in rooms]
        + [f"　{r}号".translate(_WIDE) for r in rooms]
        + [f"-{r}" for r in rooms]
    )
    text = pc.binary_join_element_wise(
        pa.array(names).take(pa.array(choice)),
        pa.array(written).take(pa.array(rng.integers(0, len(written), households))),
        "",
    )
    return pc.if_else(pa.array(rng.random(households) < _WITH_BUILDING), text, "")
