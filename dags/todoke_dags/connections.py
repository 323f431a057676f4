"""Airflow's connections as the environment that `todoke` reads (`interfaces.md`, Where things lie).

A connection goes before a variable of the environment; where there is none, the variable stays.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

_SQLALCHEMY = {"postgres": "postgresql+psycopg", "mysql": "mysql+pymysql", "sqlite": "sqlite"}


def use_connections(context: Mapping[str, Any]) -> None:
    """Before a task of `<contract>_<process>`: `<contract>_lgwan`, `<contract>_web` and `todoke_smtp`.

    `<contract>_lgwan` holds the passphrase as its password; its extras `secret_key` (ours) and `signer_key` (the
    ward's public one) are ASCII-armoured OpenPGP keys, `passphrase_old` the passphrases before, a list. Airflow masks
    an extra by its name in its logs.
    """
    contract = context["dag"].dag_id.rpartition("_")[0]
    name = f"TODOKE_{contract.upper()}"
    wanted: dict[str, dict[str, Callable[[Connection], str | None]]] = {
        f"{contract}_lgwan": {
            f"{name}_LGWAN_PASSPHRASE": lambda found: found.password,
            f"{name}_LGWAN_SECRET_KEY": lambda found: found.extra_dejson.get("secret_key"),
            f"{name}_LGWAN_SIGNER_KEY": lambda found: found.extra_dejson.get("signer_key"),
            f"{name}_LGWAN_PASSPHRASE_OLD": lambda found: listed(found.extra_dejson.get("passphrase_old")),
        },
        f"{contract}_web": {f"{name}_WEB": sqlalchemy_url},
        "todoke_smtp": {"TODOKE_SMTP": smtp_url},
    }
    for connection, variables in wanted.items():
        try:
            found = Connection.get(connection)
        except AirflowNotFoundException:
            continue
        for variable, value in variables.items():
            if (given := value(found)) is not None:
                os.environ[variable] = given


def listed(given: object) -> str | None:
    """A list in an extra as one variable; a text as it is."""
    return given if isinstance(given, str | None) else json.dumps(given)


def sqlalchemy_url(connection: Connection) -> str:
    """The URL of a database connection, with the driver that is installed here."""
    kind = connection.conn_type
    place = f"{_login(connection)}{connection.host or ''}{f':{connection.port}' if connection.port else ''}"
    return f"{_SQLALCHEMY.get(kind, kind)}://{place}/{connection.schema or ''}"


def smtp_url(connection: Connection) -> str:
    """The URL of a mail connection: plain, SSL, or STARTTLS, as Airflow's mail hook reads its extras."""
    extra = connection.extra_dejson
    scheme = "smtps" if not extra.get("disable_ssl") else "smtp" if extra.get("disable_tls") else "smtp+starttls"
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme}://{_login(connection)}{connection.host}{port}"


def _login(connection: Connection) -> str:
    if not connection.login:
        return ""
    return f"{quote(connection.login, safe='')}:{quote(connection.password or '', safe='')}@"
