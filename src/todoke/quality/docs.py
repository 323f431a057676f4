"""The page that shows what was checked and what was found: one self-contained file without a value of a record.

GX's own Data Docs fetch style sheets and a logo from elsewhere when looked at; this page refers to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import jinja2

from todoke.contract.loader import project_root
from todoke.quality.suites import SuiteResult


@dataclass(frozen=True)
class Listing:
    """A table of counts: `rows` hold a label and its numbers, one for each of `columns` after the first."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, *tuple[int, ...]]]
    empty: str
    note: str = ""


def quality_page(
    result: SuiteResult,
    *,
    landed: SuiteResult | None = None,
    documented: frozenset[str] = frozenset(),
    counts: Mapping[str, int],
    listings: Sequence[Listing],
    contract_name: str,
    on: date,
) -> bytes:
    """The documentation of a suite's run as HTML (UTF-8).

    Args:
        result: the suite over the rows that are taken.
        landed: the suite over all rows, where some are not taken.
        documented: reasons that are shown and close nothing.
        counts: rows by what became of them, by label.
        on: business date of the run.
    """
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(project_root() / "include" / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["number"] = "{:,}".format
    before = landed.checks if landed is not None else result.checks
    page = templates.get_template("quality.html.j2").render(
        title=result.title,
        passed=all(check.success or check.reason in documented for check in result.checks),
        two=landed is not None,
        pairs=list(zip(before, result.checks, strict=True)),
        documented=documented,
        counts=counts,
        listings=listings,
        contract_name=contract_name,
        on=on,
    )
    return page.encode()
