"""The quality checks of what comes in day by day: postcards and carrier's results.

What the reader cannot take is in quarantine already, with its reason. Here the suites gate what was taken – a row that
should not have passed the reader stops the day – and count what is worth a look; the latter stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from todoke.contract import loader
from todoke.model.codes import CardFinding, CardRemark, CarrierFinding, CarrierRemark, Finding, Labelled
from todoke.process.quality_pages import QualityPage
from todoke.process.workspace import Counts, Workspace
from todoke.quality.docs import Listing, quality_page
from todoke.quality.remarks import counted
from todoke.quality.suites import agree, gate, run_suite
from todoke.store.ledger import Pin
from todoke.store.sqlfiles import digest as sql_digest

if TYPE_CHECKING:
    import pandas as pd

_UNREADABLE = (Finding.RAGGED, Finding.BAD_CHARACTER)


@dataclass(frozen=True)
class Arrivals:
    """A kind of what comes in day by day.

    Attributes:
        suite: in `expectations/`; rules: folder of the SQL rules.
        dataset: new rows make a new version of it.
        quarantine, remarks: datasets of what was not taken, and of what is noticed.
        refused, noticed: the reasons of the two.
    """

    suite: str
    rules: str
    dataset: str
    quarantine: str
    remarks: str
    refused: Collection[Labelled]
    noticed: Collection[Labelled]


POSTCARDS = Arrivals(
    "postcards",
    "postcards",
    "postcard",
    "postcard_bad_row",
    "postcard_remark",
    (*_UNREADABLE, *CardFinding),
    tuple(CardRemark),
)
RESULTS = Arrivals(
    *("carrier_results", "carrier", "carrier_result", "carrier_bad_row", "carrier_remark"),
    (*_UNREADABLE, *CarrierFinding),
    tuple(CarrierRemark),
)


def check_arrivals(
    ws: Workspace, pin: Pin, kind: Arrivals, look: Callable[[], tuple[pa.Table, pd.DataFrame]], *others: str
) -> Counts:
    """Runs rules and suite over what arrived, gates, and writes remarks and page; nothing when nothing is new.

    Args:
        look: gives the remarks (`schema.REMARK`) and the suite's frame; only called when there is something new.
        others: datasets beside `kind.dataset` that the rules look at.

    Returns:
        rows looked at, remarks, page (its place below `quality/`).

    Raises:
        GateClosed: a row was taken that should not have been, or suite and rules count differently.
    """
    if kind.dataset not in pin.heads:
        return {}
    heads = [pin.heads[name].id if name in pin.heads else "" for name in (kind.dataset, *others)]
    inputs = [*heads, sql_digest(kind.rules), loader.digest(ws.contract)]
    page = QualityPage(ws, kind.suite, inputs)
    if page.is_there(pin.heads.get(kind.remarks)):
        return {}
    remarks, frame = look()
    result = run_suite(kind.suite, frame)
    agree(result, remarks, kind.noticed)
    documented = frozenset(map(str, kind.noticed))
    gate(result, documented=documented)
    bad = ws.head_table(kind.quarantine, pin, ["reason"])
    shown = quality_page(
        result,
        documented=documented,
        counts={"検査した行": result.rows, "隔離した行（累計）": bad.num_rows, "注意": remarks.num_rows},
        listings=[
            Listing("隔離の理由", ("理由", "行"), counted(bad, kind.refused), empty="隔離した行はありません。"),
            Listing(
                "注意",
                ("内容", "件"),
                counted(remarks, kind.noticed),
                empty="注意はありません。",
                note="注意のある行も取り込んでいます。扱いは突合と確認で決まります。",
            ),
        ],
        contract_name=ws.contract.name,
        on=ws.on,
    )
    made = ws.commit_tables({kind.remarks: remarks}, pin.heads, inputs)
    return {"rows": result.rows, "remarks": remarks.num_rows, "page": page.put(made[kind.remarks], shown)}
