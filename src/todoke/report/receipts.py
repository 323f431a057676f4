"""What the client gets about its files: a receipt (預かり証) for each, the register (記録簿) of all of them (P01)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from todoke.contract.sheet_layout import MM
from todoke.intake.receipts import FROM_CLIENT, Receipt, kind_label, reason_label
from todoke.labels.fonts import FontSet, standard_fonts
from todoke.labels.pdf import Drawing, EmbeddedFonts, SheetFile
from todoke.labels.sheet import Line
from todoke.model.codes import ReceiptState
from todoke.outbox.workbook import Column, Sheet, render
from todoke.report.page import PAGE, printable, rule, to_the_right, wrapped

_LEFT, _RIGHT, _VALUE = 25 * MM, 185 * MM, 67 * MM
_ROW, _LEADING = 10.5 * MM, 5.6 * MM
_NOTHING = "—"
_SOURCES = {"lgwan": "LGWAN-ASP ファイル転送", "cloud": "クラウドのファイル転送"}


@dataclass(frozen=True)
class Parties:
    """Who received what from whom, as the contract names them."""

    client: str
    programme: str
    contractor: str
    desk: str


def certificate(receipt: Receipt, parties: Parties) -> bytes:
    """The 預かり証 of one receipt as a PDF on A4; the same receipt gives the same bytes.

    It holds what the ledger knows of the file: when, who, what kind, how many records, digests. Nothing of a resident.
    """
    fonts = standard_fonts()
    lines, rules = _set(receipt, parties, fonts)
    drawing = Drawing(PAGE, fonts)
    out = io.BytesIO()
    file = SheetFile(f"{receipt.receipt_no}.pdf", out, PAGE)
    file.add_sheet([drawing.label(0, lines, None, rules)])
    file.finish(EmbeddedFonts(fonts.cut("".join(line.text for line in lines))))
    return out.getvalue()


def _set(receipt: Receipt, parties: Parties, fonts: FontSet) -> tuple[list[Line], bytes]:
    """Every line of text, and the rules between the rows of the table."""
    top = 297 * MM
    title = "預　か　り　証"
    lines = [
        Line((_LEFT + _RIGHT) / 2 - fonts.width(title) * 10, top - 36 * MM, 20, title),
        *to_the_right(f"受領番号　{receipt.receipt_no}", _RIGHT, top - 20 * MM, 10, fonts),
        Line(_LEFT, top - 52 * MM, 13, printable(f"{parties.client}　御中", fonts)),
        Line(_LEFT, top - 62 * MM, 10.5, _opening(receipt)),
    ]
    rules = [b"0.6 w 0.35 G "]
    y = top - 71 * MM
    rules.append(rule(_LEFT, _RIGHT, y))
    for heading, value in _rows(receipt, parties):
        ems = (_RIGHT - _VALUE - 4) / 10.5
        cut = [line for part in value.split("\n") for line in wrapped(printable(part, fonts), ems, fonts)]
        lines.append(Line(_LEFT + 3, y - 6.8 * MM, 10.5, heading))
        lines += [Line(_VALUE, y - 6.8 * MM - n * _LEADING, 10.5, text) for n, text in enumerate(cut)]
        y -= _ROW + (len(cut) - 1) * _LEADING
        rules.append(rule(_LEFT, _RIGHT, y))
    foot = [
        "この預かり証は、個人情報等の取扱いに関する契約の定めにより交付するものです。",
        "お預かりした原本は暗号化して保管し、契約の定めにより返還または消去します。" if _is_kept(receipt) else "",
    ]
    lines += [Line(_LEFT, y - (9 + 6 * n) * MM, 9, text) for n, text in enumerate(foot) if text]
    for n, text in enumerate((f"受託者　{parties.contractor}", parties.desk)):
        lines += to_the_right(printable(text, fonts), _RIGHT, y - (30 + 6 * n) * MM, 10.5, fonts)
    return lines, b"".join(rules)


def _opening(receipt: Receipt) -> str:
    if _is_kept(receipt):
        return "下記のとおり、ファイルをお預かりしました。"
    return "下記のファイルが届きましたが、特定個人情報を含むため、お預かりせず消去しました。"


def _is_kept(receipt: Receipt) -> bool:
    return receipt.reason != "my_number"


def _rows(receipt: Receipt, parties: Parties) -> list[tuple[str, str]]:
    counted = receipt.state is ReceiptState.ACCEPTED and receipt.rows > 0
    return [
        ("契約", parties.programme),
        ("受領日時", f"{_day(receipt.received_at)} {receipt.received_at:%H:%M}"),
        ("受領者", f"{parties.contractor}（{receipt.received_by}）"),
        ("受領方法", _SOURCES.get(receipt.source, receipt.source)),
        ("種類", kind_label(receipt.kind)),
        ("ファイル名", receipt.file_name),
        ("大きさ", f"{receipt.bytes:,} バイト"),
        ("件数", f"{receipt.rows:,} 件（うち要確認 {receipt.quarantined:,} 件）" if counted else _NOTHING),
        ("取扱い", _outcome(receipt)),
        ("SHA-256（原本）", _grouped(receipt.sha256)),
        ("SHA-256（復号後）", _grouped(receipt.content_sha256) if receipt.content_sha256 else _NOTHING),
    ]


def _grouped(digest: str) -> str:
    """A digest that people can compare: two lines of four groups of eight."""
    groups = [digest[start : start + 8] for start in range(0, len(digest), 8)]
    return " ".join(groups[:4]) + "\n" + " ".join(groups[4:])


def _outcome(receipt: Receipt) -> str:
    reason = reason_label(receipt.reason)
    return receipt.state.label + (f"：{reason}" if reason else "")


def _day(moment: date) -> str:
    return f"{moment.year}年{moment.month}月{moment.day}日"


@dataclass(frozen=True)
class Entry:
    """A line of the register: a receipt, how often its very file came again, whether a higher revision replaced it."""

    receipt: Receipt
    repeats: int
    replaced: bool


def register(entries: Sequence[Entry], parties: Parties, as_of: datetime) -> bytes:
    """The 記録簿 as .xlsx for A4 across: every receipt of the contract, and the totals by kind and state."""
    heading = f"機密情報 受領記録簿（{_day(as_of)}現在）"
    return render(
        [_register_sheet(entries), _totals_sheet(entries)],
        title=heading,
        subtitle=f"{parties.programme}　{parties.client} 御中　{parties.contractor}",
    )


def _register_sheet(entries: Iterable[Entry]) -> Sheet:
    columns = (
        Column("received_at", "受領日時", 16),
        Column("receipt_no", "受領番号", 14),
        Column("origin", "受領元", 8, centred=True),
        Column("kind", "種類", 16, wrap=True),
        Column("file_name", "ファイル名", 32, wrap=True),
        Column("rows", "件数", 9, total=True),
        Column("quarantined", "うち要確認", 10, total=True),
        Column("state", "取扱い", 24, wrap=True),
        Column("reason", "理由", 26, wrap=True),
        Column("repeats", "再送", 6, total=True),
        Column("received_by", "受領者", 9, centred=True),
        Column("digest", "ダイジェスト\n（SHA-256の先頭16桁）", 22),
    )
    rows = [
        {
            "received_at": entry.receipt.received_at,
            "receipt_no": entry.receipt.receipt_no,
            "origin": "区" if entry.receipt.source in FROM_CLIENT else "事務局",
            "kind": kind_label(entry.receipt.kind),
            "file_name": entry.receipt.file_name,
            "rows": entry.receipt.rows,
            "quarantined": entry.receipt.quarantined,
            "state": _state(entry),
            "reason": reason_label(entry.receipt.reason),
            "repeats": entry.repeats,
            "received_by": entry.receipt.received_by,
            "digest": entry.receipt.sha256[:16],
        }
        for entry in entries
    ]
    kinds = {"received_at": pa.timestamp("s"), "rows": pa.int64(), "quarantined": pa.int64(), "repeats": pa.int64()}
    schema = pa.schema([(column.key, kinds.get(column.key, pa.string())) for column in columns])
    notes = (
        "※ 件数は取り込んだデータの行数です。受領不可・同一内容・旧版・確認待ちのファイルからは取り込んでいません。",
        "※ 再送は、同じファイルがもう一度届いた回数です。",
    )
    return Sheet("記録簿", columns, pa.Table.from_pylist(rows, schema), notes, filter=True)


def _state(entry: Entry) -> str:
    return f"{entry.receipt.state.label}（後の版で差替え）" if entry.replaced else entry.receipt.state.label


def _totals_sheet(entries: Sequence[Entry]) -> Sheet:
    kinds = sorted({kind_label(entry.receipt.kind) for entry in entries})
    columns = (
        Column("kind", "種類", 24),
        *(Column(state.value, state.label, 13, total=True) for state in ReceiptState),
        Column("repeats", "再送", 10, total=True),
    )
    rows = []
    for kind in kinds:
        own = [entry for entry in entries if kind_label(entry.receipt.kind) == kind]
        counts = {state.value: sum(entry.receipt.state is state for entry in own) for state in ReceiptState}
        rows.append({"kind": kind, **counts, "repeats": sum(entry.repeats for entry in own)})
    schema = pa.schema([("kind", pa.string()), *((column.key, pa.int64()) for column in columns[1:])])
    return Sheet("種類別", columns, pa.Table.from_pylist(rows, schema), ("単位：ファイル",))
