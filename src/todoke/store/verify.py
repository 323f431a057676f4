"""Proving the ledger: every head, claim and state is rebuilt from the log that it follows from, and compared.

`todoke ledger verify` shows what is returned. Ids and counts only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, or_, select

from todoke.ids import members_digest
from todoke.model.changes import content_digest
from todoke.model.codes import ShipmentState
from todoke.store import facts
from todoke.store import tables as t
from todoke.store.ledger import Ledger
from todoke.store.settle import CLAIMED_BY, CLOSES_DAYS

_SHOWN = 5
_WAITING = (ShipmentState.PLANNED, ShipmentState.ON_HOLD)
#: What `_states` compares, in its order.
_STANDING = (
    *("shipment_id", "released_rev", "released_on"),
    *("state", "handed_over_at", "handed_rev", "delivered_on", "tracking_no"),
)


def verify(ledger: Ledger) -> list[str]:
    """What disagrees in one state of the ledger, in Japanese; nothing when all is well."""
    checks: tuple[Callable[[Connection, str], Iterator[tuple[str, Iterable[object]]]], ...] = (
        _stream,
        _versions,
        _decisions,
        _revisions,
        _contents,
        _effects,
        _batches,
        _claims,
        _states,
        _pull_list,
    )
    faults: list[str] = []
    with ledger.read() as tx:
        for check in checks:
            for what, places in check(tx, ledger.contract):
                found = sorted(str(place) for place in places)
                if found:
                    more = f" ほか{len(found) - _SHOWN}件" if len(found) > _SHOWN else ""
                    faults.append(f"{what}：{', '.join(found[:_SHOWN])}{more}")
    return faults


Found = Iterator[tuple[str, Iterable[object]]]


def _stream(tx: Connection, contract: str) -> Found:
    c = t.settlement.c
    last_seq = tx.execute(select(func.max(c.seq)).where(c.contract == contract)).scalar()
    closed = select(func.max(c.as_of)).where(c.contract == contract, c.process == CLOSES_DAYS)
    last_day = tx.execute(closed).scalar()
    now = tx.execute(select(t.stream).where(t.stream.c.contract == contract)).one_or_none()
    seq, settled_through = (now.seq, now.settled_through) if now else (0, None)
    yield "台帳の位置が最後の確定より前です", [contract] if seq < (last_seq or 0) else []
    yield "確定済みの日付が最後の確定と違います", [contract] if settled_through != last_day else []


def _versions(tx: Connection, contract: str) -> Found:
    v = t.dataset_version.c
    rows = tx.execute(select(v.dataset, v.number, v.id, v.parent).where(v.contract == contract)).all()
    chains: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for dataset, number, version, parent in rows:
        chains[dataset].append((number, version, parent))
    broken = []
    for dataset, chain in chains.items():
        links = [(0, "", ""), *sorted(chain)]
        if any(later[0] != earlier[0] + 1 or later[2] != earlier[1] for earlier, later in pairwise(links)):
            broken.append(dataset)
    yield "データの版の連なりが途切れています", broken


def _decisions(tx: Connection, contract: str) -> Found:
    head, log = t.decision_head, t.decision
    last = (
        select(log.c.application_id, func.max(log.c.seq).label("seq"), func.count().label("rows"))
        .where(log.c.contract == contract)
        .group_by(log.c.application_id)
        .subquery()
    )
    gaps = select(last.c.application_id).where(last.c.seq != last.c.rows)
    yield "決定の履歴に欠番があります", _ids(tx, gaps)
    same = and_(*(head.c[name].is_not_distinct_from(log.c[name]) for name in log.c.keys()))  # noqa: SIM118
    is_last = exists().where(last.c.application_id == log.c.application_id, last.c.seq == log.c.seq)
    heads = select(head.c.application_id).where(head.c.contract == contract, ~exists().where(same, is_last))
    headless = select(last.c.application_id).where(
        ~exists().where(head.c.contract == contract, head.c.application_id == last.c.application_id)
    )
    yield "申込の現在の決定が履歴と一致しません", {*_ids(tx, heads), *_ids(tx, headless)}
    unknown = select(log.c.application_id).where(
        log.c.contract == contract, ~exists().where(t.settlement.c.id == log.c.settlement_id)
    )
    yield "どの確定にも属さない決定があります", _ids(tx, unknown)


def _revisions(tx: Connection, contract: str) -> Found:
    s, r = t.shipment.c, t.shipment_revision.c
    summed = (
        select(r.shipment_id, func.max(r.rev).label("last"), func.count().label("rows"))
        .group_by(r.shipment_id)
        .subquery()
    )
    query = (
        select(s.id)
        .outerjoin(summed, summed.c.shipment_id == s.id)
        .where(
            s.contract == contract,
            or_(summed.c.last.is_(None), summed.c.last != s.revision, summed.c.rows != s.revision),
        )
    )
    yield "出荷の改訂番号が改訂の記録と一致しません", _ids(tx, query)
    stray = select(r.shipment_id).where(
        or_(~exists().where(s.id == r.shipment_id), ~exists().where(t.settlement.c.id == r.settlement_id))
    )
    yield "出荷または確定のない改訂があります", _ids(tx, stray)


def _contents(tx: Connection, contract: str) -> Found:
    lines: dict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
    i, r = t.shipment_item.c, t.shipment_revision.c
    for number, rev, code, quantity in tx.execute(select(i.shipment_id, i.rev, i.item_code, i.quantity)).tuples():
        lines[number, rev].append((code, quantity))
    told = {
        (number, rev): digest
        for number, rev, digest in tx.execute(select(r.shipment_id, r.rev, r.content_digest)).tuples()
    }
    differing = {place for place, digest in told.items() if content_digest(tuple(lines.get(place, ()))) != digest}
    yield (
        "出荷の内容が記録された要約値と一致しません",
        (f"{n}/{rev}" for n, rev in differing | (lines.keys() - told.keys())),
    )


def _effects(tx: Connection, contract: str) -> Found:
    r, e = t.shipment_revision.c, t.effect.c
    planned = select(r.shipment_id, r.rev, r.effect_kind).where(r.effect_kind.is_not(None))
    there = select(e.shipment_id, e.rev, e.kind).where(e.contract == contract)
    differing = set(tx.execute(planned).tuples()) ^ set(tx.execute(there).tuples())
    yield "改訂と出荷指示の予定が一致しません", {number for number, _, _ in differing}


def _batches(tx: Connection, contract: str) -> Found:
    e, b = t.effect.c, t.batch.c
    keys: dict[str, list[str]] = defaultdict(list)
    query = select(e.batch_id, e.key).where(e.contract == contract, e.batch_id.is_not(None)).order_by(e.key)
    for batch_id, key in tx.execute(query).tuples():
        keys[str(batch_id)].append(key)
    batches = {
        row.id: row for row in tx.execute(select(b.id, b.members, b.members_digest).where(b.contract == contract))
    }
    yield "記録のないバッチに入っている出荷があります", keys.keys() - batches.keys()
    yield (
        "バッチの構成が記録と一致しません",
        [
            row.id
            for row in batches.values()
            if (row.members, row.members_digest) != (len(keys[row.id]), members_digest(keys[row.id]))
        ],
    )


def _claims(tx: Connection, contract: str) -> Found:
    s, c = t.shipment.c, t.claim.c
    takes = case(*((s.kind == kind, claim) for kind, claim in CLAIMED_BY.items()))
    holds: ColumnElement[bool] = and_(
        s.contract == contract,
        s.sequence == 1,
        s.kind.in_(CLAIMED_BY),
        or_(s.released_rev.is_not(None), s.state.in_(_WAITING)),
    )
    same = and_(c.contract == s.contract, c.shipment_id == s.id, c.household_no == s.household_no, c.claim == takes)
    missing = select(s.id).where(holds, ~exists().where(same))
    stray = select(c.shipment_id).where(c.contract == contract, ~exists().where(same, holds))
    yield "世帯の権利が出荷の記録と一致しません", {*_ids(tx, missing), *_ids(tx, stray)}


def _states(tx: Connection, contract: str) -> Found:
    """A parcel's state: the carrier's last word, else what was told by the last released revision, else the plan."""
    kinds = list(tx.execute(select(t.shipment.c.kind).where(t.shipment.c.contract == contract).distinct()).scalars())
    said = facts.latest_state(facts.events(tx))
    columns = ("shipment_id", "state", "handed_over_at", "handed_revision", "delivered_on", "tracking_no")
    by_carrier = {
        number: tuple(stand) for number, *stand in zip(*(said[name].to_pylist() for name in columns), strict=True)
    }
    r = t.shipment_revision.c
    told = {
        (number, rev): (action, kind)
        for number, rev, action, kind in tx.execute(select(r.shipment_id, r.rev, r.action, r.effect_kind)).tuples()
    }
    released = _released(tx, contract)
    wrong_release, wrong_state = [], []
    parcels = facts.shipments(tx, contract, kinds, _STANDING)
    for number, *release, state, handed_at, handed_rev, delivered_on, tracking_no in zip(
        *(column.to_pylist() for column in parcels.columns), strict=True
    ):
        rev, day = released.get(number, (None, None))
        if tuple(release) != (rev, day):
            wrong_release.append(number)
        ours = _our_state(told.get((number, rev or 1), ("", None)), released=rev is not None)
        expected = by_carrier.get(number, (ours, None, None, None, None))
        if (state, handed_at, handed_rev, delivered_on, tracking_no) != expected:
            wrong_state.append(number)
    yield "出荷済みの改訂・出荷日がバッチの記録と一致しません", wrong_release
    yield "出荷の状態が記録と一致しません（未反映の配送結果を含む）", wrong_state


def _released(tx: Connection, contract: str) -> dict[str, tuple[int, object]]:
    """By parcel: the last released revision, and the day of the first release."""
    e, b = t.effect.c, t.batch.c
    query = (
        select(e.shipment_id, e.rev, b.business_on)
        .join(t.batch, b.id == e.batch_id)
        .where(e.contract == contract)
        .order_by(e.shipment_id, e.rev)
    )
    released: dict[str, tuple[int, object]] = {}
    for number, rev, day in tx.execute(query).tuples():
        released[number] = (rev, released[number][1] if number in released else day)
    return released


def _our_state(told: tuple[str, str | None], *, released: bool) -> str:
    action, effect_kind = told
    if action == "cancel":
        return ShipmentState.CANCELLED
    if action == "stop" and released:
        return ShipmentState.STOPPED
    if released:
        return ShipmentState.RELEASED
    return ShipmentState.PLANNED if effect_kind else ShipmentState.ON_HOLD


def _pull_list(tx: Connection, contract: str) -> Found:
    """Each label on the list stands where the last of its steps put it, and was printed in the batch that it names."""
    head, log, e = t.pull_item, t.pull_step, t.effect.c
    c = log.c
    steps = (
        select(c.item_no, func.max(c.number).label("number"), func.count().label("rows"))
        .where(c.contract == contract)
        .group_by(c.item_no)
        .subquery()
    )
    same = and_(*(head.c[name] == c[name] for name in c.keys()))  # noqa: SIM118
    last = exists().where(steps.c.item_no == c.item_no, steps.c.number == c.number, steps.c.rows == c.number)
    mine = head.c.contract == contract
    heads = select(head.c.item_no).where(mine, ~exists().where(same, last))
    headless = select(steps.c.item_no).where(~exists().where(mine, head.c.item_no == steps.c.item_no))
    yield "引抜き一覧の状態が履歴と一致しません", {*_ids(tx, heads), *_ids(tx, headless)}
    in_batch = exists().where(e.shipment_id == head.c.shipment_id, e.batch_id == head.c.batch_id)
    yield "引抜き一覧のラベルが束にありません", _ids(tx, select(head.c.item_no).where(mine, ~in_batch))
    r = t.reprint.c
    unknown = select(r.id).where(r.contract == contract, ~exists().where(t.batch.c.id == r.batch_id))
    yield "記録のない束の刷り直しがあります", _ids(tx, unknown)


def _ids(tx: Connection, query: Select[str]) -> list[str]:
    return list(tx.execute(query).scalars())
