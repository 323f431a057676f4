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
    with Engine() as engine:
        engine.register("person", person.filter(pc.field("is_head")))
        _instruct(ws, engine, versions)
        return engine.fetch(load("parcels", "delivery_address"))


def instructed_deliveries(ws: Workspace, versions: Mapping[str, VersionRef], parcels: pa.Table) -> pa.Table:
    """How the ward has parcels of confidential households delivered, as it wrote it (G09).

    Args:
        versions: of `household` and `delivery_instruction`.
        parcels: shipment_id, household_no, application_no.

    Returns:
        shipment_id, application_no, delivery_method, postal_code, address, building, held_at, recipient_name.
    """
    with Engine() as engine:
        engine.register("parcel", parcels)
        _instruct(ws, engine, versions)
        return engine.fetch(load("parcels", "delivery_method"))


def _instruct(ws: Workspace, engine: Engine, versions: Mapping[str, VersionRef]) -> None:
    """Gives the engine `household` and the `instruction` in force for each."""
    instructions = instructions_in_force(ws, versions)
    place = pa.array(range(instructions.num_rows), pa.int64())
    engine.register("household", ws.version_table("household", versions.get("household")))
    engine.register("delivery_instruction", instructions.append_column("place", place))
    engine.create("instruction", load("parcels", "last_instruction"))
