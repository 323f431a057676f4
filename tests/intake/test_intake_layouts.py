from __future__ import annotations

import io
import json
from dataclasses import dataclass

import pyarrow as pa
import pytest

from todoke.contract.layout import Layout
from todoke.contract.loader import load
from todoke.contract.model import Intake
from todoke.errors import FileRefused
from todoke.intake.layouts import Reading, check_bad_rows, read_layout
from todoke.store.schema import DELIVERY_INSTRUCTION, QUARANTINE, WARD_ROW

LAYOUTS = load("gift").layouts
REQUIRED = list(LAYOUTS["households"].required)


@dataclass
class Result:
    """A file read through."""

    reading: Reading
    table: pa.Table

    @property
    def quarantine(self) -> pa.Table:
        return self.reading.quarantine

    @property
    def rows_in(self) -> int:
        return self.reading.rows_in


def read(
    lines: list[str] | bytes, kind: str | Layout = "households", schema: pa.Schema = WARD_ROW, encoding: str = "cp932"
) -> Result:
    raw = lines if isinstance(lines, bytes) else ("\r\n".join(lines) + "\r\n").encode(encoding)
    layout = kind if isinstance(kind, Layout) else LAYOUTS[kind]
    reading = read_layout(io.BytesIO(raw), layout, schema, "R1")
    return Result(reading, pa.Table.from_batches(reading, schema))


def test_columns_in_any_order_land_under_their_names_and_extra_ones_are_kept():
    header = ["町内会", *reversed(REQUIRED), "続柄"]
    result = read([",".join(header), ",".join(["第一", *(f"v{n}" for n in range(10)), "世帯主"])])
    (row,) = result.table.to_pylist()
    assert result.table.schema.equals(WARD_ROW)
    assert (row["household_no"], row["household_size"], row["relationship"]) == ("v9", "v0", "世帯主")
    assert json.loads(row["extra"]) == {"町内会": "第一"}
    assert (row["receipt_no"], row["row_no"]) == ("R1", 1)
    assert row["birth_date"] is None


def test_missing_required_columns_are_listed_and_the_files_own_text_is_not():
    with pytest.raises(FileRefused) as refused:
        read(["0001234567,目黒花子,番地", "1,2,3"])
    assert refused.value.reason == "columns_missing"
    assert "世帯番号" in str(refused.value)
    assert "番地" not in str(refused.value)
    assert "花子" not in str(refused.value)


def test_a_column_that_is_there_twice_is_refused():
    with pytest.raises(FileRefused) as refused:
        read([",".join([*REQUIRED, "世帯番号"])])
    assert refused.value.reason == "columns_twice"


def test_rows_in_are_accepted_plus_quarantined_and_a_bad_row_is_tied_to_its_household():
    good = "0001234567," + ",".join("x" * 9)
    lines = [",".join(REQUIRED), good, "0001234568,short", "no number,short", good]
    raw = "\r\n".join(lines).encode("cp932") + b"\r\n0001234569,a\xfdb," + b",".join([b"x"] * 8)
    result = read(raw)
    assert result.rows_in == result.table.num_rows + result.quarantine.num_rows == 5
    assert result.quarantine.schema.equals(QUARANTINE)
    found = [tuple(line.values())[1:] for line in result.quarantine.to_pylist()]
    assert found == [
        (2, "0001234568", None, "ragged", raw.index(b"0001234568")),
        (3, None, None, "ragged", raw.index(b"no number")),
        (5, "0001234569", "head_name", "bad_character", raw.index(b"\xfd")),
    ]
    assert result.table["row_no"].to_pylist() == [1, 4]


def test_in_a_ragged_row_only_a_first_cell_is_believed_to_be_the_household():
    result = read([",".join(reversed(REQUIRED)), "3,short,0001234568"])
    assert result.quarantine["household_no"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("per_mille", "mode", "refused"), [(20, "quarantine", False), (19, "quarantine", True), (20, "refuse", True)]
)
def test_more_bad_rows_than_the_contract_allows_refuse_the_file(per_mille, mode, refused):
    result = read([",".join(REQUIRED), *[",".join("1" * 10)] * 98, "1,2", "3"])
    intake = Intake(bad_rows=mode, bad_rows_per_mille=per_mille)
    if refused:
        with pytest.raises(FileRefused, match=r"99行目（\d+バイト目、.*2項目、10項目のはず）、100行目（"):
            check_bad_rows(result.reading, intake)
    else:
        check_bad_rows(result.reading, intake)


def test_each_of_the_first_bad_rows_is_told_with_its_place_its_column_and_what_is_wrong():
    lines = [",".join(REQUIRED), ",".join("1" * 11), "1,2", '"1,2,3', "1,?" + ",x" * 8]
    raw = "\r\n".join(lines).encode("cp932").replace(b"?", b"a\xfd")
    result = read(raw + b"\r\n")
    places = [raw.index(line.encode("cp932")) for line in (lines[1], "\n1,2\r", lines[3])] + [raw.index(b"\xfd")]
    with pytest.raises(FileRefused) as refused:
        check_bad_rows(result.reading, Intake())
    assert refused.value.where == (
        f"1行目（{places[0]}バイト目、項目数の不一致: 11項目、10項目のはず）、"
        f"2行目（{places[1] + 1}バイト目、項目数の不一致: 2項目、10項目のはず）、"
        f"3行目（{places[2]}バイト目、項目数の不一致: 引用符の誤り）、"
        f"4行目（{places[3]}バイト目、2列目 世帯主氏名、文字コード誤り）"
    )


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("　世帯主氏名 ", "世帯主氏名"),
        ("世帯主\r\n氏名", "世帯主氏名"),
        ("世帯 主　氏名", "世帯主氏名"),
        ("世帯番号（Ａ１）", "世帯番号(A1)"),
        ("ﾌﾘｶﾞﾅ", "フリガナ"),
    ],
)
def test_a_column_is_found_whatever_the_blanks_breaks_and_widths_in_its_name(sent, meant):
    layout = Layout.model_validate({"required": {meant: "head_name", "番号": "household_no"}})
    assert read([f'"{sent}",番号', "a,1"], layout).table["head_name"].to_pylist() == ["a"]
    with pytest.raises(FileRefused) as refused:
        read([f'"{sent}",番号,{meant}', "a,1,b"], layout)
    assert (refused.value.reason, meant in refused.value.what) == ("columns_twice", True)


def test_names_that_the_layout_itself_tells_apart_by_their_width_are_told_apart():
    layout = Layout.model_validate({"required": {"番号": "household_no", "ﾅ": "head_kana", "ナ": "head_name"}})
    assert read(["番号,ナ,ﾅ", "1,a,b"], layout).table["head_kana"].to_pylist() == ["b"]
    with pytest.raises(FileRefused, match="必要な列がありません: ﾅ"):
        read(["番号,ナ, ナ ", "1,a,b"], layout)


HEAD, ROW = ",".join(REQUIRED), "0001234567," + ",".join("秘" * 9)


@pytest.mark.parametrize(
    ("lines", "reason", "said"),
    [
        ([HEAD.replace(",", "\t"), ROW.replace(",", "\t")], "other_separator", "タブ"),
        ([HEAD.replace(",", ";"), ROW.replace(",", ";")], "other_separator", "セミコロン"),
        (["sep=;", HEAD.replace(",", ";"), ROW], "other_separator", "セミコロン"),
        (["世帯一覧", HEAD.replace(",", "\t"), ROW], "other_separator", "タブ"),
        (["世帯一覧（令和8年7月21日現在）", "", "防災課", HEAD, ROW], "title_above", "2行"),
        (["世帯一覧" + "," * 9, HEAD, ROW], "title_above", "1行"),
        (['"' + HEAD.replace(",", '", "') + '"', ROW], "other_quotes", "引用符"),
        (["'" + HEAD.replace(",", "','") + "'", ROW], "other_quotes", "引用符"),
        (["秘,秘", ROW], "columns_missing", "世帯番号"),
    ],
)
def test_a_table_in_another_form_is_refused_by_what_it_is_and_nobody_is_named(lines, reason, said):
    with pytest.raises(FileRefused) as refused:
        read(lines)
    assert refused.value.reason == reason
    assert said in refused.value.what and refused.value.next_step
    assert "秘" not in str(refused.value)


def test_what_excel_puts_around_a_text_is_no_part_of_it_and_leading_zeros_stay():
    header = ",".join([*REQUIRED, "続柄"])
    cells = ['="0001234567"', '"=""見本　一"""', '="みほん"', "=x", '="a"&"b"', "153", "中", "1", "", "1", '=""""']
    result = read([header, ",".join(cells), '="0001234568",short'])
    (row,) = result.table.to_pylist()
    assert (row["household_no"], row["head_name"], row["head_kana"]) == ("0001234567", "見本　一", "みほん")
    assert (row["member_name"], row["member_kana"], row["relationship"]) == ("=x", '="a"&"b"', '"')
    assert result.reading.formulas == 4
    assert result.quarantine["household_no"].to_pylist() == ["0001234568"]


def test_an_excel_text_may_hold_quotes_and_stand_behind_a_blank_and_an_empty_one_is_no_cell():
    layout = Layout.model_validate({"required": {"番号": "household_no", "主": "head_name", "町": "town"}})
    sent = [
        ['　="001"', '="見""本"""', 'a""b'],
        ['=""', ' ="" ', ""],
        ['="002" ', '=""""', '="西"="東"'],
        ['=""', '="試行"', '=""'],
    ]
    for quoted in (False, True):
        lines = [",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' if quoted else cell for cell in r) for r in sent]
        result = read(["番号,主,町", *lines, ' ="003",short'], layout)
        assert [
            list(row.values()) for row in result.table.select(["row_no", *layout.required.values()]).to_pylist()
        ] == [
            [1, "001", '見"本"', 'a""b'],
            [2, "002", '"', '="西"="東"'],
            [3, "", "試行", ""],
        ]
        assert (result.rows_in, result.reading.blank, result.reading.formulas) == (4, 1, 7)
        assert result.quarantine["household_no"].to_pylist() == ["003"]


def test_numbers_land_in_one_writing_and_what_is_printed_as_it_was_sent():
    header = ",".join([*REQUIRED, "世帯員番号", "旧世帯番号"])
    sent = "００ １,神１　,ﾐﾎﾝ,神１　,ﾐﾎﾝ,〒１５３－００６１,中目黒１,１－２, １０１号,２人,０１,　００2"
    result = read([header, sent, "００００００２,short"])
    (row,) = result.table.to_pylist()
    numbers = ("household_no", "postal_code", "household_size", "member_no", "former_household_no")
    assert [row[field] for field in numbers] == ["001", "1530061", "2", "01", "002"]
    printed = ("head_name", "head_kana", "member_name", "town", "block", "building")
    assert [row[field] for field in printed] == ["神１　", "ﾐﾎﾝ", "神１　", "中目黒１", "１－２", " １０１号"]
    assert result.quarantine["household_no"].to_pylist() == ["0000002"]


def test_lines_with_nothing_in_them_are_no_rows_in_either_form():
    end = ["," * 9, "", " ", "," * 30]
    result = read([HEAD, ROW, *end, ROW])
    assert (result.rows_in, result.reading.blank, result.quarantine.num_rows) == (2, 4, 0)
    assert result.table["row_no"].to_pylist() == [1, 2]
    result = read(["番号,主,世帯員1氏名,世帯員2氏名", ",,,", "1,a,b,", "　, ,,", ",,,"], wide())
    assert (result.rows_in, result.reading.blank, result.table["row_no"].to_pylist()) == (1, 3, [1])
    result = read([HEAD, "," * 9])
    assert (result.rows_in, result.reading.blank, result.table.num_rows) == (0, 1, 0)


def test_an_instruction_file_has_its_own_schema():
    header = ",".join(LAYOUTS["special_delivery"].required)
    result = read([header, "1,局留,1530061,,,受取人,中目黒局"], "special_delivery", DELIVERY_INSTRUCTION)
    assert result.table.schema.equals(DELIVERY_INSTRUCTION)
    assert result.table["held_at"].to_pylist() == ["中目黒局"]


def test_a_header_alone_is_a_file_of_no_rows():
    result = read([",".join(REQUIRED)])
    assert (result.rows_in, result.table.num_rows) == (0, 0)


def wide(**changed: object) -> Layout:
    """Households in rows; the members' name is required, kana and birth date are not."""
    body = {
        "required": {"番号": "household_no", "主": "head_name"},
        "optional": {"人数": "household_size"},
        "members": {
            "most": 3,
            "required": {"世帯員{n}氏名": "member_name"},
            "optional": {"世帯員{n}かな": "member_kana", "世帯員{n}生年月日": "birth_date"},
        },
    }
    return Layout.model_validate(body | changed)


def test_a_wide_row_becomes_a_row_for_each_member_under_the_files_row_number():
    header = "番号,世帯員1氏名,世帯員1かな,世帯員2氏名,世帯員2かな,世帯員3氏名,世帯員3かな,主,町会"
    lines = [
        header,
        "1,見本一,みほんいち,見本二,みほんに,,,見本一,東",
        "2,試行一,しこう,,,　,,試行一,西",
        "3,a,,,,c,,a,南",
    ]
    result = read(lines, wide())
    fields = ("row_no", "household_no", "member_no", "member_name", "member_kana", "household_size")
    assert [tuple(row[field] for field in fields) for row in result.table.to_pylist()] == [
        (1, "1", "1", "見本一", "みほんいち", None),
        (1, "1", "2", "見本二", "みほんに", None),
        (2, "2", "1", "試行一", "しこう", None),
        (3, "3", "1", "a", "", None),
        (3, "3", "2", "c", "", None),
    ]
    assert [json.loads(text)["町会"] for text in result.table["extra"].to_pylist()] == ["東", "東", "西", "南", "南"]
    assert (result.rows_in, result.reading.accepted, result.reading.landed) == (3, 3, 5)


def test_rows_of_a_wide_file_are_counted_as_the_file_counts_them():
    raw = "番号,主,世帯員1氏名,世帯員2氏名\r\n1,a,b,c\r\n2,a\r\n3,a,b,\r\n4,a,b,".encode("cp932") + b"\xfd\r\n"
    result = read(raw, wide())
    assert result.rows_in == 4 == result.reading.accepted + result.quarantine.num_rows
    assert result.table["row_no"].to_pylist() == [1, 1, 3]
    assert [(r["row_no"], r["household_no"], r["field"], r["byte_offset"]) for r in result.quarantine.to_pylist()] == [
        (2, "2", None, raw.index(b"2,a\r\n")),
        (4, "4", "member_name_2", raw.index(b"\xfd")),
    ]


def test_a_household_without_any_member_stays_a_row():
    result = read(["番号,主,世帯員1氏名,世帯員2氏名", "1,a,,", "2,b,b,"], wide())
    assert [(row["household_no"], row["member_name"]) for row in result.table.to_pylist()] == [("1", ""), ("2", "b")]


@pytest.mark.parametrize(
    ("header", "reason", "said"),
    [
        ("番号,主", "columns_missing", "世帯員1氏名"),
        ("番号,主,世帯員1かな,世帯員2氏名", "columns_missing", "世帯員1氏名"),
        ("番号,主,世帯員1氏名,世帯員3かな", "columns_missing", "世帯員2氏名、世帯員3氏名"),
        ("番号,主,世帯員1氏名,世帯員4氏名", "members_beyond", "1列"),
        ("番号,主,世帯員1氏名,世帯員02氏名", "members_beyond", "1列"),
        ("番号,主,世帯員　1 氏名,世帯員　４ 氏名", "members_beyond", "1列"),
        ("番号,主,世帯員1氏名,世帯員１ 氏名", "columns_twice", "世帯員1氏名"),
        ("番号,主,世帯員1氏名,世帯員1氏名", "columns_twice", "世帯員1氏名"),
    ],
)
def test_a_wide_file_whose_numbered_columns_do_not_fit_is_refused(header, reason, said):
    with pytest.raises(FileRefused) as refused:
        read([header, ",".join("x" * (header.count(",") + 1))], wide())
    assert refused.value.reason == reason
    assert said in str(refused.value)


def test_a_wards_coupon_file_is_a_wide_layout_with_the_head_in_columns_of_its_own():
    """C02: the head's birth date and name, the children's, postal code, town, block and building."""
    layout = Layout.model_validate(
        {
            "required": {
                "整理番号": "household_no",
                "世帯主氏名": "head_name",
                "郵便番号": "postal_code",
                "町名": "town",
                "番地": "block",
            },
            "optional": {"方書": "building"},
            "members": {
                "most": 6,
                "head": {"世帯主氏名": "member_name", "世帯主生年月日": "birth_date"},
                "required": {"児童{ｎ}氏名": "member_name", "児童{ｎ}生年月日": "birth_date"},
            },
        }
    )
    header = "整理番号,世帯主生年月日,世帯主氏名,郵便番号,町名,番地,児童１生年月日,児童１氏名,児童２生年月日,児童２氏名"
    lines = [
        header,
        "7,S55.4.1,見本一,1530061,中目黒,1-2,H20.1.2,見本二,R1.5.6,見本三",
        "8,S60.2.3,試行,,,,R3.4.5,例,,",
    ]
    fields = ("row_no", "household_no", "head_name", "member_no", "member_name", "birth_date", "town", "building")
    assert [tuple(row[field] for field in fields) for row in read(lines, layout).table.to_pylist()] == [
        (1, "7", "見本一", "1", "見本一", "S55.4.1", "中目黒", None),
        (1, "7", "見本一", "2", "見本二", "H20.1.2", "中目黒", None),
        (1, "7", "見本一", "3", "見本三", "R1.5.6", "中目黒", None),
        (2, "8", "試行", "1", "試行", "S60.2.3", "", None),
        (2, "8", "試行", "2", "例", "R3.4.5", "", None),
    ]
    with pytest.raises(FileRefused, match="世帯主生年月日"):
        read([header.replace("世帯主生年月日", "x")], layout)


FIXED = {"required": {"番号": "household_no", "主": "head_name"}, "columns": ["番号", "町会", "主"]}


def test_a_file_without_a_header_is_read_by_its_fixed_columns():
    layout = Layout.model_validate({**FIXED, "header": False})
    result = read(["1,東,見本", "2,x", "3,西,試行\x1a"], layout)
    assert [(r["row_no"], r["household_no"], r["head_name"], r["extra"]) for r in result.table.to_pylist()] == [
        (1, "1", "見本", '{"町会": "東"}'),
        (3, "3", "試行", '{"町会": "西"}'),
    ]
    assert result.quarantine["row_no"].to_pylist() == [2]


def test_a_header_where_there_should_be_none_is_not_somebodys_data():
    with pytest.raises(FileRefused) as refused:
        read(["番号,町会,主", "1,東,見本"], Layout.model_validate({**FIXED, "header": False}))
    assert refused.value.reason == "header_unexpected"


def test_an_empty_file_without_a_header_is_refused():
    with pytest.raises(FileRefused) as refused:
        read(b"\r\n\x1a", Layout.model_validate({**FIXED, "header": False}))
    assert refused.value.reason == "empty"


def test_where_the_order_is_fixed_another_order_is_refused_and_only_the_contracts_names_are_shown():
    assert read(["番号,町会,主", "1,東,見本"], Layout.model_validate(FIXED)).rows_in == 1
    with pytest.raises(FileRefused) as refused:
        read(["番号,主,目黒花子", "1,見本,東"], Layout.model_validate(FIXED))
    assert refused.value.reason == "columns_order"
    assert "番号、町会、主" in str(refused.value) and "花子" not in str(refused.value)


def test_unknown_columns_of_one_name_and_of_none_are_all_kept():
    layout = Layout.model_validate({"required": {"番号": "household_no"}})
    result = read(['番号,備,備,,"x""y"', '1,a,"b""\\",c,"d\t,"'], layout)
    assert json.loads(result.table["extra"][0].as_py()) == {
        "備": "a",
        "備（3列目）": 'b"\\',
        "列4": "c",
        'x"y': "d\t,",
    }


def test_a_layout_in_utf8_is_read_as_such_and_only_there_is_a_bom_allowed():
    layout = Layout.model_validate({"encoding": "utf-8-sig", "required": {"番号": "household_no"}})
    lines = ["番号,名", "1,𠮷田"]
    assert read(lines, layout, encoding="utf-8-sig").table["household_no"].to_pylist() == ["1"]
    with pytest.raises(FileRefused, match="文字コードはUTF-8ですが、契約のレイアウトはShift_JISです"):
        read(lines, Layout.model_validate({"required": {"番号": "household_no"}}), encoding="utf-8-sig")
    with pytest.raises(FileRefused, match="文字コードはUTF-16ですが、契約のレイアウトはUTF-8です"):
        read(lines, layout, encoding="utf-16")
