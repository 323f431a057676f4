"""What the ward is asked about its quarantined households (照会票), and what its answers make of the rows (G03, G04).

A corrected row is judged by the same rules as one that the ward sent.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from todoke.contract.layout import HOUSEHOLD_FIELDS, MEMBER_FIELDS, Layout
from todoke.intake.numbers import household_number, in_one_writing
from todoke.model.codes import Finding, QueryDecision
from todoke.model.ward_values import CODED
from todoke.store.schema import QUARANTINE

#: What all rows of a household in a file say alike: a correction is for all of them. Another one is for its row.
HOUSEHOLD_WIDE = frozenset({*HOUSEHOLD_FIELDS, "change_kind", "change_reason", "changed_on"}) - {"household_no"}
#: Findings that another value in the field named can mend; the others need rows that were not sent, or none.
MENDED_BY_VALUE = frozenset(
    {
        Finding.HOUSEHOLD_NO_MISSING,
        Finding.SIZE_MISMATCH,
        Finding.POSTAL_CODE_UNKNOWN,
        Finding.POSTAL_CODE_TOWN,
        Finding.ADDRESS_MISSING,
        Finding.KANA_INVALID,
        Finding.NAME_MISSING,
        Finding.BIRTH_DATE_INVALID,
        Finding.GAIJI_UNKNOWN,
        Finding.HOUSEHOLD_CONFLICT,
        Finding.CONFIDENTIAL_INVALID,
        Finding.CHANGE_INVALID,
        Finding.UNKNOWN_HOUSEHOLD,
    }
)
#: Findings of a value that is none of its field's.
VALUE_UNKNOWN = (Finding.CONFIDENTIAL_INVALID, Finding.CHANGE_INVALID)
#: Receipt, row number and coded field → what was sent there.
Sent = Mapping[tuple[str, int, str], str]
_NUMBER = re.compile(r"\{(?:n|nn|ｎ)\}")
_ASKED = {
    True: "正しい値を「訂正後の値」に書いてください（{scope}）。取り込まないときは「却下」を選んでください。",
    False: "値の訂正では直せません。正しい行を送り直すか、取り込まないときは「却下」を選んでください。",
}


@dataclass(frozen=True)
class Item:
    """One question to the ward; `digest` is of the item as it is shown.

    `sent` is the ward's own value where that is the question; of coded fields alone, which name nobody.
    """

    item_no: str
    digest: str
    receipt_no: str
    file_name: str
    row_no: int
    household_no: str | None
    field: str | None
    heading: str
    sent: str
    reason: str
    reason_label: str
    ask: str
    round: int
    correctable: bool


@dataclass(frozen=True)
class SentFile:
    """A file of the ward that counts now."""

    name: str
    layout: Layout


def items(
    quarantine: pa.Table, files: Mapping[str, SentFile], answers: pa.Table, sent: Sent, number: Callable[..., str]
) -> list[Item]:
    """What is to be asked: every finding, a household's field once, but those of households that are not wanted.

    Args:
        quarantine: `schema.QUARANTINE`.
        files: by receipt number; findings of other files are left out.
        answers: `schema.QUERY_ANSWER`.
        sent: the ward's own values where a finding is `about_a_value`.
        number: makes the 管理番号 out of what a finding is.
    """
    said = answers.select(["item_no", "decision", "receipt_no", "household_no"]).to_pylist()
    given_up = [row for row in said if row["decision"] == QueryDecision.REJECT]
    households = {(row["receipt_no"], row["household_no"]) for row in given_up if row["household_no"]}
    numbers = {row["item_no"] for row in given_up}
    # what was corrected and is still a finding was not cured: it is asked anew, and the later value counts
    again = [row["item_no"] for row in said if row["decision"] in (QueryDecision.ASK_AGAIN, QueryDecision.CORRECT)]
    return [
        item
        for line in _lines(quarantine, files)
        if (line["receipt_no"], line["household_no"]) not in households
        if (item := _item(line, files[line["receipt_no"]], again, sent, number)).item_no not in numbers
    ]


def about_a_value(quarantine: pa.Table) -> pa.Table:
    """The findings of a value in a coded field that is none of the field's."""
    unknown = pa.array([str(reason) for reason in VALUE_UNKNOWN], pa.string())
    coded = pc.is_in(quarantine["field"], pa.array(CODED, pa.string()))
    return quarantine.filter(pc.and_(coded, pc.is_in(quarantine["reason"], unknown)))


def _lines(quarantine: pa.Table, files: Mapping[str, SentFile]) -> Iterator[dict[str, Any]]:
    seen: set[tuple[object, ...]] = set()
    for line in quarantine.to_pylist():
        if line["receipt_no"] not in files or line["reason"] == Finding.NOT_WANTED:
            continue
        if line["household_no"] and line["field"] in HOUSEHOLD_WIDE:
            key = tuple(line[name] for name in ("receipt_no", "household_no", "field", "reason"))
            if key in seen:
                continue
            seen.add(key)
        yield line


def _is_wide(line: Mapping[str, Any]) -> bool:
    """Whether another value is for all rows of the household in its file."""
    return line["field"] in HOUSEHOLD_WIDE or line["reason"] == Finding.UNKNOWN_HOUSEHOLD


def _item(line: Mapping[str, Any], file: SentFile, again: list[str], sent: Sent, number: Callable[..., str]) -> Item:
    reason, field = Finding(line["reason"]), line["field"]
    own = file.layout.members is None or field not in MEMBER_FIELDS  # in the wide form several members share a row
    correctable = reason in MENDED_BY_VALUE and own
    item_no = number(*(str(line[name] or "") for name in ("receipt_no", "row_no", "field", "reason")))
    scope = "同じ世帯の全部の行に効きます" if _is_wide(line) else "この行だけに効きます"
    item = Item(
        item_no=item_no,
        digest="",
        receipt_no=line["receipt_no"],
        file_name=file.name,
        row_no=line["row_no"],
        household_no=line["household_no"],
        field=field,
        heading=heading(file.layout, field),
        sent=sent.get((line["receipt_no"], line["row_no"], field), ""),
        reason=str(reason),
        reason_label=reason.label,
        ask=_ASKED[correctable].format(scope=scope) + (_usable(file.layout, field) if correctable else ""),
        round=again.count(item_no) + 1,
        correctable=correctable,
    )
    told = repr(tuple(asdict(item).values()))
    return Item(**asdict(item) | {"digest": hashlib.sha256(told.encode()).hexdigest()[:12]})


def _usable(layout: Layout, field: str | None) -> str:
    """Which values a coded field may have, the ward's own first."""
    if field is None or field not in CODED:
        return ""
    return f"使える値: {'、'.join(dict.fromkeys([*layout.values.get(field, {}), *CODED[field]]))}"


def heading(layout: Layout, field: str | None) -> str:
    """The ward's own name of a column; "" when it has none of that name."""
    columns = layout.required | layout.optional
    if layout.members is not None:
        members = layout.members.head | layout.members.required | layout.members.optional
        columns |= {_NUMBER.sub("○", name): canonical for name, canonical in members.items()}
    return next((name for name, canonical in columns.items() if canonical == field), "")


def corrected(rows: pa.Table, answers: pa.Table) -> pa.Table:
    """The rows with the values that the ward corrected; order and number of rows stay.

    Args:
        rows: of the ward's files, or some of their columns with receipt_no, row_no and household_no.
        answers: `schema.QUERY_ANSWER`.
    """
    mending = answers.filter(pc.equal(answers["decision"], QueryDecision.CORRECT.value)).to_pylist()
    here = set(pc.unique(rows["receipt_no"]).to_pylist())
    mending = [answer for answer in mending if answer["receipt_no"] in here and answer["field"] in rows.column_names]
    if not mending:
        return rows
    of_row, of_household = _places(rows, mending)
    changes: dict[str, dict[int, str]] = defaultdict(dict)
    for answer in mending:
        wide = _is_wide(answer) and answer["household_no"]
        places = (
            of_household[answer["receipt_no"], answer["household_no"]]
            if wide
            else of_row[answer["receipt_no"], answer["row_no"]]
        )
        changes[answer["field"]].update(dict.fromkeys(places, answer["value"]))
        if answer["field"] == "household_no":  # what is answered later is of the household as it is numbered then
            of_household[answer["receipt_no"], household_number(answer["value"])] += places
    for field, values in changes.items():
        column = rows.schema.get_field_index(field)
        rows = rows.set_column(column, field, _replaced(field, rows[field], values))
    return rows


Places = dict[tuple[str, Any], list[int]]


def _places(rows: pa.Table, mending: list[dict[str, Any]]) -> tuple[Places, Places]:
    """Where the rows of the answers are, by receipt and row number, and by receipt and household."""
    values = {name: pa.array({answer[name] for answer in mending}, rows.schema.field(name).type) for name in _KEYS}
    near = pc.or_(pc.is_in(rows["row_no"], values["row_no"]), pc.is_in(rows["household_no"], values["household_no"]))
    suspects = np.flatnonzero(pc.and_(pc.is_in(rows["receipt_no"], values["receipt_no"]), near))
    of_row, of_household = defaultdict[tuple[str, Any], list[int]](list), defaultdict[tuple[str, Any], list[int]](list)
    for place, row in zip(suspects.tolist(), rows.select(_KEYS).take(suspects).to_pylist(), strict=True):
        of_row[row["receipt_no"], row["row_no"]].append(place)
        of_household[row["receipt_no"], row["household_no"]].append(place)
    return of_row, of_household


_KEYS = ["receipt_no", "row_no", "household_no"]


def _replaced(field: str, column: pa.ChunkedArray, values: Mapping[int, str]) -> pa.Array:
    mask = np.zeros(len(column), bool)
    mask[list(values)] = True
    texts = in_one_writing(field, pa.array([values[place] for place in sorted(values)], pa.string()))
    whole = column.combine_chunks()
    return pc.replace_with_mask(whole, pa.array(mask), texts)


def with_rejected(found: pa.Table, rows: pa.Table, answers: pa.Table) -> pa.Table:
    """The quarantine with a line for every household that the ward does not want taken.

    Args:
        found: `schema.QUARANTINE`.
        rows: the landed rows; answers about other files are left out.
    """
    rejected = answers.filter(pc.equal(answers["decision"], QueryDecision.REJECT.value))
    rejected = rejected.filter(
        pc.and_(pc.is_valid(rejected["household_no"]), pc.is_in(rejected["receipt_no"], pc.unique(rows["receipt_no"])))
    )
    lines = {
        (row["receipt_no"], row["household_no"]): {name: row[name] for name in _KEYS} | {"reason": Finding.NOT_WANTED}
        for row in reversed(rejected.to_pylist())
    }
    if not lines:
        return found
    whole = pa.concat_tables([found, pa.Table.from_pylist([dict(line) for line in lines.values()], QUARANTINE)])
    return whole.sort_by([(name, "ascending") for name in ("receipt_no", "row_no", "field", "reason")])
