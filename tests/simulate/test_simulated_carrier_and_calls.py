"""The carrier reports each event once, whatever else is released; the desk's contacts follow its hours."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pandas as pd

from todoke.simulate.calls import write_calls
from todoke.simulate.carrier import write_results

RELEASED = date(2026, 11, 10)
STATES = {
    *("引受", "輸送中", "配達完了", "不在", "保管中", "宛所不明"),
    *("受取拒否", "保管期限切れ", "紛失", "破損", "遅延"),
}
CALLS_HEADER = [
    *("受付番号", "回線", "方向", "媒体", "着信日時", "応答日時", "終了日時", "後処理秒", "オペレーターID"),
    *("言語", "区分", "結果", "分類", "問合せ内容", "回答内容", "回答日時", "エスカレーション"),
]


def shipments(count: int) -> pd.DataFrame:
    columns = {"shipment_id": [f"{n * 7919:016x}" for n in range(count)], "revision": 1, "kind": "goods"}
    return pd.DataFrame(columns).assign(released_on=RELEASED)


def read(path) -> pd.DataFrame:
    return pd.read_csv(path, encoding="cp932", dtype=str, keep_default_na=False)


def days_after_release(parcels: pd.DataFrame, folder) -> pd.DataFrame:
    written = [write_results(parcels, folder, on=RELEASED + timedelta(n), seed=4) for n in range(16)]
    assert written[0] is None
    return pd.concat(read(path).assign(file=path.name) for path in written if path)


def test_day_after_day_yields_each_event_once_and_every_parcel_ends(tmp_path):
    events = days_after_release(shipments(20_000), tmp_path)
    assert not events.duplicated(["出荷番号", "状態"]).any()
    assert set(events["状態"]) <= STATES
    assert (events["日時"].str[:10].str.replace("-", "") == events["file"].str[8:16]).all()
    seen = Counter(events["状態"])
    assert seen["引受"] == seen["輸送中"] == 20_000
    returned = seen["宛所不明"] + seen["受取拒否"] + seen["保管期限切れ"]
    assert seen["配達完了"] + returned + seen["紛失"] + seen["破損"] == 20_000
    assert 150 < returned < 250 and 500 < seen["不在"] < 750


def test_events_of_a_parcel_do_not_depend_on_the_other_parcels(tmp_path):
    few = days_after_release(shipments(300), tmp_path / "few").drop(columns="file")
    many = days_after_release(shipments(3_000), tmp_path / "many").drop(columns="file")
    same = many[many["出荷番号"].isin(few["出荷番号"])]
    key = ["出荷番号", "日時", "状態"]
    assert few.sort_values(key).values.tolist() == same.sort_values(key).values.tolist()


def test_days_left_out_are_made_up_for(tmp_path):
    parcels = shipments(500)
    daily = days_after_release(parcels, tmp_path / "daily").drop(columns="file")
    steps = [(RELEASED, RELEASED + timedelta(6)), (RELEASED + timedelta(6), RELEASED + timedelta(16))]
    paths = [write_results(parcels, tmp_path / "late", on=on, seed=4, since=since) for since, on in steps]
    late = pd.concat(read(path) for path in paths)
    assert sorted(late.values.tolist()) == sorted(daily.values.tolist())


def test_contacts_have_the_promised_header_and_the_desks_hours(tmp_path):
    path = write_calls(163_000, tmp_path, date(2026, 11, 10), 1)
    calls = read(path)
    assert list(calls.columns) == CALLS_HEADER
    assert 150 < len(calls) < 400 and calls["受付番号"].is_unique
    phone = calls[calls["媒体"] == "電話"]
    assert phone["着信日時"].str[11:13].astype(int).between(9, 16).all()
    assert 0.85 < (phone["応答日時"] != "").mean() < 0.98
    again = write_calls(163_000, tmp_path / "again", date(2026, 11, 10), 1)
    assert again.read_bytes() == path.read_bytes()


def test_no_contact_outside_the_desks_term_and_no_call_on_a_closed_day(tmp_path):
    assert write_calls(163_000, tmp_path, date(2026, 9, 30), 1) is None
    sunday = write_calls(1_630_000, tmp_path, date(2026, 11, 15), 1)
    assert "電話" not in set(read(sunday)["媒体"])
