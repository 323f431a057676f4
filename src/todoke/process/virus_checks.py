"""What the virus scanner says of incoming files, kept in the ledger by digest (T09)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from todoke import clock
from todoke.errors import FileRefused
from todoke.intake.virus import Scanner
from todoke.process.workspace import Workspace
from todoke.store import tables as t
from todoke.store.ledger import insert_ignoring_conflicts

INFECTED = "infected"


@dataclass(frozen=True)
class Verdict:
    """What was found, None for nothing, by which engine with which patterns."""

    signature: str | None
    engine: str


def checked(ws: Workspace, path: Path, sha256: str, name: str) -> Verdict | None:
    """The verdict on a file or payload by the patterns of now; None when the contract asks for no check.

    Args:
        sha256: of the file; what was looked at with these very patterns is not looked at again.
        name: of the file as it came, for errors.

    Raises:
        KeyMissing, ScannerDown, FileRefused: as `intake.virus.Scanner`.
    """
    if ws.contract.intake.virus_check == "none":
        return None
    scanner = Scanner.of_environment()
    engine = scanner.engine()
    v = t.virus_check.c
    known = select(v.signature).where(v.contract == ws.contract.id, v.sha256 == sha256, v.engine == engine)
    with ws.ledger.read() as tx:
        row = tx.execute(known).one_or_none()
    if row is not None:
        return Verdict(row.signature, engine)
    with path.open("rb") as content:
        verdict = Verdict(scanner.signature_in(content, name), engine)
    told: dict[str, object] = {
        "contract": ws.contract.id,
        "sha256": sha256,
        "engine": engine,
        "signature": verdict.signature,
        "checked_at": clock.now_utc(),
    }
    with ws.ledger.write() as tx:
        insert_ignoring_conflicts(tx, t.virus_check, [told])
    return verdict


def refuse_infected(ws: Workspace, path: Path, sha256: str, name: str) -> None:
    """Check a file or payload before anything of it is used.

    Raises:
        FileRefused: `infected`; and as `checked`.
    """
    verdict = checked(ws, path, sha256, name)
    if verdict is not None and verdict.signature is not None:
        raise FileRefused(
            INFECTED,
            f"ウイルスが見つかりました（{verdict.signature}）",
            where=name,
            next_step="ファイルを開かず、送付元に連絡してください。原本は封印したまま保管しています",
        )
