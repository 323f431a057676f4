"""A daemon that speaks clamd's protocol over a real socket: PING, VERSION, INSTREAM; it finds the EICAR test file."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: The harmless file that every scanner finds (eicar.org), written so that this file is not found itself.
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").encode()
SIGNATURE = "Eicar-Test-Signature"


class Clamd:
    """What it was asked, and what it answers."""

    def __init__(self) -> None:
        self.version = "ClamAV 1.4.1/27400/Mon Jul 20 09:00:00 2026"
        self.limit = 100 * 1024 * 1024
        self.scans: list[int] = []
        self.silent = False
        #: whether it stops reading at its limit, as clamd does, or reads on to the end
        self.cuts = False


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        daemon: Clamd = self.server.daemon  # type: ignore[attr-defined]
        command = self.rfile.readline().strip()
        if daemon.silent:
            return
        if command == b"nPING":
            self.wfile.write(b"PONG\n")
        elif command == b"nVERSION":
            self.wfile.write(daemon.version.encode() + b"\n")
        elif command == b"nINSTREAM":
            self._scan(daemon)
        else:
            self.wfile.write(b"UNKNOWN COMMAND\n")

    def _scan(self, daemon: Clamd) -> None:
        content = b""
        while size := struct.unpack("!L", self.rfile.read(4))[0]:
            content += self.rfile.read(size)
            if daemon.cuts and len(content) > daemon.limit:
                break
        daemon.scans.append(len(content))
        if len(content) > daemon.limit:
            self.wfile.write(b"INSTREAM size limit exceeded. ERROR\n")
        elif EICAR in content:
            self.wfile.write(f"stream: {SIGNATURE} FOUND\n".encode())
        else:
            self.wfile.write(b"stream: OK\n")


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


class _Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def clamd(path: Path | None = None) -> Iterator[tuple[Clamd, str]]:
    """A running daemon and its URL; on a UNIX socket at `path`, else on a free TCP port."""
    server = _Unix(str(path), _Handler) if path else _Tcp(("127.0.0.1", 0), _Handler)
    server.daemon = daemon = Clamd()  # type: ignore[union-attr]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield daemon, f"unix:{path}" if path else f"tcp://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
