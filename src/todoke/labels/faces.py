"""One font file: what it draws, how wide, and the part of it that a batch needs.

TrueType and OpenType (CFF) are read; what is embedded is always TrueType, so that a glyph can be named by its number.
"""

from __future__ import annotations

import hashlib
import logging
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from fontTools.misc.psCharStrings import T2CharString
from fontTools.pens.areaPen import AreaPen
from fontTools.pens.boundsPen import ControlBoundsPen
from fontTools.pens.recordingPen import RecordingPen, replayRecording
from fontTools.ttLib import TTFont, TTLibError
from fontTools.ttLib.tables._g_l_y_f import Glyph as TrueTypeGlyph
from PIL import Image, ImageDraw, ImageFont

from todoke.errors import FileRefused
from todoke.model.codes import Labelled

# At INFO it writes every glyph of a subset into the log: of a short list of names, nearly the names.
logging.getLogger("fontTools").setLevel(logging.WARNING)

#: Tables that no outline needs.
NOT_OUTLINES = (
        "BASE", "DSIG", "GDEF", "GPOS", "GSUB", "OS/2", "VDMX", "VORG", "cvt ", "fpgm", "gasp", "hdmx", "kern",
        "name", "post", "prep", "vhea", "vmtx", "EBDT", "EBLC", "EBSC", "LTSH", "PCLT", "meta", "mort", "morx",
    )  # fmt: skip
#: A CFF glyph with a longer program draws something; only shorter ones are run to see.
_LONG_PROGRAM = 40
#: Private-use characters are drawn at this size to see whether they leave ink, and must ink so much of a square em.
_DRAWN_PX, _LEAST_INK = 48, 0.0002
#: Outlines are compared in these parts of an em, so that the same drawing at another size is the same.
_COMPARED_EM = 4096
#: What a pen is told to draw an outline: operation and points in font units.
Strokes = list[tuple[str, tuple[Any, ...]]]
_DAMAGED = (
    TTLibError, AssertionError, LookupError, ValueError, AttributeError, TypeError, ArithmeticError, RuntimeError,
    OSError, struct.error,
)  # fmt: skip


class Glyph(Labelled):
    """What the fonts have for a character; all but DRAWN stop printing (G04)."""

    DRAWN = "drawn", "印字できる"
    MISSING = "gaiji_missing", "フォントに文字がない"
    NOTDEF = "gaiji_notdef", "未定義の字形に割り当て"
    EMPTY = "gaiji_empty", "字形が空白"
    VARIANT = "gaiji_variant", "異体字なし"
    RESHAPED = "gaiji_reshaped", "字形が変わった"


@dataclass(frozen=True, eq=False)
class Face:
    """One font: what it draws and how wide.

    `cmap` maps a code point, `variants` an ideographic variation sequence (two characters) to its glyph id; a sequence
    whose glyph does not draw is not among them. `widths`: of each glyph that is mapped, in em; `em`: in font units.
    """

    name: str
    data: bytes = field(repr=False)
    cmap: dict[int, int] = field(repr=False)
    variants: dict[str, int] = field(repr=False)
    blank: frozenset[int] = field(repr=False)
    widths: dict[int, float] = field(repr=False)
    em: int
    ascent: float
    descent: float
    box: tuple[int, int, int, int]

    @classmethod
    def read(cls, source: bytes | Path, where: str) -> Face:
        """Read a font file; raises FileRefused (`font_unreadable`) naming `where`."""
        data = source if isinstance(source, bytes) else source.read_bytes()
        with refused_if_damaged(where):
            return _read(data, where)

    def glyph(self, code_point: int) -> Glyph:
        """What this font has for a code point."""
        if code_point not in self.cmap:
            return Glyph.MISSING
        if self.cmap[code_point] == 0:
            return Glyph.NOTDEF
        return Glyph.EMPTY if code_point in self.blank else Glyph.DRAWN

    def draws(self, text: str) -> bool:
        """Whether a character or a variation sequence has an outline in this font."""
        return text in self.variants if len(text) == 2 else self.glyph(ord(text)) is Glyph.DRAWN

    def glyph_number(self, text: str) -> int:
        """The glyph of a character or a variation sequence that it draws."""
        return self.variants[text] if len(text) == 2 else self.cmap[ord(text)]

    def width(self, code_point: int) -> float:
        """How wide a code point is that this font has, in em."""
        return self.widths[self.cmap[code_point]]


@contextmanager
def refused_if_damaged(where: str) -> Iterator[None]:
    """Takes what a library says of a damaged font for a refusal of the file (FileRefused `font_unreadable`)."""
    try:
        yield
    # fontTools and HarfBuzz let errors of every kind through on damaged input; none may pass as a missing glyph
    except _DAMAGED as error:
        raise FileRefused(
            "font_unreadable",
            "フォントファイルを読み取れません（TrueType形式ではないか、壊れています）",
            where=where,
            next_step="フォントの再送を依頼してください",
        ) from error


def is_private(code_point: int) -> bool:
    """Whether a code point is private use, which is where gaiji live."""
    return 0xE000 <= code_point <= 0xF8FF or code_point >= 0xF0000


def shapes(face: Face, code_points: Iterable[int]) -> dict[int, str]:
    """The digest of what a face draws for each code point that it draws: outline, composites resolved, and width."""
    font = outlines(face)
    scale = _COMPARED_EM / font["head"].unitsPerEm
    drawn = {code for code in code_points if face.glyph(code) is Glyph.DRAWN}
    return {code: _shape(_strokes(font, face.cmap[code]), face.width(code), scale) for code in drawn}


def strokes(face: Face, code_point: int) -> Strokes:
    """How a face draws a code point."""
    return _strokes(outlines(face), face.cmap[code_point])


def outlines(face: Face) -> Any:
    """The font file without what an outline does not need and fontTools takes longest to read.

    A TrueType font keeps neither character map nor layout rules, and its glyphs are named by their numbers.
    """
    font = TTFont(BytesIO(face.data), lazy=True, fontNumber=0, recalcTimestamp=False)
    if "CFF " not in font:
        font.setGlyphOrder([f"glyph{number:05}" for number in range(font["maxp"].numGlyphs)])
        for table in {"cmap", *NOT_OUTLINES} & {*font.keys()}:
            del font[table]
    return font


def _shape(drawn: Strokes, width: float, scale: float) -> str:
    told = [(what, [point and tuple(round(v * scale) for v in point) for point in points]) for what, points in drawn]
    return hashlib.sha256(repr((round(width * _COMPARED_EM), told)).encode()).hexdigest()


def _strokes(font: Any, glyph: int) -> Strokes:
    name = font.getGlyphName(glyph)
    pen = RecordingPen()
    drawn: Strokes = pen.value
    if "glyf" not in font:
        font.getGlyphSet()[name].draw(pen)
        return drawn
    table = font["glyf"]
    flat = TrueTypeGlyph()
    flat.coordinates, flat.endPtsOfContours, flat.flags = table[name].getCoordinates(table)
    flat.numberOfContours = len(flat.endPtsOfContours)
    # whoever draws the font puts the outline at the side bearing, wherever its coordinates lie
    left = min((x for x, _ in flat.coordinates), default=0)
    flat.draw(pen, table, font["hmtx"].metrics[name][1] - left)
    return drawn


def _read(data: bytes, where: str) -> Face:
    font = TTFont(BytesIO(data), lazy=True, fontNumber=0)
    cmap = font.getBestCmap()
    if not cmap:
        raise TTLibError("no Unicode cmap")
    ids = font.getReverseGlyphMap()
    by_code = {code: ids[name] for code, name in cmap.items()} | dict.fromkeys(_undefined(font, cmap), 0)
    draws = _cff_draws(font) if "CFF " in font else _glyf_draws(font)
    unfit = _without_ink(data, font, by_code, draws)
    by_code |= dict.fromkeys((code for code, glyph in unfit.items() if glyph is Glyph.NOTDEF), 0)
    variants = {text: glyph for text, glyph in _variants(font, by_code, ids).items() if glyph and draws(glyph)}
    em, head, advances = font["head"].unitsPerEm, font["head"], font["hmtx"].metrics
    used = {*by_code.values(), *variants.values()}
    return Face(
        name=_postscript_name(font, where),
        data=data,
        cmap=by_code,
        variants=variants,
        blank=frozenset(code for code, glyph in by_code.items() if code in unfit or not draws(glyph)),
        widths={glyph: advances[font.getGlyphName(glyph)][0] / em for glyph in used},
        em=em,
        ascent=font["hhea"].ascent / em,
        descent=font["hhea"].descent / em,
        box=tuple(round(1000 * v / em) for v in (head.xMin, head.yMin, head.xMax, head.yMax)),
    )


def _variants(font: Any, by_code: Mapping[int, int], ids: Mapping[str, int]) -> dict[str, int]:
    """Variation sequences that the character map knows (format 14); one without a glyph of its own is the default."""
    found: dict[str, int] = {}
    for table in font["cmap"].tables:
        if table.format != 14:
            continue
        for selector, sequences in table.uvsDict.items():
            for base, name in sequences:
                found[chr(base) + chr(selector)] = by_code.get(base, 0) if name is None else ids[name]
    return found


def _postscript_name(font: Any, where: str) -> str:
    name = (font["name"].getDebugName(6) if "name" in font else None) or where
    return "".join(char for char in name if char.isascii() and (char.isalnum() or char in "-_")) or "Font"


def _undefined(font: Any, cmap: dict[int, str]) -> list[int]:
    """Code points that the character map covers but points to `.notdef`; fontTools leaves them out of its mapping."""
    raw, covered = font.reader["cmap"], bytearray(0x110000)
    for number in range(struct.unpack_from(">H", raw, 2)[0]):
        platform, _, offset = struct.unpack_from(">HHL", raw, 4 + 8 * number)
        kind = struct.unpack_from(">H", raw, offset)[0]
        if platform not in {0, 3} or kind not in {4, 12}:
            continue
        if kind == 4:
            count = struct.unpack_from(">H", raw, offset + 6)[0] // 2
            ends = struct.unpack_from(f">{count}H", raw, offset + 14)
            spans = list(zip(struct.unpack_from(f">{count}H", raw, offset + 16 + 2 * count), ends, strict=True))[:-1]
        else:
            count = struct.unpack_from(">L", raw, offset + 12)[0]
            spans = [struct.unpack_from(">2L", raw, offset + 16 + 12 * group) for group in range(count)]
        for start, end in spans:
            if start <= end < len(covered):
                covered[start : end + 1] = bytes([1]) * (end + 1 - start)
    for code in cmap:
        covered[code] = 0
    return [found.start() for found in re.finditer(b"\1", covered)]


def _without_ink(data: bytes, font: Any, by_code: Mapping[int, int], draws: Callable[[int], bool]) -> dict[int, Glyph]:
    """Private-use code points that leave no ink on their em, though they have an outline, or the box of `.notdef`.

    An outline without area, contours that undo each other, one that lies outside the em or is scaled to nothing: only a
    drawing tells. One without a width would be printed over by the next character.
    """
    codes = [code for code, glyph in by_code.items() if is_private(code) and glyph and draws(glyph)]
    if not codes:
        return {}
    advances = font["hmtx"].metrics
    undefined = _strokes(font, 0) if draws(0) else None
    pen = ImageFont.truetype(BytesIO(data), _DRAWN_PX, layout_engine=ImageFont.Layout.BASIC)
    found: dict[int, Glyph] = {}
    for code in codes:
        glyph = by_code[code]
        drawn = _strokes(font, glyph)
        # The drawing is hinted, which can part contours that undo each other: their areas tell.
        area = AreaPen()
        replayRecording(drawn, area)
        inked = min(abs(area.value) / font["head"].unitsPerEm ** 2, _ink(pen, code))
        if drawn == undefined:
            found[code] = Glyph.NOTDEF
        elif not advances[font.getGlyphName(glyph)][0] or inked < _LEAST_INK:
            found[code] = Glyph.EMPTY
    return found


def _ink(pen: ImageFont.FreeTypeFont, code_point: int) -> float:
    """The area that a code point inks on its em, in square em."""
    em = Image.new("L", (_DRAWN_PX, _DRAWN_PX * 5 // 4))
    ImageDraw.Draw(em).text((0, _DRAWN_PX), chr(code_point), fill=255, font=pen, anchor="ls")
    return sum(level * count for level, count in enumerate(em.histogram())) / 255 / _DRAWN_PX**2


def _glyf_draws(font: Any) -> Callable[[int], bool]:
    """Whether a glyph has an outline with an area."""
    places, outlines = font["loca"].locations, font.reader["glyf"]

    def draws(glyph: int, depth: int = 0) -> bool:
        outline = outlines[places[glyph] : places[glyph + 1]]
        if len(outline) < 10:
            return False
        contours, x_min, y_min, x_max, y_max = struct.unpack_from(">5h", outline)
        if contours >= 0:
            return bool(contours > 0 and x_max > x_min and y_max > y_min)
        names = font["glyf"][font.getGlyphName(glyph)].getComponentNames(font["glyf"])
        return depth < 8 and any(draws(font.getGlyphID(name), depth + 1) for name in names)

    return draws


def _cff_draws(font: Any) -> Callable[[int], bool]:
    programs, glyphs = font["CFF "].cff.topDictIndex[0].CharStrings, font.getGlyphSet()

    def draws(glyph: int) -> bool:
        name = font.getGlyphName(glyph)
        program: T2CharString = programs[name]
        if program.bytecode is not None and len(program.bytecode) > _LONG_PROGRAM:
            return True
        pen = ControlBoundsPen(None)
        glyphs[name].draw(pen)
        return pen.bounds is not None and pen.bounds[2] > pen.bounds[0] and pen.bounds[3] > pen.bounds[1]

    return draws
