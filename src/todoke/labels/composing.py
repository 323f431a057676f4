"""From records to set labels: each proven, fitted, and with its barcode; who cannot be printed is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import pyarrow as pa

from todoke.contract.label_forms import LabelForm
from todoke.contract.sheet_layout import SheetLayout
from todoke.labels.barcode import NoBarcode, after_town, bars, encode
from todoke.labels.faces import Glyph
from todoke.labels.fonts import FontSet
from todoke.labels.gaiji import PRINTED_FIELDS, Prover, texts
from todoke.labels.pdf import Drawing
from todoke.labels.postal_town import encode_whole
from todoke.labels.sheet import Line, Misfit, Record, Typesetter

#: Why a household is not printed; both carry a Japanese `label`.
HoldReason = Glyph | Misfit


class HeldLabel(NamedTuple):
    """A household that is not printed: its numbers, the first reason met, the characters that cannot be drawn."""

    household_no: str
    ward_no: str
    application_no: str
    reason: HoldReason
    characters: tuple[str, ...] = ()


class SetLabel(NamedTuple):
    """A record whose lines are set."""

    label_no: int
    ward_no: str
    application_no: str
    flags: str
    lines: list[Line]
    barcode: list[str] | NoBarcode | None


@dataclass(frozen=True)
class Forms:
    """The form of a batch, and those of the delivery methods that differ from it."""

    layout: SheetLayout
    free_text: str
    by_method: Mapping[str, LabelForm]

    def of(self, method: str) -> tuple[SheetLayout, str]:
        form = self.by_method.get(method)
        return (form.layout, form.free_text) if form else (self.layout, self.free_text)

    @property
    def characters(self) -> set[str]:
        return set(self.free_text).union(*(form.free_text for form in self.by_method.values()))


def parted(records: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The records with the delivery method of each, cut where it changes."""
    for batch in records:
        if "delivery_method" not in batch.schema.names:
            yield "", batch
            continue
        start = 0
        for method, same in groupby(texts(batch, "delivery_method")):
            rows = sum(1 for _ in same)
            yield method, batch.slice(start, rows)
            start += rows


def _encoded(record: Record) -> list[str] | NoBarcode:
    if not record.town:
        return encode_whole(record.postal_code, record.block, record.building)
    return encode(record.postal_code, after_town(record.town, record.block, record.building))


class Composer:
    """Proves, sets and encodes records; collects who is held."""

    def __init__(self, forms: Forms, fonts: FontSet, test_print: bool) -> None:
        self._forms, self.fonts, self.is_test = forms, fonts, test_print
        self._setters = {"": Typesetter(forms.layout, fonts, forms.free_text)}
        self.prover = Prover(fonts)
        self.listed: list[HeldLabel] = []

    @property
    def held(self) -> dict[str, HoldReason]:
        """Why each household that is held is not printed."""
        return {label.household_no: label.reason for label in self.listed}

    def layout(self, method: str) -> SheetLayout:
        """The layout of the labels of a delivery method."""
        return self._setter(method).layout

    def drawing(self, method: str) -> Drawing:
        """What draws the labels of a delivery method."""
        return Drawing(self.layout(method), self.fonts)

    def _setter(self, method: str) -> Typesetter:
        key = method if method in self._forms.by_method else ""
        if key not in self._setters:
            layout, free_text = self._forms.of(key)
            self._setters[key] = Typesetter(layout, self.fonts, free_text)
        return self._setters[key]

    def compose(self, batch: pa.RecordBatch, method: str, *, barcodes: bool = True) -> Iterator[SetLabel]:
        """The labels of a batch that can be printed, in its order; all of one delivery method."""
        setter = self._setter(method)
        columns = [texts(batch, name) for name in PRINTED_FIELDS]
        numbers = batch.column("label_no").to_pylist()
        households, ward_numbers = texts(batch, "household_no"), texts(batch, "ward_no")
        flags = texts(batch, "flags")
        undrawable = self.prover.rows(columns)
        barcodes = barcodes and setter.layout.barcode_pt is not None
        set_label, in_base = setter.set_label, self.fonts.in_base
        columns = self.prover.composed(columns)
        for row, record in enumerate(map(Record._make, zip(*columns, strict=True))):
            lines = undrawable[row] if row in undrawable else set_label(record)
            if isinstance(lines, HoldReason):
                wrong = tuple(dict.fromkeys(self.prover.undrawable.get(row, ())))
                self.listed.append(HeldLabel(households[row], ward_numbers[row], record.application_no, lines, wrong))
                continue
            barcode = _encoded(record) if barcodes else None
            notes = [flags[row]] if flags[row] else []
            if not in_base.issuperset("".join(record)):
                notes.append("gaiji")
            if method:
                notes.append(f"method:{method}")
            if isinstance(barcode, NoBarcode):
                notes.append(f"no_barcode:{barcode}")
            if self.is_test:
                notes.append("test")
            yield SetLabel(numbers[row], ward_numbers[row], record.application_no, ";".join(notes), lines, barcode)

    def barcode(self, symbol: list[str] | NoBarcode | None, method: str) -> tuple[Line | None, str]:
        """The line of bars and the manifest's `STC … SPC`; nothing where there is no barcode."""
        if symbol is None or isinstance(symbol, NoBarcode):
            return None, ""
        return self._setter(method).barcode_line(bars(symbol)), " ".join(symbol)
