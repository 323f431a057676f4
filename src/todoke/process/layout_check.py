"""`todoke layout check`: what a file would become, told to an operator before the file is taken (G02).

Nothing is written, and no text of a cell is shown: of the first rows only their shape. Values of coded fields are, in
words as they stand where several households have them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from todoke.contract import loader
from todoke.contract.layout import Layout
from todoke.contract.model import Contract
from todoke.errors import FileRefused
from todoke.intake.character_codes import CODES
from todoke.intake.dates import parse_date
from todoke.intake.envelopes import Keys, opened_payload, recognise
from todoke.intake.layouts import Places, Reading, check_any_rows, check_bad_rows, read_layout
from todoke.intake.private_folder import private_folder, sweep
from todoke.model.codes import Finding
from todoke.model.ward_values import HEAD
from todoke.process.ward_files import DATASET_OF_KIND
from todoke.quality.queries import heading
from todoke.quality.ward_values import SeenValues, is_known
from todoke.store.schema import DATASETS

_FIRST_ROWS = 3
_PLACES_SHOWN = 5
_VALUES_SHOWN = 20
_HOUSEHOLDS_ALIKE = 3
#: What can only be a code, and no name: digits and Latin letters, or one sign.
_CODE = re.compile(r"[0-9A-Za-z０-９Ａ-Ｚａ-ｚ]{1,4}|.")
_LONGEST_VALUE = 10
_EXPONENT = re.compile(r"[0-9]+(?:\.[0-9]+)?[Ee]\+?[0-9]+")
#: Whether a text is what a field should hold; a day need not be told.
_IS_ONE: Mapping[str, Callable[[str], object]] = {
    "household_no": re.compile(r"[0-9]{1,15}").fullmatch,
    "postal_code": re.compile(r"[0-9]{3}-?[0-9]{4}").fullmatch,
    "household_size": re.compile(r"[0-9]{1,4}").fullmatch,
    "birth_date": lambda text: not text.strip() or parse_date(text),
    "changed_on": lambda text: not text.strip() or parse_date(text),
}
_OWN = frozenset({"receipt_no", "row_no"})
_DIGIT = re.compile(r"\d")
_NO_SHAPE = re.compile(r"[^9 　\-－]")


def masked(text: str) -> str:
    """The shape of a text: digits become 9, everything that is not a digit, a space or a hyphen becomes ●."""
    return _NO_SHAPE.sub("●", _DIGIT.sub("9", text))


class OddNumbers:
    """Fields of numbers and days whose text is none, by the shape of the text.

    Attributes:
        rows: field → shape → rows; in_exponents: rows with a number that Excel rounded.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Counter[str]] = {}
        self.in_exponents = 0

    def add(self, batch: pa.RecordBatch) -> None:
        for field, is_one in _IS_ONE.items():
            if field not in batch.schema.names or batch.column(field).null_count == batch.num_rows:
                continue
            may_be_blank = field == "postal_code" and "town" not in batch.schema.names  # of a delivery to a counter
            for counted in pc.value_counts(batch.column(field)).to_pylist():
                text, count = counted["values"] or "", counted["counts"]
                if is_one(text) or (may_be_blank and not text.strip()):
                    continue
                shape = _EXPONENT.sub("9.9E+9", text) if _EXPONENT.fullmatch(text) else masked(text)
                self.rows.setdefault(field, Counter())[shape] += count
                self.in_exponents += count * (shape == "9.9E+9")


def check(contract_id: str, kind: str, file: Path, on: date) -> Iterator[str]:
    """What a file of a kind would become, line by line in Japanese.

    Raises:
        FileRefused: it would be refused; what could be told before has been.
    """
    contract = loader.load(contract_id, on)
    sweep()
    if kind not in contract.layouts or kind not in DATASET_OF_KIND:
        raise FileRefused(
            "unknown_kind",
            "この契約で扱わない種類のファイルです",
            where=kind,
            next_step=f"使えるもの: {'、'.join(name for name in contract.layouts if name in DATASET_OF_KIND)}",
        )
    # whoever holds the opened file in hand may look at it too
    allowed = ("plain",) if recognise(file) == "plain" else contract.intake.envelopes
    with (
        private_folder(file.stat().st_size) as folder,
        opened_payload(file, keys=Keys.of(contract_id), allowed=allowed, into=folder) as payload,
    ):
        yield from _report(contract, kind, file.name, payload)


def _report(contract: Contract, kind: str, name: str, payload: Path) -> Iterator[str]:
    layout = contract.layouts[kind]
    yield f"ファイル: {name}（{_form(layout)}）"
    reading = read_layout(payload.open("rb"), layout, DATASETS[DATASET_OF_KIND[kind]], "")
    yield from _columns(reading.places, layout)
    seen, odd = SeenValues(_present(reading.places)), OddNumbers()
    first = _drain(reading, seen, odd)
    bad = reading.quarantine
    yield f"行数: {reading.rows_in:,}行 = 受け入れ {reading.accepted:,}行 + 隔離 {bad.num_rows:,}行"
    if reading.blank:
        yield f"空の行: {reading.blank:,}行（行に数えません）"
    if layout.members:
        yield f"世帯員: {reading.landed:,}人（1行に1世帯）"
    yield from _bad_rows(bad)
    if reading.formulas:
        yield f'Excel の式（="…"）で書かれた値: {reading.formulas:,}個（引用符の中の値として読みます）'
    yield from _numbers(layout, odd)
    yield from _values(layout, kind, seen)
    yield "先頭の行（伏せ字）:"
    for row in first:
        shown = (f"{field}={masked(text)}" for field, text in row.items() if field not in _OWN and text)
        yield f"  {row['row_no']}行目: {'、'.join(shown)}"
    check_any_rows(reading, kind)
    check_bad_rows(reading, contract.intake)
    yield "判定: このレイアウトで受け入れます"


def _form(layout: Layout) -> str:
    header, form = "あり" if layout.header else "なし", "横持ち" if layout.members else "縦持ち"
    return f"{CODES[layout.encoding]}、見出し行{header}、{form}"


def _columns(places: Places, layout: Layout) -> Iterator[str]:
    extra = {place: name for name, place in places.extra}
    yield f"列: {len(places.names)}列"
    for place, name in enumerate(places.names):
        if place not in extra:
            yield f"  {place + 1}列目 {name} → {places.field(place)}"
    if places.absent:
        yield f"ない列（任意）: {'、'.join(places.absent)}"
    if extra:
        shown = "、".join(f"{place + 1}列目 {name}" for place, name in extra.items())
        yield f"レイアウトにない列（そのまま保管）: {shown}"


def _present(places: Places) -> set[str]:
    """Canonical names of what the file says."""
    return {*places.of_row, *(field for columns in places.of_members for field in columns)}


def _values(layout: Layout, kind: str, seen: SeenValues) -> Iterator[str]:
    """What the coded fields say: where the mapping applied, and what neither it nor the rules know."""
    to_map = False
    for field, rows in seen.rows.items():
        name = heading(layout, field)
        ours_of = {value.strip(): ours for value, ours in layout.values.get(field, {}).items()}
        if mapped := [f"{value} → {ours} {rows[value]:,}行" for value, ours in ours_of.items() if rows[value]]:
            yield f"値の読み替え・{name}: {'、'.join(mapped)}"
        unknown = {value for value in rows if value not in ours_of and not is_known(field, value)}
        if not unknown:
            continue
        listed = _listed({value: rows[value] for value in unknown}, seen.households[field])
        if field == "relationship" and any(value.strip() for value in rows.keys() - unknown):
            yield f"{HEAD}としない値・{name}: {listed}"  # any word will do: the head is known
            continue
        to_map = True
        yield f"知らない値・{name}: {listed}"
    if to_map:
        yield f"  知らない値は、契約ファイルの layouts.{kind}.values に読み替えを書くと取り込めます"


def _listed(rows: Mapping[str, int], households: Mapping[str, int]) -> str:
    shown: Counter[str] = Counter()
    for value, count in rows.items():
        shown[_shown(value, households[value])] += count
    most_first = sorted(shown.items(), key=lambda each: (-each[1], each[0]))
    listed = "、".join(f"{value} {count:,}行" for value, count in most_first[:_VALUES_SHOWN])
    return f"{listed}、ほか{len(shown) - _VALUES_SHOWN}種" if len(shown) > _VALUES_SHOWN else listed


def _shown(value: str, households: int) -> str:
    """A value as it stands where it can name nobody, else its shape: a column in the wrong place may hold names."""
    alike = households >= _HOUSEHOLDS_ALIKE and len(value) <= _LONGEST_VALUE
    if value.isprintable() and (alike or _CODE.fullmatch(value)):
        return value or "（空欄）"
    return masked(value)


def _numbers(layout: Layout, odd: OddNumbers) -> Iterator[str]:
    """What stands where a number or a day should, and would send its household into quarantine."""
    for field, shapes in odd.rows.items():
        shown = sorted(shapes.items(), key=lambda each: (-each[1], each[0]))[:_PLACES_SHOWN]
        listed = "、".join(f"{shape or '（空欄）'} {count:,}行" for shape, count in shown)
        more = " ほか" if len(shapes) > len(shown) else ""
        yield f"読み取れない値・{heading(layout, field)}: {sum(shapes.values()):,}行（{listed}{more}）"
    if odd.in_exponents:
        yield "  9.9E+9 の形の値は、Excel が桁を落としたもので元に戻せません。文字列での再送を依頼してください"


def _drain(reading: Reading, seen: SeenValues, odd: OddNumbers) -> list[dict[str, Any]]:
    """Reads all, counting the values of coded fields and what is no number or day; the first rows."""
    first: list[dict[str, Any]] = []
    for batch in reading:
        seen.add(batch)
        odd.add(batch)
        first += batch.slice(0, _FIRST_ROWS - len(first)).to_pylist()
    return first


def _bad_rows(bad: pa.Table) -> Iterator[str]:
    reasons = Counter(bad["reason"].to_pylist())
    for reason, count in reasons.most_common():
        rows = [row for row in bad.to_pylist() if row["reason"] == reason][:_PLACES_SHOWN]
        places = "、".join(
            f"{row['row_no']}行目 {row['byte_offset']:,}バイト目{' ' + row['field'] if row['field'] else ''}"
            for row in rows
        )
        yield f"読めない行・{Finding(reason).label}: {count:,}行（{places}{' ほか' if count > _PLACES_SHOWN else ''}）"
