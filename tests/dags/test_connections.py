"""Airflow's connections become the variables that the library reads, with their secrets quoted."""

from __future__ import annotations

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
