"""The catalogue of a contract, a versioned dataset like any other (G14)."""

from __future__ import annotations

import csv
from datetime import date

import pyarrow as pa

from todoke.contract.loader import contract_folder
from todoke.errors import ContractError
from todoke.process.workspace import Workspace
from todoke.store.schema import CATALOGUE


def land_catalogue(ws: Workspace) -> None:
    """Lands `contracts/<id>/catalogue.csv`; unchanged rows make no version.

    Raises:
        ContractError: a column is missing or a value is none of its kind; names row and column.
    """
    path = contract_folder(ws.contract.id) / ws.contract.catalogue.file
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    columns = {
        field.name: pa.array([_value(path.name, number, row, field) for number, row in enumerate(rows, 2)], field.type)
        for field in CATALOGUE
    }
    with ws.ledger.read() as tx:
        heads = ws.ledger.heads(tx)
    ws.commit_tables({"catalogue": pa.table(columns, schema=CATALOGUE)}, heads, ["catalogue"])


def _value(name: str, number: int, row: dict[str, str], field: pa.Field) -> object:
    text = (row.get(field.name) or "").strip()
    try:
        if field.name not in row:
            raise ValueError
        if field.type == pa.date32():
            return date.fromisoformat(text) if text else None
        return int(text) if field.type == pa.int32() else text
    except ValueError:
        raise ContractError(
            "カタログの値が読めません", where=f"{name} {number}行目 {field.name}", next_step="カタログを直してください"
        ) from None
