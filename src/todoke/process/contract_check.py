"""What a contract's file cannot say of itself: whether its labels can be printed, with the fonts that are there (G06).

Every step checks it when it opens the contract; what has been checked once in a process is not checked again.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

from todoke.contract import loader
from todoke.contract.label_forms import Labels
from todoke.contract.model import Contract
from todoke.errors import ContractError, FileRefused
from todoke.labels.fonts import FontSet, base_font_path
from todoke.labels.forms_proof import prove_forms

_STYLES = ("gothic", "mincho")
_PRINTING = frozenset({"labels", "reminders", "nonapplicants"})


def check(contract_id: str, on: date) -> Contract:
    """The contract on a day, its labels proven as they are and as later changes of it will have them.

    Raises:
        ContractError: something in it is wrong, or its labels cannot be printed; names the key.
    """
    contract = loader.load(contract_id, on)
    if not _PRINTING.isdisjoint(contract.processes):
        _prove(contract_id, "labels", contract.labels)
        for day, labels in loader.labels_ahead(contract_id, on).items():
            _prove(contract_id, f"changes({day}).labels", labels)
    return contract


def base_font_file(contract_id: str, name: str, where: str = "labels") -> Path:
    """The file of a base font: gothic, mincho, or one below the contract's folder.

    Raises:
        ContractError: it is not there.
    """
    if name in _STYLES:
        return base_font_path(name)
    path = loader.contract_folder(contract_id) / name
    if not path.is_file():
        raise ContractError(
            "基本フォントのファイルがありません",
            where=f"{where}.base_font: {name}",
            next_step="契約のフォルダにフォントファイルを置くか、gothic か mincho を指定してください",
        )
    return path


def _prove(contract_id: str, where: str, labels: Labels) -> None:
    path = base_font_file(contract_id, labels.base_font, where)
    _proven(labels.model_dump_json(), where, path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _proven(body: str, where: str, path: Path, changed_ns: int) -> None:
    labels = Labels.model_validate_json(body)
    try:
        fonts = _base_font(None if labels.base_font == "gothic" else path, changed_ns)
    except FileRefused:
        raise ContractError(
            "基本フォントのファイルがフォントではないか、宛名ラベルの文字がありません",
            where=f"{where}.base_font: {labels.base_font}",
            next_step="TrueTypeかOpenTypeの日本語フォントを置くか、gothic か mincho を指定してください",
        ) from None
    prove_forms(labels, fonts, where)


@lru_cache(maxsize=4)
def _base_font(path: Path | None, _changed_ns: int) -> FontSet:
    return FontSet.load(base=path)
