"""The addresses that labels and shipping print; no other step opens `person` for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from todoke.intake.character_codes import BLANKS
from todoke.process.register_inputs import instructions_in_force
from todoke.process.workspace import Workspace
from todoke.store.engine import Engine
from todoke.store.ledger import VersionRef
from todoke.store.schema import HOUSEHOLD, PERSON
from todoke.store.sorted_rows import InOrder, give_back
from todoke.store.sqlfiles import load

_PERSON = ["household_no", "is_head", "head_name", "postal_code", "town", "block", "building"]
_text = pa.string()
ADDRESS = pa.schema(
    [
        ("household_no", _text),
        ("ward_no", _text),
        ("confidential", pa.bool_()),
        ("postal_code", _text),
        ("town", _text),
        ("block", _text),
        ("building", _text),
        ("addressee", _text),
        ("delivery_method", _text),
    ]
)


def delivery_addresses(ws: Workspace, versions: Mapping[str, VersionRef]) -> pa.Table:
    """Where each household's parcels go, by household number (G09), as `ADDRESS`.

    A confidential household without an instruction has no row; `delivery_method` is how the ward has its parcels
    delivered, empty for all others.

    Args:
        versions: of `household`, `person` and, if there is one, `delivery_instruction`.
    """
    parts = (addresses for _, addresses in address_parts(ws, versions))
    return pa.concat_tables([ADDRESS.empty_table(), *parts])


def address_parts(
    ws: Workspace, versions: Mapping[str, VersionRef], only: pa.Array | None = None
) -> Iterator[tuple[str, pa.Table]]:
    """As `delivery_addresses`, some ten thousand households at a time, each with the last household number of them.

    Both datasets lie in the order of household numbers: nothing but the part in work is in memory.

    Args:
        only: household_no of those that are asked for; the others are passed over before anything is made of them.
    """
    instructions = instructions_in_force(ws, versions)
    people = ws.version_parts(versions.get("person"), _PERSON)
    heads = (_asked_for(part.filter(part["is_head"]), only) for part in people)
    person = InOrder(heads, "household_no", pa.schema([PERSON.field(name) for name in _PERSON]))
    for household in ws.version_parts(versions.get("household"), HOUSEHOLD.names):
        last: str = household["household_no"][-1].as_py()
        with Engine() as engine:
            engine.register("person", person.until(last))
            _instruct(engine, _asked_for(household, only), instructions)
            addresses = engine.fetch(load("parcels", "delivery_address"), {"blanks": BLANKS}).cast(ADDRESS)
        give_back()
        yield last, addresses


def _asked_for(rows: pa.Table, only: pa.Array | None) -> pa.Table:
    """Rows of households that are asked for, of rows in the order of household numbers."""
    if only is None or not rows.num_rows:
        return rows
    number = rows["household_no"]
    # looking a row up costs what is looked among: a batch has few of some ten thousand households
    near = pc.and_(pc.greater_equal(only, number[0]), pc.less_equal(only, number[-1]))
    return rows.filter(pc.is_in(number, value_set=only.filter(near)))


def instructed_deliveries(ws: Workspace, versions: Mapping[str, VersionRef], parcels: pa.Table) -> pa.Table:
    """How the ward has parcels of confidential households delivered, as it wrote it (G09).

    Args:
        versions: of `household` and `delivery_instruction`.
        parcels: shipment_id, household_no, application_no.

    Returns:
        shipment_id, application_no, delivery_method, postal_code, address, building, held_at, recipient_name.
    """
    household = ws.version_table("household", versions.get("household"))
    with Engine() as engine:
        engine.register("parcel", parcels)
        _instruct(engine, household, instructions_in_force(ws, versions))
        return engine.fetch(load("parcels", "delivery_method"), {"blanks": BLANKS})


def _instruct(engine: Engine, household: pa.Table, instructions: pa.Table) -> None:
    """Gives the engine `household` and the `instruction` in force for each."""
    place = pa.array(range(instructions.num_rows), pa.int64())
    engine.register("household", household)
    engine.register("delivery_instruction", instructions.append_column("place", place))
    engine.create("instruction", load("parcels", "last_instruction"))
