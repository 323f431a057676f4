"""Who gets toilets: households that did not apply, and where all the others stand (G15)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from datetime import date

import pyarrow as pa

from todoke.errors import GateClosed
from todoke.store.engine import Engine
from todoke.store.sqlfiles import load

#: What the rules read of `facts.SHIPMENT`.
SHIPMENT_COLUMNS = ("household_no", "kind", "state", "released_on", "handed_over_at")
STANDINGS = ("applied", "toilets", "waiting", "not_reached", "excluded")


@dataclass(frozen=True)
class NonApplicantInputs:
    """What the ledger and the newest versions say.

    Attributes:
        household: the register in force.
        quarantined: household_no.
        decision: `facts.DECISION`.
        web_application, amendment, postcard: `WEB_APPLICATION`, `AMENDMENT`, `POSTCARD`: their ids and days.
        shipment: `SHIPMENT_COLUMNS` of catalogues, goods and toilets.
    """

    household: pa.Table
    quarantined: pa.Table
    decision: pa.Table
    web_application: pa.Table
    amendment: pa.Table
    postcard: pa.Table
    shipment: pa.Table


def standing(inputs: NonApplicantInputs, possible_sender: pa.Table, *, declined_households: bool) -> pa.Table:
    """Every household of the register and the quarantine with its standing, by household number.

    Args:
        possible_sender: household_no, once each, of those that an order in review may come from while it is nobody's.
        declined_households: whether those that declined goods get toilets.

    Returns:
        household_no, ward_no, members, confidential, standing (one of `STANDINGS`).
    """
    with Engine() as engine:
        for field in fields(inputs):
            engine.register(field.name, getattr(inputs, field.name))
        engine.register("possible_sender", possible_sender)
        for name in ("declined", "catalogue_reached"):
            engine.create(name, load("nonapplicants", name))
        return engine.fetch(load("nonapplicants", "standing"), {"declined_households": declined_households})


def settled_gate(inputs: NonApplicantInputs, until: date, orders_settled: date | None) -> None:
    """Lets nobody be called a non-applicant before everything received up to a day has been decided.

    Args:
        until: the last day on which an order counts: for toilets the deadline.
        orders_settled: the last day that orders were settled for. A day after `until` proves that they were landed
            when that day was over; what came in at noon of that day itself would not.

    Raises:
        GateClosed: orders have not been settled for a later day, or some that were landed since wait for it.
    """
    settle_first = "「申込の突合と出荷指示」をその日より後の業務日で実行し、終わってから再実行してください"
    if orders_settled is None or orders_settled <= until:
        raise GateClosed(
            f"{until:%Y-%m-%d} までの申込みが、まだ突合されていません",
            where="申込の突合",
            next_step=settle_first,
        )
    with Engine() as engine:
        landed = {name: getattr(inputs, name) for name in ("web_application", "amendment", "postcard", "decision")}
        found = engine.run(load("nonapplicants", "undecided"), landed, {"until": until})
    if count := found["orders"][0].as_py():
        raise GateClosed(
            f"{until:%Y-%m-%d} までに受け付けた申込み・電話変更のうち{count}件が、まだ突合されていません",
            where="申込の突合",
            next_step=settle_first,
        )


def totals(standings: pa.Table) -> dict[str, int]:
    """How many households stand where; the sum is the register."""
    counted = Counter(standings["standing"].to_pylist())
    return {name: counted.get(name, 0) for name in STANDINGS}
