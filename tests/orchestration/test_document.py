"""docs/dags.md says what the DAGs say."""

from __future__ import annotations

import pytest

from orchestration import document

pytestmark = pytest.mark.xdist_group("airflow")


@pytest.fixture(scope="module")
def page() -> str:
    import loaded_airflow

    return document.page(loaded_airflow.dags(), "gift")


def test_the_page_is_up_to_date(page):
    assert document.PAGE.read_text("utf-8") == page


def test_every_process_has_a_chapter_and_every_task_a_line(page):
    assert page.count("\n## ") == 10
    assert "| `settle` | 突合・確定 | `release` |" in page
