"""The workbook in which operators decide what the rules leave to people (interfaces.md, operators' answers).

It holds no name and no address. The answer comes back by 管理番号 and 版, the digest of the item as shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from todoke.model.codes import Reason, Status
from todoke.outbox.workbook import Column, Sheet, render

DECISIONS = ("訂正", "承認", "却下", "再照会")
ITEM = pa.schema(
    [
        ("item_no", pa.string()),
        ("digest", pa.string()),
        ("application_no", pa.string()),
        ("category", pa.string()),
        ("reason", pa.string()),
        ("received_on", pa.date32()),
        ("source", pa.string()),
        ("image_file", pa.string()),
        ("points", pa.int32()),
        ("note", pa.string()),
    ]
)
#: A row of a postcards' or carrier's file that was not taken: its place and why, in words, but nothing that it says.
BAD_ROW = pa.schema(
    [
        ("source", pa.string()),
        ("receipt_no", pa.string()),
        ("file_name", pa.string()),
        ("received_at", pa.timestamp("us")),
        ("row_no", pa.int32()),
        ("field", pa.string()),
        ("reason", pa.string()),
    ]
)
_REASONS = {reason.value: reason.label for reason in Reason}
_SOURCES = {"web": "Web", "postcard": "はがき", "phone": "電話", "carrier": "運送会社"}
_BAD_ROWS = {
    "postcard": "この行は取り込んでいません。はがきを確かめてください。同じ受付番号は先の読取りが有効です。",
    "carrier": "この行は取り込んでいません。運送会社に確かめ、正しい内容の再送を依頼してください。",
}
_DIFFERENCES = {
    "content": ("引渡し後の内容変更", "引き渡した内容と、今の申込内容が異なります。追加発送か回収かを決めてください。"),
    "not_wanted": ("引渡し後の取りやめ", "引き渡した後に取りやめ・対象外となりました。回収の要否を決めてください。"),
    "address": (
        "引渡し後の送付先変更",
        "引き渡した後に送付先が変わりました。配達の前なら、運送会社に転送を依頼してください。",
    ),
    "pull_out": (
        "引渡し後の引抜き",
        "引き渡した後に引抜きの対象となりました。運送会社に返送を依頼し、区に報告してください。",
    ),
    "incident": (
        "秘匿世帯の引渡し済み",
        "引き渡した後に秘匿世帯となりました。すぐに業務責任者へ知らせ、区に報告してください。",
    ),
}


def review_items(
    decisions: pa.Table,
    numbers: pa.Table,
    late_changes: pa.Table,
    differences: pa.Table,
    shipments: pa.Table,
    images: pa.Table,
    bad_rows: pa.Table,
) -> pa.Table:
    """What waits for a person (`ITEM`): applications in review, duplicates whose contents differ from the one
    that stands, changes made after the deadline, open differences after hand-over, and rows that were not taken.

    `decisions`, `numbers`, `differences`, `shipments`: as in `store.facts`; `late_changes`: application_id,
    application_no, updated_at; `images`: application_id, image_file of postcards; `bad_rows`: `BAD_ROW`. Sorted by
    received day and 管理番号.
    """
    number_of = dict(zip(numbers["household_no"].to_pylist(), numbers["application_no"].to_pylist(), strict=True))
    household_of = dict(zip(shipments["shipment_id"].to_pylist(), shipments["household_no"].to_pylist(), strict=True))
    image_of = dict(zip(images["application_id"].to_pylist(), images["image_file"].to_pylist(), strict=True))
    items = [
        *_of_decisions(decisions, number_of, image_of),
        *_of_late_changes(late_changes),
        *_of_differences(differences, household_of, number_of),
        *_of_bad_rows(bad_rows),
    ]
    items.sort(key=lambda item: (item["received_on"] or date.max, item["item_no"]))
    return pa.Table.from_pylist(items, ITEM)


def review_workbook(items: pa.Table, *, programme: str, as_of: date) -> bytes:
    """The review workbook of a day as .xlsx: what is asked, and empty columns for the answer."""
    columns = (
        Column("item_no", "管理番号", 17, wrap=True),
        Column("digest", "版", 14),
        Column("application_no", "申込番号", 13, null="不明"),
        Column("category", "区分", 17, wrap=True),
        Column("reason", "確認する理由", 21, wrap=True),
        Column("received_on", "受付日", 11, null="–"),
        Column("source", "受付方法", 9, centred=True),
        Column("image_file", "画像ファイル名", 18, null="–", wrap=True),
        Column("points", "ポイント", 9, null="–"),
        Column("note", "備考", 28, wrap=True),
        _answer("decision", "決定", 9, DECISIONS),
        _answer("corrected_application_no", "訂正\n申込番号", 13),
        _answer("corrected_items", "訂正\n商品コード×数量", 18),
        _answer("operator", "担当者", 10),
        _answer("answer_reason", "理由", 20),
    )
    instructions = (
        f"{items.num_rows}件。黄色の欄に回答し、管理番号と版は変えずに返してください。",
        "※ 「承認」は、本人確認不一致・対象外となった世帯・読取不能のときだけ使えます。",
        "※ 訂正する商品は「A001×2 A015×1」のように書いてください。",
        "※ はがきの現物は、画像ファイル名の画像で確かめられます。",
    )
    sheet = Sheet("確認依頼", columns, items, filter=True, instructions=instructions)
    return render([sheet], title=f"確認依頼一覧（{as_of.year}年{as_of.month}月{as_of.day}日）", subtitle=programme)


def _answer(key: str, heading: str, width: float, choices: tuple[str, ...] = ()) -> Column:
    return Column(key, heading, width, group="回答", wrap=True, fill_in=True, choices=choices)


def _of_decisions(decisions: pa.Table, number_of: dict[str, str], image_of: dict[str, str]) -> Iterator[dict[str, Any]]:
    for row in decisions.to_pylist():
        differing = row["reason"] == Reason.DUPLICATE and row["differs"]
        if row["status"] != Status.REVIEW and not differing:
            continue
        yield _item(
            row["application_id"],
            number_of.get(row["household_no"]),
            "内容相違の重複" if differing else "要確認",
            _REASONS[row["reason"]],
            row["received_at"],
            source=_SOURCES[row["source"]],
            image_file=image_of.get(row["application_id"]),
            points=row["points"],
            note="先の受付分が有効です。内容が異なるので、変更の希望か確かめてください。" if differing else "",
        )


def _of_late_changes(late_changes: pa.Table) -> Iterator[dict[str, Any]]:
    for row in late_changes.to_pylist():
        yield _item(
            f"L:{row['application_id']}",
            row["application_no"],
            "期限後の変更",
            "申込期限後の内容変更",
            row["updated_at"],
            source=_SOURCES["web"],
            note="期限後に変更された内容は反映していません。",
        )


def _of_differences(
    differences: pa.Table, household_of: dict[str, str], number_of: dict[str, str]
) -> Iterator[dict[str, Any]]:
    for row in differences.to_pylist():
        if row["state"] == "open":
            reason, note = _DIFFERENCES[row["kind"]]
            number = number_of.get(household_of.get(row["shipment_id"], ""))
            shown = f"D:{row['shipment_id']}:{row['desired_digest'][:6]}"
            yield _item(shown, number, "引渡し後の相違", reason, None, note=note)


def _of_bad_rows(bad_rows: pa.Table) -> Iterator[dict[str, Any]]:
    for row in bad_rows.to_pylist():
        where = f"{row['file_name']} の{row['row_no']}件目" + (f"「{row['field']}」" if row["field"] else "")
        yield _item(
            f"R:{row['receipt_no']}:{row['row_no']}",
            None,
            "取り込めなかった行",
            row["reason"],
            row["received_at"],
            source=_SOURCES[row["source"]],
            note=f"{where}。{_BAD_ROWS[row['source']]}",
        )


def _item(
    item_no: str,
    application_no: str | None,
    category: str,
    reason: str,
    received_at: datetime | None,
    *,
    source: str = "",
    image_file: str | None = None,
    points: int | None = None,
    note: str = "",
) -> dict[str, Any]:
    shown = (item_no, application_no, category, reason, received_at, source, image_file, points, note)
    return {
        "item_no": item_no,
        "digest": hashlib.sha256(repr(shown).encode()).hexdigest()[:12],
        "application_no": application_no,
        "category": category,
        "reason": reason,
        "received_on": received_at.date() if received_at else None,
        "source": source,
        "image_file": image_file,
        "points": points,
        "note": note,
    }
