"""Where the pages of the quality checks lie: below `quality/<contract>/`, open, for they hold counts alone."""

from __future__ import annotations

from todoke.process.workspace import Workspace
from todoke.store.files import FileStore, home


def put_page(ws: Workspace, name: str, page: bytes) -> str:
    """Writes a page; the same name takes the place of the one before.

    Returns:
        Its place below `quality/`.
    """
    key = f"{ws.contract.id}/{name}.html"
    FileStore(home("quality")).write(key, page)
    return key
