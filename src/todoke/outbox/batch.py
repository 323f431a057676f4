"""Releasing: claim pending effects into a batch and commit, then render; the parcels are locked before any file shows.

A batch that was claimed and not published (killed between) is found and rendered again from the same members and the
same pinned versions. A file that is there already must have the same content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, cast

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, insert, select, update

from todoke import ids
from todoke.errors import LedgerBroken, OutboxConflict
from todoke.model.codes import ShipmentState
from todoke.protect.encryption import FileCipher, SealedFile
from todoke.store import tables as t
from todoke.store.files import FileStore, home
from todoke.store.ledger import MANY, Ledger, analyze

OpenFile = Callable[[str], BinaryIO]
Guard = Callable[[Connection, list[str]], Mapping[str, int]]
Settings = Callable[[Connection], Mapping[str, str]]


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


def claim(
    ledger: Ledger,
    kind: str,
    as_of: date,
    *,
    guard: Guard = nothing_to_say,
    settings: Settings = no_settings,
) -> Batch | None:
    """Claims every pending effect of `kind` due by `as_of` and locks its parcels.

    Args:
        guard: is called in the transaction with the effects' keys; raises when they may not be released
            (no approval for exactly these), and returns figures that are kept with the batch.
        settings: is called in the transaction; what it returns is kept with the batch.

    Returns:
        The batch, or None when nothing is pending.
    """
    if not any_pending(ledger, kind, as_of):
        return None
    with ledger.write() as tx:
        ledger.lock(tx)
        keys = pending_keys(ledger, tx, kind, as_of)
        if not keys:
            return None
        ledger.move(tx)
        notes = dict(guard(tx, keys))
        digest = ids.members_digest(keys)
        heads = ledger.heads(tx)
        batch = Batch(
            ids.identifier(ledger.keys.id_key, "batch", ledger.contract, kind, digest),
            kind,
            as_of,
            len(keys),
            {name: ref.id for name, ref in sorted(heads.items())},
            dict(settings(tx)),
            notes,
            published=False,
        )
        tx.execute(
            insert(t.batch).values(
                id=batch.id,
                contract=ledger.contract,
                kind=kind,
                business_on=as_of,
                members=len(keys),
                members_digest=digest,
                inputs=json.dumps(batch.inputs),
                settings=json.dumps(batch.settings),
                notes=json.dumps(batch.notes),
                state="claimed",
            )
        )
        _lock_parcels(ledger, tx, batch)
    return batch


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


def _lock_parcels(ledger: Ledger, tx: Connection, batch: Batch) -> None:
    """Gives the pending effects to the batch, and to their parcels the state that its file tells the carrier."""
    due = _is_pending(ledger, batch.kind, batch.business_on)
    taken = tx.execute(update(t.effect).where(due).values(batch_id=batch.id)).rowcount
    if taken != batch.members:
        raise LedgerBroken(f"バッチに入る行が{batch.members}件のはずが{taken}件でした", where=batch.id)
    if taken > MANY:
        analyze(tx, "effect")
    told = t.shipment_revision.c
    tx.execute(
        update(t.shipment)
        .where(
            t.effect.c.batch_id == batch.id,
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
            released_on=func.coalesce(t.shipment.c.released_on, batch.business_on),
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
    return [
        Batch(
            r.id,
            r.kind,
            r.business_on,
            r.members,
            json.loads(r.inputs),
            json.loads(r.settings),
            json.loads(r.notes),
            r.state == "published",
        )
        for r in rows
    ]


class Outbox:
    """The outgoing files of a contract, sealed under its key: `outbox/<contract>/<folder>/<name>.age`."""

    def __init__(self, ledger: Ledger) -> None:
        self._files = FileStore(f"{home('outbox')}/{ledger.contract}")
        self._cipher = FileCipher(ledger.keys.file_key)

    def put(self, key: str, content: bytes) -> str:
        """Puts a file out, sealed, and returns the digest of its content.

        Raises:
            OutboxConflict: it is there already with other content.
        """
        digest = hashlib.sha256(content).hexdigest()
        sealed_key = key + FileCipher.ENDING
        if self._files.exists(sealed_key):
            there = hashlib.sha256(self._cipher.open(self._files.read(sealed_key))).hexdigest()
            if there != digest:
                raise OutboxConflict(
                    "同じ名前で内容の違うファイルが既に出力されています",
                    where=key,
                    next_step="バッチの入力が変わっていないかを確かめ、担当の技術者に連絡してください",
                )
            return digest
        self._files.write(sealed_key, self._cipher.seal(content))
        return digest

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

    def open_file(name: str) -> BinaryIO:
        def keep(content: bytes) -> None:
            own, _, file = name.rpartition("/")
            digests[name] = outbox.put(f"{own or folder}/{batch.id}/{file}", content)

        return cast(BinaryIO, SealedFile(keep))

    render(open_file)
    digest = hashlib.sha256("\n".join(f"{n}\t{d}" for n, d in sorted(digests.items())).encode()).hexdigest()
    with ledger.write() as tx:
        tx.execute(update(t.batch).where(t.batch.c.id == batch.id).values(sha256=digest, state="published"))
    return digest
