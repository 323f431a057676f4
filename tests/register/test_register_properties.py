"""Whatever the ward sends: totals close, rights follow the reference date, and the same files give the same version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from ward_rows import household, table

from todoke.model.ward_values import KINDS, REASONS
from todoke.register.build import Register, Revision, build
from todoke.store.lake import rows_digest

REFERENCE = date(2026, 6, 1)
NUMBERS = [str(n) for n in range(1, 9)]


class Change(NamedTuple):
    """What a corrections file says of one household."""

    no: str
    kind: str
    reason: str
    is_late: bool
    size: int

    @property
    def changes_members(self) -> bool:
        return self.reason == "誤り" or not self.is_late


class Standing(NamedTuple):
    members: int
    state: str
    reason: str | None


homes = st.dictionaries(st.sampled_from(NUMBERS), st.integers(1, 4), min_size=1, max_size=6)
changes = st.builds(
    Change,
    st.sampled_from(NUMBERS),
    st.sampled_from(KINDS),
    st.sampled_from(sorted(REASONS)),
    st.booleans(),
    st.integers(1, 4),
)
corrections = st.lists(
    st.lists(changes, min_size=1, max_size=4, unique_by=lambda change: change.no), min_size=0, max_size=4
)


def rows_of(base: dict[str, int], receipt: str = "R1") -> pa.Table:
    return table(*(household(no, size, receipt_no=receipt) for no, size in base.items()))


def file_of(file: Sequence[Change], receipt: str) -> pa.Table:
    return table(
        *(
            household(
                change.no,
                change.size,
                receipt_no=receipt,
                change_kind=change.kind,
                change_reason=change.reason,
                changed_on="2026-07-01" if change.is_late else "2026-05-20",
            )
            for change in file
        )
    )


def made(base: dict[str, int], files: Sequence[Sequence[Change]]) -> Register:
    return build(rows_of(base), [file_of(file, f"C{n}") for n, file in enumerate(files)], None, REFERENCE)


def expected(base: dict[str, int], files: Sequence[Sequence[Change]]) -> dict[str, Standing]:
    """What stands in `interfaces.md`, once more and household by household."""
    register = {no: Standing(size, "live", None) for no, size in base.items()}
    for change in (change for file in files for change in file):
        now, code = register.get(change.no), REASONS[change.reason]
        if change.kind == "削除":
            if now is not None:
                register[change.no] = Standing(now.members, "deleted" if code == "error" else "held", code)
        elif now is None:
            held = ("live", None) if change.changes_members else ("held", code)
            register[change.no] = Standing(change.size, *held)
        else:
            members = change.size if change.changes_members else now.members
            register[change.no] = Standing(members, "live", None) if code == "error" else now._replace(members=members)
    return register


def standings(register: Register) -> dict[str, Standing]:
    names = ["household_no", "members", "state", "state_reason"]
    columns = register.household.select(names).to_pydict()
    return {no: Standing(*rest) for no, *rest in zip(*columns.values(), strict=True)}


def digests(register: Register) -> tuple[str, ...]:
    return tuple(map(rows_digest, register))


@settings(deadline=None, max_examples=20)
@given(homes, corrections)
def test_rights_follow_the_members_on_the_reference_date_through_any_corrections(base, files):
    register = made(base, files)
    assert standings(register) == expected(base, files)
    assert register.person.num_rows == sum(standing.members for standing in standings(register).values())
    assert register.question.num_rows == 0


@settings(deadline=None, max_examples=12)
@given(homes, corrections)
def test_totals_close(base, files):
    """base + added = the register; live + held + deleted = the register; nobody has gone from it."""
    register = standings(made(base, files))
    added = {change.no for file in files for change in file if change.kind != "削除"} - base.keys()
    assert len(register) == len(base) + len(added)
    assert register.keys() == base.keys() | added
    heads = made(base, files).person.filter(made(base, files).person["is_head"])
    assert sorted(heads["household_no"].to_pylist()) == sorted(register)


@settings(deadline=None, max_examples=12)
@given(homes, st.lists(changes, min_size=2, max_size=4, unique_by=lambda change: change.no), st.randoms())
def test_independent_corrections_give_the_same_register_in_any_order(base, independent, random):
    files = [[change] for change in independent]
    shuffled = random.sample(files, len(files))
    assert digests(made(base, files)) == digests(made(base, shuffled)) == digests(made(base, [independent]))


@settings(deadline=None, max_examples=6)
@given(homes, corrections)
def test_a_version_that_is_made_again_is_the_same(base, files):
    assert digests(made(base, files)) == digests(made(base, files))


@settings(deadline=None, max_examples=12)
@given(homes, homes)
def test_a_revision_leaves_a_register_of_both_that_says_what_the_later_says(before, after):
    revision = Revision(rows_of(before), rows_of(after, "R2"), rows_of(after)["household_no"], "R2")
    register = build(rows_of(before), [revision], None, REFERENCE)
    assert {no: s.members for no, s in standings(register).items()} == before | after
    assert {s.state for s in standings(register).values()} == {"live"}
    removed = [row["household_no"] for row in register.question.to_pylist()]
    assert removed == sorted(before.keys() - after.keys())
