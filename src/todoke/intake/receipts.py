"""What is written down of every file that arrives, and the words that people read for it (P01)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from todoke import clock
from todoke.model.codes import ReceiptState

#: What people call the kinds of files.
KINDS = {
    "households": "世帯データ",
    "additions": "追加世帯データ",
    "corrections": "異動・訂正データ",
    "special_delivery": "送付先の指示",
    "pull_out": "引き抜きの指示",
    "readdress": "宛先変更の指示",
    "stop": "発送停止の指示",
    "gaiji_font": "外字フォント",
    "postcards": "申込はがきの読取データ",
    "carrier": "配送結果",
    "calls": "応対記録",
    "worklog": "業務日誌",
    "returned_work": "照会票の回答・引抜きの結果",
}
#: Where files come from that the client hands over: for these a receipt (預かり証) is due.
FROM_CLIENT = ("lgwan", "cloud", "returned_work")

#: Why a file was refused or left alone.
REASONS = {
    "not_released": "隔離・増減を確かめた結果、担当者が不採用と判断",
    "rejected": "以前と同じ内容のため、確認の結果、不採用",
    "infected": "ウイルスを検出",
    "my_number": "特定個人情報を含むため（原本は保管していません）",
    "columns_missing": "必要な列がない",
    "columns_twice": "同じ列が2つある",
    "bad_rows": "読めない行が多い",
    "header": "見出し行を読めない",
    "header_unexpected": "ないはずの見出し行がある",
    "title_above": "見出し行の上に題名などの行がある",
    "other_separator": "項目の区切りがカンマでない",
    "other_quotes": "引用符の書き方がCSVと違う",
    "wrong_encoding": "文字コードが違う",
    "address_invalid": "郵便番号・住所に誤り",
    "change_invalid": "異動の区分・事由・日付に誤り",
    "no_lines": "行の区切りがない",
    "empty": "内容がない",
    "unknown_format": "形式が不明",
    "forbidden_format": "契約で受け取らない形式",
    "unknown_variant": "読めない形の自己解凍ファイル",
    "unknown_kind": "契約で扱わない種類",
    "base_in_parts": "前の基本ファイルと共通の世帯がほとんどない",
    "several_files": "書庫にファイルが2つ以上ある",
    "too_deep": "暗号化や書庫が3重以上",
    "unsafe_path": "書庫の中のファイル名が危険",
    "bomb": "開くと大きくなりすぎる",
    "unsigned": "電子署名がない",
    "unknown_signer": "登録していない鍵で署名",
    "signature_expired": "署名か鍵の期限切れ・失効",
    "bad_signature": "署名が内容と合わない",
    "tampered": "改ざんの疑い",
    "no_integrity": "改ざんを検知できない暗号化",
    "more_behind": "暗号文の後ろに余分なデータ",
    "truncated": "途中で切れている",
    "damaged": "壊れている",
    "font_unreadable": "フォントとして読めない",
}


@dataclass(frozen=True)
class Receipt:
    """One received file, as the ledger view `receipt_current` shows it.

    Attributes:
        sha256: of the file as it came.
        content_sha256: of the decrypted payload; None when it could not be opened.
        rows: data rows in the payload = accepted + quarantined; 0 when nothing of it was taken.
        received_at: naive Asia/Tokyo.
        received_by: who or what took it.
        reason: why it was refused.
    """

    receipt_no: str
    contract: str
    source: str
    file_name: str
    sha256: str
    content_sha256: str | None
    bytes: int
    rows: int
    accepted: int
    quarantined: int
    received_at: datetime
    received_by: str
    kind: str
    state: ReceiptState
    reason: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Receipt:
        """From a row of the ledger's table, whose times are aware."""
        values = {field.name: row[field.name] for field in fields(cls)}
        values["received_at"] = row["received_at"].astimezone(clock.TOKYO).replace(tzinfo=None)
        return cls(**values | {"state": ReceiptState(row["state"])})


def kind_label(kind: str) -> str:
    """What people call a kind; a file whose name says none is その他."""
    return KINDS.get(kind, "その他")


def reason_label(reason: str | None) -> str:
    """Why a file was refused, in words; a code without any stays a code."""
    return REASONS.get(reason, reason) if reason else ""
