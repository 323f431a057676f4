"""A daemon that answers as clamd 1.4.6 does, over a real socket: PING, VERSION, INSTREAM; it finds the EICAR file."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from todoke import clock

#: The harmless file that every scanner finds (eicar.org), written so that this file is not found itself.
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").encode()
SIGNATURE = "Eicar-Test-Signature.UNOFFICIAL"


class Clamd:
    """What it was asked, and what it answers."""

    def __init__(self) -> None:
        self.version = f"ClamAV 1.4.6/27400/{clock.now_tokyo():%a %b %d %H:%M:%S %Y}"
        self.limit = 100 * 1024 * 1024
        #: the length up to which it looks through a file; of a longer one it says so, given AlertExceedsMax
        self.looks_through = 100 * 1024 * 1024
        self.scans: list[int] = []
        self.silent = False
        #: what it says in place of what it found
        self.says: str | None = None


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
            if len(content) + size > daemon.limit:  # it hangs up at once, whatever is still to come
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\n")
                return
            content += self.rfile.read(size)
        daemon.scans.append(len(content))
        self.wfile.write(f"{daemon.says or self._found(daemon, content)}\n".encode())

    def _found(self, daemon: Clamd, content: bytes) -> str:
        if len(content) > daemon.looks_through:
            return "stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND"
        return f"stream: {SIGNATURE} FOUND" if EICAR in content else "stream: OK"


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
