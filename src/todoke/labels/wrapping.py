"""Fitting one field of a label into its width: shrink within limits, then wrap at sound places.

A number is never cut, nor parted from its counter (3丁目, 101号室); no character is ever lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from todoke.labels.fonts import FontSet

_KANJI_DIGITS = "〇○◯一二三四五六七八九十百千万"
_COUNTER = "丁目|番地|番町|番館|号室|号棟|号館|地割|番|号|丁|階|棟|線|室|条"
_FIGURE = r"[0-9０-９A-Za-zＡ-Ｚａ-ｚ]"
_SPACES = " \u3000"
#: What may stand between the parts of one number; a blank only between figures, for it parts words.
_JOINT = rf"(?:[-‐‑‒–—―−－ーｰ─━~〜～.．/／,，、､・･&＆'’]+|(?<=[0-9０-９])[{_SPACES}]+(?=[0-9０-９]))"
_RUN = rf"(?:{_FIGURE}|[{_KANJI_DIGITS}])+"
_NUMBER = rf"{_RUN}(?:{_JOINT}{_RUN})*(?:{_COUNTER})*"
#: What is never cut: a number with its counters, numbers joined by の, a word in Latin letters.
_ATOM = re.compile(rf"{_NUMBER}(?:[のノ]{_NUMBER})*")
_NOT_FIRST = frozenset("ー－-・、。，．々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶｰ）)」』】〕］ゝヽ゛゜" + _SPACES)
_NOT_LAST = frozenset("（(「『【〔［")
_SCRIPTS = (re.compile(r"[ァ-ヺーｦ-ﾟ]"), re.compile(r"[ぁ-ゖ]"), re.compile(r"[0-9０-９A-Za-zＡ-Ｚａ-ｚ]"))


@dataclass(frozen=True, slots=True)
class Style:
    """How a field is set: size and smallest size in points, and most lines."""

    size: float
    floor: float
    lines: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """A field's lines, top to bottom, and their size in points; joined they are the text again."""

    lines: tuple[str, ...]
    size: float


def fit(text: str, style: Style, width: float, fonts: FontSet, keep: int = 0) -> Fitted | None:
    """Set a text in a width given in points; None if it does not fit.

    Shrinks one line to four fifths at most, then wraps, then shrinks further down to the floor.

    Args:
        fonts: those that draw every character of the text.
        keep: so many characters at the end stay with the one before them (様).
    """
    # Most texts are so short that they need no measuring.
    if len(text) * fonts.widest * style.size <= width:
        return Fitted((text,), style.size)
    shrunk = _down(width / fonts.width(text))
    if shrunk >= max(style.floor, 0.8 * style.size):
        return Fitted((text,), min(shrunk, style.size))
    sound, allowed = break_points(text, keep)
    size = style.size
    while True:
        for places in (sound, allowed):
            lines = _fill(text, places, width / size, fonts)
            if lines is not None and len(lines) <= style.lines:
                return Fitted(lines, size)
        if size <= style.floor:
            return Fitted((text,), shrunk) if shrunk >= style.floor else None
        size = max(style.floor, size - 0.5)


def break_points(text: str, keep: int = 0) -> tuple[list[int], list[int]]:
    """Where a line may end: the sound places (after a space, between scripts, beside a number); all allowed ones."""
    inside = {place for atom in _ATOM.finditer(text) for place in range(atom.start() + 1, atom.end())}
    edges = {place for atom in _ATOM.finditer(text) for place in atom.span()}
    sound, allowed = [], []
    for place in range(1, len(text) - keep):
        before, after = text[place - 1], text[place]
        if place in inside or after in _NOT_FIRST or before in _NOT_LAST:
            continue
        allowed.append(place)
        if before in _SPACES or place in edges or _script(before) != _script(after):
            sound.append(place)
    return sound, allowed


def _script(char: str) -> int:
    return next((index for index, script in enumerate(_SCRIPTS) if script.match(char)), len(_SCRIPTS))


def _fill(text: str, places: list[int], em: float, fonts: FontSet) -> tuple[str, ...] | None:
    """Fill lines of so many em, each up to its last place that fits; blanks at a line's end take no width."""
    lines, start, good = [], 0, 0
    for end in [*places, len(text)]:
        while fonts.width(text[start:end].rstrip(_SPACES)) > em:
            if good <= start:
                return None
            lines.append(text[start:good])
            start = good
        good = end
    return (*lines, text[start:])


def _down(size: float) -> float:
    """A size in points, rounded down to a tenth."""
    return int(size * 10 + 1e-9) / 10
