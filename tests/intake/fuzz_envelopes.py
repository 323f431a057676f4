"""Throws mutated envelopes at the openers for some minutes: each opens rightly, or is refused by name, and is gone.

python tests/intake/fuzz_envelopes.py [minutes] [seed]
"""

from __future__ import annotations

import random
import resource
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from envelope_makers import (
    MARKERS,
    PASSPHRASE,
    openpgp,
    program,
    records,
    self_decrypting,
    seven_zipped,
    zip_crypto,
    zipped,
)

from todoke.errors import FileRefused
from todoke.intake.envelopes import Keys, Limits, opened_payload

ALLOWED = ("openpgp", "pgp_sda", "zip", "7z", "zip_crypto", "plain")
LIMITS = Limits(bytes=1 << 20, small=1 << 18, ratio=30, members=8)
CSV = b"no,name\r\n" + b"1,abcdefgh\r\n2,xyz\r\n" * 60
ONE = [("a.csv", CSV)]
#: Seconds that a file of a few kilobytes may take; a 7z may ask for 2^24 rounds to make its key.
_LONGEST = 30
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 64) - 1)


def corpus() -> dict[str, bytes]:
    """Good files of every form, small ones."""
    return {
        "zip": zipped(ONE),
        "zip, plain": zipped(ONE, None),
        "zip_crypto": zip_crypto("a.csv", CSV),
        "zip sfx": program() + zipped(ONE),
        "7z": seven_zipped(ONE),
        "7z sfx": program() + seven_zipped(ONE),
        "7z, header": seven_zipped(ONE, header=True),
        "7z, plain": seven_zipped(ONE, None),
        **{f"sda {n}": self_decrypting(ONE, trailer=n) for n in range(3)},
        "sda wide": self_decrypting([("d", -1), *ONE], wide=True),
        "sda raw": self_decrypting(ONE, raw=True),
        "sda in zip": zipped([("a.exe", self_decrypting(ONE))]),
        "zip in sda": self_decrypting([("a.zip", zipped(ONE))]),
        "csv": CSV,
    }


def mutated(raw: bytes, chance: random.Random, other: bytes) -> bytes:
    """A file like `raw` with some wrong bytes; what a checksum would catch at once is sometimes made right again."""
    data = bytearray(raw)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        place = chance.randrange(len(data)) if data else 0
        # The ends of a file are where the structure is.
        if chance.random() < 0.5 and len(data) > 200:
            place = chance.choice((chance.randrange(100), len(data) - 1 - chance.randrange(160)))
        size = chance.choice((1, 2, 4, 8))
        match chance.randrange(8):
            case 0:
                data[place : place + 1] = bytes([data[place] ^ 1 << chance.randrange(8)]) if data else b""
            case 1:
                value = chance.choice(_INTERESTING) & (1 << 8 * size) - 1
                data[place : place + size] = value.to_bytes(size, "little")
            case 2:
                data[place : place + size] = chance.randbytes(size)
            case 3:
                del data[place : place + chance.choice((1, 8, 100, len(data)))]
            case 4:
                data[place:place] = chance.randbytes(chance.choice((1, 8, 512)))
            case 5:
                start = chance.randrange(len(other))
                data[place:place] = other[start : start + chance.choice((4, 64, 1024))]
            case 6:
                data = data[: place + 1]
            case 7:
                data += other[: chance.choice((1, 44, 1024))]
    return _with_right_sums(bytes(data)) if chance.random() < 0.5 else bytes(data)


def _with_right_sums(data: bytes) -> bytes:
    """A 7z whose head and table are as its checksums say, so that what lies behind them is reached."""
    start = max(0, data.find(b"7z\xbc\xaf\x27\x1c"))
    before, data = data[:start], data[start:]
    if not data.startswith(b"7z\xbc\xaf\x27\x1c") or len(data) < 32:
        return before + data
    offset, size = struct.unpack_from("<QQ", data, 12)
    if 32 + offset + size <= len(data):
        table = zlib.crc32(data[32 + offset : 32 + offset + size])
        data = data[:28] + struct.pack("<I", table) + data[32:]
    return before + data[:8] + struct.pack("<I", zlib.crc32(data[12:32])) + data[12:]


def mutated_inside(chance: random.Random) -> bytes:
    """A self-decrypting archive whose encryption is right and whose content is not."""
    inner = mutated(records(ONE, wide=chance.random() < 0.5), chance, records([("../b.csv", CSV)]))
    if chance.random() < 0.5:
        return self_decrypting(inner, files=chance.choice((1, 1, 2, 9)))
    packed = mutated(zlib.compress(inner), chance, bytes(100)) or b"\0"
    return self_decrypting(packed, packed=False)


def tried(raw: bytes, folder: Path, chosen: str = PASSPHRASE) -> str:
    """The reason of the refusal, or `opened`.

    Raises:
        AssertionError: something is left in the folder.
    """
    path = folder.parent / "a.bin"
    path.write_bytes(raw)
    try:
        with opened_payload(path, keys=Keys(chosen), allowed=ALLOWED, into=folder, limits=LIMITS):
            reason = "opened"
    except FileRefused as error:
        assert error.next_step
        reason = error.reason
    assert not list(folder.iterdir()), "plaintext is left"
    return reason


def fuzzed(make: Callable[[], bytes], open_: Callable[[bytes], str], minutes: float, seed: int) -> None:
    """Opens one made file after the other, and tells what came of them; keeps the one that went wrong."""
    seen, slowest = Counter[str](), 0.0
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        raw, start = make(), time.monotonic()
        try:
            seen[open_(raw)] += 1
            slowest = max(slowest, time.monotonic() - start)
            assert slowest < _LONGEST
        except BaseException:
            kept = Path(f"fuzz-{seed}-{sum(seen.values())}.bin")
            kept.write_bytes(raw)
            print(f"kept as {kept}", file=sys.stderr)
            raise
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{sum(seen.values()):,} files, slowest {slowest:.1f} s, {peak:.0f} MB at most: {dict(seen.most_common())}")


def main(minutes: float, seed: int) -> None:
    chance = random.Random(seed)
    files = corpus() | {
        "openpgp": openpgp(CSV),
        "openpgp, marker": MARKERS[0] + openpgp(CSV),
        "openpgp, armour in a mail": b"hello,\r\n\r\n" + openpgp(CSV, PASSPHRASE, "--armor"),
    }
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made, "opened")
        folder.mkdir(mode=0o700)

        def make() -> bytes:
            form, other = chance.choice(list(files)), files[chance.choice(list(files))]
            return mutated_inside(chance) if chance.random() < 0.2 else mutated(files[form], chance, other)

        for form, raw in files.items():
            assert tried(raw, folder) == "opened", form
        fuzzed(make, lambda raw: tried(raw, folder), minutes, seed)
        assert tried(files["zip"], folder) == "opened"


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
