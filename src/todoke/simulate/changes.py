"""What the ward sends after its households: corrections, the special deliveries of confidential households, whose
envelopes are to be pulled out, and new addresses for what came back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from todoke.simulate.addresses import make_addresses
from todoke.simulate.delivery import csv_lines, deliver
from todoke.simulate.layout import (
    CORRECTION_HEADER,
    NAMED_HEADER,
    READDRESS_HEADER,
    SPECIAL_DELIVERY_HEADER,
    member_columns,
)
from todoke.simulate.random_streams import generator
from todoke.simulate.ward import Ward, make_households

Row = dict[str, str]


class Written(NamedTuple):
    """A file that was written, and the truth about it (also under its name in `Ward.answers`)."""

    path: Path
    truth: pd.DataFrame


class _Change(NamedTuple):
    kind: str
    reason: str
    #: What happens to the rows: moved, member_added, member_removed, renamed, or nothing.
    effect: str
    #: What the household is afterwards, and whether its entitlement follows the rows sent (only by 誤り).
    state: str
    members_needed: int = 1


_MOVED = _Change("更新", "転居", "moved", "live")
_MEMBER_ADDED = _Change("更新", "誤り", "member_added", "live")
_MEMBER_REMOVED = _Change("更新", "誤り", "member_removed", "live", 2)
_MEMBER_DIED = _Change("更新", "死亡", "member_removed", "live", 2)
_RENAMED = _Change("更新", "誤り", "renamed", "live")
_DEAD = _Change("削除", "死亡", "", "held")
_LEFT = _Change("削除", "転出", "", "held")
_DELETED = _Change("削除", "誤り", "", "deleted")
_ADDED = _Change("追加", "誤り", "", "live")

#: One of each first, then in the proportions of a real month.
_USUAL = (
    *(_MOVED, _MEMBER_ADDED, _MEMBER_REMOVED, _MEMBER_DIED, _DEAD, _LEFT, _DELETED, _ADDED, _RENAMED),
    *(_MOVED, _LEFT, _MOVED, _DEAD, _MOVED, _LEFT, _MOVED, _MEMBER_DIED, _MOVED, _LEFT),
)
_LATE = (_DELETED, _DEAD, _LEFT)
_SHARE, _LATE_SHARE = 0.001, 0.0001
_INSTRUCTED_SHARE = 0.9
_NAMED_ONLY_SHARE = 0.00005


def write_corrections(
    ward: Ward, inbox_dir: Path, *, on: date, passphrase: str | None, late: bool = False, seq: int = 1
) -> Written:
    """Write `corrections_<YYYYMMDD>_<seq>.csv` (+ `.pgp`): about 0.1 % of the households, at least one of each kind.

    Args:
        late: only deletions (誤り, 死亡, 転出) of a few other households, for a correction after release.

    Returns:
        The file, and its truth: household_no, change_kind, change_reason, changed_on, and what the
        household is afterwards: state, members (those entitled), postal_code.
    """
    pattern, share = (_LATE, _LATE_SHARE) if late else (_USUAL, _SHARE)
    count = max(len(set(pattern)), round(share * len(ward.households)))
    changes = [pattern[n % len(pattern)] for n in range(count)]
    chosen = _choose(ward, changes, late=late)
    blocks = _blocks_of(ward, chosen)
    fresh = iter(_new_households(ward, changes.count(_ADDED)))
    addresses = make_addresses(generator(ward.seed, "moves", late), count)
    lines: list[Row] = []
    truth = []
    days = generator(ward.seed, "change dates", late).integers(10, 40, count).tolist()
    for n, change in enumerate(changes):
        before = next(fresh) if change is _ADDED else next(blocks)
        new_address = {name: column[n].as_py() for name, column in addresses.items()}
        after = _apply(change, before, new_address, ward.reference_date)
        members = len(after) if change.reason == "誤り" else len(before)
        changed_on = str(max(ward.reference_date + timedelta(1), on - timedelta(days[n])))
        lines += [{**row, "kind": change.kind, "reason": change.reason, "on": changed_on} for row in after]
        home = (after[0]["household_no"], change.kind, change.reason, changed_on, change.state, members)
        truth.append((*home, after[0]["postal_code"]))
    names = ["household_no", "change_kind", "change_reason", "changed_on", "state", "members", "postal_code"]
    return _write(
        ward,
        Path(inbox_dir, f"corrections_{on:%Y%m%d}_{seq:02d}.csv"),
        CORRECTION_HEADER,
        pd.DataFrame(lines),
        truth=pd.DataFrame(truth, columns=names),
        passphrase=passphrase,
    )


def write_special_delivery(ward: Ward, inbox_dir: Path, *, on: date, passphrase: str | None, seq: int = 1) -> Written:
    """Write `special_delivery_<YYYYMMDD>_<seq>.csv` (+ `.pgp`) for about 90 % of the confidential households
    and a few that are named here only (G09).

    Returns:
        The file, and its truth: household_no, method, postal_code (where it is to be sent).
    """
    rng = generator(ward.seed, "special delivery")
    confidential = ward.households["confidential"].to_numpy()
    known = rng.permutation(np.flatnonzero(confidential))
    known = known[: max(1, round(_INSTRUCTED_SHARE * len(known)))] if len(known) else known
    others = rng.permutation(np.setdiff1d(np.flatnonzero(~confidential), ward.mistakes["household"]))
    others = others[: max(1, round(_NAMED_ONLY_SHARE * len(ward.households)))]
    homes = ward.households.iloc[np.sort(np.concatenate([known, others]))]
    rows = [
        _instruction(no, name, n)
        for n, (no, name) in enumerate(zip(homes["household_no"], homes["head_name"], strict=True))
    ]
    table = pd.DataFrame(rows, columns=list(SPECIAL_DELIVERY_HEADER))
    truth = table.iloc[:, :3].set_axis(["household_no", "method", "postal_code"], axis=1)
    path = Path(inbox_dir, f"special_delivery_{on:%Y%m%d}_{seq:02d}.csv")
    return _write(ward, path, SPECIAL_DELIVERY_HEADER, table, truth=truth, passphrase=passphrase)


def write_pull_out(
    households: Sequence[str], inbox_dir: Path, *, on: date, passphrase: str | None, seq: int = 1
) -> Path:
    """Write `pull_out_<YYYYMMDD>_<seq>.csv` (+ `.pgp`) naming households (G08)."""
    columns = [pa.array(households, pa.string()), pa.repeat("発送前の転出", len(households))]
    lines = [[",".join(NAMED_HEADER)], csv_lines(columns)]
    return deliver(inbox_dir, f"pull_out_{on:%Y%m%d}_{seq:02d}.csv", lines, passphrase=passphrase)


def write_readdress(
    households: Sequence[str], inbox_dir: Path, *, on: date, seed: int, passphrase: str | None, seq: int = 1
) -> Path:
    """Write `readdress_<YYYYMMDD>_<seq>.csv` (+ `.pgp`): where the ward has found households to live now (G23)."""
    places = make_addresses(generator(seed, "found again"), len(households))
    columns = [pa.array(households, pa.string()), *places.values(), pa.repeat("宛所不明のため確認", len(households))]
    lines = [[",".join(READDRESS_HEADER)], csv_lines(columns)]
    return deliver(inbox_dir, f"readdress_{on:%Y%m%d}_{seq:02d}.csv", lines, passphrase=passphrase)


def _instruction(household_no: str, head_name: str, number: int) -> tuple[str, ...]:
    house = f"{number % 5 + 1}-{number % 17 + 1}-{number % 23 + 1}"
    if number % 3 == 0:
        depot = ("1540001", f"東京都世田谷区池尻{house}", "", head_name, "見本運輸　池尻営業所")
        return (household_no, "営業所留", *depot)
    if number % 3 == 1:
        return (household_no, "局留", "1410021", f"東京都品川区上大崎{house}", "", head_name, "見本上大崎郵便局")
    building = f"見本荘{number % 30 + 101}号" if number % 2 else ""
    return (household_no, "別住所", "2130001", f"神奈川県川崎市高津区溝口{house}", building, head_name, "")


def _write(
    ward: Ward,
    path: Path,
    header: tuple[str, ...],
    rows: pd.DataFrame,
    *,
    truth: pd.DataFrame,
    passphrase: str | None,
) -> Written:
    lines = csv_lines([pa.array(rows[column], pa.string()) for column in rows.columns])
    written = deliver(path.parent, path.name, [[",".join(header)], lines], passphrase=passphrase)
    ward.answers[path.stem] = truth
    return Written(written, truth)


def _choose(ward: Ward, changes: list[_Change], *, late: bool) -> list[int]:
    """Households for the changes but the added ones: sound, not confidential; late ones from the other end."""
    sound = ~ward.households["confidential"].to_numpy()
    sound[ward.mistakes["household"].to_numpy()] = False
    order = generator(ward.seed, "corrections").permutation(np.flatnonzero(sound))
    order = order[::-1] if late else order
    members = ward.households["members"].to_numpy()[order]
    single, several = (iter(order[pick].tolist()) for pick in (members == 1, members > 1))
    return [next(several if c.members_needed > 1 else single) for c in changes if c is not _ADDED]


def _blocks_of(ward: Ward, chosen: list[int]) -> Iterator[list[Row]]:
    """The true rows of each chosen household."""
    first = ward.first_person()
    picked = np.concatenate([np.arange(first[h], first[h + 1]) for h in chosen])
    homes = ward.households.iloc[chosen].reset_index(drop=True)
    persons = ward.persons.iloc[picked].assign(household=np.repeat(np.arange(len(homes)), homes["members"]))
    return _rows_of(replace(ward, households=homes, persons=persons))


def _new_households(ward: Ward, count: int) -> Iterator[list[Row]]:
    """Rows of households that the ward had forgotten."""
    first_no = int(ward.households["household_no"].iloc[-1]) + 1_000
    rng = generator(ward.seed, "forgotten households")
    homes, persons = make_households(rng, count, ward.reference_date, first_no)
    return _rows_of(replace(ward, households=homes.assign(confidential=False), persons=persons))


def _rows_of(part: Ward) -> Iterator[list[Row]]:
    columns = member_columns(part, 0, len(part.households))
    rows: list[Row] = pd.DataFrame(columns).to_dict("records")
    bounds = part.first_person()
    return iter([rows[start:end] for start, end in itertools.pairwise(bounds)])


def _apply(change: _Change, block: list[Row], address: Row, reference_date: date) -> list[Row]:
    """The household's rows after the change."""
    if change.effect == "moved":
        return [{**row, **address} for row in block]
    if change.effect == "member_removed":
        return [{**row, "household_size": str(len(block) - 1)} for row in block[:-1]]
    if change.effect == "member_added":
        size = str(len(block) + 1)
        child = {
            **block[-1],
            "member_name": block[0]["head_name"].split("　")[0] + "　翼",
            "member_kana": block[0]["head_kana"].split("　")[0] + "　つばさ",
            "member_no": size,
            "birth_date": str(reference_date - timedelta(days=100 + int(block[0]["household_no"]) % 3000)),
            "relationship": "子",
        }
        return [{**row, "household_size": size} for row in (*block, child)]
    if change.effect == "renamed":
        name = block[0]["head_name"].split("　")[0] + "　薫"
        kana = block[0]["head_kana"].split("　")[0] + "　かおる"
        block = [{**row, "head_name": name, "head_kana": kana} for row in block]
        block[0] |= {"member_name": name, "member_kana": kana}
    return block
