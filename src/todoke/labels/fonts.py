"""Fonts of a print run: base font, the ward's EUDC fonts, the customer barcode as a font of four glyphs.

A character identifier (CID) in the PDF is the UTF-16 code of the character, so content streams can be written
before the subset is known: the mapping from CID to glyph goes into the file at its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.util import find_spec
from io import BytesIO
from itertools import chain
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from todoke.errors import FileRefused, KeyMissing
from todoke.labels.cutting import Cut
from todoke.labels.faces import Face, Glyph, is_private
from todoke.model.barcode_measures import BAR_WIDTH, LONG, PITCH, SEMI, TIMING

#: Characters that are meant to be blank.
SPACES = frozenset(" \u3000")
#: Printed on every label or test label whatever the record holds.
FIXED_TEXT = "〒様申込番号見本（テスト印字）-0123456789 \u3000"
#: An ideographic variation sequence: a character, and the selector that says which of its shapes.
SEQUENCE = re.compile(r"[^\U000E0100-\U000E01EF][\U000E0100-\U000E01EF]")
#: Where the characters that stand for variation sequences in composed text are taken from: no character lives there.
_STAND_INS = 0xC0000

#: One em of the barcode font is ten pitches, in µm at a = 10 pt; the glyph centres each bar in its pitch.
BARCODE_EM = 10 * PITCH


@dataclass(frozen=True, eq=False)
class FontSet:
    """Base font and EUDC fonts by priority. `faces[0]` is the base font.

    A private-use character is taken from the EUDC fonts alone: base fonts carry blank private-use glyphs. Every other
    one is taken from the base font alone: another font's shape never steps in.

    Labels are set in composed text: each variation sequence that a font draws is one character there (`composed`).
    """

    faces: tuple[Face, ...]
    #: Every character that some face draws, and the spaces.
    drawable: frozenset[str] = field(repr=False)
    #: Characters of composed text that the base font draws: a line within them is one run of text.
    in_base: frozenset[str] = field(repr=False)
    #: Face of each other character of composed text.
    elsewhere: dict[str, int] = field(repr=False)
    #: Width of each character of composed text, in em.
    widths: dict[str, float] = field(repr=False)
    #: The character that stands for each variation sequence that a font draws, and the other way round.
    variants: dict[str, str] = field(repr=False)
    sequences: dict[str, str] = field(repr=False)
    #: CIDs of characters beyond the BMP and of sequences: codes that no drawable character of the BMP has.
    wide: dict[int, int] = field(repr=False)
    #: Width of the widest character, in em.
    widest: float
    #: Characters that a font draws and that may not be printed before a person has looked.
    withheld: frozenset[str] = frozenset()

    @classmethod
    def load(cls, eudc: Sequence[bytes | Path] = (), base: bytes | Path | None = None) -> FontSet:
        """Read the fonts.

        Args:
            eudc: the ward's EUDC fonts (`EUDC.TTE`), the first has priority.
            base: a TrueType or OpenType font; IPAexGothic if not given.

        Raises FileRefused (`font_unreadable`, `font_without_glyphs`) or KeyMissing if the base font is not installed.
        """
        first = Face.read(base, "base") if base is not None else _standard_face()
        faces = (first, *(Face.read(source, f"EUDC{n}") for n, source in enumerate(eudc, 1)))
        in_base = {chr(code) for code in first.cmap if not is_private(code) and _prints(first, code)}
        elsewhere: dict[str, int] = {}
        for index, face in reversed(list(enumerate(faces))[1:]):
            drawn = (code for code in face.cmap if is_private(code) and face.glyph(code) is Glyph.DRAWN)
            elsewhere |= dict.fromkeys(map(chr, drawn), index)
        drawable = frozenset(in_base | elsewhere.keys())
        if not drawable.issuperset(FIXED_TEXT):
            raise FileRefused(
                "font_without_glyphs",
                "基本フォントに宛名ラベルの固定文字がありません",
                where="base",
                next_step="別の基本フォントを指定してください",
            )
        widths = {char: first.width(ord(char)) for char in in_base}
        widths |= {char: faces[index].width(ord(char)) for char, index in elsewhere.items()}
        variants: dict[str, str] = {}
        for index, text in _variant_faces(faces):
            stand_in = variants[text] = chr(_STAND_INS + len(variants))
            widths[stand_in] = faces[index].widths[faces[index].variants[text]]
            if index:
                elsewhere[stand_in] = index
            else:
                in_base.add(stand_in)
        beyond = [ord(char) for char in chain(sorted(drawable), variants.values()) if char > "\uffff"]
        codes = chain(range(0xD800, 0xE000), range(0x100, 0xD800), range(0xE000, 0xFFFE))
        free = (code for code in codes if chr(code) not in drawable)
        wide = dict(zip(beyond, free, strict=False))
        # a font with more characters than there are codes: what has none is not drawn, and found to be missing
        drawable -= {chr(code) for code in beyond[len(wide) :]}
        variants = {text: char for text, char in variants.items() if ord(char) in wide}
        sequences = {char: text for text, char in variants.items()}
        return cls(
            faces, drawable, frozenset(in_base), elsewhere, widths, variants, sequences, wide, max(widths.values())
        )

    def withholding(self, characters: frozenset[str]) -> FontSet:
        """The same fonts, with characters that may not be printed before a person has looked."""
        return replace(self, drawable=self.drawable - characters, withheld=characters & self.drawable)

    def width(self, text: str) -> float:
        """Width of a composed text of drawable characters, in em."""
        return sum(map(self.widths.__getitem__, text))

    def glyph(self, text: str) -> Glyph:
        """The best that any face has for a character or a variation sequence; the nearest to a drawing if none."""
        if len(text) == 2:
            return Glyph.DRAWN if text in self.variants else Glyph.VARIANT
        if text in self.withheld:
            return Glyph.RESHAPED
        if text in self.drawable:
            return Glyph.DRAWN
        code_point = ord(text)
        faces = self.faces[1:] if is_private(code_point) else self.faces[:1]
        found = {face.glyph(code_point) for face in faces}
        return next((glyph for glyph in (Glyph.EMPTY, Glyph.NOTDEF) if glyph in found), Glyph.MISSING)

    def composed(self, text: str) -> str:
        """The text with one character in place of each variation sequence that a font draws."""
        return SEQUENCE.sub(lambda found: self.variants.get(found[0], found[0]), text)

    def runs(self, text: str) -> list[tuple[int, str]]:
        """The composed text cut into (index of the face, characters)."""
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
        """The CIDs of a composed text, two bytes each."""
        raw = text.encode("utf-16-be")
        if len(raw) == 2 * len(text):
            return raw
        return text.translate(self.wide).encode("utf-16-be", "surrogatepass")

    def cut(self, characters: Iterable[str]) -> list[Cut | None]:
        """The shared subset of a batch, one per face; None for a face of which nothing is printed."""
        needed: list[set[tuple[int, str]]] = [set() for _ in self.faces]
        for char in {*characters, *FIXED_TEXT}:
            cid = self.wide.get(ord(char), ord(char))
            needed[self.elsewhere.get(char, 0)].add((cid, self.sequences.get(char, char)))
        return [Cut.of(face, texts) if texts else None for face, texts in zip(self.faces, needed, strict=True)]


def _prints(face: Face, code_point: int) -> bool:
    """Whether a face draws a code point, or has a blank of its own for one that is meant to be blank."""
    glyph = face.glyph(code_point)
    return glyph is Glyph.DRAWN or (glyph is Glyph.EMPTY and chr(code_point) in SPACES)


def _variant_faces(faces: Sequence[Face]) -> list[tuple[int, str]]:
    """(face, sequence) of every variation sequence, each from the first face that may draw its character."""
    found: dict[str, int] = {}
    for index, face in enumerate(faces):
        for text in sorted(face.variants):
            if is_private(ord(text[0])) is bool(index):
                found.setdefault(text, index)
    return [(index, text) for text, index in found.items()]


#: Base fonts that are installed with the project: package (its name to install), module, file, what people call it.
_INSTALLED = {
    "gothic": ("matplotlib-fontja", "matplotlib_fontja", "fonts/ipaexg.ttf", "IPAexゴシック"),
    "mincho": ("pylopdf-fonts-jp", "pylopdf_fonts_jp", "NotoSerifJP-Regular.otf", "Noto Serif JP（明朝）"),
}


def base_font_path(style: str = "gothic") -> Path:
    """Where IPAexGothic (`gothic`; IPA Font License) or Noto Serif JP (`mincho`; SIL OFL 1.1) lies.

    Raises KeyMissing if it is not installed.
    """
    package, module, file, title = _INSTALLED[style]
    # find_spec, not import: importing the package would load all of matplotlib.
    spec = find_spec(module)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder, file)
        if path.is_file():
            return path
    raise KeyMissing(
        f"基本フォント（{title}）がありません",
        where=package,
        next_step="requirements.txt の通りにインストールしてください",
    )


@lru_cache(maxsize=1)
def standard_fonts() -> FontSet:
    """The base font that is installed, alone: for what holds no name."""
    return FontSet.load()


@lru_cache(maxsize=1)
def _standard_face() -> Face:
    return Face.read(base_font_path(), "base")


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
