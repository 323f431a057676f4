"""Reads `contracts/<id>/contract.yaml` and gives the contract as it is on a date."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from todoke.contract.label_forms import Labels
from todoke.contract.model import Change, Contract
from todoke.errors import ContractError


def project_root() -> Path:
    """The folder that holds `contracts/`, `include/` and `dags/` (`TODOKE_ROOT`, else this checkout)."""
    return Path(os.environ.get("TODOKE_ROOT") or Path(__file__).parents[3])


def contract_folder(contract_id: str) -> Path:
    """Where a contract's own files lie."""
    return project_root() / "contracts" / contract_id


def contract_ids() -> list[str]:
    """The ids of all contracts of this installation, sorted."""
    return sorted(path.parent.name for path in (project_root() / "contracts").glob("*/contract.yaml"))


@cache
def _read(path: Path, _changed_ns: int) -> dict[str, Any]:
    try:
        body = yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{mark.line + 1}行目" if mark else ""
        raise ContractError(
            "契約ファイルがYAMLとして読めません",
            where=f"{path.name} {line}",
            next_step="書式を直してください",
        ) from None
    if not isinstance(body, dict):
        raise ContractError("契約ファイルが空です", where=path.name, next_step="内容を記入してください")
    return body


def _merge(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = deepcopy(base)
    for key, value in change.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def load(contract_id: str, at: date | None = None) -> Contract:
    """The contract with the dated `changes:` that are in force on `at` (none: the file's base).

    Raises:
        ContractError: no such contract, or a key is wrong; names the key and what is allowed. A form of labels that a
            later change makes unprintable is wrong now.
    """
    body = _body(contract_id)
    changes = _validate(contract_id, body).changes
    _labels_ahead(contract_id, body, changes, at)
    return _validate(contract_id, _changed(body, changes, at))


def labels_ahead(contract_id: str, at: date | None = None) -> dict[date, Labels]:
    """The labels as each change of the contract that comes after `at` will have them, by its day.

    Raises:
        ContractError: they cannot be printed then; names the day and the key.
    """
    body = _body(contract_id)
    return _labels_ahead(contract_id, body, _validate(contract_id, body).changes, at)


def _labels_ahead(
    contract_id: str, body: dict[str, Any], changes: Sequence[Change], at: date | None
) -> dict[date, Labels]:
    later = (change.valid_from for change in changes if "labels" in change.set and not (at and change.valid_from <= at))
    found = {}
    for day in sorted(later):
        with _told(contract_id, f"changes({day}).labels."):
            found[day] = Labels.model_validate(_changed(body, changes, day)["labels"])
    return found


def _changed(body: dict[str, Any], changes: Iterable[Change], at: date | None) -> dict[str, Any]:
    for change in sorted(changes, key=lambda c: c.valid_from):
        if at is not None and change.valid_from <= at:
            body = _merge(body, change.set)
    return body


def _body(contract_id: str) -> dict[str, Any]:
    path = contract_folder(contract_id) / "contract.yaml"
    if not path.is_file():
        raise ContractError(
            "契約ファイルがありません",
            where=f"contracts/{contract_id}/contract.yaml",
            next_step=f"契約の番号を確かめてください（登録済み: {', '.join(contract_ids()) or 'なし'}）",
        )
    return _read(path, path.stat().st_mtime_ns)


def is_simulation(contract_id: str) -> bool:
    """Whether data of `contract_id` may be made up and answers given for people: its own say and `TODOKE_ENV` agree."""
    return load(contract_id).environment == "simulation" and _environment() != "production"


def keep_apart(contract: Contract) -> None:
    """Development and production stay apart: real data in production alone, made-up data nowhere else (P07; 24の2).

    Raises:
        ContractError: `TODOKE_ENV` and the contract's `environment` do not go together.
    """
    here = _environment()
    if (contract.environment == "production") == (here == "production"):
        return
    real = contract.environment == "production"
    raise ContractError(
        "本番の契約は、開発・試験の環境では動かせません" if real else "模擬の契約は、本番の環境では動かせません",
        where=f"{contract.id}: environment={contract.environment}、TODOKE_ENV={here}",
        next_step="TODOKE_ENV=production の環境で実行してください"
        if real
        else "TODOKE_ENV=demo を設定するか、契約ファイルの environment を確かめてください",
    )


def _environment() -> str:
    here = os.environ.get("TODOKE_ENV") or "production"
    if here not in ("production", "demo", "test"):
        raise ContractError(
            "環境の種類を読めません", where="TODOKE_ENV", next_step="production、demo、test のどれかにしてください"
        )
    return here


#: What is wrong with a value, by pydantic's kind of error; `{}`: what it allows.
_SAID = {
    "missing": "必要な項目がありません",
    "extra_forbidden": "ない項目です（つづりを確かめてください）",
    "greater_than": "{gt}より大きい値にしてください",
    "greater_than_equal": "{ge}以上の値にしてください",
    "less_than": "{lt}より小さい値にしてください",
    "less_than_equal": "{le}以下の値にしてください",
    "finite_number": "有限の数にしてください",
    "int_parsing": "整数にしてください",
    "int_type": "整数にしてください",
    "int_from_float": "整数にしてください",
    "float_parsing": "数にしてください",
    "float_type": "数にしてください",
    "bool_parsing": "true か false にしてください",
    "bool_type": "true か false にしてください",
    "string_type": "文字列にしてください",
    "string_too_short": "{min_length}文字以上にしてください",
    "string_too_long": "{max_length}文字以内にしてください",
    "string_pattern_mismatch": "使えない文字または書き方です",
    "literal_error": "使える値は {expected} です",
    "enum": "使える値は {expected} です",
    "model_type": "項目の組（キー: 値）にしてください",
    "dict_type": "項目の組（キー: 値）にしてください",
    "list_type": "一覧（- 値）にしてください",
    "tuple_type": "一覧（- 値）にしてください",
    "value_error": "{error}",
}


def _said(error: Any) -> str:
    """What a person is told of an error that pydantic found."""
    said = _SAID.get(error["type"])
    return said.format(**error.get("ctx", {})) if said else str(error["msg"])


def _validate(contract_id: str, body: dict[str, Any]) -> Contract:
    with _told(contract_id):
        contract = Contract.model_validate(body)
    if contract.id != contract_id:
        raise ContractError(
            "契約ファイルの id がフォルダー名と違います", where=f"contracts/{contract_id}/contract.yaml"
        )
    return contract


@contextmanager
def _told(contract_id: str, below: str = "") -> Iterator[None]:
    """Tells what pydantic finds as a ContractError, each key with what it stands `below`."""
    try:
        yield
    except ValidationError as error:
        problems = "；".join(
            f"{below}{'.'.join(str(part) for part in e['loc']) or '全体'}: {_said(e)}" for e in error.errors()
        )
        raise ContractError(
            f"契約ファイルに誤りがあります: {problems}",
            where=f"contracts/{contract_id}/contract.yaml",
            next_step="示された項目を直してください",
        ) from None


def digest(contract: Contract) -> str:
    """Digest of everything the contract says, for version ids and `contract_revision`."""
    body = json.dumps(contract.model_dump(mode="json", by_alias=True), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()
