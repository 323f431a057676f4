"""The passphrase of the ward's own files, under which workbooks for it go out."""

from __future__ import annotations

from todoke.errors import KeyMissing
from todoke.intake.envelopes import Keys
from todoke.process.workspace import Workspace


def password(ws: Workspace) -> str:
    """The passphrase that the ward has already.

    Raises:
        KeyMissing: there is none to put a workbook under.
    """
    passphrase = Keys.of(ws.contract.id).passphrase
    if passphrase is None:
        raise KeyMissing(
            "区に渡すワークブックを暗号化するパスフレーズがありません",
            where=f"TODOKE_{ws.contract.id.upper()}_LGWAN_PASSPHRASE",
            next_step="区のファイルのパスフレーズを設定して、もう一度実行してください",
        )
    return passphrase
