"""Made-up people: who lives in a household, their names, kana and birth dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from todoke.simulate.random_streams import below
from todoke.simulate.reference import bundled

#: User-defined characters (CP932 F040…) that the ward's font draws, and some that it does not.
GAIJI = tuple(chr(0xE000 + n) for n in range(60))
GAIJI_NOT_IN_FONT = tuple(chr(0xE757 - n) for n in range(4))

#: Share of households of 1, 2, … 7 members: 1.736 members a household, as in Meguro.
SIZE_SHARE = (0.5794, 0.2130, 0.1195, 0.0721, 0.0125, 0.0025, 0.0010)
SURNAME_WITH_GAIJI = 0.0065
GIVEN_NAME_WITH_GAIJI = 0.0015

HEAD, WIFE, HUSBAND, CHILD, FATHER, MOTHER, LODGER = range(7)
RELATIONSHIPS = ("世帯主", "妻", "夫", "子", "父", "母", "同居人")
_OLD, _MIDDLE = 1955, 1990

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class _NameParts:
    surname: pa.Array
    surname_kana: pa.Array
    foreign: Flags
    gaiji_from: int
    given: pa.Array
    given_kana: pa.Array
    group_start: Ints
    group_size: Ints
    given_gaiji: Ints


def make_people(rng: np.random.Generator, sizes: Ints, reference_date: date) -> pd.DataFrame:
    """One row per member, households in order.

    Args:
        sizes: members of each household.
        reference_date: nobody is born after it.

    Returns:
        household (index into `sizes`), member_no, member_name, member_kana (hiragana), birth_date
        (datetime64), relationship. No two rows share kana and birth date.
    """
    household = np.repeat(np.arange(len(sizes)), sizes)
    position = np.arange(len(household)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    relationship, female = _roles(rng, sizes, household, position)
    born = _birth_days(rng, sizes, household, relationship, reference_date)
    name, kana = _names(rng, len(sizes), household=household, relationship=relationship, female=female, born=born)
    born = _make_persons_unique(rng, kana, born)
    return pa.table(
        {
            "household": pa.array(household.astype(np.int32)),
            "member_no": pa.array((position + 1).astype(np.int32)),
            "member_name": name,
            "member_kana": kana,
            "birth_date": pa.array(born.astype("datetime64[D]")).cast(pa.timestamp("s")),
            "relationship": pa.array(RELATIONSHIPS).take(pa.array(relationship)),
        }
    ).to_pandas()


def draw_sizes(rng: np.random.Generator, households: int) -> Ints:
    """Members of each household."""
    return rng.choice(np.arange(1, 8), size=households, p=SIZE_SHARE).astype(np.int64)


def _roles(rng: np.random.Generator, sizes: Ints, household: Ints, position: Ints) -> tuple[Ints, Flags]:
    """Relationship to the head, and whether female, of each member."""
    draw = rng.random(len(sizes))
    couple = (sizes >= 2) & (draw < np.where(sizes == 2, 0.60, 0.87))
    sharing = (sizes == 2) & (draw > 0.95)
    head_female = rng.random(len(sizes)) < np.where(couple, 0.15, 0.48)
    relationship = np.full(len(household), CHILD)
    relationship[position == 0] = HEAD
    second = np.where(couple, np.where(head_female, HUSBAND, WIFE), np.where(sharing, LODGER, CHILD))
    relationship[position == 1] = second[household[position == 1]]
    with_parent = (sizes >= 4) & (rng.random(len(sizes)) < 0.08)
    parents = (position == sizes[household] - 1) & with_parent[household]
    relationship[parents] = np.where(rng.random(parents.sum()) < 0.3, FATHER, MOTHER)
    female = rng.random(len(household)) < 0.5
    female[position == 0] = head_female
    female = (female | (relationship == WIFE) | (relationship == MOTHER)) & ~np.isin(relationship, (HUSBAND, FATHER))
    return relationship, female


def _birth_days(
    rng: np.random.Generator, sizes: Ints, household: Ints, relationship: Ints, reference_date: date
) -> Ints:
    """Days since 1970-01-01 on which each member was born."""
    young = rng.random(len(sizes)) < 0.45
    alone = np.where(young, 19 + 21 * rng.random(len(sizes)), 35 + 60 * rng.random(len(sizes)) ** 1.2)
    head_age = np.where(
        sizes == 1,
        alone,
        np.where(sizes == 2, 26 + 64 * rng.random(len(sizes)), 28 + 27 * rng.random(len(sizes))),
    )
    age = head_age[household]
    draw = rng.random(len(household))
    age = np.where(np.isin(relationship, (WIFE, HUSBAND)), np.maximum(18.1, age - 6 + 10 * draw), age)
    age = np.where(relationship == CHILD, np.maximum(5 * draw, age - 24 - 14 * draw), age)
    age = np.where(np.isin(relationship, (FATHER, MOTHER)), np.minimum(103, age + 22 + 13 * draw), age)
    age = np.where(relationship == LODGER, 18 + 50 * draw, age)
    reference_day = reference_date.toordinal() - date(1970, 1, 1).toordinal()
    days = rng.integers(0, 365, len(household))
    return (reference_day - (age * 365.25).astype(np.int64) - days).astype(np.int64)


def _names(
    rng: np.random.Generator,
    households: int,
    *,
    household: Ints,
    relationship: Ints,
    female: Flags,
    born: Ints,
) -> tuple[pa.Array, pa.Array]:
    """Name and kana of each member; a family shares its surname, gaiji included."""
    parts = _name_parts()
    ordinary, variants = parts.gaiji_from, len(parts.surname) - parts.gaiji_from
    rank = np.arange(ordinary)
    weight = np.where(parts.foreign[:ordinary], 0.0011, 1 / (rank + 15) / 3.1)
    family = rng.choice(ordinary, size=households, p=weight / weight.sum())
    with_gaiji = rng.random(households) < SURNAME_WITH_GAIJI
    family = np.where(with_gaiji, ordinary + rng.integers(0, variants, households), family)
    own = family[household]
    spouse = np.isin(relationship, (WIFE, HUSBAND))
    other = (relationship == LODGER) | (spouse & (rng.random(len(own)) < 0.02))
    own = np.where(other, rng.integers(0, ordinary, len(own)), own)
    year = 1970 + born / 365.25
    generation = np.where(year < _OLD, 1, np.where(year < _MIDDLE, 2, 3))
    group = np.where(parts.foreign[own], 0, generation) * 2 + female
    given = parts.group_start[group] + below(rng, parts.group_size[group])
    rare = (rng.random(len(own)) < GIVEN_NAME_WITH_GAIJI) & ~parts.foreign[own]
    given = np.where(rare, parts.given_gaiji[rng.integers(0, len(parts.given_gaiji), len(own))], given)
    name = pc.binary_join_element_wise(parts.surname.take(pa.array(own)), parts.given.take(pa.array(given)), "　")
    kana = pc.binary_join_element_wise(
        parts.surname_kana.take(pa.array(own)), parts.given_kana.take(pa.array(given)), "　"
    )
    return name, kana


def _name_parts() -> _NameParts:
    """The bundled names and, after them, variants in which one character is a gaiji."""
    surnames, given = bundled("surnames"), bundled("given_names")
    given = given.assign(group=given["generation"].astype(int) * 2 + (given["sex"] == "f"))
    given = given.sort_values("group", kind="stable", ignore_index=True)
    sur, sur_kana = list(surnames["surname"]), list(surnames["kana"])
    giv, giv_kana = list(given["given_name"]), list(given["kana"])
    japanese = [n for n, origin in enumerate(surnames["origin"]) if origin == "ja"]
    foreign = list(surnames["origin"] == "foreign")
    for number, glyph in enumerate(GAIJI):
        for place in range(3):
            base = japanese[(number * 3 + place) % len(japanese)]
            sur.append(sur[base][:-1] + glyph if len(sur[base]) > 1 else glyph)
            sur_kana.append(sur_kana[base])
            foreign.append(False)
        base = (number * 5) % len(given)
        giv.append(glyph + giv[base][1:])
        giv_kana.append(giv_kana[base])
    sizes = np.bincount(given["group"], minlength=8)
    return _NameParts(
        surname=pa.array(sur),
        surname_kana=pa.array(sur_kana),
        foreign=np.array(foreign),
        gaiji_from=len(surnames),
        given=pa.array(giv),
        given_kana=pa.array(giv_kana),
        group_start=np.cumsum(sizes) - sizes,
        group_size=sizes,
        given_gaiji=np.arange(len(given), len(giv)),
    )


def _make_persons_unique(rng: np.random.Generator, kana: pa.Array, born: Ints) -> Ints:
    """Make the later of two with the same kana and birth date some days older: kana and birth date
    are all that tells a person who is in two households from two people."""
    codes = pd.factorize(kana.to_numpy(zero_copy_only=False))[0].astype(np.int64)
    while True:
        twice = pd.Series(codes * 100_000 + born).duplicated().to_numpy()
        if not twice.any():
            return born
        born = born - np.where(twice, rng.integers(1, 300, len(born)), 0)
