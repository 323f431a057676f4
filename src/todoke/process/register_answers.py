"""What a register version asks persons, and what they answered: an input of the next version (G01, G07).

An operator's page, a workbook and the command line record through `answer`; the next publication carries it out.
"""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select, true

from todoke import clock
from todoke.errors import StaleParent, TodokeError
from todoke.model.codes import VERDICTS, Question, ShipmentKind, ShipmentState, Verdict
from todoke.process.workspace import Counts, Workspace
from todoke.store import tables as t
from todoke.store.ledger import Pin
from todoke.store.schema import REGISTER_ANSWER

_ATTEMPTS = 10


def standing_answers(answers: pa.Table) -> pa.Table:
    """The last answer to each question; one that takes a resumption back leaves the question open.

    Args:
        answers: `schema.REGISTER_ANSWER`, in the order in which they were given.
    """
    last = {question_id: place for place, question_id in enumerate(answers["question_id"].to_pylist())}
    standing = answers.take(pa.array(sorted(last.values()), pa.int64()))
    return standing.filter(pc.not_equal(standing["verdict"], Verdict.HOLD))


def questions(contract: str) -> list[dict[str, str]]:
    """Open questions of the version in force that nobody has answered.

    Returns:
        question_id, kind, household_no, other_no, receipt_no, verdicts (what may be answered); no names.
    """
    ws = Workspace.open(contract, _today())
    with ws.ledger.read() as tx:
        pin = ws.ledger.pin(tx)
    answered = standing_answers(ws.head_table("register_answer", pin))["question_id"]
    asked = ws.head_table("register_question", pin)
    still_open = asked.filter(pc.invert(pc.is_in(asked["question_id"], pc.unique(answered))))
    return [
        {name: value or "" for name, value in row.items()} | {"verdicts": " ".join(VERDICTS[Question(row["kind"])])}
        for row in still_open.to_pylist()
    ]


def answer(contract: str, question_id: str, verdict: str, by_whom: str) -> Counts:
    """Records what a person said to a question. The last answer stands, all are kept.

    Args:
        verdict: one of `VERDICTS` of the question's kind.
        by_whom: the account of the person who answers.

    Returns:
        recorded: 1, or 0 when that was the last answer already.

    Raises:
        TodokeError: no version in force asked that, the verdict does not fit the question, it would let one household
            stand for two, or for one to which goods have gone leave another out, or part two after goods have gone to
            them as one.
    """
    ws = Workspace.open(contract, _today())
    for _ in range(_ATTEMPTS):
        with ws.ledger.read() as tx:
            pin = ws.ledger.pin(tx)
            known = ws.head_table("register_answer", pin)
            before = _last_answer(known, question_id)
            if before is not None and before["verdict"] == verdict:
                return {"recorded": 0}
            asked = before or _asked(ws, pin, question_id)
            _check(ws, tx, asked, verdict, by_whom, pa.concat_tables([_pairs(ws, pin), known]))
        row = {**asked, "verdict": verdict, "by_whom": by_whom, "answered_at": clock.now_tokyo()}
        table = pa.concat_tables([known, pa.Table.from_pylist([row], REGISTER_ANSWER)])
        try:
            ws.commit_tables({"register_answer": table}, pin.heads, [question_id, verdict, str(known.num_rows)])
        except StaleParent:
            continue
        return {"recorded": 1}
    raise StaleParent("ほかの処理と競合し続けています", where=question_id, next_step="もう一度実行してください")


def _last_answer(known: pa.Table, question_id: str) -> dict[str, str | None] | None:
    mine = known.filter(pc.equal(known["question_id"], question_id)).to_pylist()
    return mine[-1] if mine else None


def _asked(ws: Workspace, pin: Pin, question_id: str) -> dict[str, str | None]:
    for row in ws.head_table("register_question", pin).to_pylist():
        if row["question_id"] == question_id:
            return dict(row)
    raise TodokeError(
        "この確認事項は今の台帳の版にありません",
        where=question_id,
        next_step="todoke register questions で今の確認事項を確かめてください",
    )


def _check(
    ws: Workspace, tx: Connection, asked: dict[str, str | None], verdict: str, by_whom: str, known: pa.Table
) -> None:
    question = Question(str(asked["kind"]))
    if verdict not in VERDICTS[question]:
        allowed = "、".join(f"{each}（{each.label}）" for each in VERDICTS[question])
        raise TodokeError("この確認事項には使えない回答です", where=question.label, next_step=f"使える回答: {allowed}")
    if not by_whom.strip():
        raise TodokeError("回答した人がわかりません", where="by", next_step="担当者のアカウント名を入れてください")
    if question is Question.SAME_HOUSEHOLD and verdict == Verdict.SAME:
        _check_takeover(ws, tx, asked, known)
    elif question is Question.SAME_HOUSEHOLD and asked.get("verdict") == Verdict.SAME:
        _check_parting(ws, tx, asked)


def _pairs(ws: Workspace, pin: Pin) -> pa.Table:
    """What the register in force asks, as answers without a verdict."""
    asked = ws.head_table("register_question", pin)
    columns = [
        asked[field.name] if field.name in asked.column_names else pa.nulls(asked.num_rows, field.type)
        for field in REGISTER_ANSWER
    ]
    return pa.table(columns, schema=REGISTER_ANSWER)


def _check_takeover(ws: Workspace, tx: Connection, asked: dict[str, str | None], known: pa.Table) -> None:
    """One successor for one predecessor, and nothing of the points has gone to the successor.

    Of several that a household may come from, the one to which goods have gone is taken over, so that whatever of the
    points is used counts for it; where they have gone to two, it stays held. One that a person has called different is
    none of them.
    """
    pairs = [row for row in known.to_pylist() if row["kind"] == asked["kind"]]
    standing = [row for row in standing_answers(known).to_pylist() if row["kind"] == asked["kind"]]
    made = [row for row in standing if row["verdict"] == Verdict.SAME]
    parted = {row["question_id"] for row in standing if row["verdict"] == Verdict.DIFFERENT}
    if any(row["household_no"] == asked["household_no"] or row["other_no"] == asked["other_no"] for row in made):
        raise TodokeError(
            "どちらかの世帯は、すでに別の世帯を引き継いでいます",
            where=str(asked["question_id"]),
            next_step="区に確かめ、同じ世帯でなければ different（別）と回答してください",
        )
    near = [row for row in pairs if row["household_no"] == asked["household_no"] and row["question_id"] not in parted]
    others = {row["other_no"] for row in near} - {asked["other_no"]}
    if any(_has_shipments(ws, tx, number, released=True) for number in others):
        raise TodokeError(
            "この世帯のもとになったかもしれない別の世帯に、すでに出荷があります",
            where=str(asked["question_id"]),
            next_step="出荷のある世帯についての確認事項に same（同じ）と回答し、使ったポイントを引き継いでください。"
            "区に確かめて別の世帯とわかったときは、先にそちらに different（別）と回答してください。"
            "両方に出荷があるときは回答せずに区に確かめてください（保留のままなので、二重には届きません）",
        )
    if _has_shipments(ws, tx, asked["household_no"]):
        raise TodokeError(
            "新しい世帯番号の世帯に、すでに出荷があります",
            where=str(asked["question_id"]),
            next_step="区と配送の状況を確かめてください。元の世帯は削除されたままなので、二重には届きません",
        )


def _check_parting(ws: Workspace, tx: Connection, asked: dict[str, str | None]) -> None:
    """What has gone to the two as one household would go to the successor again."""
    if _has_shipments(ws, tx, asked["other_no"]):
        raise TodokeError(
            "同じ世帯として、すでに出荷があります",
            where=str(asked["question_id"]),
            next_step="区と配送の状況を確かめてください。回答は same（同じ）のままなので、二重には届きません",
        )


def _has_shipments(ws: Workspace, tx: Connection, household_no: str | None, *, released: bool = False) -> bool:
    s = t.shipment.c
    shipped = select(s.id).where(
        s.contract == ws.contract.id,
        s.household_no == household_no,
        s.kind.in_([ShipmentKind.GOODS, ShipmentKind.TOILET]),
        s.state != ShipmentState.CANCELLED,
        s.released_rev.is_not(None) if released else true(),
    )
    return tx.execute(shipped.limit(1)).first() is not None


def _today() -> date:
    return clock.now_tokyo().date()
