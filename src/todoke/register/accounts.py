"""`web_accounts/<version>.csv`: lets residents into the web site (`interfaces.md`, The application number)."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.csv as pa_csv

from todoke.store import sqlfiles
from todoke.store.engine import Engine
from todoke.store.schema import DELIVERY_INSTRUCTION


def web_accounts(
    household: pa.Table, numbers: pa.Table, points_per_member: int, special_delivery: pa.Table | None = None
) -> bytes:
    """The accounts as CSV (UTF-8, LF, one header row), by application number.

    Args:
        household: `schema.HOUSEHOLD`.
        numbers: household_no, application_no.
        special_delivery: `schema.DELIVERY_INSTRUCTION` in the order of the ward's files, where a confidential
            household's postal code comes from.

    Returns:
        application_no, postal_code, members, points, active (0/1); a deleted, held or uninstructed confidential
        household is inactive.
    """
    instructions = special_delivery if special_delivery is not None else DELIVERY_INSTRUCTION.empty_table()
    place = pa.array(range(instructions.num_rows), pa.int64())
    with Engine() as engine:
        engine.register("household", household)
        engine.register("delivery_instruction", instructions.append_column("place", place))
        engine.create("instruction", sqlfiles.load("parcels", "last_instruction"))
        inputs = {"application_number": numbers}
        accounts = engine.run(
            sqlfiles.load("register", "web_account"), inputs, {"points_per_member": points_per_member}
        )
    out = io.BytesIO()
    pa_csv.write_csv(accounts, out, pa_csv.WriteOptions(quoting_style="needed", quoting_header="none"))
    return out.getvalue()
