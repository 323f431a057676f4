"""Every version of the register follows from the ward's files and persons' answers; what is in question waits."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date

import pytest
from programme import Programme, one
from register_steps import (
    ANEW,
    additions,
    answers,
    asked,
    corrections,
    household,
    named_former,
    numbered,
    renumbered,
    revision,
    sends,
    state,
    stop,
)
from small_ward import (
    COUPLE,
    FAMILY,
    HEADER,
    LATE,
    MOVER,
    NEIGHBOUR,
    PASSPHRASE,
    QUIET,
    SINGLE,
    THREE,
    correction,
    home_of,
    households,
    sealed,
    table,
    without,
)

from todoke.errors import FileRefused, TodokeError
from todoke.process import register_answers
from todoke.process.register_rebuild import rebuilt
from todoke.process.register_versions import compared, parents

NEXT, LATER, LAST = date(2026, 7, 22), date(2026, 7, 23), date(2026, 7, 24)
LABELS = date(2026, 9, 7)
RICE = "3006"


def test_a_household_that_may_be_a_deleted_one_waits_before_number_label_and_claim(july: Programme):
    renumbered(july, NEXT)
    assert state(july, ANEW.no) == ("held", "same_household")
    assert asked() == [("same_household", ANEW.no, SINGLE)]
    assert ANEW.no not in numbered(july)
    july.run("labels", LABELS)
    assert july.rows("shipment", household_no=ANEW.no) == july.rows("claim", household_no=ANEW.no) == []
    july.answer()
    july.run("labels", LABELS)
    totals = [(t["labels"], t["held"], t["excluded"], t["households"]) for t in july.control("labels")]
    assert max(totals) == (10, 2, 1, 13)


def test_a_successor_takes_over_number_and_points_after_a_yes(july: Programme):
    before = numbered(july)
    renumbered(july, NEXT)
    said = answers(july, "same", LATER)
    assert (said["households"], said["new_numbers"], said["questions"]) == (12, 0, 0)
    assert household(july, SINGLE) | {"postal_code": ""} == {
        "household_no": SINGLE,
        "members": 1,
        "postal_code": "",
        "confidential": False,
        "instructed": False,
        "state": "live",
        "state_reason": None,
        "ward_no": ANEW.no,
        "instruction": None,
    }
    assert numbered(july) == before
    assert [row["household_no"] for row in july.rows("entitlement")] == sorted(before)
    assert asked() == []


def test_what_the_ward_reads_names_a_successor_by_the_wards_own_number(july: Programme):
    renumbered(july, NEXT)
    answers(july, "same", LATER)
    july.run("labels", LABELS)
    july.answer()
    july.run("labels", LABELS)
    manifests = [content.decode() for name, content in july.out("labels").items() if name.endswith("manifest.csv")]
    named = {row["household_no"] for text in manifests for row in csv.DictReader(io.StringIO(text))}
    assert ANEW.no in named and SINGLE not in named
    july.hands_over(date(2026, 11, 2), "catalogue", but=[SINGLE])
    july.web_site_opens()
    july.run("orders", date(2027, 1, 18))
    july.run("nonapplicants", date(2027, 1, 20))
    lists = "".join(
        content.decode("cp932") for name, content in july.out("nonapplicants").items() if name.endswith(".csv")
    )
    assert ANEW.no in lists and SINGLE not in lists


def test_another_household_gets_a_number_of_its_own_after_a_no(july: Programme):
    before = numbered(july)
    renumbered(july, NEXT)
    assert answers(july, "different", LATER)["new_numbers"] == 1
    assert state(july, ANEW.no) == ("live", None)
    assert state(july, SINGLE)[0] == "deleted"
    after = numbered(july)
    assert {no: after[no] for no in before} == before
    assert len(set(after.values())) == len(after)


def test_a_successor_keeps_the_parcels_that_have_left_and_cannot_order_twice(november: Programme):
    november.applies("w1", SINGLE, "2026-11-10 12:00", [(RICE, 1)])
    november.run("orders", date(2026, 11, 10))
    november.hands_over(date(2026, 11, 11), "goods")
    on = date(2026, 11, 12)
    sends(november, on, corrections=corrections(correction(home_of(SINGLE), "削除", "誤り")), additions=additions(ANEW))
    answers(november, "same", on)
    november.applies("w2", SINGLE, "2026-11-12 12:00", [(RICE, 1)])
    november.run("orders", on)
    assert november.decision("W:w1") == ("accepted", None)
    assert november.decision("W:w2") == ("rejected", "duplicate")
    assert november.parcel(SINGLE)["state"] == "handed_over"
    assert len(november.rows("shipment", kind="goods")) == 1
    assert november.faults() == []


def test_files_about_a_successor_reach_the_household_under_its_first_number(july: Programme):
    renumbered(july, NEXT)
    answers(july, "same", LATER)
    moved = replace(ANEW, block="9-9-9")
    sends(july, LAST, corrections=corrections(correction(moved, "更新", "転居", "2026-07-24")), stop=stop(ANEW.no))
    assert {row["block"] for row in july.version("person") if row["household_no"] == SINGLE} == {"9-9-9"}
    assert state(july, SINGLE) == ("held", "stopped")


def test_a_predecessor_that_the_ward_names_is_believed_when_they_share_a_member(july: Programme):
    before = numbered(july)
    moved = replace(ANEW, town="中目黒", postal_code="1530061", block="9-9-9")
    rows = table(HEADER, named_former(moved, SINGLE))
    said = sends(
        july, NEXT, corrections=corrections(correction(home_of(SINGLE), "削除", "転出", "2026-07-10")), additions=rows
    )
    assert (said["new_numbers"], said["questions"]) == (0, 0)
    assert (state(july, SINGLE), household(july, SINGLE)["ward_no"]) == (("live", None), ANEW.no)
    assert numbered(july) == before


def test_a_predecessor_that_shares_nobody_is_a_question(july: Programme):
    stranger = replace(home_of(QUIET), no="00009002", members=(("新", "あらた", "1999-09-09"),))
    rows = table(HEADER, named_former(stranger, SINGLE))
    sends(
        july, NEXT, corrections=corrections(correction(home_of(SINGLE), "削除", "合併", "2026-07-10")), additions=rows
    )
    assert asked() == [("same_household", stranger.no, SINGLE)]


def test_a_household_at_another_address_that_nobody_calls_a_successor_is_no_question(july: Programme):
    elsewhere = replace(ANEW, block="9-9-9")
    gone = correction(home_of(SINGLE), "削除", "その他", "2026-07-10")
    sends(july, NEXT, corrections=corrections(gone, correction(elsewhere, "追加", "その他", "2026-07-10")))
    assert asked() == []
    assert state(july, ANEW.no) == ("held", "other")


def test_a_question_does_not_go_away_when_the_household_moves(july: Programme):
    renumbered(july, NEXT)
    moved = correction(replace(ANEW, block="9-9-9"), "更新", "転居", "2026-07-23")
    sends(july, LATER, corrections=corrections(moved))
    assert asked() == [("same_household", ANEW.no, SINGLE)]


def test_a_successor_by_an_event_after_the_reference_date_brings_no_rights(july: Programme):
    grown = replace(ANEW, members=(*ANEW.members, ("新", "あらた", "2026-07-01")))
    sends(
        july,
        NEXT,
        corrections=corrections(
            correction(home_of(SINGLE), "削除", "その他", "2026-07-10"),
            correction(grown, "追加", "その他", "2026-07-10"),
        ),
    )
    answers(july, "same", LATER)
    assert (state(july, SINGLE), household(july, SINGLE)["members"]) == (("live", None), 1)


def test_two_households_cannot_take_over_one(july: Programme):
    twins = [
        replace(home_of(COUPLE), no=no, members=(member,))
        for no, member in zip(("00009003", "00009004"), home_of(COUPLE).members, strict=True)
    ]
    sends(
        july,
        NEXT,
        corrections=corrections(correction(home_of(COUPLE), "削除", "分離", "2026-05-20")),
        additions=additions(*twins),
    )
    first, second = register_answers.questions("gift")
    assert register_answers.answer("gift", first["question_id"], "same", "admin") == {"recorded": 1}
    assert register_answers.answer("gift", first["question_id"], "same", "op07") == {"recorded": 0}
    with pytest.raises(TodokeError, match="すでに別の世帯を引き継いで"):
        register_answers.answer("gift", second["question_id"], "same", "admin")
    register_answers.answer("gift", second["question_id"], "different", "admin")
    assert july.run("register", LATER)["publish"]["new_numbers"] == 1


def test_a_person_who_comes_to_a_second_household_holds_that_one(july: Programme):
    guest = replace(home_of(QUIET), no="00009005", members=(*home_of(QUIET).members, home_of(FAMILY).members[1]))
    sends(july, NEXT, additions=additions(replace(guest, surname=("見本", "みほん"))))
    assert asked() == [("person_twice", guest.no, FAMILY)]
    assert (state(july, FAMILY), state(july, guest.no)) == (("live", None), ("held", "person_twice"))
    assert guest.no not in numbered(july)
    answers(july, "different", LATER)
    assert state(july, guest.no) == ("live", None)
    assert guest.no in numbered(july)


def test_one_and_the_same_person_in_two_households_waits_for_the_wards_correction(july: Programme):
    guest = replace(home_of(QUIET), no="00009005", surname=("見本", "みほん"), members=home_of(FAMILY).members[1:2])
    sends(july, NEXT, additions=additions(guest))
    answers(july, "same", LATER)
    assert (state(july, guest.no), asked()) == (("held", "person_twice"), [])
    smaller = replace(home_of(FAMILY), members=(home_of(FAMILY).members[0], home_of(FAMILY).members[2]))
    sends(july, LAST, corrections=corrections(correction(smaller)))
    assert state(july, guest.no) == ("live", None)


def test_a_stop_holds_everything_until_a_person_resumes_it_and_another_stop_holds_it_again(july: Programme):
    sends(july, NEXT, stop=stop(FAMILY, "00009999"))
    assert (state(july, FAMILY), asked()) == (("held", "stopped"), [("stopped", FAMILY, "")])
    sends(july, LATER, corrections=corrections(correction(home_of(FAMILY))))
    assert state(july, FAMILY) == ("held", "stopped")  # a correction does not undo it
    answers(july, "resume", LATER)
    assert (state(july, FAMILY), asked()) == (("live", None), [])
    sends(july, LAST, stop=stop(FAMILY, COUPLE))
    assert state(july, FAMILY) == ("held", "stopped")


def test_a_stop_recalls_what_the_carrier_has_not_taken(november: Programme):
    november.applies("w1", FAMILY, "2026-11-10 12:00", [(RICE, 1)])
    november.run("orders", date(2026, 11, 10))
    on = date(2026, 11, 11)
    sends(november, on, stop=stop(FAMILY))
    november.run("orders", on)
    assert november.decision("W:w1") == ("review", "departed")
    assert [row["区分"] for row in november.shipped()] == ["出荷", "停止", "取消"]


def test_additional_households_get_their_labels_and_nobody_gets_them_twice(july: Programme):
    july.run("labels", LABELS)
    july.answer()
    july.run("labels", LABELS)
    added = replace(home_of(QUIET), no="00009008", members=(("新", "あらた", "1999-09-09"),))
    july.ward_sends("additions", additions(added, home_of(FAMILY)), date(2026, 9, 8))
    july.run("intake", date(2026, 9, 8))
    july.run("register", date(2026, 9, 8))
    for _ in range(2):
        july.run("labels", date(2026, 9, 8))
        july.answer()
    printed = [row["household_no"] for row in july.rows("shipment", kind="catalogue") if row["released_rev"]]
    assert sorted(printed) == sorted(set(printed))
    assert added.no in printed
    assert len(printed) == 12


def test_two_versions_are_compared_in_counts_with_the_runs_that_used_the_older(november: Programme):
    november.applies("w1", FAMILY, "2026-11-10 12:00", [(RICE, 1)])
    november.run("orders", date(2026, 11, 10))
    on = date(2026, 11, 11)
    content = corrections(
        correction(replace(home_of(COUPLE), block="9-9-9")),
        correction(replace(home_of(THREE), members=home_of(THREE).members[:2])),
        correction(home_of(MOVER), "削除", "転出", "2026-11-01"),
        correction(replace(home_of(NEIGHBOUR), surname=("改名", "かいめい"), confidential=True)),
    )
    added = replace(home_of(QUIET), no="00009009", members=(("新", "あらた", "1999-09-09"),))
    sends(november, on, corrections=content, additions=additions(added))
    said = compared("gift", 1, 2)
    assert said["changes"] == {
        "added": 1,
        "address": 1,
        "confidential": 1,
        "members": 1,
        "name": 1,
        "state_live_held": 1,
    }
    assert said["settlements"] == {"deliveries": 1, "labels": 1, "orders": 1}
    assert said["decisions"] == {"accepted": 1}
    assert said["batches"] == {"catalogue": 1, "catalogue_confidential": 1, "goods": 1}
    assert compared("gift", 2, 2)["changes"] == {}
    with pytest.raises(TodokeError, match="この番号"):
        compared("gift", 1, 9)


def test_every_version_names_its_parents(july: Programme):
    renumbered(july, NEXT)
    first, second = parents("gift")
    receipts = {row["kind"]: row["receipt_no"] for row in july.rows("receipt")}
    assert receipts["households"] in first and receipts["corrections"] not in first
    assert {receipts[kind] for kind in ("households", "additions", "corrections")} <= set(
        second.partition("受領 ")[2].rstrip("）").split("、")
    )


def test_a_version_is_the_same_when_it_is_made_again_from_the_originals(july: Programme):
    renumbered(july, NEXT)
    revision(july, "households_20260723_01", households(without(LATE)), LATER)
    question = next(row for row in register_answers.questions("gift") if row["kind"] == "same_household")
    register_answers.answer("gift", question["question_id"], "same", "admin")
    july.run("register", LAST)
    for number in (1, 2, 3, 4):
        said = rebuilt("gift", number)
        assert set(said.values()) - {said["receipts"]} == {"same"}, said
        assert {"household 1 bytes", "person 1"} & said.keys() or number > 1
    assert said["receipts"] == "5"


def test_a_version_that_does_not_follow_from_its_originals_is_found(july: Programme):
    receipt = one(july.rows("receipt", kind="households"))["receipt_no"]
    vault = july.home / "vault" / "gift" / f"{receipt}.age"
    from todoke.protect.encryption import FileCipher

    forged = sealed(households(without(LATE)))
    vault.write_bytes(FileCipher(july.ledger.keys.file_key).seal(forged))
    assert rebuilt("gift", 1)["ward_row 1"] == "differs"


def test_a_version_follows_from_its_receipts_after_the_passphrase_has_changed_too(
    july: Programme, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TODOKE_GIFT_LGWAN_PASSPHRASE", "新しい合言葉")
    with pytest.raises(FileRefused) as refused:
        rebuilt("gift", 1)
    assert refused.value.reason == "wrong_passphrase"
    monkeypatch.setenv("TODOKE_GIFT_LGWAN_PASSPHRASE_OLD", f"さらに前\n{PASSPHRASE}")
    said = rebuilt("gift", 1)
    assert set(said.values()) - {said["receipts"]} == {"same"}, said
    july.ward_sends("households", households(without(LATE)), NEXT)  # under way at the change
    assert july.run("intake", NEXT)["receive"]["accepted_files"] == 1


def test_answers_are_checked_and_recorded_with_who_gave_them(july: Programme):
    renumbered(july, NEXT)
    question = one(register_answers.questions("gift"))["question_id"]
    with pytest.raises(TodokeError, match="今の台帳の版にありません"):
        register_answers.answer("gift", "Q0000000000", "same", "admin")
    with pytest.raises(TodokeError, match="使えない回答"):
        register_answers.answer("gift", question, "remove", "admin")
    with pytest.raises(TodokeError, match="わかりません"):
        register_answers.answer("gift", question, "same", " ")
    register_answers.answer("gift", question, "different", "op07")
    said = one(july.version("register_answer"))
    assert (said["verdict"], said["by_whom"], said["question_id"]) == ("different", "op07", question)
