"""The carrier's results: what happens to each released parcel, and on which day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from todoke.simulate.delivery import csv_lines, deliver
from todoke.simulate.random_streams import key_hashes, uniform

HEADER = ("出荷番号", "改訂", "送り状番号", "状態", "日時", "備考")

#: The ways that a parcel can go but the usual one: share, and events as (state, days after the trip's end).
_COURSES: tuple[tuple[float, tuple[tuple[str, int], ...]], ...] = (
    (0.0300, (("不在", 0), ("配達完了", 1))),
    (0.0070, (("宛所不明", 0),)),
    (0.0015, (("受取拒否", 0),)),
    (0.0015, (("不在", 0), ("保管中", 1), ("保管期限切れ", 8))),
    (0.0010, (("遅延", 0), ("配達完了", 3))),
    (0.0001, (("紛失", 2),)),
    (0.0001, (("破損", 0),)),
)
_USUAL = (("配達完了", 0),)
_NOTES = {"不在": "不在連絡票を投函", "遅延": "交通事情による遅れ", "破損": "外装の破損"}
_TRIP_DAYS = 3
#: Days from the release to a parcel's last event.
_LONGEST = 1 + _TRIP_DAYS + 8


def write_results(
    shipments: pd.DataFrame, carrier_dir: Path, *, on: date, seed: int, since: date | None = None
) -> Path | None:
    """Write `results_<YYYYMMDD>_01.csv` (CP932) with the events of the day `on`.

    A parcel is handed over the day after its release, is on its way the same day, and arrives one to three
    days later; about 3 % are missed first, 1 % come back, 0.02 % are lost or damaged. Its events depend on the
    seed, its id and its release alone, so that day after day each is written exactly once.

    Args:
        shipments: shipment_id, revision, kind, released_on of the released parcels; others may be left out.
        since: the last day already written, when days were left out; default: the day before.

    Returns:
        The file, or None when nothing happens on that day.
    """
    days = (on - (since or on - timedelta(1))).days
    released = pd.to_datetime(shipments["released_on"]).to_numpy("datetime64[D]")
    age = (np.datetime64(on) - released).astype(np.int64)
    moving = np.flatnonzero((age >= 1) & (age <= _LONGEST + days))
    parcels, age = shipments.iloc[moving], age[moving]
    hashes = key_hashes(parcels["shipment_id"].astype(str), seed)
    events = [
        table.assign(day=np.datetime64(on, "D") - back)
        for back in range(days - 1, -1, -1)
        if not (table := _events_of_day(hashes, age - back)).empty
    ]
    return _write(parcels, hashes, pd.concat(events), Path(carrier_dir), on) if events else None


def _events_of_day(hashes: NDArray[np.uint64], age: NDArray[np.int64]) -> pd.DataFrame:
    """parcel (position), state, second (of the day) of what happens `age` days after the release."""
    trip = 1 + (uniform(hashes, 1) * _TRIP_DAYS).astype(np.int64)
    days_after_trip = age - 1 - trip
    course = np.searchsorted(np.cumsum([share for share, _ in _COURSES]), uniform(hashes, 0), side="right")
    found = [(np.flatnonzero(age == 1), "引受", 9, 2), (np.flatnonzero(age == 1), "輸送中", 18, 3)]
    for number, steps in enumerate([*(steps for _, steps in _COURSES), _USUAL]):
        for order, (state, days) in enumerate(steps):
            here = np.flatnonzero((course == number) & (days_after_trip == days))
            found.append((here, state, 9 + order, 8))
    tables = [
        pd.DataFrame(
            {
                "parcel": parcels,
                "state": np.full(len(parcels), state, object),
                "second": (hour * 3600 + uniform(hashes[parcels], 2) * hours * 3600).astype(np.int64),
            }
        )
        for parcels, state, hour, hours in found
        if len(parcels)
    ]
    if not tables:
        return pd.DataFrame()
    return pd.concat(tables).sort_values(["second", "parcel"], kind="stable", ignore_index=True)


def _write(parcels: pd.DataFrame, hashes: NDArray[np.uint64], events: pd.DataFrame, folder: Path, on: date) -> Path:
    place = events["parcel"].to_numpy()
    moment = events["day"].to_numpy("datetime64[s]") + events["second"].to_numpy().astype("timedelta64[s]")
    columns = [
        parcels["shipment_id"].astype(str).to_numpy(object)[place],
        parcels["revision"].astype(int).astype(str).to_numpy(object)[place],
        _tracking_numbers(hashes)[place],
        events["state"].to_numpy(object),
        np.char.replace(np.datetime_as_string(moment, unit="m"), "T", " ").astype(object),
        events["state"].map(_NOTES).fillna("").to_numpy(object),
    ]
    lines = csv_lines([pa.array(column, pa.string()) for column in columns])
    name = f"results_{on:%Y%m%d}_01.csv"
    return deliver(folder, name, [[",".join(HEADER)], lines], passphrase=None)


def _tracking_numbers(hashes: NDArray[np.uint64]) -> NDArray[np.object_]:
    """Twelve digits, the last of them the first eleven modulo 7, as carriers print them."""
    body = (hashes % np.uint64(10**11)).astype(np.int64)
    return np.char.mod("%012d", body * 10 + body % 7).astype(object)
