"""What people write down on the pull list becomes steps of its items (G08)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pyarrow as pa
from sqlalchemy import Connection

from todoke import clock
from todoke.model.codes import PullFinding, PullState
from todoke.parcels.pull_outs import RESULTS, digest
from todoke.process.receiving import Landing
from todoke.process.workspace import Workspace
from todoke.report.pull_list import Reported, read_results
from todoke.report.returned import Opened
from todoke.store import pulls
from todoke.store.ledger import Pin
from todoke.store.schema import QUARANTINE

_STATES: Mapping[str, PullState] = {state.label: state for state in RESULTS}


def take(ws: Workspace, book: Opened, receipt_no: str, pin: Pin) -> Landing:
    """What a filled-in pull list becomes: the next step of each item, and rows that cannot be taken.

    A row that says what is known already, or what another row says too, is taken and changes nothing. 備考 stays in
    the sealed file.
    """
    returned = read_results(book)
    with ws.ledger.read() as tx:
        known = {item.item_no: item for item in pulls.items(tx, ws.contract.id)}
    steps, bad, taken = [], [], set[str]()
    contradictory = _contradictory(returned)
    for row in returned:
        item = known.get(row.item_no)
        fault = _fault(row, item, twice=row.item_no in contradictory)
        if fault is not None:
            field, finding = fault
            bad.append({"receipt_no": receipt_no, "row_no": row.row, "field": field, "reason": str(finding)})
        elif item is not None and item.state is not _STATES[row.result] and row.item_no not in taken:
            taken.add(row.item_no)
            now = clock.now_utc()
            by_whom = row.by_whom[:80]
            steps.append(pulls.Step(item.item_no, item.number + 1, _STATES[row.result], by_whom, now, receipt_no))
    return Landing(
        len(returned),
        len(returned) - len(bad),
        len(bad),
        {"pull_bad_row": pa.Table.from_pylist(bad, QUARANTINE)},
        also=lambda tx, _seq: _take_steps(ws, tx, steps),
        adds=frozenset({"pull_bad_row"}),
    )


def _contradictory(returned: Sequence[Reported]) -> set[str]:
    """Items of which two rows say different things: whichever came first would win, so neither is taken."""
    results: dict[str, set[str]] = defaultdict(set)
    for row in returned:
        results[row.item_no].add(row.result)
    return {item_no for item_no, said in results.items() if len(said) > 1}


def _take_steps(ws: Workspace, tx: Connection, steps: list[pulls.Step]) -> None:
    pulls.take_steps(tx, ws.contract.id, steps)


def _fault(row: Reported, item: pulls.PullItem | None, *, twice: bool) -> tuple[str, PullFinding] | None:
    """Why a row cannot be taken: column and reason."""
    state = _STATES.get(row.result)
    if item is None or twice:
        return "item_no", PullFinding.ITEM_TWICE if twice else PullFinding.UNKNOWN_ITEM
    if state is None:
        return "result", PullFinding.RESULT_UNKNOWN if row.result else PullFinding.RESULT_MISSING
    if not row.by_whom:
        return "by_whom", PullFinding.PERSON_MISSING
    if item.state is not state and digest(item) != row.digest:
        return "digest", PullFinding.STALE
    return None if item.state in {state, *RESULTS[state]} else ("result", PullFinding.STEP_BACK)
