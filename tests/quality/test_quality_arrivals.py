"""Postcards and carrier's results: rules and suites count the same, and only a fault of the reader closes the gate."""

from __future__ import annotations

import re
from datetime import date, datetime

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from todoke.errors import GateClosed
from todoke.model.codes import CardRemark, CarrierRemark
from todoke.quality.arrivals import card_frame, result_frame
from todoke.quality.docs import Listing, quality_page
from todoke.quality.remarks import CardRules, card_remarks, counted, result_remarks
from todoke.quality.suites import SuiteResult, agree, gate, run_suite
from todoke.store.facts import EVENT, REPORTED
from todoke.store.schema import POSTCARD, POSTCARD_LINE

# Said of a pattern with groups, once a run of the suite, into the log of the task.
pytestmark = pytest.mark.filterwarnings("error:This pattern is interpreted as a regular expression")

Row = dict[str, object]
NUMBER = "1234567889"
ITEMS = pa.chunked_array([["A001", "B002"]])
RULES = CardRules(0.8, date(2026, 11, 2), date(2027, 3, 31))
STARTS, ENDS = date(2026, 6, 15), date(2027, 3, 31)
REFUSED = (frozenset(map(str, CardRemark)), frozenset(map(str, CarrierRemark)))


def card(card_no: str, **changes: object) -> Row:
    sure = {f"{name}_confidence": 0.99 for name in ("application_no", "name_kana", "postal_code")}
    return {
        "card_no": card_no,
        "received_on": date(2026, 11, 10),
        "postmarked_on": date(2026, 11, 9),
        "image_file": f"{card_no}.tif",
        "application_no": NUMBER,
        "name_kana": "ミホン　タロウ",
        "postal_code": "153-0061",
        "declined": "",
        **sure,
        **changes,
    }


def line(card_no: str, line_no: int = 1, **changes: object) -> Row:
    return {
        "card_no": card_no,
        "line_no": line_no,
        "item_code": "A001",
        "quantity_text": "1",
        "item_confidence": 0.95,
        **changes,
    }


def look_at_cards(cards: list[Row], lines: list[Row]) -> tuple[pa.Table, SuiteResult]:
    tables = pa.Table.from_pylist(cards, POSTCARD), pa.Table.from_pylist(lines, POSTCARD_LINE)
    found = card_remarks(*tables, ITEMS, RULES)
    return found, run_suite("postcards", card_frame(*tables, ITEMS, RULES))


CARDS: dict[CardRemark, list[tuple[Row, Row]]] = {
    CardRemark.NUMBER_UNREADABLE: [
        ({"application_no": ""}, {}),
        ({"application_no_confidence": 0.79}, {}),
        ({"application_no_confidence": None}, {}),
    ],
    CardRemark.NUMBER_INVALID: [
        ({"application_no": text}, {}) for text in ("1234567888", "12345678", "123456788X", "１２３４５６７８８９")
    ],
    CardRemark.NAME_NOT_KANA: [({"name_kana": "見本"}, {}), ({"name_kana": "ミホン1"}, {})],
    CardRemark.POSTAL_CODE_MALFORMED: [({"postal_code": "153-006"}, {}), ({"postal_code": "１５３００６１２"}, {})],
    CardRemark.POSTMARK_LATER: [({"postmarked_on": date(2026, 11, 11)}, {})],
    CardRemark.RECEIVED_OUTSIDE_TERM: [
        ({"received_on": day, "postmarked_on": None}, {}) for day in (date(2026, 11, 1), date(2027, 4, 1))
    ],
    CardRemark.IMAGE_MISSING: [({"image_file": ""}, {})],
    CardRemark.ITEM_UNREADABLE: [
        ({}, {"item_code": ""}),
        ({}, {"item_confidence": 0.5}),
        ({}, {"item_confidence": None}),
    ],
    CardRemark.ITEM_UNKNOWN: [({}, {"item_code": "Z999"})],
    CardRemark.QUANTITY_UNUSUAL: [({}, {"quantity_text": text}) for text in ("0", "?", "-1", "100", "００", "1個")],
}


@pytest.mark.parametrize("remark", CardRemark)
def test_every_remark_on_a_card_is_found_by_rule_and_suite_and_closes_nothing(remark):
    for of_card, of_line in CARDS[remark]:
        found, result = look_at_cards([card("1"), card("2", **of_card)], [line("1"), line("2", **of_line)])
        assert [(row["subject"], row["reason"]) for row in found.to_pylist()] == [("2", remark)], (of_card, of_line)
        agree(result, found, CardRemark)
        assert not result.success
        gate(result, documented=REFUSED[0])


def test_a_card_as_scanners_write_it_has_no_remark():
    cards = [
        card("1", name_kana="ﾐﾎﾝ ﾀﾛｳ", postal_code="〒１５３－００６１", postmarked_on=None),
        card("2", name_kana="", name_kana_confidence=None, postal_code="?", postal_code_confidence=0.1),
        card("3", declined="1", declined_confidence=0.9),
    ]
    lines = [line("1", quantity_text=""), line("1", 6, quantity_text="９９"), line("2", quantity_text="07")]
    found, result = look_at_cards(cards, lines)
    assert found.num_rows == 0
    assert result.success
    agree(result, found, CardRemark)


@pytest.mark.parametrize(
    ("cards", "lines", "title"),
    [
        ([card("1"), card("1")], [], "受付番号は1回だけ現れる"),
        ([card("")], [], "受付番号がある"),
        ([card("1", received_on=None, postmarked_on=None)], [], "受付日がある"),
        ([card("1", postal_code_confidence=1.5)], [], "郵便番号の確信度は0〜1"),
        ([card("1")], [line("1"), line("1")], "同じ欄は1回だけ現れる"),
        ([card("1")], [line("1", 7)], "欄は1〜6"),
        ([card("1")], [line("2")], "欄のはがきがある"),
    ],
)
def test_a_card_that_the_reader_should_not_have_taken_closes_the_gate(cards, lines, title):
    _, result = look_at_cards(cards, lines)
    with pytest.raises(GateClosed, match=title):
        gate(result, documented=REFUSED[0])


_TEXTS = ["", "1234567889", "123456788", "ミホン", "見本", "1530061", "？", "０１", "99", "A001", "Z9", "1 2"]
_CONFIDENCE = st.sampled_from([None, 0.0, 0.79, 0.8, 1.0])
_DAY = st.sampled_from([None, date(2026, 10, 31), date(2026, 11, 9), date(2026, 11, 10), date(2027, 4, 1)])
_CARD = st.fixed_dictionaries(
    {name: st.sampled_from(_TEXTS) for name in ("image_file", "application_no", "name_kana", "postal_code")}
    | {f"{name}_confidence": _CONFIDENCE for name in ("application_no", "name_kana", "postal_code")}
    | {"received_on": _DAY.filter(bool), "postmarked_on": _DAY}
)
_LINE = st.fixed_dictionaries(
    {name: st.sampled_from(_TEXTS) for name in ("item_code", "quantity_text")} | {"item_confidence": _CONFIDENCE}
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(_CARD, st.lists(_LINE, max_size=3)), max_size=8))
def test_rules_and_suite_agree_on_any_cards(mess):
    cards = [card(str(number), **of_card) for number, (of_card, _) in enumerate(mess)]
    lines = [
        line(str(number), place, **of_line)
        for number, (_, of_lines) in enumerate(mess)
        for place, of_line in enumerate(of_lines, 1)
    ]
    found, result = look_at_cards(cards, lines)
    agree(result, found, CardRemark)
    gate(result, documented=REFUSED[0])


def event(shipment: str, state: str, moment: str, **changes: object) -> Row:
    at = datetime.fromisoformat(moment)
    ref = f"{shipment}/1/{state}/{at:%Y%m%d%H%M%S}"
    return {
        "source": "carrier",
        "source_ref": ref,
        "shipment_id": shipment,
        "state": state,
        "revision": 1,
        "tracking_no": "400000000012",
        "occurred_at": at,
        **changes,
    }


def look_at_results(events: list[Row], shipments: list[str]) -> tuple[pa.Table, SuiteResult]:
    ours = [{"shipment_id": number, "released_on": date(2026, 11, 2), "released_rev": 1} for number in shipments]
    tables = pa.Table.from_pylist(events, EVENT), pa.Table.from_pylist(ours, REPORTED)
    return result_remarks(*tables, STARTS, ENDS), run_suite("carrier_results", result_frame(*tables, STARTS, ENDS))


RESULTS: dict[CarrierRemark, list[list[Row]]] = {
    CarrierRemark.NO_HAND_OVER: [
        [event("S2", "delivered", "2026-11-04 10:00")],
        [event("S2", "in_transit", "2026-11-03 10:00"), event("S2", "returned_refused", "2026-11-04 10:00")],
    ],
    CarrierRemark.HAND_OVER_LATE: [
        [event("S2", "delivered", "2026-11-04 10:00"), event("S2", "handed_over", "2026-11-04 10:01")]
    ],
    CarrierRemark.BEFORE_RELEASE: [[event("S2", "handed_over", "2026-11-01 23:59")]],
    CarrierRemark.OUTSIDE_TERM: [[event("S2", "in_transit", "2027-04-01 00:00")]],
    CarrierRemark.REVISION_NOT_RELEASED: [[event("S2", "handed_over", "2026-11-03 09:00", revision=2)]],
    CarrierRemark.TRACKING_NO_CHANGED: [
        [
            event("S2", "handed_over", "2026-11-03 09:00"),
            event("S2", "in_transit", "2026-11-03 12:00", tracking_no="400000000023"),
        ]
    ],
}
SOUND = [
    event("S1", "handed_over", "2026-11-02 09:00", revision=None),
    event("S1", "absent", "2026-11-03 09:00", tracking_no=None),
    event("S1", "delivered", "2026-11-03 09:00"),
    event("S1", "damaged", "2026-11-04 09:00"),
]


@pytest.mark.parametrize("remark", CarrierRemark)
def test_every_remark_on_a_result_is_found_by_rule_and_suite_and_closes_nothing(remark):
    for events in RESULTS[remark]:
        found, result = look_at_results([*SOUND, *events], ["S1", "S2"])
        assert [(row["subject"], row["reason"]) for row in found.to_pylist()] == [("S2", remark)], events
        agree(result, found, CarrierRemark)
        assert not result.success
        gate(result, documented=REFUSED[1])


def test_a_parcels_usual_course_has_no_remark():
    found, result = look_at_results(SOUND, ["S1"])
    assert found.num_rows == 0
    assert result.success
    agree(result, found, CarrierRemark)


@pytest.mark.parametrize(
    ("events", "title"),
    [
        ([SOUND[0], SOUND[0]], "同じ結果は1回だけ現れる"),
        ([event("S1", "lost in space", "2026-11-03 09:00")], "状態が対応表にある"),
        ([event("S3", "handed_over", "2026-11-03 09:00")], "出荷番号が当方のもの"),
        ([event("S1", "handed_over", "2026-11-03 09:00", occurred_at=None)], "日時がある"),
    ],
)
def test_a_result_that_the_reader_should_not_have_taken_closes_the_gate(events, title):
    _, result = look_at_results(events, ["S1"])
    with pytest.raises(GateClosed, match=title):
        gate(result, documented=REFUSED[1])


_EVENT = st.tuples(
    st.sampled_from(["S1", "S2"]),
    st.sampled_from(["handed_over", "in_transit", "delivered", "returned_expired", "lost"]),
    st.sampled_from(
        ["2026-06-14 10:00", "2026-11-01 10:00", "2026-11-02 00:00", "2026-11-05 10:00", "2027-03-31 23:59"]
    ),
    st.fixed_dictionaries(
        {"revision": st.sampled_from([None, 0, 1, 2]), "tracking_no": st.sampled_from([None, "1", "2"])}
    ),
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_EVENT, max_size=8, unique_by=lambda one: one[:3]))
def test_rules_and_suite_agree_on_any_results(mess):
    found, result = look_at_results([event(*place, **changes) for *place, changes in mess], ["S1", "S2"])
    agree(result, found, CarrierRemark)
    gate(result, documented=REFUSED[1])


def test_the_page_shows_remarks_as_such_and_holds_no_value():
    cards = [card("11", application_no="5556667778", name_kana="ナゾノ　ヒト", image_file="秘密.tif")]
    found, result = look_at_cards(cards, [line("11", item_code="Z999")])
    page = quality_page(
        result,
        documented=REFUSED[0],
        counts={"検査した行": result.rows},
        listings=[Listing("注意", ("内容", "件"), counted(found, CardRemark), empty="")],
        contract_name="試験",
        on=date(2026, 11, 10),
    ).decode()
    assert "合格" in page
    assert '<span class="seen">注意</span>' in page
    assert 'カタログにない商品コード</td><td class="n">1<' in page
    for text in ("5556667778", "ナゾノ", "秘密", "Z999", "153-0061"):
        assert text not in page + repr(result)
    assert not re.search(r"https?:|//|src=|href=|url\(", page)
