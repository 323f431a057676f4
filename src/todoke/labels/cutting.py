"""The part of a font file that a batch needs, as TrueType."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uharfbuzz as hb

from todoke.errors import FileRefused
from todoke.labels.cubic import as_truetype
from todoke.labels.faces import NOT_OUTLINES, Face, Glyph, is_private, outlines, refused_if_damaged, shapes


@dataclass(frozen=True)
class Cut:
    """The part of a face that a batch needs: a TrueType file and, per CID, text, glyph and width in 1/1000 em."""

    face: Face
    data: bytes = field(repr=False)
    glyphs: list[tuple[int, str, int, float]] = field(repr=False)

    @classmethod
    def of(cls, face: Face, needed: Iterable[tuple[int, str]]) -> Cut:
        """Cut a face down to (CID, text), the text a character or a variation sequence that it draws.

        Raises FileRefused (`font_unreadable`) if the part does not draw a character that the face draws: it would be
        printed as nothing.
        """
        wanted = {cid: (text, face.glyph_number(text)) for cid, text in needed}
        numbers = {number for _, number in wanted.values()}
        font = outlines(face)
        data, numbered = as_truetype(face.data, font, numbers) if "CFF " in font else _subset(face.data, numbers)
        glyphs = [
            (cid, text, numbered[number], 1000 * face.widths[number]) for cid, (text, number) in sorted(wanted.items())
        ]
        drawn = hb.Font(hb.Face(data))
        for _, text, number, _ in glyphs:
            if face.draws(text) and not _has_outline(drawn, number):
                raise FileRefused(
                    "font_unreadable",
                    "フォントから字形を取り出せません",
                    where=f"{face.name}: U+{ord(text[0]):04X}",
                    next_step="フォントの再送を依頼してください",
                )
        return cls(face, data, glyphs)


def check_font(path: Path, where: str) -> None:
    """Refuse a received EUDC font that cannot be read, drawn or cut down (FileRefused `font_unreadable`).

    Nothing is kept.
    """
    face = Face.read(path, where)
    private = [code for code in face.cmap if is_private(code)]
    with refused_if_damaged(where):
        shapes(face, private)
        Cut.of(face, ((code, chr(code)) for code in private if face.glyph(code) is Glyph.DRAWN))


def _subset(data: bytes, numbers: Collection[int]) -> tuple[bytes, Mapping[int, int]]:
    """A font cut down to some of its glyphs, and which number each has in it."""
    # HarfBuzz does in 10 ms what takes fontTools 700
    part = hb.SubsetInput()
    part.glyph_set.update(numbers)
    part.drop_table_tag_set.update(int.from_bytes(tag.encode("ascii"), "big") for tag in ("cmap", *NOT_OUTLINES))
    part.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE
    plan = hb.SubsetPlan(hb.Face(data), part)
    return plan.execute().blob.data, plan.old_to_new_glyph_mapping


def _has_outline(font: hb.Font, number: int) -> bool:
    box = font.get_glyph_extents(number)
    return box is not None and bool(box.width or box.height)
