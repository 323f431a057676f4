"""The people in the print room of the demo: they look for what is on the pull list and write down what they found."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date

from todoke.intake.office import opened_workbook
from todoke.intake.private_folder import private_folder
from todoke.model.codes import PullState
from todoke.outbox.workbook import encrypted
from todoke.process.passphrase import password
from todoke.process.pull_outs import LIST
from todoke.process.workspace import Workspace
from todoke.report.pull_list import FORM
from todoke.report.returned import opened, text
from todoke.simulate.delivery import publish
from todoke.simulate.delivery_to_inbox import inbox

_WHO = "模擬　作業員"


def report_pulls(contract: str, on: date, results: Mapping[PullState, PullState], missing: int = 0) -> int:
    """Fills in the newest pull list and sends it back; nothing when there is none.

    Args:
        results: what is written beside an item, by the state that the list shows.
        missing: of how many items, from the end of the list, nobody has found the envelope.

    Returns:
        how many items were filled in.
    """
    ws = Workspace.open(contract, on)
    lists = [name for name in ws.outbox.listing(LIST) if name.endswith(".xlsx")]
    if not lists:
        return 0
    secret = password(ws)
    with private_folder() as folder:
        sealed = folder / "list.xlsx"
        sealed.write_bytes(ws.outbox.get(max(lists)))
        with opened_workbook(sealed, [secret], folder, sealed.name) as plain:
            book, found = opened(plain, sealed.name, [FORM], values=False)
        rows = range(found.top + 1, found.sheet.max_row + 1)
        items = [row for row in rows if text(found.sheet.cell(row, found.places["item_no"]))]
        said = {state.label: result for state, result in results.items()}
        filled = 0
        for row in items:
            result = said.get(text(found.sheet.cell(row, found.places["state"])) or "")
            if result is not None:
                lost = row in items[len(items) - missing :]
                found.sheet.cell(row, found.places["result"], (PullState.NOT_FOUND if lost else result).label)
                found.sheet.cell(row, found.places["by_whom"], _WHO)
                filled += 1
        stream = io.BytesIO()
        book.save(stream)
        returned = folder / "returned.xlsx"
        returned.write_bytes(encrypted(stream.getvalue(), secret))
        publish(returned, inbox(contract, "returned_work") / f"pull_list_{on:%Y%m%d}_01.xlsx")
    return filled
