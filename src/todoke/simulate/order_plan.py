"""Who applies when and how, for the whole season at once, so that no day depends on which days were asked for."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from todoke.simulate.random_streams import generator
from todoke.simulate.ward import Ward

OPENS, DEADLINE, LAST_DAY = date(2026, 11, 4), date(2027, 1, 15), date(2027, 1, 17)
APPLYING_SHARE, WEB_SHARE = 0.62, 0.75
_TWICE, _WEB_CANCELLED, _CARD_DECLINED = 0.015, 0.006, 0.04
_AMENDED, _DECLINED_BY_PHONE, _AMENDED_WITHOUT_APPLICATION = 0.01, 0.001, 0.0002
_DAYS = (LAST_DAY - OPENS).days + 1
_HOUR_SHARE = np.array([2, 1, 1, 1, 1, 2, 3, 5, 6, 7, 7, 6, 7, 6, 6, 6, 6, 6, 7, 8, 9, 9, 7, 4]) / 123

Days = NDArray[np.datetime64]


def plan_applications(ward: Ward, seed: int) -> pd.DataFrame:
    """Every application of the season, in order of time.

    Returns:
        household (row of the ward), by_web, at (datetime64; midnight for a postcard), cancelled_at (NaT
        when it is not), declined, repeats (the index of the same household's first application, or -1).
    """
    rng = generator(seed, "applications")
    first = _first_applications(ward, rng)
    again = first[rng.random(len(first)) < _TWICE]
    again = again.assign(
        by_web=rng.random(len(again)) < 0.5,
        at=again["at"] + pd.to_timedelta(rng.integers(3600, 20 * 86400, len(again)), unit="s"),
        repeats=again.index,
    )
    lost = first["by_web"] & (rng.random(len(first)) < _WEB_CANCELLED)
    after = pd.to_timedelta(rng.integers(600, 2 * 86400, len(first)), unit="s")
    first["cancelled_at"] = (first["at"] + after).where(lost)
    anew = first[lost & (rng.random(len(first)) < 0.5)]
    minutes = pd.to_timedelta(rng.integers(60, 7200, len(anew)), unit="s")
    anew = anew.assign(at=anew["cancelled_at"] + minutes, cancelled_at=pd.NaT, repeats=anew.index)
    first["declined"] = ~first["by_web"] & (rng.random(len(first)) < _CARD_DECLINED)
    plan = pd.concat([first, again, anew]).reset_index(names="origin")
    cards = ~plan["by_web"].to_numpy()
    plan.loc[cards, "at"] = next_open_day(plan.loc[cards, "at"].to_numpy("datetime64[s]"), saturdays=True)
    plan = plan[plan["at"] < pd.Timestamp(LAST_DAY + timedelta(1))]
    return _in_order(plan)


def _first_applications(ward: Ward, rng: np.random.Generator) -> pd.DataFrame:
    """One row per applying household; every day has at least one web application of a sound household."""
    count = len(ward.households)
    applying = rng.random(count) < APPLYING_SHARE
    by_web = rng.random(count) < WEB_SHARE
    day = rng.choice(_DAYS, size=count, p=_day_shares())
    sound = rng.permutation(np.setdiff1d(np.arange(count), ward.mistakes["household"]))[:_DAYS]
    applying[sound], by_web[sound], day[sound] = True, True, np.arange(len(sound))
    hour = rng.choice(24, size=count, p=_HOUR_SHARE)
    second = hour * 3600 + rng.integers(0, 3600, count)
    at = np.datetime64(OPENS, "s") + day * np.timedelta64(86400, "s") + second.astype("timedelta64[s]")
    columns = {"household": np.arange(count), "by_web": by_web, "at": at}
    plan = pd.DataFrame(columns)[applying].reset_index(drop=True)
    return plan.assign(cancelled_at=pd.NaT, declined=False, repeats=-1)


def _day_shares() -> NDArray[np.float64]:
    """A rush when the catalogues arrive, a quiet New Year, a second small rush before the deadline."""
    day = np.arange(_DAYS)
    deadline = (DEADLINE - OPENS).days
    share = np.exp(-day / 8) + 0.06 + 0.08 * ((day > deadline - 7) & (day <= deadline))
    share[:2] *= (0.4, 0.7)
    new_year = (date(2026, 12, 30) - OPENS).days
    share[new_year : new_year + 5] *= 0.4
    share[day > deadline] = 0.02
    return np.asarray(share / share.sum())


def _in_order(plan: pd.DataFrame) -> pd.DataFrame:
    """Sort by time and let `repeats` point at the new index."""
    plan = plan.sort_values(["at", "household", "repeats"], kind="stable", ignore_index=True)
    firsts = plan[plan["repeats"] < 0]
    place = pd.Series(firsts.index, index=firsts["origin"])
    plan["repeats"] = plan["repeats"].map(place).fillna(-1).astype(np.int64)
    return plan.drop(columns="origin")


def plan_amendments(ward: Ward, applications: pd.DataFrame, seed: int) -> pd.DataFrame:
    """What the call centre keys in, in order of time.

    Returns:
        household, requested_at, action (replace, add, cancel, decline), wrong_number, operator.
    """
    rng = generator(seed, "amendments")
    asked = applications[(applications["repeats"] < 0) & (rng.random(len(applications)) < _AMENDED)]
    action = rng.choice(["replace", "add", "cancel", "decline"], size=len(asked), p=(0.45, 0.30, 0.15, 0.10))
    alone = ward.households["members"].to_numpy()[asked["household"]] == 1
    action = np.where((action == "add") & alone & (rng.random(len(asked)) < 0.85), "replace", action)
    day = asked["at"].to_numpy("datetime64[s]") + _some_days(rng, len(asked), 2, 13)
    silent = np.setdiff1d(np.arange(len(ward.households)), applications["household"])
    draw = rng.random(len(silent))
    silent, draw = silent[draw < _DECLINED_BY_PHONE + _AMENDED_WITHOUT_APPLICATION], draw[draw < 0.0012]
    silent_day = np.datetime64(OPENS, "s") + _some_days(rng, len(silent), 0, 70)
    plan = pd.DataFrame(
        {
            "household": np.concatenate([asked["household"].to_numpy(), silent]),
            "requested_at": next_open_day(np.concatenate([day, silent_day])),
            "action": np.concatenate([action, np.where(draw < _DECLINED_BY_PHONE, "decline", "replace")]),
        }
    )
    plan["requested_at"] += pd.to_timedelta(rng.integers(9 * 3600, 17 * 3600, len(plan)), unit="s")
    plan["wrong_number"] = rng.random(len(plan)) < 0.01
    plan["operator"] = [f"op{n:02d}" for n in rng.integers(1, 30, len(plan))]
    return plan.sort_values(["requested_at", "household"], kind="stable", ignore_index=True)


def _some_days(rng: np.random.Generator, count: int, low: int, high: int) -> NDArray[np.timedelta64]:
    return rng.integers(low, high, count) * np.timedelta64(86400, "s")


def next_open_day(moments: Days, *, saturdays: bool = False) -> Days:
    """Midnight of the first open day at or after each moment: no Sunday, not 29 December – 3 January."""
    new_year = np.arange("2026-12-29", "2027-01-04", dtype="datetime64[D]")
    week = "1111110" if saturdays else "1111100"
    days = np.busday_offset(moments.astype("datetime64[D]"), 0, roll="forward", weekmask=week, holidays=new_year)
    return np.asarray(days.astype("datetime64[s]"))
