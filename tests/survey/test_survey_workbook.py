from __future__ import annotations

import io
from datetime import date

import openpyxl
import pyarrow as pa

from todoke.survey.workbook import file_name, workbook

AS_OF = date(2026, 12, 1)
COUNTS = pa.Table.from_pylist(
    [
        {
            "question_code": code,
            "title": title,
            "choice_code": choice,
            "choice_label": label,
            "answers": n,
            "total": total,
        }
        for code, title, choice, label, n, total in [
            ("Q1", "備蓄", "1", "なし", 40, 100),
            ("Q1", "備蓄", "2", "あり", None, 100),
            ("Q1", "備蓄", "", "選択肢以外", None, 100),
            ("Q2", "自由意見", "", "記入のあった回答", 12, 12),
        ]
    ],
    pa.schema(
        [(name, pa.string()) for name in ("question_code", "title", "choice_code", "choice_label")]
        + [("answers", pa.int64()), ("total", pa.int64())]
    ),
)


def made() -> bytes:
    return workbook(COUNTS, programme="事業", small_cell=5, as_of=AS_OF)


def test_each_question_has_a_sheet_with_a_native_chart_and_free_text_only_its_count():
    book = openpyxl.load_workbook(io.BytesIO(made()))
    assert book.sheetnames == ["概要", "Q1"]
    assert len(book["Q1"]._charts) == 1
    overview = [[cell.value for cell in row] for row in book["概要"]["A5:D6"]]
    assert overview == [["Q1", "備蓄", "選択", 100], ["Q2", "自由意見", "自由記入", 12]]


def test_a_suppressed_cell_shows_neither_count_nor_share():
    page = openpyxl.load_workbook(io.BytesIO(made()))["Q1"]
    rows = [[cell.value for cell in row] for row in page["A5:C7"]]
    assert rows == [["なし", 40, 0.4], ["あり", "＊", "＊"], ["選択肢以外", "＊", "＊"]]


def test_equal_counts_give_equal_bytes():
    assert made() == made()


def test_the_file_is_named_by_contract_and_day():
    assert file_name("gift", AS_OF) == "gift_survey_2026-12-01.xlsx"
