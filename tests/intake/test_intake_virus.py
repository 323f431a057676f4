"""Files are sent to a virus scanner over its own socket; what it says is kept apart from that it says nothing."""

from __future__ import annotations

import io
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from clamd_server import EICAR, SIGNATURE, Clamd, clamd

from todoke.errors import FileRefused, KeyMissing
from todoke.intake.virus import VARIABLE, Scanner, ScannerDown


@pytest.fixture(params=["tcp", "unix"])
def running(request: pytest.FixtureRequest) -> Iterator[tuple[Clamd, Scanner]]:
    with (
        tempfile.TemporaryDirectory(prefix="clamd-", dir="/tmp") as folder,  # a socket's path is short
        clamd(Path(folder, "ctl") if request.param == "unix" else None) as (daemon, url),
    ):
        yield daemon, Scanner(url)


def test_a_clean_stream_and_one_with_the_test_virus_are_told_apart(running):
    daemon, scanner = running
    assert scanner.engine() == daemon.version
    assert scanner.signature_in(io.BytesIO(b"clean\r\n" * 100_000), "a.csv") is None
    assert scanner.signature_in(io.BytesIO(b"before" + EICAR), "a.csv") == SIGNATURE
    assert scanner.signature_in(io.BytesIO(b""), "a.csv") is None
    assert daemon.scans == [700_000, 6 + len(EICAR), 0]


@pytest.mark.parametrize("size", [11, 100_000, 30_000_000])
def test_a_stream_beyond_the_scanners_limit_is_named_although_it_hangs_up_in_the_middle(running, size: int):
    daemon, scanner = running
    daemon.limit = 10
    with pytest.raises(FileRefused, match="StreamMaxLength") as refused:
        scanner.signature_in(io.BytesIO(b"x" * size), "a.csv")
    assert refused.value.reason == "virus_check_size"


def test_a_file_that_the_scanner_did_not_look_through_is_not_called_infected(running):
    daemon, scanner = running
    daemon.looks_through = 10
    with pytest.raises(FileRefused, match="MaxFileSize") as refused:
        scanner.signature_in(io.BytesIO(b"x" * 11), "a.csv")
    assert refused.value.reason == "virus_check_size"


@pytest.mark.parametrize("answer", ["COMMAND READ TIMED OUT", "stream: Can't open file ERROR", "stream:", "OK"])
def test_only_a_finding_or_an_ok_is_a_verdict(running, answer: str):
    daemon, scanner = running
    daemon.says = answer
    with pytest.raises(ScannerDown):
        scanner.signature_in(io.BytesIO(b"x"), "a.csv")


def test_an_ok_before_all_was_sent_is_none():
    with socket.create_server(("127.0.0.1", 0)) as hasty:

        def answer() -> None:
            connection, _ = hasty.accept()
            with connection:
                connection.sendall(b"stream: OK\n")

        (thread := threading.Thread(target=answer)).start()
        with pytest.raises(ScannerDown):
            Scanner(f"tcp://127.0.0.1:{hasty.getsockname()[1]}").signature_in(io.BytesIO(bytes(50_000_000)), "a.csv")
        thread.join()


@pytest.mark.parametrize(
    "version",
    ["ClamAV 1.4.6", "ClamAV 1.4.6/27400", "ClamAV 1.4.6/27400/yesterday", "ClamAV 1.4.6/2/Mon Jul 13 09:00:00 2026"],
)
def test_patterns_that_are_old_or_of_no_date_check_nothing(running, version: str, monkeypatch):
    daemon, scanner = running
    monkeypatch.setenv("TODOKE_NOW", "2026-07-21T09:00:00")
    daemon.version = version
    with pytest.raises(ScannerDown, match="7日") as down:
        scanner.engine()
    assert not down.value.final and "freshclam" in down.value.next_step
    daemon.version = "ClamAV 1.4.6/27400/Tue Jul 14 09:00:00 2026"
    assert scanner.engine() == daemon.version


@pytest.mark.parametrize("ask", [lambda s: s.engine(), lambda s: s.signature_in(io.BytesIO(b"x"), "a.csv")])
def test_no_answer_is_tried_again(running, ask):
    daemon, scanner = running
    daemon.silent = True
    with pytest.raises(ScannerDown) as down:
        ask(scanner)
    assert not down.value.final


def test_a_scanner_that_is_not_there_is_tried_again(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for url in (f"tcp://127.0.0.1:{port}", f"unix:{tmp_path}/nothing"):
        with pytest.raises(ScannerDown):
            Scanner(url).engine()
        with pytest.raises(ScannerDown):
            Scanner(url).signature_in(io.BytesIO(b"x"), "a.csv")


@pytest.mark.parametrize("url", ["clamd:3310", "http://localhost", "tcp://", "unix:", ""])
def test_an_address_that_is_none_names_the_variable_and_its_forms(url, monkeypatch):
    monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(KeyMissing, match=VARIABLE) as missing:
        Scanner.of_environment()
    assert "tcp://" in missing.value.next_step and "unix:" in missing.value.next_step
