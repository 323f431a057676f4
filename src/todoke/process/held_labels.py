"""Lists of what keeps labels from being printed, for operators and ward; each name holds the digest of its content."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence

from todoke.labels.batch import HoldPlan
from todoke.labels.gaiji import code_points
from todoke.process.workspace import Workspace


def put_held(ws: Workspace, folder: str, plan: HoldPlan) -> None:
    """The households whose label cannot be printed: both numbers, the reason, the characters' code points."""
    rows = [(h.application_no, h.ward_no, h.reason.label, codes(h.characters)) for h in plan.listed]
    put_list(ws, folder, "held", ("申込番号", "世帯番号", "理由", "コードポイント"), rows)


def codes(characters: Iterable[str]) -> str:
    """The code points of some characters, as a cell."""
    return "、".join(map(code_points, characters))


def put_list(ws: Workspace, folder: str, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows as a CSV that a spreadsheet opens."""
    text = io.StringIO()
    sheet = csv.writer(text)
    sheet.writerow(columns)
    sheet.writerows(rows)
    put_digested(ws, folder, name, "csv", text.getvalue().encode("utf-8-sig"))


def put_digested(ws: Workspace, folder: str, name: str, ending: str, content: bytes) -> None:
    """A file whose name holds the digest of its content: another content lies beside it."""
    ws.outbox.put(f"{folder}/{name}_{hashlib.sha256(content).hexdigest()[:8]}.{ending}", content)
