"""Where a household stands after the deadline, told by one fact at a time."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest

from todoke.parcels.nonapplicants import SHIPMENT_COLUMNS, NonApplicantInputs, standing
from todoke.store.facts import DECISION, SHIPMENT
from todoke.store.schema import AMENDMENT, HOUSEHOLD, POSTCARD, WEB_APPLICATION

NO = "0001"
HOME = {"household_no": NO, "members": 2, "confidential": False, "instructed": False, "state": "live"}


def parcel(kind: str = "catalogue", state: str = "delivered", *, handed_over: bool = True) -> dict[str, Any]:
    moment = datetime.fromisoformat("2026-11-02 10:00") if handed_over else None
    return {
        "household_no": NO,
        "kind": kind,
        "state": state,
        "released_on": date(2026, 11, 2),
        "handed_over_at": moment,
    }


def decided(status: str, reason: str | None = None, source: str = "web") -> dict[str, Any]:
    return {"application_id": "A:1", "household_no": NO, "source": source, "status": status, "reason": reason}


def standing_of(
    *parcels: dict[str, Any],
    decisions: tuple[dict[str, Any], ...] = (),
    action: str = "",
    possible: tuple[str, ...] = (),
    declined_households: bool = True,
    **home: Any,
) -> str:
    def table(rows: Any, schema: pa.Schema) -> pa.Table:
        return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)

    asked = [{"amendment_id": "1", "action": action}] if action else []
    households = pa.schema([("household_no", pa.string())])
    inputs = NonApplicantInputs(
        household=table([HOME | home], HOUSEHOLD),
        quarantined=households.empty_table(),
        decision=table(decisions, DECISION),
        web_application=WEB_APPLICATION.empty_table(),
        amendment=table(asked, AMENDMENT),
        postcard=POSTCARD.empty_table(),
        shipment=table(parcels, pa.schema([SHIPMENT.field(name) for name in SHIPMENT_COLUMNS])),
    )
    senders = table([{"household_no": number} for number in possible], households)
    [row] = standing(inputs, senders, declined_households=declined_households).to_pylist()
    return str(row["standing"])


@pytest.mark.parametrize("state", ["returned_unknown_address", "returned_refused", "returned_expired", "lost"])
def test_a_catalogue_that_came_back_reached_nobody_until_one_sent_again_does(state: str) -> None:
    back = parcel(state=state)
    assert standing_of(back) == "not_reached"
    assert standing_of(back, parcel(state="released", handed_over=False)) == "not_reached"
    assert standing_of(back, parcel(state=state)) == "not_reached"
    assert standing_of(back, parcel(state="in_transit")) == standing_of(back, parcel()) == "toilets"


def test_a_catalogue_that_the_carrier_never_got_reached_nobody() -> None:
    assert standing_of() == "not_reached"
    assert standing_of(parcel(state="released", handed_over=False)) == "not_reached"


def test_who_may_have_sent_an_order_that_is_nobodys_waits() -> None:
    assert standing_of(parcel(), possible=("0002",)) == "toilets"
    assert standing_of(parcel(), possible=(NO,)) == "waiting"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"decisions": (decided("accepted"),)}, "applied"),
        ({"decisions": (decided("review", "over_points"),)}, "waiting"),
        ({"decisions": (decided("review", "no_application", "phone"),)}, "waiting"),
        ({"decisions": (decided("superseded", None, "phone"),)}, "toilets"),
        ({"decisions": (decided("rejected", "late"),)}, "toilets"),
        ({"state": "held"}, "waiting"),
        ({"state": "deleted"}, "excluded"),
        ({"confidential": True}, "waiting"),
        ({"confidential": True, "instructed": True}, "toilets"),
        ({"decisions": (decided("withdrawn", "declined", "postcard"),)}, "toilets"),
        ({"decisions": (decided("accepted", None, "phone"),), "action": "decline"}, "toilets"),
        ({"decisions": (decided("accepted", None, "phone"),), "action": "cancel"}, "toilets"),
    ],
)
def test_each_fact_puts_a_household_where_the_rules_say(facts: dict[str, Any], expected: str) -> None:
    assert standing_of(parcel(), **facts) == expected


@pytest.mark.parametrize(("action", "expected"), [("decline", "excluded"), ("cancel", "toilets")])
def test_who_declined_gets_nothing_where_the_contract_says_so(action: str, expected: str) -> None:
    by_phone = (decided("accepted", None, "phone"),)
    assert standing_of(parcel(), decisions=by_phone, action=action, declined_households=False) == expected


def test_what_has_left_goes_before_everything_else() -> None:
    assert standing_of(parcel("toilet", "released", handed_over=False), state="deleted") == "toilets"
    assert standing_of(parcel("goods", "released", handed_over=False), possible=(NO,)) == "applied"
