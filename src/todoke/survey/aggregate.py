"""The survey's answers counted, so that no single person can be told from the counts (G21)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pyarrow as pa

from todoke.clock import end_of
from todoke.contract.model import Question
from todoke.store.engine import Engine
from todoke.store.sqlfiles import load

#: An answer that is no choice of its question, and the one row of a free-text question.
OTHER = "選択肢以外"
FREE_TEXT = "記入のあった回答"


def aggregate(answers: pa.Table, questions: Mapping[str, Question], small_cell: int, as_of: date) -> pa.Table:
    """The counts that may be shown of the answers given up to the end of `as_of`.

    In: `SURVEY_ANSWER`. Out, in the contract's order: question_code, title, choice_code, choice_label, answers,
    total; `answers` and `total` are null where they are suppressed (`published_count.sql`). Free text is
    counted, never shown.
    """
    choices = _choices(questions)
    with Engine() as engine:
        engine.register("survey_answer", answers)
        engine.register("survey_choice", choices)
        engine.create("answer_count", load("survey", "answer_count"), {"before": end_of(as_of)})
        counts = engine.fetch(load("survey", "published_count"), {"small_cell": small_cell})
    return _labelled(counts, questions)


def _choices(questions: Mapping[str, Question]) -> pa.Table:
    """Every cell of every question; the empty code, last, takes what is no choice."""
    rows = [
        {"question_code": code, "position": position, "choice_code": choice}
        for code, question in questions.items()
        for position, choice in enumerate((*question.choices, ""))
    ]
    schema = pa.schema([("question_code", pa.string()), ("position", pa.int32()), ("choice_code", pa.string())])
    return pa.Table.from_pylist(rows, schema)


def _labelled(counts: pa.Table, questions: Mapping[str, Question]) -> pa.Table:
    shown = {(row["question_code"], row["choice_code"]): row for row in counts.to_pylist()}
    rows = []
    for code, question in questions.items():
        rest = OTHER if question.choices else FREE_TEXT
        for choice, label in (*question.choices.items(), ("", rest)):
            row = {"question_code": code, "title": question.title, "choice_code": choice, "choice_label": label}
            rows.append(shown[code, choice] | row)
    texts = [(name, pa.string()) for name in ("question_code", "title", "choice_code", "choice_label")]
    return pa.Table.from_pylist(rows, pa.schema([*texts, ("answers", pa.int64()), ("total", pa.int64())]))
