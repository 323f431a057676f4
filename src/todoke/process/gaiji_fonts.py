"""The fonts of a contract's labels: its base font and the ward's gaiji fonts as they were received (G04)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, select

from todoke.errors import ContractError
from todoke.labels.fonts import FontSet
from todoke.model.codes import ReceiptState
from todoke.process.arrivals import GAIJI_FONT
from todoke.process.contract_check import base_font_file
from todoke.process.workspace import LabelFonts, Workspace
from todoke.store import tables as t

_BASE, _GAIJI = "base_font", "gaiji_fonts"


def gaiji_fonts(ws: Workspace) -> FontSet:
    """The fonts of the workspace: those of a batch, or those in force."""
    fonts = ws.fonts
    if fonts is None:
        with ws.ledger.read() as tx:
            fonts = fonts_in_force(ws, tx)
    return font_set(ws, fonts)


def fonts_in_force(ws: Workspace, tx: Connection) -> LabelFonts:
    """The contract's base font, and the newest gaiji font of each file name.

    Those that `labels.gaiji_fonts` names come first, in its order; the others follow by name.
    """
    return _ordered(ws, {name.lower(): receipt_no for receipt_no, name in received(ws, tx)})


def received(ws: Workspace, tx: Connection) -> list[tuple[str, str]]:
    """Receipt and file name of every gaiji font that was taken, oldest first."""
    r = t.receipt.c
    taken = select(r.receipt_no, r.file_name).where(
        r.contract == ws.contract.id, r.kind == GAIJI_FONT, r.state == ReceiptState.ACCEPTED
    )
    return [(row.receipt_no, row.file_name) for row in tx.execute(taken.order_by(r.seq))]


def deliveries(ws: Workspace, tx: Connection) -> list[LabelFonts]:
    """The fonts in force after each accepted gaiji font, oldest first; the last are those in force now."""
    newest: dict[str, str] = {}
    found = []
    for receipt_no, name in received(ws, tx):
        newest[name.lower()] = receipt_no
        found.append(_ordered(ws, newest))
    return found


def _ordered(ws: Workspace, newest: Mapping[str, str]) -> LabelFonts:
    """Fonts by priority, given the receipt that counts of each file name (Windows ignores the case of names)."""
    named = [name.lower() for name in ws.contract.labels.gaiji_fonts]
    place = {name: index for index, name in reversed(list(enumerate(named)))}
    names = sorted(newest, key=lambda name: (place.get(name, len(named)), name))
    return LabelFonts(_digest(_base_file(ws)), tuple(newest[name] for name in names))


def pinned(fonts: LabelFonts) -> dict[str, str]:
    """Fonts as a batch keeps them among its settings."""
    return {_BASE: fonts.base, _GAIJI: " ".join(fonts.gaiji)}


def unpinned(settings: Mapping[str, str]) -> LabelFonts:
    """The fonts that a batch keeps."""
    return LabelFonts(settings[_BASE], tuple(settings[_GAIJI].split()))


def font_set(ws: Workspace, fonts: LabelFonts) -> FontSet:
    """The fonts themselves.

    Raises:
        ContractError: the base font is not there, or no longer the one that was pinned.
    """
    path = _base_file(ws)
    if _digest(path) != fonts.base:
        raise ContractError(
            "基本フォントが、印刷を確定した時のものと違います",
            where=f"labels.base_font: {ws.contract.labels.base_font}",
            next_step="元のフォントファイルに戻して再実行してください",
        )
    gaiji = tuple(font_file(ws, receipt_no) for receipt_no in fonts.gaiji)
    return _load(gaiji, None if ws.contract.labels.base_font == "gothic" else path.read_bytes())


def font_file(ws: Workspace, receipt_no: str) -> bytes:
    """A gaiji font as it was received."""
    return ws.cipher.open(ws.vault.read(f"{receipt_no}{ws.cipher.ENDING}"))


def _base_file(ws: Workspace) -> Path:
    return base_font_file(ws.contract.id, ws.contract.labels.base_font)


def _digest(path: Path) -> str:
    return _digest_of(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _digest_of(path: Path, _changed_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@lru_cache(maxsize=4)
def _load(gaiji: tuple[bytes, ...], base: bytes | None) -> FontSet:
    return FontSet.load(gaiji, base)
