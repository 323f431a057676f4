from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest

from todoke.contract.model import Question
from todoke.store.engine import Engine
from todoke.store.schema import SURVEY_ANSWER
from todoke.store.sqlfiles import load
from todoke.survey.aggregate import aggregate

QUESTIONS = {
    "Q1": Question(title="備蓄", choices={"1": "なし", "2": "あり"}),
    "Q2": Question(title="自由意見"),
}
AS_OF = date(2026, 12, 1)


def answer(application: str, question: str, text: str | None, at: str = "2026-11-12 10:00") -> dict[str, Any]:
    return {
        "application_id": application,
        "question_code": question,
        "answer": text,
        "answered_at": datetime.fromisoformat(at),
    }


def counted(*answers: dict[str, Any], small_cell: int = 1) -> dict[tuple[str, str], tuple[int | None, int | None]]:
    table = aggregate(pa.Table.from_pylist(list(answers), SURVEY_ANSWER), QUESTIONS, small_cell, AS_OF)
    rows = table.to_pylist()
    return {(row["question_code"], row["choice_code"]): (row["answers"], row["total"]) for row in rows}


def test_each_choice_is_counted_and_free_text_only_counted():
    counts = counted(answer("a", "Q1", "1"), answer("b", "Q1", "2"), answer("c", "Q1", "2"), answer("a", "Q2", "便利"))
    assert counts == {("Q1", "1"): (1, 3), ("Q1", "2"): (2, 3), ("Q1", ""): (0, 3), ("Q2", ""): (1, 1)}


def test_the_last_answer_of_an_application_counts():
    counts = counted(answer("a", "Q1", "1", "2026-11-12"), answer("a", "Q1", "2", "2026-11-13"))
    assert (counts["Q1", "1"], counts["Q1", "2"]) == ((0, 1), (1, 1))


def test_blank_answers_are_none_and_unknown_ones_have_their_row():
    counts = counted(answer("a", "Q1", " "), answer("b", "Q1", None), answer("c", "Q1", "9"), answer("d", "Q2", ""))
    assert (counts["Q1", ""], counts["Q2", ""]) == ((1, 1), (0, 0))


def test_answers_after_the_day_wait_for_the_next():
    assert counted(answer("a", "Q1", "1", "2026-12-02 00:00"), answer("b", "Q1", "1", "2026-12-01 23:59"))[
        "Q1", "1"
    ] == (1, 1)


def test_questions_and_choices_keep_the_contracts_order_and_words():
    rows = aggregate(SURVEY_ANSWER.empty_table(), QUESTIONS, 5, AS_OF).to_pylist()
    assert [(row["title"], row["choice_label"]) for row in rows] == [
        ("備蓄", "なし"),
        ("備蓄", "あり"),
        ("備蓄", "選択肢以外"),
        ("自由意見", "記入のあった回答"),
    ]


Published = tuple[tuple[int | None, ...], int | None]


def published(vectors: list[tuple[int, ...]], small_cell: int) -> list[Published]:
    """What is shown of each vector of counts: cells and total, None where suppressed."""
    table = pa.table(
        {
            "question_code": [f"{number:08d}" for number, vector in enumerate(vectors) for _ in vector],
            "position": pa.array([place for vector in vectors for place in range(len(vector))], pa.int32()),
            "choice_code": [str(place) for vector in vectors for place in range(len(vector))],
            "answers": pa.array([count for vector in vectors for count in vector], pa.int64()),
        }
    )
    with Engine() as engine:
        shown = engine.run(load("survey", "published_count"), {"answer_count": table}, {"small_cell": small_cell})
    cells, totals = shown["answers"].to_pylist(), shown["total"].to_pylist()
    width = len(vectors[0])
    return [(tuple(cells[start : start + width]), totals[start]) for start in range(0, len(cells), width)]


@pytest.mark.parametrize(("cells", "most", "small_cell"), [(1, 30, 5), (2, 30, 5), (3, 13, 4), (4, 8, 3), (4, 9, 4)])
def test_no_suppressed_cell_can_be_worked_out_even_by_one_who_knows_the_rule(cells: int, most: int, small_cell: int):
    vectors = list(itertools.product(range(most + 1), repeat=cells))
    behind: dict[Published, list[tuple[int, ...]]] = defaultdict(list)
    for vector, shown in zip(vectors, published(vectors, small_cell), strict=True):
        behind[shown].append(vector)
    for (shown, _), possible in behind.items():
        for place, count in enumerate(shown):
            if count is None:
                assert len({vector[place] for vector in possible}) > 1


@pytest.mark.parametrize("small_cell", [3, 5])
def test_small_cells_never_show_and_large_tables_stay_whole(small_cell: int):
    vectors = list(itertools.product(range(9), repeat=3))
    for vector, (shown, total) in zip(vectors, published(vectors, small_cell), strict=True):
        assert all(count is None or count == 0 or count >= small_cell for count in shown)
        assert all(count is None or count == true for count, true in zip(shown, vector, strict=True))
        assert total is None or total == sum(vector)
        if all(count == 0 or count >= small_cell for count in vector):
            assert (shown, total) == (vector, sum(vector))
