"""The enquiry desk's contacts of one day, without any personal data in their texts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from todoke.simulate.delivery import csv_lines, deliver
from todoke.simulate.random_streams import generator
from todoke.simulate.reference import bundled

HEADER = (
    "受付番号",
    "回線",
    "方向",
    "媒体",
    "着信日時",
    "応答日時",
    "終了日時",
    "後処理秒",
    "オペレーターID",
    "言語",
    "区分",
    "結果",
    "分類",
    "問合せ内容",
    "回答内容",
    "回答日時",
    "エスカレーション",
)
OPENS, CLOSES = date(2026, 10, 1), date(2027, 3, 31)
_RUSH = date(2026, 11, 2), date(2027, 1, 22)
_USUAL_SHARE, _RUSH_SHARE, _CLOSED_SHARE = 0.0004, 0.0016, 0.00005
_RESULTS = ("完了", "一部完了", "転送F", "取次", "転送", "折返し")
_ANSWERED = 0.93


def write_calls(ward_size: int, calls_dir: Path, on: date, seed: int) -> Path | None:
    """Write `calls_<YYYYMMDD>_01.csv` (CP932) with the contacts of the day.

    Args:
        ward_size: households; about 0.16 % of them call on a day of the rush.

    Returns:
        The file, or None outside the desk's term and on days without a contact.
    """
    if not OPENS <= on <= CLOSES:
        return None
    rng = generator(seed, "calls", on)
    is_open = on.weekday() < 5 and not date(2026, 12, 29) <= on <= date(2027, 1, 3)
    rush = _RUSH[0] <= on <= _RUSH[1]
    share = (_RUSH_SHARE if rush else _USUAL_SHARE) if is_open else _CLOSED_SHARE
    count = int(rng.poisson(ward_size * share))
    if not count:
        return None
    table = _contacts(rng, on, count, is_open)
    lines = csv_lines([pa.array(table[name], pa.string()) for name in HEADER])
    name = f"calls_{on:%Y%m%d}_01.csv"
    return deliver(Path(calls_dir), name, [[",".join(HEADER)], lines], passphrase=None)


def _contacts(rng: np.random.Generator, on: date, count: int, is_open: bool) -> pd.DataFrame:
    """Contacts in order of time; telephone only while the desk is open (9–17)."""
    texts = bundled("contact_texts")
    share = np.where(texts["kind"] == "問合せ", 8.0, 1.0)
    picked = texts.iloc[rng.choice(len(texts), size=count, p=share / share.sum())]
    medium = rng.choice(("電話", "FAX", "メール"), size=count, p=(0.9, 0.03, 0.07) if is_open else (0, 0.3, 0.7))
    phone = medium == "電話"
    second = np.sort(rng.integers(9 * 3600, 17 * 3600, count) if is_open else rng.integers(0, 86400, count))
    outbound = phone & (rng.random(count) < 0.05)
    answered = ~phone | outbound | (rng.random(count) < _ANSWERED)
    wait = rng.exponential(12, count).astype(int) + 2
    talk = rng.exponential(210, count).astype(int) + 20
    begin = [datetime.combine(on, datetime.min.time()) + timedelta(seconds=int(s)) for s in second]
    rows = []
    for n in range(count):
        reply = begin[n] + timedelta(seconds=int(wait[n]))
        end = reply + timedelta(seconds=int(talk[n])) if answered[n] else reply
        rows.append(
            {
                "受付番号": f"K{on:%y%m%d}{n + 1:05d}",
                "回線": "本線" if phone[n] else "",
                "方向": "発信" if outbound[n] else "着信",
                "媒体": medium[n],
                "着信日時": f"{begin[n]:%Y-%m-%d %H:%M:%S}",
                "応答日時": f"{reply:%Y-%m-%d %H:%M:%S}" if answered[n] else "",
                "終了日時": f"{end:%Y-%m-%d %H:%M:%S}",
            }
        )
    table = pd.DataFrame(rows)
    after = np.where(answered, rng.integers(15, 240, count), 0)
    table["後処理秒"] = after.astype(str).astype(object)
    table["オペレーターID"] = np.where(answered, [f"op{n:02d}" for n in rng.integers(1, 30, count)], "")
    table["言語"] = rng.choice(("日本語", "英語", "中国語"), size=count, p=(0.97, 0.02, 0.01))
    for column, source in (("区分", "kind"), ("分類", "topic"), ("問合せ内容", "question"), ("回答内容", "answer")):
        table[column] = np.where(answered, picked[source].to_numpy(object), "")
    result = rng.choice(_RESULTS, size=count, p=(0.86, 0.03, 0.02, 0.03, 0.02, 0.04))
    table["結果"] = np.where(answered, result, "")
    table["回答日時"] = np.where(answered & (result == "完了"), table["終了日時"], "")
    raised = rng.random(count)
    table["エスカレーション"] = np.where(answered & (raised < 0.03), np.where(raised < 0.008, "区", "SV"), "")
    return table
