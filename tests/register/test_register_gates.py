from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pytest

from todoke.errors import GateClosed
from todoke.register.gates import Drift, drift, drift_gate, first_drift, register_gate
from todoke.store.schema import HOUSEHOLD, PERSON


def register(count: int = 100, changes: Mapping[int, Mapping[str, object]] | None = None) -> pa.Table:
    """Households 0, 1, … of two members; `changes` to some of them, None to leave one out."""
    sound = {"members": 2, "postal_code": "1530061", "confidential": False, "instructed": False, "state": "live"}
    changed = changes or {}
    rows = [{"household_no": str(n), **sound, **changed.get(n, {})} for n in range(count)]
    return pa.Table.from_pylist([row for row in rows if row["members"]], HOUSEHOLD)


def people(households: pa.Table) -> pa.Table:
    rows = [
        {"household_no": number, "member_no": n + 1, "is_head": n == 0}
        for number, members in zip(
            households["household_no"].to_pylist(), households["members"].to_pylist(), strict=True
        )
        for n in range(members)
    ]
    return pa.Table.from_pylist(rows, PERSON)


def test_drift_counts_what_went_what_came_and_what_changed():
    after = register(
        103,
        {0: {"members": 0}, 1: {"state": "deleted"}, 2: {"state": "held"}, 3: {"members": 3}, 4: {"postal_code": "1"}},
    )
    assert drift(register(), after) == Drift(100, gone=3, added=3, changed=2)
    assert drift(after, register()) == Drift(100, gone=3, added=3, changed=2)
    assert drift(register(), register()) == Drift(100, 0, 0, 0)


def test_households_that_become_confidential_are_no_drift_that_could_hold_them_up():
    assert drift(register(), register(changes={n: {"confidential": True} for n in range(50)})) == Drift(100, 0, 0, 0)


@pytest.mark.parametrize("kind", ["gone", "added", "changed"])
def test_the_drift_gate_closes_beyond_the_limit_in_each_direction_and_says_how_far(kind):
    drift_gate(Drift(100, **{"gone": 0, kind: 2}), 2)
    with pytest.raises(GateClosed, match=r"3件（3\.0%）"):
        drift_gate(Drift(100, **{"gone": 0, kind: 3}), 2)


def test_a_first_version_is_held_against_the_landed_file():
    landed = pa.chunked_array([[str(n) for n in range(100) for _ in range(2)]])
    assert first_drift(landed, register()) == Drift(100, 0)
    mostly_quarantined = first_drift(landed, register(90))
    with pytest.raises(GateClosed, match="減少10件"):
        drift_gate(mostly_quarantined, 2)


def test_a_sound_register_passes_and_each_fault_is_named_with_its_households():
    sound = register(5)
    register_gate(people(sound), sound, 3000)
    short = people(sound).slice(1)
    with pytest.raises(GateClosed, match="世帯員の数が違う（1世帯）"):
        register_gate(short, sound, 3000)
    twice = pa.concat_tables([sound, sound.slice(0, 1)])
    with pytest.raises(GateClosed, match="同じ世帯が2回（1世帯）"):
        register_gate(people(sound), twice, 3000)
    nobody = pa.concat_tables(
        [
            sound,
            sound.slice(0, 1)
            .set_column(0, "household_no", pa.array(["x"]))
            .set_column(1, "members", pa.array([0], pa.int32())),
        ]
    )
    with pytest.raises(GateClosed, match="ポイントがない（1世帯）"):
        register_gate(people(nobody), nobody, 3000)
