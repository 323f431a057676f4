"""What is to be pulled is stopped at once, found by its place, and accounted for until the ward has it (G08)."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programme import CONTRACT, Programme, one
from register_steps import by_hand
from small_ward import (
    COUPLE,
    FAMILY,
    GAIJI,
    GAIJI_NAME,
    HEADER,
    HOMES,
    SECRET,
    SECRET_INSTRUCTED,
    SINGLE,
    THREE,
    drop,
    home_of,
    table,
)
from sqlalchemy import update
from test_process_kills import killed_at_file, killed_before_commit
from ward_queries import opened

from todoke.errors import TodokeError
from todoke.process import pull_outs, resend_requests, returned_work
from todoke.store import tables as t

FILES, LABELS, NEXT, THIRD = date(2026, 7, 21), date(2026, 9, 7), date(2026, 9, 8), date(2026, 9, 9)
HAND_OVER = date(2026, 11, 2)
UNKNOWN = "00009999"


@pytest.fixture(params=["labels_printed", "labels_printed_on_postgresql"], ids=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Programme]:
    """The same on either ledger."""
    with request.getfixturevalue(request.param).copied(tmp_path / "home") as programme, programme.entered():
        yield programme


def names(programme: Programme, *numbers: str, on: date = NEXT, seq: int = 1) -> dict[str, Any]:
    """The ward names households to be pulled; all that follows from it; what the pull task said."""
    programme.ward_sends("pull_out", table(("世帯番号", "理由"), [(number, "転出") for number in numbers]), on, seq)
    programme.run("intake", on)
    programme.run("register", on)
    return dict(programme.run("labels", on)["pull_out"])  # type: ignore[arg-type]


def newest(programme: Programme, below: str, ending: str) -> bytes:
    files = [name for name in programme.outbox.listing(below) if name.endswith(ending)]
    paths = {name: programme.home / "outbox" / CONTRACT / f"{name}.age" for name in files}
    return programme.outbox.get(max(files, key=lambda name: paths[name].stat().st_mtime_ns))


class PullList:
    """The newest pull list, as somebody fills it in."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self.book = opened(newest(programme, "pull_out", "pull_list.xlsx"))
        self.sheet = self.book["引抜き一覧"]
        self.top = next(row for row in range(1, 20) if self.sheet.cell(row, 1).value == "管理番号")
        self.places = {
            text: place
            for place in range(1, self.sheet.max_column + 1)
            for line in (self.top, self.top + 1)
            if (text := self.sheet.cell(line, place).value)
        }

    def rows(self) -> dict[str, dict[str, Any]]:
        """By the ward's number."""
        lines = range(self.top + 2, self.sheet.max_row + 1)
        read = [{name: self.sheet.cell(row, p).value for name, p in self.places.items()} | {"": row} for row in lines]
        return {str(row["世帯番号"]): row for row in read if row["世帯番号"]}

    def says(self, household: str, result: str | None, by: str | None = "佐藤") -> PullList:
        row = self.rows()[household][""]
        self.sheet.cell(row, self.places["結果"]).value = result
        self.sheet.cell(row, self.places["担当者"]).value = by
        return self

    def returned(self, on: date, seq: int = 1) -> Any:
        stream = io.BytesIO()
        self.book.save(stream)
        drop(self.programme.inbox("returned_work"), f"pulls_{on:%Y%m%d}_{seq:02d}.xlsx", stream.getvalue())
        said = returned_work.take_answers(CONTRACT, on)
        pull_outs.pull_out(CONTRACT, on)
        return said


def states(programme: Programme) -> dict[str, str]:
    """State of the label of each household on the list."""
    of = {row["id"]: row["household_no"] for row in programme.rows("shipment")}
    return {of[row["shipment_id"]]: row["state"] for row in programme.rows("pull_item")}


def control(programme: Programme) -> dict[str, Any]:
    return dict(json.loads(newest(programme, "pull_out", "control.json")))


def test_whom_the_ward_names_is_stopped_at_once_and_found_by_place(either: Programme):
    said = names(either, FAMILY, SECRET_INSTRUCTED, SECRET, UNKNOWN)
    assert {k: v for k, v in said.items() if v} == {
        **{"listed": 2, "named": 4, "named_listed": 2, "not_printed": 1, "unknown": 1, "items": 2, "to_find": 2},
    }
    for number in (FAMILY, SECRET_INSTRUCTED):
        parcel = either.parcel(number, "catalogue")
        assert (parcel["state"], parcel["action"]) == ("stopped", "stop")
    assert {row["区分"] for row in either.shipped("カタログ")} == {"出荷", "停止"}
    assert either.parcel(SECRET, "catalogue")["state"] == "on_hold"
    rows = PullList(either).rows()
    for number, row in rows.items():
        manifest = either.out("labels")[f"labels/{row['束']}/manifest.csv"].decode()
        place = f",{row['ファイル']},{row['枚目']},{row['位置']},{number},{row['申込番号']},"
        assert place in manifest
        assert (row["理由区分"], row["状態"]) == ("区の抽出データ", "要引抜き")
    order = [(row["束"], row["ファイル"], row["枚目"], row["位置"]) for row in rows.values()]
    assert len(order) == 2
    receipt = one(either.rows("receipt", kind="pull_out"))["receipt_no"]
    assert control(either)["unknown_rows"] == [{"receipt_no": receipt, "row": 4}]
    told = [[cell.value for cell in row] for row in PullList(either).book["一覧にない世帯"].iter_rows()]
    assert [receipt, 3, SECRET, "まだ印字していません"] in [row[:4] for row in told]
    assert [receipt, 4, None, "台帳にない世帯番号です", "区に番号を確かめてください（先頭の0など）"] in told
    shown = str([cell.value for row in PullList(either).sheet.iter_rows() for cell in row])
    assert not any(home.surname[0] in shown or home.block in shown for home in HOMES)
    assert either.rows("entitlement", household_no=FAMILY)[0]["points"] == 9000
    assert either.faults() == []


def test_a_label_goes_from_the_list_to_the_ward_step_by_step(either: Programme):
    names(either, FAMILY, COUPLE)
    assert PullList(either).says(FAMILY, "発見").says(COUPLE, "発見できず").returned(THIRD)["quarantined"] == 0
    assert states(either) == {FAMILY: "found", COUPLE: "not_found"}
    PullList(either).says(FAMILY, "引抜き済み").returned(THIRD, 2)
    delivery = opened(newest(either, "pull_delivery", ".xlsx"))["引抜き納品一覧"]
    lines = [[cell.value for cell in row] for row in delivery.iter_rows()]
    assert [line[1:4] for line in lines if line[0] == 1] == [[either.number(FAMILY), FAMILY, "区の抽出データ"]]
    PullList(either).says(FAMILY, "区へ納品済み").returned(THIRD, 3)
    assert states(either) == {FAMILY: "delivered", COUPLE: "not_found"}
    steps = [row["state"] for row in sorted(either.rows("pull_step"), key=lambda row: row["number"])]
    assert steps.count("to_find") == 2 and len(steps) == 6
    assert len(either.out("pull_delivery")) == 1
    assert either.faults() == []


def test_what_cannot_be_taken_comes_back_and_the_rest_is_taken(printed: Programme):
    names(printed, FAMILY, COUPLE, SINGLE)
    old = PullList(printed)
    old.says(FAMILY, "引抜き済み", by=None).says(COUPLE, "区へ納品済み").says(SINGLE, "発見")
    assert old.returned(THIRD)["quarantined"] == 2
    assert states(printed) == {FAMILY: "to_find", COUPLE: "to_find", SINGLE: "found"}
    sheet = opened(newest(printed, "returned_errors", ".xlsx"))["引抜き一覧"]
    errors = [str(sheet.cell(row, sheet.max_column).value) for row in range(old.top + 2, sheet.max_row + 1)]
    assert sum("担当者が空欄です" in error for error in errors) == 1
    assert sum("この結果には進めません" in error for error in errors) == 1
    old.says(FAMILY, None, None).says(COUPLE, None, None).says(SINGLE, "引抜き済み")
    assert old.returned(THIRD, 2)["quarantined"] == 1
    assert {row["reason"] for row in printed.version("pull_bad_row")} == {"person_missing", "step_back", "stale"}
    assert states(printed)[SINGLE] == "found"


def test_rows_that_contradict_each_other_are_not_taken_whichever_stands_first(printed: Programme):
    names(printed, FAMILY, COUPLE, SINGLE)
    listed = PullList(printed)
    listed.says(FAMILY, "発見").says(COUPLE, "引抜き済み")
    last = listed.sheet.max_row
    for n, (household, result) in enumerate([(FAMILY, "発見できず"), (COUPLE, "引抜き済み"), ("", "発見")], 1):
        row = listed.rows()[household or COUPLE]
        cells = {"管理番号": row["管理番号"] if household else "K-0", "版": row["版"], "結果": result, "担当者": "佐藤"}
        for name, value in cells.items():
            listed.sheet.cell(last + n, listed.places[name]).value = value
    assert listed.returned(THIRD)["quarantined"] == 3
    assert states(printed) == {FAMILY: "to_find", COUPLE: "pulled", SINGLE: "to_find"}
    assert sorted(row["reason"] for row in printed.version("pull_bad_row")) == [
        *("item_twice", "item_twice", "unknown_item"),
    ]
    PullList(printed).says(COUPLE, "引抜き済み").says(FAMILY, "見つけた").returned(THIRD, 2)
    assert states(printed)[COUPLE] == "pulled", "what is known already is taken and changes nothing"
    assert [row["reason"] for row in printed.version("pull_bad_row")][-1] == "result_unknown"
    assert printed.faults() == []


def test_a_list_that_names_one_twice_and_everybody_in_another_order_makes_the_same_list(printed: Programme):
    wide = COUPLE.translate({48 + n: 0xFF10 + n for n in range(10)})
    said = names(printed, COUPLE, FAMILY, f" {wide}　", SECRET)
    assert (said["named"], said["listed"], said["not_printed"]) == (3, 2, 1)
    places = [(row["束"], row["ファイル"], row["枚目"], row["位置"]) for row in PullList(printed).rows().values()]
    assert places == sorted(places)
    again = names(printed, FAMILY, COUPLE, on=THIRD)
    assert (again["named"], again["listed"], again["items"]) == (3, 0, 2)


def test_a_household_printed_twice_is_pulled_twice_and_what_came_back_is_told_apart(november: Programme):
    parcel = november.parcel(COUPLE, "catalogue")["id"]
    november.carrier_reports(date(2026, 11, 4), (parcel, 1, "紛失", "15:00"))
    november.run("deliveries", date(2026, 11, 4))
    resend_requests.request(CONTRACT, november.number(COUPLE), "catalogue", "紛失", "佐藤")
    for _ in range(2):
        november.run("labels", date(2026, 11, 5))
        november.answer()
    november.run("labels", date(2026, 11, 5))
    said = names(november, COUPLE, on=date(2026, 11, 6))
    assert (said["named"], said["named_listed"], said["items"]) == (1, 1, 2)
    assert (said["to_find"], said["too_late"]) == (1, 1)
    assert november.parcel(COUPLE, "catalogue", 2)["state"] == "stopped"
    with pytest.raises(TodokeError, match="引抜きの対象"):
        resend_requests.request(CONTRACT, november.number(COUPLE), "catalogue", "紛失", "佐藤")
    assert november.faults() == []


def test_a_parcel_that_the_carrier_has_cannot_be_pulled_and_is_told_to_the_operators(printed: Programme):
    printed.hands_over(HAND_OVER, "catalogue", but=[COUPLE])
    said = names(printed, FAMILY, COUPLE, on=date(2026, 11, 3))
    assert (said["too_late"], said["to_find"]) == (1, 1)
    printed.run("labels", date(2026, 11, 4))
    assert [(row["kind"], row["state"]) for row in printed.rows("difference")] == [("pull_out", "open")]
    assert printed.parcel(FAMILY, "catalogue")["state"] == "handed_over"
    late = printed.parcel(COUPLE, "catalogue")
    printed.carrier_reports(date(2026, 11, 5), (late["id"], 1, "引受", "10:00"))
    printed.run("deliveries", date(2026, 11, 5))
    assert printed.run("labels", date(2026, 11, 5))["pull_out"]["too_late"] == 2
    assert len(printed.rows("difference", kind="pull_out", state="open")) == 2
    assert printed.faults() == []


def test_a_household_named_before_it_is_printed_gets_no_label_until_a_revision_leaves_it_out(july: Programme):
    july.run("labels", LABELS)
    july.answer()
    july.ward_sends("pull_out", table(("世帯番号", "理由"), [(f'="{FAMILY}"', "x"), (by_hand(COUPLE), "x")]), LABELS)
    july.run("intake", LABELS)
    said = july.run("labels", LABELS)
    assert "まだ承認されていません" in str(said["release_batches"]) or said["release_batches"]["labels"] == 1
    july.answer()
    july.run("labels", LABELS)
    assert july.parcel(FAMILY, "catalogue")["state"] == "on_hold"
    assert july.rows("pull_item") == []
    totals = max(july.control("labels"), key=lambda each: each["labels"])
    assert (totals["labels"], totals["held"], totals["households"]) == (9, 3, 12)


def test_labels_with_a_gaiji_that_did_not_print_right_are_pulled_and_later_ones_are_not_meant(printed: Programme):
    said = pull_outs.request(CONTRACT, by_whom="佐藤", cause="字形の誤り", code_point=f"U+{ord(GAIJI):04X}")
    assert said == {"listed": 1, "too_late": 0, "stops": 1, "request": one(printed.rows("pull_request"))["id"]}
    assert states(printed) == {GAIJI_NAME: "to_find"}
    assert one(printed.rows("pull_request"))["value"] == "U+E000"
    assert PullList(printed).rows()[GAIJI_NAME]["理由区分"] == "外字の印字誤り"
    with pytest.raises(TodokeError, match="見つかりません"):
        pull_outs.request(CONTRACT, by_whom="佐藤", cause="字形の誤り", code_point="U+E000")
    with pytest.raises(TodokeError, match="コードポイントではありません"):
        pull_outs.request(CONTRACT, by_whom="佐藤", cause="字形の誤り", code_point="E000")
    single = f"{printed.number(SINGLE)[:4]}-{printed.number(SINGLE)[4:]} "
    assert pull_outs.request(CONTRACT, by_whom="佐藤", cause="本人の申出", application_no=single)["listed"] == 1
    assert printed.faults() == []


def test_the_same_items_give_the_same_list_and_no_new_one(printed: Programme):
    names(printed, FAMILY)
    before = printed.out("pull_out")
    assert len(before) == 2
    printed.run("labels", THIRD)
    assert printed.out("pull_out") == before
    name = next(name for name in before if name.endswith(".xlsx"))
    (printed.home / "outbox" / CONTRACT / f"{name}.age").unlink()
    printed.run("labels", THIRD)
    assert printed.out("pull_out") == before


ACTIONS = st.one_of(
    st.tuples(st.just("names"), st.sets(st.sampled_from([FAMILY, COUPLE, SINGLE, SECRET, UNKNOWN]), min_size=1)),
    st.tuples(
        st.just("results"),
        st.dictionaries(
            st.sampled_from([FAMILY, COUPLE, SINGLE, THREE]),
            st.sampled_from(["発見", "発見できず", "引抜き済み", "区へ納品済み", "？"]),
            min_size=1,
        ),
    ),
    st.tuples(st.just("single"), st.just(THREE)),
    st.tuples(st.just("hands_over"), st.sampled_from([FAMILY, COUPLE, THREE])),
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=st.lists(ACTIONS, min_size=1, max_size=4))
def test_totals_close_for_any_history_of_pulls(
    labels_printed: Programme, tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, Any]]
):
    with labels_printed.copied(tmp_path_factory.mktemp("history") / "home") as programme, programme.entered():
        for n, (action, what) in enumerate(history):
            happens(programme, action, what, date(2026, 11, 2 + n))
            said: Mapping[str, int] = pull_outs.pull_out(CONTRACT, date(2026, 11, 2 + n))  # type: ignore[assignment]
            assert said["named"] == said["named_listed"] + said["not_printed"] + said["unknown"]
            kinds = ("to_find", "found", "not_found", "pulled", "delivered", "too_late")
            assert said["items"] == sum(said[kind] for kind in kinds) == len(programme.rows("pull_item"))
            pulled = states(programme)
            sought = {number for number, state in pulled.items() if state in ("to_find", "found", "not_found")}
            assert all(programme.parcel(number, "catalogue")["state"] == "stopped" for number in sought)
            assert programme.faults() == []


def happens(programme: Programme, action: str, what: Any, on: date) -> None:
    if action == "names":
        names(programme, *sorted(what), on=on)
    elif action == "single":
        if not programme.rows("pull_request") and programme.parcel(what, "catalogue")["handed_over_at"] is None:
            pull_outs.request(CONTRACT, by_whom="佐藤", cause="申出", application_no=programme.number(what))
    elif action == "hands_over":
        parcel = programme.parcel(what, "catalogue")
        programme.carrier_reports(on, (parcel["id"], 1, "引受", "10:00"))
        programme.run("deliveries", on)
    elif programme.rows("pull_item"):
        listed = PullList(programme)
        for number, result in what.items():
            if number in listed.rows():
                listed.says(number, result)
        listed.returned(on)


@pytest.mark.parametrize("kill", [lambda: killed_before_commit(1), lambda: killed_at_file(2, "pull_out")])
def test_a_killed_pull_task_is_ended_by_the_next_run(
    printed: Programme, kill: Callable[[], contextlib.AbstractContextManager[None]]
):
    printed.ward_sends("pull_out", table(("世帯番号", "理由"), [(FAMILY, "x")]), NEXT)
    printed.run("intake", NEXT)
    printed.run("register", NEXT)
    with kill():
        pull_outs.pull_out(CONTRACT, NEXT)
    assert pull_outs.pull_out(CONTRACT, NEXT)["items"] == 1
    assert len(printed.out("pull_out")) == 2
    assert states(printed) == {FAMILY: "to_find"}
    assert printed.faults() == []


def test_a_killed_request_has_recorded_all_or_nothing_and_the_next_run_ends_it(printed: Programme):
    asked = {"by_whom": "佐藤", "cause": "申出", "application_no": printed.number(FAMILY)}
    with killed_before_commit(1):
        pull_outs.request(CONTRACT, **asked)
    assert printed.rows("pull_request") == printed.rows("pull_item") == []
    with killed_at_file(1, "pull_out"):
        pull_outs.request(CONTRACT, **asked)
    assert len(printed.rows("pull_request")) == len(printed.rows("pull_item")) == 1
    printed.run("labels", NEXT)
    assert printed.parcel(FAMILY, "catalogue")["state"] == "stopped"
    assert PullList(printed).rows()[FAMILY]["状態"] == "要引抜き"


def test_a_changed_step_is_found_by_the_proof_of_the_ledger(printed: Programme):
    names(printed, FAMILY)
    with printed.ledger.write() as tx:
        tx.execute(update(t.pull_item).values(state="delivered"))
    assert any("引抜き一覧の状態" in fault for fault in printed.faults())


def test_the_totals_of_a_later_run_count_the_pulled_ones_apart(printed: Programme):
    names(printed, FAMILY, COUPLE)
    new = replace(home_of(SINGLE), no="00004001", surname=("新規", "しんき"), members=(("葉", "よう", "1993-02-11"),))
    printed.ward_sends("additions", table(HEADER, new.rows()), THIRD)
    for process in ("intake", "register", "labels"):
        printed.run(process, THIRD)
    printed.answer()
    printed.run("labels", THIRD)
    totals = max(printed.control("labels"), key=lambda each: each["households"])
    assert totals["labels"] + totals["held"] + totals["excluded"] == totals["households"]
    assert (totals["labels"], totals["sent_before"], totals["pulled"]) == (1, 11, 2)
    assert totals["excluded"] == totals["deleted"] + totals["declined"] + totals["sent_before"]
