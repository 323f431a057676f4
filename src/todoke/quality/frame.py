"""The landed rows as the quality suite looks at them, with what it needs worked out apart from the SQL rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from todoke.intake.character_codes import BLANKS
from todoke.intake.dates import parsed_dates
from todoke.model.codes import Finding
from todoke.model.ward_values import HEAD, KINDS, REASONS
from todoke.quality.columns import Column, Flags, columns_of, distinct
from todoke.quality.findings import CHOME_STARTS, EXPLAINS, PRINTED_FIELDS, Reference, Targets, undrawable

if TYPE_CHECKING:
    import pandas as pd

Columns = Callable[[str], Column]
Faults = NDArray[np.float32]
_TEXTS = ("household_no", "head_name", "head_kana", "member_name", "member_kana", "town", "block")
_SAME_IN_HOUSEHOLD = (
    *("head_name", "head_kana", "postal_code", "town", "block", "building"),
    *("change_kind", "change_reason", "changed_on"),
)
_YES_OR_NO = rf"\A[{BLANKS}]*[01０１][{BLANKS}]*\z"
_NO_DAY = np.datetime64("NaT")


def suite_frame(
    ward_rows: pa.Table,
    found: pa.Table,
    reference: Reference,
    *,
    accepted: pa.ChunkedArray,
    points_per_member: int,
    bringing: Mapping[str, int] | None = None,
    published: pa.ChunkedArray | None = None,
    targets: Targets | None = None,
) -> pd.DataFrame:
    """One row per ward row, for `suites.run_suite`.

    What is worked out for a row does not depend on the other households that are looked at with it: counts over
    the parts of the frame add up to those over all of it.

    Args:
        ward_rows: `schema.WARD_ROW`, all that was landed.
        found: `findings.findings` of them; says only which households are left out of a check because another
            finding explains what it would see, and which have not been taken.
        reference, bringing, published, targets: as `findings.findings` was given them.
        accepted: for each row, whether it is taken (`findings.accepted`).
        points_per_member: of the contract (G05).

    Returns:
        The texts that the suite looks at (null in rows without a usable household number), and one column per
        worked-out check: 1 fault, 0 none, NaN not looked at. A check of households stands in the first row of each;
        `household_incomplete` and `entitlement` (points) in those of accepted households alone.
    """
    import pandas as pd

    columns = columns_of(ward_rows)
    usable = columns("household_no").matches(r"\A[0-9]{1,15}\z")
    faults = {name: np.where(usable, flags, np.nan) for name, flags in _row_faults(columns, reference).items()}
    households = _Households(ward_rows, usable, found, targets or Targets.none())
    faults |= {
        str(reason): households.spread(fault) for reason, fault in households.faults(bringing or {}, published).items()
    }
    taken = np.asarray(accepted)
    faults["household_incomplete"] = households.spread(households.incomplete(taken))
    faults["entitlement"] = households.spread(households.points(taken, points_per_member))
    # categories and one block of numbers: GX copies the whole frame for each of its checks
    texts = pd.DataFrame({name: columns(name).categories(usable | (name == "household_no")) for name in _TEXTS})
    block = np.array(list(faults.values()), np.float32)
    return pd.concat([texts, pd.DataFrame(block.T, columns=list(faults))], axis=1)


def _row_faults(columns: Columns, reference: Reference) -> dict[str, Flags]:
    code = columns("postal_code").mapped(lambda values: pc.replace_substring(values, "-", ""))
    town = columns("town")
    known = code.where(pc.is_in(code.values, reference.postal["postal_code"].combine_chunks()))
    named = ~town.blank
    faults = {
        "postal_code_unknown": ~known,
        "postal_code_town": known & named & ~_town_agrees(code, town, reference.postal),
        "birth_date_invalid": _birth_faults(columns("birth_date"), columns("changed_on"), reference),
        "confidential_invalid": ~columns("confidential").blank & ~columns("confidential").matches(_YES_OR_NO),
        "change_invalid": _change_faults(columns),
    }
    for field in PRINTED_FIELDS:
        values = columns(field).values
        bad = undrawable(reference.gaiji, pa.chunked_array([values]))
        faults[f"{field}_undrawable"] = columns(field).where(pc.is_in(values, bad))
    return faults


def _town_agrees(code: Column, town: Column, postal: pa.Table) -> Flags:
    """Whether the row's town is one of its postal code's, worked out once for each distinct pair."""
    towns: dict[str, list[str]] = {}
    for place in postal.filter(pc.is_in(postal["postal_code"], code.values)).to_pylist():
        towns.setdefault(place["postal_code"], []).append(place["town"])
    codes, written = [*code.values.to_pylist(), ""], [*town.values.to_pylist(), ""]
    pairs = distinct(code.of_row * len(written) + town.of_row)
    agrees = [
        any(_is_in_town(written[pair % len(written)], name) for name in towns.get(codes[pair // len(written)], ()))
        for pair in pairs.values.to_pylist()
    ]
    return pairs.where(np.array(agrees, bool))


def _is_in_town(written: str, name: str) -> bool:
    rest = written.removeprefix(name)
    return not name or written == name or (rest != written and rest[0] in CHOME_STARTS)


def _birth_faults(birth: Column, change: Column, reference: Reference) -> Flags:
    born, changed = _days(birth), _days(change)
    limit = np.fmax(changed, np.datetime64(reference.reference_date))
    unsound: Flags = (born > limit) | (born < np.datetime64(reference.oldest_birth)) | np.isnat(born)
    return unsound & birth.where(pc.is_in(birth.values, _dates(birth)["text"]))


def _change_faults(columns: Columns) -> Flags:
    kind, day = columns("change_kind"), columns("changed_on")
    reason = columns("change_reason").mapped(lambda texts: pc.replace_substring_regex(texts, f"[{BLANKS}]", ""))
    known = kind.where(pc.is_in(kind.values, pa.array(KINDS))) & reason.where(
        pc.is_in(reason.values, pa.array(REASONS))
    )
    dated = ~np.isnat(_days(day)) | (day.blank & reason.where(pc.equal(reason.values, "誤り")))
    return kind.where(np.ones(len(kind.values), bool)) & ~(known & dated)


def _dates(column: Column) -> pa.Table:
    return parsed_dates(pa.chunked_array([column.values]))


def _days(column: Column) -> NDArray[np.datetime64]:
    """The date of each row; NaT where its text is none."""
    dates = _dates(column)
    days = dates["parsed_on"].take(pc.index_in(column.values, dates["text"])).to_numpy()
    of_row: NDArray[np.datetime64] = np.append(days.astype("datetime64[D]"), _NO_DAY)[column.of_row]
    return of_row


class _Households:
    """Usable rows by file and household; `first` is the position of each household's first row among them."""

    def __init__(self, ward_rows: pa.Table, usable: Flags, found: pa.Table, targets: Targets) -> None:
        self.usable, self.rows, self.found = usable, ward_rows.filter(pa.array(usable)), found
        self.column = columns_of(self.rows)
        self.files, self.numbers = self.column("receipt_no"), self.column("household_no")
        keys = distinct(self.files.of_row * len(self.numbers.values) + self.numbers.of_row)
        self.keys, self.of_row = keys.values.to_numpy(), keys.of_row
        self.first = np.flatnonzero(np.diff(np.maximum.accumulate(self.of_row), prepend=-1) > 0)
        self.members = np.bincount(self.of_row, minlength=len(self.keys))
        self.targets = targets

    def spread(self, of_household: NDArray[Any]) -> Faults:
        """A column for all rows: a household's value in its first row."""
        column = np.full(len(self.usable), np.nan, np.float32)
        column[np.flatnonzero(self.usable)[self.first]] = of_household
        return column

    def faults(
        self, bringing: Mapping[str, int], published: pa.ChunkedArray | None
    ) -> dict[Finding, NDArray[np.float64]]:
        heads, repeated = self._heads(), self._repeated()
        faults = {
            Finding.HOUSEHOLD_DUPLICATE: self._came_before(bringing, published, repeated) | repeated,
            Finding.SIZE_MISMATCH: self._any(~(self.column("household_size").numbers() == self.members[self.of_row])),
            Finding.HEAD_MISSING: heads == 0,
            Finding.HEAD_TWICE: heads > 1,
            Finding.MEMBER_NO_GAP: self._gap(),
            Finding.HOUSEHOLD_CONFLICT: self._conflict(),
            Finding.UNKNOWN_HOUSEHOLD: self._unknown(),
        }
        return {reason: np.where(self._explained(reason), np.nan, fault) for reason, fault in faults.items()}

    def incomplete(self, taken: Flags) -> NDArray[np.float64]:
        """Whether a household of which any row is taken has not come with all of them."""
        rows = self._taken(taken)
        return np.where(rows > 0, rows < self.members, np.nan)

    def points(self, taken: Flags, points_per_member: int) -> NDArray[np.float64]:
        """What the households are entitled to that are taken."""
        rows = self._taken(taken)
        return np.where(rows > 0, rows * points_per_member, np.nan)

    def _taken(self, taken: Flags) -> NDArray[np.int64]:
        return np.bincount(self.of_row[taken[self.usable]], minlength=len(self.keys))

    def _explained(self, reason: Finding) -> Flags:
        """Households of which another finding explains this one."""
        return self._found_with([str(other) for other, explained in EXPLAINS.items() if reason in explained])

    def _found_with(self, reasons: list[str]) -> Flags:
        lines = self.found.filter(pc.is_in(self.found["reason"], pa.array(reasons, pa.string())))
        file = pc.fill_null(pc.index_in(lines["receipt_no"], self.files.values), -1)
        number = pc.index_in(lines["household_no"], self.numbers.values)
        keys = pc.add(pc.multiply(file.cast(pa.int64()), len(self.numbers.values)), number)
        return np.asarray(pc.is_in(pa.array(self.keys), keys), bool)

    def _any(self, flags: Flags) -> Flags:
        return np.bincount(self.of_row, weights=flags, minlength=len(self.keys)) > 0

    def _came_before(self, bringing: Mapping[str, int], published: pa.ChunkedArray | None, repeated: Flags) -> Flags:
        """Whether it was taken from an earlier one of the files that bring households."""
        number, file = self.keys % len(self.numbers.values), self.keys // len(self.numbers.values)
        place_of = np.array([bringing.get(receipt, -1) for receipt in self.files.values.to_pylist()], np.int64)
        place = place_of[file] if len(place_of) else file
        unsound = self._found_with([str(reason) for reason in Finding if reason is not Finding.HOUSEHOLD_DUPLICATE])
        taken = (place >= 0) & ~unsound & ~repeated
        earliest = np.full(len(self.numbers.values), len(bringing), np.int64)
        np.minimum.at(earliest, number[taken], place[taken])
        if published is not None:
            earliest[np.asarray(pc.is_in(self.numbers.values, pc.unique(published)), bool)] = 0
        before: Flags = (place >= 0) & (place > earliest[number])
        return before

    def _unknown(self) -> Flags:
        """Whether a change is of a household that no file up to it has brought."""
        kind = self.column("change_kind")
        changed = self._any(kind.where(pc.is_in(kind.values, pa.array(["更新", "削除"]))))
        changing = self.targets.changing
        place_of = np.array([changing.get(receipt, -1) for receipt in self.files.values.to_pylist()], np.int64)
        known = self.targets.known
        place = pc.index_in(self.numbers.values, known["household_no"].combine_chunks())
        never = len(changing)
        brought = pc.fill_null(known["place"].combine_chunks().take(place), never).to_numpy().astype(np.int64)
        file = place_of[self.keys // len(self.numbers.values)] if len(place_of) else self.keys
        number = brought[self.keys % len(self.numbers.values)] if len(brought) else self.keys
        unknown: Flags = changed & (file >= 0) & (number > file)
        return unknown

    def _heads(self) -> NDArray[Any]:
        relationship = self.column("relationship").mapped(
            lambda texts: pc.replace_substring_regex(texts, f"[{BLANKS}]", "")
        )
        told = self._any(~relationship.blank)
        by_relationship = relationship.where(pc.equal(relationship.values, HEAD))
        by_name = np.asarray(pc.fill_null(pc.equal(self.rows["member_name"], self.rows["head_name"]), fill_value=False))
        head = np.where(told[self.of_row], by_relationship, by_name)
        return np.bincount(self.of_row, weights=head, minlength=len(self.keys))

    def _repeated(self) -> Flags:
        """Whether a household has more rows than it says, and the same member in two of them."""
        smallest = np.full(len(self.keys), np.nan)
        np.fmin.at(smallest, self.of_row, self.column("household_size").numbers())
        crowded = np.flatnonzero((self.members > smallest)[self.of_row])
        rows = self.rows.take(pa.array(crowded))
        names = ("member_name", "member_kana", "birth_date")
        person = pc.binary_join_element_wise(*(pc.fill_null(rows[name], "") for name in names), "/")
        number = pc.if_else(pa.array(self.column("member_no").blank[crowded]), person, rows["member_no"])
        member = Column.encoded(number)
        width = len(member.values) + 1
        members = distinct(self.of_row[crowded] * width + member.of_row).values.to_numpy() // width
        different = np.bincount(members, minlength=len(self.keys))
        repeated: Flags = (different > 0) & (different < self.members)
        return repeated

    def _gap(self) -> Flags:
        number = self.column("member_no").numbers()
        inside = (number >= 1) & (number <= self.members[self.of_row])
        widest = int(self.members.max(initial=0)) + 1
        numbered = distinct(self.of_row[inside] * widest + number[inside].astype(np.int64)).values.to_numpy() // widest
        gap: Flags = np.bincount(numbered, minlength=len(self.keys)) < self.members
        return self._any(~self.column("member_no").blank) & gap

    def _conflict(self) -> Flags:
        differs = np.zeros(len(self.of_row), bool)
        for name in _SAME_IN_HOUSEHOLD:
            column = Column.encoded(pc.fill_null(self.rows[name], "")).mapped(_as_compared(name))
            differs |= column.of_row != column.of_row[self.first[self.of_row]]
        return self._any(differs)


def _as_compared(name: str) -> Callable[[pa.Array], pa.Array]:
    """Values of a column as rows of a household are held against each other: blanks around them are none of theirs."""

    def compared(values: pa.Array) -> pa.Array:
        bare = pc.utf8_trim(values, BLANKS)
        return pc.replace_substring(bare, "-", "") if name == "postal_code" else bare

    return compared
