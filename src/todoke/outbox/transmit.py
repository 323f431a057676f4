"""One real SMTP conversation: afterwards the mail was taken, was not taken, or nobody can know."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import getaddresses
from urllib.parse import SplitResult, unquote, urlsplit

from todoke.errors import KeyMissing, Passing, TodokeError

_TIMEOUT_SECONDS = 60
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


class Refused(TodokeError):
    """Nothing was taken: the server will not have this mail."""


class RefusedForNow(Refused, Passing):
    """Nothing was taken: no connection, or the server asks to come again."""

    final = False


class InDoubt(TodokeError):
    """The connection was lost after the content was sent: it may have been taken. Never send again unasked."""


def transmit(url: str, message: EmailMessage) -> None:
    """Hands `message` to the server of `url`, to every recipient or to none.

    `url` (`TODOKE_SMTP`): `smtp://host:port`, `smtps://user:password@host`, `smtp+starttls://user:password@host`;
    certificates are verified. The server's words and the addresses are never repeated in an error.

    Raises:
        KeyMissing: the URL is unusable.
        Refused, RefusedForNow: nothing was taken.
        InDoubt: an operator has to find out whether it arrived.
    """
    place = _place(url)
    sender = message["From"].addresses[0]
    recipients = [address for _, address in getaddresses(message.get_all("To", []))]
    server = _open(place, own_name=sender.domain)
    try:
        _envelope(server, sender.addr_spec, recipients)
        _content(server, message.as_bytes())
        with suppress(OSError, smtplib.SMTPException):  # taken already: a bad farewell changes nothing
            server.quit()
    finally:
        server.close()


def _place(url: str) -> SplitResult:
    place = urlsplit(url)
    if place.scheme not in _PORTS or not place.hostname:
        raise KeyMissing(
            "メールサーバーの指定が誤りです",
            where="TODOKE_SMTP",
            next_step="smtp://ホスト:ポート、smtps://…、smtp+starttls://利用者:パスワード@ホスト にしてください",
        )
    return place


def _open(place: SplitResult, own_name: str) -> smtplib.SMTP:
    """Connects, secures and logs in as the URL says."""
    host, port = str(place.hostname), place.port or _PORTS[place.scheme]
    try:
        secure = ssl.create_default_context()
        server = (
            smtplib.SMTP_SSL(host, port, own_name, timeout=_TIMEOUT_SECONDS, context=secure)
            if place.scheme == "smtps"
            else smtplib.SMTP(host, port, own_name, timeout=_TIMEOUT_SECONDS)
        )
        if place.scheme == "smtp+starttls":
            server.starttls(context=secure)
        if place.username is not None:
            server.login(unquote(place.username), unquote(place.password or ""))
    except smtplib.SMTPAuthenticationError as error:
        raise _refusal("メールサーバーにログインできません", error.smtp_code) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal("メールサーバーが接続を受け付けません", error.smtp_code) from None
    except (OSError, smtplib.SMTPException) as error:
        raise _unreached(error) from None
    return server


def _envelope(server: smtplib.SMTP, sender: str, recipients: list[str]) -> None:
    """Names sender and recipients; one refused recipient ends it, so that no mail goes to a part of them."""
    try:
        server.ehlo_or_helo_if_needed()
        for number, (what, (code, _)) in enumerate(
            [("差出人", server.mail(sender)), *(("宛先", server.rcpt(address)) for address in recipients)]
        ):
            if code not in (250, 251):
                raise _refusal(f"メールサーバーが{what}を受け付けません", code, f"{number}番目の宛先" if number else "")
    except smtplib.SMTPResponseException as error:
        raise _refusal("メールサーバーが接続を受け付けません", error.smtp_code) from None
    except (OSError, smtplib.SMTPException) as error:
        raise _unreached(error) from None


def _content(server: smtplib.SMTP, content: bytes) -> None:
    """From here on a lost connection leaves the mail in doubt."""
    try:
        code, _ = server.data(content)
    except smtplib.SMTPDataError as error:
        raise _refusal("メールサーバーが本文を受け付けません", error.smtp_code) from None
    except (OSError, smtplib.SMTPException) as error:
        raise InDoubt(
            "本文を送った後に接続が切れました。届いたかどうか分かりません",
            where=type(error).__name__,
            next_step="相手に届いたか確かめ、todoke mail decide で記録してください",
        ) from None
    if code != 250:
        raise _refusal("メールサーバーが本文を受け付けません", code)


def _refusal(what: str, code: int, where: str = "") -> Refused:
    final = code >= 500
    step = "契約ファイルの宛先・差出人とサーバーの設定を確かめてください" if final else "時間をおいて再送します"
    refusal = Refused if final else RefusedForNow
    return refusal(what, where=f"{where} 応答コード {code}".strip(), next_step=step)


def _unreached(error: Exception) -> Refused:
    return RefusedForNow(
        "メールサーバーにつながりません",
        where=type(error).__name__,
        next_step="TODOKE_SMTP とサーバーの稼働を確かめてください",
    )
