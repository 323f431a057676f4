"""Why a table has none of the columns that it should have: what a ward's program or Excel made of the file (G02).

Each is told by name with what the ward has to do, and nothing is guessed: a file is read as it should be or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from todoke.contract.layout import Layout
from todoke.errors import FileRefused
from todoke.intake.text import Block

_SEPARATORS = {
    "\t": "タブ",
    ";": "セミコロン（;）",
    "；": "全角のセミコロン（；）",
    "|": "縦線（|）",
    "，": "全角のカンマ（，）",
}
#: A title, an empty line, the day and the section: more than these stand above no table.
_RECORDS_ABOVE = 10
_QUOTES = " 　\"'"


def refuse_if_another_form(header: list[str], blocks: Iterator[Block], layout: Layout) -> None:
    """For a header in which columns are missing.

    Args:
        header: the first record; blocks: the rest of the file.

    Raises:
        FileRefused: `other_separator`, `other_quotes`, `title_above`; nothing is raised where it is none of these.
    """
    here = _known(header, layout)
    for above, record in enumerate(chain([header], _first_records(blocks))):
        if not record:  # one that cannot be read
            continue
        for sign, name in _SEPARATORS.items():
            if record[0].lower() == f"sep={sign}" or _known(",".join(record).split(sign), layout) > here:
                raise _other_separator(name, above)
        if _known([name.strip(_QUOTES) for name in record], layout) > max(here, _known(record, layout)):
            raise FileRefused(
                "other_quotes",
                "引用符の書き方が CSV の決まりと違います",
                where=f"{above + 1}行目",
                next_step='値を二重引用符（"）で囲み、カンマのあとに空白を置かない CSV での再送を依頼してください',
            )
        if _known(record, layout) > here:
            raise FileRefused(
                "title_above",
                f"見出し行の上に、題名などの行が{above}行あります",
                where="1行目",
                next_step="1行目を見出し行にした再送を依頼してください",
            )


def refuse_if_other_separator(record: Sequence[str | None], width: int) -> None:
    """For the first record of a file without a header that has not the `width` that it should have.

    Raises:
        FileRefused: `other_separator`.
    """
    for sign, name in _SEPARATORS.items():
        if len(record) == 1 < width and (record[0] or "").count(sign) == width - 1:
            raise _other_separator(name, 0)


def _other_separator(name: str, above: int) -> FileRefused:
    return FileRefused(
        "other_separator",
        f"項目の区切りがカンマではなく{name}です",
        where=f"{above + 1}行目",
        next_step="「CSV（カンマ区切り）」で保存したものの再送を依頼してください",
    )


def _known(header: Iterable[str], layout: Layout) -> int:
    """How many of these names are columns of the layout."""
    return len(layout.known().intersection(layout.names(header)))


def _first_records(blocks: Iterator[Block]) -> Iterator[list[str]]:
    """The first records behind the header, whatever their width."""
    block = next(blocks, None)
    if block is None:
        return
    good = zip(*(column.slice(0, _RECORDS_ABOVE).to_pylist() for column in block.columns), strict=True)
    rows = chain(zip(block.row_nos, good, strict=False), ((row.row_no, row.cells) for row in block.bad))
    for _, cells in sorted(rows, key=lambda row: row[0])[:_RECORDS_ABOVE]:
        yield [cell or "" for cell in cells]
