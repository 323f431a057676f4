"""The landed rows as the quality suite looks at them, with what it needs worked out apart from the SQL rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from todoke.intake.dates import parsed_dates
from todoke.model.codes import Finding
from todoke.quality.findings import CHOME_STARTS, EXPLAINS, PRINTED_FIELDS, household_key, undrawable

if TYPE_CHECKING:
    import pandas as pd

Flags = NDArray[np.bool_]
_TEXTS = ("household_no", "head_name", "head_kana", "member_name", "member_kana", "town", "block")
_SAME_IN_HOUSEHOLD = (
    *("head_name", "head_kana", "postal_code", "town", "block", "building"),
    *("change_kind", "change_reason", "changed_on"),
)


def suite_frame(
    ward_rows: pa.Table,
    found: pa.Table,
    *,
    postal: pa.Table,
    gaiji: frozenset[str],
    reference_date: date,
    registered: pa.Table | None = None,
) -> pd.DataFrame:
    """One row per ward row, for `suites.run_suite`.

    Args:
        ward_rows: `schema.WARD_ROW`, all that was landed or only what was accepted.
        found: `findings.findings` of the landed rows; says only which households are left out of a check because
            another finding explains what it would see.
        postal, gaiji, reference_date, registered: as `findings.findings` was given them.

    Returns:
        The texts that the suite looks at (null in rows without a usable household number), and one column per
        worked-out check: 1 fault, 0 none, NaN not looked at. A check of households stands in the first row of each.
    """
    usable = _flags(pc.match_substring_regex(ward_rows["household_no"], r"\A[0-9]{1,15}\z"))
    rows = ward_rows.combine_chunks()
    faults: dict[str, NDArray[np.float64]] = {}
    for name, flags in _row_faults(rows, postal, gaiji, reference_date).items():
        faults[name] = np.where(usable, flags, np.nan)
    households = _Households(rows.filter(pa.array(usable)), found, registered)
    for reason, fault in households.faults().items():
        column = np.full(len(usable), np.nan)
        column[np.flatnonzero(usable)[households.first]] = fault
        faults[reason] = column
    texts = {name: rows[name] if name == "household_no" else pc.if_else(usable, rows[name], None) for name in _TEXTS}
    return pa.table(texts).to_pandas().assign(**faults)


def _row_faults(rows: pa.Table, postal: pa.Table, gaiji: frozenset[str], reference_date: date) -> Mapping[str, Flags]:
    code = pc.replace_substring(rows["postal_code"], "-", "")
    known = _flags(pc.is_in(code, postal["postal_code"]))
    named = _flags(pc.match_substring_regex(rows["town"], r"[^ \t\r\n　]"))
    faults = {
        "postal_code_unknown": ~known,
        "postal_code_town": known & named & ~_town_agrees(code, rows["town"], postal),
        "birth_date_invalid": _birth_faults(rows, reference_date),
    }
    for field in PRINTED_FIELDS:
        faults[f"{field}_undrawable"] = _flags(pc.is_in(rows[field], undrawable(gaiji, rows[field])))
    return faults


def _town_agrees(code: pa.ChunkedArray, town: pa.ChunkedArray, postal: pa.Table) -> Flags:
    """Whether the row's town is one of its postal code's, worked out once for each distinct pair."""
    pairs = pc.binary_join_element_wise(code, town, "\t").combine_chunks().dictionary_encode()
    wanted = pc.unique(code)
    near = postal.filter(pc.is_in(postal["postal_code"], wanted))
    towns: dict[str, list[str]] = {}
    for place in near.to_pylist():
        towns.setdefault(place["postal_code"], []).append(place["town"])
    agrees = [
        any(_is_in_town(written, name) for name in towns.get(digits, ()))
        for digits, _, written in (text.partition("\t") for text in pairs.dictionary.to_pylist())
    ]
    flags: Flags = np.array(agrees, bool)[pairs.indices.to_numpy()]
    return flags


def _is_in_town(written: str, name: str) -> bool:
    rest = written.removeprefix(name)
    return not name or written == name or (rest != written and rest[0] in CHOME_STARTS)


def _birth_faults(rows: pa.Table, reference_date: date) -> Flags:
    dates = parsed_dates(rows["birth_date"], rows["changed_on"])
    born, changed = (_dates(rows[name], dates) for name in ("birth_date", "changed_on"))
    limit = pc.max_element_wise(changed, pa.scalar(reference_date, pa.date32()))
    given = pc.is_in(rows["birth_date"], dates["text"])
    late = pc.fill_null(pc.greater(born, limit), fill_value=False)
    return _flags(pc.or_(late, pc.and_(given, pc.is_null(born))))


def _dates(texts: pa.ChunkedArray, dates: pa.Table) -> pa.ChunkedArray:
    return pc.take(dates["parsed_on"], pc.index_in(texts, dates["text"]))


class _Households:
    """Usable rows by household; `first` is the position of each household's first row."""

    def __init__(self, rows: pa.Table, found: pa.Table, registered: pa.Table | None) -> None:
        keys = household_key(rows).combine_chunks().dictionary_encode()
        self.rows, self.found, self.keys = rows, found, keys.dictionary
        self.of_row: NDArray[np.int64] = keys.indices.to_numpy().astype(np.int64)
        self.first = np.unique(self.of_row, return_index=True)[1]
        self.members = np.bincount(self.of_row, minlength=len(self.keys))
        numbers = rows["household_no"].take(pa.array(self.first))
        known = registered["household_no"] if registered is not None else pa.array([], pa.string())
        self.known = _flags(pc.is_in(numbers, known))

    def faults(self) -> dict[str, NDArray[np.float64]]:
        heads = self._heads()
        faults = {
            Finding.HOUSEHOLD_DUPLICATE: self.known | (self._repeated() & (self.members > self._sizes(np.fmin))),
            Finding.SIZE_MISMATCH: self._wrong_size(),
            Finding.HEAD_MISSING: heads == 0,
            Finding.HEAD_TWICE: heads > 1,
            Finding.MEMBER_NO_GAP: self._gap(),
            Finding.HOUSEHOLD_CONFLICT: self._conflict(),
        }
        return {str(reason): np.where(self._explained(reason), np.nan, fault) for reason, fault in faults.items()}

    def _explained(self, reason: Finding) -> Flags:
        """Households of which another finding explains this one."""
        others = [str(other) for other, explained in EXPLAINS.items() if reason in explained]
        lines = self.found.filter(pc.is_in(self.found["reason"], pa.array(others, pa.string())))
        return _flags(pc.is_in(self.keys, household_key(lines)))

    def _any(self, flags: Flags) -> Flags:
        return np.bincount(self.of_row, weights=flags, minlength=len(self.keys)) > 0

    def _numbers(self, name: str) -> NDArray[np.float64]:
        """The column's whole numbers; NaN for other text."""
        whole = pc.match_substring_regex(self.rows[name], r"\A[0-9]{1,4}\z")
        text = pc.if_else(pc.fill_null(whole, fill_value=False), self.rows[name], None)
        numbers: NDArray[np.float64] = text.cast(pa.float64()).to_numpy()
        return numbers

    def _sizes(self, narrow: np.ufunc) -> NDArray[np.float64]:
        sizes = np.full(len(self.keys), np.nan)
        narrow.at(sizes, self.of_row, self._numbers("household_size"))
        return sizes

    def _wrong_size(self) -> Flags:
        stated = self._numbers("household_size")
        return self._any(~(stated == self.members[self.of_row]))

    def _heads(self) -> NDArray[Any]:
        relationship = pc.fill_null(self.rows["relationship"], "")
        told = self._any(_flags(pc.not_equal(pc.utf8_trim(relationship, " "), "")))
        by_relationship = _flags(pc.equal(relationship, "世帯主"))
        by_name = _flags(pc.equal(self.rows["member_name"], self.rows["head_name"]))
        head = np.where(told[self.of_row], by_relationship, by_name)
        return np.bincount(self.of_row, weights=head, minlength=len(self.keys))

    def _repeated(self) -> Flags:
        names = ("member_name", "member_kana", "birth_date")
        person = pc.binary_join_element_wise(*(pc.fill_null(self.rows[name], "") for name in names), "/")
        number = pc.fill_null(self.rows["member_no"], "")
        blank = pc.equal(pc.utf8_trim(number, " "), "")
        return self._distinct(pc.if_else(blank, person, number)) < self.members

    def _gap(self) -> Flags:
        given = _flags(pc.not_equal(pc.utf8_trim(pc.fill_null(self.rows["member_no"], ""), " "), ""))
        number = self._numbers("member_no")
        inside = (number >= 1) & (number <= self.members[self.of_row])
        distinct = self._distinct(pa.chunked_array([pa.array(np.where(inside, number, -1.0))]), inside)
        return self._any(given) & (distinct < self.members)

    def _distinct(self, values: pa.ChunkedArray, only: Flags | None = None) -> NDArray[np.int64]:
        """How many different values the rows of each household have."""
        codes = values.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
        pairs = self.of_row * (codes.max(initial=0) + 1) + codes
        pairs = np.sort(pairs if only is None else pairs[only])
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
        return np.bincount(pairs // (codes.max(initial=0) + 1), minlength=len(self.keys))

    def _conflict(self) -> Flags:
        differs = np.zeros(len(self.of_row), bool)
        for name in _SAME_IN_HOUSEHOLD:
            column = pc.fill_null(self.rows[name], "").combine_chunks()
            column = pc.replace_substring(column, "-", "") if name == "postal_code" else column
            differs |= _flags(pc.not_equal(column, column.take(pa.array(self.first[self.of_row]))))
        return self._any(differs)


def _flags(column: pa.ChunkedArray | pa.Array) -> Flags:
    flags: Flags = np.asarray(pc.fill_null(column, fill_value=False))
    return flags
