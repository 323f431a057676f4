"""What an operator is told when files are refused: of all of them, with no name that might be a person's."""

from __future__ import annotations

import hashlib
import logging
import traceback
from collections.abc import Callable
from datetime import date

import pytest
from label_samples import eudc_font
from programme import CONTRACT, Programme, one
from small_ward import drop, households, sealed

from todoke.errors import FileRefused, FilesRefused
from todoke.process import deliveries, intake, orders, returned_work

DAY = date(2026, 7, 21)
NAMED = "見本一郎様の世帯"


def states(programme: Programme, kind: str = "households") -> list[tuple[str, str | None]]:
    return [(r["state"], r["reason"]) for r in sorted(programme.rows("receipt", kind=kind), key=lambda r: r["seq"])]


def test_a_font_that_stays_in_the_inbox_does_not_keep_the_wards_files(fresh: Programme):
    font = fresh.ward_sends_font()
    font.write_bytes(eudc_font()[:-10])
    fresh.ward_sends("households", households(), DAY)
    with pytest.raises(FileRefused, match=r"cloud/EUDC\.TTE") as refused:
        intake.receive(CONTRACT, DAY)
    assert refused.value.reason == "sidecar_mismatch"
    assert not isinstance(refused.value, FilesRefused)
    assert font.exists() and states(fresh) == [("accepted", None)]


def test_of_several_refused_files_each_is_told_in_the_order_of_their_receipt(fresh: Programme):
    drop(fresh.inbox("cloud"), f"{NAMED}.TTE", b"no font")
    fresh.ward_sends_envelope("households", sealed(households(), "another one"), DAY)
    fresh.ward_sends_envelope("additions", sealed(households())[:-40], DAY)
    fresh.ward_sends_envelope("stop", sealed(b"x,y\r\n1,2\r\n"), DAY)
    fresh.ward_sends("households", households(), DAY, seq=2)
    with pytest.raises(FilesRefused) as refused:
        intake.receive(CONTRACT, DAY)
    errors = refused.value.errors
    assert refused.value.reason == errors[0].reason
    assert [error.reason for error in errors] == ["font_unreadable", "wrong_passphrase", "truncated", "columns_missing"]
    assert all(error.next_step and str(error) in str(refused.value) for error in errors)
    text = str(refused.value)
    order = [
        "4件",
        "cloud/規定外",
        "lgwan/households_20260721_01",
        "lgwan/additions_20260721_01",
        "lgwan/stop_20260721_01",
    ]
    assert [text.index(word) for word in order] == sorted(text.index(word) for word in order)
    recorded = {row["receipt_no"] for row in fresh.rows("receipt", state="refused")}
    assert len(recorded) == 3 and all(f"受領番号 {number}" in text for number in recorded)  # the fourth stays
    assert NAMED not in text
    assert ("accepted", None) in states(fresh)


def lgwan(name: str, content: Callable[[], bytes]) -> Callable[[Programme], None]:
    return lambda programme: void(drop(programme.inbox("lgwan"), name, content()))


def void(_: object) -> None:
    """Nothing."""


def changed_on_the_way(programme: Programme) -> None:
    drop(programme.inbox("lgwan"), f"{NAMED}.csv.pgp", sealed(households())).write_bytes(b"cut")


def somewhere(source: str, ending: str, content: bytes) -> Callable[[Programme], None]:
    return lambda programme: void(drop(programme.inbox(source), f"{NAMED}.{ending}", content))


REFUSED: dict[str, tuple[Callable[[Programme], None], Callable[[], object]]] = {
    "a kind that nobody knows": (
        lgwan(f"{NAMED}.csv.pgp", lambda: sealed(households())),
        lambda: intake.receive(CONTRACT, DAY),
    ),
    "a kind that looks right": (
        lgwan("mihon_ichiro_20260721_01.csv.pgp", lambda: sealed(households())),
        lambda: intake.receive(CONTRACT, DAY),
    ),
    "a wrong passphrase": (
        lgwan(f"{NAMED}.csv.pgp", lambda: sealed(households(), "x")),
        lambda: intake.receive(CONTRACT, DAY),
    ),
    "a damaged envelope": (
        lgwan(f"{NAMED}.csv.pgp", lambda: sealed(households())[:-40]),
        lambda: intake.receive(CONTRACT, DAY),
    ),
    "an individual number": (
        lgwan(f"{NAMED}.csv.pgp", lambda: sealed("世帯番号,個人番号\r\n1,2\r\n".encode("cp932"))),
        lambda: intake.receive(CONTRACT, DAY),
    ),
    "a sidecar that promised more": (changed_on_the_way, lambda: intake.receive(CONTRACT, DAY)),
    "no font": (somewhere("cloud", "csv", b"a,b"), lambda: intake.receive(CONTRACT, DAY)),
    "a broken font": (somewhere("cloud", "TTE", b"a,b"), lambda: intake.receive(CONTRACT, DAY)),
    "postcards": (somewhere("postcards", "csv", b"a,b\r\n"), lambda: orders.land_postcards(CONTRACT, DAY)),
    "carrier": (somewhere("carrier", "csv", b"a,b\r\n"), lambda: deliveries.land_results(CONTRACT, DAY)),
    "a returned workbook": (
        somewhere("returned_work", "xlsx", b"a,b"),
        lambda: returned_work.take_answers(CONTRACT, DAY),
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_name_that_was_not_promised_is_in_no_error_and_no_log(fresh: Programme, caplog, capfd, what: str):
    send, take = REFUSED[what]
    send(fresh)
    (file,) = (path for path in fresh.home.glob("inbox/*/*/*") if path.suffix != ".done")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    with caplog.at_level(logging.DEBUG), pytest.raises(FileRefused) as refused:
        take()
    shown = "".join(traceback.format_exception(refused.value)) + caplog.text + "".join(capfd.readouterr())
    assert "見本" not in shown and "mihon" not in shown
    assert digest[:8] in refused.value.where
    assert refused.value.next_step
    receipts = fresh.rows("receipt")
    if receipts:  # where staff look it up
        assert one(receipts)["file_name"] == file.name
        assert one(receipts)["receipt_no"] in refused.value.where
    else:
        assert file.exists()
