"""The ward's own values of coded fields in ours, as a layout says (`Layout.values`; G02).

Rows land as they were sent; whatever judges them, or makes a register of them, sees our values.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from todoke.intake.character_codes import BLANKS
from todoke.model.ward_values import CODED

#: Coded field → the ward's value → ours.
Values = Mapping[str, Mapping[str, str]]


def in_our_values(rows: pa.Table, values: Values) -> pa.Table:
    """The rows with every value that `values` names replaced by ours, blanks around it aside; others stay.

    Args:
        rows: text columns; fields of `values` that are not among them are passed over.
    """
    for field, ours_of in values.items():
        if field not in rows.column_names or not ours_of:
            continue
        written = pa.array([value.strip(BLANKS) for value in ours_of], pa.string())
        ours = pa.array(ours_of.values(), pa.string())
        # a dictionary: what is asked of each distinct value is asked once
        column = rows[field].combine_chunks().dictionary_encode()
        place = pc.index_in(pc.utf8_trim(column.dictionary, BLANKS), written)
        known = pc.coalesce(ours.take(place), column.dictionary)
        rows = rows.set_column(rows.schema.get_field_index(field), rows.schema.field(field), known.take(column.indices))
    return rows


class SeenValues:
    """The values that a file has in its coded fields, counted.

    Attributes:
        rows: field → value as sent, blanks around it aside → rows.
        households: the same → households in one batch, the most of any: what one alone has may be no code at all.
    """

    def __init__(self, fields: set[str]) -> None:
        self.rows: dict[str, Counter[str]] = {field: Counter() for field in CODED if field in fields}
        self.households: dict[str, dict[str, int]] = {field: defaultdict(int) for field in self.rows}

    def add(self, batch: pa.RecordBatch) -> None:
        for field, rows in self.rows.items():
            value = pc.utf8_trim(pc.fill_null(batch.column(field), ""), BLANKS)
            table = pa.table({"value": value, "household_no": batch.column("household_no")})
            counted = table.group_by("value").aggregate([("value", "count"), ("household_no", "count_distinct")])
            for text, count, households in zip(*(column.to_pylist() for column in counted.columns), strict=True):
                rows[text] += count
                self.households[field][text] = max(self.households[field][text], households)


def is_known(field: str, value: str) -> bool:
    """Whether the rules know a value, or have none of it to ask: a file need not say 続柄 or 秘匿区分."""
    if field in ("change_kind", "change_reason"):
        return value in CODED[field]
    bare = value.translate(_AS_RULES_READ)
    return bare in CODED[field] or (not bare and field != "method")


_AS_RULES_READ = str.maketrans("０１", "01", BLANKS)
