"""Makes a register version out of the ward's accepted rows: who is entitled, where they live, who is held (G01, G09).

A pure function of its inputs: the same files and answers give the same version, row by row (`docs/register.md`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from todoke.errors import GateClosed
from todoke.intake.changes import change_reasons
from todoke.intake.character_codes import BLANKS
from todoke.intake.dates import parsed_dates
from todoke.register.succession import aliases, under_identity
from todoke.store import sqlfiles
from todoke.store.engine import Engine
from todoke.store.schema import (
    DELIVERY_INSTRUCTION,
    HOUSEHOLD,
    HOUSEHOLD_ALIAS,
    PERSON,
    REGISTER_ANSWER,
    REGISTER_CAUTION,
    REGISTER_QUESTION,
    STOP_ROW,
    WARD_ROW,
)

_ERROR = "誤り"
_PLACE = ("postal_code", "town", "block", "building")
_KATAKANA = "[ァ-ヶ]"
_TO_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}


class Register(NamedTuple):
    """`person` as `schema.PERSON`, `household` as `schema.HOUSEHOLD`, sorted by household and member number; `question`
    as `schema.REGISTER_QUESTION` without ids: what a person is asked; `alias` as `schema.HOUSEHOLD_ALIAS`."""

    person: pa.Table
    household: pa.Table
    alias: pa.Table
    question: pa.Table


class Revision(NamedTuple):
    """A later state of a file of which an earlier one has been published; it acts as corrections.

    Attributes:
        before, after: accepted rows, `schema.WARD_ROW`.
        named: household_no of all rows of the later state, those in quarantine too: what is not among them is removed.
    """

    before: pa.Table
    after: pa.Table
    named: pa.ChunkedArray
    receipt_no: str


class Readdress(NamedTuple):
    """A file of addresses that the ward has found; it changes the address of households and nothing else (G23).

    Attributes:
        rows: `schema.READDRESS_ROW`; households that nobody knows are passed over, and any number of a chain of
            successors means all of it.
    """

    rows: pa.Table


def build(
    accepted: pa.Table,
    corrections: Iterable[pa.Table | Revision | Readdress],
    special_delivery: pa.Table | None,
    reference_date: date,
    *,
    withdrawn: pa.Table | None = None,
    stops: pa.Table | None = None,
    answers: pa.Table | None = None,
    cautions: pa.Table | None = None,
    doubts: pa.Table | None = None,
) -> Register:
    """The register after all files.

    Args:
        accepted: accepted rows of the base file as first published and the additions in the order of the ward's
            files, `schema.WARD_ROW`.
        corrections: accepted rows of the corrections in the order in which they take effect, with the revisions of
            what was published and the addresses found since; a table may hold several files, told apart by receipt
            number, in order.
        special_delivery: `schema.DELIVERY_INSTRUCTION`, in the order of the ward's files.
        reference_date: entitlement follows the members on it.
        withdrawn: household_no, receipt_no: corrections that a revision of their file leaves out, still in force.
        stops: `schema.STOP_ROW`.
        answers: `schema.REGISTER_ANSWER`: what persons decided.
        cautions: `schema.REGISTER_CAUTION`: who is held because of a register that waits.
        doubts: the same: who is held because of rows in quarantine.

    Returns:
        Deleted and held households stay, with their members, and say so in `state`. A successor stands under the
        number of its predecessor.

    Raises:
        GateClosed: a household stands in two of the base files and additions.
    """
    _check_once(accepted)
    with Engine() as engine:
        engine.register("answer", _or_empty(answers, REGISTER_ANSWER))
        engine.register("caution", _or_empty(cautions, REGISTER_CAUTION))
        engine.register("change_reason", change_reasons())
        history, alias = _followed(engine, accepted, list(corrections), reference_date)
        _take_over(engine)
        engine.register("doubt", _once(under_identity(_or_empty(doubts, REGISTER_CAUTION), alias)))
        _decide_holds(
            engine,
            under_identity(_or_empty(special_delivery, DELIVERY_INSTRUCTION), alias),
            under_identity(_or_empty(stops, STOP_ROW), alias),
        )
        engine.register("removed", history.removed())
        engine.register("withdrawn", withdrawn if withdrawn is not None else history.removed().slice(0, 0))
        return Register(
            _fetch(engine, "person").cast(PERSON),
            _fetch(engine, "household").cast(HOUSEHOLD),
            alias,
            _questions(_fetch(engine, "question")),
        )


def _followed(
    engine: Engine, accepted: pa.Table, changes: list[pa.Table | Revision | Readdress], reference_date: date
) -> tuple[_History, pa.Table]:
    """Makes `member` and `standing` of all files, and `alias`: who is whose successor by what they say."""
    engine.register("alias", HOUSEHOLD_ALIAS.empty_table())
    history = _carried_out(engine, accepted, changes, reference_date)
    alias = _succession(engine, history)
    engine.register("alias", alias)
    if _names_any(changes, alias):  # an address found for a predecessor is its successor's
        history = _carried_out(engine, accepted, changes, reference_date)
    return history, alias


def _carried_out(
    engine: Engine, accepted: pa.Table, corrections: Iterable[pa.Table | Revision | Readdress], reference_date: date
) -> _History:
    """Makes `member` and `standing` of all files, one after the other; returns what they said besides."""
    history = _History()
    engine.register("member", _members(engine, accepted))
    engine.register("standing", _fetch(engine, "base_standing"))
    history.add(accepted)
    for change in _changes(engine, corrections, history):
        if isinstance(change, Readdress):
            _readdress(engine, change.rows)
            history.add_places(change.rows)
        else:
            _correct(engine, change, reference_date)
            history.add(change)
    return history


class _History:
    """Which file brought whom, in the order of effect, and what the files say besides: predecessors, removals."""

    def __init__(self) -> None:
        self._rows: list[pa.Table] = []
        self._places: list[pa.Table] = []
        self._removed: list[pa.Table] = []

    def add(self, rows: pa.Table) -> None:
        self._rows += list(by_file([rows]))
        self.add_places(rows)

    def add_places(self, rows: pa.Table) -> None:
        """Where a file says that its households live."""
        self._places.append(rows.select(["household_no", *_PLACE]))

    def remove(self, households: pa.Array, named: pa.ChunkedArray, receipt_no: str) -> None:
        """A revision no longer names some households; those that it names have come back if they were missing."""
        self._removed = [rows.filter(pc.invert(pc.is_in(rows["household_no"], named))) for rows in self._removed]
        receipts = pa.repeat(pa.scalar(receipt_no, pa.string()), len(households))
        self._removed.append(pa.table({"household_no": households, "receipt_no": receipts}))

    def removed(self) -> pa.Table:
        """household_no, receipt_no of the revision that no longer names it."""
        empty = pa.schema([("household_no", pa.string()), ("receipt_no", pa.string())]).empty_table()
        return pa.concat_tables([empty, *self._removed])

    def sightings(self) -> pa.Table:
        """household_no, member_kana, birth_date (text), former_household_no and nth: the place of the file."""
        names = ["household_no", "member_kana", "birth_date", "former_household_no"]
        parts = [
            rows.select(names).append_column("nth", pa.repeat(pa.scalar(place, pa.int32()), rows.num_rows))
            for place, rows in enumerate(self._rows or [WARD_ROW.empty_table()])
        ]
        return pa.concat_tables(parts)

    def places(self, households: pa.ChunkedArray) -> pa.Table:
        """household_no and place: each address that any file gave for these households, in one way of writing."""
        wanted = pc.unique(households)
        mine = pa.concat_tables([WARD_ROW.empty_table().select(["household_no", *_PLACE]), *self._places])
        mine = mine.filter(pc.is_in(mine["household_no"], wanted))
        written = [pc.fill_null(mine[name], "") for name in _PLACE]
        place = _spaceless(pc.binary_join_element_wise(pc.replace_substring(written[0], "-", ""), *written[1:], "/"))
        return (
            pa.table({"household_no": mine["household_no"], "place": place})
            .group_by(["household_no", "place"])
            .aggregate([])
        )


def _changes(
    engine: Engine, corrections: Iterable[pa.Table | Revision | Readdress], history: _History
) -> Iterator[pa.Table | Readdress]:
    """One corrections file, or file of addresses, after the other."""
    for item in corrections:
        if isinstance(item, Revision):
            yield _as_corrections(engine, item, history)
        elif isinstance(item, Readdress):
            yield item
        else:
            yield from by_file([item])


def _as_corrections(engine: Engine, revision: Revision, history: _History) -> pa.Table:
    """A revision as the corrections it stands for: its changed and new households, put right as errors.

    A household that it no longer names stays as it is; once a person has said so, it is deleted.
    """
    engine.register("before_member", _members(engine, revision.before))
    engine.register("after_member", _members(engine, revision.after))
    changed = pc.unique(_fetch(engine, "revised_household")["household_no"])
    sent = revision.after.filter(pc.is_in(revision.after["household_no"], changed))
    named = pc.unique(revision.named)
    gone = revision.before.filter(pc.invert(pc.is_in(revision.before["household_no"], named)))
    history.remove(pc.unique(gone["household_no"]), named, revision.receipt_no)
    approved = engine.fetch(sqlfiles.load("register", "approved_removal"), {"receipt_no": revision.receipt_no})
    deleted = gone.filter(pc.is_in(gone["household_no"], pc.unique(approved["household_no"])))
    return pa.concat_tables([_marked(sent, "更新", revision.receipt_no), _marked(deleted, "削除", revision.receipt_no)])


def _marked(rows: pa.Table, kind: str, receipt_no: str) -> pa.Table:
    said = {"receipt_no": receipt_no, "change_kind": kind, "change_reason": _ERROR, "changed_on": ""}
    columns = [
        pa.repeat(pa.scalar(said[name], pa.string()), rows.num_rows) if name in said else rows[name]
        for name in WARD_ROW.names
    ]
    return pa.table(columns, schema=WARD_ROW)


def _correct(engine: Engine, rows: pa.Table, reference_date: date) -> None:
    """Carry one corrections file out on `member` and `standing`."""
    sent = _members(engine, rows)
    engine.register("change", _fetch(engine, "change", reference_date=reference_date, blanks=BLANKS))
    _rename(engine, sent, _fetch(engine, "lasting_member"))
    members, standing = _fetch(engine, "changed_member"), _fetch(engine, "changed_standing")
    engine.register("member", members)
    engine.register("standing", standing)


def _rename(engine: Engine, sent: pa.Table, lasting: pa.Table) -> None:
    """Makes `renamed_member`: members who stay who they are, with the names and the head that the rows sent say."""
    engine.register("sent_member", _keyed(sent))
    engine.register("lasting_member", _keyed(lasting))
    engine.register("same_member", _fetch(engine, "same_member"))
    engine.register("renamed_member", _fetch(engine, "renamed_member"))


def _readdress(engine: Engine, rows: pa.Table) -> None:
    """Let the households of one file live at the addresses that it gives."""
    engine.register("readdress", rows)
    engine.register("member", _fetch(engine, "readdressed_member"))


def _names_any(changes: Iterable[pa.Table | Revision | Readdress], alias: pa.Table) -> bool:
    """Whether an address was found for a household that has several numbers."""
    numbers = alias["household_no"].combine_chunks()
    named = (change.rows["household_no"] for change in changes if isinstance(change, Readdress))
    return any(pc.any(pc.is_in(each, value_set=numbers)).as_py() for each in named)


def _succession(engine: Engine, history: _History) -> pa.Table:
    """Who is whose successor (`succession.aliases`)."""
    seen = history.sightings()
    engine.register("sighting_text", seen.append_column("kana", _kana_keys(seen["member_kana"])))
    engine.register("parsed_date", parsed_dates(seen["birth_date"]))
    engine.register("sighting", _fetch(engine, "sighting", blanks=BLANKS))
    engine.register("entry", _fetch(engine, "entry"))
    engine.register("declared", _fetch(engine, "declared"))
    places = history.places(_fetch(engine, "suspect")["household_no"])
    engine.register("place_seen", places)
    engine.register("succession", _fetch(engine, "succession"))
    return aliases(engine.fetch(sqlfiles.load("register", "succession_made")))


def _take_over(engine: Engine) -> None:
    """Lets successors stand under their predecessors' numbers, by `alias`."""
    engine.register("takeover", _fetch(engine, "takeover"))
    _rename(engine, _fetch(engine, "late_successor"), _fetch(engine, "late_predecessor"))
    members, standing = _fetch(engine, "taken_over_member"), _fetch(engine, "taken_over_standing")
    engine.register("member", members)
    engine.register("standing", standing)
    keys = _kana_keys(members["member_kana"])
    engine.register("keyed_member", members.select(["household_no", "birth_date"]).append_column("kana", keys))
    engine.register("person_twice", _fetch(engine, "person_twice"))


def _keyed(members: pa.Table) -> pa.Table:
    """Members with their names as they are found again: kana_key, name_key."""
    keyed = members.append_column("kana_key", _kana_keys(members["member_kana"]))
    return keyed.append_column("name_key", _spaceless(members["member_name"]))


def _kana_keys(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Names as they are found again, whatever the width, the kind of kana and the spaces."""
    keys = _spaceless(texts)
    other = pc.fill_null(pc.match_substring_regex(keys, _KATAKANA), False)
    if not pc.any(other).as_py():
        return keys
    folded = [text.translate(_TO_HIRAGANA) for text in keys.filter(other).to_pylist()]
    whole = pc.replace_with_mask(keys.combine_chunks(), other.combine_chunks(), pa.array(folded, pa.string()))
    return pa.chunked_array([whole])


def _spaceless(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.replace_substring(pc.utf8_normalize(texts, form="NFKC"), " ", "")


def _decide_holds(engine: Engine, special_delivery: pa.Table, stops: pa.Table) -> None:
    place = pa.array(range(special_delivery.num_rows), pa.int64())
    engine.register("special_delivery", special_delivery.append_column("place", place))
    engine.register("instruction", _fetch(engine, "instruction", blanks=BLANKS))
    engine.register("stop_row", stops)
    engine.register("stopped", _fetch(engine, "stopped"))
    engine.register("hold", _fetch(engine, "hold"))


def _questions(asked: pa.Table) -> pa.Table:
    columns = [
        asked[name] if name in asked.column_names else pa.nulls(asked.num_rows, pa.string())
        for name in REGISTER_QUESTION.names
    ]
    return pa.table(columns, names=REGISTER_QUESTION.names).cast(REGISTER_QUESTION)


def _members(engine: Engine, rows: pa.Table) -> pa.Table:
    engine.register("ward_row", rows)
    engine.register("parsed_date", parsed_dates(rows["birth_date"], rows["changed_on"]))
    return _fetch(engine, "ward_member", blanks=BLANKS)


def _fetch(engine: Engine, name: str, **params: object) -> pa.Table:
    return engine.fetch(sqlfiles.load("register", name), params)


def _or_empty(table: pa.Table | None, schema: pa.Schema) -> pa.Table:
    return schema.empty_table() if table is None else table


def _once(doubts: pa.Table) -> pa.Table:
    grouped = doubts.group_by("household_no").aggregate([("confidential", "max")])
    return grouped.select(["household_no", "confidential_max"]).rename_columns(["household_no", "confidential"])


def by_file(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows of each receipt by themselves, in the order in which they come."""
    for table in tables:
        for receipt in pc.unique(table["receipt_no"]):
            yield table.filter(pc.equal(table["receipt_no"], receipt))


def _check_once(accepted: pa.Table) -> None:
    files = accepted.select(["household_no", "receipt_no"]).group_by(["household_no", "receipt_no"]).aggregate([])
    twice = files.num_rows - pc.count_distinct(files["household_no"]).as_py()
    if twice:
        raise GateClosed(
            f"{twice}世帯が2つ以上のファイルにあります",
            where="households、additions",
            next_step="追加ファイルの世帯を、登録済みの世帯と照らし合わせて隔離してください",
        )
