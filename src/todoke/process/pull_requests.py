"""How what a person asked to be pulled ends: withdrawn, or what has been pulled is printed anew (G08)."""

from __future__ import annotations

from sqlalchemy import select, update

from todoke import clock
from todoke.errors import TodokeError
from todoke.model.codes import PullState
from todoke.process.pull_outs import put_lists
from todoke.process.workspace import Counts, Workspace
from todoke.store import pulls
from todoke.store import tables as t

_OUT = (PullState.PULLED, PullState.DELIVERED)


def withdraw(contract: str, request: str, *, by_whom: str, cause: str) -> Counts:
    """Takes a request back of which nothing has been pulled, and records who did and why.

    Its labels stand as 依頼の取消, those that the carrier has as 引渡し済み; none stops its parcel any more. A parcel
    that the carrier has been told to stop goes with a new label (差替); the old one is then on the list again, for that
    reason.

    Returns:
        items: labels that are not sought any more.

    Raises:
        TodokeError: there is no such open request, or something of it is pulled.
    """
    return _ended(contract, request, pulls.WITHDRAWN, by_whom, cause)


def print_anew(contract: str, request: str, *, by_whom: str, cause: str) -> Counts:
    """Says that what printed wrong is mended: each label of a request that is out is printed anew (差替), the others as
    soon as they are out. Nothing is printed without the approval that every label needs.

    Returns:
        items: labels of the request that are out already.

    Raises:
        TodokeError: there is no such open request.
    """
    return _ended(contract, request, pulls.AGAIN, by_whom, cause)


def _ended(contract: str, request: str, how: str, by_whom: str, cause: str) -> Counts:
    ws = Workspace.open(contract, clock.now_tokyo().date())
    if not by_whom.strip() or not cause.strip():
        raise TodokeError("理由と担当者が必要です", next_step="--reason と --by を入れてください")
    count = end(ws, request, how, by_whom, cause)
    put_lists(ws)
    return {"items": count}


def end(ws: Workspace, request: str, how: str, by_whom: str, cause: str) -> int:
    """Records in the ledger alone how a request ends; as `withdraw` and `print_anew`."""
    q, contract = t.pull_request.c, ws.contract.id
    mine = (q.contract == contract) & (q.id == request)
    said = {"ended": how, "ended_cause": cause[:80], "ended_by": by_whom[:80], "ended_at": clock.now_utc()}
    with ws.ledger.write() as tx:
        ws.ledger.move(tx)
        if tx.execute(select(q.id).where(mine, q.ended.is_(None))).first() is None:
            raise TodokeError(
                "この番号の依頼はないか、既に終わっています",
                where=request,
                next_step="todoke labels pull が示した依頼番号を確かめてください",
            )
        items = [item for item in pulls.items(tx, contract) if item.source == request]
        count = sum(item.state in _OUT for item in items)
        if how == pulls.WITHDRAWN:
            _refuse_pulled(request, count)
            sought = [item for item in items if item.state is not PullState.TOO_LATE]
            pulls.take_steps(tx, contract, [_withdrawn(item, request, by_whom) for item in sought])
            count = len(sought)
        tx.execute(update(t.pull_request).where(mine).values(said))
    return count


def _withdrawn(item: pulls.PullItem, request: str, by_whom: str) -> pulls.Step:
    return pulls.Step(item.item_no, item.number + 1, PullState.WITHDRAWN, by_whom[:80], clock.now_utc(), request)


def _refuse_pulled(request: str, pulled: int) -> None:
    if pulled:
        raise TodokeError(
            f"この依頼のうち{pulled}件は、引抜き済み・納品済みです",
            where=request,
            next_step="引き抜いたものを印刷し直すときは todoke labels pull-end --again を使ってください",
        )
