"""Printing a batch of labels: who cannot be printed, the files, the manifest, the control totals.

Records are Arrow batches with the columns `label_no` (int), `household_no`, `ward_no` (what the ward calls the
household now: the manifest shows it), `application_no`, `postal_code`, `town`, `block`, `building`, `name`, `sort_mark`
and `flags` (codes parted by `;`), in printing order.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from io import TextIOWrapper
from itertools import chain, islice
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import pyarrow as pa

from todoke.contract.sheet_layout import SheetLayout
from todoke.errors import GateClosed
from todoke.labels.barcode import NoBarcode, after_town, bars, encode
from todoke.labels.faces import Glyph
from todoke.labels.fonts import FontSet
from todoke.labels.gaiji import PRINTED_FIELDS, GaijiUse, Prover, texts
from todoke.labels.pdf import Drawing, EmbeddedFonts, PrintedFile, SheetFile
from todoke.labels.postal_town import encode_whole
from todoke.labels.sheet import Line, Misfit, Record, Typesetter

SHEETS_PER_FILE = 1000
MANIFEST = "manifest.csv"
MANIFEST_COLUMNS = (
    "label_no", "file", "sheet", "position", "household_no", "application_no", "barcode", "flags"
)  # fmt: skip

#: Opens a file of a batch by its name, to be written in a `with` block.
OpenFile: TypeAlias = Callable[[str], AbstractContextManager[BinaryIO]]
#: Why a household is not printed; both carry a Japanese `label`.
HoldReason = Glyph | Misfit


class HeldLabel(NamedTuple):
    """A household that is not printed: its numbers, the first reason met, the characters that cannot be drawn."""

    household_no: str
    ward_no: str
    application_no: str
    reason: HoldReason
    characters: tuple[str, ...] = ()


@dataclass(frozen=True)
class HoldPlan:
    """Households that cannot be printed, with the first reason met, out of so many; and the gaiji in use."""

    households: int
    held: dict[str, HoldReason] = field(repr=False)
    listed: tuple[HeldLabel, ...] = field(default=(), repr=False)
    uses: tuple[GaijiUse, ...] = ()

    def __add__(self, other: HoldPlan) -> HoldPlan:
        """Both together, for households on two forms."""
        uses = {use.text: use for use in self.uses}
        for use in other.uses:
            had = uses.get(use.text, replace(use, households=0, count=0))
            uses[use.text] = replace(use, households=had.households + use.households, count=had.count + use.count)
        return HoldPlan(
            self.households + other.households,
            self.held | other.held,
            self.listed + other.listed,
            tuple(use for _, use in sorted(uses.items())),
        )

    @property
    def findings(self) -> tuple[GaijiUse, ...]:
        """Those that cannot be printed."""
        return tuple(use for use in self.uses if use.glyph is not Glyph.DRAWN)


@dataclass(frozen=True)
class BatchTotals:
    """What came out of a batch. Test prints count in `test_labels` alone (G06)."""

    labels: int
    test_labels: int
    sheets: int
    files: tuple[PrintedFile, ...]
    held: dict[str, HoldReason] = field(repr=False)


class Place(NamedTuple):
    """Where a label was printed: file, sheet and position, both from 1."""

    file: str
    sheet: int
    position: int


class _SetLabel(NamedTuple):
    """A record whose lines are set."""

    label_no: int
    ward_no: str
    application_no: str
    flags: str
    lines: list[Line]
    barcode: list[str] | NoBarcode | None


def plan_holds(records: Iterable[pa.RecordBatch], layout: SheetLayout, fonts: FontSet, free_text: str = "") -> HoldPlan:
    """Find the households that cannot be printed, before their parcels are claimed. Writes nothing."""
    composer, count = _Composer(Typesetter(layout, fonts, free_text), fonts, test_print=False), 0
    for batch in records:
        count += batch.num_rows
        for _ in composer.compose(batch, barcodes=False):
            pass
    return HoldPlan(count, composer.held, tuple(composer.listed), composer.prover.uses())


def render(
    records: Iterable[pa.RecordBatch],
    layout: SheetLayout,
    fonts: FontSet,
    open_file: OpenFile,
    free_text: str = "",
    *,
    test_print: bool = False,
) -> BatchTotals:
    """Write `labels_001.pdf` … (at most 1,000 sheets each) and `manifest.csv`; the same records give the same bytes.

    Streams: memory does not grow with the records, and but one sheet file is open at a time. The records are read
    twice, for the files share the subset of the characters of all. A household that cannot be drawn or does not fit is
    held, never clipped.

    Args:
        open_file: opens a file by name; it is whole when its block ends well.

    Raises ContractError if `free_text`, which every label carries, cannot be printed; TypeError for records that can be
    read but once.
    """
    if iter(records) is records:
        raise TypeError("the records are read twice")
    composer, drawing = _Composer(Typesetter(layout, fonts, free_text), fonts, test_print), Drawing(layout, fonts)
    mark = drawing.test_mark() if test_print else b""
    embedded = EmbeddedFonts(fonts.cut(_characters(records, fonts) | set(free_text)))
    printed: list[PrintedFile] = []
    with _manifest(open_file) as note:
        sheets = _sheets(chain.from_iterable(map(composer.compose, records)), layout.per_sheet)
        for first in sheets:
            name = f"labels_{len(printed) + 1:03d}.pdf"
            with open_file(name) as out:
                file = SheetFile(name, out, layout)
                for sheet in chain([first], islice(sheets, SHEETS_PER_FILE - 1)):
                    drawn: list[bytes] = []
                    for position, label in enumerate(sheet):
                        line, code = composer.barcode(label.barcode)
                        note(label, Place(name, file.sheets + 1, position + 1), code)
                        drawn.append(drawing.label(position, label.lines, line, mark))
                    file.add_sheet(drawn)
                printed.append(file.finish(embedded))
    count = sum(file.labels for file in printed)
    counts = (0, count) if test_print else (count, 0)
    return BatchTotals(*counts, sum(file.sheets for file in printed), tuple(printed), composer.held)


def _characters(records: Iterable[pa.RecordBatch], fonts: FontSet) -> set[str]:
    """Every character of composed text in the records that can be drawn."""
    prover = Prover(fonts)
    for batch in records:
        prover.rows([texts(batch, name) for name in PRINTED_FIELDS])
    return prover.drawn


def _sheets(labels: Iterator[_SetLabel], per_sheet: int) -> Iterator[list[_SetLabel]]:
    while sheet := list(islice(labels, per_sheet)):
        yield sheet


@contextmanager
def _manifest(open_file: OpenFile) -> Iterator[Callable[[_SetLabel, Place, str], Any]]:
    """Opens the manifest and gives what writes a label's row into it, from its place and its barcode's code."""
    with open_file(MANIFEST) as out:
        manifest = TextIOWrapper(out, encoding="utf-8", newline="")
        write = csv.writer(manifest).writerow
        write(MANIFEST_COLUMNS)
        try:
            yield lambda label, place, code: write(
                (label.label_no, *place, label.ward_no, label.application_no, code, label.flags)
            )
        finally:
            manifest.detach()


def render_sheet(
    records: pa.RecordBatch,
    places: Mapping[str, Place],
    layout: SheetLayout,
    fonts: FontSet,
    open_file: OpenFile,
    free_text: str = "",
) -> None:
    """Write labels of one printed sheet once more, each at its place, as `labels_001.pdf` with `manifest.csv`.

    Args:
        places: where each was printed, by application number.
    """
    composer = _Composer(Typesetter(layout, fonts, free_text), fonts, test_print=False)
    drawing = Drawing(layout, fonts)
    drawn: list[bytes] = []
    with open_file(name := "labels_001.pdf") as out:
        with _manifest(open_file) as note:
            for label in composer.compose(records):
                line, code = composer.barcode(label.barcode)
                place = places[label.application_no]
                note(label, place, code)
                drawn.append(drawing.label(place.position - 1, label.lines, line))
        sheet = SheetFile(name, out, layout)
        sheet.add_sheet(drawn)
        sheet.finish(EmbeddedFonts(fonts.cut(composer.prover.drawn | set(free_text))))


def control_totals(
    *,
    labels: int,
    held: int,
    excluded: int,
    households: int,
    ward_households: int | None = None,
    quarantined: int | None = None,
    apart: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """The content of `control.json`, over all batches of a run; `apart`: what is counted beside these.

    Raises GateClosed unless labels + held + excluded = households and, where the ward's count is given, that count =
    households + quarantined.
    """
    totals = {"labels": labels, "held": held, "excluded": excluded, "households": households}
    if labels + held + excluded != households:
        raise _open("labels＋held＋excluded ≠ households", totals)
    if ward_households is not None:
        totals |= {"ward_households": ward_households, "quarantined": quarantined or 0}
        if households + (quarantined or 0) != ward_households:
            raise _open("households＋quarantined ≠ ward_households", totals)
    return totals | dict(apart or {})


def _open(where: str, totals: dict[str, int]) -> GateClosed:
    figures = "、".join(f"{name}={value}" for name, value in totals.items())
    return GateClosed(
        f"宛名ラベルの件数が合いません（{figures}）",
        where=where,
        next_step="印刷を止め、保留・除外・印字済みの世帯を台帳と突き合わせてください",
    )


def _encoded(record: Record) -> list[str] | NoBarcode:
    if not record.town:
        return encode_whole(record.postal_code, record.block, record.building)
    return encode(record.postal_code, after_town(record.town, record.block, record.building))


class _Composer:
    """Proves, sets and encodes records; collects who is held."""

    def __init__(self, setter: Typesetter, fonts: FontSet, test_print: bool) -> None:
        self._setter, self._fonts, self._test = setter, fonts, test_print
        self.prover = Prover(fonts)
        self.listed: list[HeldLabel] = []

    @property
    def held(self) -> dict[str, HoldReason]:
        """Why each household that is held is not printed."""
        return {label.household_no: label.reason for label in self.listed}

    def compose(self, batch: pa.RecordBatch, *, barcodes: bool = True) -> Iterator[_SetLabel]:
        """The labels of a batch that can be printed, in its order."""
        columns = [texts(batch, name) for name in PRINTED_FIELDS]
        numbers = batch.column("label_no").to_pylist()
        households, ward_numbers = texts(batch, "household_no"), texts(batch, "ward_no")
        flags = texts(batch, "flags")
        undrawable = self.prover.rows(columns)
        barcodes = barcodes and self._setter.layout.barcode_pt is not None
        set_label, in_base = self._setter.set_label, self._fonts.in_base
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
            if isinstance(barcode, NoBarcode):
                notes.append(f"no_barcode:{barcode}")
            if self._test:
                notes.append("test")
            yield _SetLabel(numbers[row], ward_numbers[row], record.application_no, ";".join(notes), lines, barcode)

    def barcode(self, symbol: list[str] | NoBarcode | None) -> tuple[Line | None, str]:
        """The line of bars and the manifest's `STC … SPC`; nothing where there is no barcode."""
        if symbol is None or isinstance(symbol, NoBarcode):
            return None, ""
        return self._setter.barcode_line(bars(symbol)), " ".join(symbol)
