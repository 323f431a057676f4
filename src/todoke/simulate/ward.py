"""The simulated ward: households, persons and the answer sheet of what its file gets wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from todoke.simulate.addresses import make_addresses
from todoke.simulate.mistakes import choose_mistakes
from todoke.simulate.people import GAIJI, draw_sizes, make_people
from todoke.simulate.random_streams import generator

CONFIDENTIAL_SHARE = 0.003
_NOTES = ("郵便受箱なし", "転送届あり", "建替中,確認", "住居表示変更予定")


@dataclass
class Ward:
    """A made-up ward as it truly is; mistakes are put in when its file is written.

    Attributes:
        households: household_no, members, head_name, head_kana, postal_code, town, block, building,
            confidential, note; one row each, by household_no.
        persons: household (row of `households`), member_no, member_name, member_kana, birth_date,
            relationship; members of a household are together, in order.
        mistakes: see `mistakes.choose_mistakes`.
        answers: truth of what has been written so far, by file name; see `answers.write_answers`.
    """

    seed: int
    reference_date: date
    households: pd.DataFrame
    persons: pd.DataFrame
    mistakes: pd.DataFrame
    answers: dict[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def font_code_points(self) -> list[int]:
        """Code points of the gaiji that the ward's font draws."""
        return [ord(glyph) for glyph in GAIJI]

    def first_person(self) -> NDArray[np.int64]:
        """Row of each household's first member in `persons`, and one past the last at the end."""
        return np.concatenate([[0], np.cumsum(self.households["members"].to_numpy())])


def make_ward(households: int, seed: int, reference_date: date = date(2026, 6, 1)) -> Ward:
    """Make a ward; the same seed gives the same ward.

    Args:
        households: from a handful to 1,630,000 (10 wards); 1.736 members each on average.
        seed: zero or more.
        reference_date: nobody is born after it.
    """
    living, persons = make_households(generator(seed, "ward"), households, reference_date, first_no=1_000_003)
    ward = Ward(seed, reference_date, living, persons, choose_mistakes(seed, living))
    ward.answers["mistakes"] = ward.mistakes.drop(columns="household")
    return ward


def make_households(
    rng: np.random.Generator, households: int, reference_date: date, first_no: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames as in `Ward`, with ten-digit numbers from `first_no` on that leave gaps."""
    sizes = draw_sizes(rng, households)
    persons = make_people(rng, sizes, reference_date)
    heads = np.cumsum(sizes) - sizes
    numbers = first_no + np.cumsum(rng.integers(1, 9, households))
    note = np.where(rng.random(households) < 0.01, rng.integers(1, 1 + len(_NOTES), households), 0)
    columns = {
        "household_no": pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 10, "0"),
        "members": pa.array(sizes.astype(np.int32)),
        "head_name": pa.array(persons["member_name"].iloc[heads]),
        "head_kana": pa.array(persons["member_kana"].iloc[heads]),
        **make_addresses(rng, households),
        "confidential": pa.array(rng.random(households) < CONFIDENTIAL_SHARE),
        "note": pa.array(["", *_NOTES]).take(pa.array(note)),
    }
    return pa.table(columns).to_pandas(), persons
