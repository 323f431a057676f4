"""Nothing of a person gets out of the places meant for it: a whole programme is run and its traces are searched."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from canary_programme import HOUSEHOLDS
from plaintext_search import Needles, cells, files, mail_texts

import databases
from orchestration import demo, demo_checks
from todoke.simulate.ward import Ward, make_ward
from todoke.store import database
from todoke.store.lake import Lake
from todoke.store.ledger import Ledger
from todoke.store.schema import ENCRYPTED

pytestmark = pytest.mark.xdist_group("canary")
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONTRACT = demo.CONTRACT


@pytest.fixture(scope="module")
def ward() -> Ward:
    return make_ward(HOUSEHOLDS, demo.SEED)


@pytest.fixture(scope="module")
def needles(ward: Ward) -> Needles:
    return Needles.of(ward.households, ward.persons)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a short season through Airflow's DAGs has left; its own process, for Airflow reads its settings once."""
    folder = tmp_path_factory.mktemp("canary")
    (folder / "tmp").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "TODOKE"))}
    own = {
        "TODOKE_HOME": str(folder / "home"),
        "TODOKE_ENV": "demo",
        "TODOKE_GIFT_KEY": databases.KEY,
        "TODOKE_GIFT_LGWAN_PASSPHRASE": "canary",
    }
    env = kept | own | {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "TMPDIR": str(folder / "tmp")}
    done = subprocess.run(
        [sys.executable, HERE / "canary_programme.py"], env=env, capture_output=True, text=True, cwd=folder
    )
    (folder / "console").mkdir()
    (folder / "console" / "out").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stderr[-4000:]
    with databases.environment(**own):
        yield folder / "home"
        database.engine_of(CONTRACT).dispose()


def test_the_totals_of_the_programme_close(home: Path):
    checks = dict(demo_checks.check_all(CONTRACT, home / "demo" / "answers"))
    assert len(checks) == 13
    assert "発見できず 1・区へ納品済み 3" in checks["引抜きの指示 ＝ 一覧（各状態の合計） ＋ 未印字 ＋ 不明"]
    assert checks["再送したカタログ（依頼・新しい住所） ＝ 集計の再送"] == "2"


def test_logs_and_console_name_nobody(home: Path, needles: Needles):
    logs = files(home / "airflow" / "logs", home.parent / "console")
    assert len([log for log in logs if "dag_id=gift_" in str(log)]) > 60
    assert {str(log) for log in logs if needles.found_in_bytes(log.read_bytes())} == set()


def test_airflows_database_names_nobody(home: Path, needles: Needles):
    everything = list(cells(home / "airflow" / "airflow.db"))
    places = {place.split(".")[0] for place, _ in everything}
    assert {"xcom", "rendered_task_instance_fields", "dag_run", "task_instance", "log", "hitl_detail"} <= places
    assert _places_with(needles, everything) == set()


def test_airflows_database_names_no_inspector_of_the_ward(home: Path):
    with closing(sqlite3.connect(f"file:{home / 'airflow' / 'airflow.db'}?mode=ro", uri=True)) as database:
        kept = [json.loads(row[0]) for row in database.execute("SELECT params_input FROM hitl_detail")]
        logged = database.execute("SELECT extra FROM log WHERE event = 'update_hitl_detail'").fetchall()
    inspections = [said for said in kept if said]
    assert {(said["inspector"], *said) for said in inspections} == {("01", "inspector", "inspected_on")}
    assert [json.loads(row[0])["params_input"] for row in logged if "inspector" in row[0]] == inspections


def test_the_ledger_names_nobody(home: Path, needles: Needles):
    everything = list(cells(home / "ledger" / f"{CONTRACT}.db"))
    assert {"shipment", "decision", "receipt", "approval_request"} <= {place.split(".")[0] for place, _ in everything}
    assert _places_with(needles, everything) == set()


def test_the_lake_names_people_in_its_sealed_datasets_alone(home: Path, needles: Needles):
    ledger = Ledger(CONTRACT)
    lake = Lake(ledger)
    with ledger.read() as tx:
        heads = ledger.heads(tx)
        versions = [version for name in heads for version in ledger.versions(tx, name)]
    told = {
        version.dataset
        for version in versions
        if version.dataset not in ENCRYPTED
        and needles.found_in("\n".join(str(value) for column in lake.read(version).columns for value in column))
    }
    assert told == set()
    assert needles.found_in("\n".join(map(str, lake.read(heads["person"]).to_pylist())))
    in_clear = {path.relative_to(home / "lake" / CONTRACT).parts[0] for path in _readable(home / "lake")}
    assert in_clear == heads.keys() - ENCRYPTED


def _readable(folder: Path) -> list[Path]:
    """Parquet files whose footer is not encrypted."""
    return [path for path in files(folder) if path.read_bytes()[-4:] != b"PARE"]


def test_sealed_files_cannot_be_read_without_the_key(home: Path, needles: Needles):
    sealed = files(home / "vault", home / "outbox", home / "lake")
    assert len(sealed) > 100
    assert {path.name for path in sealed if needles.found_in_bytes(path.read_bytes())} == set()
    assert {path.suffix for path in files(home / "vault", home / "outbox")} == {".age"}


def test_nothing_is_left_in_the_inbox_or_in_temporary_folders(home: Path, needles: Needles):
    assert files(home / "inbox") == []
    assert [path for path in files(home.parent / "tmp") if needles.found_in_bytes(path.read_bytes())] == []


def test_quality_pages_and_mails_name_nobody(home: Path, needles: Needles):
    pages = files(home / "quality")
    assert len(pages) >= 1
    assert {page.name for page in pages if needles.found_in_bytes(page.read_bytes())} == set()
    mails = files(home / "demo" / "mails")
    texts = [text for mail in mails for text in mail_texts(mail.read_bytes())]
    assert any("配達完了" in text for text in texts)
    assert not any(needles.found_in(text) for text in texts)


def _places_with(needles: Needles, everything: list[tuple[str, str | bytes]]) -> set[str]:
    return {
        place
        for place, value in everything
        if (needles.found_in_bytes(value) if isinstance(value, bytes) else needles.found_in(value))
    }


KNOWN = {
    "見本　太郎右衛門": ["見本　太郎右衛門", "見本 太郎右衛門", "見本太郎右衛門"],
    "みほん　たろう": ["みほん　たろう", "ミホン　タロウ", "ﾐﾎﾝ ﾀﾛｳ"],
    "中目黒１丁目２番３号": ["中目黒１丁目２番３号", "中目黒1丁目2番3号"],
    "1987-03-05": ["1987-03-05", "1987/03/05", "1987/3/5", "19870305", "1987年3月5日", "datetime.date(1987, 3, 5)"],
}


@pytest.mark.parametrize("known", KNOWN)
def test_a_person_who_got_out_would_be_found(known: str, tmp_path: Path):
    person = Needles(*(([], [known]) if known[0] == "1" else ([known], [])))
    for written in KNOWN[known]:
        line = f"12行目の {written} が誤りです"
        assert person.found_in(line)
        assert person.found_in(json.dumps({"return_value": [line]}))
        for encoding in ("utf-8", "cp932", "utf-16-le"):
            assert person.found_in_bytes(b"\x00\xff" + line.encode(encoding) + b"\xfe\x00")
        with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS xcom (key TEXT, value JSON, seen BLOB)")
            connection.execute("INSERT INTO xcom VALUES (?, ?, ?)", ["k", json.dumps(line), line.encode("cp932")])
        assert _places_with(person, list(cells(tmp_path / "a.db"))) == {"xcom.value", "xcom.seen"}
        (tmp_path / "a.db").unlink()
    assert not person.found_in("世帯番号 0001000123、2026-11-10、件数 12、版 8F2D19870305A1、見本太郎、中目黒１丁目")


def test_the_search_knows_most_people_of_the_ward(ward: Ward, needles: Needles):
    assert len(needles.births) > 0.5 * len(ward.persons)
    assert len(needles.texts) > len(ward.persons)
