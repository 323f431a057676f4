"""The residents' orders day by day: web rows in a real database, scanned postcards as files."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import create_engine

from todoke.simulate import web_database as web
from todoke.simulate.delivery import csv_lines, deliver
from todoke.simulate.order_lines import Assortment, Lines, draw_lines
from todoke.simulate.order_plan import OPENS, plan_amendments, plan_applications
from todoke.simulate.postcards import HEADER, read_cards
from todoke.simulate.random_streams import generator
from todoke.simulate.survey import plan_answers
from todoke.simulate.ward import Ward


class OrderStream:
    """The whole season, planned once; a day's content depends on the seed and the day alone.

    Args:
        ward: who applies. Households without an application number (quarantined ones) do not.
        numbers: household_no, application_no, as published; numbers of households that are not in the ward
            are ignored.
        catalogue: columns of `interfaces.md`.
        seed: zero or more.
    """

    def __init__(self, ward: Ward, numbers: pd.DataFrame, catalogue: pd.DataFrame, seed: int) -> None:
        self._seed = seed
        self._ward = ward
        self._number = _number_of_household(ward, numbers)
        self._applications = plan_applications(ward, seed)
        self._amendments = plan_amendments(ward, self._applications, seed)
        self._survey = plan_answers(seed, self._applications)
        assortment = Assortment.of(catalogue)
        self._codes = assortment.codes
        self._lines = self._draw_application_lines(assortment)
        self._amendment_lines = self._draw_amendment_lines(assortment)
        self._written_through: date | None = None

    def write_day(self, on: date, web_url: str, postcards_dir: Path) -> list[Path]:
        """Write everything up to and including `on` that has not been written yet.

        What has been written is read from the database (every day has a web row), so a new stream in another
        process goes on where the last one stopped. Postcards get one file per day of receipt.

        Args:
            web_url: SQLAlchemy URL; missing tables are made.

        Returns:
            The postcard files written.
        """
        engine = create_engine(web_url)
        try:
            web.create_tables(engine)
            with engine.connect() as connection:
                before = web.written_through(connection) or OPENS - timedelta(1)
            start = max(before, self._written_through or before) + timedelta(1)
            files = [
                path
                for n in range((on - start).days + 1)
                if (path := self._write_postcards(start + timedelta(n), Path(postcards_dir))) is not None
            ]
            with engine.begin() as connection:
                self._write_web(connection, start, on)
        finally:
            engine.dispose()
        self._written_through = max(on, start - timedelta(1))
        return files

    def _draw_application_lines(self, assortment: Assortment) -> Lines:
        """Lines of every application; two in five of the second ones order the same again."""
        plan = self._applications
        rng = generator(self._seed, "lines")
        members = self._members(plan["household"])
        adding = self._amendments.loc[self._amendments["action"] == "add", "household"]
        kept_back = plan["household"].isin(adding).to_numpy() & (members > 1)
        lines = draw_lines(
            rng,
            assortment,
            members=members - kept_back,
            at=plan["at"].to_numpy("datetime64[s]"),
            by_web=plan["by_web"].to_numpy(bool),
        )
        again = np.flatnonzero((plan["repeats"] >= 0) & (rng.random(len(plan)) < 0.4))
        lines.copy_rows(plan["repeats"].to_numpy()[again], again)
        lines.quantity[plan["declined"].to_numpy(bool)] = 0
        return lines

    def _draw_amendment_lines(self, assortment: Assortment) -> Lines:
        """`replace` uses the household's points, `add` one member's; the others have no lines."""
        plan = self._amendments
        add = (plan["action"] == "add").to_numpy()
        lines = draw_lines(
            generator(self._seed, "amendment lines"),
            assortment,
            members=np.where(add, 1, self._members(plan["household"])),
            at=plan["requested_at"].to_numpy("datetime64[s]"),
            by_web=np.ones(len(plan), bool),
        )
        lines.quantity[plan["action"].isin(["cancel", "decline"])] = 0
        return lines

    def _members(self, household: pd.Series) -> NDArray[np.int64]:
        members: NDArray[np.int64] = self._ward.households["members"].to_numpy(np.int64)[household]
        return members

    def _with_number(self, plan: pd.DataFrame, column: str, start: date, end: date) -> NDArray[np.int64]:
        """Rows of a plan whose `column` is in `start` … `end` and whose household has a number."""
        at = plan[column].to_numpy("datetime64[D]")
        within = (at >= np.datetime64(start)) & (at <= np.datetime64(end))
        numbered = self._number[plan["household"].to_numpy()] != ""
        return np.flatnonzero(within & numbered)

    def _write_web(self, connection: Any, start: date, end: date) -> None:
        plan = self._applications
        rows = self._with_number(plan, "at", start, end)
        rows = rows[plan["by_web"].to_numpy(bool)[rows]]
        new = plan.iloc[rows]
        ids = np.array([_web_id(row) for row in rows], object)
        at = new["at"].dt.to_pydatetime()
        cancelled = [
            None if pd.isna(moment) or moment.date() > end else moment.to_pydatetime() for moment in new["cancelled_at"]
        ]
        numbers = self._number[new["household"].to_numpy()]
        web.insert(
            connection,
            web.APPLICATION,
            [
                {
                    "application_id": key,
                    "application_no": number,
                    "submitted_at": submitted,
                    "cancelled_at": gone,
                    "updated_at": gone or submitted,
                }
                for key, number, submitted, gone in zip(ids, numbers, at, cancelled, strict=True)
            ],
        )
        lines = self._lines.table(rows, self._codes)
        web.insert(connection, web.APPLICATION_LINE, _line_rows("application_id", ids, lines))
        self._write_cancellations(connection, start, end)
        self._write_survey(connection, rows)
        self._write_amendments(connection, start, end)

    def _write_cancellations(self, connection: Any, start: date, end: date) -> None:
        """Cancellations of applications that an earlier call has inserted."""
        plan = self._applications
        rows = self._with_number(plan, "cancelled_at", start, end)
        earlier = plan["at"].to_numpy("datetime64[D]")[rows] < np.datetime64(start)
        moments = plan["cancelled_at"].iloc[rows[earlier]].dt.to_pydatetime()
        web.cancel(
            connection,
            [{"id": _web_id(row), "at": at} for row, at in zip(rows[earlier], moments, strict=True)],
        )

    def _write_survey(self, connection: Any, rows: NDArray[np.int64]) -> None:
        answers = self._survey[self._survey["application"].isin(rows)]
        answers = answers.assign(application_id=[_web_id(row) for row in answers["application"]])
        columns = ["application_id", "question_code", "answer", "answered_at"]
        web.insert(connection, web.SURVEY_ANSWER, answers[columns].to_dict("records"))

    def _write_amendments(self, connection: Any, start: date, end: date) -> None:
        plan = self._amendments
        rows = self._with_number(plan, "requested_at", start, end)
        new = plan.iloc[rows]
        ids = np.array([f"T{row + 1:07d}" for row in rows], object)
        numbers = self._number[new["household"].to_numpy()]
        numbers = [
            _misheard(number) if wrong else number for number, wrong in zip(numbers, new["wrong_number"], strict=True)
        ]
        table = new[["requested_at", "action", "operator"]].assign(
            amendment_id=ids, application_no=numbers, updated_at=new["requested_at"]
        )
        web.insert(connection, web.AMENDMENT, table.to_dict("records"))
        lines = self._amendment_lines.table(rows, self._codes)
        web.insert(connection, web.AMENDMENT_LINE, _line_rows("amendment_id", ids, lines))

    def _write_postcards(self, day: date, folder: Path) -> Path | None:
        """The scan of the cards received on `day`; nothing when there were none or its file is there."""
        plan = self._applications
        received = (plan["at"].to_numpy("datetime64[D]") == np.datetime64(day)) & ~plan["by_web"].to_numpy(bool)
        rows = np.flatnonzero(received)
        target = folder / f"postcards_{day:%Y%m%d}_01.csv"
        if not len(rows) or target.exists():
            return None
        household = plan["household"].to_numpy()[rows]
        homes = self._ward.households.iloc[household]
        cards = pd.DataFrame(
            {
                "card_no": [f"H{row + 1:07d}" for row in rows],
                "application_no": self._number[household],
                "name_kana": self._writers(day, household),
                "postal_code": homes["postal_code"].to_numpy(object),
                "declined": plan["declined"].to_numpy(bool)[rows],
            }
        )
        neighbours = np.roll(cards["application_no"].to_numpy(object), 1)
        scan = read_cards(self._seed, day, cards, self._lines.table(rows, self._codes), neighbours)
        scan = scan[cards["application_no"].to_numpy(object) != ""]
        if scan.empty:
            return None
        lines = csv_lines([pa.array(scan[name], pa.string()) for name in HEADER])
        return deliver(folder, target.name, [[",".join(HEADER)], lines], passphrase=None)

    def _writers(self, day: date, household: NDArray[np.int64]) -> NDArray[Any]:
        """Kana of who filled in each card: mostly the head, else another member."""
        rng = generator(self._seed, "writers", day)
        members = self._members(pd.Series(household))
        other = (rng.random(len(household)) * members).astype(np.int64)
        member = np.where(rng.random(len(household)) < 0.85, 0, other)
        person = self._ward.first_person()[household] + member
        names: NDArray[Any] = self._ward.persons["member_kana"].to_numpy(object)[person]
        return names


def _number_of_household(ward: Ward, numbers: pd.DataFrame) -> NDArray[Any]:
    """The application number of each household of the ward, empty where it has none."""
    published = numbers.set_index(numbers["household_no"].astype(str))["application_no"].astype(str)
    found = published.reindex(ward.households["household_no"]).to_numpy(object)
    return np.where(pd.isna(found), "", found)


def _web_id(row: int) -> str:
    return f"{row + 1:08d}"


def _line_rows(key: str, ids: NDArray[Any], lines: pd.DataFrame) -> web.Rows:
    table = lines.assign(**{key: ids[lines["order"].to_numpy()]})
    rows: web.Rows = table[[key, "line_no", "item_code", "quantity"]].to_dict("records")
    return rows


def _misheard(number: str) -> str:
    """The number with its last digit heard wrong, which its check digits show."""
    return number[:-1] + str((int(number[-1]) + 1) % 10)
