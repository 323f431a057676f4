"""The count gates: a register that drifted further from the one before than the contract allows does not pass (G01)."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from todoke.errors import GateClosed

#: Not whether a household is confidential: that must never wait (G09).
_COMPARED = ("members", "postal_code")


@dataclass(frozen=True)
class Drift:
    """How many households stood live before, and of which kind the changes since are.

    Attributes:
        gone: live before and not any more: not there, deleted or held. One that the ward has stopped is not gone: what
            is to be held now must not wait for a gate.
        added: live now, and not before.
        changed: live before and now, with another number of members or postal code.
    """

    before: int
    gone: int
    added: int = 0
    changed: int = 0

    def told(self) -> dict[str, int]:
        """How many households changed, by the kind's Japanese label."""
        return {"減少": self.gone, "増加": self.added, "変更": self.changed}

    def beyond(self, percent: float) -> dict[str, int]:
        """What changed for more than `percent` of the households before, by its Japanese label."""
        return {label: count for label, count in self.told().items() if count * 100 > self.before * percent}


def drift(before: pa.Table, after: pa.Table) -> Drift:
    """What became of the households from one version to another.

    Args:
        before, after: `schema.HOUSEHOLD`.
    """
    was, now = (table.filter(_is_there(table)) for table in (before, after))
    place = pc.index_in(was["household_no"], now["household_no"].combine_chunks())
    stays = pc.is_valid(place)
    still, then = was.filter(stays), now.take(place.drop_null())
    differs = pa.array([False] * still.num_rows, pa.bool_())
    for name in _COMPARED:
        differs = pc.or_(differs, pc.fill_null(pc.not_equal(still[name], then[name]), fill_value=True))
    changed = int(pc.sum(differs).as_py() or 0)
    return Drift(was.num_rows, was.num_rows - still.num_rows, now.num_rows - still.num_rows, changed)


def _is_there(household: pa.Table) -> pa.ChunkedArray:
    stopped = pc.fill_null(pc.equal(household["state_reason"], "stopped"), fill_value=False)
    return pc.or_(pc.equal(household["state"], "live"), stopped)


def first_drift(landed: pa.ChunkedArray, household: pa.Table) -> Drift:
    """The same of the first version, against what was landed: a base that is mostly in quarantine, or leaves out most
    of the one before, is no register.

    Args:
        landed: household numbers of the rows of every base file that was taken.
        household: `schema.HOUSEHOLD`.
    """
    known = pc.unique(landed).drop_null()
    taken = int(pc.sum(pc.is_in(known, household["household_no"].combine_chunks())).as_py() or 0)
    return Drift(len(known), len(known) - taken)


def drift_gate(found: Drift, percent: float) -> None:
    """Let a version pass that did not drift further than `percent` of the households (`register.drift_gate_percent`).

    Raises:
        GateClosed: it did; says how many went, came or changed.
    """
    if beyond := found.beyond(percent):
        raise GateClosed(
            "世帯の増減・変更が許容（"
            f"{percent:g}%）を超えています: "
            + "、".join(
                f"{label}{count}件（{count * 100 / max(found.before, 1):.1f}%）" for label, count in beyond.items()
            ),
            where="世帯台帳",
            next_step="受領したファイルに過不足がないか区に確かめてください"
            "（正しければ契約の drift_gate_percent を見直してください）",
        )


def register_gate(person: pa.Table, household: pa.Table, points_per_member: int) -> None:
    """Let a register pass in which every household stands once, has all its members and an entitlement.

    Args:
        person, household: `schema.PERSON`, `schema.HOUSEHOLD`.
        points_per_member: of the contract (G05).

    Raises:
        GateClosed: names what does not hold, with how many households.
    """
    counted = person.group_by("household_no").aggregate([("member_no", "count_distinct")])
    place = pc.index_in(household["household_no"], counted["household_no"].combine_chunks())
    members = pc.fill_null(counted["member_no_count_distinct"].take(place), 0)
    points = pc.multiply(household["members"], points_per_member)
    faults = {
        "同じ世帯が2回": household.num_rows - pc.count_distinct(household["household_no"]).as_py(),
        "世帯人数と世帯員の数が違う": _count(pc.not_equal(members, household["members"])),
        "ポイントがない": _count(pc.less_equal(points, 0)),
    }
    if failed := {label: count for label, count in faults.items() if count}:
        raise GateClosed(
            "世帯台帳が成り立ちません: " + "、".join(f"{label}（{count}世帯）" for label, count in failed.items()),
            where="世帯台帳",
            next_step="訂正ファイルの内容を区に確かめてください。世帯台帳は更新していません",
        )


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)
