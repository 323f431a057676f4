from __future__ import annotations

import io
import itertools
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from todoke.errors import FileRefused
from todoke.parcels.carrier import parse_moment, read_results
from todoke.store.facts import EVENT, latest_state
from todoke.store.schema import CARRIER_RESULT, QUARANTINE

STATES = {"引受": "handed_over", "配達完了": "delivered", "宛所不明": "returned_unknown_address"}
HEADER = "出荷番号,改訂,送り状番号,状態,日時,備考"
DAY = datetime.fromisoformat("2026-11-05")


def read(*rows: str, header: str = HEADER) -> Any:
    return read_results(io.BytesIO("\r\n".join([header, *rows, ""]).encode("cp932")), "R0001", STATES)


def event(ref: str, state: str, at: str, **more: Any) -> dict[str, Any]:
    fields = {"source": "carrier", "shipment_id": "G1", "revision": 1, "tracking_no": None}
    return {**fields, "source_ref": ref, "state": state, "occurred_at": datetime.fromisoformat(at), **more}


def state_of(*events: dict[str, Any]) -> dict[str, Any]:
    (row,) = latest_state(pa.Table.from_pylist(list(events), EVENT)).to_pylist()
    return row


def test_the_carriers_words_become_our_states():
    file = read("G1,1,4001,引受,2026/11/5 9:30,", "G1,1,4001,配達完了,2026-11-06 18:00:05,宅配ボックス")
    assert file.results.schema == CARRIER_RESULT
    assert file.results.select(["state", "occurred_at", "note", "row_no"]).to_pylist() == [
        {"state": "handed_over", "occurred_at": DAY.replace(hour=9, minute=30), "note": None, "row_no": 1},
        {
            "state": "delivered",
            "occurred_at": datetime.fromisoformat("2026-11-06 18:00:05"),
            "note": "宅配ボックス",
            "row_no": 2,
        },
    ]


def test_every_row_is_taken_or_in_quarantine_with_its_reason():
    file = read(
        "G1,,4001,引受,2026-11-05 09:30,",
        "G2,1,4002,行方不明,2026-11-05 09:30,",
        "G3,1,4003,引受,2026-02-30 09:30,",
        ",1,4004,引受,2026-11-05 09:30,",
        "G5,二,4005,引受,2026-11-05 09:30,",
        "G6,1,4006,引受",
    )
    assert file.quarantine.schema == QUARANTINE
    assert [(row["row_no"], row["field"], row["reason"]) for row in file.quarantine.to_pylist()] == [
        (2, "状態", "state_unknown"),
        (3, "日時", "moment_invalid"),
        (4, "出荷番号", "shipment_id_missing"),
        (5, "改訂", "revision_invalid"),
        (6, "", "ragged"),
    ]
    assert (file.rows, file.results.num_rows) == (6, 1)
    assert file.results["revision"].to_pylist() == [None]


def test_a_file_without_a_column_is_refused_whole():
    with pytest.raises(FileRefused, match="日時"):
        read("G1,1,4001,引受,", header="出荷番号,改訂,送り状番号,状態,備考")


def test_a_file_of_headings_only_is_no_rows():
    assert (read().rows, read().results.num_rows, read().quarantine.num_rows) == (0, 0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-05 09:30", "2026-11-05 09:30"),
        ("2026/11/5 9:30", "2026-11-05 09:30"),
        ("20261105093001", "2026-11-05 09:30:01"),
        ("令和8年11月5日 9:30", "2026-11-05 09:30"),
        ("2026/11/05", "2026-11-05"),
        ("2026-11-05T00:30:00+00:00", "2026-11-05 09:30"),
    ],
)
def test_moments_are_read_as_carriers_write_them(text: str, expected: str):
    assert parse_moment(text) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("text", ["", "昨日", "2026/2/30 9:00", "2026/11/5 25:00", "9:30", "2026/11/5 9"])
def test_what_is_no_moment_is_none(text: str):
    assert parse_moment(text) is None


def test_the_latest_event_says_where_a_parcel_is():
    row = state_of(
        event("3", "delivered", "2026-11-07 10:00"),
        event("1", "handed_over", "2026-11-05 09:00", tracking_no="4001"),
        event("2", "absent", "2026-11-06 10:00"),
    )
    assert row == {
        "shipment_id": "G1",
        "state": "delivered",
        "state_at": datetime.fromisoformat("2026-11-07 10:00"),
        "handed_over_at": datetime.fromisoformat("2026-11-05 09:00"),
        "handed_over_on": date(2026, 11, 5),
        "handed_revision": 1,
        "delivered_on": date(2026, 11, 7),
        "tracking_no": "4001",
    }


def test_at_the_same_time_the_state_that_needs_attention_stands():
    same = "2026-11-07 00:00"
    assert state_of(event("1", "delivered", same), event("2", "in_transit", same))["state"] == "delivered"
    assert state_of(event("1", "damaged", same), event("2", "delivered", same))["state"] == "damaged"
    returned = state_of(event("1", "returned_refused", same), event("2", "delivered", same))
    assert (returned["state"], returned["delivered_on"]) == ("returned_refused", None)


def test_without_a_hand_over_the_first_word_of_the_carrier_counts_as_one():
    row = state_of(
        event("2", "delivered", "2026-11-07 10:00", revision=3),
        event("1", "in_transit", "2026-11-06 08:00", revision=2),
    )
    assert (row["handed_over_on"], row["handed_revision"]) == (date(2026, 11, 6), 2)


@pytest.mark.parametrize(
    ("later", "delivered_on"),
    [
        ("returned_refused", None),
        ("lost", None),
        ("damaged", date(2026, 11, 7)),
        ("delayed", date(2026, 11, 7)),
    ],
)
def test_a_return_or_a_loss_undoes_a_delivery_and_damage_does_not(later: str, delivered_on: date | None):
    row = state_of(event("1", "delivered", "2026-11-07 10:00"), event("2", later, "2026-11-08 10:00"))
    assert (row["state"], row["delivered_on"]) == (later, delivered_on)


def test_a_lost_parcel_that_turns_up_is_delivered():
    row = state_of(event("1", "lost", "2026-11-07 10:00"), event("2", "delivered", "2026-11-09 10:00"))
    assert (row["state"], row["delivered_on"]) == ("delivered", date(2026, 11, 9))


def test_our_own_states_are_not_the_carriers_word():
    assert latest_state(pa.Table.from_pylist([event("1", "released", "2026-11-05")], EVENT)).num_rows == 0


WORDS = ["handed_over", "in_transit", "absent", "held", "delivered", "damaged", "lost", "returned_refused"]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(WORDS), st.integers(1, 4), st.integers(1, 3), st.sampled_from([None, "4001", "4002"])
        ),
        min_size=1,
        max_size=4,
    )
)
def test_the_order_in_which_events_arrive_changes_nothing(drawn: list[tuple[str, int, int, str | None]]):
    events = [
        event(str(number), state, f"2026-11-{day:02d}", revision=revision, tracking_no=tracking)
        for number, (state, day, revision, tracking) in enumerate(drawn)
    ]
    outcomes = [state_of(*order) for order in itertools.islice(itertools.permutations(events), 4)]
    assert all(outcome == outcomes[0] for outcome in outcomes)
