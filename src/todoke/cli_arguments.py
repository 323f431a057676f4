"""What commands of every group are given."""

from __future__ import annotations

from typing import Annotated

import typer

ContractId = Annotated[str, typer.Argument(help="契約の番号（gift など）")]
Person = Annotated[str, typer.Option("--by", help="決めた人（記録に残ります）")]
