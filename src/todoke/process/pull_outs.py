"""Taking printed labels out (引き抜き): onto the pull list, the list itself, and what people report of it (G08).

A household that the ward names is held at once by `process.stops`; here its printed envelopes are found. The list and
the ward's delivery list are put out anew whenever an item or its state has changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, insert

from todoke import clock, ids
from todoke.errors import StalePlan, TodokeError
from todoke.labels.gaiji import code_points
from todoke.model.codes import PullReason, PullState, ShipmentKind
from todoke.parcels import pull_outs as rules
from todoke.process import stops
from todoke.process.passphrase import password
from todoke.process.printed_labels import (
    Label,
    LabelPlace,
    at_place,
    of_catalogues,
    overtaken,
    places,
    with_number,
    with_text,
)
from todoke.process.pulled import Named, named
from todoke.process.workspace import Counts, Workspace
from todoke.report.pull_list import LeftOut, Shown, delivery_workbook, pull_workbook
from todoke.store import pulls
from todoke.store import tables as t
from todoke.store.ledger import Pin

LIST, DELIVERY = "pull_out", "pull_delivery"
_CODE_POINT = re.compile(r"[Uu]\+(0?[0-9A-Fa-f]{4,5}|10[0-9A-Fa-f]{4})(?:[ +]+(?:[Uu]\+)?(E01[0-9A-Ea-e][0-9A-Fa-f]))?")
_NOTHING_DRAWN = ("Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Cn", "Mn")
_ATTEMPTS = 10
_TODOKE, _CARRIER = "todoke", "carrier"


@dataclass(frozen=True)
class _Wanted:
    """A label that is to be pulled, and on whose word."""

    label: Label
    source: str
    source_row: int | None
    reason: PullReason


def pull_out(contract: str, on: date) -> Counts:
    """Puts the printed labels of those whom the ward names, and those overtaken, on the pull list; puts the lists out.

    Returns:
        listed: labels newly on the list; named, not_printed, unknown: households of the ward's lists; items, and how
        many of them are in each state.
    """
    ws = Workspace.open(contract, on)
    listed = _write(ws, lambda tx, pin: _named_or_overtaken(ws, tx, pin))
    return {"listed": listed, **put_lists(ws)}


def request(
    contract: str,
    *,
    by_whom: str,
    cause: str,
    code_point: str | None = None,
    application_no: str | None = None,
    place: LabelPlace | None = None,
    at_most: int | None = None,
    dry_run: bool = False,
) -> Counts:
    """Pulls what a person asks for: every printed label with a character that did not print right, or one envelope.

    The request and its labels are recorded together, those that the carrier has as too late; then the parcels are
    stopped and the lists put out. Labels printed later are not meant.

    Args:
        by_whom: the account of the person; cause: in a few words.
        code_point: `U+E123` or `U+8FBB U+E0100`; application_no: the one label of a household; place: one label.
        at_most: so many labels with the character are expected; must be said unless it is a gaiji.
        dry_run: count, and record nothing.

    Returns:
        listed: labels newly on the list; too_late: of others, which the carrier has; stops: parcels in stop files;
        request: its id, by which it can be ended.

    Raises:
        TodokeError: not one of the three is given, no label is meant, or more than the person expects.
    """
    _must_say_one((code_point, application_no, place), by_whom, cause)
    ws = Workspace.open(contract, clock.now_tokyo().date())
    text = None if code_point is None else _text(code_point)
    number = (application_no or "").replace("-", "").strip()
    reason = PullReason.SINGLE if text is None else PullReason.GAIJI
    said, value, own_id = {"listed": 0, "too_late": 0}, "", ""

    def meant(tx: Connection, pin: Pin) -> list[_Wanted]:
        nonlocal value, own_id
        found, value = _found(ws, tx, text, number, place)
        said["too_late"] = sum(label.handed_over for label in found)
        said["listed"] = len(found) - said["too_late"]
        if dry_run:
            return []
        if text is not None:
            _refuse_too_many(text, len(found), at_most)
        own_id = ids.identifier(ws.ledger.keys.id_key, "pull_request", contract, reason, value, pin.seq)
        return [_Wanted(label, own_id, None, reason) for label in found]

    def record(tx: Connection, new: Sequence[pulls.NewItem]) -> None:
        row = {"contract": contract, "kind": reason.value, "value": value, "cause": cause[:80]}
        if new:
            tx.execute(insert(t.pull_request).values(id=new[0].source, by_whom=by_whom[:80], at=clock.now_utc(), **row))

    if dry_run:
        with ws.ledger.read() as tx:
            meant(tx, ws.ledger.pin(tx))
        return {**said, "stops": 0, "request": ""}
    _write(ws, meant, by_whom=by_whom, also=record)
    return {**said, "request": own_id, "stops": _stops_and_lists(ws)}


def _stops_and_lists(ws: Workspace) -> int:
    """Tells the carrier what is stopped, and the people in the store what to pull; returns how many parcels."""
    stopped = stops.stop(ws.contract.id, ws.on)["stops"]
    put_lists(ws)
    return int(stopped)


def _must_say_one(meant: Sequence[object], by_whom: str, cause: str) -> None:
    if sum(each is not None for each in meant) != 1 or not by_whom.strip() or not cause.strip():
        raise TodokeError(
            "引き抜くものがわかりません",
            next_step="--code-point、--application-no、束と位置のいずれか一つと、--by、--reason を入れてください",
        )


def _found(
    ws: Workspace, tx: Connection, text: str | None, number: str, place: LabelPlace | None
) -> tuple[list[Label], str]:
    """The labels that are meant, and what the request is recorded with."""
    if text is not None:
        found, value = with_text(ws, tx, text), code_points(text)
    else:
        found = at_place(ws, tx, place) if place is not None else _alone(ws, with_number(ws, tx, number))
        value = found[0].application_no if found else number
    if not found:
        raise TodokeError(
            "印字済みで、まだ引抜き一覧にないラベルが見つかりません",
            where=value or "指定の位置",
            next_step="コードポイント・申込番号・位置を確かめてください。"
            "引抜き一覧にあるものは改めて依頼する必要はありません",
        )
    return found, value


def _text(code_point: str) -> str:
    """The character of a code point, with its variation selector if there is one."""
    found = _CODE_POINT.fullmatch(code_point.strip())
    text = "".join(chr(int(each, 16)) for each in found.groups() if each) if found else ""
    if not text or unicodedata.category(text[0]) in _NOTHING_DRAWN:
        raise TodokeError(
            "印字される文字のコードポイントではありません",
            where="--code-point",
            next_step="U+E123 のように入れてください（異体字は U+8FBB U+E0100）。空白は指定できません",
        )
    return text


# -- which labels ---------------------------------------------------------------------------------------------


def _named_or_overtaken(ws: Workspace, tx: Connection, pin: Pin) -> list[_Wanted]:
    """Whom the ward names goes before what else has become of a household."""
    of_household = {each.household_no: each for each in reversed(named(ws, tx, pin)) if each.household_no}
    found = {
        (label.shipment_id, label.batch_id): _Wanted(label, pin.heads["household"].id, None, reason)
        for label, reason in overtaken(ws, tx, pin)
    }
    for label in of_catalogues(ws, tx) if of_household else ():
        word = of_household.get(label.household_no)
        if word is not None:
            wanted = _Wanted(label, word.receipt_no, word.row_no, PullReason.WARD_LIST)
            found[label.shipment_id, label.batch_id] = wanted
    return list(found.values())


def _alone(ws: Workspace, found: list[Label]) -> list[Label]:
    """The only label of a household.

    Raises:
        TodokeError: there are several; it says where each is.
    """
    if len(found) > 1:
        shown = (places(ws, label.batch_id)[label.application_no] for label in found)
        raise TodokeError(
            f"この申込番号のラベルは{len(found)}件あります",
            where="、".join(f"束 {each.batch} {each.file} {each.sheet}枚目 位置{each.position}" for each in shown),
            next_step="引き抜く1件を --batch --file --sheet --position で指定してください",
        )
    return found


def _refuse_too_many(text: str, count: int, at_most: int | None) -> None:
    """Raises TodokeError when more labels have a character than the person has said, or nobody has said how many."""
    is_gaiji = len(text) > 1 or unicodedata.category(text) == "Co"
    if at_most is None and not is_gaiji:
        raise TodokeError(
            f"外字ではない文字です。{count}件のラベルを引き抜くことになります",
            where="--code-point",
            next_step="件数が正しければ、--at-most に件数を入れてください（--dry-run で件数だけを確かめられます）",
        )
    if at_most is not None and count > at_most:
        raise TodokeError(
            f"ラベルは{count}件あり、--at-most の{at_most}件を超えます",
            where="--code-point",
            next_step="コードポイントと件数を確かめてください",
        )


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
    where = {batch_id: places(ws, batch_id) for batch_id in {each.label.batch_id for each in found}}
    key = ws.ledger.keys.id_key
    return [
        pulls.NewItem(
            each.label.shipment_id,
            each.label.batch_id,
            ids.identifier(key, "pull", ws.contract.id, each.label.shipment_id, each.label.batch_id, length=10),
            *where[each.label.batch_id][each.label.application_no][1:],
            each.source,
            each.source_row,
            each.reason,
        )
        for each in found
    ]


# -- the lists ------------------------------------------------------------------------------------------------


def put_lists(ws: Workspace) -> dict[str, int]:
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
    on_list = {item.household_no for item in items if item.kind == ShipmentKind.CATALOGUE}
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
    on_list = {item.household_no for item in items if item.kind == ShipmentKind.CATALOGUE}
    known = [each.household_no for each in sent if each.household_no is not None]
    listed = sum(number in on_list for number in known)
    of_ward = {
        "named": len(sent),
        "named_listed": listed,
        "not_printed": len(known) - listed,
        "unknown": len(sent) - len(known),
    }
    return {**of_ward, **rules.counts(items)}
