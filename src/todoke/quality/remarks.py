"""What is noticed in postcards and carrier's results that are taken, found by SQL rules, one a file.

A remark stops nothing and takes no row away: what becomes of an application or a parcel the reconciliation decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from todoke.model.codes import CardRemark, CarrierRemark, Labelled
from todoke.quality.findings import invalid_kana
from todoke.store import sqlfiles
from todoke.store.engine import Engine
from todoke.store.schema import REMARK


@dataclass(frozen=True)
class CardRules:
    """Settings of the contract that cards are held against; a field below `threshold` (0–1) is not read."""

    threshold: float
    opens_on: date
    ends_on: date


def card_remarks(card: pa.Table, line: pa.Table, item_codes: pa.ChunkedArray, rules: CardRules) -> pa.Table:
    """Remarks on postcards, by `include/sql/postcards/remark_*.sql`; `subject` is the 受付番号.

    Args:
        card, line: `schema.POSTCARD`, `schema.POSTCARD_LINE`.
        item_codes: of the catalogue.

    Returns:
        `schema.REMARK`, sorted.
    """
    names = card["name_kana"]
    inputs = {
        "postcard": card,
        "postcard_line": line,
        "catalogue": pa.table({"item_code": item_codes}),
        "invalid_kana": pa.table({"text": invalid_kana(names)}),
    }
    params = {"threshold": rules.threshold, "opens_on": rules.opens_on, "ends_on": rules.ends_on}
    with Engine() as engine:
        return _remarks(engine, "postcards", CardRemark, inputs, params)


def result_remarks(event: pa.Table, shipment: pa.Table, starts_on: date, ends_on: date) -> pa.Table:
    """Remarks on the carrier's events, by `include/sql/carrier/remark_*.sql`; `subject` is the shipment's id.

    Args:
        event: shipment_id, state, revision, tracking_no, occurred_at; all events of the parcels in question.
        shipment: shipment_id, released_on, released_rev of those parcels.
        starts_on, ends_on: of the contract.

    Returns:
        `schema.REMARK`, sorted.
    """
    with Engine() as engine:
        engine.register("shipment_event", event)
        engine.create("course", sqlfiles.load("carrier", "course"))
        params = {"starts_on": starts_on, "ends_on": ends_on}
        return _remarks(engine, "carrier", CarrierRemark, {"shipment": shipment}, params)


def counted(found: pa.Table, reasons: Iterable[Labelled]) -> Sequence[tuple[str, int]]:
    """Label and number of findings of each reason that was found."""
    counts = {item["values"]: item["counts"] for item in pc.value_counts(found["reason"]).to_pylist()}
    return [(reason.label, counts[reason.value]) for reason in reasons if reason.value in counts]


def _remarks(
    engine: Engine,
    process: str,
    reasons: Iterable[Labelled],
    inputs: Mapping[str, pa.Table],
    params: Mapping[str, object],
) -> pa.Table:
    for name, table in inputs.items():
        engine.register(name, table)
    parts = [engine.fetch(sqlfiles.load(process, f"remark_{reason}"), params).cast(REMARK) for reason in reasons]
    return pa.concat_tables(parts).sort_by([(name, "ascending") for name in REMARK.names])
