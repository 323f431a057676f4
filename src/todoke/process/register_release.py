"""A release by a person: what is in quarantine, or drifted beyond the contract's gate, waits for a decision (G03, G04).

A person says of exactly this content: release the rest, wait, or refuse the files. The request holds counts alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select, update

from todoke.errors import NotApproved
from todoke.intake.receipts import kind_label
from todoke.model.codes import ReceiptState
from todoke.process import approvals
from todoke.process.approvals import Standing, Verdict
from todoke.process.arrivals import NOT_RELEASED
from todoke.process.quality_pages import QualityPage
from todoke.process.register_checks import quality_inputs
from todoke.process.register_inputs import Parents, released_version, version_parts
from todoke.process.workspace import Workspace
from todoke.quality.findings import by_reason, standing
from todoke.register.build import Register
from todoke.register.gates import Drift, drift_gate
from todoke.store import tables as t
from todoke.store.ledger import Pin, VersionRef

SUBJECT = "register:release"
_JUDGED = ("ward_row", "addition_row", "correction_row")
_LANDED = (*_JUDGED, "stop_row", "delivery_instruction", "readdress_row")
#: What tells one line of the quarantine from another.
_LINE = ["receipt_no", "row_no", "household_no", "field", "reason"]
_FOLLOWS_FROM = 3  # the last inputs of a register version: fonts, rules, contract


def is_back_at_the_published(ws: Workspace, pin: Pin, parents: Parents, inputs: Sequence[str]) -> bool:
    """Whether the inputs hold the same rows as those of the version in force: what came since was refused."""
    head = pin.heads.get("register")
    if head is None or head.inputs[-_FOLLOWS_FROM:] != tuple(inputs[-_FOLLOWS_FROM:]):
        return False
    with ws.ledger.read() as tx:
        made_from = version_parts(ws, tx, head, "input")
    return _contents(made_from) == _contents(dict(parents.inputs))


def _contents(inputs: dict[str, VersionRef]) -> dict[str, str]:
    return {name: ref.rows_digest for name, ref in inputs.items() if ref.rows}


@dataclass(frozen=True)
class Release:
    """What is about to be published, and what a person has said of exactly that.

    Attributes:
        last: the version released last, without cautions; None before the first publication.
        before: its inputs, by dataset.
        households: its households.
        digest: of everything that the register, and what it is compared with, follow from.
        standing: the last request about it.
    """

    ws: Workspace
    pin: Pin
    parents: Parents
    last: VersionRef | None
    before: dict[str, VersionRef]
    households: VersionRef | None
    digest: str
    standing: Standing | None

    @classmethod
    def of(cls, ws: Workspace, pin: Pin, parents: Parents, inputs: Sequence[str]) -> Release:
        """Of the register that would be made from `parents`; `inputs` names them, rules and contract."""
        with ws.ledger.read() as tx:
            last = released_version(ws, tx)
            before = version_parts(ws, tx, last, "input") if last else {}
            households = version_parts(ws, tx, last, "output")["household"] if last else None
            told = "\n".join([*inputs, households.id if households else ""])
            digest = hashlib.sha256(told.encode()).hexdigest()
            standing = approvals.standing(tx, f"{ws.contract.id}:{SUBJECT}", digest)
        return cls(ws, pin, parents, last, before, households, digest, standing)

    @property
    def is_refused(self) -> bool:
        """Whether a person wants the files refused."""
        return self.standing is not None and self.standing.verdict is Verdict.REFUSE

    def check_waiting(self) -> None:
        """Raises:
        NotApproved: the question is open, or somebody wants to wait today.
        """
        if self.standing is None or self.standing.is_over(self.ws.on):
            return
        if self.standing.verdict is None or self.standing.verdict is Verdict.WAIT:
            raise self._waiting()

    def may_pass(self, found: Drift) -> bool:
        """Whether nothing is to be decided, or a person wants the rest of it released.

        What was in quarantine already when the last version was released is not asked about again.
        """
        rules = self.ws.contract.register_
        drifted = bool(found.beyond(rules.drift_gate_percent))
        if rules.release == "automatic":
            return not drifted
        if self.standing is not None and self.standing.verdict is Verdict.RELEASE:
            return True
        return not self._in_quarantine_anew and not drifted

    def check(self, found: Drift, register: Register) -> None:
        """Lets the register pass if it may, else asks.

        Raises:
            NotApproved: a person has to decide.
            GateClosed: the contract asks nobody, and the register drifted further than it allows.
        """
        if self.may_pass(found):
            return
        rules = self.ws.contract.register_
        if rules.release == "automatic":
            drift_gate(found, rules.drift_gate_percent)
        files = self._files(found)
        options = (Verdict.RELEASE, Verdict.WAIT, *([Verdict.REFUSE] if files else []))
        body = self._body(found, register, files)
        approvals.request(self.ws, SUBJECT, self.digest, "世帯台帳を発行するか（隔離・増減の確認）", body, options)
        raise self._waiting()

    def refuse_files(self, found: Drift) -> int:
        """Takes back the files that caused the question: refused receipts, their rows gone from what counts.

        Returns:
            How many files.

        Raises:
            StaleParent: another run has taken a file meanwhile.
        """
        ws, receipts = self.ws, self._files(found)
        staged = {}
        for name in (*_LANDED, "bad_row"):
            head = self.pin.heads.get(name)
            rows = ws.version_table(name, head)
            kept = rows.filter(pc.invert(pc.is_in(rows["receipt_no"], pa.array(receipts, pa.string()))))
            if head is None or kept.num_rows == rows.num_rows:
                continue
            if name == "ward_row":  # a base takes the place of the one before: that one counts again
                kept = self._base_before(receipts)
            # named by its files like any other landed version
            files = pc.unique(kept["receipt_no"]).to_pylist()
            staged[name] = ws.lake.stage(name, kept, [*files, head.id, *receipts])
        r = t.receipt.c
        with ws.ledger.write() as tx:
            seq = ws.ledger.move(tx)
            for name, item in staged.items():
                ws.ledger.commit_version(tx, item, self.pin.heads.get(name))
            refused = {"state": ReceiptState.REFUSED, "reason": NOT_RELEASED, "seq": seq, "certificate_sha256": None}
            nothing = dict.fromkeys(("rows", "accepted", "quarantined"), 0)
            tx.execute(update(t.receipt).where(r.receipt_no.in_(receipts)).values(**refused, **nothing))
        return len(receipts)

    @property
    def _in_quarantine_anew(self) -> bool:
        return bool(self._standing(self.parents.inputs["quarantine"]) - self._standing(self.before.get("quarantine")))

    def _standing(self, quarantine: VersionRef | None) -> set[tuple[object, ...]]:
        lines = standing(self.ws.version_table("quarantine", quarantine)).select(_LINE)
        return set(zip(*lines.to_pydict().values(), strict=True))

    def _files(self, found: Drift) -> list[str]:
        """Receipts of files that are not in the version in force: those with findings, or for a drift all that name
        who is in the register."""
        new = sorted(_receipts(self.ws, dict(self.parents.inputs)) - _receipts(self.ws, self.before))
        drifted = set[str]()
        if found.beyond(self.ws.contract.register_.drift_gate_percent):
            drifted = _receipts(self.ws, {name: ref for name, ref in self.parents.inputs.items() if name in _JUDGED})
        quarantine = standing(self.ws.version_table("quarantine", self.parents.inputs["quarantine"]))
        with_findings = set(quarantine["receipt_no"].to_pylist())
        return [receipt for receipt in new if receipt in with_findings | drifted]

    def _base_before(self, refused: Sequence[str]) -> pa.Table:
        """The newest base file that was taken and is not refused; no rows when there is none."""
        *_, last = [None, *self._bases(refused)]
        return self.ws.version_table("ward_row", last)

    def _bases(self, refused: Sequence[str] = ()) -> list[VersionRef]:
        """The base files that were taken and are not refused, oldest first."""
        r = t.receipt.c
        with self.ws.ledger.read() as tx:
            accepted = (r.contract == self.ws.contract.id, r.state == ReceiptState.ACCEPTED)
            counting = set(tx.execute(select(r.receipt_no).where(*accepted)).scalars()) - set(refused)
            versions = self.ws.ledger.versions(tx, "ward_row")
        return [each for each in versions if each.rows and _receipts(self.ws, {"ward_row": each}) <= counting]

    def landed_households(self) -> pa.ChunkedArray:
        """Household numbers of the rows of every base file that was taken."""
        numbers = [self.ws.lake.read(each, ["household_no"])["household_no"] for each in self._bases()]
        return pa.chunked_array([chunk for column in numbers for chunk in column.chunks], pa.string())

    def _body(self, found: Drift, register: Register, files: Sequence[str]) -> str:
        ws, percent = self.ws, self.ws.contract.register_.drift_gate_percent
        quarantine = standing(ws.version_table("quarantine", self.parents.inputs["quarantine"]))
        reasons = [
            f"  - {reason.label}: {households}世帯（指摘{lines}件）"
            for reason, (households, lines) in by_reason(quarantine).items()
        ]
        drifted = [
            f"  - {label}: {count}世帯（{count * 100 / max(found.before, 1):.1f}%）"
            for label, count in found.told().items()
        ]
        beyond = "上限を超えています" if found.beyond(percent) else "上限の内です"
        page = QualityPage(ws, "households", quality_inputs(ws, self.pin)).place(self.parents.inputs["quarantine"])
        lines = [
            "検査の結果、世帯台帳を発行せずに、判断を待っています。",
            "",
            f"- 発行すると: {register.household.num_rows}世帯",
            f"- 新たに秘匿となる世帯: {self._newly_confidential(register)}"
            "（引渡し前の荷物は、判断を待つあいだも保留・停止します）",
            f"- 隔離: 指摘{quarantine.num_rows}件",
            *reasons,
            f"- 前の版の{found.before}世帯からの増減・変更（上限 {percent:g}%）: {beyond}",
            *drifted,
            f"- 品質検査の文書: quality/{page}",
            f"- 照会票: 送信箱の queries/{self.parents.inputs['quarantine'].id}/",
            "",
            "答え:",
            "- 残りを発行する: 隔離した世帯を除いて発行します。",
            "- 待つ: 発行しません。内容が変わるか翌日の実行で、もう一度依頼します。",
        ]
        if files:
            lines += [
                "- ファイルを受け付けない: 次のファイルを受領不可とし、台帳は今のままにします。",
                *self._named(files),
            ]
        return "\n".join(lines)

    def _named(self, files: Sequence[str]) -> list[str]:
        r = t.receipt.c
        with self.ws.ledger.read() as tx:
            rows = tx.execute(select(r.receipt_no, r.kind).where(r.receipt_no.in_(files)).order_by(r.seq)).all()
        return [f"  - 受領番号 {receipt_no}（{kind_label(kind)}）" for receipt_no, kind in rows]

    def _newly_confidential(self, register: Register) -> int:
        before = self.ws.version_table("household", self.households, ["household_no", "confidential"])
        known = before.filter(before["confidential"])["household_no"]
        now = register.household.filter(register.household["confidential"])["household_no"]
        return len(now) - int(pc.sum(pc.is_in(now, pc.unique(known))).as_py() or 0)

    def _waiting(self) -> NotApproved:
        return NotApproved(
            "隔離または増減があり、発行してよいか担当者の判断を待っています",
            where="世帯台帳",
            next_step="Airflowの「要対応項目」で内容を確かめて答えてください",
        )


def _receipts(ws: Workspace, inputs: dict[str, VersionRef]) -> set[str]:
    found: set[str] = set()
    for name in _LANDED:
        if name in inputs:
            found.update(pc.unique(ws.lake.read(inputs[name], ["receipt_no"])["receipt_no"]).to_pylist())
    return found
