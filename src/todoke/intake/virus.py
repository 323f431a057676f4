"""Virus check of incoming files by a ClamAV daemon, streamed to it with INSTREAM (T09).

The daemon reads nothing from our disks, so it may run on another machine and needs no right to see a file.
"""

from __future__ import annotations

import os
from typing import BinaryIO
from urllib.parse import urlsplit

from clamav_client.clamd import (
    BufferTooLongError,
    ClamdError,
    ClamdNetworkSocket,
    ClamdUnixSocket,
)

from todoke.errors import FileRefused, KeyMissing, Passing

VARIABLE = "TODOKE_CLAMD"
_PORT = 3310
_SECONDS = 120


class ScannerDown(Passing):
    """The virus scanner cannot be reached or does not answer; the file stays where it is."""


class Scanner:
    """A ClamAV daemon.

    Args:
        url: `tcp://<host>:<port>` or `unix:<path of the socket>`.

    Raises:
        KeyMissing: the URL is neither.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "tcp" and parts.hostname:
            self._daemon = ClamdNetworkSocket(parts.hostname, parts.port or _PORT, timeout=_SECONDS)
        elif parts.scheme == "unix" and parts.path:
            self._daemon = ClamdUnixSocket(parts.path, timeout=_SECONDS)
        else:
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
        """Engine and patterns as the daemon tells them, such as `ClamAV 1.4.1/27400/Mon Sep …`.

        Raises:
            ScannerDown: no answer.
        """
        try:
            told = self._daemon.version()
        except (ClamdError, OSError) as error:
            raise _down(error) from None
        if not told:
            raise _down(None)
        return told[:160]

    def signature_in(self, content: BinaryIO, name: str) -> str | None:
        """What is found in a stream: the name of the signature; None when it is clean.

        Args:
            name: of the file, for errors.

        Raises:
            FileRefused: `virus_check_size`: the daemon takes no file of this size.
            ScannerDown: no answer, or one that cannot be understood.
        """
        try:
            answer = self._daemon.instream(content)
        except BufferTooLongError:
            raise FileRefused(
                "virus_check_size",
                "ファイルが大きすぎてウイルス検査ができません",
                where=name,
                next_step="clamd の設定 StreamMaxLength を大きくして、もう一度実行してください",
            ) from None
        except (ClamdError, OSError) as error:
            raise _down(error) from None
        status, signature = answer.get("stream", ("", None))
        if status == "OK":
            return None
        if status == "FOUND":
            return (signature or "?")[:160]
        raise _down(None)


def _down(error: Exception | None) -> ScannerDown:
    return ScannerDown(
        "ウイルス検査（clamd）から答えがありません",
        where=type(error).__name__ if error else "clamd",
        next_step="clamd が動いているか、StreamMaxLength がファイルより大きいかを確かめてください。自動で再試行します",
    )
