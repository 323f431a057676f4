"""Mails to the ward: readable without their attachments, the same bytes for the same content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from todoke.contract.loader import project_root
from todoke.errors import TodokeError

#: (file name, content, MIME type)
Attachment = tuple[str, bytes, str]


def build(
    *,
    sender_name: str,
    sender: str,
    to: Sequence[str],
    subject: str,
    text: str,
    html: str | None = None,
    attachments: Sequence[Attachment] = (),
    message_id: str,
    date: datetime,
) -> EmailMessage:
    """A message with its plain part first, then HTML, then attachments.

    `message_id` is the ledger's, with its angle brackets; `date` an aware time. Text goes as base64, so that
    no server on the way has to take 8-bit lines.

    Raises:
        TodokeError: an address or the Message-ID is malformed, a header holds a line break, or `date` has
            no zone.
    """
    if date.tzinfo is None:
        raise TodokeError("メールの日時に時差がありません", where="Date", next_step="開発元に連絡してください")
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = Address(display_name=sender_name, addr_spec=sender)
        message["To"] = tuple(Address(addr_spec=address) for address in to)
        message["Subject"] = subject
        message["Date"] = date
        message["Message-ID"] = message_id
    except (ValueError, IndexError, MessageError):
        raise TodokeError(
            "メールの差出人・宛先・件名のいずれかが誤りです",
            where=f"Message-ID {message_id!r}",
            next_step="契約ファイルの mail と client.mail を確かめてください",
        ) from None
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = "ja"
    message.set_content(text, cte="base64")
    if html is not None:
        message.add_alternative(html, subtype="html", cte="base64")
    for name, content, mime in attachments:
        kind, _, subtype = mime.partition("/")
        message.add_attachment(content, kind, subtype, filename=name, params={"name": name})
    _fix_boundaries(message, message_id)
    return message


def render_text(template: str, **values: object) -> str:
    """The text of `include/templates/mail/<template>`; a value that the template names must be given."""
    return _templates(project_root() / "include" / "templates" / "mail").get_template(template).render(values)


def _fix_boundaries(message: EmailMessage, message_id: str) -> None:
    """The library draws boundaries from chance; a mail built again must have the same digest."""
    seed = hashlib.sha256(message_id.encode()).hexdigest()[:32]
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{seed}_{number}")


@cache
def _templates(folder: Path) -> Environment:
    plain_text = Environment(  # noqa: S701 - plain text: nothing to escape
        loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    plain_text.filters["thousands"] = lambda number: f"{number:,}"
    return plain_text
