"""Windows programs as files (PE format): what a self-extracting archive carries behind its program, never run (G02)."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"
#: Magic, version, checksum of the rest; then offset, size and checksum of the table.
SEVEN_ZIP_FRAME = struct.Struct("<6s2BI20s")
_ZIP, _ZIP_ENTRY, _ZIP_END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_ZIP_TAIL = 22 + 0xFFFF
_HEAD = 4096
#: Between a program and its 7z there may be the settings of an installer, a few hundred bytes of text.
_SETTINGS = 1 << 20


def carried(stream: BinaryIO) -> str | None:
    """The form of the archive behind a program, `zip` or `7z`; the outer one where one lies in the other."""
    starts = {form: start for form, start in (("7z", seven_zip_start(stream)), ("zip", _zip_start(stream))) if start}
    return min(starts, key=starts.__getitem__, default=None)


def seven_zip_start(stream: BinaryIO) -> int | None:
    """Where the 7z behind a program begins.

    The first whose head has the checksum it names: the six bytes of the signature alone may stand anywhere. One that
    follows the program at once and is damaged or cut is one as well.
    """
    end = _program_size(stream)
    stream.seek(end)
    behind = stream.read(_SETTINGS + SEVEN_ZIP_FRAME.size)
    place = -1
    while (place := behind.find(SEVEN_ZIP, place + 1)) >= 0:
        head = behind[place : place + SEVEN_ZIP_FRAME.size]
        if len(head) == SEVEN_ZIP_FRAME.size:
            *_, checksum, start = SEVEN_ZIP_FRAME.unpack(head)
            if zlib.crc32(start) == checksum:
                return end + place
    return end if behind.startswith(SEVEN_ZIP) else None


def _zip_start(stream: BinaryIO) -> int | None:
    """Where the ZIP behind a program begins: its end is there, or it is cut and its beginning follows the program.

    Four bytes may look like its end by chance: where the table is not before it, it begins no earlier.
    """
    program = _program_size(stream)
    stream.seek(program)
    if stream.read(len(_ZIP)) == _ZIP:
        return program
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _ZIP_TAIL))
    tail = stream.read()
    place = tail.rfind(_ZIP_END)
    if place < 0:
        return None
    end = size - len(tail) + place
    length, offset = struct.unpack_from("<II", tail[place:].ljust(20, b"\0"), 12)
    stream.seek(max(0, end - length))
    return max(program, end - length - offset) if stream.read(len(_ZIP_ENTRY)) == _ZIP_ENTRY else end


def _program_size(stream: BinaryIO) -> int:
    """Where the sections of a Windows program end (PE format); its end when it is none."""
    end = stream.seek(0, 2)
    stream.seek(0)
    head = stream.read(_HEAD)
    try:
        pe = struct.unpack_from("<I", head, 0x3C)[0]
        count, optional = struct.unpack_from("<H12xH", head, pe + 6)
        table = pe + 24 + optional
        ends = [sum(struct.unpack_from("<II", head, table + 40 * number + 16)) for number in range(count)]
    except struct.error:
        return end
    return min(end, max(ends, default=end))
