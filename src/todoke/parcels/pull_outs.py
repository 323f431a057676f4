"""Pulling printed envelopes out: what may follow what, and what cannot be pulled any more (G08; pure)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from todoke.model.changes import DifferenceFound, content_digest
from todoke.model.codes import PullReason, PullState
from todoke.store.pulls import AGAIN, WITHDRAWN, PullItem

#: What people report of an item, and from which states it may follow.
RESULTS: Mapping[PullState, frozenset[PullState]] = {
    PullState.FOUND: frozenset({PullState.TO_FIND, PullState.NOT_FOUND}),
    PullState.NOT_FOUND: frozenset({PullState.TO_FIND, PullState.FOUND}),
    PullState.PULLED: frozenset({PullState.TO_FIND, PullState.FOUND, PullState.NOT_FOUND}),
    PullState.DELIVERED: frozenset({PullState.PULLED}),
}
#: What overtook a label: its household's parcel goes its own way.
OVERTAKEN = frozenset(
    {
        *(PullReason.SUPERSEDED, PullReason.CONFIDENTIAL, PullReason.DELETED),
        *(PullReason.HELD, PullReason.NOT_WANTED),
    }
)
#: Out of the way: a right label may follow.
_OUT = frozenset({PullState.PULLED, PullState.DELIVERED, PullState.TOO_LATE})
#: Still in our rooms, as far as anybody knows.
_SOUGHT = frozenset({PullState.TO_FIND, PullState.FOUND, PullState.NOT_FOUND})


def digest(item: PullItem) -> str:
    """The 版 of an item as it is shown: it changes with every step."""
    shown = (item.item_no, item.batch_id, item.file, item.sheet, item.position, item.reason, item.state, item.number)
    return hashlib.sha256(repr(tuple(map(str, shown))).encode()).hexdigest()[:12]


def missed(items: Iterable[PullItem]) -> list[PullItem]:
    """Items that nobody has pulled and that the carrier has by now."""
    return [item for item in items if item.handed_over and item.state in _SOUGHT]


def is_meant(item: PullItem) -> bool:
    """Whether an item says that its parcel should not go: it is not overtaken, nor its request taken back."""
    return item.reason not in OVERTAKEN and item.ended != WITHDRAWN


def stops_parcel(item: PullItem, *, other_fonts: bool) -> bool:
    """Whether nothing more may go to the household of an item: not when a later label, or another cause, has its say.

    Args:
        other_fonts: labels are drawn in other fonts now than this one was: what printed wrong may go anew once the
            wrong label is out, as it may when a person has said so of the request.
    """
    if not is_meant(item):
        return False
    if item.reason is PullReason.WARD_LIST:
        return True
    is_mended = item.ended == AGAIN or (item.reason is PullReason.GAIJI and other_fonts)
    return item.is_last and not (is_mended and item.state in _OUT)


def too_late(shipments: pa.Table, pulled: Collection[str], missed: Collection[str] = ()) -> list[DifferenceFound]:
    """A difference for every parcel that went to the carrier and was to be pulled.

    Args:
        shipments: `facts.SHIPMENT` of one kind.
        pulled: household numbers; missed: shipment ids whose wrong label the carrier has.
    """
    handed_over = shipments.filter(pc.is_valid(shipments["handed_over_at"]))
    of_household = pc.is_in(handed_over["household_no"], pa.array(pulled, pa.string()))
    ours = handed_over.filter(pc.or_(of_household, pc.is_in(handed_over["shipment_id"], pa.array(missed, pa.string()))))
    return [DifferenceFound(number, content_digest(()), "pull_out") for number in ours["shipment_id"].to_pylist()]


def counts(items: Collection[PullItem]) -> dict[str, int]:
    """How many items are on the list, and how many in each state."""
    by_state = Counter(item.state for item in items)
    return {"items": len(items)} | {state.value: by_state[state] for state in PullState}
