"""The command line: plain errors, counts and views, nothing that the environment does not allow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def todoke(tmp_path: Path):
    """Runs the command line in a home of its own."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("TODOKE")}

    def run(*words: str, **changed: str) -> subprocess.CompletedProcess[str]:
        own = {"TODOKE_HOME": str(tmp_path), "TODOKE_GIFT_KEY": "12" * 32, "TODOKE_ENV": "test"}
        return subprocess.run(
            [sys.executable, "-m", "todoke.cli", *words],
            env=keep | own | changed,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_new_ledger_verifies_and_shows_its_views(todoke):
    assert todoke("ledger", "verify", "gift").returncode == 0
    assert todoke("show", "gift", "decision_current").returncode == 0
    assert "未出力: 0件" in todoke("status", "gift").stdout


def test_a_missing_key_is_one_line_that_says_what_to_do(todoke):
    run = todoke("status", "gift", TODOKE_GIFT_KEY="")
    assert run.returncode == 2
    assert run.stderr.startswith("エラー: ") and "TODOKE_GIFT_KEY" in run.stderr and "Traceback" not in run.stderr


def test_an_unknown_view_names_those_there_are(todoke):
    run = todoke("show", "gift", "secrets")
    assert run.returncode == 2 and "shipment_current" in run.stderr


def test_a_ward_is_simulated_only_where_the_environment_says_so(todoke, tmp_path: Path):
    refused = todoke("simulate", "gift", "--households", "200", TODOKE_ENV="production")
    assert refused.returncode == 2 and not (tmp_path / "inbox").exists()
    done = todoke("simulate", "gift", "--households", "200", TODOKE_GIFT_LGWAN_PASSPHRASE="x")
    assert done.returncode == 0 and list((tmp_path / "inbox" / "gift" / "lgwan").glob("households_*.pgp"))


def test_a_key_is_sixty_four_digits_and_never_the_same(todoke):
    first, second = todoke("key").stdout.strip(), todoke("key").stdout.strip()
    assert len(bytes.fromhex(first)) == 32 and first != second


def test_a_register_that_is_not_there_asks_nothing_and_cannot_be_compared(todoke):
    asked = todoke("register", "questions", "gift")
    assert (asked.returncode, asked.stdout) == (0, "")
    for words in (("diff", "gift", "1", "2"), ("rebuild", "gift", "1", "--check")):
        run = todoke("register", *words)
        assert run.returncode == 2 and "第1版" in run.stderr and "Traceback" not in run.stderr
    run = todoke("register", "answer", "gift", "Q0000000000", "same", "--by", "op07")
    assert run.returncode == 2 and "todoke register questions" in run.stderr
