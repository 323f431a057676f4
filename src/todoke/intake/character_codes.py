"""The codes that a ward's text can be in: CP932 or UTF-8 with BOM, and what no text in them may hold (G02)."""

from __future__ import annotations

import codecs
import re
from typing import Literal

from todoke.errors import FileRefused

Encoding = Literal["cp932", "utf-8-sig"]
#: What people call them.
CODES = {"cp932": "Shift_JIS", "utf-8-sig": "UTF-8"}
#: What is no text, to reader, rules and checks: blanks of any width, tabs and line ends.
BLANKS = " \t\r\n\u00a0\u3000"
BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
#: What cp932 makes of the single bytes 80, A0, FD, FE and FF, which no Shift_JIS file may hold.
ILLEGAL_SINGLES = "\x80\uf8f0\uf8f1\uf8f2\uf8f3"
ILLEGAL_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
ILLEGAL = re.compile(f"[{ILLEGAL_SINGLES}]|{ILLEGAL_CONTROL.pattern}")


def refuse_other(head: bytes, encoding: Encoding) -> None:
    """Nothing is ever read in another code than the layout says: what is surely another is named as such.

    Args:
        head: the first bytes of a text; its last character may be cut.

    Raises:
        FileRefused: `wrong_encoding`.
    """
    found, code = _code_of(head), CODES[encoding]
    marked = found == "Shift_JIS" and head.startswith(BOM)
    if found is None or (found == code and not marked):
        return
    what = f"ファイルの文字コードは{found}ですが、契約のレイアウトは{code}です"
    step = f"{code}での再送を依頼するか、レイアウトの encoding を直してください"
    if marked:
        what = "ファイルの先頭にUTF-8の目印（BOM）がありますが、文字コードはShift_JISです"
        step = f"レイアウトは直さず、{'BOMのない' if code == found else ''}{code}での再送を依頼してください"
    raise FileRefused("wrong_encoding", what, where="先頭のバイト", next_step=step)


def _code_of(head: bytes) -> str | None:
    """The code of a text that begins with `head`; None where it cannot be told."""
    if head.startswith(_UTF16):
        return "UTF-16"
    text = head.removeprefix(BOM)
    first = next((line for line in text.split(b"\n") if not line.isascii()), b"")
    if _decoded(first, "utf-8") is None:
        found = _decoded(text, "cp932")
        return None if found is None or ILLEGAL.search(found) else "Shift_JIS"
    # Japanese in UTF-8: three bytes a character, throughout
    japanese = any(char > "\u07ff" for char in _decoded(text, "utf-8") or "")
    return "UTF-8" if japanese or head.startswith(BOM) else None


def _decoded(raw: bytes, codec: str) -> str | None:
    """A text that may be cut in its last character; None when it is in another code."""
    try:
        return codecs.getincrementaldecoder(codec)().decode(raw)
    except UnicodeDecodeError:
        return None
