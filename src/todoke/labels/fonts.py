"""Fonts of a print run: base font, the ward's EUDC fonts, the customer barcode as a font of four glyphs.

A character identifier (CID) in the PDF is the UTF-16 code of the character, so content streams can be written
before the subset is known: the mapping from CID to glyph goes into the file at its end.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from fontTools import subset
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, TTLibError

from todoke.errors import FileRefused, KeyMissing
from todoke.model.barcode_measures import BAR_WIDTH, LONG, PITCH, SEMI, TIMING
from todoke.model.codes import Labelled

#: Characters that are meant to be blank.
SPACES = frozenset(" \u3000")
#: Printed on every label or test label whatever the record holds.
FIXED_TEXT = "〒様申込番号見本（テスト印字）-0123456789 \u3000"

#: One em of the barcode font is ten pitches, in µm at a = 10 pt; the glyph centres each bar in its pitch.
BARCODE_EM = 10 * PITCH
_CUTTING = subset.Options(
    hinting=False,
    layout_features=[],
    name_IDs=[],
    notdef_outline=True,
    recalc_timestamp=False,
    drop_tables=[
        "BASE", "DSIG", "GDEF", "GPOS", "GSUB", "OS/2", "VDMX", "VORG", "cvt ", "fpgm", "gasp", "hdmx", "kern",
        "name", "post", "prep", "vhea", "vmtx", "EBDT", "EBLC", "EBSC", "LTSH", "PCLT", "meta", "mort", "morx",
    ],
)  # fmt: skip


class Glyph(Labelled):
    """What a font has for a code point; all but DRAWN stop printing (G04)."""

    DRAWN = "drawn", "印字できる"
    MISSING = "gaiji_missing", "フォントに文字がない"
    NOTDEF = "gaiji_notdef", "未定義の字形に割り当て"
    EMPTY = "gaiji_empty", "字形が空白"


@dataclass(frozen=True, eq=False)
class Face:
    """One TrueType font: what it draws and how wide. `cmap` maps a code point to its glyph id."""

    name: str
    data: bytes = field(repr=False)
    cmap: dict[int, int] = field(repr=False)
    blank: frozenset[int] = field(repr=False)
    advances: dict[int, float] = field(repr=False)
    ascent: float
    descent: float
    box: tuple[int, int, int, int]

    def glyph(self, code_point: int) -> Glyph:
        """What this font has for a code point."""
        if code_point not in self.cmap:
            return Glyph.MISSING
        if self.cmap[code_point] == 0:
            return Glyph.NOTDEF
        return Glyph.EMPTY if code_point in self.blank else Glyph.DRAWN


@dataclass(frozen=True)
class Cut:
    """The part of a face that a batch needs: a TrueType file and, per CID, code point, glyph and width in 1/1000 em."""

    face: Face
    data: bytes = field(repr=False)
    glyphs: list[tuple[int, int, int, float]] = field(repr=False)


@dataclass(frozen=True, eq=False)
class FontSet:
    """Base font and EUDC fonts by priority. `faces[0]` is the base font.

    A private-use character is taken from the EUDC fonts alone: base fonts carry blank private-use glyphs.
    """

    faces: tuple[Face, ...]
    #: Every character that some face draws, and the spaces.
    drawable: frozenset[str] = field(repr=False)
    #: Those that the base font draws: a line within them is one run of text.
    in_base: frozenset[str] = field(repr=False)
    #: Face of each other drawable character.
    elsewhere: dict[str, int] = field(repr=False)
    #: Width of each drawable character in em.
    widths: dict[str, float] = field(repr=False)
    #: CIDs of characters beyond the BMP, in the surrogate range, where no character lives.
    wide: dict[int, int] = field(repr=False)
    #: Width of the widest character, in em.
    widest: float

    @classmethod
    def load(cls, eudc: Sequence[bytes | Path] = (), base: bytes | Path | None = None) -> FontSet:
        """Read the fonts.

        Args:
            eudc: the ward's EUDC fonts (`EUDC.TTE`), the first has priority.
            base: a TrueType font; IPAexGothic if not given.

        Raises FileRefused (`font_unreadable`, `font_without_glyphs`) or KeyMissing if the base font is not installed.
        """
        first = _face(base, "base") if base is not None else _standard_face()
        faces = (first, *(_face(source, f"EUDC{n}") for n, source in enumerate(eudc, 1)))
        in_base = SPACES | {
            chr(code) for code in first.cmap if not is_private(code) and first.glyph(code) is Glyph.DRAWN
        }
        elsewhere: dict[str, int] = {}
        for index, face in reversed(list(enumerate(faces))[1:]):
            drawn = (code for code in face.cmap if is_private(code) and face.glyph(code) is Glyph.DRAWN)
            elsewhere |= dict.fromkeys(map(chr, drawn), index)
        widths = {char: first.advances.get(ord(char), 1.0) for char in in_base}
        widths |= {char: faces[index].advances[ord(char)] for char, index in elsewhere.items()}
        beyond = sorted(ord(char) for char in in_base | elsewhere.keys() if char > "\uffff")[:2048]
        drawable = frozenset(in_base | elsewhere.keys())
        if not drawable.issuperset(FIXED_TEXT):
            raise FileRefused(
                "font_without_glyphs",
                "基本フォントに宛名ラベルの固定文字がありません",
                where="base",
                next_step="別の基本フォントを指定してください",
            )
        wide = {code: 0xD800 + place for place, code in enumerate(beyond)}
        return cls(faces, drawable, frozenset(in_base), elsewhere, widths, wide, max(widths.values()))

    def width(self, text: str) -> float:
        """Width of a text of drawable characters, in em."""
        return sum(map(self.widths.__getitem__, text))

    def glyph(self, code_point: int) -> Glyph:
        """The best that any face has for a code point; the nearest to a drawing if none draws it."""
        faces = self.faces[1:] if is_private(code_point) else self.faces[:1]
        found = {face.glyph(code_point) for face in faces}
        order = (Glyph.DRAWN, Glyph.EMPTY, Glyph.NOTDEF)
        return next((glyph for glyph in order if glyph in found), Glyph.MISSING)

    def runs(self, text: str) -> list[tuple[int, str]]:
        """The text cut into (index of the face, characters)."""
        if self.in_base.issuperset(text):
            return [(0, text)]
        runs: list[tuple[int, str]] = []
        for char in text:
            face = self.elsewhere.get(char, 0)
            if runs and runs[-1][0] == face:
                runs[-1] = (face, runs[-1][1] + char)
            else:
                runs.append((face, char))
        return runs

    def cids(self, text: str) -> bytes:
        """The CIDs of a text, two bytes each."""
        raw = text.encode("utf-16-be")
        if len(raw) == 2 * len(text):
            return raw
        return text.translate(self.wide).encode("utf-16-be", "surrogatepass")

    def cut(self, characters: Iterable[str]) -> list[Cut | None]:
        """The shared subset of a batch, one per face; None for a face of which nothing is printed."""
        needed: list[set[int]] = [set() for _ in self.faces]
        for char in {*characters, *FIXED_TEXT}:
            needed[self.elsewhere.get(char, 0)].add(ord(char))
        return [_cut(face, codes, self.wide) if codes else None for face, codes in zip(self.faces, needed, strict=True)]


def is_private(code_point: int) -> bool:
    """Whether a code point is private use, which is where gaiji live."""
    return 0xE000 <= code_point <= 0xF8FF or code_point >= 0xF0000


def check_font(path: Path) -> None:
    """Refuse a received EUDC font that cannot be read (FileRefused `font_unreadable`); nothing is kept."""
    _face(path, path.name)


def base_font_path() -> Path:
    """Where IPAexGothic lies (package matplotlib-fontja, IPA Font License)."""
    # find_spec, not import: importing the package would load all of matplotlib.
    spec = find_spec("matplotlib_fontja")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder, "fonts", "ipaexg.ttf")
        if path.is_file():
            return path
    raise KeyMissing(
        "基本フォント（IPAexゴシック）がありません",
        where="matplotlib-fontja",
        next_step="requirements.txt の通りにインストールしてください",
    )


@lru_cache(maxsize=1)
def _standard_face() -> Face:
    return _face(base_font_path(), "base")


def _face(source: bytes | Path, where: str) -> Face:
    data = source if isinstance(source, bytes) else source.read_bytes()
    try:
        font = TTFont(BytesIO(data), lazy=True, fontNumber=0)
        cmap = font.getBestCmap()
        if not cmap:
            raise TTLibError("no Unicode cmap")
        ids = font.getReverseGlyphMap()
        by_code = {code: ids[name] for code, name in cmap.items()} | dict.fromkeys(_undefined(font, cmap), 0)
        em, head, advances = font["head"].unitsPerEm, font["head"], font["hmtx"].metrics
        return Face(
            name=_postscript_name(font, where),
            data=data,
            cmap=by_code,
            blank=_blank_codes(font, by_code),
            advances={code: advances[name][0] / em for code, name in cmap.items()},
            ascent=font["hhea"].ascent / em,
            descent=font["hhea"].descent / em,
            box=tuple(round(1000 * v / em) for v in (head.xMin, head.yMin, head.xMax, head.yMax)),
        )
    # fontTools lets errors of every kind through on damaged input; none of them may pass as a missing glyph.
    except (TTLibError, AssertionError, KeyError, ValueError, IndexError, AttributeError, struct.error) as error:
        raise FileRefused(
            "font_unreadable",
            "フォントファイルを読み取れません（TrueType形式ではないか、壊れています）",
            where=where,
            next_step="フォントの再送を依頼してください",
        ) from error


def _postscript_name(font: Any, where: str) -> str:
    name = (font["name"].getDebugName(6) if "name" in font else None) or where
    return "".join(char for char in name if char.isascii() and (char.isalnum() or char in "-_")) or where


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


def _blank_codes(font: Any, by_code: dict[int, int]) -> frozenset[int]:
    """Code points whose glyph has no outline, or one without any area."""
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

    return frozenset(code for code, glyph in by_code.items() if not draws(glyph))


def _cut(face: Face, codes: set[int], wide: dict[int, int]) -> Cut:
    font = TTFont(BytesIO(face.data), lazy=True, fontNumber=0, recalcTimestamp=False)
    subsetter = subset.Subsetter(_CUTTING)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    ids = font.getReverseGlyphMap()
    glyphs = [
        (wide.get(code, code), code, ids[name], 1000 * face.advances[code]) for code, name in font.getBestCmap().items()
    ]
    del font["cmap"]
    out = BytesIO()
    font.save(out)
    return Cut(face, out.getvalue(), sorted(glyphs))


@lru_cache(maxsize=1)
def barcode_font() -> bytes:
    """The customer barcode as a TrueType font: `1` long, `2` semi-long up, `3` semi-long down, `4` timing.

    Baseline is the foot of the long bar. At a font size of `barcode_font_size(a)` the bars have the measures
    published for a points (p12), scaled by a/10.
    """
    spans = {
        "1": (0, LONG),
        "2": (LONG - SEMI, LONG),
        "3": (0, SEMI),
        "4": ((LONG - TIMING) // 2, (LONG + TIMING) // 2),
    }
    left, right = (PITCH - BAR_WIDTH) // 2, (PITCH + BAR_WIDTH) // 2
    glyphs = {".notdef": TTGlyphPen(None).glyph()}
    for name, (low, high) in spans.items():
        pen = TTGlyphPen(None)
        pen.moveTo((left, low))
        for corner in ((left, high), (right, high), (right, low)):
            pen.lineTo(corner)
        pen.closePath()
        glyphs[f"bar{name}"] = pen.glyph()
    builder = FontBuilder(BARCODE_EM, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap({ord(name): f"bar{name}" for name in spans})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics({name: (PITCH, 0 if name == ".notdef" else left) for name in glyphs})
    builder.setupHorizontalHeader(ascent=LONG, descent=0)
    builder.setupPost(keepGlyphNames=False)
    builder.font.recalcTimestamp = False
    builder.updateHead(created=0, modified=0)
    out = BytesIO()
    builder.save(out)
    return out.getvalue()


def barcode_font_size(a: float) -> float:
    """Font size in points that draws the barcode at a points."""
    return BARCODE_EM / 1000 * a / 10 * 72 / 25.4
