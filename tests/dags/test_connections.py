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


def test_what_opens_the_wards_files_comes_from_its_connection_and_what_it_lacks_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
):
    from types import SimpleNamespace

    from todoke_dags.connections import use_connections

    stored = {"conn_type": "generic", "password": "合言葉", "extra": {"secret_key": "the desk's key"}}
    monkeypatch.setenv("AIRFLOW_CONN_GIFT_LGWAN", json.dumps(stored))
    for name, value in {"PASSPHRASE": "old", "SECRET_KEY": "old", "SIGNER_KEY": "the ward's key"}.items():
        monkeypatch.setenv(f"TODOKE_GIFT_LGWAN_{name}", value)
    use_connections({"dag": SimpleNamespace(dag_id="gift_intake")})
    found = {name: os.environ[f"TODOKE_GIFT_LGWAN_{name}"] for name in ("PASSPHRASE", "SECRET_KEY", "SIGNER_KEY")}
    assert found == {"PASSPHRASE": "合言葉", "SECRET_KEY": "the desk's key", "SIGNER_KEY": "the ward's key"}
