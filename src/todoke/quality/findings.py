"""What is wrong in a ward's rows, found by SQL rules, one a file (`include/sql/register/finding_*.sql`; G03, G04)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from todoke.intake.changes import change_reasons
from todoke.intake.character_codes import BLANKS
from todoke.intake.dates import parsed_dates
from todoke.model.codes import Finding
from todoke.store import sqlfiles
from todoke.store.engine import Engine
from todoke.store.schema import QUARANTINE, REGISTER_QUARANTINE, STOP_ROW

#: Findings that no rule makes: the reader's, whose row is not landed, and the ward's own word (`queries`).
READER_FINDINGS = frozenset({Finding.RAGGED, Finding.BAD_CHARACTER, Finding.NOT_WANTED})
PRINTED_FIELDS = ("head_name", "member_name", "town", "block", "building")
#: Findings that a rule looks for, in that order: a household has been brought only where no other rule objects.
RULES = tuple(
    sorted(
        (finding for finding in Finding if finding not in READER_FINDINGS),
        key=lambda finding: finding is Finding.HOUSEHOLD_DUPLICATE,
    )
)

_LOST_ROW = (Finding.HEAD_MISSING, Finding.MEMBER_NO_GAP)
_BAD_ROW = (Finding.SIZE_MISMATCH, *_LOST_ROW)
#: What each finding explains: the second is not reported of a household that has the first. Transitively closed.
EXPLAINS: dict[Finding, tuple[Finding, ...]] = {
    Finding.RAGGED: _BAD_ROW,
    Finding.BAD_CHARACTER: _BAD_ROW,
    Finding.HOUSEHOLD_DUPLICATE: (*_BAD_ROW, Finding.HEAD_TWICE, Finding.HOUSEHOLD_CONFLICT),
    Finding.SIZE_MISMATCH: _LOST_ROW,
    Finding.NAME_MISSING: (Finding.HEAD_MISSING, Finding.HOUSEHOLD_CONFLICT),
    Finding.ADDRESS_MISSING: (Finding.HOUSEHOLD_CONFLICT,),
    Finding.POSTAL_CODE_UNKNOWN: (Finding.HOUSEHOLD_CONFLICT,),
    Finding.POSTAL_CODE_TOWN: (Finding.HOUSEHOLD_CONFLICT,),
    Finding.KANA_INVALID: (Finding.HOUSEHOLD_CONFLICT,),
    Finding.GAIJI_UNKNOWN: (Finding.HOUSEHOLD_CONFLICT,),
}
#: Hiragana, katakana, their marks, half-width katakana, middle dot and spaces.
KANA = r"[ 　・ぁ-ゖ゛-ゞァ-ヺー-ヾ･-ﾟ]"
PRIVATE_USE = r"[\x{E000}-\x{F8FF}]"
#: Nobody lives longer: a birth before that is a slip of the pen.
OLDEST_YEARS = 125
#: How what follows a town's own name may begin: with the number of a chome.
CHOME_STARTS = "0123456789０１２３４５６７８９一二三四五六七八九十　 "


#: What is found in stops, instructions and new addresses, which say nothing else that the register compares.
NOTICE_RULES = (Finding.HOUSEHOLD_NO_MISSING, Finding.UNKNOWN_HOUSEHOLD)


@dataclass(frozen=True)
class Targets:
    """Whom changes, stops, instructions and new addresses are about.

    Attributes:
        changing: receipts of corrections files, each with its place in the order of effect.
        known: household_no, place: who has been brought, and the place of the corrections file that did; -1 for any
            other file.
        notices: receipt_no, row_no, household_no of stops, instructions and new addresses.
    """

    changing: Mapping[str, int]
    known: pa.Table
    notices: pa.Table

    @classmethod
    def none(cls) -> Targets:
        known = pa.schema([("household_no", pa.string()), ("place", pa.int32())])
        return cls({}, known.empty_table(), STOP_ROW.empty_table().select(["receipt_no", "row_no", "household_no"]))


@dataclass(frozen=True)
class Reference:
    """What rows are held against.

    Attributes:
        postal: postal_code, town, as `postal.postal_table` gives it.
        gaiji: the private-use characters that the ward's font draws.
        reference_date: nobody is born after it, or over 125 years before it.
    """

    postal: pa.Table
    gaiji: frozenset[str]
    reference_date: date

    @property
    def oldest_birth(self) -> date:
        return self.reference_date.replace(year=self.reference_date.year - OLDEST_YEARS, day=1)


def findings(
    engine: Engine,
    ward_rows: pa.Table,
    reference: Reference,
    *,
    bad_rows: pa.Table | None = None,
    bringing: Mapping[str, int] | None = None,
    published: pa.ChunkedArray | None = None,
    targets: Targets | None = None,
) -> pa.Table:
    """Everything wrong in one or more files of a ward; each file (receipt) is judged by itself.

    A rule on a row gives a line per row and field, a rule on a household one line at its first row; a finding
    that another of the same household explains is left out (`EXPLAINS`).

    Args:
        engine: a fresh one; leaves the tables `usable_row`, `household_fact`, `finding`.
        ward_rows: `schema.WARD_ROW`.
        bad_rows: `schema.QUARANTINE` of the reader, and what the ward does not want; becomes part of the result.
        bringing: receipts of the files that bring new households, each with the place at which its file counts, the
            base's 0; a household that was taken from a file before is a duplicate. Revisions of a file share its place.
        published: household numbers that were taken from base files published before.
        targets: whom changes may be about, and the stops and instructions, which are judged with them.

    Returns:
        `schema.QUARANTINE`, by receipt_no and row_no. A household number that could hold a name is left null.
    """
    engine.register("ward_row", ward_rows)
    engine.register("postal", reference.postal)
    engine.register("parsed_date", parsed_dates(ward_rows["birth_date"], ward_rows["changed_on"]))
    engine.register("invalid_kana", _texts(invalid_kana(ward_rows["member_kana"], ward_rows["head_kana"])))
    fields = (ward_rows[name] for name in PRINTED_FIELDS)
    engine.register("undrawable", _texts(undrawable(reference.gaiji, *fields)))
    engine.register("change_reason", change_reasons())
    engine.register("bringing", _places(bringing or {}))
    taken = published if published is not None else pa.chunked_array([], pa.string())
    engine.register("published", pa.table({"household_no": taken}))
    targets = targets or Targets.none()
    engine.register("changing", _places(targets.changing))
    engine.register("known", targets.known)
    engine.register("notice_row", targets.notices)
    engine.register("precedence", _precedence())
    engine.register("bad_row", bad_rows if bad_rows is not None else QUARANTINE.empty_table())
    params = {
        "reference_date": reference.reference_date,
        "oldest_birth": reference.oldest_birth,
        "chome_starts": CHOME_STARTS,
        "blanks": BLANKS,
    }
    for name in ("usable_row", "household_fact", "known_place"):
        engine.create(name, sqlfiles.load("register", name), params)
    engine.create("finding", sqlfiles.load("register", "bad_row"))
    for rule in RULES:
        engine.append("finding", sqlfiles.load("register", f"finding_{rule}"), params)
    return engine.fetch(sqlfiles.load("register", "quarantine")).cast(QUARANTINE)


def with_mended(found: pa.Table, sent: pa.Table, files: pa.Table) -> pa.Table:
    """The quarantine with the file, if any, that mends each line.

    Args:
        found: as `findings` gives it.
        sent: receipt_no, household_no, change_kind of all landed rows.
        files: receipt_no, kind, place in the order of effect.

    Returns:
        `schema.REGISTER_QUARANTINE`, in the order of `found`.
    """
    near = sent.filter(pc.is_in(sent["household_no"], pc.unique(found["household_no"]).drop_null()))
    with Engine() as engine:
        inputs = {"aside": found, "sent_row": near, "file": files}
        return engine.run(sqlfiles.load("register", "mended"), inputs).cast(REGISTER_QUARANTINE)


def standing(quarantine: pa.Table) -> pa.Table:
    """The lines of `schema.REGISTER_QUARANTINE` that no later file has mended."""
    return quarantine.filter(pc.is_null(quarantine["mended_by"]))


def quarantined_households(found: pa.Table) -> pa.Table:
    """Households in quarantine: receipt_no, household_no, distinct; rows that name none are not among them."""
    named = found.filter(pc.is_valid(found["household_no"])).select(["receipt_no", "household_no"])
    return (
        named.group_by(["receipt_no", "household_no"])
        .aggregate([])
        .sort_by([("receipt_no", "ascending"), ("household_no", "ascending")])
    )


def accepted(ward_rows: pa.Table, found: pa.Table) -> pa.BooleanArray:
    """For each row, whether it is taken: its household is named and has no finding.

    A household with any finding is in quarantine whole, so rows in = those taken + those in quarantine.
    """
    quarantined = quarantined_households(found)
    named = pc.match_substring_regex(ward_rows["household_no"], r"\A[0-9]{1,15}\z")
    taken = np.asarray(pc.fill_null(named, fill_value=False))
    # the number alone first: keys of all rows are dear
    suspects = np.flatnonzero(pc.is_in(ward_rows["household_no"], quarantined["household_no"].combine_chunks()))
    rows = ward_rows.select(["receipt_no", "household_no"]).take(suspects)
    barred = pc.is_in(household_key(rows), household_key(quarantined).combine_chunks())
    taken[suspects[np.asarray(barred, bool)]] = False
    return pa.array(taken)


def accepted_rows(ward_rows: pa.Table, found: pa.Table) -> pa.Table:
    """The rows that are taken (`accepted`). Order stays."""
    return ward_rows.filter(accepted(ward_rows, found))


def by_reason(found: pa.Table) -> dict[Finding, tuple[int, int]]:
    """Households and lines of each reason; a line that names no household counts as one."""
    counts = {}
    for reason in Finding:
        lines = found.filter(pc.equal(found["reason"], reason.value))
        if lines.num_rows:
            households = quarantined_households(lines).num_rows + lines["household_no"].null_count
            counts[reason] = (households, lines.num_rows)
    return counts


def household_key(table: pa.Table) -> pa.ChunkedArray:
    """A household in a file: receipt number and household number."""
    return pc.binary_join_element_wise(table["receipt_no"], table["household_no"], "/")


def invalid_kana(*columns: pa.ChunkedArray) -> pa.Array:
    """Distinct texts of the columns that are blank or hold something else than kana."""
    texts = _distinct(columns)
    blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
    return texts.filter(pc.or_(blank, pc.invert(pc.match_substring_regex(texts, rf"\A{KANA}*\z"))))


def undrawable(gaiji: frozenset[str], *columns: pa.ChunkedArray) -> pa.Array:
    """Distinct texts of the columns with a private-use character outside `gaiji`."""
    texts = _distinct(columns)
    with_gaiji = texts.filter(pc.match_substring_regex(texts, PRIVATE_USE))
    bad = [
        text
        for text in with_gaiji.to_pylist()
        if not gaiji.issuperset(char for char in text if "\ue000" <= char <= "\uf8ff")
    ]
    return pa.array(bad, pa.string())


def _distinct(columns: tuple[pa.ChunkedArray, ...]) -> pa.Array:
    return pc.unique(pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string()))


def _texts(texts: pa.Array) -> pa.Table:
    return pa.table({"text": texts})


def _places(bringing: Mapping[str, int]) -> pa.Table:
    places = pa.array(bringing.values(), pa.int32())
    return pa.table({"receipt_no": pa.array(bringing, pa.string()), "place": places})


def _precedence() -> pa.Table:
    pairs = [(str(reason), str(explained)) for reason, several in EXPLAINS.items() for explained in several]
    return pa.table({"reason": [pair[0] for pair in pairs], "explained": [pair[1] for pair in pairs]})
