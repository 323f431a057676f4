"""A run for a date that was run before changes neither ledger nor outbox, whatever the process."""

from __future__ import annotations

from collections import Counter

from mailbox_server import mailbox
from programme import TASKS, Programme
from small_ward import DECLINES, FAMILY, MOVER, NEIGHBOUR, SINGLE
from story import season


def test_every_process_run_again_for_its_date_leaves_ledger_and_outbox_as_they_are(empty: Programme):
    seen: Counter[str] = Counter()
    with mailbox() as box:
        for process, on in season(empty):
            empty.run(process, on)
            before, mails = empty.traces(), len(box.mails)
            empty.run(process, on)
            assert empty.traces() == before, f"{process} {on}"
            assert len(box.mails) == mails
            seen[process] += 1
    assert set(seen) == set(TASKS)
    assert len(box.mails) == 1
    assert empty.faults() == []
    assert _end(empty) == {
        "W:w1": ("accepted", None),
        "A:a1": ("accepted", None),
        "P:H1": ("rejected", "duplicate"),
        "W:w2": ("accepted", None),
        "W:w3": ("review", "over_points"),
        "P:H2": ("withdrawn", "declined"),
        "P:H3": ("review", "illegible"),
        "W:w4": ("accepted", None),
    }
    assert empty.parcel(FAMILY)["state"] == "delivered"
    assert empty.parcel(FAMILY)["lines"] == {"3001": 1, "3006": 1}
    assert empty.parcel(NEIGHBOUR)["state"] == "stopped"
    assert empty.parcel(DECLINES, "toilet")["state"] == "released"
    for waiting in (SINGLE, MOVER):
        assert empty.rows("shipment", household_no=waiting, kind="toilet") == []
    held = {row["household_no"]: row["claim"] for row in empty.rows("claim", claim="entitlement")}
    released = [row for row in empty.rows("shipment") if row["kind"] in ("goods", "toilet") and row["released_on"]]
    assert len(held) == len(released) == len({row["household_no"] for row in released})


def _end(programme: Programme) -> dict[str, tuple[str, str | None]]:
    return {row["application_id"]: (row["status"], row["reason"]) for row in programme.rows("decision_head")}
