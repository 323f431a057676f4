"""The mistakes of real files, one a household, and the reason code that each has to get in quarantine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from todoke.model.codes import Finding
from todoke.simulate.people import GAIJI_NOT_IN_FONT
from todoke.simulate.random_streams import generator
from todoke.simulate.reference import towns

Columns = dict[str, NDArray[Any]]
Rows = NDArray[np.int64]

SHARE = 0.004
#: Mistakes that show in one member beside the head: only households of two or more can have them.
_NEEDS_TWO = (
    Finding.HEAD_MISSING,
    Finding.HEAD_TWICE,
    Finding.MEMBER_NO_GAP,
    Finding.KANA_INVALID,
    Finding.NAME_MISSING,
    Finding.BIRTH_DATE_INVALID,
)
_ANY_SIZE = (
    Finding.SIZE_MISMATCH,
    Finding.POSTAL_CODE_UNKNOWN,
    Finding.POSTAL_CODE_TOWN,
    Finding.GAIJI_UNKNOWN,
    Finding.HOUSEHOLD_DUPLICATE,
    Finding.ADDRESS_MISSING,
    Finding.HOUSEHOLD_NO_MISSING,
)
#: Damage to the bytes of a line: once or twice a file, however large.
_RAW = (Finding.RAGGED, Finding.BAD_CHARACTER)
#: As seldom: whoever it speaks of may have to be protected, and a ward looks over that column.
_SELDOM = (Finding.CONFIDENTIAL_INVALID,)
#: CP932 reads the single bytes FD, 80 and A0 without an error, as these characters.
_ILLEGAL = ("\uf8f1", "\x80", "\uf8f0")
_IMPOSSIBLE_DATES = ("1987-02-30", "1950-13-01", "2031-04-31", "1964-00-10")


def choose_mistakes(seed: int, households: pd.DataFrame) -> pd.DataFrame:
    """Which households are wrong in the file, and how.

    About 4 per mille, at least one of each kind from 2,000 households on; fewer kinds below, so that the
    mistakes never pass the limit of 20 per mille of the rows.

    Returns:
        household (index), household_no, file_household_no (as the file has it), reason, rows (in the file).
    """
    rng = generator(seed, "mistakes")
    count, members = len(households), households["members"].to_numpy()
    kinds = len(_ANY_SIZE) + len(_NEEDS_TWO)
    each = max(1, round(SHARE * count / kinds))
    raw = 1 if count < 20_000 else 2
    plan = [*_ANY_SIZE * each, *_RAW * raw, *_NEEDS_TWO * each, *_SELDOM * raw]
    plan = plan[: max(1, int(count * 0.0075))] if count < 2_000 else plan
    free = rng.permutation(np.flatnonzero(~households["confidential"].to_numpy()))
    several = free[members[free] >= 2]
    needing_two = [k for k in plan if k in _NEEDS_TWO]
    for_two = several[: len(needing_two)]
    others = [k for k in plan if k not in _NEEDS_TWO]
    for_others = free[~np.isin(free, for_two)][: len(others)]
    chosen = pd.DataFrame(
        {
            "household": np.concatenate([for_two, for_others]),
            "reason": [str(k) for k in [*needing_two[: len(for_two)], *others]],
        }
    ).sort_values("household", ignore_index=True)
    number = households["household_no"].to_numpy(object)[chosen["household"]]
    unreadable = (chosen["reason"] == Finding.HOUSEHOLD_NO_MISSING).to_numpy()
    twice = np.where(chosen["reason"] == Finding.HOUSEHOLD_DUPLICATE, 2, 1)
    return chosen.assign(
        household_no=number,
        file_household_no=[n[:-1] + "X" if bad else n for n, bad in zip(number, unreadable, strict=True)],
        rows=members[chosen["household"]] * twice,
    )[["household", "household_no", "file_household_no", "reason", "rows"]]


def spoil(columns: Columns, rows: Rows, reason: str, number: int) -> None:
    """Put the mistake into a household's rows of the file.

    Args:
        columns: the file's columns by canonical name; changed in place.
        rows: positions of the household's rows.
        number: the household's index, which varies how the mistake looks.
    """
    change = _CHANGES.get(reason)
    if change is not None:
        change(columns, rows, number)


def tear(line: str, number: int) -> str:
    """The line with a field too many, or with its last (empty) field lost."""
    return line + ",1" if number % 2 else line.rsplit(",", 1)[0]


def _wrong_size(columns: Columns, rows: Rows, number: int) -> None:
    columns["household_size"][rows] = str(len(rows) + 1 if number % 2 or len(rows) == 1 else len(rows) - 1)


def _no_head(columns: Columns, rows: Rows, number: int) -> None:
    columns["relationship"][rows[0]] = "同居人"


def _second_head(columns: Columns, rows: Rows, number: int) -> None:
    columns["relationship"][rows[-1]] = "世帯主"


def _gap(columns: Columns, rows: Rows, number: int) -> None:
    columns["member_no"][rows[-1]] = str(len(rows) + 1)


def _unknown_postal_code(columns: Columns, rows: Rows, number: int) -> None:
    columns["postal_code"][rows] = ("1529999", "152004", "9990000")[number % 3]


def _other_towns_postal_code(columns: Columns, rows: Rows, number: int) -> None:
    others = [c for c in towns()["postal_code"] if c != columns["postal_code"][rows[0]]]
    columns["postal_code"][rows] = others[number % len(others)]


def _unknown_gaiji(columns: Columns, rows: Rows, number: int) -> None:
    glyph = GAIJI_NOT_IN_FONT[number % len(GAIJI_NOT_IN_FONT)]
    if len(rows) == 1 or number % 2:
        columns["building"][rows] = f"コーポ{glyph}"
    else:
        columns["member_name"][rows[-1]] = glyph + columns["member_name"][rows[-1]][1:]


def _no_block(columns: Columns, rows: Rows, number: int) -> None:
    columns["block"][rows] = ""


def _wrong_kana(columns: Columns, rows: Rows, number: int) -> None:
    columns["member_kana"][rows[-1]] += ("1", "山", "＊")[number % 3]


def _no_name(columns: Columns, rows: Rows, number: int) -> None:
    columns["member_name"][rows[-1]] = "　" if number % 2 else ""


def _impossible_date(columns: Columns, rows: Rows, number: int) -> None:
    columns["birth_date"][rows[-1]] = _IMPOSSIBLE_DATES[number % len(_IMPOSSIBLE_DATES)]


def _no_number(columns: Columns, rows: Rows, number: int) -> None:
    columns["household_no"][rows] = columns["household_no"][rows[0]][:-1] + "X"


def _illegal_byte(columns: Columns, rows: Rows, number: int) -> None:
    columns["note"][rows[-1]] = "確認" + _ILLEGAL[number % len(_ILLEGAL)]


def _no_word_for_confidential(columns: Columns, rows: Rows, number: int) -> None:
    columns["confidential"][rows] = ("有", "2", "○")[number % 3]


def _empty_note(columns: Columns, rows: Rows, number: int) -> None:
    columns["note"][rows] = ""


_CHANGES: dict[str, Callable[[Columns, Rows, int], None]] = {
    Finding.SIZE_MISMATCH: _wrong_size,
    Finding.HEAD_MISSING: _no_head,
    Finding.HEAD_TWICE: _second_head,
    Finding.MEMBER_NO_GAP: _gap,
    Finding.POSTAL_CODE_UNKNOWN: _unknown_postal_code,
    Finding.POSTAL_CODE_TOWN: _other_towns_postal_code,
    Finding.GAIJI_UNKNOWN: _unknown_gaiji,
    Finding.ADDRESS_MISSING: _no_block,
    Finding.KANA_INVALID: _wrong_kana,
    Finding.NAME_MISSING: _no_name,
    Finding.BIRTH_DATE_INVALID: _impossible_date,
    Finding.HOUSEHOLD_NO_MISSING: _no_number,
    Finding.BAD_CHARACTER: _illegal_byte,
    Finding.RAGGED: _empty_note,
    Finding.CONFIDENTIAL_INVALID: _no_word_for_confidential,
}
