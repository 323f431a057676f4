"""The orders of a day depend on seed and day alone, and have the faults that real orders have."""

from __future__ import annotations

import csv
import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from todoke.simulate.catalogue import make_catalogue
from todoke.simulate.orders import OrderStream
from todoke.simulate.ward import Ward, make_ward

FIRST, LAST = date(2026, 11, 4), date(2027, 1, 31)
TABLES = ("application", "application_line", "amendment", "amendment_line", "survey_answer")
CARD_HEADER = [
    *("受付番号", "受付日", "消印日", "画像ファイル名", "申込番号", "申込番号確信度", "氏名カナ", "氏名カナ確信度"),
    *("郵便番号", "郵便番号確信度", "辞退", "辞退確信度"),
    *(part.format(n) for n in range(1, 7) for part in ("商品コード{}", "数量{}", "商品コード{}確信度")),
]


@pytest.fixture(scope="module")
def ward() -> Ward:
    return make_ward(2_000, seed=5)


@pytest.fixture(scope="module")
def numbers(ward: Ward) -> pd.DataFrame:
    bodies = [(n * 48_611 + 1_234_567) % 99_999_989 for n in range(len(ward.households))]
    published = pd.DataFrame(
        {
            "household_no": ward.households["household_no"],
            "application_no": [f"{body:08d}{(1 - body * 100) % 97:02d}" for body in bodies],
        }
    )
    return published[~published["household_no"].isin(ward.mistakes["household_no"])]


@pytest.fixture(scope="module")
def season(ward: Ward, numbers: pd.DataFrame, tmp_path_factory) -> Path:
    """Everything, written in one call after the end."""
    folder = tmp_path_factory.mktemp("season")
    write(OrderStream(ward, numbers, make_catalogue(), 9), LAST, folder)
    return folder


def write(stream: OrderStream, on: date, folder: Path) -> None:
    stream.write_day(on, f"sqlite:///{folder}/web.db", folder / "cards")


def tables(folder: Path) -> dict[str, list[tuple]]:
    with sqlite3.connect(folder / "web.db") as db:
        return {name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in TABLES}


def card_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "cards").iterdir()}


def cards(folder: Path) -> pd.DataFrame:
    files = sorted((folder / "cards").glob("*.csv"))
    return pd.concat(pd.read_csv(f, encoding="cp932", dtype=str, keep_default_na=False) for f in files)


def table(folder: Path, name: str) -> pd.DataFrame:
    with sqlite3.connect(folder / "web.db") as db:
        return pd.read_sql(f"SELECT * FROM {name}", db)


@pytest.mark.parametrize("steps", [(1,), (3, 1, 10), (40, 2)])
def test_end_is_the_same_whichever_days_are_called_and_by_which_process(ward, numbers, season, tmp_path, steps):
    stream, day, turn = OrderStream(ward, numbers, make_catalogue(), 9), FIRST, 0
    while day < LAST:
        write(stream, day, tmp_path)
        day += timedelta(steps[turn % len(steps)])
        turn += 1
        if turn % 7 == 0:
            stream = OrderStream(ward, numbers, make_catalogue(), 9)
    write(stream, LAST, tmp_path)
    write(stream, FIRST, tmp_path)
    assert tables(tmp_path) == tables(season)
    assert card_files(tmp_path) == card_files(season)


def test_a_cancellation_shows_from_its_day_on(ward, numbers, season, tmp_path):
    web = table(season, "application")
    later = web[web["cancelled_at"].str[:10] > web["submitted_at"].str[:10]].iloc[0]
    stream = OrderStream(ward, numbers, make_catalogue(), 9)
    write(stream, date.fromisoformat(later["submitted_at"][:10]), tmp_path)
    before = table(tmp_path, "application").set_index("application_id").loc[later["application_id"]]
    assert pd.isna(before["cancelled_at"]) and before["updated_at"] == before["submitted_at"]
    write(stream, date.fromisoformat(later["cancelled_at"][:10]), tmp_path)
    after = table(tmp_path, "application").set_index("application_id").loc[later["application_id"]]
    assert after["cancelled_at"] == after["updated_at"] == later["cancelled_at"]
    assert after["submitted_at"] == later["submitted_at"]


def test_shares_of_applicants_channels_and_season(ward, numbers, season):
    web, post = table(season, "application"), cards(season)
    assert len(web) / (len(web) + len(post)) == pytest.approx(0.75, abs=0.04)
    applied = set(web["application_no"]) | set(post["申込番号"]) & set(numbers["application_no"])
    assert len(applied) / len(ward.households) == pytest.approx(0.62, abs=0.06)
    days = pd.to_datetime(web["submitted_at"]).dt.date
    assert days.min() == FIRST and days.nunique() == 75
    assert (days <= date(2026, 11, 17)).mean() > 0.45
    assert 0 < (days > date(2027, 1, 15)).sum() < 20
    assert web["application_no"].duplicated().any()


def test_postcards_have_the_promised_header_and_real_misreads(numbers, season):
    for path in (season / "cards").glob("*.csv"):
        with path.open(encoding="cp932", newline="") as file:
            assert next(csv.reader(file)) == CARD_HEADER
        assert Path(f"{path}.done").exists()
    post = cards(season)
    assert post["受付番号"].is_unique
    assert (post["辞退"] == "1").sum() > 3
    assert post["氏名カナ"].str.contains("[ｱ-ﾝ]").mean() > 0.2
    assert post["郵便番号"].str.contains("-").any() and (post["数量1"] == "").any()
    misread = ~post["申込番号"].isin(numbers["application_no"])
    assert 0 < misread.mean() < 0.06
    doubtful = pd.to_numeric(post["申込番号確信度"]) < 0.80
    assert doubtful[misread].mean() > 4 * doubtful[~misread].mean()


def test_lines_stay_mostly_within_points_and_name_refused_and_unknown_items(ward, numbers, season):
    catalogue = make_catalogue().set_index("item_code")
    web, lines = table(season, "application"), table(season, "application_line")
    cost = catalogue["points"].reindex(lines["item_code"]).to_numpy() * lines["quantity"]
    spent = cost.groupby(lines["application_id"]).sum()
    household = web.merge(numbers, on="application_no").merge(ward.households, on="household_no")
    entitled = household.set_index("application_id")["members"] * 3000
    assert (spent <= entitled.reindex(spent.index)).mean() > 0.995
    post = cards(season)
    ordered = pd.concat([post[f"商品コード{n}"] for n in range(1, 7)])
    assert not set(ordered[ordered != ""]) <= set(catalogue.index)
    assert ordered.isin(catalogue.index[catalogue["refused_from"] != ""]).any()


def test_amendments_and_survey(season):
    amendments, survey = table(season, "amendment"), table(season, "survey_answer")
    assert set(amendments["action"]) >= {"replace", "add", "cancel", "decline"}
    at = pd.to_datetime(amendments["requested_at"])
    assert at.dt.hour.between(9, 16).all() and (at.dt.weekday < 5).all()
    assert set(survey["question_code"]) == {"Q1", "Q2", "Q3", "Q4", "Q5"}
    web = table(season, "application")
    assert survey["application_id"].nunique() / len(web) == pytest.approx(0.30, abs=0.05)
    assert survey["application_id"].isin(web["application_id"]).all()


def test_catalogue_meets_the_clause_on_items_points_and_prices():
    catalogue = make_catalogue()
    assert len(catalogue) == 132 and catalogue["item_code"].is_unique
    assert set(catalogue["points"]) == {3000, 6000, 9000}
    assert (catalogue["list_price_yen"] >= 3000).all()
    assert (catalogue["refused_from"] != "").sum() == 2 and catalogue["ward_set"].sum() > 0
    on_file = Path(__file__).parents[2] / "contracts" / "gift" / "catalogue.csv"
    stored = pd.read_csv(on_file, dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(stored, catalogue.astype(str), check_dtype=False)
