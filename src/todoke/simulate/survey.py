"""Answers to the web survey: choices by code, and a free text without personal data (G21)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from todoke.simulate.random_streams import generator

_SHARE, _ANSWERED, _WITH_TEXT = 0.30, 0.95, 0.25
CHOICES = {
    "Q1": (0.12, 0.18, 0.20, 0.20, 0.14, 0.16),
    "Q2": (0.24, 0.46, 0.20, 0.10),
    "Q3": (0.34, 0.36, 0.20, 0.07, 0.03),
    "Q4": (0.38, 0.34, 0.28),
}
_TEXTS = (
    "備蓄を見直すきっかけになった",
    "もう少し商品の種類がほしい",
    "申込みの画面が分かりやすかった",
    "重い物を届けてもらえるのは助かる",
    "カタログの文字を大きくしてほしい",
    "毎年続けてほしい",
    "小さい子ども向けの商品を増やしてほしい",
    "ペット用の備えもあるとよい",
    "家族で防災の話をした",
    "特になし",
)


def plan_answers(seed: int, applications: pd.DataFrame) -> pd.DataFrame:
    """Answers of about 30 % of the web applications.

    Returns:
        application (row of `applications`), question_code, answer, answered_at.
    """
    rng = generator(seed, "survey")
    asked = np.flatnonzero(applications["by_web"] & (rng.random(len(applications)) < _SHARE))
    at = applications["at"].to_numpy("datetime64[s]")[asked] + rng.integers(40, 900, len(asked)).astype(
        "timedelta64[s]"
    )
    parts = []
    for question, shares in CHOICES.items():
        codes = np.array([str(n + 1) for n in range(len(shares))], object)
        parts.append((question, codes[rng.choice(len(shares), size=len(asked), p=shares)], _ANSWERED))
    parts.append(("Q5", np.array(_TEXTS, object)[rng.integers(0, len(_TEXTS), len(asked))], _WITH_TEXT))
    tables = []
    for question, answer, share in parts:
        given = rng.random(len(asked)) < share
        table = pd.DataFrame({"application": asked[given], "answer": answer[given], "answered_at": at[given]})
        tables.append(table.assign(question_code=question))
    plan = pd.concat(tables).sort_values(["application", "question_code"], ignore_index=True)
    submitted = applications["at"].to_numpy("datetime64[D]")[plan["application"]]
    return plan[plan["answered_at"].to_numpy("datetime64[D]") == submitted].reset_index(drop=True)
