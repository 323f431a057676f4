from __future__ import annotations

import time
import traceback
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import jinja2
import pytest

from todoke.errors import TodokeError
from todoke.outbox.mail import build, render_text

SENT = datetime(2026, 12, 9, 1, 0, tzinfo=UTC)
MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def mail(**changes: Any) -> EmailMessage:
    values: dict[str, Any] = {
        "sender_name": "在宅避難支援事業事務局",
        "sender": "desk@contractor.example.jp",
        "to": ["bosai@ward.example.jp", "second@ward.example.jp"],
        "subject": "【在宅避難支援事業】配送完了実績報告書（2026年11月分）の提出について、長い件名でも壊れないこと",
        "text": "本文です。\n.で始まる行\n",
        "html": "<p>本文です。</p>",
        "attachments": [
            ("gift_deliveries_2026-11.xlsx", b"PK\x03\x04", MIME),
            ("配送実績（十一月分）.csv", b"a", "text/csv"),
        ],
        "message_id": "<gift.deliveries.2026-11@contractor.example.jp>",
        "date": SENT,
    }
    return build(**values | changes)


def received(message: EmailMessage) -> EmailMessage:
    return message_from_bytes(message.as_bytes(), policy=policy.default)  # type: ignore[return-value]


def test_japanese_names_do_not_break_the_addresses():
    raw = mail().as_bytes()
    assert raw.isascii()
    assert b" <desk@contractor.example.jp>" in raw
    sender = received(mail())["From"].addresses[0]
    assert (sender.display_name, sender.addr_spec) == ("在宅避難支援事業事務局", "desk@contractor.example.jp")
    assert [a.addr_spec for a in received(mail())["To"].addresses] == [
        "bosai@ward.example.jp",
        "second@ward.example.jp",
    ]


def test_subject_message_id_and_date_arrive_as_given():
    got = received(mail())
    assert got["Subject"] == mail()["Subject"]
    assert got["Message-ID"] == "<gift.deliveries.2026-11@contractor.example.jp>"
    assert got["Date"].datetime == SENT


def test_the_plain_part_comes_first_then_html_then_attachments_with_their_types():
    parts = [part for part in received(mail()).walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html", MIME, "text/csv"]
    assert parts[0].get_content().splitlines() == ["本文です。", ".で始まる行"]
    assert [part.get_filename() for part in parts[2:]] == ["gift_deliveries_2026-11.xlsx", "配送実績（十一月分）.csv"]
    assert parts[2].get_payload(decode=True) == b"PK\x03\x04"
    assert parts[2].get_content_disposition() == "attachment"


def test_equal_input_gives_equal_bytes_at_any_time():
    first = mail().as_bytes()
    time.sleep(1.1)
    assert mail().as_bytes() == first


CANARY = "kanari-himitsu"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sender": CANARY},
        {"sender": f"desk@{CANARY}@x"},
        {"to": ["a@b", f"{CANARY} no address"]},
        {"to": [f"{CANARY}@b c"]},
        {"subject": f"{CANARY}\r\nBcc: x@example.jp"},
        {"message_id": "<1@desk>\r\nBcc: x@example.jp", "subject": CANARY},
    ],
    ids=["sender", "sender twice", "recipient", "more than an address", "header injection", "injection by Message-ID"],
)
def test_a_malformed_header_is_refused_without_repeating_it(wrong: dict[str, Any]):
    with pytest.raises(TodokeError) as caught:
        mail(**wrong)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_date_without_zone_is_refused():
    with pytest.raises(TodokeError):
        mail(date=datetime.fromisoformat("2026-12-09 10:00"))


def test_a_template_that_lacks_a_value_fails_instead_of_sending_a_gap():
    with pytest.raises(jinja2.UndefinedError):
        render_text("deliveries.txt.j2", client="防災課")
