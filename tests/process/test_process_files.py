"""Files that come twice, come broken or say too little: each is accounted for, and nothing is taken by halves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml
from programme import Programme, installation, one
from small_ward import (
    CORRECTION_HEADER,
    COUPLE,
    FAMILY,
    HEADER,
    HOMES,
    LATE,
    MOVER,
    QUIET,
    SINGLE,
    THREE,
    WRONG,
    correction,
    drop,
    home_of,
    households,
    sealed,
    table,
    without,
)

from todoke.errors import FileRefused, GateClosed

FILES, NEXT = date(2026, 7, 21), date(2026, 7, 22)


def states(programme: Programme, kind: str = "households") -> list[tuple[str, str | None]]:
    """What became of the files of a kind, in the order in which they came."""
    receipts = sorted(programme.rows("receipt", kind=kind), key=lambda row: (row["received_at"], row["file_name"]))
    return [(row["state"], row["reason"]) for row in receipts]


def versions(programme: Programme) -> list[tuple[str, int]]:
    return [(row["dataset"], row["number"]) for row in programme.rows("dataset_version")]


def plaintext(programme: Programme) -> list[Path]:
    """Files of the home in which a name or an address can be read."""
    words = [word.encode(code) for word in ("一郎", "中目黒", "いちろう") for code in ("utf-8", "cp932")]
    kept = (path for path in programme.home.rglob("*") if path.is_file() and "inbox" not in path.parts)
    return [path for path in kept if any(word in path.read_bytes() for word in words)]


def test_every_row_of_a_file_is_accepted_or_in_quarantine_with_its_reason(july: Programme):
    assert (
        sorted(states(july) + states(july, "special_delivery") + states(july, "gaiji_font")) == [("accepted", None)] * 3
    )
    receipt = one(july.rows("receipt", kind="households"))
    assert receipt["rows"] == len([row for home in HOMES for row in home.rows()]) == receipt["accepted"]
    found = [(row["household_no"], row["row_no"], row["reason"]) for row in july.version("quarantine")]
    assert found == [(WRONG, 22, "size_mismatch")]
    assert {row["household_no"] for row in july.version("household")} == {home.no for home in HOMES} - {WRONG}
    entitled = {row["household_no"]: row["points"] for row in july.rows("entitlement")}
    assert entitled == {home.no: 3000 * len(home.members) for home in HOMES if home.no != WRONG}
    numbers = [row["application_no"] for row in july.rows("application_number")]
    assert len(set(numbers)) == len(entitled)
    assert {int(number) % 97 for number in numbers} == {1}


def test_an_unreadable_row_counts_among_the_quarantined(fresh: Programme):
    rows = [row for home in HOMES for row in home.rows()] * 5  # the limit is 20 per mille
    torn = table(HEADER, rows[:-1]) + ",".join(rows[-1][:-1]).encode("cp932") + b"\r\n"
    fresh.ward_sends_font()
    fresh.ward_sends("households", torn, FILES)
    assert fresh.run("intake", FILES)["receive"]["quarantined"] == 1
    receipt = one(fresh.rows("receipt", kind="households"))
    assert (receipt["rows"], receipt["accepted"], receipt["quarantined"]) == (len(rows), len(rows) - 1, 1)


def test_what_the_ward_sent_is_kept_sealed_and_no_plaintext_is_left(july: Programme):
    assert plaintext(july) == []
    assert len(list((july.home / "vault").rglob("*.age"))) == 3
    assert list(july.inbox("lgwan").iterdir()) == []


def test_the_same_file_again_is_recorded_and_changes_nothing(july: Programme):
    envelope = sealed(households(without(LATE)))
    july.ward_sends_envelope("households", envelope, NEXT)
    july.run("intake", NEXT)
    before = versions(july)
    july.ward_sends_envelope("households", envelope, NEXT, seq=2)
    assert july.run("intake", NEXT)["receive"]["repeats"] == 1
    assert versions(july) == before
    assert len(july.rows("receipt", kind="households")) == 2
    assert len(july.rows("receipt_repeat")) == 1


def test_the_same_content_encrypted_anew_changes_nothing(july: Programme):
    before = versions(july)
    july.ward_sends("households", households(), NEXT)
    assert july.run("intake", NEXT)["receive"] == {
        "accepted_files": 0,
        "repeats": 1,
        "waiting": 0,
        "rows": 0,
        "quarantined": 0,
    }
    nothing = {"held": 0, "incidents": 0, "stops": 0}
    assert july.run("register", NEXT) == {"validate": {}, "publish": {}, "stop": nothing}
    assert versions(july) == before
    assert states(july) == [("accepted", None), ("repeat", None)]


def test_an_older_content_that_comes_back_waits_for_a_person(july: Programme):
    july.ward_sends("households", households(without(LATE)), NEXT)
    july.run("intake", NEXT)
    before = versions(july)
    july.ward_sends("households", households(), date(2026, 7, 23))
    assert july.run("intake", date(2026, 7, 23))["receive"]["waiting"] == 1
    assert versions(july) == before
    assert [state for state, _ in states(july)] == ["accepted", "accepted", "waiting"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda envelope: envelope[: len(envelope) // 2], "truncated"),
        (lambda envelope: envelope[:300] + bytes([envelope[300] ^ 0xFF]) + envelope[301:], "tampered damaged"),
        (lambda _: b"\x00" * 64, "empty"),
        (lambda _: sealed(table(HEADER[1:], [row[1:] for row in home_of(FAMILY).rows()])), "columns_missing"),
    ],
)
def test_a_broken_file_is_refused_whole_and_the_next_good_one_is_taken(fresh: Programme, damage, reason):
    fresh.ward_sends_font()
    fresh.ward_sends_envelope("households", damage(sealed(households())), FILES)
    with pytest.raises(FileRefused) as refused:
        fresh.run("intake", FILES)
    assert refused.value.reason in reason.split()
    assert refused.value.next_step
    assert states(fresh) == [("refused", refused.value.reason)]
    assert versions(fresh) == []
    assert plaintext(fresh) == []
    assert states(fresh, "gaiji_font") == [("accepted", None)]  # the others are taken all the same

    fresh.ward_sends("households", households(), NEXT)
    fresh.run("intake", NEXT)
    assert fresh.run("register", NEXT)["publish"]["households"] == len(HOMES) - 1


def test_a_file_in_which_a_row_is_broken_is_refused_when_too_many_are(fresh: Programme):
    fresh.ward_sends("households", households() + b"\x81\xff,,\r\n", FILES)
    with pytest.raises(FileRefused) as refused:
        fresh.run("intake", FILES)
    assert refused.value.reason == "bad_rows"
    assert versions(fresh) == []


def test_a_file_under_a_wrong_passphrase_stays_until_the_right_one_is_set(fresh: Programme):
    sent = fresh.ward_sends_envelope("households", sealed(households(), "別の合言葉"), FILES)
    with pytest.raises(FileRefused) as refused:
        fresh.run("intake", FILES)
    assert refused.value.reason == "wrong_passphrase"
    assert sent.exists()
    assert states(fresh) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TODOKE_GIFT_LGWAN_PASSPHRASE", "別の合言葉")
        assert fresh.run("intake", FILES)["receive"]["accepted_files"] == 1
    assert not sent.exists()


def test_a_file_that_was_refused_is_looked_at_again_when_it_comes_again(fresh: Programme, tmp_path: Path):
    """It had been refused for our own setting, which has been put right since."""
    other = installation(tmp_path / "root") / "contracts" / "gift" / "contract.yaml"
    right = other.read_text("utf-8")
    wrong = yaml.safe_load(right)
    wrong["layouts"]["households"]["required"] = {"世帯No.": "household_no"}
    other.write_text(yaml.safe_dump(wrong, allow_unicode=True), "utf-8")
    envelope = sealed(households())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TODOKE_ROOT", str(tmp_path / "root"))
        for seq in (1, 2):
            fresh.ward_sends_envelope("households", envelope, FILES, seq)
            with pytest.raises(FileRefused):  # not a repeat that nobody notices
                fresh.run("intake", FILES)
        other.write_text(right, "utf-8")
        fresh.ward_sends_envelope("households", envelope, FILES, 3)
        assert fresh.run("intake", FILES)["receive"]["accepted_files"] == 1
    assert states(fresh) == [("accepted", None)]


def test_a_file_half_transferred_waits_for_its_sidecar(fresh: Programme):
    sent = fresh.ward_sends("households", households(), FILES)
    sidecar = sent.with_name(sent.name + ".done")
    promise = sidecar.read_text()
    sidecar.unlink()
    assert fresh.run("intake", FILES)["receive"]["accepted_files"] == 0
    whole = sent.read_bytes()
    sent.write_bytes(whole[:-100])
    sidecar.write_text(promise)
    with pytest.raises(FileRefused) as refused:
        fresh.run("intake", FILES)
    assert refused.value.reason == "sidecar_mismatch"
    assert states(fresh) == []
    sent.write_bytes(whole)
    assert fresh.run("intake", FILES)["receive"]["accepted_files"] == 1


def test_a_register_that_lost_more_than_the_contract_allows_does_not_pass(july: Programme):
    before = [row["state"] for row in july.rows("entitlement")]
    july.ward_sends("households", households(without(LATE, QUIET, MOVER)), NEXT)
    july.run("intake", NEXT)
    with pytest.raises(GateClosed, match=r"25\.0%"):
        july.run("register", NEXT)
    assert len(july.version("household")) == len(HOMES) - 1
    assert [row["state"] for row in july.rows("entitlement")] == before

    july.ward_sends("households", households(without(LATE)), date(2026, 7, 23))
    july.run("intake", date(2026, 7, 23))
    said = july.run("register", date(2026, 7, 23))["publish"]
    assert (said["households"], said["questions"]) == (len(HOMES) - 1, 1)  # its removal waits for a person


def test_numbers_are_given_once_whatever_happens_to_a_household(july: Programme):
    before = {row["household_no"]: row["application_no"] for row in july.rows("application_number")}
    for day, kind in ((NEXT, "削除"), (date(2026, 7, 23), "追加")):
        july.ward_sends("corrections", table(CORRECTION_HEADER, correction(home_of(SINGLE), kind)), day)
        july.run("intake", day)
        july.run("register", day)
        assert {row["household_no"]: row["application_no"] for row in july.rows("application_number")} == before
        state = one([row for row in july.rows("entitlement") if row["household_no"] == SINGLE])["state"]
        assert state == {"削除": "deleted", "追加": "live"}[kind]


def test_a_correction_mends_a_household_in_quarantine(july: Programme):
    mended = replace(home_of(WRONG), size=None)
    july.ward_sends("corrections", table(CORRECTION_HEADER, correction(mended, "追加")), NEXT)
    july.run("intake", NEXT)
    assert july.run("register", NEXT)["publish"]["new_numbers"] == 1
    assert one([row for row in july.version("household") if row["household_no"] == WRONG])["state"] == "live"


def test_a_correction_of_names_is_printed_and_changes_no_right(july: Programme):
    moved = replace(home_of(COUPLE), town="中目黒", postal_code="1530061", block="9-9-9")
    july.ward_sends("corrections", table(CORRECTION_HEADER, correction(moved, "更新", "転居", "2026-07-01")), NEXT)
    july.run("intake", NEXT)
    july.run("register", NEXT)
    assert {row["block"] for row in july.version("person") if row["household_no"] == COUPLE} == {"9-9-9"}
    assert one([row for row in july.rows("entitlement") if row["household_no"] == COUPLE])["points"] == 6000


def test_nobody_is_added_after_the_reference_date(july: Programme):
    grown = (*home_of(THREE).members, ("新", "あらた", "2026-07-10"))
    bigger = replace(home_of(THREE), members=grown)
    july.ward_sends("corrections", table(CORRECTION_HEADER, correction(bigger, "更新", "その他", "2026-07-10")), NEXT)
    july.run("intake", NEXT)
    july.run("register", NEXT)
    assert one([row for row in july.rows("entitlement") if row["household_no"] == THREE])["members"] == 3


#: Four times the homes, each time in other numbers; the wrong one left out.
WARD = tuple(replace(home, no=f"{int(home.no) + 10_000 * n:08}") for n in range(4) for home in without(WRONG))


def in_parts(cut: int) -> tuple[bytes, bytes]:
    """The base in two files, cut by a number of rows."""
    rows = [row for home in WARD for row in home.rows()]
    return table(HEADER, rows[:cut]), table(HEADER, rows[cut:])


def cut_between() -> int:
    """Rows of the first half of the households; one row less cuts through the last of them."""
    return sum(len(home.members) for home in WARD[: len(WARD) // 2 + 1])


@pytest.mark.parametrize(("less", "said"), [(0, "共通の世帯がありません"), (1, "1世帯しか共通しません")])
def test_the_second_part_of_a_base_does_not_take_the_place_of_the_first(fresh: Programme, less: int, said: str):
    assert len(WARD[len(WARD) // 2].members) > 1
    first, second = in_parts(cut_between() - less)
    fresh.ward_sends_font()
    fresh.ward_sends("households", first, FILES)
    fresh.ward_sends("households", second, FILES, seq=2)
    with pytest.raises(FileRefused, match=said) as refused:
        fresh.run("intake", FILES)
    assert "additions" in refused.value.next_step and "世帯の途中では分けずに" in refused.value.next_step
    assert states(fresh) == [("accepted", None), ("refused", "base_in_parts")]
    assert len(fresh.version("ward_row")) == cut_between() - less


def test_a_base_in_parts_makes_the_register_that_one_file_makes_in_any_order(tmp_path: Path, root: Path):
    """As one file; as parts, the later one first; and cut through a household, which the ward then adds whole."""
    made = []
    for name in ("whole", "parts", "cut"):
        with Programme(tmp_path / name, root).entered() as programme:
            programme.ward_sends_font()
            first, second = in_parts(cut_between() - (name == "cut"))
            if name == "whole":
                programme.ward_sends("households", households(WARD), FILES)
            else:
                programme.ward_sends("additions", second, FILES)
                programme.run("intake", FILES)
                assert programme.run("register", FILES)["publish"] == {}, "without its base nothing is published"
                programme.ward_sends("households", first, NEXT)
                programme.ward_sends("additions", second, NEXT)
                assert programme.run("intake", NEXT)["receive"]["repeats"] == 1
            if name == "cut":
                whole = correction(WARD[len(WARD) // 2], "追加")
                programme.ward_sends("corrections", table(CORRECTION_HEADER, whole), NEXT)
            programme.run("intake", NEXT)
            programme.run("register", NEXT)
            made.append((programme.version("person"), programme.version("household")))
            assert len(made[-1][1]) == len(WARD)
            assert programme.faults() == []
    assert made[1] == made[0] and made[2] == made[0]


def test_a_base_without_a_row_does_not_take_the_place_of_one_with_rows(july: Programme):
    july.ward_sends("households", table(HEADER, []), NEXT)
    with pytest.raises(FileRefused, match="データの行がありません"):
        july.run("intake", NEXT)
    assert states(july) == [("accepted", None), ("refused", "empty")]
    assert len(july.version("ward_row")) == one(july.rows("receipt", state="accepted", kind="households"))["rows"]


def test_a_list_without_a_row_is_taken(july: Programme):
    july.ward_sends("corrections", table(CORRECTION_HEADER, []), NEXT)
    july.run("intake", NEXT)
    assert states(july, "corrections") == [("accepted", None)]


@pytest.mark.parametrize("name", ["households_20260720_09", "households_20260721_00", "households_20260720_01_r5"])
def test_a_base_of_an_earlier_date_or_number_is_superseded_by_the_one_that_was_taken(fresh: Programme, name: str):
    fresh.ward_sends("households", households(), FILES)
    fresh.run("intake", FILES)
    drop(fresh.inbox("lgwan"), f"{name}.csv.pgp", sealed(households(without(LATE))))
    assert fresh.run("intake", NEXT)["receive"]["superseded"] == 1
    assert {row["household_no"] for row in fresh.version("ward_row")} == {home.no for home in HOMES}
