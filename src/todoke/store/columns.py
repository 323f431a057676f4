"""Where the ledger's tables are registered, and the columns that many of them have."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Integer, MetaData, String

metadata = MetaData()


def text_column(name: str, **options: Any) -> Column[str]:
    return Column(name, String(80), **options)


def key_column(name: str) -> Column[str]:
    return text_column(name, primary_key=True)


def count_column(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, default=0)
