"""The print-position test pack: labels of real records that strain the layout most (G06).

Rendered with `test_print=True` its labels are marked 見本 and do not count towards what is delivered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from todoke.labels.fonts import FontSet
from todoke.labels.gaiji import gaiji_in, texts

CONFIDENTIAL = "confidential"


def pick(records: Iterable[pa.RecordBatch], fonts: FontSet) -> pa.RecordBatch:
    """Pick longest address, building and name, most gaiji, the first confidential one, of each town and method.

    Longest is what is widest in these fonts: that strains a label, not how many characters there are.

    Returns records of the same columns in the order given; `flags` gains `test:<why>` for each reason. Ties go
    to the record that comes first, so the pick depends on nothing but the records. Raises ValueError without any.
    """
    best: dict[str, tuple[float, int, pa.RecordBatch]] = {}
    seen, schema = 0, None
    for batch in records:
        schema = batch.schema
        for row, why, score in _candidates(batch, fonts):
            if why not in best or score > best[why][0]:
                best[why] = (score, seen + row, batch.slice(row, 1))
        seen += batch.num_rows
    reasons: dict[int, list[str]] = {}
    rows: dict[int, pa.RecordBatch] = {}
    for why, (_, place, row) in best.items():
        reasons.setdefault(place, []).append(why.split(":")[0])
        rows[place] = row
    if schema is None or not rows:
        raise ValueError("a test pack needs records")
    picked = pa.Table.from_batches([rows[place] for place in sorted(rows)]).combine_chunks().to_batches()[0]
    marks = ["".join(f";test:{why}" for why in sorted(set(reasons[place]))) for place in sorted(rows)]
    flags = [(old + mark).lstrip(";") for old, mark in zip(texts(picked, "flags"), marks, strict=True)]
    return picked.set_column(schema.get_field_index("flags"), schema.field("flags"), pa.array(flags, pa.string()))


def _candidates(batch: pa.RecordBatch, fonts: FontSet) -> Iterator[tuple[int, str, float]]:
    """(row, why, score) of every record that may be picked."""

    def width(text: str) -> float:
        return fonts.width(fonts.composed(text))

    columns = (texts(batch, name) for name in ("town", "block", "building", "name", "flags", "delivery_method"))
    for row, (town, block, building, name, flags, method) in enumerate(zip(*columns, strict=True)):
        yield row, f"town:{town}", 0
        yield row, "longest_address", width(town + block)
        if building:
            yield row, "longest_building", width(building)
        yield row, "longest_name", width(name)
        gaiji = gaiji_in(f"{town}{block}{building}{name}")
        if gaiji:
            yield row, "most_gaiji", gaiji
        if CONFIDENTIAL in flags.split(";"):
            yield row, CONFIDENTIAL, 0
        if method:
            yield row, f"method:{method}", 0
