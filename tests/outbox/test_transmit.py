"""Against a real SMTP server (aiosmtpd), with TLS and its own certificate where the URL asks for it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from todoke.errors import KeyMissing
from todoke.outbox.mail import build
from todoke.outbox.transmit import InDoubt, Refused, transmit

MAIL = build(
    sender_name="事務局",
    sender="desk@contractor.example.jp",
    to=["bosai@ward.example.jp", "second@ward.example.jp"],
    subject="報告",
    text="一行目\n.二行目\n",
    message_id="<1@contractor.example.jp>",
    date=datetime(2026, 12, 9, tzinfo=UTC),
)


class Inbox:
    """Keeps what it takes; answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.data_commands = 0
        self.at_recipient = ""
        self.at_data = "250 OK"
        self.drop = False

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if self.at_recipient and address.startswith("second"):
            return self.at_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        self.data_commands += 1
        if self.drop:
            server.transport.abort()
        elif self.at_data.startswith("250"):
            self.taken.append(envelope)
        return self.at_data


class Server(Controller):
    """On a free port of this machine."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


Start = Callable[..., tuple[Inbox, str]]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Controller] = []

    def begin(**options: Any) -> tuple[Inbox, str]:
        inbox = Inbox()
        controller = Server(inbox, hostname="127.0.0.1", port=0, **options)
        controller.start()
        running.append(controller)
        return inbox, f"127.0.0.1:{controller.port}"

    yield begin
    for controller in running:
        controller.stop()


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def authenticate(server: SMTP, session: Any, envelope: Envelope, mechanism: str, data: LoginPassword) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"desk", b"p@ss/word"), handled=False)


def test_the_mail_arrives_once_and_whole(start: Start):
    inbox, place = start()
    transmit(f"smtp://{place}", MAIL)
    (envelope,) = inbox.taken
    assert envelope.mail_from == "desk@contractor.example.jp"
    assert envelope.rcpt_tos == ["bosai@ward.example.jp", "second@ward.example.jp"]
    assert envelope.content == MAIL.as_bytes()


@pytest.mark.parametrize(("answer", "final"), [("451 try later", False), ("554 no", True)])
def test_a_refusal_after_the_content_is_definite_and_never_sent_twice(start: Start, answer: str, final: bool):
    inbox, place = start()
    inbox.at_data = answer
    with pytest.raises(Refused) as caught:
        transmit(f"smtp://{place}", MAIL)
    assert (caught.value.final, inbox.data_commands, inbox.taken) == (final, 1, [])


def test_one_refused_recipient_stops_the_mail_for_all(start: Start):
    inbox, place = start()
    inbox.at_recipient = "550 no such user second@ward.example.jp"
    with pytest.raises(Refused) as caught:
        transmit(f"smtp://{place}", MAIL)
    assert caught.value.final and inbox.data_commands == 0
    assert "example.jp" not in str(caught.value) and "550" in str(caught.value)


def test_a_connection_lost_after_the_content_is_in_doubt(start: Start):
    inbox, place = start()
    inbox.drop = True
    with pytest.raises(InDoubt):
        transmit(f"smtp://{place}", MAIL)
    assert inbox.data_commands == 1


def test_no_server_means_nothing_was_taken():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(Refused) as caught:
            transmit(f"smtp://127.0.0.1:{port}", MAIL)
    assert not caught.value.final


def test_starttls_with_login(start: Start, certificate: ssl.SSLContext):
    inbox, place = start(tls_context=certificate, require_starttls=True, authenticator=authenticate, auth_required=True)
    transmit(f"smtp+starttls://desk:p%40ss%2Fword@{place}", MAIL)
    assert len(inbox.taken) == 1
    with pytest.raises(Refused) as caught:
        transmit(f"smtp+starttls://desk:wrong@{place}", MAIL)
    assert caught.value.final and "wrong" not in str(caught.value) and len(inbox.taken) == 1


def test_tls_from_the_start(start: Start, certificate: ssl.SSLContext):
    inbox, place = start(ssl_context=certificate)
    transmit(f"smtps://{place}", MAIL)
    assert len(inbox.taken) == 1


def test_an_unknown_certificate_is_refused(
    start: Start, certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    inbox, place = start(tls_context=certificate, require_starttls=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(Refused):
        transmit(f"smtp+starttls://{place}", MAIL)
    assert inbox.taken == []


@pytest.mark.parametrize("url", ["", "mail.example.jp:25", "http://mail.example.jp", "smtp://"])
def test_an_unusable_url_names_the_setting(url: str):
    with pytest.raises(KeyMissing, match="TODOKE_SMTP"):
        transmit(url, MAIL)
