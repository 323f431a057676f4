"""Text columns as the frames of the quality suites work with them: distinct values and the row's place among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from todoke.intake.character_codes import BLANKS

if TYPE_CHECKING:
    import pandas as pd

Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Column:
    """`values` (texts or numbers) are distinct and not null; `of_row` is a place among them, null one past the last.

    A ward's texts repeat: what is asked of each distinct value is asked a few thousand times, not 283,000.
    """

    values: pa.Array
    of_row: Places

    @classmethod
    def encoded(cls, column: pa.ChunkedArray) -> Self:
        codes = column.combine_chunks().dictionary_encode()
        return cls(codes.dictionary, pc.fill_null(codes.indices, len(codes.dictionary)).to_numpy().astype(np.int64))

    def where(self, holds: pa.Array | Flags, *, null: bool = False) -> Flags:
        """Rows whose value is one that `holds` says true of; `null` for rows without a value."""
        flags: Flags = np.append(np.asarray(holds, bool), null)[self.of_row]
        return flags

    def matches(self, pattern: str) -> Flags:
        """Rows whose text has a match of a regular expression."""
        return self.where(pc.match_substring_regex(self.values, pattern))

    @cached_property
    def blank(self) -> Flags:
        """Rows with no text (`BLANKS`)."""
        return self.where(pc.equal(pc.utf8_trim(self.values, BLANKS), ""), null=True)

    def numbers(self) -> NDArray[np.float64]:
        """Whole numbers of up to four digits; NaN for any other text."""
        whole = pc.match_substring_regex(self.values, r"\A[0-9]{1,4}\z")
        numbers = pc.if_else(whole, self.values, None).cast(pa.float64()).to_numpy(zero_copy_only=False)
        of_row: NDArray[np.float64] = np.append(numbers, np.nan)[self.of_row]
        return of_row

    def mapped(self, change: Callable[[pa.Array], pa.Array]) -> Column:
        """The column with every value changed."""
        changed = change(self.values).dictionary_encode()
        return Column(changed.dictionary, np.append(changed.indices.to_numpy(), len(changed.dictionary))[self.of_row])

    def categories(self, only: Flags) -> pd.Categorical:
        """For pandas; null outside `only`."""
        import pandas as pd

        known = only & (self.of_row < len(self.values))
        return pd.Categorical.from_codes(
            np.where(known, self.of_row, -1).astype(np.int32),
            categories=pd.Index(self.values.to_pandas()),
            validate=False,
        )


def distinct(keys: Places) -> Column:
    """Whole numbers by their first appearance."""
    return Column.encoded(pa.chunked_array([pa.array(keys)]))


def columns_of(table: pa.Table) -> Callable[[str], Column]:
    """The columns of a table by name, each encoded when it is first asked for."""

    @cache
    def column(name: str) -> Column:
        return Column.encoded(table[name])

    return column
