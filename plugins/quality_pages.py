"""The pages of the quality checks in Airflow's web server: `/quality/<contract>/<page>.html`.

For people who are logged in and may see the contract's DAGs. Built at the first request: this file is read by every
process of Airflow, and only the web server needs a web framework.
"""

from __future__ import annotations

from functools import cache
from typing import Any

PREFIX = "/quality"
#: A page refers to nothing, and nobody may put it into a page of theirs.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application."""
    await _pages()(scope, receive, send)


@cache
def _pages() -> Any:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import Depends, FastAPI, HTTPException, Path
    from fastapi.responses import HTMLResponse

    from todoke.store.files import FileStore, home

    pages = FastAPI(openapi_url=None)
    contract_id, page_name = Path(pattern="^[a-z][a-z0-9_]*$"), Path(pattern="^[a-z0-9_A-Z]+$")

    @pages.get("/{contract}/{name}.html", response_class=HTMLResponse)
    def page(contract: str = contract_id, name: str = page_name, user: Any = Depends(get_user)) -> HTMLResponse:  # noqa: B008 – FastAPI's way
        details = DagDetails(id=f"{contract}_register")
        if not get_auth_manager().is_authorized_dag(method="GET", details=details, user=user):
            raise HTTPException(403, "この契約の文書を見る権限がありません")
        try:
            content = FileStore(home("quality")).read(f"{contract}/{name}.html")
        except FileNotFoundError:
            raise HTTPException(404, "文書がありません") from None
        return HTMLResponse(content, headers=_HEADERS)

    return pages
