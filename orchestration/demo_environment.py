"""The environment of the demo: simulated contract, keys made once outside `TODOKE_HOME`, a local mail server."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from orchestration.settings import ROOT

CONTRACT = "gift"
SECRETS = ROOT / "secrets" / "demo.env"


def apply() -> Path:
    """Puts the demo's settings into this process, keeping what is set already; returns `TODOKE_HOME`."""
    home = Path(os.environ.get("TODOKE_HOME", ROOT / "var"))
    settings = {
        "TODOKE_ENV": "demo",
        "TODOKE_HOME": str(home),
        f"TODOKE_{CONTRACT.upper()}_WEB": f"sqlite:///{home / 'demo' / 'web.db'}",
        **_secrets(),
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    return home


def mark(home: Path) -> Path:
    """The file by which a `TODOKE_HOME` is known to be a demo's."""
    return home / "demo" / ".made_by_demo"


def apply_if_made() -> None:
    """Applies the demo's settings where a demo has been run and nothing else was set up."""
    home = Path(os.environ.get("TODOKE_HOME", ROOT / "var"))
    if SECRETS.exists() and mark(home).exists():
        apply()


def _secrets() -> dict[str, str]:
    """The contract's key and the ward's passphrase; without them the demo's data cannot be opened again."""
    if not SECRETS.exists():
        SECRETS.parent.mkdir(mode=0o700, exist_ok=True)
        lines = (
            f"TODOKE_{CONTRACT.upper()}_KEY={secrets.token_hex(32)}\n"
            f"TODOKE_{CONTRACT.upper()}_LGWAN_PASSPHRASE={secrets.token_urlsafe(18)}\n"
        )
        with os.fdopen(os.open(SECRETS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(lines)
    pairs = (line.partition("=") for line in SECRETS.read_text("utf-8").splitlines() if "=" in line)
    return {name: value for name, _, value in pairs}


class _KeepAsFiles:
    """Takes every mail and keeps it as a file that a mail program opens."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        (self._folder / f"{name}.eml").write_bytes(envelope.content)
        return "250 OK"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def mail_server(folder: Path) -> Iterator[None]:
    """A real SMTP server on a free port of this machine while the block runs; `TODOKE_SMTP` points to it."""
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # the server's side of the talk is no part of a task's log
    port = _free_port()
    controller = Controller(_KeepAsFiles(folder), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        os.environ["TODOKE_SMTP"] = f"smtp://127.0.0.1:{port}"
        yield
    finally:
        controller.stop()
        os.environ.pop("TODOKE_SMTP", None)
