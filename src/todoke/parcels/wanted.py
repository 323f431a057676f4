"""The parcels that rules desire, as tables; only those of households in question become objects that `diff` compares.

Of a ward's parcels nearly all are, on any day, just as they should be. Those are told in SQL, once for all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from todoke.model.changes import Parcel, content_digest, effect_kind
from todoke.model.codes import Cause, ShipmentKind
from todoke.parcels.diff import ParcelDiff, diff
from todoke.parcels.ledger_parcels import actual_parcels
from todoke.store.engine import Engine
from todoke.store.facts import REVISION, SHIPMENT
from todoke.store.sqlfiles import load

WANTED = pa.schema(
    [
        ("household_no", pa.string()),
        ("kind", pa.string()),
        ("cause", pa.string()),
        ("cause_ref", pa.string()),
        ("source_ref", pa.string()),
        ("points", pa.int32()),
        ("held", pa.bool_()),
        ("effect_kind", pa.string()),
        ("content_digest", pa.string()),
        ("content", pa.string()),
    ]
)
_PLACE = ["household_no", "cause", "cause_ref"]
_LINE, _PIECE = "\n", "\t"


@dataclass(frozen=True)
class Held:
    """Parcels as the ledger holds them: `facts.SHIPMENT` and every revision of theirs, `facts.REVISION`."""

    shipments: pa.Table
    revisions: pa.Table

    def of(self, households: pa.Array) -> Held:
        """Those of some households."""
        shipments = self.shipments.filter(pc.is_in(self.shipments["household_no"], value_set=households))
        mine = pc.is_in(self.revisions["shipment_id"], value_set=shipments["shipment_id"].combine_chunks())
        return Held(shipments, self.revisions.filter(mine))


NOTHING = Held(SHIPMENT.empty_table(), REVISION.empty_table())


def goods_wanted(parcel: pa.Table, parcel_line: pa.Table, catalogue: pa.Table, household: pa.Table) -> pa.Table:
    """The goods parcels that the reconciliation desires, as `WANTED`.

    Args:
        parcel, parcel_line: `orders.reconcile.Desired`.
        catalogue: item_code, points of one piece.
        household: household_no, confidential.
    """
    inputs = {"parcel": parcel, "parcel_line": parcel_line, "catalogue": catalogue, "household": household}
    with Engine() as engine:
        rows = engine.run(load("parcels", "goods_wanted"), inputs)
    return _wanted(rows.join(_contents(parcel_line), _PLACE), ShipmentKind.GOODS)


def one_item_wanted(households: pa.Table, kind: ShipmentKind, item_code: str) -> pa.Table:
    """Parcels that hold one item (catalogues, toilets), as `WANTED`.

    Args:
        households: household_no, quantity, held, confidential; cause and cause_ref unless all are first parcels.
    """
    quantity = pc.cast(households["quantity"], pa.string())
    constants = {"cause": Cause.FIRST.value, "cause_ref": "", "source_ref": "", "points": 0}
    constants = {name: value for name, value in constants.items() if name not in households.column_names}
    rows = households.append_column("content", pc.binary_join_element_wise(item_code, quantity, _PIECE))
    for name, value in constants.items():
        rows = rows.append_column(name, pa.repeat(pa.scalar(value, WANTED.field(name).type), rows.num_rows))
    return _wanted(rows, kind)


def sent_again(lines: pa.Table) -> pa.Table:
    """Goods parcels that go once more as they were, as `WANTED`; they cost no points.

    Args:
        lines: household_no, cause, cause_ref, source_ref, held, confidential, item_code, quantity.
    """
    columns = [*_PLACE, "source_ref", "held", "confidential"]
    parcels = lines.select(columns).group_by(columns).aggregate([])
    rows = parcels.append_column("points", pa.repeat(pa.scalar(0, pa.int32()), parcels.num_rows))
    return _wanted(rows.join(_contents(lines), _PLACE), ShipmentKind.GOODS)


def changed_parcels(
    key: bytes,
    contract: str,
    wanted: pa.Table,
    held: Held,
    *,
    displaced: Held = NOTHING,
    moved: Collection[str] = (),
) -> ParcelDiff:
    """As `diff` of all parcels, but made only of the households in which anything is in question.

    Args:
        wanted: `WANTED`, every parcel of the kinds concerned that should be.
        held: every parcel of those kinds in the ledger.
        displaced, moved: as in `diff`.
    """
    inputs = {
        "wanted": wanted,
        "shipment": held.shipments,
        "revision": held.revisions,
        "moved": pa.table({"shipment_id": pa.array(moved, pa.string())}),
    }
    with Engine() as engine:
        found = engine.run(load("parcels", "household_in_question"), inputs)
    households = found["household_no"].combine_chunks()
    in_question = wanted.filter(pc.is_in(wanted["household_no"], value_set=households))
    present, yielding = held.of(households), displaced.of(households)
    return diff(
        key,
        contract,
        _parcels(in_question),
        actual_parcels(present.shipments, present.revisions),
        displaced=actual_parcels(yielding.shipments, yielding.revisions),
        moved=moved,
    )


def _contents(parcel_line: pa.Table) -> pa.Table:
    """household_no, cause, cause_ref and the text of what is in the parcel, one line an item, by item code."""
    sorted_lines = parcel_line.sort_by([(name, "ascending") for name in (*_PLACE, "item_code")])
    piece = pc.binary_join_element_wise(
        sorted_lines["item_code"], pc.cast(sorted_lines["quantity"], pa.string()), _PIECE
    )
    pieces = sorted_lines.select(_PLACE).append_column("piece", piece)
    grouped = pieces.group_by(_PLACE, use_threads=False).aggregate([("piece", "list")])
    return grouped.select(_PLACE).append_column("content", pc.binary_join(grouped["piece_list"], _LINE))


def _wanted(rows: pa.Table, kind: ShipmentKind) -> pa.Table:
    content = pc.fill_null(rows["content"], "")
    columns = {
        **{name: rows[name] for name in (*_PLACE, "source_ref", "points", "held")},
        "kind": pa.repeat(kind.value, rows.num_rows),
        "effect_kind": pc.if_else(
            rows["confidential"], effect_kind(kind, confidential=True), effect_kind(kind, confidential=False)
        ),
        "content": content,
        "content_digest": _digests(content),
    }
    return pa.table({name: columns[name] for name in WANTED.names}, schema=WANTED)


def _digests(content: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each different content is digested once."""
    different = pc.unique(content)
    digests = pa.array([content_digest(_lines(text)) for text in different.to_pylist()], pa.string())
    return digests.take(pc.index_in(content, value_set=different).combine_chunks())


def _lines(content: str) -> tuple[tuple[str, int], ...]:
    pairs = (piece.split(_PIECE) for piece in content.split(_LINE)) if content else ()
    return tuple((code, int(quantity)) for code, quantity in pairs)


def _parcels(wanted: pa.Table) -> Iterator[Parcel]:
    columns = (wanted[name].to_pylist() for name in WANTED.names)
    for household, kind, cause, ref, source_ref, points, held, effect, _, content in zip(*columns, strict=True):
        lines = _lines(content)
        yield Parcel(household, ShipmentKind(kind), Cause(cause), ref, source_ref, lines, points, held, effect)
