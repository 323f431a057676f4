"""The survey's counts as a workbook: an overview, then a table and a chart for each question (G21)."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from typing import Any

import pyarrow as pa

from todoke.outbox.workbook import Chart, Column, Sheet, render

_SUPPRESSED = "＊"


def file_name(contract_id: str, as_of: date) -> str:
    """`<contract>_survey_<YYYY-MM-DD>.xlsx`"""
    return f"{contract_id}_survey_{as_of.isoformat()}.xlsx"


def workbook(counts: pa.Table, *, programme: str, small_cell: int, as_of: date) -> bytes:
    """The counts of `aggregate` as .xlsx."""
    by_question = [list(rows) for _, rows in groupby(counts.to_pylist(), key=lambda row: row["question_code"])]
    note = (
        f"「{_SUPPRESSED}」は、個人の特定を防ぐため伏せた欄です（{small_cell}件未満の回答数と、それを推測できる欄）。"
    )
    sheets = [_overview(by_question, note)]
    sheets += [_question_sheet(rows, note) for rows in by_question if len(rows) > 1]
    title = f"アンケート集計（{as_of.year}年{as_of.month}月{as_of.day}日現在）"
    return render(sheets, title=title, subtitle=programme)


def _overview(by_question: list[list[dict[str, Any]]], note: str) -> Sheet:
    table = pa.table(
        {
            "code": [rows[0]["question_code"] for rows in by_question],
            "title": [rows[0]["title"] for rows in by_question],
            "kind": ["選択" if len(rows) > 1 else "自由記入" for rows in by_question],
            "total": pa.array([rows[0]["total"] for rows in by_question], pa.int64()),
        }
    )
    columns = (
        Column("code", "設問", 10, centred=True),
        Column("title", "内容", 44),
        Column("kind", "形式", 14, centred=True),
        Column("total", "回答数", 14, null=_SUPPRESSED),
    )
    notes = (
        note,
        "※ アンケートはインターネットで申し込んだ方のうち、任意で回答した方の集計です。",
        "※ 1つの申込みに複数の回答があるときは、最後の回答を数えています。",
        "※ 自由記入は件数のみを載せています。",
    )
    return Sheet("概要", columns, table, notes)


def _question_sheet(rows: list[dict[str, Any]], note: str) -> Sheet:
    code, title, total = rows[0]["question_code"], rows[0]["title"], rows[0]["total"]
    shares = [row["answers"] / total if total and row["answers"] is not None else None for row in rows]
    table = pa.table(
        {
            "label": [row["choice_label"] for row in rows],
            "answers": pa.array([row["answers"] for row in rows], pa.int64()),
            "share": pa.array(shares, pa.float64()),
        }
    )
    columns = (
        Column("label", f"{code}　{title}", 46),
        Column("answers", "回答数", 16, null=_SUPPRESSED),
        Column("share", "割合", 16, "0.0%", null=_SUPPRESSED if total != 0 else "–"),
    )
    shown_total = _SUPPRESSED if total is None else f"{total:,}"
    chart = Chart("bar", f"{title}（回答数 {shown_total}件）", "label", (("answers", "回答数"),))
    return Sheet(code, columns, table, (f"この設問の回答数：{shown_total}件", note), chart)
