"""`<contract>_register`, the checks: rows that cannot be taken, and the suite that counts them again (G03, G04).

The rows that fail go into quarantine; the Great Expectations suite is the gate and must count the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select

from todoke.contract import loader
from todoke.errors import GateClosed
from todoke.ids import members_digest
from todoke.process import queries
from todoke.process.gaiji_fonts import gaiji_fonts
from todoke.process.quality_pages import QualityPage
from todoke.process.register_inputs import Parents, parents_of_next
from todoke.process.ward_files import FileName, Group, as_judged, counting, file_names, files_in_order
from todoke.process.workspace import Counts, Workspace
from todoke.quality.docs import Listing, quality_page
from todoke.quality.findings import (
    RULES,
    Reference,
    Targets,
    accepted,
    by_reason,
    findings,
    standing,
    with_mended,
)
from todoke.quality.frame import suite_frame
from todoke.quality.notices import with_notices
from todoke.quality.postal import postal_table
from todoke.quality.queries import with_rejected
from todoke.quality.suites import SuiteResult, agree, gate, run_suite
from todoke.store import tables as t
from todoke.store.engine import Engine
from todoke.store.ledger import Pin
from todoke.store.sqlfiles import digest as sql_digest

_LANDED = ("ward_row", "addition_row", "correction_row", "bad_row", "query_answer")
_NOTICE = ["receipt_no", "row_no", "household_no"]
#: What the ward says of the delivery to households that it has named elsewhere.
_NOTICES = ("stop_row", "delivery_instruction", "readdress_row")
#: The rules over ten wards at once were run within it.
_MEMORY = "4GB"
#: Code points of the user-defined area of CP932.
_GAIJI = range(0xE000, 0xE758)


def validate(contract: str, on: date) -> Counts:
    """Finds the rows that cannot be taken, gates the rest, and documents the quality.

    Returns:
        Over all files that count: rows, accepted, quarantined (rows; they close), findings (those that stand),
        page (its place below `quality/`), queries (items in a new 照会票); nothing when no file is new.

    Raises:
        GateClosed: rows of a file are missing; the suite fails on accepted rows, or counts otherwise than the rules.
    """
    ws = Workspace.open(contract, on)
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
        names = file_names(tx, contract)
    inputs = quality_inputs(ws, pin)
    page = QualityPage(ws, "households", inputs)
    if not has_base(pin) or page.is_there(pin.heads.get("quarantine")):
        return {}
    landed = _Landed.read(ws, pin, names)
    _all_there(ws, landed)
    reference = _reference(ws, landed)
    found = _findings(landed, reference)
    taken, all_rows = _gate(ws, landed, found, reference)
    rows = all_rows.rows + landed.bad.num_rows
    shown = quality_page(
        taken,
        landed=all_rows,
        counts={"受領した行": rows, "受け入れた行": taken.rows, "隔離した行": rows - taken.rows},
        listings=[_reasons(standing(found))],
        contract_name=ws.contract.name,
        on=on,
    )
    made = ws.commit_tables({"quarantine": found}, pin.heads, inputs)
    asked = queries.put_out(ws)  # before the page, which says that nothing is left to do
    return {
        "rows": rows,
        "accepted": taken.rows,
        "quarantined": rows - taken.rows,
        "findings": standing(found).num_rows,
        "queries": asked,
        "page": page.put(made["quarantine"], shown),
    }


def has_base(pin: Pin) -> bool:
    """Whether there is a base file that counts."""
    return "ward_row" in pin.heads and pin.heads["ward_row"].rows > 0


def quality_inputs(ws: Workspace, pin: Pin) -> list[str]:
    """Everything that the quarantine follows from, by id or digest."""
    ids = [pin.heads[name].id if name in pin.heads else "" for name in (*_LANDED, *_NOTICES)]
    return [*ids, _drawable_digest(ws), sql_digest("register"), loader.digest(ws.contract)]


def _drawable_digest(ws: Workspace) -> str:
    return members_digest(list(_drawable(ws)))


def _drawable(ws: Workspace) -> frozenset[str]:
    """The private-use characters that the ward's font draws."""
    drawn = gaiji_fonts(ws).drawable
    return frozenset(char for char in map(chr, _GAIJI) if char in drawn)


@dataclass(frozen=True)
class Before:
    """What register versions were made from before, as far as the next one's quarantine follows from it.

    Attributes:
        households: household_no, is_taken of all rows of base files that were published.
        overtaken: receipts of additions and corrections that a later revision took the place of before any register was
            made from them: they have brought nobody.
    """

    households: pa.Table
    overtaken: frozenset[str]

    @classmethod
    def of(cls, ws: Workspace, parents: Parents, names: Mapping[str, FileName], answers: pa.Table) -> Before:
        """Before the version with these parents; `answers`: the ward's."""
        parts = [pa.schema([("household_no", pa.string()), ("is_taken", pa.bool_())]).empty_table()]
        for judged in parents.published.get("ward_row", ()):
            rows = as_judged(ws, "ward_row", ws.lake.read(judged.rows, _NOTICE), answers)
            taken = accepted(rows, ws.lake.read(judged.quarantine))
            parts.append(pa.table({"household_no": rows["household_no"], "is_taken": taken}))
        overtaken = (_overtaken(ws, parents, name, names) for name in ("addition_row", "correction_row"))
        return cls(pa.concat_tables(parts), frozenset().union(*overtaken))


def _overtaken(ws: Workspace, parents: Parents, dataset: str, names: Mapping[str, FileName]) -> set[str]:
    versions = [judged.rows for judged in parents.published.get(dataset, ())]
    versions += [parents.inputs[dataset]] if dataset in parents.inputs else []
    receipts = [pc.unique(ws.lake.read(each, ["receipt_no"])["receipt_no"]).to_pylist() for each in versions]
    return {no for each in receipts for no in each}.difference(*counting(receipts, names))


@dataclass(frozen=True)
class _Landed:
    """The rows of the ward's files as they are judged (`as_judged`), and those of them that could not be read."""

    base: pa.Table
    additions: pa.Table
    corrections: pa.Table
    bad: pa.Table
    answers: pa.Table
    names: Mapping[str, FileName]
    notices: pa.Table
    before: Before

    @classmethod
    def of(
        cls,
        ws: Workspace,
        base: pa.Table,
        additions: pa.Table,
        corrections: pa.Table,
        bad: pa.Table,
        answers: pa.Table,
        names: Mapping[str, FileName],
        notices: Mapping[str, pa.Table],
        before: Before,
    ) -> _Landed:
        """Of rows as they were landed.

        A base file gives way to the next one with its bad rows; all other files accumulate.
        """
        counting = {no for no in pc.unique(bad["receipt_no"]).to_pylist() if names[no].kind != "households"}
        counting |= set(pc.unique(base["receipt_no"]).to_pylist())
        bad = bad.filter(pc.is_in(bad["receipt_no"], value_set=pa.array(sorted(counting), pa.string())))
        landed = zip(_LANDED, (base, additions, corrections), strict=False)
        now = [as_judged(ws, name, rows, answers) for name, rows in landed]
        said = [as_judged(ws, name, rows.select(_NOTICE), answers) for name, rows in notices.items()]
        return cls(now[0], now[1], now[2], bad, answers, names, pa.concat_tables(said), before)

    @classmethod
    def read(cls, ws: Workspace, pin: Pin, names: Mapping[str, FileName]) -> _Landed:
        base, additions, corrections, bad, answers = (ws.head_table(name, pin) for name in _LANDED)
        notices = {name: ws.head_table(name, pin, _NOTICE) for name in _NOTICES}
        with ws.ledger.read() as tx:
            before = Before.of(ws, parents_of_next(ws, tx, pin.heads), names, answers)
        return cls.of(ws, base, additions, corrections, bad, answers, names, notices, before)

    @cached_property
    def rows(self) -> pa.Table:
        return pa.concat_tables([self.base, self.additions, self.corrections])

    @cached_property
    def sent(self) -> pa.Table:
        """receipt_no, household_no, change_kind of all landed rows, those of stops and instructions too."""
        names = ["receipt_no", "household_no"]
        notices = self.notices.select(names).append_column("change_kind", pa.nulls(self.notices.num_rows, pa.string()))
        return pa.concat_tables([self.rows.select([*names, "change_kind"]), notices])

    @property
    def files(self) -> pa.Table:
        """receipt_no, kind, place of the files that rows came from, landed or not, in the order of effect."""
        receipts = {*pc.unique(self.sent["receipt_no"]).to_pylist(), *pc.unique(self.bad["receipt_no"]).to_pylist()}
        return files_in_order(receipts, self.names)

    @cached_property
    def targets(self) -> Targets:
        """Whom changes, stops and instructions are about; a household in quarantine is known."""
        if not self.corrections.num_rows and not self.notices.num_rows:
            return Targets.none()
        receipts = pc.unique(self.corrections["receipt_no"]).to_pylist()
        changing = {no: place for place, no in enumerate(sorted(receipts, key=lambda no: self.names[no]))}
        added = self._heard(self.corrections.filter(pc.equal(self.corrections["change_kind"], "追加")))
        files = pc.index_in(added["receipt_no"], pa.array(changing, pa.string())).cast(pa.int32())
        earlier = self.before.households["household_no"]
        numbers = [self.base["household_no"], self._heard(self.additions)["household_no"], earlier, self._unread()]
        first = pc.unique(pa.chunked_array([chunk for column in numbers for chunk in column.chunks], pa.string()))
        sooner = pa.repeat(pa.scalar(-1, pa.int32()), len(first))
        known = pa.concat_tables(
            [
                pa.table({"household_no": first, "place": sooner}),
                pa.table({"household_no": added["household_no"], "place": files}),
            ]
        )
        known = known.filter(pc.is_valid(known["household_no"])).group_by("household_no").aggregate([("place", "min")])
        known = known.select(["household_no", "place_min"]).rename_columns(["household_no", "place"])
        return Targets(changing, known, self.notices)

    @property
    def published(self) -> pa.ChunkedArray:
        """Household numbers that were taken from base files published before."""
        return self.before.households.filter(self.before.households["is_taken"])["household_no"]

    def _heard(self, rows: pa.Table) -> pa.Table:
        """Without the rows of files that another took the place of before anybody saw them."""
        overtaken = pa.array(sorted(self.before.overtaken), pa.string())
        return rows.filter(pc.invert(pc.is_in(rows["receipt_no"], value_set=overtaken)))

    def _unread(self) -> pa.ChunkedArray:
        """Household numbers of rows that could not be read, of files that bring households."""
        bringing = pa.array(self.bringing, pa.string())
        return self.bad.filter(pc.is_in(self.bad["receipt_no"], value_set=bringing))["household_no"]

    @property
    def bringing(self) -> dict[str, int]:
        """The place of every file that brings new households, the base first; revisions of a file share its place."""
        files = pa.concat_tables([self.base, self._heard(self.additions)])
        receipts = pc.unique(files["receipt_no"]).to_pylist()
        places: dict[Group, int] = {}
        for receipt in sorted(receipts, key=self._base_first):
            places.setdefault(self.names[receipt].group, len(places))
        return {receipt: places[self.names[receipt].group] for receipt in receipts}

    def _base_first(self, receipt: str) -> tuple[bool, FileName]:
        return (self.names[receipt].kind != "households", self.names[receipt])


def findings_of(
    ws: Workspace,
    base: pa.Table,
    additions: pa.Table,
    corrections: pa.Table,
    bad: pa.Table,
    answers: pa.Table,
    notices: Mapping[str, pa.Table],
    parents: Parents,
) -> pa.Table:
    """The quarantine over landed rows, each `schema.WARD_ROW`.

    Args:
        bad: rows that could not be read; answers: the ward's, `schema.QUERY_ANSWER`.
        notices: stops, instructions and new addresses, by dataset.
        parents: of the register version that they are judged for.
    """
    with ws.ledger.read() as tx:
        names = file_names(tx, ws.contract.id)
    before = Before.of(ws, parents, names, answers)
    landed = _Landed.of(ws, base, additions, corrections, bad, answers, names, notices, before)
    return _findings(landed, _reference(ws, landed))


def _reference(ws: Workspace, landed: _Landed) -> Reference:
    return Reference(postal_table(landed.rows["postal_code"]), _drawable(ws), ws.contract.reference_date)


def _all_there(ws: Workspace, landed: _Landed) -> None:
    """Every row that a receipt counts is among the rows landed or those that could not be read.

    A row of the wide form has landed as several, which share its number.
    """
    place = ["receipt_no", "row_no"]
    parts = [part.select(place) for part in (landed.rows, landed.notices, landed.bad)]
    rows = pa.concat_tables(parts).group_by(place).aggregate([])
    here = Counter(rows["receipt_no"].to_pylist())
    with ws.ledger.read() as tx:
        counted = tx.execute(
            select(t.receipt.c.receipt_no, t.receipt.c.rows).where(t.receipt.c.receipt_no.in_(list(here)))
        ).all()
    if wrong := sorted(f"{no}（受領 {rows}行、データ {here[no]}行）" for no, rows in counted if rows != here[no]):
        raise GateClosed(
            "受領した行数とデータの行数が合いません",
            where="、".join(wrong),
            next_step="ファイルの受領（intake）をやり直してください。世帯台帳は更新していません",
        )


def _findings(landed: _Landed, reference: Reference) -> pa.Table:
    """The quarantine over all files. A household of an addition that is there already is a duplicate."""
    with Engine(memory_limit=_MEMORY) as engine:
        found = findings(
            engine,
            landed.rows,
            reference,
            bad_rows=with_rejected(landed.bad, landed.sent, landed.answers),
            bringing=landed.bringing,
            published=landed.published,
            targets=landed.targets,
        )
    return with_mended(found, landed.sent, landed.files)


def _gate(ws: Workspace, landed: _Landed, found: pa.Table, reference: Reference) -> tuple[SuiteResult, SuiteResult]:
    """The suite over the rows that are taken, and over all rows.

    It runs over those taken and over the rest; the sum is the suite over all, for what the frame holds of a row does
    not depend on which other households are looked at with it.
    """
    taken = accepted(landed.rows, found)
    frame = suite_frame(
        landed.rows,
        found,
        reference,
        accepted=taken,
        points_per_member=ws.contract.entitlement.points_per_member,
        bringing=landed.bringing,
        published=landed.published,
        targets=landed.targets,
    )
    mask = np.asarray(taken)
    over_accepted = run_suite("households", frame[mask])
    over_landed = over_accepted if mask.all() else over_accepted + run_suite("households", frame[~mask])
    in_notices = pc.is_in(found["receipt_no"], pc.unique(landed.notices["receipt_no"]))
    agree(over_landed, found.filter(pc.invert(in_notices)), RULES)
    over_accepted = over_accepted.within(over_landed)
    gate(over_accepted)
    return with_notices(over_accepted, over_landed, landed.targets, found)


def _reasons(found: pa.Table) -> Listing:
    return Listing(
        "隔離の理由",
        ("理由", "世帯", "指摘"),
        [(reason.label, *lines) for reason, lines in by_reason(found).items()],
        empty="隔離した世帯はありません。",
        note="誤りが1つでもある世帯は、世帯全体を隔離しています。あとのファイルが正した世帯の指摘は数えていません。",
    )
