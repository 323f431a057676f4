"""A real SMTP server that keeps what it takes."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

import databases


class Mailbox:
    """The ward's mail server. `breaks`: it hangs up after it has been sent the content."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.breaks = False

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        if self.breaks:
            server.transport.abort()
            return "451 gone"
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 OK"


@contextlib.contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A server on a free port of this machine; `TODOKE_SMTP` points to it meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with databases.environment(TODOKE_SMTP=f"smtp://127.0.0.1:{port}"):
            yield box
    finally:
        controller.stop()
