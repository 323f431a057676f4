"""Virus check of incoming files by a ClamAV daemon, streamed to it with INSTREAM (T09; clamd(8)).

The daemon reads nothing from our disks, so it may run on another machine and needs no right to see a file.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from contextlib import suppress
from datetime import datetime
from typing import BinaryIO
from urllib.parse import urlsplit

from todoke import clock
from todoke.errors import FileRefused, KeyMissing, Passing

VARIABLE = "TODOKE_CLAMD"
#: Patterns come out daily; without new ones for so long the daemon does not get them.
OLDEST_DAYS = 7
_PORT = 3310
_SECONDS = 120
_BLOCK = 1 << 16
_LONGEST_ANSWER = 4096
_ANSWER = re.compile(r"stream: (?:(OK)|(.+) FOUND)")
#: What clamd finds in a stream that it did not look through; only with AlertExceedsMax, else it says OK.
_NOT_SCANNED = "Heuristics.Limits.Exceeded"


class ScannerDown(Passing):
    """The virus scanner cannot be reached, does not answer, or has no current patterns; the file stays where it is."""


class Scanner:
    """A ClamAV daemon.

    Args:
        url: `tcp://<host>:<port>` or `unix:<path of the socket>`.

    Raises:
        KeyMissing: the URL is neither.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._tcp = (parts.hostname, parts.port or _PORT) if parts.scheme == "tcp" and parts.hostname else None
        self._unix = parts.path if parts.scheme == "unix" else ""
        if not self._tcp and not self._unix:
            raise KeyMissing(
                "ウイルス検査（clamd）の接続先を読めません",
                where=VARIABLE,
                next_step="tcp://ホスト:3310 か unix:/ソケットのパス の形で設定してください",
            )

    @classmethod
    def of_environment(cls) -> Scanner:
        """The daemon that `TODOKE_CLAMD` names.

        Raises:
            KeyMissing: it is not set, or no address.
        """
        url = os.environ.get(VARIABLE)
        if not url:
            raise KeyMissing(
                "契約はウイルス検査を求めていますが、接続先がありません",
                where=VARIABLE,
                next_step="環境変数を設定してください（tcp://ホスト:3310 か unix:/ソケットのパス）",
            )
        return cls(url)

    def engine(self) -> str:
        """Engine and patterns as the daemon tells them, such as `ClamAV 1.4.1/27400/Mon Jul 20 09:00:00 2026`.

        Raises:
            ScannerDown: no answer, or its patterns are older than `OLDEST_DAYS` or of no date.
        """
        try:
            told, _ = self._asked(b"VERSION")
        except OSError as error:
            raise _down(error) from None
        if not told:
            raise _down(None)
        if not _is_current(told):
            raise ScannerDown(
                f"ウイルス検査のパターンが{OLDEST_DAYS}日より古いか、日付がありません",
                where=told[:160],
                next_step="clamd の機械で freshclam が動いているかを確かめてください。自動で再試行します",
            )
        return told[:160]

    def signature_in(self, content: BinaryIO, name: str) -> str | None:
        """What is found in a stream: the name of the signature; None when it is clean.

        Args:
            name: of the file, for errors.

        Raises:
            FileRefused: `virus_check_size`: the daemon takes no file of this size, or does not look through it.
            ScannerDown: no answer, or one that cannot be understood.
        """
        try:
            told, sent = self._asked(b"INSTREAM", content)
        except OSError as error:
            raise _down(error) from None
        found = _ANSWER.fullmatch(told)
        signature = found[2] if found else None
        if told.startswith("INSTREAM size limit exceeded") or (signature or "").startswith(_NOT_SCANNED):
            raise FileRefused(
                "virus_check_size",
                "ファイルが大きすぎてウイルス検査ができません",
                where=name,
                next_step="clamd の設定 StreamMaxLength、MaxFileSize、MaxScanSize をファイルより大きくして、"
                "もう一度実行してください",
            )
        if found is None or not sent:
            raise _down(None)
        return signature[:160] if signature else None

    def _asked(self, command: bytes, content: BinaryIO | None = None) -> tuple[str, bool]:
        """The daemon's answer, and whether it has heard all: beyond its limit it answers and hangs up meanwhile."""
        with self._connected() as connection:
            connection.sendall(b"n" + command + b"\n")
            sent = content is None or _sent(connection, content)
            with connection.makefile("rb") as answer:
                return answer.readline(_LONGEST_ANSWER).decode("utf-8", "replace").strip(), sent

    def _connected(self) -> socket.socket:
        if self._tcp:
            return socket.create_connection(self._tcp, _SECONDS)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_SECONDS)
        try:
            connection.connect(self._unix)
        except OSError:
            connection.close()
            raise
        return connection


def _sent(connection: socket.socket, content: BinaryIO) -> bool:
    """Sends a stream in blocks, each behind its length, a zero at the end; whether the other side took them all."""
    with suppress(BrokenPipeError, ConnectionResetError):
        while block := content.read(_BLOCK):
            connection.sendall(struct.pack("!L", len(block)) + block)
        connection.sendall(struct.pack("!L", 0))
        return True
    return False


def _is_current(told: str) -> bool:
    """Whether the patterns' day, which clamd tells behind their number, is not long ago."""
    try:
        made = datetime.strptime(told.split("/")[2].strip(), "%a %b %d %H:%M:%S %Y")  # noqa: DTZ007 – its own zone
    except (IndexError, ValueError):
        return False
    return (clock.now_tokyo().date() - made.date()).days <= OLDEST_DAYS


def _down(error: Exception | None) -> ScannerDown:
    return ScannerDown(
        "ウイルス検査（clamd）から答えがありません",
        where=type(error).__name__ if error else "clamd",
        next_step="clamd が動いているかを確かめてください。自動で再試行します",
    )
