"""The part of a font file that a batch needs, as TrueType."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO

from fontTools import subset
from fontTools.ttLib import TTFont

from todoke.labels.cubic import as_truetype
from todoke.labels.faces import NOT_OUTLINES, Face, outlines

_CUTTING = subset.Options(
    hinting=False,
    layout_features=[],
    name_IDs=[],
    notdef_outline=True,
    recalc_timestamp=False,
    drop_tables=list(NOT_OUTLINES),
)


@dataclass(frozen=True)
class Cut:
    """The part of a face that a batch needs: a TrueType file and, per CID, text, glyph and width in 1/1000 em."""

    face: Face
    data: bytes = field(repr=False)
    glyphs: list[tuple[int, str, int, float]] = field(repr=False)

    @classmethod
    def of(cls, face: Face, needed: Iterable[tuple[int, str]]) -> Cut:
        """Cut a face down to (CID, text), the text a character or a variation sequence that it draws."""
        font = outlines(face)
        wanted = {cid: (text, face.glyph_number(text)) for cid, text in needed}
        names = {glyph: font.getGlyphName(glyph) for _, glyph in wanted.values()}
        part = as_truetype(face.data, font, names) if "CFF " in font else _subset(font, names)
        ids = part.getReverseGlyphMap()
        glyphs = [
            (cid, text, ids[names[glyph]], 1000 * face.widths[glyph]) for cid, (text, glyph) in sorted(wanted.items())
        ]
        out = BytesIO()
        part.save(out)
        return cls(face, out.getvalue(), glyphs)


def _subset(font: TTFont, names: Mapping[int, str]) -> TTFont:
    """A font cut down to some of its glyphs."""
    subsetter = subset.Subsetter(_CUTTING)
    subsetter.populate(glyphs=names.values())
    subsetter.subset(font)
    return font
