"""A contract whose labels cannot be printed is refused by the first step that opens it, not on their day."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from todoke.cli import app
from todoke.contract import loader
from todoke.errors import ContractError
from todoke.labels.fonts import base_font_path
from todoke.process import contract_check
from todoke.process.labels import printer_grid
from todoke.process.workspace import Workspace

GIFT, TODAY = loader.contract_folder("gift"), date(2026, 7, 1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TODOKE_ROOT", str(tmp_path))
    shutil.copytree(GIFT, tmp_path / "contracts" / "gift")
    return tmp_path / "contracts" / "gift"


def write(folder: Path, labels: dict[str, Any], **changed: object) -> None:
    body = yaml.safe_load((GIFT / "contract.yaml").read_text("utf-8"))
    body |= {"labels": body["labels"] | labels} | changed
    (folder / "contract.yaml").write_text(yaml.safe_dump(body, allow_unicode=True), "utf-8")


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"free_text": "重要\u0e01"}, r"印字できない文字があります（U\+0E01）［labels\.free_text］"),
        ({"free_text": "重要\ue000"}, r"U\+E000"),
        ({"free_text": "防災カタログ在中" * 5}, r"自由文が枠に収まりません［labels\.free_text］"),
        ({"forms": {"toilet": {"free_text": "携帯トイレ在中" * 5}}}, r"labels\.forms\.toilet\.free_text"),
        ({"forms": {"notice": {"free_text": "至急😀"}}}, r"U\+1F600.*labels\.forms\.notice\.free_text"),
        (
            {"forms": {"catalogue_confidential": {"methods": {"局留": {"free_text": "局\u0e01"}}}}},
            r"labels\.forms\.catalogue_confidential\.methods\.局留\.free_text",
        ),
        (
            {"columns": 4, "width_mm": 46, "left_mm": 5, "barcode_pt": None, "sort_mark": "route", "free_text": "",
             "forms": {}},
            r"ふつうの宛名が収まりません.*labels\.width_mm",
        ),
        ({"base_font": "own.ttf"}, r"ファイルがありません［labels\.base_font: own\.ttf］"),
        ({"base_font": "catalogue.csv"}, r"フォントではない.*labels\.base_font: catalogue\.csv"),
    ],
)  # fmt: skip
def test_what_would_fail_on_the_day_of_the_labels_fails_when_the_contract_is_opened(
    folder: Path, labels: dict[str, Any], told: str
) -> None:
    write(folder, labels)
    for opened in (lambda: Workspace.open("gift", TODAY), lambda: printer_grid("gift", "", TODAY)):
        with pytest.raises(ContractError, match=told):
            opened()


def test_free_text_of_a_later_change_is_proven_today(folder: Path) -> None:
    change = {"valid_from": date(2027, 1, 4), "set": {"labels": {"free_text": "重要\u0e01"}}}
    write(folder, {}, changes=[change])
    with pytest.raises(ContractError, match=r"U\+0E01.*changes\(2027-01-04\)\.labels\.free_text"):
        contract_check.check("gift", TODAY)


def test_a_font_that_becomes_another_file_is_looked_at_again(folder: Path) -> None:
    write(folder, {"base_font": "own.ttf"})
    shutil.copy(base_font_path(), folder / "own.ttf")
    contract_check.check("gift", TODAY)
    (folder / "own.ttf").write_bytes(b"no font any more")
    with pytest.raises(ContractError, match="フォントではない"):
        contract_check.check("gift", TODAY)


def test_a_contract_without_labels_needs_no_font_for_them(folder: Path) -> None:
    write(folder, {"base_font": "own.ttf"}, processes=["intake", "register", "reports", "approval"])
    assert contract_check.check("gift", TODAY).id == "gift"


def test_the_command_says_whether_a_contract_can_be_used(folder: Path) -> None:
    said = CliRunner().invoke(app, ["check", "gift"])
    assert said.exit_code == 0 and "誤りはありません" in said.output
    write(folder, {"base_font": "own.ttf"})
    assert isinstance(CliRunner().invoke(app, ["check", "gift"]).exception, ContractError)
