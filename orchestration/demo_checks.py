"""What the demo asserts at its end: the totals of the programme close (`interfaces.md`)."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pyarrow.compute as pc
from sqlalchemy import func, select, text

from todoke.clock import now_tokyo
from todoke.model.changes import effect_kind
from todoke.model.codes import Cause, PullState, ShipmentKind
from todoke.process.pull_outs import LIST
from todoke.process.ward_count import ward_count
from todoke.process.workspace import Workspace
from todoke.simulate.answers import read_answers
from todoke.store import pulls
from todoke.store import tables as t
from todoke.store.ledger import fetch_view
from todoke.store.verify import verify


class NotClosed(Exception):
    """A total that has to close does not."""


def _close(what: str, left: object, right: object) -> tuple[str, str]:
    if left != right:
        raise NotClosed(f"{what}: {left} ≠ {right}")
    return what, f"{left:,}" if isinstance(left, int) else str(left)


def check_all(contract: str, answers: Path) -> list[tuple[str, str]]:
    """Every check with its figure.

    Raises:
        NotClosed: names the first that fails.
    """
    ws = Workspace.open(contract, now_tokyo().date())
    return [
        *_receipts(ws),
        *_quarantine(ws, answers),
        *_labels(ws),
        *_pull_outs(ws),
        *_sent_again(ws),
        *_applications(ws),
        *_points(ws),
        *_claims(ws),
        *_nonapplicants(ws),
        _close("台帳の現在値と記録の食い違い", len(verify(ws.ledger)), 0),
    ]


def _receipts(ws: Workspace) -> list[tuple[str, str]]:
    with ws.ledger.read() as tx:
        rows = fetch_view(tx, "receipt_current", ws.contract.id)
    received = sum(int(str(row["rows"])) for row in rows)
    accounted = sum(int(str(row["accepted"])) + int(str(row["quarantined"])) for row in rows)
    return [_close("受領した行 ＝ 受入 ＋ 隔離", received, accounted)]


def _quarantine(ws: Workspace, answers: Path) -> list[tuple[str, str]]:
    """The base file's quarantine is the answer sheet, household by household."""
    with ws.ledger.read() as tx:
        versions = ws.ledger.versions(tx, "quarantine")
    found = ws.lake.read(versions[0], ["household_no", "reason"]).to_pylist()
    sheet = read_answers(answers)["mistakes"]
    expected = set(zip(sheet["file_household_no"], sheet["reason"], strict=True))
    # a household number that is none is not repeated in the quarantine: it may be anything, a name too
    named = {(row["household_no"], row["reason"]) for row in found if row["household_no"]}
    unnamed = Counter(row["reason"] for row in found if not row["household_no"])
    missing = expected - named
    if named - expected:
        raise NotClosed(f"隔離に正解表にない世帯があります: {len(named - expected)}件")
    missing_reasons = Counter(reason for _, reason in missing)
    if set(missing_reasons) != set(unnamed):
        raise NotClosed(f"隔離にない誤りがあります: {dict(missing_reasons)} {dict(unnamed)}")
    return [("隔離 ＝ 正解表の誤り（世帯と理由）", f"{len(expected):,}")]


def _labels(ws: Workspace) -> list[tuple[str, str]]:
    """The last control totals against what they speak of: the manifests, the register and the ward's own files.

    Of the catalogues: batches of toilets and notices lie in the same folder, and have totals of their own.
    """
    totals = _control(ws)
    batches = list(totals)
    sent = {batch: totals[batch]["labels"] + totals[batch]["sent_before"] for batch in batches}
    newest = max(totals, key=lambda batch: (totals[batch]["households"], sent[batch]))
    last = totals[newest]
    manifests = [ws.outbox.get(f"labels/{batch}/manifest.csv").decode().splitlines() for batch in batches]
    printed = {row["household_no"] for manifest in manifests for row in csv.DictReader(manifest)}
    with ws.ledger.read() as tx:
        inputs = tx.execute(select(t.batch.c.inputs).where(t.batch.c.id == newest)).scalar_one()
        register = ws.ledger.version(tx, json.loads(inputs)["household"])
    return [
        _close("印字した世帯 ＝ ラベル ＋ 印字済み", len(printed), sent[newest]),
        _close("ラベル ＋ 保留 ＋ 除外 ＝ 世帯", last["labels"] + last["held"] + last["excluded"], register.rows),
        _close(
            "区の世帯数 ＝ 台帳 ＋ 隔離", ward_count(ws, register).households, last["households"] + last["quarantined"]
        ),
    ]


def _control(ws: Workspace) -> dict[str, dict[str, int]]:
    """The control totals of each batch of catalogues."""
    kinds = [effect_kind(ShipmentKind.CATALOGUE, confidential=apart) for apart in (False, True)]
    with ws.ledger.read() as tx:
        mine = (t.batch.c.contract == ws.contract.id) & t.batch.c.kind.in_(kinds)
        batches = list(tx.execute(select(t.batch.c.id).where(mine)).scalars())
    return {batch: json.loads(ws.outbox.get(f"labels/{batch}/control.json")) for batch in batches}


def _pull_outs(ws: Workspace) -> list[tuple[str, str]]:
    """The newest pull list's totals against its items, and what of them has left our rooms."""
    last = max(name for name in ws.outbox.listing(LIST) if name.endswith("control.json"))
    totals = json.loads(ws.outbox.get(last))
    with ws.ledger.read() as tx:
        items = pulls.items(tx, ws.contract.id)
    named = totals["named_listed"] + totals["not_printed"] + totals["unknown"]
    left = sum(item.handed_over and item.state is not PullState.TOO_LATE for item in items)
    done = Counter(item.state for item in items)
    states = "・".join(f"{state.label} {done[state]}" for state in PullState if done[state])
    _close("引抜きの指示 ＝ 一覧 ＋ 未印字 ＋ 不明", totals["named"], named)
    _close("引抜き一覧 ＝ 各状態の合計", len(items), sum(totals[state] for state in PullState))
    _close("引き抜くはずが引き渡した郵便物", left, 0)
    return [("引抜きの指示 ＝ 一覧（各状態の合計） ＋ 未印字 ＋ 不明", f"{named}（{states}）")]


def _sent_again(ws: Workspace) -> list[tuple[str, str]]:
    """Every catalogue beyond a household's first has its own cause, and is counted as one sent again."""
    s = t.shipment.c
    again = (s.contract == ws.contract.id) & (s.kind == ShipmentKind.CATALOGUE) & (s.cause != Cause.FIRST)
    with ws.ledger.read() as tx:
        heads = ws.ledger.heads(tx)
        parcels = tx.execute(select(s.cause, s.cause_ref).where(again, s.released_on.is_not(None))).all()
    asked = ws.version_table("resend_request", heads.get("resend_request"))
    asked = asked.filter(pc.equal(asked["kind"], ShipmentKind.CATALOGUE.value))
    causes = Counter(cause for cause, _ in parcels)
    found = ws.version_table("readdress_row", heads.get("readdress_row"), ["household_no"])
    counted = max(totals["resent"] for totals in _control(ws).values())
    _close("再送の依頼 ＝ それによるカタログ", asked.num_rows, causes[Cause.RESEND])
    _close("区の新しい住所 ＝ それによるカタログ", found.num_rows, causes[Cause.READDRESS])
    _close("一つの事由につきカタログは1冊", len(parcels), len(set(parcels)))
    return [_close("再送したカタログ（依頼・新しい住所） ＝ 集計の再送", len(parcels), counted)]


def _applications(ws: Workspace) -> list[tuple[str, str]]:
    with ws.ledger.read() as tx:
        heads = ws.ledger.heads(tx)
        d = t.decision_head.c
        statuses = dict(
            tx.execute(
                select(d.status, func.count())
                .where(d.contract == ws.contract.id, d.source != "phone")
                .group_by(d.status)
            ).all()
        )
    received = heads["web_application"].rows + heads["postcard"].rows
    return [_close("申込 ＝ 5つの状態の合計", received, sum(statuses.values()))]


def _points(ws: Workspace) -> list[tuple[str, str]]:
    with ws.ledger.read() as tx:
        over = tx.execute(text("SELECT COUNT(*) FROM points_current WHERE used > entitlement")).scalar_one()
    return [_close("ポイントが付与を超えた世帯", over, 0)]


def _claims(ws: Workspace) -> list[tuple[str, str]]:
    with ws.ledger.read() as tx:
        c = t.claim.c
        households = tx.execute(
            select(func.count(), func.count(c.household_no.distinct())).where(c.claim == "entitlement")
        ).one()
        both = tx.execute(
            text(
                "SELECT COUNT(*) FROM (SELECT household_no FROM shipment WHERE kind IN ('goods', 'toilet')"
                " AND sequence = 1 AND released_on IS NOT NULL GROUP BY household_no HAVING COUNT(*) > 1) AS twice"
            )
        ).scalar_one()
    return [
        _close("権利の行使 ＝ 世帯（1世帯1回）", households[0], households[1]),
        _close("用品と携帯トイレの両方を送った世帯", both, 0),
    ]


def _nonapplicants(ws: Workspace) -> list[tuple[str, str]]:
    with ws.ledger.read() as tx:
        settlement = tx.execute(
            select(t.settlement.c.id)
            .where(t.settlement.c.process == "nonapplicants")
            .order_by(t.settlement.c.seq.desc())
            .limit(1)
        ).scalar_one()
        heads = ws.ledger.heads(tx)
    standing = json.loads(ws.outbox.get(f"nonapplicants/{settlement}/control.json"))
    registered = set(ws.lake.read(heads["household"], ["household_no"])["household_no"].to_pylist())
    quarantined = set(ws.lake.read(heads["quarantine"], ["household_no"])["household_no"].drop_null().to_pylist())
    return [
        _close(
            "台帳（隔離を含む） ＝ 申込 ＋ トイレ ＋ 確認待ち ＋ 未到達 ＋ 対象外",
            len(registered | quarantined),
            sum(standing.values()),
        )
    ]
