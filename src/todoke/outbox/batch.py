"""Releasing: claim pending effects into a batch and commit, then render; the parcels are locked before any file shows.

A batch that was claimed and not published (killed between) is found and rendered again from the same members and the
same pinned versions. A file that is there already must have the same content.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from typing import Any, BinaryIO, TypeAlias, cast

from sqlalchemy import ColumnElement, Connection, Row, and_, case, exists, func, insert, select, update

from todoke import ids
from todoke.errors import LedgerBroken, OutboxConflict, StalePlan
from todoke.model.codes import ShipmentState
from todoke.protect.encryption import FileCipher
from todoke.store import tables as t
from todoke.store.bulk import set_each
from todoke.store.files import FileStore, home
from todoke.store.ledger import MANY, Ledger, analyze

#: Opens a file to be put out by its name, to be written in a `with` block.
OpenFile: TypeAlias = Callable[[str], AbstractContextManager[BinaryIO]]
Guard = Callable[[Connection, list[str]], Mapping[str, int] | None]
Settings = Callable[[Connection], Mapping[str, str]]
#: Parts effects, given by their keys, into batches; what it leaves out stays pending.
Cut = Callable[[list[str]], Sequence[Sequence[str]]]


def nothing_to_say(_tx: Connection, _keys: list[str]) -> Mapping[str, int]:
    """The guard that lets everything pass."""
    return {}


def no_settings(_tx: Connection) -> Mapping[str, str]:
    """Of a batch that is rendered from dataset versions alone."""
    return {}


@dataclass(frozen=True)
class Batch:
    """Effects released together.

    `inputs`: the dataset versions that it is rendered from, by dataset; `settings`: what else shows in its files
    (contract revision, fonts); `notes`: figures as they were when it was claimed. Its files must come out the same when
    they are rendered again.
    """

    id: str
    kind: str
    business_on: date
    members: int
    inputs: dict[str, str]
    settings: dict[str, str]
    notes: dict[str, int]
    published: bool


@dataclass(frozen=True)
class Claim:
    """How the pending effects of a kind are claimed.

    Attributes:
        guard: is called in the transaction with the effects' keys, all that is pending, whatever the cut leaves for
            later; raises when nothing at all may be claimed, and returns figures that are kept with the batches, or
            None to leave this kind pending.
        cut: is called outside of it and says which effects make a batch each; all make one when it is not given.
    """

    guard: Guard = nothing_to_say
    cut: Cut | None = None


def claim(ledger: Ledger, claims: Mapping[str, Claim], as_of: date, *, settings: Settings = no_settings) -> list[Batch]:
    """Claims every pending effect of some kinds due by `as_of` and locks its parcels, all in one transaction.

    Args:
        settings: is called in the transaction; what it returns is kept with the batch.

    Returns:
        The batches, kind by kind in the order of the cut, those of a kind with the same figures and settings; none
        when nothing is pending.

    Raises:
        StalePlan: what is pending has changed since it was cut.
    """
    with ledger.read() as tx:
        pending = {kind: pending_keys(ledger, tx, kind, as_of) for kind in claims}
    seen = {kind: keys for kind, keys in pending.items() if keys}
    cuts = {kind: cut(keys) for kind, keys in seen.items() if (cut := claims[kind].cut) is not None}
    claimed: list[Batch] = []
    if not seen:
        return claimed
    with ledger.write() as tx:
        ledger.lock(tx)
        for kind, before in seen.items():
            keys = pending_keys(ledger, tx, kind, as_of)
            if kind in cuts and (keys != before or not _are_some(cuts[kind], keys)):
                raise StalePlan("分けている間に、出荷するものが変わりました", where=kind)
            if keys and (notes := claims[kind].guard(tx, keys)) is not None:
                claimed += _lock(
                    ledger,
                    tx,
                    Batch("", kind, as_of, 0, {}, dict(settings(tx)), dict(notes), False),
                    cuts.get(kind, [keys]),
                    keys,
                )
        if claimed:
            ledger.move(tx)
    return claimed


def _are_some(parts: Sequence[Sequence[str]], keys: list[str]) -> bool:
    """Whether each of what is in the parts is one of the keys, and in one part alone."""
    inside = list(chain.from_iterable(parts))
    return len(set(inside)) == len(inside) and set(keys).issuperset(inside)


def _lock(ledger: Ledger, tx: Connection, like: Batch, parts: Sequence[Sequence[str]], keys: list[str]) -> list[Batch]:
    """Writes a batch of each part of what is pending, all `like` one, and locks their parcels."""
    inputs = {name: ref.id for name, ref in sorted(ledger.heads(tx).items())}
    members: dict[str, Sequence[str]] = {}
    made: list[Batch] = []
    for number, part in enumerate(parts, 1):
        digest = ids.members_digest(list(part))
        name = ids.identifier(ledger.keys.id_key, "batch", ledger.contract, like.kind, digest)
        place = {"part": number, "parts": len(parts)} if len(parts) > 1 else {}
        batch = replace(like, id=name, members=len(part), inputs=inputs, notes=like.notes | place)
        tx.execute(insert(t.batch).values(_row(ledger, batch, digest)))
        made.append(batch)
        members[name] = part
    all_of_them = sum(map(len, parts)) == len(keys)
    _lock_parcels(ledger, tx, like.kind, like.business_on, members, all_of_them=all_of_them)
    return made


def _row(ledger: Ledger, batch: Batch, digest: str) -> dict[str, object]:
    return {
        "id": batch.id,
        "contract": ledger.contract,
        "kind": batch.kind,
        "business_on": batch.business_on,
        "members": batch.members,
        "members_digest": digest,
        "inputs": json.dumps(batch.inputs),
        "settings": json.dumps(batch.settings),
        "notes": json.dumps(batch.notes),
        "state": "claimed",
    }


def any_pending(ledger: Ledger, kind: str, as_of: date) -> bool:
    """Whether a claim would take anything now."""
    with ledger.read() as tx:
        return bool(tx.execute(select(exists().where(_is_pending(ledger, kind, as_of)))).scalar_one())


def _is_pending(ledger: Ledger, kind: str, as_of: date) -> ColumnElement[bool]:
    """What a claim takes; never for a parcel that the carrier has already."""
    with_carrier = exists().where(t.shipment.c.id == t.effect.c.shipment_id, t.shipment.c.handed_over_at.is_not(None))
    return and_(
        t.effect.c.contract == ledger.contract,
        t.effect.c.kind == kind,
        t.effect.c.batch_id.is_(None),
        t.effect.c.due_on <= as_of,
        ~with_carrier,
    )


def pending_keys(ledger: Ledger, tx: Connection, kind: str, as_of: date) -> list[str]:
    """The effects that a claim would take now."""
    query = select(t.effect.c.key).where(_is_pending(ledger, kind, as_of)).order_by(t.effect.c.key)
    return list(tx.execute(query).scalars())


def _lock_parcels(
    ledger: Ledger,
    tx: Connection,
    kind: str,
    as_of: date,
    members: Mapping[str, Sequence[str]],
    *,
    all_of_them: bool,
) -> None:
    """Gives the pending effects to their batches, and to their parcels the state that a file tells the carrier.

    Args:
        members: the keys of the effects by batch.
        all_of_them: whether these are all that is pending.
    """
    due, batch_ids, wanted = _is_pending(ledger, kind, as_of), list(members), sum(map(len, members.values()))
    if len(members) == 1 and all_of_them:
        taken = tx.execute(update(t.effect).where(due).values(batch_id=batch_ids[0])).rowcount
    else:
        pairs = ((key, batch) for batch, keys in members.items() for key in keys)
        taken = set_each(tx, t.effect.c.key, t.effect.c.batch_id, pairs, due)
    if taken != wanted:
        raise LedgerBroken(f"バッチに入る行が{wanted}件のはずが{taken}件でした", where=batch_ids[0])
    if taken > MANY:
        analyze(tx, "effect")
    told = t.shipment_revision.c
    tx.execute(
        update(t.shipment)
        .where(
            t.effect.c.batch_id.in_(batch_ids),
            t.shipment.c.id == t.effect.c.shipment_id,
            told.shipment_id == t.effect.c.shipment_id,
            told.rev == t.effect.c.rev,
        )
        .values(
            state=case(
                (told.action == "stop", ShipmentState.STOPPED),
                (told.action == "cancel", ShipmentState.CANCELLED),
                else_=ShipmentState.RELEASED,
            ),
            released_rev=told.rev,
            released_on=func.coalesce(t.shipment.c.released_on, as_of),
        )
    )


def unpublished(ledger: Ledger, kind: str) -> list[Batch]:
    """Batches that were claimed and whose files are not all out: to be rendered again first."""
    with ledger.read() as tx:
        return [b for b in batches(ledger, tx, kind) if not b.published]


def batches(ledger: Ledger, tx: Connection, kind: str | None = None) -> list[Batch]:
    """Every batch of a kind, or of all, oldest first."""
    mine = t.batch.c.contract == ledger.contract
    if kind is not None:
        mine &= t.batch.c.kind == kind
    rows = tx.execute(select(t.batch).where(mine).order_by(t.batch.c.business_on, t.batch.c.id))
    return [_batch(row) for row in rows]


def batch_of(ledger: Ledger, batch_id: str) -> Batch:
    """The batch of an id."""
    with ledger.read() as tx:
        return _batch(tx.execute(select(t.batch).where(t.batch.c.id == batch_id)).one())


def _batch(row: Row[Any]) -> Batch:
    return Batch(
        row.id,
        row.kind,
        row.business_on,
        row.members,
        json.loads(row.inputs),
        json.loads(row.settings),
        json.loads(row.notes),
        row.state == "published",
    )


class OutFile(io.RawIOBase):
    """What is written to it goes on to another stream, if there is one, and into `digest` (SHA-256)."""

    def __init__(self, to: BinaryIO | None = None) -> None:
        self._to, self._hash = to, hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._hash.update(data)
        return len(data) if self._to is None else self._to.write(data)


class Outbox:
    """The outgoing files of a contract, sealed under its key: `outbox/<contract>/<folder>/<name>.age`."""

    def __init__(self, ledger: Ledger) -> None:
        self._files = FileStore(f"{home('outbox')}/{ledger.contract}")
        self._cipher = FileCipher(ledger.keys.file_key)

    def put(self, key: str, content: bytes) -> str:
        """Puts a file out, sealed, and returns the digest of its content; raises as `create` does."""
        with self.create(key) as file:
            file.write(content)
        return file.digest

    @contextmanager
    def create(self, key: str) -> Iterator[OutFile]:
        """A stream whose content is out, sealed, when the block ends well, and forgotten when it does not.

        Raises:
            OutboxConflict: at the end of the block: it is there already with other content.
        """
        sealed_key = key + FileCipher.ENDING
        if not self._files.exists(sealed_key):
            with self._files.create(sealed_key) as sealed, self._cipher.sealing(sealed) as plain:
                yield OutFile(plain)
            return
        yield (file := OutFile())
        there = OutFile()
        with self._files.open(sealed_key) as sealed:
            self._cipher.open_stream(sealed, cast(BinaryIO, there))
        if there.digest != file.digest:
            raise OutboxConflict(
                "同じ名前で内容の違うファイルが既に出力されています",
                where=key,
                next_step="バッチの入力が変わっていないかを確かめ、担当の技術者に連絡してください",
            )

    def opener(self, folder: str) -> OpenFile:
        """What opens files of a folder by their names, as `create` does."""
        return lambda name: cast(AbstractContextManager[BinaryIO], self.create(f"{folder}/{name}"))

    def get(self, key: str) -> bytes:
        """The content of a file that was put out."""
        return self._cipher.open(self._files.read(key + FileCipher.ENDING))

    def listing(self, below: str = "") -> list[str]:
        """The names of the files that are out, without the ending of sealed files."""
        return [key.removesuffix(FileCipher.ENDING) for key in self._files.listing(below)]


def publish(ledger: Ledger, batch: Batch, folder: str, render: Callable[[OpenFile], None]) -> str:
    """Renders a batch's files into `outbox/<contract>/<folder>/<batch>/` and records their digest.

    Args:
        render: writes every file through the function it is given; must give the same bytes for the same batch. A
            name with a folder of its own (`shipping/x.csv`) goes into that folder's `<batch>/`.

    Returns:
        The digest over names and contents of the batch's files.

    Raises:
        OutboxConflict: a file is there with other content.
    """
    outbox = Outbox(ledger)
    digests: dict[str, str] = {}

    @contextmanager
    def open_file(name: str) -> Iterator[BinaryIO]:
        own, _, file = name.rpartition("/")
        with outbox.create(f"{own or folder}/{batch.id}/{file}") as out:
            yield cast(BinaryIO, out)
        digests[name] = out.digest

    render(open_file)
    digest = hashlib.sha256("\n".join(f"{n}\t{d}" for n, d in sorted(digests.items())).encode()).hexdigest()
    with ledger.write() as tx:
        tx.execute(update(t.batch).where(t.batch.c.id == batch.id).values(sha256=digest, state="published"))
    return digest
