"""`<contract>_survey`: what applicants answered, counted with small cells hidden (G21)."""

from __future__ import annotations

from datetime import date

from todoke.orders import web
from todoke.process.orders import web_url
from todoke.process.workspace import Counts, Workspace
from todoke.survey.aggregate import aggregate
from todoke.survey.workbook import file_name, workbook

_DATASET = "survey_answer"


def land(contract: str, on: date) -> Counts:
    """Answers as they stand in the web database; unchanged rows make no version."""
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        heads = ws.ledger.heads(tx)
    answers = web.extract(web_url(contract), [_DATASET])[_DATASET]
    ws.commit_tables({_DATASET: answers}, heads, ["web"])
    return {"answers": answers.num_rows}


def publish(contract: str, on: date) -> Counts:
    """The workbook of the answers given up to the end of `on`, once for each version of the answers.

    Returns:
        version, cells shown, cells hidden.
    """
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
    version = pin.heads.get(_DATASET)
    if version is None:
        return {"cells": 0, "hidden": 0}
    survey = ws.contract.survey
    counts = aggregate(ws.head_table(_DATASET, pin), survey.questions, survey.small_cell, on)
    content = workbook(counts, programme=ws.contract.name, small_cell=survey.small_cell, as_of=on)
    ws.outbox.put(f"survey/{on:%Y-%m-%d}_v{version.number:03d}/{file_name(contract, on)}", content)
    return {"version": version.id, "cells": counts.num_rows, "hidden": counts["answers"].null_count}
