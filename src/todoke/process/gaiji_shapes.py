"""Gaiji whose shape a new font changes: they wait until a person has looked (G04).

A ward that reuses a code point for another character would otherwise have it printed in a resident's name unseen.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from sqlalchemy import Connection

from todoke.labels.faces import Face, Glyph, is_private, shapes
from todoke.labels.fonts import FontSet
from todoke.labels.gaiji import code_points, cp932
from todoke.process import approvals
from todoke.process.gaiji_fonts import deliveries, font_file, gaiji_fonts, received
from todoke.process.workspace import Counts, LabelFonts, Workspace

#: What a person says yes to: the shapes that a new font gives to code points that had others.
SUBJECT = "labels:gaiji_font"


#: The shape that was seen and the one now, of characters.
Changed = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Reshaped:
    """Characters whose shape now is another than the one that was seen last, each with the fonts that drew that.

    `digest` names the fonts in force with both shapes of each.
    """

    seen_in: Mapping[str, LabelFonts] = field(default_factory=dict)
    digest: str = ""


def label_fonts(ws: Workspace) -> FontSet:
    """The fonts to print with; of those in force, reshaped characters are withheld until a person has looked."""
    if ws.fonts is not None:
        return gaiji_fonts(ws)
    return gaiji_fonts(ws).withholding(frozenset(reshaped(ws).seen_in))


def reshaped(ws: Workspace) -> Reshaped:
    """What the fonts in force draw otherwise than the first that drew it, or those that a person said yes to since."""
    with ws.ledger.read() as tx:
        steps = deliveries(ws, tx)
        shown = [drawn_shapes(ws, fonts) for fonts in steps]

        def digest(step: int, changed: Changed) -> str:
            told = [*steps[step].gaiji, *("\t".join((char, *change)) for char, change in sorted(changed.items()))]
            return hashlib.sha256("\n".join(told).encode()).hexdigest()

        def agreed(step: int, changed: Changed) -> bool:
            return approvals.verdict(ws, tx, SUBJECT, digest(step, changed)) is approvals.Verdict.APPROVED

        changed, seen_at = unseen(shown, agreed)
    if not changed:
        return Reshaped()
    return Reshaped({char: steps[seen_at[char]] for char in changed}, digest(len(steps) - 1, changed))


def unseen(
    shown: Sequence[Mapping[str, str]], agreed: Callable[[int, Changed], bool]
) -> tuple[Changed, dict[str, int]]:
    """What the last of the fonts that came one after the other draws otherwise than it was seen.

    A character has been seen as the first font that drew it did; after a yes, as the font that the yes was for does.

    Args:
        shown: the shape of each character that fonts draw.
        agreed: whether a person said yes to what a step changed.

    Returns:
        The shape that was seen and the one now, of each character that changed; the step at which each was seen.
    """
    seen: dict[str, str] = {}
    seen_at: dict[str, int] = {}
    changed: Changed = {}
    for step, now in enumerate(shown):
        changed = {char: (seen[char], shape) for char, shape in now.items() if seen.get(char, shape) != shape}
        if changed and agreed(step, changed):
            for char in changed:
                seen[char], seen_at[char] = now[char], step
            changed = {}
        for char in now.keys() - seen.keys():
            seen[char], seen_at[char] = now[char], step
    return changed, {char: seen_at[char] for char in changed}


def drawn_shapes(ws: Workspace, fonts: LabelFonts) -> dict[str, str]:
    """The digest of the shape of every gaiji that these fonts draw, each from the first font that draws it."""
    drawn: dict[str, str] = {}
    for receipt_no in reversed(fonts.gaiji):
        drawn |= _shapes(font_file(ws, receipt_no))
    return drawn


def changed_since(ws: Workspace, then: LabelFonts, now: LabelFonts) -> frozenset[str]:
    """Gaiji that both draw, otherwise now than then."""
    if then.gaiji == now.gaiji:
        return frozenset()
    after = drawn_shapes(ws, now)
    return frozenset(char for char, shape in drawn_shapes(ws, then).items() if after.get(char, shape) != shape)


def drawing_face(ws: Workspace, fonts: LabelFonts, char: str) -> Face:
    """The gaiji font that draws a character, of fonts one of which does."""
    faces = (_face(font_file(ws, receipt_no)) for receipt_no in fonts.gaiji)
    return next(face for face in faces if face.glyph(ord(char)) is Glyph.DRAWN)


def compare(contract: str, on: date) -> Counts:
    """Compares every gaiji font with the one that came before it under its name, and puts out the list of differences.

    A run that was killed leaves the list to the next one.

    Returns:
        compared: fonts compared now; code points added, removed, reshaped in them.
    """
    ws = Workspace.open(contract, on)
    counts = {"compared": 0, "added": 0, "removed": 0, "reshaped": 0}
    out = set(ws.outbox.listing("gaiji/deliveries"))
    for receipt_no, before_no in _pairs(ws):
        name = f"gaiji/deliveries/{receipt_no}.csv"
        if name in out:
            continue
        before, after = (_shapes(font_file(ws, number)) for number in (before_no, receipt_no))
        found = {
            "added": after.keys() - before.keys(),
            "removed": before.keys() - after.keys(),
            "reshaped": {char for char in before.keys() & after.keys() if before[char] != after[char]},
        }
        ws.outbox.put(name, _list(before_no, receipt_no, found))
        counts["compared"] += 1
        for what, chars in found.items():
            counts[what] += len(chars)
    return dict(counts)


def _pairs(ws: Workspace) -> list[tuple[str, str]]:
    """Each receipt of a gaiji font with the one before it of its name."""
    last: dict[str, str] = {}
    pairs = []
    with ws.ledger.read() as tx:
        for receipt_no, name in _received(ws, tx):
            if (before := last.get(name)) is not None:
                pairs.append((receipt_no, before))
            last[name] = receipt_no
    return pairs


def _received(ws: Workspace, tx: Connection) -> list[tuple[str, str]]:
    return [(receipt_no, name.lower()) for receipt_no, name in received(ws, tx)]


_WORDS = {"added": "追加", "removed": "削除", "reshaped": "字形が変わった"}


def _list(before: str, after: str, found: Mapping[str, Iterable[str]]) -> bytes:
    rows = io.StringIO()
    sheet = csv.writer(rows)
    sheet.writerow(["前の受領番号", "受領番号", "コードポイント", "CP932", "比較"])
    told = sorted((char, _WORDS[what]) for what, chars in found.items() for char in chars)
    sheet.writerows((before, after, code_points(char), cp932(char), word) for char, word in told)
    return rows.getvalue().encode("utf-8-sig")


@lru_cache(maxsize=4)
def _face(font: bytes) -> Face:
    return Face.read(font, "EUDC")


@lru_cache(maxsize=16)
def _shapes(font: bytes) -> dict[str, str]:
    face = _face(font)
    return {chr(code): shape for code, shape in shapes(face, filter(is_private, face.cmap)).items()}
