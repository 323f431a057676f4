"""Runs the demo with fewer households and fewer days, over the home that the environment names."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path

from orchestration import demo, demo_environment

HOUSEHOLDS = 400

if __name__ == "__main__":
    demo_environment.SECRETS = Path(os.environ["TODOKE_HOME"]).parent / "secrets" / "demo.env"
    demo.SIZES = {"small": HOUSEHOLDS}
    demo.ORDER_DAYS = (date(2026, 11, 10), demo.LATE_CORRECTION, date(2027, 1, 15))
    demo.REPORT_DAYS = (date(2026, 12, 10), date(2027, 2, 10))
    sys.exit(demo.main(["--size", "small"]))
