"""OpenPGP messages to a public key, good and hostile: their packets apart, and anything put under a known key.

Packets as in RFC 9580, 4.2; the old integrity protection (version 1, CFB with a digest at its end) as in 5.13.1.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import gnupg
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from envelope_makers import PASSPHRASE

from todoke.intake.envelopes import Keys

ONE_PASS, COMPRESSED, SYMMETRIC, MARKER, LITERAL, SEALED = 4, 8, 9, 10, 11, 18  # tags
_KEY = "%no-protection\n{kind}\nName-Email: {name}@example.jp\nExpire-Date: 0\n%commit\n"
_RSA = "Key-Type: RSA\nKey-Length: 2048\nSubkey-Type: RSA\nSubkey-Length: 2048"
_CURVE = "Key-Type: EDDSA\nKey-Curve: ed25519\nSubkey-Type: ECDH\nSubkey-Curve: cv25519"


@dataclass(frozen=True)
class Packet:
    """A packet in the new form."""

    tag: int
    body: bytes

    def __bytes__(self) -> bytes:
        return bytes([0xC0 | self.tag, 0xFF]) + len(self.body).to_bytes(4, "big") + self.body


def packets(message: bytes) -> list[Packet]:
    """The packets of a message that gpg has made."""
    found, place = [], 0
    while place < len(message):
        head, body, going_on = message[place], b"", True
        place += 1
        while going_on:
            size, place, going_on = _length(head, message, place)
            body += message[place : place + size]
            place += size
        found.append(Packet(head & 0x3F if head & 0x40 else head >> 2 & 0x0F, body))
    return found


def _length(head: int, message: bytes, place: int) -> tuple[int, int, bool]:
    """How many bytes follow, from where on, and whether that is but a part of them."""
    if not head & 0x40:
        wide = (1, 2, 4, 0)[head & 3]
        return int.from_bytes(message[place : place + wide], "big") if wide else len(message), place + wide, False
    first = message[place]
    if first < 192:
        return first, place + 1, False
    if first < 224:
        return (first - 192 << 8) + message[place + 1] + 192, place + 2, False
    if first < 255:
        return 1 << (first & 0x1F), place + 1, True
    return int.from_bytes(message[place + 1 : place + 5], "big"), place + 5, False


def joined(parts: list[Packet]) -> bytes:
    return b"".join(map(bytes, parts))


def literal(content: bytes, name: bytes = b"a.csv") -> Packet:
    return Packet(LITERAL, b"b" + bytes([len(name)]) + name + bytes(4) + content)


def compressed(content: bytes) -> Packet:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return Packet(COMPRESSED, b"\1" + packer.compress(content) + packer.flush())


@dataclass(frozen=True)
class Desk:
    """Who receives: two key pairs, and a signer; and a session key that its keys open."""

    gpg: gnupg.GPG
    receivers: tuple[str, ...]
    signer: str
    keys: Keys
    _session: dict[str, tuple[Packet, bytes]] = field(default_factory=dict)

    def message(self, content: bytes, *receivers: str, sign: bool = False, **options: object) -> bytes:
        """What a ward sends to some of the keys, all where none is named."""
        to, signer = list(receivers or self.receivers), self.signer if sign else None
        options = {"armor": False, "always_trust": True, "sign": signer} | options
        result = self.gpg.encrypt(content, to, **options)
        assert result.ok, result.stderr
        return result.data

    def sealed(self, inner: bytes, receiver: str | None = None) -> bytes:
        """Anything rightly encrypted to a key, and rightly protected."""
        session, key = self._known(receiver or self.receivers[0])
        prefix = os.urandom(16)
        plain = prefix + prefix[-2:] + inner + b"\xd3\x14"
        plain += hashlib.sha1(plain, usedforsecurity=False).digest()
        encryptor = Cipher(AES(key), CFB(bytes(16))).encryptor()
        return joined([session, Packet(SEALED, b"\1" + encryptor.update(plain) + encryptor.finalize())])

    def _known(self, receiver: str) -> tuple[Packet, bytes]:
        """An encrypted session key for the receiver, and the key (AES-256)."""
        if receiver not in self._session:
            raw = self.message(b"x", receiver, extra_args=["--cipher-algo", "AES256"])
            told = self.gpg.decrypt(raw, extra_args=["--show-session-key"]).stderr
            found = re.search(r"SESSION_KEY 9:([0-9A-F]{64})", told)
            assert found, told
            self._session[receiver] = packets(raw)[0], bytes.fromhex(found[1])
        return self._session[receiver]


@contextmanager
def desk() -> Iterator[Desk]:
    home = tempfile.mkdtemp(prefix="desk-", dir="/tmp")
    try:
        gpg = gnupg.GPG(gnupghome=home)
        gpg.encoding = "utf-8"
        kinds = (("rsa", _RSA), ("curve", _CURVE), ("ward", _CURVE))
        rsa, curve, ward = (gpg.gen_key(_KEY.format(kind=kind, name=name)).fingerprint for name, kind in kinds)
        secret = gpg.export_keys([rsa, curve], secret=True, expect_passphrase=False)
        yield Desk(gpg, (rsa, curve), ward, Keys(PASSPHRASE, secret, gpg.export_keys(ward)))
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
        shutil.rmtree(home, ignore_errors=True)


def corpus(desk: Desk, content: bytes) -> dict[str, bytes]:
    """Good messages of every form; each opens to the content."""
    rsa, curve = desk.receivers
    plain = {"extra_args": ["--compress-algo", "none"]}
    return {
        "rsa": desk.message(content, rsa),
        "curve": desk.message(content, curve),
        "both": desk.message(content),
        "hidden receiver": desk.message(content, extra_args=["--throw-keyids"]),
        "not packed": desk.message(content, curve, **plain),
        "armoured": desk.message(content, curve, armor=True),
        "passphrase too": desk.message(content, curve, passphrase=PASSPHRASE, extra_args=["--symmetric"]),
        "signed": desk.message(content, curve, sign=True),
        "signed, rsa": desk.message(content, rsa, sign=True),
        "signed, not packed": desk.message(content, curve, sign=True, **plain),
        "signed, armoured": desk.message(content, curve, sign=True, armor=True),
        "own": desk.sealed(bytes(literal(content)), curve),
        "own, packed": desk.sealed(bytes(compressed(bytes(literal(content)))), rsa),
    }


def edited(message: list[Packet], chance: random.Random, others: list[Packet]) -> list[Packet]:
    """The packets with one of them left out, doubled, moved, renamed, cut, replaced, or another one put between."""
    message = list(message)
    place = chance.randrange(len(message))
    packet = message[place]
    match chance.randrange(8):
        case 0:
            del message[place]
        case 1:
            message.insert(chance.randrange(len(message) + 1), packet)
        case 2:
            chance.shuffle(message)
        case 3:
            message[place] = replace(packet, tag=chance.choice((*range(1, 22), 60, 63)))
        case 4:
            message[place] = replace(packet, body=packet.body[: chance.randrange(len(packet.body) + 1)])
        case 5:
            message[place] = chance.choice(others)
        case 6:
            strange = (Packet(MARKER, b"PGP"), literal(b"1,2\r\n"), Packet(chance.randrange(64), chance.randbytes(20)))
            message.insert(chance.randrange(len(message) + 1), chance.choice((*strange, *others)))
        case 7:  # as it was before integrity was protected
            stripped = packet.body[1:-22] if packet.tag == SEALED else packet.body
            message[place] = Packet(SYMMETRIC if packet.tag == SEALED else packet.tag, stripped)
    return message
