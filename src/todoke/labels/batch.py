"""Printing a batch of labels: who cannot be printed, the files, the manifest, the control totals.

Records are Arrow batches with the columns `label_no` (int), `household_no`, `ward_no` (what the ward calls the
household now: the manifest shows it), `application_no`, `postal_code`, `town`, `block`, `building`, `name`, `sort_mark`
and `flags` (codes parted by `;`), in printing order. Where they have a column `delivery_method`, that of confidential
households, labels of one method stand together and get files of their own, on their own form.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from io import TextIOWrapper
from itertools import chain, groupby, islice
from math import ceil
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import pyarrow as pa

from todoke.contract.label_forms import LabelForm
from todoke.contract.sheet_layout import SheetLayout
from todoke.errors import GateClosed
from todoke.labels.composing import Composer, Forms, HeldLabel, HoldReason, SetLabel, parted
from todoke.labels.faces import Glyph
from todoke.labels.fonts import FontSet
from todoke.labels.gaiji import PRINTED_FIELDS, GaijiUse, Prover, texts
from todoke.labels.imprint import IMPRINTED, Imprint, SheetPlace, margin_line
from todoke.labels.pdf import Drawing, EmbeddedFonts, PrintedFile, SheetFile

SHEETS_PER_FILE = 1000
MANIFEST = "manifest.csv"
MANIFEST_COLUMNS = (
    "label_no", "file", "sheet", "position", "household_no", "application_no", "barcode", "flags"
)  # fmt: skip

#: Opens a file of a batch by its name, to be written in a `with` block.
OpenFile: TypeAlias = Callable[[str], AbstractContextManager[BinaryIO]]


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


def plan_holds(
    records: Iterable[pa.RecordBatch],
    layout: SheetLayout,
    fonts: FontSet,
    free_text: str = "",
    by_method: Mapping[str, LabelForm] = MappingProxyType({}),
) -> HoldPlan:
    """Find the households that cannot be printed, before their parcels are claimed. Writes nothing."""
    composer, count = Composer(Forms(layout, free_text, by_method), fonts, test_print=False), 0
    for method, batch in parted(records):
        count += batch.num_rows
        for _ in composer.compose(batch, method, barcodes=False):
            pass
    return HoldPlan(count, composer.held, tuple(composer.listed), composer.prover.uses())


def render(
    records: Iterable[pa.RecordBatch],
    layout: SheetLayout,
    fonts: FontSet,
    open_file: OpenFile,
    free_text: str = "",
    *,
    by_method: Mapping[str, LabelForm] = MappingProxyType({}),
    imprint: Imprint | None = None,
    test_print: bool = False,
) -> BatchTotals:
    """Write `labels_001.pdf` … (at most 1,000 sheets each) and `manifest.csv`; the same records give the same bytes.

    Streams: memory does not grow with the records, and but one sheet file is open at a time. The records are read
    twice, for the files share the subset of the characters of all. A household that cannot be drawn or does not fit is
    held, never clipped.

    Args:
        open_file: opens a file by name; it is whole when its block ends well.
        by_method: the forms of the delivery methods that differ from the batch's.
        imprint: what each sheet says of itself beside its labels, and each file in its metadata.

    Raises ContractError if `free_text`, which every label carries, cannot be printed; TypeError for records that can be
    read but once; GateClosed if a label has no room that sheets with an imprint were counted for.
    """
    if iter(records) is records:
        raise TypeError("the records are read twice")
    forms = Forms(layout, free_text, by_method)
    composer = Composer(forms, fonts, test_print)
    characters, counts = _survey(records, fonts)
    extra = IMPRINTED if imprint else frozenset[str]()
    printer = _Printer(
        composer,
        EmbeddedFonts(fonts.cut(characters | forms.characters | extra)),
        open_file,
        imprint,
        sum(ceil(ceil(count / forms.of(method)[0].per_sheet) / SHEETS_PER_FILE) for method, count in counts),
    )
    with _manifest(open_file) as note:
        sections = groupby(parted(records), lambda part: part[0])
        for (method, parts), (_, count) in zip(sections, counts, strict=True):
            printer.section(method, (batch for _, batch in parts), count, note)
    labels, printed = sum(file.labels for file in printer.printed), tuple(printer.printed)
    totals = (0, labels) if test_print else (labels, 0)
    return BatchTotals(*totals, sum(file.sheets for file in printed), printed, composer.held)


class _Printer:
    """Writes the files of a batch, one after the other."""

    def __init__(
        self, composer: Composer, embedded: EmbeddedFonts, open_file: OpenFile, imprint: Imprint | None, files: int
    ) -> None:
        self._composer, self._embedded, self._open = composer, embedded, open_file
        self._imprint, self._files = imprint, files
        self.printed: list[PrintedFile] = []

    def section(self, method: str, records: Iterable[pa.RecordBatch], count: int, note: Callable[..., Any]) -> None:
        """The files of one delivery method, which `count` labels are expected in."""
        layout, drawing = self._composer.layout(method), self._composer.drawing(method)
        mark = drawing.test_mark() if self._composer.is_test else b""
        labels = chain.from_iterable(self._composer.compose(batch, method) for batch in records)
        sheets = _sheets(labels, layout.per_sheet)
        left, before = ceil(count / layout.per_sheet), len(self.printed)
        for first in sheets:
            name = f"labels_{len(self.printed) + 1:03d}.pdf"
            with self._open(name) as out:
                file = SheetFile(name, out, layout, self._about(name, method))
                for sheet in chain([first], islice(sheets, SHEETS_PER_FILE - 1)):
                    drawn: list[bytes] = []
                    for position, label in enumerate(sheet):
                        line, code = self._composer.barcode(label.barcode, method)
                        note(label, Place(name, file.sheets + 1, position + 1), code)
                        drawn.append(drawing.label(position, label.lines, line, mark))
                    beside = self._beside(drawing, layout, method, file.sheets + 1, min(left, SHEETS_PER_FILE))
                    file.add_sheet(drawn, beside=beside)
                self.printed.append(file.finish(self._embedded))
            left -= SHEETS_PER_FILE
        printed = sum(file.labels for file in self.printed[before:])
        if self._imprint is not None and printed != count:
            raise GateClosed(
                f"印字した数（{printed}）が、印字するはずの数（{count}）と違います",
                where=self._imprint.batch,
                next_step="外字と住所の保留を確かめ、担当の技術者に連絡してください",
            )

    def _about(self, name: str, method: str) -> Mapping[str, str]:
        return self._imprint.about(name, len(self.printed) + 1, self._files, method) if self._imprint else {}

    def _beside(self, drawing: Drawing, layout: SheetLayout, method: str, sheet: int, sheets: int) -> bytes:
        if self._imprint is None:
            return b""
        place = SheetPlace(len(self.printed) + 1, self._files, sheet, sheets)
        return drawing.beside(margin_line(self._imprint.text(place, method), layout, self._composer.fonts))


def _survey(records: Iterable[pa.RecordBatch], fonts: FontSet) -> tuple[set[str], list[tuple[str, int]]]:
    """Every character of composed text in the records that can be drawn; how many of each method, as they come, can."""
    prover = Prover(fonts)
    counts: list[tuple[str, int]] = []
    for method, parts in groupby(parted(records), lambda part: part[0]):
        count = 0
        for _, batch in parts:
            count += batch.num_rows - len(prover.rows([texts(batch, name) for name in PRINTED_FIELDS]))
        counts.append((method, count))
    return prover.drawn, counts


def _sheets(labels: Iterator[SetLabel], per_sheet: int) -> Iterator[list[SetLabel]]:
    while sheet := list(islice(labels, per_sheet)):
        yield sheet


@contextmanager
def _manifest(open_file: OpenFile) -> Iterator[Callable[[SetLabel, Place, str], Any]]:
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
    *,
    by_method: Mapping[str, LabelForm] = MappingProxyType({}),
    imprint: tuple[Imprint, SheetPlace] | None = None,
) -> None:
    """Write labels of one printed sheet once more, each at its place, as `labels_001.pdf` with `manifest.csv`.

    Args:
        places: where each was printed, by application number.
        imprint: what the sheet says of itself, and which it was.
    """
    [method] = {method for method, _ in parted([records])}
    forms = Forms(layout, free_text, by_method)
    composer = Composer(forms, fonts, test_print=False)
    layout, drawing = composer.layout(method), composer.drawing(method)
    drawn: list[bytes] = []
    about, beside, characters = {}, b"", forms.characters
    with open_file(name := "labels_001.pdf") as out:
        with _manifest(open_file) as note:
            for label in composer.compose(records, method):
                line, code = composer.barcode(label.barcode, method)
                place = places[label.application_no]
                note(label, place, code)
                drawn.append(drawing.label(place.position - 1, label.lines, line))
        if imprint is not None:
            said, sheet = imprint
            about = dict(said.about(name, sheet.file, sheet.files, method))
            beside = drawing.beside(margin_line(said.text(sheet, method), layout, fonts))
            characters |= IMPRINTED
        file = SheetFile(name, out, layout, about)
        file.add_sheet(drawn, beside=beside)
        file.finish(EmbeddedFonts(fonts.cut(composer.prover.drawn | characters)))


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
