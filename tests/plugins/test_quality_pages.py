"""The button of a checked task leads to a page that only those see who may see the contract's DAGs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import loaded_airflow
import pytest

import databases

pytestmark = pytest.mark.xdist_group("airflow")

PAGE = "gift/households_7XWX46TDCJ4BD11X"
CHECKED = [("gift_register", "validate"), ("gift_orders", "check_postcards"), ("gift_deliveries", "check_results")]


@pytest.fixture(scope="module")
def manager() -> Any:
    from airflow import settings
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.models.revoked_token import RevokedToken

    RevokedToken.__table__.create(bind=settings.engine, checkfirst=True)
    return create_auth_manager()


@pytest.fixture
def site(tmp_path: Path) -> Any:
    from fastapi.testclient import TestClient

    import quality_pages

    file = tmp_path / "quality" / f"{PAGE}.html"
    file.parent.mkdir(parents=True)
    file.write_text("<p>合格", "utf-8")
    (tmp_path / "secret.html").write_text("secret")
    with databases.environment(TODOKE_HOME=str(tmp_path), TODOKE_QUALITY_HOME=None):
        yield TestClient(quality_pages.app)


def as_user(manager: Any, role: str | None) -> dict[str, str]:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return {"Authorization": f"Bearer {manager.generate_jwt(SimpleAuthManagerUser(username='someone', role=role))}"}


def test_a_page_is_shown_to_who_is_logged_in_and_may_see_the_contract(site, manager):
    shown = site.get(f"/{PAGE}.html", headers=as_user(manager, "viewer"))
    assert (shown.status_code, shown.text) == (200, "<p>合格")
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
    assert site.get(f"/{PAGE}.html").status_code == 401
    assert site.get(f"/{PAGE}.html", headers=as_user(manager, None)).status_code == 403


@pytest.mark.parametrize(
    "path", ["gift/nothing.html", "gift/%2e%2e%2f%2e%2e%2fsecret.html", "%2e%2e/secret.html", "..%2f/secret.html"]
)
def test_nothing_but_a_page_is_to_be_had(site, manager, path):
    answer = site.get(f"/{path}", headers=as_user(manager, "viewer"))
    assert answer.status_code in (404, 422)
    assert "secret" not in answer.text


@pytest.mark.parametrize(("dag_id", "task_id"), CHECKED)
def test_every_checked_task_has_the_button_and_it_leads_to_the_page_of_its_result(monkeypatch, dag_id, task_id):
    from airflow.sdk.execution_time.xcom import XCom

    (link,) = loaded_airflow.dags()[dag_id].get_task(task_id).operator_extra_links
    assert link.name == "品質検査の文書"
    key = SimpleNamespace(dag_id=dag_id, task_id=task_id, run_id="r", map_index=-1)
    for result, leads_to in (({"rows": 1, "page": f"{PAGE}.html"}, f"/quality/{PAGE}.html"), ({}, ""), (None, "")):
        monkeypatch.setattr(XCom, "get_value", lambda *, ti_key, key, result=result: result)
        assert link.get_link(None, ti_key=key) == leads_to


def test_the_web_server_serves_the_pages_under_the_links_prefix():
    from airflow.plugins_manager import get_fastapi_plugins

    apps, _ = get_fastapi_plugins()
    assert [app["url_prefix"] for app in apps if app["name"] == "品質検査の文書"] == ["/quality"]
