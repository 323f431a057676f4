"""The page that shows what was checked and what was found: one self-contained file without a value of a record.

GX's own Data Docs fetch style sheets and a logo from elsewhere when looked at; this page refers to nothing.
"""

from __future__ import annotations

from datetime import date

import jinja2
import pyarrow as pa

from todoke.contract.loader import project_root
from todoke.model.codes import Finding
from todoke.quality.findings import by_reason
from todoke.quality.suites import SuiteResult


def quality_page(
    landed: SuiteResult, accepted: SuiteResult, found: pa.Table, *, rows_in: int, contract_name: str, on: date
) -> bytes:
    """The documentation of a register version as HTML (UTF-8).

    Args:
        landed, accepted: the suite over all landed rows and over those accepted.
        found: the quarantine, `schema.QUARANTINE`.
        rows_in: data rows of the files, unreadable ones included.
        on: business date of the run.
    """
    counts = by_reason(found)
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(project_root() / "include" / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = templates.get_template("quality.html.j2").render(
        landed=landed,
        accepted=accepted,
        pairs=list(zip(landed.checks, accepted.checks, strict=True)),
        reasons=[(reason.label, *counts[reason]) for reason in Finding if reason in counts],
        rows_in=rows_in,
        quarantined=rows_in - accepted.rows,
        contract_name=contract_name,
        on=on,
    )
    return page.encode()
