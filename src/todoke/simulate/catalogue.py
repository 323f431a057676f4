"""The made-up catalogue: 132 sets of disaster-prevention goods (G14)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from todoke.simulate.random_streams import generator
from todoke.simulate.reference import bundled

ORDERABLE_FROM, ORDERABLE_TO = date(2026, 11, 1), date(2027, 1, 31)
#: Items that the ward refuses from a day on, and one that is sold for a shorter time.
REFUSED_FROM = {"6007": date(2026, 11, 20), "3041": date(2026, 12, 10)}
SHORTER = {"3004": date(2026, 12, 28)}
_SUPPLIERS = ("見本防災用品", "架空備蓄販売", "例示保安器材", "サンプル生活用品")


def make_catalogue() -> pd.DataFrame:
    """The catalogue with the columns of `interfaces.md`; dates as `YYYY-MM-DD`, empty when there is none.

    Item codes are four digits; the first is the thousands of points (3, 6, 9).
    """
    goods = bundled("goods")
    rng = generator(0, "catalogue")
    rows = []
    for size, points in (("small", 3000), ("medium", 6000), ("large", 9000)):
        for number, (category, name, amount) in enumerate(
            zip(goods["category"], goods["name"], goods[size], strict=True), start=1
        ):
            code = str(points + number)
            rows.append(
                {
                    "item_code": code,
                    "item_name": f"{name}　{amount}",
                    "category": category,
                    "points": points,
                    "list_price_yen": points + 10 * int(rng.integers(0, points // 50)),
                    "ward_set": int(category == "区推奨"),
                    "orderable_from": ORDERABLE_FROM.isoformat(),
                    "orderable_to": SHORTER.get(code, ORDERABLE_TO).isoformat(),
                    "refused_from": REFUSED_FROM[code].isoformat() if code in REFUSED_FROM else "",
                    "supplier": _SUPPLIERS[number % len(_SUPPLIERS)],
                    "lead_time_days": int(rng.integers(3, 22)),
                    "stock_on_hand": int(rng.integers(4, 40)) * 100,
                }
            )
    return pd.DataFrame(rows)


def write_catalogue(path: Path) -> Path:
    """Write the catalogue as UTF-8 CSV (`contracts/<contract>/catalogue.csv`)."""
    make_catalogue().to_csv(path, index=False, lineterminator="\n")
    return Path(path)
