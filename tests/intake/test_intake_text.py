from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todoke.errors import FileRefused
from todoke.intake.text import BadRow, Row, read_blocks, read_columns
from todoke.model.codes import Finding

_CELL = st.text(st.sampled_from('表ソ能①髙神\ue000\ue757ｱあ 　,"\r\n12-'), max_size=6)
_TABLE = st.integers(2, 5).flatmap(
    lambda width: st.lists(
        st.lists(_CELL, min_size=width, max_size=width).filter(lambda row: any(map(str.strip, row))),
        min_size=1,
        max_size=30,
    )
)


def read(raw: bytes, encoding: str = "cp932") -> list[Row | BadRow]:
    return [row for block in read_blocks(io.BytesIO(raw), encoding=encoding) for row in block.records()]


def in_blocks(raw: bytes, size: int) -> list[tuple[list[int], list[list[str]], list[BadRow]]]:
    return [(list(b.row_nos), b.rows, b.bad) for b in read_blocks(io.BytesIO(raw), size=size)]


@given(_TABLE, st.sampled_from([1, 7, 64, 1 << 17]), st.booleans(), st.booleans())
def test_every_well_formed_record_comes_through_whatever_the_block_size(table, size, quote_all, crlf):
    out = io.StringIO(newline="")
    returns = any("\r" in cell for row in table for cell in row)  # left bare by the writer
    quoting = csv.QUOTE_ALL if quote_all or returns else csv.QUOTE_MINIMAL
    csv.writer(out, lineterminator="\r\n" if crlf else "\n", quoting=quoting).writerows(table)
    blocks = in_blocks(out.getvalue().encode("cp932"), size)
    assert [row for _, rows, _ in blocks for row in rows] == table
    assert [n for numbers, _, _ in blocks for n in numbers] == list(range(len(table)))
    assert not any(bad for _, _, bad in blocks)


@given(st.binary(max_size=400), st.sampled_from([3, 50, 1 << 17]))
def test_any_bytes_end_in_rows_or_a_refusal_the_same_for_every_block_size(raw, size):
    def outcome(block: int) -> object:
        try:
            blocks = in_blocks(b"a,b\r\n" + raw, block)
        except FileRefused as error:
            return error.reason
        good = [pair for numbers, rows, _ in blocks for pair in zip(numbers, rows, strict=True)]
        bad = [(row.row_no, row.offset, row.reason) for *_, found in blocks for row in found]
        numbers = sorted([n for n, _ in good] + [n for n, *_ in bad])
        assert numbers == list(range(len(numbers)))
        return good, bad

    assert outcome(size) == outcome(1 << 16)


@pytest.mark.parametrize("byte", [0x80, 0xA0, 0xFD, 0xFE, 0xFF, 0x00, 0x07, 0x7F])
def test_single_bytes_that_cp932_lets_through_are_refused_by_row_and_byte(byte):
    before = "番号,氏名\r\n1,表\r\n2,「".encode("cp932")
    rows = read(before + bytes([byte]) + "」\r\n3,能\r\n".encode("cp932"))
    assert [type(row) for row in rows] == [Row, Row, BadRow, Row]
    bad = rows[2]
    assert (bad.row_no, bad.offset, bad.column, bad.reason) == (2, len(before), 1, Finding.BAD_CHARACTER)


def test_a_broken_pair_is_named_and_reading_goes_on():
    rows = read(b"a,b\r\n1,\x81\r\n2,\x81\xff\r\n3,ok\r\n")
    assert [(r.row_no, r.reason, r.offset) for r in rows if isinstance(r, BadRow)] == [
        (1, Finding.BAD_CHARACTER, 7),
        (2, Finding.BAD_CHARACTER, 12),
    ]
    assert rows[-1] == Row(3, ["3", "ok"])


@pytest.mark.parametrize("line", [b"1", b"1,2,3", b'1,"x"y', b"1,2\r3,4", b'1,"never closed'])
def test_a_ragged_or_ill_quoted_record_is_one_bad_row(line):
    rows = read(b"a,b\r\n0,0\r\n" + line + b"\r\n5,6\r\n" * 2)
    bad = [row for row in rows if isinstance(row, BadRow)]
    assert [(row.row_no, row.offset, row.reason) for row in bad] == [(2, 10, Finding.RAGGED)]
    assert rows[-1] == Row(4, ["5", "6"])


def test_an_open_quote_does_not_swallow_the_rest_of_a_long_file():
    rows = read(b"a,b\r\n" + b'1,"oops\r\n' + b"5,6\r\n" * 50_000)
    assert [row.row_no for row in rows if isinstance(row, BadRow)] == [1]
    assert len(rows) == 50_002


def test_the_text_of_a_bad_row_is_not_shown():
    (_, bad) = read("a,b\r\n目黒花子,1,2\r\n".encode("cp932"))
    assert "花子" not in repr(bad)


@pytest.mark.parametrize("end", [b"\x1a", b"\x1a\x1a", b"\r\n\x1a", b"\r\n\x1a\r\n", b"", b"\r\n\r\n"])
def test_a_trailing_ctrl_z_and_empty_lines_are_no_rows(end):
    assert read(b"a,b\r\n1,2" + end)[1:] == [Row(1, ["1", "2"])]


@pytest.mark.parametrize("by_column", [False, True])
def test_lines_of_nothing_but_blanks_and_commas_are_no_rows_and_are_counted_wherever_they_stand(by_column):
    """Below the header; those above it are passed over, and so is the line that tells Excel the separator."""
    head = ' , \r\n\r\n"sep=,"\r\n番号,名\r\n'.encode("cp932")
    for size in (1, 40, 1 << 17):
        for blank in (b",", b",,,,", b" ,\x81\x40", b"\t", b"", b'"",""', b'" \n ",', b'="", =""', b'"=""""",'):
            raw = head + b"\r\n".join([b"1,a", blank, b"2,b", blank, blank]) + b"\r\n"
            if by_column:
                header, found = read_columns(io.BytesIO(raw), size=size)
                blocks = list(found)
                rows = [cell for block in blocks if block.columns for cell in block.columns[0].to_pylist()]
            else:
                first, *blocks = read_blocks(io.BytesIO(raw), size=size)
                header, rows = first.rows[0], [row[0] for block in blocks for row in block.rows]
            assert (header, rows, sum(block.blank for block in blocks)) == (["番号", "名"], ["1", "2"], 3)
            assert [no for block in blocks for no in block.row_nos] == [1, 2]
            assert not any(block.bad for block in blocks)


def test_utf8_with_or_without_bom_is_read_for_contacts():
    for bom in (b"\xef\xbb\xbf", b""):
        rows = read(bom + "番号,内容\r\n1,𠮷田\r\n".encode(), "utf-8-sig")
        assert rows == [Row(0, ["番号", "内容"]), Row(1, ["1", "𠮷田"])]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (b"\r\n\x1a", "empty"),
        (b"a,\xff\r\n", "header"),
        (b"x" * 3_000_000, "no_lines"),
        (b"\xef\xbb\xbfa,b\r\n", "wrong_encoding"),
        ("番号,氏名\r\n1,見本\r\n".encode(), "wrong_encoding"),
        ("番号,氏名\r\n".encode("utf-16"), "wrong_encoding"),
    ],
)
def test_a_file_without_a_header_or_without_lines_is_refused_whole(raw, reason):
    with pytest.raises(FileRefused) as refused:
        read(raw)
    assert refused.value.reason == reason


_SHIFT_JIS, _UTF8 = "番号,氏名\r\n1,見本\r\n".encode("cp932"), "番号,氏名\r\n1,見本\r\n".encode()
_BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("raw", "encoding", "reason", "says", "advises"),
    [
        (
            _BOM + _SHIFT_JIS,
            "cp932",
            "wrong_encoding",
            "BOM）がありますが、文字コードはShift_JIS",
            "BOMのないShift_JIS",
        ),
        (_BOM + b"no,name\r\n" + _SHIFT_JIS, "cp932", "wrong_encoding", "文字コードはShift_JIS", "BOMのない"),
        (_BOM + _SHIFT_JIS, "utf-8-sig", "wrong_encoding", "BOM）がありますが、文字コードはShift_JIS", "UTF-8での再送"),
        (_SHIFT_JIS, "utf-8-sig", "wrong_encoding", "文字コードはShift_JISですが、契約のレイアウトはUTF-8", "encoding"),
        (_UTF8, "cp932", "wrong_encoding", "文字コードはUTF-8ですが、契約のレイアウトはShift_JIS", "encoding"),
        (_BOM + _UTF8, "cp932", "wrong_encoding", "文字コードはUTF-8ですが", "encoding"),
        (b"a,\xff\r\n", "cp932", "header", "見出し行", "文字コード（Shift_JIS）"),
        (b"a,\xff\r\n", "utf-8-sig", "header", "見出し行", "文字コード（UTF-8）"),
        (_SHIFT_JIS.replace(b"\r\n", b"\r"), "cp932", "no_lines", "CR", "CRLF"),
        (_SHIFT_JIS.replace(b"\r\n", b"\r") * 100_000, "cp932", "no_lines", "CR", "CRLF"),
        (_BOM + _UTF8.replace(b"\r\n", b"\r"), "utf-8-sig", "no_lines", "CR", "CRLF"),
    ],
)
def test_what_is_wrong_with_code_or_lines_is_told_so_that_the_next_step_helps(raw, encoding, reason, says, advises):
    with pytest.raises(FileRefused) as refused:
        read(raw, encoding)
    assert (refused.value.reason, says in refused.value.what) == (reason, True)
    assert advises in refused.value.next_step
    if "BOM" in says:
        assert "encoding を直" not in refused.value.next_step
    if reason == "no_lines":
        assert "文字コード（" not in refused.value.next_step


def test_one_bad_byte_in_a_utf8_file_is_a_bad_row_and_no_other_code():
    (_, bad, good) = read(
        _BOM + "番号,氏名\r\n1,見\udcff本\r\n2,見本\r\n".encode("utf-8", "surrogateescape"), "utf-8-sig"
    )
    assert (bad.row_no, bad.reason) == (1, Finding.BAD_CHARACTER)
    assert good == Row(2, ["2", "見本"])


def test_a_carriage_return_in_a_quoted_header_is_no_line_end():
    assert read(b'"a\rb",c')[0] == Row(0, ["a\rb", "c"])
