from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow as pa
import pytest

from todoke.errors import TodokeError
from todoke.parcels.shipping import COLUMNS, instruction_rows, recall_rows, write_instructions

TEXT = {"programme": "在宅避難支援事業", "desk": "事務局（平日9時〜17時）"}
PARCEL = pa.schema(
    [("shipment_id", pa.string()), ("revision", pa.int32())]
    + [(name, pa.string()) for name in ("action", "kind", "household_no", "application_no")]
)
LINE = pa.schema(
    [(name, pa.string()) for name in ("shipment_id", "item_code", "item_name")] + [("quantity", pa.int32())]
)
ADDRESS = pa.schema([(name, pa.string()) for name in ("household_no", "postal_code", "address", "building", "name")])


def parcels(*rows: tuple[Any, ...]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(PARCEL.names, row, strict=True)) for row in rows], PARCEL)


def lines(*rows: tuple[Any, ...]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(LINE.names, row, strict=True)) for row in rows], LINE)


def addresses(*rows: tuple[Any, ...]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(ADDRESS.names, row, strict=True)) for row in rows], ADDRESS)


GOODS = ("G1", 1, "instruct", "goods", "0001", "1234567889")
HOME = ("0001", "1530061", "目黒区中目黒一丁目２－３", "メゾン101", "届　\ue000子")
ITEM = ("G1", "A001", "携帯トイレ", 2)


def written(rows: pa.Table) -> bytes:
    out = io.BytesIO()
    write_instructions([rows.slice(0, 1), rows.slice(1)], out, **TEXT)
    return out.getvalue()


def shipping_csv(*tables: pa.Table) -> bytes:
    return written(instruction_rows(*tables))


def rows_of(content: bytes) -> list[dict[str, str]]:
    assert b"\r\n" in content and b"\n" not in content.replace(b"\r\n", b"")
    return list(csv.DictReader(io.StringIO(content.decode("cp932"), newline="")))


def test_each_line_of_a_parcel_is_a_row_with_programme_and_desk():
    content = shipping_csv(parcels(GOODS), lines(("G1", "A002", "水のう", 1), ITEM), addresses(HOME))
    rows = rows_of(content)
    assert tuple(rows[0]) == COLUMNS
    assert [(row["商品コード"], row["数量"]) for row in rows] == [("A001", "2"), ("A002", "1")]
    assert {row["区分"] + row["種別"] for row in rows} == {"出荷防災用品"}
    assert rows[0]["事業名"] == "在宅避難支援事業"
    assert rows[0]["問合せ先"] == "事務局（平日9時～17時）"
    assert (rows[0]["申込番号"], rows[0]["郵便番号"]) == ("1234567889", "1530061")


def test_gaiji_leave_as_the_bytes_they_came_with():
    content = shipping_csv(parcels(GOODS), lines(ITEM), addresses(HOME))
    assert "届　".encode("cp932") + b"\xf0\x40" in content


@pytest.mark.parametrize(("action", "label"), [("cancel", "取消"), ("stop", "停止")])
def test_a_recalled_parcel_is_one_row_without_address_or_goods(action: str, label: str):
    recalled = ("G1", 2, action, "goods", "0001", "1234567889")
    (row,) = rows_of(shipping_csv(parcels(recalled), lines(ITEM, ("G1", "A002", "水", 1)), addresses(HOME)))
    assert (row["出荷番号"], row["改訂"], row["区分"]) == ("G1", "2", label)
    assert not any(row[name] for name in ("郵便番号", "住所", "方書", "氏名", "商品コード", "商品名", "数量"))


def test_a_recall_file_tells_stopped_from_cancelled_and_takes_nothing_else():
    stopped, cancelled = ("G1", 2, "stop", *GOODS[3:]), ("G2", 3, "cancel", *GOODS[3:])
    rows = rows_of(written(recall_rows(parcels(stopped, cancelled))))
    assert [(row["出荷番号"], row["区分"], row["住所"]) for row in rows] == [("G1", "停止", ""), ("G2", "取消", "")]
    with pytest.raises(TodokeError, match="G1"):
        recall_rows(parcels(GOODS))


def test_a_catalogue_is_its_own_content():
    catalogue = ("C1", 1, "instruct", "catalogue", "0001", "1234567889")
    (row,) = rows_of(shipping_csv(parcels(catalogue), lines(), addresses(HOME)))
    assert (row["商品名"], row["数量"], row["住所"]) == ("カタログ", "1", "目黒区中目黒一丁目２－３")


def test_the_order_of_the_tables_changes_nothing():
    two = ("G2", 1, "replace", "goods", "0002", "2345678902")
    away = ("0002", "1520001", "目黒区中央町一丁目", None, "届　花")
    more = ("G2", "A003", "ランタン", 1)
    one_way = shipping_csv(parcels(GOODS, two), lines(ITEM, more), addresses(HOME, away))
    other_way = shipping_csv(parcels(two, GOODS), lines(more, ITEM), addresses(away, HOME))
    assert one_way == other_way


def test_no_parcels_make_a_file_of_headings():
    assert rows_of(shipping_csv(parcels(), lines(), addresses())) == []


def test_text_that_cp932_has_not_is_named_by_shipment_and_never_shown():
    odd = ("0001", "1530061", "目黒区", None, "届　𠮷子")
    with pytest.raises(TodokeError) as caught:
        shipping_csv(parcels(GOODS), lines(ITEM), addresses(odd))
    assert "G1" in str(caught.value) and "氏名" in str(caught.value)
    assert "届" not in str(caught.value) and caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_parcel_without_address_or_goods_stops_the_file():
    with pytest.raises(TodokeError, match=r"配送先のない.*G1"):
        shipping_csv(parcels(GOODS), lines(ITEM), addresses())
    with pytest.raises(TodokeError, match=r"商品のない.*G1"):
        shipping_csv(parcels(GOODS), lines(), addresses(HOME))


def test_a_household_with_two_addresses_is_never_sent_twice():
    with pytest.raises(TodokeError, match="重複"):
        shipping_csv(parcels(GOODS), lines(ITEM), addresses(HOME, HOME))
