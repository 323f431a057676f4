"""A ward's own values are judged as ours, and nothing else of its rows changes."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from todoke.intake.character_codes import BLANKS
from todoke.model.ward_values import CODED
from todoke.quality.ward_values import SeenValues, in_our_values, is_known
from todoke.store.schema import WARD_ROW

FIELDS = [field for field in CODED if field in WARD_ROW.names]
WORDS = st.text("有無○×本人男女AB01２ ", min_size=1, max_size=4).filter(lambda word: word.strip(BLANKS) == word)
BLANK = st.text(BLANKS, max_size=2)
VALUES = st.fixed_dictionaries(
    {}, optional={field: st.dictionaries(WORDS, st.sampled_from(CODED[field]), max_size=4) for field in FIELDS}
)


def rows_of(cells: list[dict[str, str | None]]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"row_no": place, "town": "有", **row} for place, row in enumerate(cells, 1)], WARD_ROW
    )


@given(VALUES, st.data())
def test_a_value_that_is_mapped_becomes_ours_and_everything_else_stays(values, data):
    sent, expected = [], []
    for _ in range(data.draw(st.integers(0, 6))):
        row, ours = {}, {}
        for field in FIELDS:
            mapped = values.get(field, {})
            word = data.draw(st.one_of(st.none(), WORDS, *([st.sampled_from(sorted(mapped))] if mapped else [])))
            if word is None:
                row[field] = ours[field] = data.draw(st.sampled_from([None, "", "　"]))
                continue
            row[field] = data.draw(BLANK) + word + data.draw(BLANK)
            ours[field] = mapped.get(word, row[field])
        sent.append(row)
        expected.append(ours)
    assert in_our_values(rows_of(sent), values).to_pylist() == rows_of(expected).to_pylist()


def test_a_field_that_was_not_read_is_passed_over():
    rows = rows_of([{"confidential": "有"}]).select(["receipt_no", "row_no", "confidential"])
    mapped = in_our_values(rows, {"confidential": {"有": "1"}, "relationship": {"本人": "世帯主"}})
    assert mapped.schema == rows.schema and mapped["confidential"].to_pylist() == ["1"]


def test_values_are_counted_by_rows_and_by_the_households_that_have_them():
    seen = SeenValues({"confidential", "town"})
    for numbers in (("1", "1", "2"), ("3",)):
        for batch in rows_of([{"household_no": no, "confidential": " 有"} for no in numbers]).to_batches():
            seen.add(batch)
    assert seen.rows == {"confidential": {"有": 4}}
    assert seen.households["confidential"]["有"] == 2


def test_a_value_is_known_as_the_rules_know_it():
    words = ("", "１", " 局 留", "世帯主", "更新 ", "更新")
    assert {(field, word) for field in CODED for word in words if is_known(field, word)} == {
        *(("confidential", word) for word in ("", "１")),
        *(("relationship", word) for word in ("", "世帯主")),
        ("method", " 局 留"),
        ("change_kind", "更新"),
    }
