"""The manifest of a batch of labels, as it lies in the outbox."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

from todoke.labels.batch import MANIFEST
from todoke.process.workspace import Workspace


def manifest(ws: Workspace, batch_id: str) -> Iterator[Mapping[str, str]]:
    """Its rows, by the columns of `labels.batch.MANIFEST_COLUMNS`; the application number is the key that stays."""
    yield from csv.DictReader(io.StringIO(ws.outbox.get(f"labels/{batch_id}/{MANIFEST}").decode()))
