"""Files are sent to a virus scanner over its own socket; what it says is kept apart from that it says nothing."""

from __future__ import annotations

import io
import socket
import tempfile
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


def test_a_stream_beyond_the_scanners_limit_is_named_and_not_taken_for_clean(running):
    daemon, scanner = running
    daemon.limit = 10
    with pytest.raises(FileRefused, match="StreamMaxLength") as refused:
        scanner.signature_in(io.BytesIO(b"x" * 11), "a.csv")
    assert refused.value.reason == "virus_check_size"


def test_a_scanner_that_hangs_up_in_the_middle_has_not_found_the_file_clean(running):
    daemon, scanner = running
    daemon.limit, daemon.cuts = 5000, True
    with pytest.raises((FileRefused, ScannerDown), match="StreamMaxLength"):
        scanner.signature_in(io.BytesIO(b"x" * 10_000_000), "a.csv")


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
