"""Taking printed labels out (引き抜き): onto the pull list, the list itself, and what people report of it (G08).

A household that the ward names is held at once by `process.stops`; here its printed envelopes are found. The list and
the ward's delivery list are put out anew whenever an item or its state has changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, insert, select

from todoke import clock, ids
from todoke.errors import StalePlan, TodokeError
from todoke.labels.gaiji import PRINTED_FIELDS
from todoke.model.changes import effect_kind
from todoke.model.codes import PullReason, PullState, ShipmentKind
from todoke.outbox.batch import Batch, batches
from todoke.parcels import pull_outs as rules
from todoke.process import stops
from todoke.process.batch_contents import batch_parts
from todoke.process.label_printing import label_rows
from todoke.process.manifests import manifest
from todoke.process.passphrase import password
from todoke.process.pulled import Named, named
from todoke.process.releasing import as_claimed
from todoke.process.workspace import Counts, Workspace
from todoke.report.pull_list import LeftOut, Shown, delivery_workbook, pull_workbook
from todoke.store import pulls
from todoke.store import tables as t
from todoke.store.ledger import Pin

LIST, DELIVERY = "pull_out", "pull_delivery"
_KINDS = tuple(effect_kind(ShipmentKind.CATALOGUE, confidential=each) for each in (False, True))
_SENDING = ("instruct", "replace")
_CODE_POINT = re.compile(r"[Uu]\+([0-9A-Fa-f]{4,6})")
_ATTEMPTS = 10
_TODOKE, _CARRIER = "todoke", "carrier"


@dataclass(frozen=True)
class _Label:
    """A printed label of a catalogue, not on the list yet."""

    shipment_id: str
    batch_id: str
    household_no: str
    application_no: str
    handed_over: bool


@dataclass(frozen=True)
class _Wanted:
    """A label that is to be pulled, and on whose word."""

    label: _Label
    source: str
    source_row: int | None
    reason: PullReason


def pull_out(contract: str, on: date) -> Counts:
    """Puts the printed labels of those whom the ward names on the pull list, and puts the lists out.

    Returns:
        listed: labels newly on the list; named, not_printed, unknown: households of the ward's lists; items, and how
        many of them are in each state.
    """
    ws = Workspace.open(contract, on)
    listed = _write(ws, lambda tx, pin: _named_by_ward(ws, tx, pin))
    return {"listed": listed, **_put_lists(ws)}


def request(
    contract: str, *, by_whom: str, cause: str, code_point: str | None = None, application_no: str | None = None
) -> Counts:
    """Pulls what a person asks for: every printed label with a code point that did not print right, or one envelope.

    The request and its labels are recorded together; then the parcels are stopped and the lists put out. Labels printed
    later are not meant.

    Args:
        by_whom: the account of the person; cause: in a few words.
        code_point: `U+E123`; application_no: one envelope. One of the two.

    Returns:
        listed: labels newly on the list; too_late: labels that the carrier has already; stops: parcels in stop files.

    Raises:
        TodokeError: neither or both are given, or no label is meant.
    """
    if (code_point is None) == (application_no is None) or not by_whom.strip() or not cause.strip():
        raise TodokeError(
            "引き抜くものがわかりません",
            next_step="--code-point か --application-no のどちらかと、--by、--reason を入れてください",
        )
    ws = Workspace.open(contract, clock.now_tokyo().date())
    reason = PullReason.SINGLE if code_point is None else PullReason.GAIJI
    value = f"U+{_char(code_point):04X}" if code_point is not None else str(application_no).replace("-", "").strip()
    too_late = 0

    def meant(tx: Connection, pin: Pin) -> list[_Wanted]:
        nonlocal too_late
        found = _with_number(ws, tx, value) if code_point is None else _with_character(ws, tx, chr(_char(code_point)))
        too_late = sum(label.handed_over for label in found)
        if not found:
            raise TodokeError(
                "印字済みで、まだ引抜き一覧にないラベルが見つかりません",
                where=value,
                next_step="コードポイント・申込番号を確かめてください。引抜き一覧にあるものは改めて依頼する必要はありません",
            )
        source = ids.identifier(ws.ledger.keys.id_key, "pull_request", contract, reason, value, pin.seq)
        return [_Wanted(label, source, None, reason) for label in found if not label.handed_over]

    def record(tx: Connection, new: Sequence[pulls.NewItem]) -> None:
        row = {"contract": contract, "kind": reason.value, "value": value, "cause": cause[:80]}
        if new:
            tx.execute(insert(t.pull_request).values(id=new[0].source, by_whom=by_whom[:80], at=clock.now_utc(), **row))

    listed = _write(ws, meant, by_whom=by_whom, also=record)
    stopped = stops.stop(contract, ws.on)
    _put_lists(ws)
    return {"listed": listed, "too_late": too_late, "stops": stopped["stops"]}


def _char(code_point: str) -> int:
    found = _CODE_POINT.fullmatch(code_point.strip())
    if found is None or not 0x20 < int(found[1], 16) < 0x110000:
        raise TodokeError(
            "コードポイントではありません", where="--code-point", next_step="U+E123 のように入れてください"
        )
    return int(found[1], 16)


# -- which labels ---------------------------------------------------------------------------------------------


def _labels(ws: Workspace, tx: Connection) -> list[_Label]:
    """The labels of catalogues that are printed and not on the list."""
    e, s, r, n, b, p = (table.c for table in _TABLES)
    query = (
        select(
            *(s.id.label("shipment_id"), b.id.label("batch_id"), s.household_no, n.application_no),
            s.handed_over_at.is_not(None).label("handed_over"),
        )
        .select_from(t.effect)
        .join(t.batch, b.id == e.batch_id)
        .join(t.shipment, s.id == e.shipment_id)
        .join(t.shipment_revision, (r.shipment_id == e.shipment_id) & (r.rev == e.rev))
        .join(t.application_number, (n.contract == s.contract) & (n.household_no == s.household_no))
        .outerjoin(t.pull_item, (p.contract == e.contract) & (p.shipment_id == s.id) & (p.batch_id == b.id))
        .where(
            e.contract == ws.contract.id,
            b.kind.in_(_KINDS),
            b.state == "published",
            r.action.in_(_SENDING),
            p.item_no.is_(None),
        )
    )
    return [_Label(**row) for row in tx.execute(query).mappings()]


_TABLES = (t.effect, t.shipment, t.shipment_revision, t.application_number, t.batch, t.pull_item)


def _named_by_ward(ws: Workspace, tx: Connection, pin: Pin) -> list[_Wanted]:
    of_household = {each.household_no: each for each in reversed(named(ws, tx, pin)) if each.household_no}
    if not of_household:
        return []
    return [
        _Wanted(label, word.receipt_no, word.row_no, PullReason.WARD_LIST)
        for label in _labels(ws, tx)
        if (word := of_household.get(label.household_no)) is not None
    ]


def _with_number(ws: Workspace, tx: Connection, application_no: str) -> list[_Label]:
    return [label for label in _labels(ws, tx) if label.application_no == application_no]


def _with_character(ws: Workspace, tx: Connection, char: str) -> list[_Label]:
    """Labels on which a character is printed, as the versions of their batches have it."""
    printed = {batch.id: set[str]() for batch in _batches(ws, tx)}
    for batch in _batches(ws, tx):
        then = as_claimed(ws, batch)
        for part in batch_parts(then, batch):
            rows = label_rows(then, part, batch.kind)
            has = pa.scalar(value=False)
            for name in PRINTED_FIELDS:
                has = pc.or_(has, pc.match_substring(pc.fill_null(rows[name], ""), char))
            printed[batch.id].update(rows["application_no"].filter(has).to_pylist())
    return [label for label in _labels(ws, tx) if label.application_no in printed[label.batch_id]]


def _batches(ws: Workspace, tx: Connection) -> list[Batch]:
    return [batch for kind in _KINDS for batch in batches(ws.ledger, tx, kind) if batch.published]


# -- onto the list --------------------------------------------------------------------------------------------


def _nothing_more(_tx: Connection, _new: Sequence[pulls.NewItem]) -> None:
    """Of what the ward names, its receipt is the record."""


def _write(
    ws: Workspace,
    wanted: Callable[[Connection, Pin], list[_Wanted]],
    *,
    by_whom: str = _TODOKE,
    also: Callable[[Connection, Sequence[pulls.NewItem]], None] = _nothing_more,
) -> int:
    """Puts labels on the list, and marks what the carrier has taken meanwhile, unless the ledger moves: then anew."""
    for _ in range(_ATTEMPTS):
        with ws.ledger.read() as tx:
            pin = ws.ledger.pin(tx)
            found = wanted(tx, pin)
            gone = [_taken_by_carrier(item) for item in rules.missed(pulls.items(tx, ws.contract.id))]
        new = _placed(ws, found)
        if not new and not gone:
            return 0
        late = {each.label.shipment_id for each in found if each.label.handed_over}
        try:
            with ws.ledger.write() as tx:
                ws.ledger.move(tx, pin)
                pulls.take_steps(tx, ws.contract.id, gone)
                also(tx, new)
                return pulls.put_items(tx, ws.contract.id, new, too_late=late, by_whom=by_whom[:80], at=clock.now_utc())
        except StalePlan:
            continue
    raise StalePlan("ほかの処理と競合し続けています", where="引抜き一覧", next_step="もう一度実行してください")


def _taken_by_carrier(item: pulls.PullItem) -> pulls.Step:
    return pulls.Step(item.item_no, item.number + 1, PullState.TOO_LATE, _CARRIER, clock.now_utc(), _CARRIER)


def _placed(ws: Workspace, found: Sequence[_Wanted]) -> list[pulls.NewItem]:
    """Each with the place that its batch's manifest says, by the application number, which never changes."""
    places = {batch_id: _places(ws, batch_id) for batch_id in {each.label.batch_id for each in found}}
    key = ws.ledger.keys.id_key
    return [
        pulls.NewItem(
            each.label.shipment_id,
            each.label.batch_id,
            ids.identifier(key, "pull", ws.contract.id, each.label.shipment_id, each.label.batch_id, length=10),
            *places[each.label.batch_id][each.label.application_no],
            each.source,
            each.source_row,
            each.reason,
        )
        for each in found
    ]


def _places(ws: Workspace, batch_id: str) -> dict[str, tuple[str, int, int]]:
    """File, sheet and position by application number."""
    return {
        row["application_no"]: (row["file"], int(row["sheet"]), int(row["position"])) for row in manifest(ws, batch_id)
    }


# -- the lists ------------------------------------------------------------------------------------------------


def _put_lists(ws: Workspace) -> dict[str, int]:
    """Puts out the pull list with its totals, and the delivery list of what is pulled; returns the totals."""
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
        items = pulls.items(tx, ws.contract.id)
        sent = named(ws, tx, pin)
    totals = _totals(items, sent)
    if not items and not sent:
        return totals
    household = ws.head_table("household", pin, ["household_no", "ward_no"])
    ward_no = dict(zip(household["household_no"].to_pylist(), household["ward_no"].to_pylist(), strict=True))
    shown = [Shown(item, rules.digest(item), ward_no.get(item.household_no, item.household_no)) for item in items]
    on_list = {item.household_no for item in items}
    left_out = [
        LeftOut(each.receipt_no, each.row_no, each.household_no and ward_no.get(each.household_no, each.household_no))
        for each in sent
        if each.household_no not in on_list
    ]
    unknown = [{"receipt_no": each.receipt_no, "row": each.row} for each in left_out if each.ward_no is None]
    unprinted = [{"receipt_no": each.receipt_no, "row": each.row} for each in left_out if each.ward_no is not None]
    control = json.dumps(totals | {"unknown_rows": unknown, "not_printed_rows": unprinted}, indent=1).encode()
    told = [control.decode(), *(f"{each.item.item_no}/{each.digest}" for each in shown)]
    programme, secret = ws.contract.name, password(ws)
    # grows with every step and every household named: the last folder by name is the newest
    steps = sum(item.number for item in items) + len(sent)
    folder = f"{LIST}/{steps:06d}_{ids.members_digest(told)[:16]}"
    _put_once(ws, f"{folder}/control.json", lambda: control)
    name = f"{folder}/{ws.contract.id}_pull_list.xlsx"
    _put_once(ws, name, lambda: pull_workbook(shown, left_out, programme=programme, password=secret))
    ready = [each for each in shown if each.item.state is PullState.PULLED]
    if ready:
        of_ready = hashlib.sha256("\n".join(f"{each.item.item_no}/{each.digest}" for each in ready).encode())
        pulled_on = max(each.item.at for each in ready).astimezone(clock.TOKYO).date()
        name = f"{DELIVERY}/{pulled_on}_{of_ready.hexdigest()[:16]}/{ws.contract.id}_pull_delivery.xlsx"
        _put_once(ws, name, lambda: delivery_workbook(ready, programme=programme, password=secret))
    return totals


def _put_once(ws: Workspace, name: str, content: Callable[[], bytes]) -> None:
    if name not in ws.outbox.listing(name.rpartition("/")[0]):
        ws.outbox.put(name, content())


def _totals(items: Sequence[pulls.PullItem], sent: Sequence[Named]) -> dict[str, int]:
    """Households that the ward names = listed + not_printed + unknown; items = the sum of their states."""
    on_list = {item.household_no for item in items}
    known = [each.household_no for each in sent if each.household_no is not None]
    listed = sum(number in on_list for number in known)
    of_ward = {
        "named": len(sent),
        "named_listed": listed,
        "not_printed": len(known) - listed,
        "unknown": len(sent) - len(known),
    }
    return {**of_ward, **rules.counts(items)}
