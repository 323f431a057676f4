"""The web database is read as one moment, and what is changed after the deadline is not taken."""

from __future__ import annotations

import traceback
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from todoke.errors import TodokeError
from todoke.orders.web import LATE_CHANGE, ORDER_TABLES, extract, hold_late_changes
from todoke.store.schema import DATASETS

DEADLINE = date(2027, 1, 15)
BEFORE = datetime.fromisoformat("2027-01-10 09:30:15.000250")
LAST = datetime.fromisoformat("2027-01-15 23:59:59")
AFTER = datetime.fromisoformat("2027-01-16 00:00:00")


@pytest.fixture
def site(tmp_path: Path) -> sa.Engine:
    """The tables of `interfaces.md` in a file of SQLite."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'site.db'}")
    with engine.begin() as connection:
        for ddl in (
            "CREATE TABLE application (application_id text primary key, application_no text, submitted_at timestamp,"
            " cancelled_at timestamp, updated_at timestamp)",
            "CREATE TABLE application_line (application_id text, line_no int, item_code text, quantity int)",
            "CREATE TABLE amendment (amendment_id text primary key, application_no text, requested_at timestamp,"
            " action text, operator text, updated_at timestamp)",
            "CREATE TABLE amendment_line (amendment_id text, line_no int, item_code text, quantity int)",
            "CREATE TABLE survey_answer (application_id text, question_code text, answer text, answered_at timestamp)",
        ):
            connection.exec_driver_sql(ddl)
    return engine


def put(site: sa.Engine, table: str, **row: Any) -> None:
    columns = {name: sa.column(name, sa.DateTime() if isinstance(v, datetime) else None) for name, v in row.items()}
    with site.begin() as connection:
        connection.execute(sa.insert(sa.table(table, *columns.values())).values(**row))


def apply(site: sa.Engine, id_: str, items: str, updated: datetime = BEFORE, **changed: Any) -> None:
    row = {"application_id": id_, "application_no": "1", "submitted_at": BEFORE, "updated_at": updated} | changed
    put(site, "application", **row)
    for number, item in enumerate(items.split(), start=1):
        put(site, "application_line", application_id=id_, line_no=number, item_code=item, quantity=1)


def forget(site: sa.Engine, id_: str) -> None:
    with site.begin() as connection:
        for table in ("application", "application_line"):
            connection.execute(sa.text(f"DELETE FROM {table} WHERE application_id = :id"), {"id": id_})


def items_of(tables: dict[str, pa.Table]) -> dict[str, str]:
    lines = tables["web_line"].to_pylist()
    return {
        row["application_id"]: " ".join(x["item_code"] for x in lines if x["application_id"] == row["application_id"])
        for row in tables["web_application"].to_pylist()
    }


def test_five_tables_arrive_typed_and_sorted(site: sa.Engine) -> None:
    apply(site, "b", "Y X")
    apply(site, "a", "Z", cancelled_at=LAST)
    five = [*ORDER_TABLES, "survey_answer"]
    tables = extract(site, five)
    assert {name: table.schema for name, table in tables.items()} == {name: DATASETS[name] for name in five}
    assert tables["web_application"]["application_id"].to_pylist() == ["a", "b"]
    assert tables["web_application"]["cancelled_at"].to_pylist() == [LAST, None]
    assert tables["web_application"]["submitted_at"].to_pylist() == [BEFORE, BEFORE]
    assert tables["web_line"]["item_code"].to_pylist() == ["Z", "Y", "X"]
    assert extract(str(site.url)) == {name: tables[name] for name in ORDER_TABLES}


def test_answers_are_read_by_themselves(site: sa.Engine) -> None:
    put(site, "survey_answer", application_id="a", question_code="Q1", answer="3", answered_at=BEFORE)
    answers = extract(site, ["survey_answer"])
    assert list(answers) == ["survey_answer"]
    assert answers["survey_answer"].to_pylist() == [
        {"application_id": "a", "question_code": "Q1", "answer": "3", "answered_at": BEFORE}
    ]


def test_more_rows_than_one_fetch_takes_all_arrive(site: sa.Engine) -> None:
    with site.begin() as connection:
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45001)"
            " INSERT INTO application SELECT printf('%06d', i), '1', '2026-12-01 10:00:00.000000', NULL,"
            " '2026-12-01 10:00:00.000000' FROM n"
        )
    assert extract(site)["web_application"].num_rows == 45001


def test_tables_and_columns_may_be_called_otherwise(site: sa.Engine) -> None:
    apply(site, "a", "X")
    with site.begin() as connection:
        connection.exec_driver_sql('ALTER TABLE application RENAME TO "order"')
        connection.exec_driver_sql('ALTER TABLE "order" RENAME COLUMN application_id TO 受付ID')
    names = {"application": {"table": "order", "application_id": "受付ID"}}
    assert extract(site, names=names)["web_application"]["application_id"].to_pylist() == ["a"]


def test_an_empty_time_or_an_unknown_action_stops_with_its_place(site: sa.Engine) -> None:
    put(site, "amendment", amendment_id="1", application_no="1", requested_at=BEFORE, action="swap", operator="o")
    with pytest.raises(TodokeError, match=r"amendment\.action"):
        extract(site)
    apply(site, "a", "X", submitted_at=None)
    with pytest.raises(TodokeError, match=r"application\.submitted_at"):
        extract(site)


CANARY = "三丁目のヤマモト"


@pytest.mark.parametrize(
    ("table", "row", "place"),
    [
        ("application", {"application_id": "x", "submitted_at": CANARY}, "application.submitted_at"),
        ("application", {"application_id": "x", "submitted_at": 20261201}, "application.submitted_at"),
        ("application", {"application_id": "x", "submitted_at": BEFORE, "cancelled_at": CANARY}, "cancelled_at"),
        ("application_line", {"application_id": "x", "line_no": 1, "quantity": CANARY}, "application_line.quantity"),
        ("application_line", {"application_id": "x", "line_no": 1, "quantity": 3_000_000_000}, "line.quantity"),
        ("application_line", {"application_id": "x", "line_no": 1, "quantity": 1.5}, "application_line.quantity"),
        ("amendment_line", {"amendment_id": "x", "line_no": CANARY, "quantity": 1}, "amendment_line.line_no"),
        ("application", {"application_id": "x", "application_no": CANARY.encode("cp932")}, "application_no"),
    ],
)
def test_a_value_of_no_use_stops_with_its_place_and_is_not_told(
    site: sa.Engine, table: str, row: dict[str, Any], place: str
) -> None:
    apply(site, "a", "X")
    for copy in range(2):
        put(site, table, **(row | {"application_id": f"{copy}"} if row.get("application_id") == "x" else row))
    with pytest.raises(TodokeError, match=place) as caught:
        extract(site)
    assert "2件" in str(caught.value)
    told = "".join(traceback.format_exception(caught.value))
    assert CANARY not in told
    assert "3000000000" not in told
    assert caught.value.final


def test_text_that_the_driver_cannot_decode_is_not_told(site: sa.Engine) -> None:
    with site.begin() as connection:
        connection.exec_driver_sql("INSERT INTO application_line VALUES ('a', 1, CAST(X'4B414E4152490AFF' AS TEXT), 1)")
    with pytest.raises(TodokeError, match="application_line") as caught:
        extract(site)
    assert "KANARI" not in "".join(traceback.format_exception(caught.value))


def test_a_change_before_the_deadline_is_taken_at_the_first_time(site: sa.Engine) -> None:
    apply(site, "a", "X")
    seen = extract(site)
    forget(site, "a")
    apply(site, "a", "Y Z", LAST, submitted_at=LAST)
    held, late = hold_late_changes(seen, extract(site), DEADLINE)
    assert items_of(held) == {"a": "Y Z"}
    assert held["web_application"]["submitted_at"].to_pylist() == [BEFORE]
    assert (late.schema, late.num_rows) == (LATE_CHANGE, 0)


def test_a_change_after_the_deadline_is_listed_and_not_taken_however_often_it_is_seen(site: sa.Engine) -> None:
    apply(site, "a", "X")
    apply(site, "b", "X")
    seen = extract(site)
    for id_, items, changed in (("a", "Y", {}), ("b", "X", {"cancelled_at": AFTER})):
        forget(site, id_)
        apply(site, id_, items, AFTER, **changed)
    for _ in range(2):
        held, late = hold_late_changes(seen, extract(site), DEADLINE)
        assert held == seen
        assert late.to_pylist() == [{"application_id": f"W:{i}", "changed_at": AFTER} for i in "ab"]
        seen = held


def test_a_row_touched_without_a_change_is_not_listed(site: sa.Engine) -> None:
    apply(site, "a", "X")
    seen = extract(site)
    forget(site, "a")
    apply(site, "a", "X", AFTER)
    held, late = hold_late_changes(seen, extract(site), DEADLINE)
    assert held == seen
    assert late.num_rows == 0


def test_a_row_never_seen_is_taken_and_one_gone_is_kept_and_listed(site: sa.Engine) -> None:
    apply(site, "a", "X")
    seen = extract(site)
    forget(site, "a")
    apply(site, "new", "Y", AFTER)
    held, late = hold_late_changes(seen, extract(site), DEADLINE)
    assert items_of(held) == {"a": "X", "new": "Y"}
    assert late.to_pylist() == [{"application_id": "W:a", "changed_at": None}]


def test_a_cancellation_after_the_deadline_is_not_taken_even_of_a_row_never_seen(site: sa.Engine) -> None:
    apply(site, "seen", "X")
    seen = extract(site)
    apply(site, "in time", "X", AFTER, submitted_at=LAST, cancelled_at=AFTER)
    apply(site, "before", "X", LAST, submitted_at=BEFORE, cancelled_at=LAST)
    apply(site, "late", "X", AFTER, submitted_at=AFTER, cancelled_at=AFTER)
    for _ in range(2):
        seen, late = hold_late_changes(seen, extract(site), DEADLINE)
        rows = seen["web_application"].to_pylist()
        assert {row["application_id"]: row["cancelled_at"] for row in rows} == {
            "seen": None,
            "in time": None,
            "before": LAST,
            "late": AFTER,
        }
        assert late.to_pylist() == [{"application_id": "W:in time", "changed_at": AFTER}]


def test_amendments_are_held_the_same_way(site: sa.Engine) -> None:
    def ask(action: str, updated: datetime) -> None:
        put(
            site, "amendment", amendment_id="7", application_no="1", requested_at=BEFORE, action=action, operator="o",
            updated_at=updated,
        )  # fmt: skip

    ask("add", BEFORE)
    seen = extract(site)
    with site.begin() as connection:
        connection.exec_driver_sql("DELETE FROM amendment")
    ask("cancel", AFTER)
    held, late = hold_late_changes(seen, extract(site), DEADLINE)
    assert held == seen
    assert late["application_id"].to_pylist() == ["A:7"]


def test_the_first_time_everything_is_taken(site: sa.Engine) -> None:
    apply(site, "a", "X", AFTER)
    current = extract(site)
    held, late = hold_late_changes(None, current, DEADLINE)
    assert held == current
    assert late.num_rows == 0
