"""The addresses that labels and shipping print; no other step opens `person` for them."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from todoke.process.register_inputs import instructions_in_force
from todoke.process.workspace import Workspace
from todoke.store.engine import Engine
from todoke.store.ledger import VersionRef
from todoke.store.sqlfiles import load

_PERSON = ["household_no", "is_head", "head_name", "postal_code", "town", "block", "building"]


def delivery_addresses(ws: Workspace, versions: Mapping[str, VersionRef]) -> pa.Table:
    """Where each household's parcels go, by household number (G09).

    Args:
        versions: of `household`, `person` and, if there is one, `delivery_instruction`.

    Returns:
        household_no, ward_no, confidential, postal_code, town, block, building, addressee. A confidential household
        without an instruction has no row.
    """
    person = ws.version_table("person", versions.get("person"), _PERSON)
    instructions = instructions_in_force(ws, versions)
    with Engine() as engine:
        engine.register("household", ws.version_table("household", versions.get("household")))
        engine.register("person", person.filter(pc.field("is_head")))
        place = pa.array(range(instructions.num_rows), pa.int64())
        engine.register("delivery_instruction", instructions.append_column("place", place))
        engine.create("instruction", load("parcels", "last_instruction"))
        return engine.fetch(load("parcels", "delivery_address"))
