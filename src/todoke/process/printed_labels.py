"""Printed labels that are not on the pull list: which of them are meant, and which have been overtaken (G07–G09)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from todoke.labels.gaiji import PRINTED_FIELDS
from todoke.model.changes import effect_kind, is_confidential
from todoke.model.codes import PullReason, PullState, ShipmentKind, ShipmentState
from todoke.outbox.batch import batches
from todoke.process.batch_contents import batch_parts
from todoke.process.label_printing import label_rows
from todoke.process.manifests import manifest
from todoke.process.releasing import as_claimed
from todoke.process.workspace import Workspace
from todoke.store import tables as t
from todoke.store.ledger import Pin
from todoke.store.pulls import SENDING, counting_label

CATALOGUES, TOILETS, NOTICES = (
    tuple(effect_kind(kind, confidential=apart) for apart in (False, True))
    for kind in (ShipmentKind.CATALOGUE, ShipmentKind.TOILET, ShipmentKind.NOTICE)
)
_KINDS = (*CATALOGUES, *TOILETS, *NOTICES)
_TAKEN_BACK = (ShipmentState.STOPPED, ShipmentState.CANCELLED)


class LabelPlace(NamedTuple):
    """Where one label was printed, as the batch's manifest has it."""

    batch: str
    file: str
    sheet: int
    position: int


@dataclass(frozen=True)
class Label:
    """A printed label that is not on the list, or not any more: its request was withdrawn.

    `handed_over`: the carrier has this very label; `told`, `told_kind`: what the carrier was told last of its parcel.
    """

    shipment_id: str
    batch_id: str
    batch_kind: str
    household_no: str
    application_no: str
    handed_over: bool
    told: str
    told_kind: str | None


def labels(ws: Workspace, tx: Connection, only: ColumnElement[bool] | None = None) -> list[Label]:
    """Those that fit a condition on `shipment`, `batch`, `effect` and `application_number`."""
    e, s, r, n, b, p = (table.c for table in _TABLES)
    told = t.shipment_revision.alias("told")
    query = (
        select(
            *(s.id.label("shipment_id"), b.id.label("batch_id"), b.kind.label("batch_kind"), s.household_no),
            n.application_no,
            and_(s.handed_over_at.is_not(None), e.rev == counting_label()).label("handed_over"),
            *(told.c.action.label("told"), told.c.effect_kind.label("told_kind")),
        )
        .select_from(t.effect)
        .join(t.batch, b.id == e.batch_id)
        .join(t.shipment, s.id == e.shipment_id)
        .join(t.shipment_revision, (r.shipment_id == e.shipment_id) & (r.rev == e.rev))
        .join(told, (told.c.shipment_id == s.id) & (told.c.rev == func.coalesce(s.handed_rev, s.released_rev)))
        .join(t.application_number, (n.contract == s.contract) & (n.household_no == s.household_no))
        .outerjoin(t.pull_item, (p.contract == e.contract) & (p.shipment_id == s.id) & (p.batch_id == b.id))
        .where(
            e.contract == ws.contract.id,
            b.kind.in_(_KINDS),
            b.state == "published",
            r.action.in_(SENDING),
            or_(p.item_no.is_(None), p.state == PullState.WITHDRAWN),
        )
        .order_by(b.business_on, b.id, s.id)
    )
    rows = tx.execute(query if only is None else query.where(only)).mappings()
    return [Label(**row | {"handed_over": bool(row["handed_over"])}) for row in map(dict, rows)]


_TABLES = (t.effect, t.shipment, t.shipment_revision, t.application_number, t.batch, t.pull_item)


def of_catalogues(ws: Workspace, tx: Connection) -> list[Label]:
    """Those of catalogues."""
    return labels(ws, tx, t.batch.c.kind.in_(CATALOGUES))


def with_number(ws: Workspace, tx: Connection, application_no: str) -> list[Label]:
    """Those of one household."""
    return labels(ws, tx, t.application_number.c.application_no == application_no)


def at_place(ws: Workspace, tx: Connection, place: LabelPlace) -> list[Label]:
    """The one at a place, or none."""
    on_list = labels(ws, tx, t.batch.c.id == place.batch)
    numbers = {number for number, where in places(ws, place.batch).items() if where == place} if on_list else set()
    return [label for label in on_list if label.application_no in numbers]


def with_text(ws: Workspace, tx: Connection, text: str) -> list[Label]:
    """Those on which a character is printed, as the versions of their batches have it."""
    printed: dict[str, set[str]] = {}
    for batch in (each for kind in _KINDS for each in batches(ws.ledger, tx, kind) if each.published):
        then = as_claimed(ws, batch)
        printed[batch.id] = set()
        for part in batch_parts(then, batch):
            records = label_rows(then, part, batch.kind)
            has = pa.scalar(value=False)
            for name in PRINTED_FIELDS:
                has = pc.or_(has, pc.match_substring(pc.fill_null(records.column(name), ""), text))
            printed[batch.id].update(records.column("application_no").filter(has).to_pylist())
    return [label for label in labels(ws, tx) if label.application_no in printed[label.batch_id]]


def places(ws: Workspace, batch_id: str) -> dict[str, LabelPlace]:
    """Where the labels of a batch were printed, by application number."""
    return {
        row["application_no"]: LabelPlace(batch_id, row["file"], int(row["sheet"]), int(row["position"]))
        for row in manifest(ws, batch_id)
    }


def overtaken(ws: Workspace, tx: Connection, pin: Pin) -> list[tuple[Label, PullReason]]:
    """Labels that must not be on an envelope any more, with what overtook each.

    A later label of its parcel has been printed or taken by the carrier, or the carrier was told to let it be.
    """
    if "household" not in pin.heads:
        return []
    s = t.shipment.c
    taken_back = and_(s.handed_over_at.is_(None), s.state.in_(_TAKEN_BACK))
    found = labels(ws, tx, or_(t.effect.c.rev != counting_label(), taken_back))
    if not found:
        return []
    household = ws.head_table("household", pin, ["household_no", "state", "confidential", "instructed"])
    mine = pa.array([label.household_no for label in found], pa.string())
    rows = household.filter(pc.is_in(household["household_no"], value_set=mine)).to_pylist()
    standing = {row["household_no"]: row for row in rows}
    return [(label, _cause(label, standing.get(label.household_no))) for label in found]


def _cause(label: Label, household: Mapping[str, Any] | None) -> PullReason:
    in_secret = is_confidential(label.batch_kind)
    if label.told in SENDING:
        became_secret = is_confidential(label.told_kind) and not in_secret
        return PullReason.CONFIDENTIAL if became_secret else PullReason.SUPERSEDED
    if household is None or household["state"] == "deleted":
        return PullReason.DELETED
    if household["confidential"] and not (in_secret and household["instructed"]):
        return PullReason.CONFIDENTIAL
    is_cancelled = label.told == "cancel" and household["state"] == "live"
    return PullReason.NOT_WANTED if is_cancelled else PullReason.HELD
