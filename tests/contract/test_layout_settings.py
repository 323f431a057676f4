"""A layout that cannot be meant so is named with its key and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from todoke.contract.layout import FIELDS, Layout, numbered
from todoke.contract.loader import load
from todoke.errors import ContractError
from todoke.store.schema import DELIVERY_INSTRUCTION, WARD_ROW

ROOT = Path(__file__).parents[2]
MEMBERS = {"most": 3, "required": {"世帯員{n}氏名": "member_name"}}


def test_every_column_of_a_landed_row_can_be_mapped():
    ours = {"receipt_no", "row_no", "extra"}
    assert {*WARD_ROW.names, *DELIVERY_INSTRUCTION.names} - ours <= set(FIELDS)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"required": {"番号": "number"}}, "number は使えません。使えるもの: household_no, "),
        ({"required": {"A": "town", "B": "town"}}, "town に2つの列"),
        ({"required": {"A": "town"}, "optional": {"A": "block"}}, "両方にある列です: A"),
        ({"required": {"A": "town"}, "header": False}, "columns に全部の列の名前"),
        ({"required": {"A": "town"}, "columns": ["B"]}, "columns に必要な列がありません: A"),
        ({"required": {"A": "town"}, "columns": ["A", "A"]}, "同じ名前の列が2つ"),
        ({"required": {"A": "town"}, "encoding": "euc-jp"}, "'cp932' or 'utf-8-sig'"),
        ({"required": {"A": "birth_date"}, "members": MEMBERS}, "birth_date は使えません"),
        ({"required": {"A": "town"}, "members": {**MEMBERS, "required": {"氏名": "member_name"}}}, "{n}、{nn}、{ｎ}"),
        ({"required": {"A": "town"}, "members": {**MEMBERS, "required": {"氏名{n}": "town"}}}, "town は使えません"),
        ({"required": {"A": "town"}, "members": {**MEMBERS, "most": 0}}, "greater than or equal to 1"),
        (
            {"required": {"A": "town"}, "values": {"town": {"01": "目黒"}}},
            "town は読み替えられません。使えるもの: rela",
        ),
        ({"required": {"A": "town"}, "values": {"method": {"1": "局留"}}}, "method は、このレイアウトの列にありません"),
        (
            {"required": {"A": "method"}, "values": {"method": {"1": "局"}}},
            "局 に読み替えることはできません。使える値: 営",
        ),
        ({"required": {"A": "method"}, "values": {"method": {"1": "局留", " 1": "別住所"}}}, "前後の空白だけが違う"),
        ({"required": {"A": "method"}, "values": {"method": {"　": "局留"}}}, "空の値"),
        ({"required": {"A": "confidential"}, "values": {"confidential": {1: True}}}, "で囲んでください: 1、True"),
        (
            {"required": {"A": "town"}, "members": MEMBERS, "values": {"relationship": {"1": "世帯主"}}},
            "列にありません",
        ),
    ],
)
def test_a_layout_that_contradicts_itself_is_refused_with_what_is_allowed(body, said):
    with pytest.raises(ValidationError) as refused:
        Layout.model_validate(body)
    assert said in str(refused.value)


def test_the_key_in_the_contract_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    body = yaml.safe_load((ROOT / "contracts/gift/contract.yaml").read_text("utf-8"))
    body["layouts"]["households"]["required"]["世帯番号"] = "number"
    (tmp_path / "contracts/gift").mkdir(parents=True)
    (tmp_path / "contracts/gift/contract.yaml").write_text(yaml.safe_dump(body, allow_unicode=True), "utf-8")
    monkeypatch.setenv("TODOKE_ROOT", str(tmp_path))
    with pytest.raises(ContractError, match=r"layouts\.households: .*使えるもの: household_no"):
        load("gift")


def test_members_are_numbered_as_the_ward_numbers_them():
    assert [numbered(f"世帯員{form}氏名", 7) for form in ("{n}", "{nn}", "{ｎ}")] == [
        "世帯員7氏名",
        "世帯員07氏名",
        "世帯員７氏名",
    ]


def test_the_wide_form_that_operators_are_shown_is_a_layout():
    example = re.findall(r"```yaml\n(members:.*?)```", (ROOT / "docs/operations.md").read_text("utf-8"), re.DOTALL)
    layout = Layout.model_validate({"required": {"世帯主氏名": "head_name"}, **yaml.safe_load(one(example))})
    header = ["世帯主氏名", "世帯員1氏名", "世帯員1生年月日", "世帯員2生年月日"]
    assert layout.missing(header) == ["世帯員2氏名"]


def one(found: list[str]) -> str:
    assert len(found) == 1
    return found[0]


def test_values_of_a_member_in_numbered_columns_can_be_mapped():
    members = {**MEMBERS, "optional": {"続柄{n}": "relationship"}}
    layout = Layout.model_validate(
        {"required": {"A": "town"}, "members": members, "values": {"relationship": {"本人": "世帯主"}}}
    )
    assert layout.values == {"relationship": {"本人": "世帯主"}}
