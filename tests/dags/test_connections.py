"""Airflow's connections become the variables that the library reads, with their secrets quoted."""

from __future__ import annotations

import json
import os

import pytest

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.usefixtures("dags")]


def test_a_database_connection_becomes_a_url_with_the_installed_driver():
    from airflow.sdk import Connection

    from todoke_dags.connections import sqlalchemy_url

    connection = Connection(
        conn_id="gift_web", conn_type="postgres", host="db", port=5432, login="r", password="p@ss/w", schema="web"
    )
    assert sqlalchemy_url(connection) == "postgresql+psycopg://r:p%40ss%2Fw@db:5432/web"


@pytest.mark.parametrize(
    ("extra", "scheme"),
    [
        ('{"disable_ssl": true}', "smtp+starttls"),
        ('{"disable_ssl": true, "disable_tls": true}', "smtp"),
        ("{}", "smtps"),
    ],
)
def test_a_mail_connection_is_read_as_airflows_own_hook_reads_it(extra: str, scheme: str):
    from airflow.sdk import Connection

    from todoke_dags.connections import smtp_url

    connection = Connection(conn_id="todoke_smtp", conn_type="smtp", host="mail", port=587, extra=extra)
    assert smtp_url(connection) == f"{scheme}://mail:587"


def test_earlier_passphrases_in_a_connection_are_hidden_by_airflow():
    from airflow.sdk.log import redact

    assert "合言葉" not in str(redact({"extra": {"passphrase_old": ["前の合言葉"]}}))


def test_what_opens_the_wards_files_comes_from_its_connection_and_what_it_lacks_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
):
    from types import SimpleNamespace

    from todoke.intake.envelopes import Keys
    from todoke_dags.connections import use_connections

    extra = {"secret_key": "the desk's key", "passphrase_old": ["前の合言葉", "そ\nの前"]}
    stored = {"conn_type": "generic", "password": "合言葉", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_GIFT_LGWAN", json.dumps(stored))
    for name, value in {"PASSPHRASE": "old", "SECRET_KEY": "old", "SIGNER_KEY": "the ward's key"}.items():
        monkeypatch.setenv(f"TODOKE_GIFT_LGWAN_{name}", value)
    monkeypatch.setenv("TODOKE_GIFT_LGWAN_PASSPHRASE_OLD", "")
    use_connections({"dag": SimpleNamespace(dag_id="gift_intake")})
    assert Keys.of("gift").passphrases == ("合言葉", "前の合言葉", "そ\nの前")
    found = {name: os.environ[f"TODOKE_GIFT_LGWAN_{name}"] for name in ("PASSPHRASE", "SECRET_KEY", "SIGNER_KEY")}
    assert found == {"PASSPHRASE": "合言葉", "SECRET_KEY": "the desk's key", "SIGNER_KEY": "the ward's key"}
