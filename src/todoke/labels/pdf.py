"""A streaming PDF writer for sheets of labels: content streams by hand, fonts at the end of each file.

The same sheets give the same bytes: no dates, and the file id is a digest. Text is selectable and extracts as
written, gaiji as their private-use code points; the barcode extracts as the digits 1 to 4 of its bars.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import BinaryIO

from todoke.contract.sheet_layout import MM, SheetLayout
from todoke.labels.cutting import Cut
from todoke.labels.fonts import BARCODE_EM, FontSet, barcode_font
from todoke.labels.sheet import Line
from todoke.model.barcode_measures import LONG, PITCH

_CMAP_HEAD = (
    b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap "
    b"/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def "
    b"/CMapName/Adobe-Identity-UCS def /CMapType 2 def 1 begincodespacerange\n"
)
_CMAP_TAIL = b"endcmap CMapName currentdict/CMap defineresource pop end end"


@dataclass(frozen=True)
class PrintedFile:
    """A finished file: name, sheets, labels, bytes and SHA-256."""

    name: str
    sheets: int
    labels: int
    bytes: int
    sha256: str


class Drawing:
    """Turns lines of labels into content of a sheet."""

    def __init__(self, layout: SheetLayout, fonts: FontSet) -> None:
        self._fonts = fonts
        self._size = (layout.width_mm * MM, layout.height_mm * MM)
        self._places = [b"q 1 0 0 1 %s %s cm " % (_n(x), _n(y)) for x, y in layout.corners()]
        self._starts: dict[tuple[float, float, float], bytes] = {}
        self._bar_start = b""

    def label(self, place: int, lines: Iterable[Line], barcode: Line | None, mark: bytes = b"") -> bytes:
        """One label at a place of the sheet (0 is the top left); `mark` is drawn beneath its text."""
        parts = [self._places[place], mark, b"BT ", *map(self._text, lines)]
        if barcode is not None:
            if not self._bar_start:
                self._bar_start = b"/B %s Tf 1 0 0 1 %s %s Tm(" % (
                    _n(barcode.size), _n(barcode.x), _n(barcode.y)
                )  # fmt: skip
            parts += self._bar_start, barcode.text.encode("ascii"), b")Tj "
        parts.append(b"ET Q\n")
        return b"".join(parts)

    def beside(self, line: Line | None) -> bytes:
        """A line of the sheet outside its labels, in points from the page's corner."""
        return b"BT " + self._text(line) + b"ET\n" if line is not None else b""

    def test_mark(self) -> bytes:
        """What marks a test print: the label's outline and, large and light, テスト印字 見本 (G06)."""
        width, height = self._size
        size = min(height * 0.24, width / 9)
        line = Line((width - 8 * size) / 2, height * 0.5, size, "テスト印字\u3000見本")
        frame = b"0.3 w 0.6 G 0 0 %s %s re S " % (_n(width), _n(height))
        return frame + b"0.88 g BT " + self._text(line) + b"ET 0 g "

    def _text(self, line: Line) -> bytes:
        x, y, size, text = line
        start = self._starts.get((x, y, size))
        if start is None:
            start = self._starts[x, y, size] = b"%s Tf 1 0 0 1 %s %s Tm(" % (_n(size), _n(x), _n(y))
        runs = self._fonts.runs(text)
        if len(runs) == 1:
            return b"/F%d %s%s)Tj " % (runs[0][0], start, _escaped(self._fonts.cids(text)))
        first = b"/F%d %s%s)Tj " % (runs[0][0], start, _escaped(self._fonts.cids(runs[0][1])))
        rest = (b"/F%d %s Tf(%s)Tj " % (face, _n(size), _escaped(self._fonts.cids(run))) for face, run in runs[1:])
        return first + b"".join(rest)


class EmbeddedFonts:
    """The font objects of a batch, made once and written into each of its files."""

    def __init__(self, cuts: Sequence[Cut | None]) -> None:
        self._faces = [(index, cut, _face_streams(cut)) for index, cut in enumerate(cuts) if cut is not None]
        bars = [(ord(bar), bar) for bar in "1234"]
        self._barcode = (_font_file(barcode_font()), _stream(_to_unicode(bars, 1)))

    def objects(self, first: int) -> tuple[bytes, list[bytes]]:
        """The font resource dictionary and the objects that it needs, numbered from `first`."""
        bodies: list[bytes] = []
        names = []
        for index, cut, streams in self._faces:
            names.append(b"/F%d %d 0 R" % (index, first + len(bodies)))
            bodies += _face_objects(cut, first + len(bodies), streams)
        names.append(b"/B %d 0 R" % (first + len(bodies)))
        bodies += _barcode_objects(first + len(bodies), self._barcode)
        return b"<<" + b"".join(names) + b">>", bodies


class SheetFile:
    """One PDF file, written as its sheets come. Objects: 1 catalogue, 2 page tree, then content and page in turn.

    `about`: its metadata (Title, Subject, Keywords).
    """

    def __init__(self, name: str, out: BinaryIO, layout: SheetLayout, about: Mapping[str, str] | None = None) -> None:
        self.name, self._out, self._about = name, out, about or {}
        self._page = _page_size(layout)
        self._digest, self._position = hashlib.sha256(), 0
        self._offsets = [0, 0, 0]
        self.sheets = self.labels = 0
        self._write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")

    def add_sheet(self, labels: Sequence[bytes], layout: SheetLayout | None = None, *, beside: bytes = b"") -> None:
        """Write one sheet of drawn labels, and what is drawn `beside` them.

        `layout` is that of a page whose size is not the file's.
        """
        content = self._object(_stream(b"".join((*labels, beside))))
        box = b"/MediaBox[0 0 %s]" % _page_size(layout) if layout else b""
        self._object(b"<</Type/Page/Parent 2 0 R%s/Contents %d 0 R>>" % (box, content))
        self.sheets += 1
        self.labels += len(labels)

    def finish(self, fonts: EmbeddedFonts) -> PrintedFile:
        """Write fonts, page tree and cross-references. The file object stays open: it is the caller's."""
        resources, bodies = fonts.objects(len(self._offsets))
        for body in bodies:
            self._object(body)
        kids = b" ".join(b"%d 0 R" % (4 + 2 * sheet) for sheet in range(self.sheets))
        self._object(
            b"<</Type/Pages/Count %d/MediaBox[0 0 %s]/Resources<</Font%s>>/Kids[%s]>>"
            % (self.sheets, self._page, resources, kids),
            number=2,
        )
        # Labels are printed at their size: a viewer must not scale them to the printer's margins.
        self._object(b"<</Type/Catalog/Pages 2 0 R/Lang(ja-JP)/ViewerPreferences<</PrintScaling/None>>>>", number=1)
        info = b""
        if self._about:
            told = b"".join(b"/%s%s" % (key.encode(), _text_string(text)) for key, text in self._about.items())
            info = b"/Info %d 0 R" % self._object(b"<<%s>>" % told)
        start, count = self._position, len(self._offsets)
        table = b"".join(b"%010d 00000 n \n" % offset for offset in self._offsets[1:])
        mark = self._digest.hexdigest()[:32].encode()
        self._write(
            b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R%s/ID[<%s><%s>]>>\n"
            b"startxref\n%d\n%%%%EOF\n" % (count, table, count, info, mark, mark, start)
        )
        return PrintedFile(self.name, self.sheets, self.labels, self._position, self._digest.hexdigest())

    def _object(self, body: bytes, number: int = 0) -> int:
        if not number:
            number = len(self._offsets)
            self._offsets.append(0)
        self._offsets[number] = self._position
        self._write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        return number

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._position += len(data)
        self._out.write(data)


def _page_size(layout: SheetLayout) -> bytes:
    return _n(layout.page_width_mm * MM) + b" " + _n(layout.page_height_mm * MM)


def _stream(data: bytes, extra: bytes = b"", level: int = 6) -> bytes:
    packed = zlib.compress(data, level)
    return b"<</Filter/FlateDecode/Length %d%s>>stream\n%s\nendstream" % (len(packed), extra, packed)


def _font_file(data: bytes) -> bytes:
    return _stream(data, b"/Length1 %d" % len(data), level=9)


def _face_streams(cut: Cut) -> tuple[bytes, bytes, bytes, bytes]:
    """Font file, CID to glyph, CID to Unicode, and the subset's name."""
    glyph_of = bytearray(2 * (1 + cut.glyphs[-1][0]))
    for cid, _, glyph, _ in cut.glyphs:
        glyph_of[2 * cid : 2 * cid + 2] = glyph.to_bytes(2, "big")
    texts = [(cid, text) for cid, text, _, _ in cut.glyphs]
    tag = bytes(65 + byte % 26 for byte in hashlib.sha256(cut.data).digest()[:6])
    name = tag + b"+" + cut.face.name.encode("ascii")
    return _font_file(cut.data), _stream(bytes(glyph_of), level=9), _stream(_to_unicode(texts, 2)), name


def _face_objects(cut: Cut, first: int, streams: tuple[bytes, bytes, bytes, bytes]) -> list[bytes]:
    file, glyph_of, unicode_of, name = streams
    face = cut.face
    spans = []
    # Most characters are one em wide: that is the default width.
    others = [(cid, width) for cid, _, _, width in cut.glyphs if width != 1000]
    for _, group in groupby(enumerate(others), lambda item: item[1][0] - item[0]):
        run = [pair for _, pair in group]
        spans.append(b"%d[%s]" % (run[0][0], b" ".join(_n(width) for _, width in run)))
    return [
        b"<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
        % (name, first + 1, first + 5),
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/%s"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        b"/FontDescriptor %d 0 R/DW 1000/W[%s]/CIDToGIDMap %d 0 R>>" % (name, first + 2, b"".join(spans), first + 4),
        b"<</Type/FontDescriptor/FontName/%s/Flags 4/FontBBox[%d %d %d %d]/ItalicAngle 0/Ascent %d/Descent %d"
        b"/CapHeight %d/StemV 80/FontFile2 %d 0 R>>"
        % (name, *face.box, 1000 * face.ascent, 1000 * face.descent, 1000 * face.ascent, first + 3),
        file,
        glyph_of,
        unicode_of,
    ]


def _barcode_objects(first: int, streams: tuple[bytes, bytes]) -> list[bytes]:
    name, high = b"TODOKE+CustomerBarcode", 1000 * LONG // BARCODE_EM
    width = 1000 * PITCH // BARCODE_EM
    return [
        b"<</Type/Font/Subtype/TrueType/BaseFont/%s/Encoding/WinAnsiEncoding/FirstChar 49/LastChar 52/Widths[%s]"
        b"/FontDescriptor %d 0 R/ToUnicode %d 0 R>>" % (name, b" ".join([b"%d" % width] * 4), first + 1, first + 3),
        b"<</Type/FontDescriptor/FontName/%s/Flags 32/FontBBox[0 0 %d %d]/ItalicAngle 0/Ascent %d/Descent 0"
        b"/CapHeight %d/StemV 50/FontFile2 %d 0 R>>" % (name, width, high, high, high, first + 2),
        *streams,
    ]


def _to_unicode(texts: Iterable[tuple[int, str]], width: int) -> bytes:
    """The CMap from (character code, text) pairs; character codes are `width` bytes wide."""
    digits = 2 * width
    lines = [b"<%0*X><%s>" % (digits, cid, text.encode("utf-16-be").hex().upper().encode()) for cid, text in texts]
    space = b"<%s><%s>\nendcodespacerange\n" % (b"00" * width, b"FF" * width)
    parts = [_CMAP_HEAD, space]
    for start in range(0, len(lines), 100):
        block = lines[start : start + 100]
        parts.append(b"%d beginbfchar\n%s\nendbfchar\n" % (len(block), b"\n".join(block)))
    return b"".join(parts) + _CMAP_TAIL


def _text_string(text: str) -> bytes:
    return b"<FEFF%s>" % text.encode("utf-16-be").hex().upper().encode()


def _escaped(raw: bytes) -> bytes:
    return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)").replace(b"\r", b"\\r")


def _n(value: float) -> bytes:
    """A number with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".").encode()
