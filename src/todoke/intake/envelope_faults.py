"""What can be wrong with an envelope: the reason on the receipt, and what the operator does next (G02)."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from todoke.errors import FileRefused, TodokeError

_ASK_AGAIN = "ファイルの再送を依頼してください"
_WAY_OUT = (
    "実行せずに、ネットワークから切り離した Windows PC でウイルス検査と復号を行い、"
    "取り出した CSV を受信フォルダーに置いてください（契約で plain を許す設定が必要です）"
)
_FAULTS = {
    "empty": ("ファイルに内容がありません", "再送を依頼してください"),
    "unknown_format": ("ファイルの形式が分かりません", "区に暗号化の方式を確かめ、再送を依頼してください"),
    "unknown_variant": ("PGP自己解凍ファイルですが、読めない新しい形です", _WAY_OUT),
    "forbidden_format": ("この契約では受け取れない形式です", "契約の形式での再送を依頼してください"),
    "no_passphrase": (
        "パスフレーズが登録されていません",
        "Airflow の接続または環境変数にパスフレーズを登録し、もう一度実行してください",
    ),
    "no_key": (
        "このファイルを開ける秘密鍵がありません",
        "どの公開鍵で暗号化したかを区に確かめ、その秘密鍵を登録してください",
    ),
    "wrong_passphrase": ("パスフレーズが違います", "登録したパスフレーズを区に確かめてください"),
    "tampered": ("暗号化の後で内容が変わっています（改ざん検知）", f"転送の経路を確かめ、{_ASK_AGAIN}"),
    "no_integrity": (
        "改ざんを検知できない古い方式で暗号化されています（MDC なし）",
        "再送では直りません。改ざん検知（MDC）の付く AES で暗号化するよう区に依頼してください",
    ),
    "more_behind": (
        "暗号文の後ろに余分なデータが付いています（改行や、つながった別のファイルなど）",
        "転送やファイルの結合で付け加わっていないか確かめ、暗号文1つだけのファイルの再送を依頼してください",
    ),
    "truncated": ("ファイルが途中で切れています", f"転送が終わっているか確かめ、{_ASK_AGAIN}"),
    "damaged": ("ファイルが壊れています", _ASK_AGAIN),
    "unsigned": ("電子署名がありません", f"区に、登録した鍵で署名した{_ASK_AGAIN}"),
    "unknown_signer": (
        "登録していない鍵で署名されています",
        "送り主を区に電話で確かめ、鍵が変わったのなら契約の signers と公開鍵を改めてから再送を依頼してください",
    ),
    "signature_expired": (
        "署名または署名した鍵の期限が切れているか、鍵が失効しています",
        "区に鍵の更新を依頼し、新しい公開鍵を登録してから再送を依頼してください",
    ),
    "bad_signature": ("署名が内容と合いません", f"転送の経路を確かめ、{_ASK_AGAIN}"),
    "no_signer_key": (
        "署名を確かめる公開鍵が登録されていません",
        "Airflow の接続または環境変数に区の公開鍵を登録し、もう一度実行してください",
    ),
    "bomb": (
        "開くと大きくなりすぎるため中止しました（圧縮爆弾の疑い）",
        "開かずに、区に内容と大きさを確かめ、分けて送るよう依頼してください",
    ),
    "unsafe_path": (
        "書庫の中のファイル名が危険です（上の階層、絶対パス、制御文字、リンク、同じ名前）",
        "開かずに、区に送付の経緯を確かめ、CSV 1つだけを入れた再送を依頼してください",
    ),
    "several_files": ("書庫にファイルが2つ以上入っています", "1つの書庫に CSV 1つだけを入れた再送を依頼してください"),
    "too_deep": ("暗号化や書庫が3重以上に重なっています", "重ねるのは2重までとして再送を依頼してください"),
}

#: All that can be wrong with an envelope.
REASONS = frozenset(_FAULTS)


def fault(reason: str, where: str, what: str | None = None, next_step: str | None = None) -> FileRefused:
    """The error for a reason of `_FAULTS`.

    Args:
        where: name of the file as it came.
        what, next_step: in place of the usual text. Never a name or a byte from inside the envelope.
    """
    usual_what, usual_step = _FAULTS[reason]
    return FileRefused(reason, what or usual_what, where=where, next_step=next_step or usual_step)


def way_out(reason: str, where: str, what: str) -> FileRefused:
    """The error for a self-decrypting file that only a Windows PC can open."""
    return fault(reason, where, what, _WAY_OUT)


#: Faults of this machine, not of the file.
_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOENT})


@contextmanager
def named_faults(where: str) -> Iterator[None]:
    """Whatever a reader of archives raises about a file becomes `damaged`; its own words may hold content."""
    try:
        yield
    except TodokeError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _MACHINE:
            raise
        raise fault("damaged", where) from None
