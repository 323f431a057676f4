"""The command line: plain errors, counts and views, nothing that the environment does not allow."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml

import databases
from todoke import clock
from todoke.process import approval, approvals
from todoke.process.workspace import Workspace
from todoke.store import database
from todoke.store import tables as t
from todoke.store.ledger import Ledger

HEADER = "世帯番号,世帯主氏名,世帯主氏名かな,世帯員氏名,世帯員氏名かな,郵便番号,町名,番地,方書,世帯人数,自治会"
WORDS = ("山田", "太郎", "やまだ", "中目黒", "１丁目", "1530061", "0000123", "東会", "甲乙")


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


def test_a_mail_in_doubt_is_listed_and_decided_once_by_a_named_person(todoke, tmp_path: Path):
    key = "report/deliveries/2026-11"
    with databases.environment(TODOKE_HOME=str(tmp_path), TODOKE_GIFT_KEY="12" * 32, TODOKE_ENV="test"):
        ledger = Ledger("gift")
        with ledger.write() as tx:
            row = {"key": key, "message_id": "<1@desk.example.jp>", "digest": "", "state": "sending"}
            tx.execute(t.send.insert().values(row))
        assert todoke("mail", "list", "gift").stdout == f"{key}\t送信中・到達不明\t<1@desk.example.jp>\n"
        assert todoke("mail", "decide", "gift", key, "--by", "佐藤").returncode != 0  # arrived or not must be said
        assert todoke("mail", "decide", "gift", key, "--sent").returncode != 0
        assert todoke("mail", "decide", "gift", key, "--send-again", "--by", "佐藤").returncode == 0
        assert "未送信" in todoke("mail", "list", "gift").stdout
        again = todoke("mail", "decide", "gift", key, "--sent", "--by", "鈴木")
        assert again.returncode == 2 and "到達が不明なメールではありません" in again.stderr
        with ledger.read() as tx:
            kept = tx.execute(t.send_decision.select()).one()
        database.engine_of("gift").dispose()
    assert (kept.key, kept.verdict, kept.by_whom) == (key, "prepared", "佐藤")


def test_a_rejected_request_is_listed_and_asked_again_for_a_named_person(todoke, tmp_path: Path):
    place = ("gift:labels:catalogue", "d" * 64)
    with databases.environment(TODOKE_HOME=str(tmp_path), TODOKE_GIFT_KEY="12" * 32, TODOKE_ENV="test"):
        approvals.request(Workspace.open("gift", date(2026, 9, 7)), "labels:catalogue", place[1], "件名", "本文")
        approval.record("gift", *place, "rejected", "admin")
        database.engine_of("gift").dispose()
    assert todoke("approval", "reopen", "gift", *place).returncode != 0
    assert todoke("approval", "reopen", "gift", *place, "--by", "佐藤").returncode == 0
    again = todoke("approval", "reopen", "gift", *place, "--by", "佐藤")
    assert again.returncode == 2 and "却下された依頼ではありません" in again.stderr
    first, second = todoke("approval", "list", "gift").stdout.splitlines()
    assert first.split("\t") == ["2026-09-07", *place, "1回目", "却下", "admin", "", ""]
    assert second.split("\t")[1:5] == [*place, "2回目", "未回答"]


def test_an_inspection_is_listed_with_inspector_and_day(todoke, tmp_path: Path):
    subject, digest = "labels_test:catalogue", "d" * 64
    with databases.environment(TODOKE_HOME=str(tmp_path), TODOKE_GIFT_KEY="12" * 32, TODOKE_ENV="test"):
        ws = Workspace.open("gift", date(2026, 9, 7))
        approvals.request(ws, subject, digest, "件名", "本文", approvals.PASSED_OR_NOT)
        day = clock.now_tokyo().date().isoformat()
        inspection = {"inspector": "01", "inspected_on": day}
        approval.record("gift", f"gift:{subject}", digest, "inspected", "admin", **inspection)
        database.engine_of("gift").dispose()
    [row] = todoke("approval", "list", "gift").stdout.splitlines()
    assert row.split("\t")[3:] == ["1回目", "検査合格として承認", "admin", "防災課普及係長（01）", day]


def test_a_ward_is_simulated_only_where_the_environment_says_so(todoke, tmp_path: Path):
    refused = todoke("simulate", "gift", "--households", "200", TODOKE_ENV="production")
    assert refused.returncode == 2 and not (tmp_path / "inbox").exists()
    done = todoke("simulate", "gift", "--households", "200", TODOKE_GIFT_LGWAN_PASSPHRASE="x")
    assert done.returncode == 0 and list((tmp_path / "inbox" / "gift" / "lgwan").glob("households_*.pgp"))


def test_a_key_is_sixty_four_digits_and_never_the_same(todoke):
    first, second = todoke("key").stdout.strip(), todoke("key").stdout.strip()
    assert len(bytes.fromhex(first)) == 32 and first != second


def ward_file(folder: Path, *rows: str, header: str = HEADER, ending: bytes = b"") -> str:
    file = folder / "households_20260721_01.csv"
    file.write_bytes("".join(f"{row}\r\n" for row in (header, *rows)).encode("cp932") + ending)
    return str(file)


ROW = "0000123,山田　太郎,やまだ　たろう,山田　太郎,やまだ　たろう,153-0061,中目黒,１丁目2-3,コーポ甲乙,1,東会"


def test_a_layout_check_tells_what_a_file_would_become_and_shows_no_text_of_a_cell(todoke, tmp_path: Path):
    torn = "甲乙,太郎\r\n".encode("cp932")
    run = todoke("layout", "check", "gift", "households", ward_file(tmp_path, *[ROW] * 99, ending=torn))
    assert run.returncode == 0, run.stderr
    said = run.stdout
    assert "1列目 世帯番号 → household_no" in said
    assert "ない列（任意）: 世帯員番号、生年月日、続柄、秘匿区分、旧世帯番号、備考" in said
    assert "11列目 自治会" in said
    assert "行数: 100行 = 受け入れ 99行 + 隔離 1行" in said
    offset = len((HEADER + "\r\n" + (ROW + "\r\n") * 99).encode("cp932"))
    assert f"項目数の不一致: 1行（100行目 {offset:,}バイト目）" in said
    assert "household_no=9999999、head_name=●●　●●" in said and "block=9●●9-9" in said
    assert not [word for word in WORDS if word in run.stdout + run.stderr]
    assert not (tmp_path / "ledger").exists() and not (tmp_path / "lake").exists()


def test_a_layout_check_counts_the_words_of_coded_fields_that_nobody_knows_and_shows_no_name(todoke, tmp_path: Path):
    said = [("本人", "有"), ("本人", "無"), ("本人", "有"), ("妻", "有"), ("山田　太郎", "太郎"), ("本人", "1")]
    rows = [f"{ROW},{relation},{secret}".replace("0000123", f"0000{no}") for no, (relation, secret) in enumerate(said)]
    file = ward_file(tmp_path, *rows, header=f"{HEADER},続柄,秘匿区分")
    run = todoke("layout", "check", "gift", "households", file)
    assert "知らない値・続柄: 本人 4行、●●　●● 1行、妻 1行" in run.stdout
    assert "知らない値・秘匿区分: 有 3行、●● 1行、無 1行" in run.stdout
    assert "layouts.households.values に" in run.stdout
    root = tmp_path / "root"
    values = {"relationship": {"本人": "世帯主"}, "confidential": {"有": "1", "無": "0"}}
    run = todoke("layout", "check", "gift", "households", file, TODOKE_ROOT=str(mapping(root, values)))
    assert "値の読み替え・続柄: 本人 → 世帯主 4行" in run.stdout
    assert "世帯主としない値・続柄: ●●　●● 1行、妻 1行" in run.stdout
    assert "値の読み替え・秘匿区分: 有 → 1 3行、無 → 0 1行" in run.stdout
    assert "知らない値・秘匿区分: ●● 1行" in run.stdout
    assert not [word for word in WORDS if word in run.stdout + run.stderr]


def test_a_layout_check_tells_what_would_not_be_read_as_a_number_or_a_day_and_what_would_be(todoke, tmp_path: Path):
    said = [
        *(('="0000001"', "〒１５３－００６１", "1人", "昭60.1.2"), ("０００ 0002", "153 0061", "１", "1985/1/2 0:00")),
        *(("1.23E+09", "3-0061", "", "49000"), ("A-12345", "1530061", "1.0", "不詳"), ("'0000123", "", "1", "")),
    ]
    rows = [",".join((no, *ROW.split(",")[1:5], post, "中目黒", "1", "", n, "東会", day)) for no, post, n, day in said]
    file = ward_file(tmp_path, *rows, header=f"{HEADER},生年月日".replace("町名", "町 名"), ending=b" ,,\r\n\r\n")
    run = todoke("layout", "check", "gift", "households", file)
    assert run.returncode == 0, run.stderr
    assert "行数: 5行 = 受け入れ 5行 + 隔離 0行\n空の行: 2行（行に数えません）" in run.stdout
    assert 'Excel の式（="…"）で書かれた値: 1個' in run.stdout
    assert "読み取れない値・世帯番号: 3行（9.9E+9 1行、●-99999 1行、●9999999 1行）" in run.stdout
    assert "文字列での再送を依頼してください" in run.stdout
    assert "読み取れない値・郵便番号: 2行（（空欄） 1行、9-9999 1行）" in run.stdout
    assert "読み取れない値・世帯人数: 2行（（空欄） 1行、9●9 1行）" in run.stdout
    assert "読み取れない値・生年月日: 2行（99999 1行、●● 1行）" in run.stdout
    assert not [word for word in WORDS if word in run.stdout + run.stderr]
    counter = tmp_path / "special_delivery_20260721_01.csv"
    names = "世帯番号,配送方法,送付先郵便番号,送付先住所,送付先方書,送付先氏名,留置先名称"
    counter.write_bytes(f"{names}\r\n1,営業所留,,,,太郎,中目黒局\r\n".encode("cp932"))
    run = todoke("layout", "check", "gift", "special_delivery", str(counter))
    assert run.returncode == 0 and "読み取れない値" not in run.stdout


def mapping(root: Path, values: dict[str, dict[str, str]]) -> Path:
    """An installation whose contract maps values of the base file."""
    checkout = Path(__file__).parents[2]
    body = yaml.safe_load((checkout / "contracts/gift/contract.yaml").read_text("utf-8"))
    body["layouts"]["households"] = body["layouts"]["households"] | {"values": values}
    (root / "contracts/gift").mkdir(parents=True)
    (root / "contracts/gift/contract.yaml").write_text(yaml.safe_dump(body, allow_unicode=True), "utf-8")
    return root


@pytest.mark.parametrize(
    ("rows", "header", "reason"),
    [
        ([ROW, "甲乙,太郎"], HEADER, "読めない行が1行あります"),
        ([ROW.partition(",")[2]], HEADER.partition(",")[2], "必要な列がありません: 世帯番号"),
        ([], ROW, "必要な列がありません"),
    ],
)
def test_a_layout_check_fails_where_the_file_would_be_refused(todoke, tmp_path: Path, rows, header, reason):
    run = todoke("layout", "check", "gift", "households", ward_file(tmp_path, *rows, header=header))
    assert run.returncode == 2
    assert reason in run.stderr and "Traceback" not in run.stderr
    assert not [word for word in WORDS if word in run.stdout + run.stderr]


def test_a_layout_check_of_a_kind_that_the_contract_does_not_know_names_those_it_does(todoke, tmp_path: Path):
    run = todoke("layout", "check", "gift", "salaries", ward_file(tmp_path, ROW))
    assert run.returncode == 2 and "households、additions、corrections" in run.stderr


def test_a_register_that_is_not_there_asks_nothing_and_cannot_be_compared(todoke):
    asked = todoke("register", "questions", "gift")
    assert (asked.returncode, asked.stdout) == (0, "")
    for words in (("diff", "gift", "1", "2"), ("rebuild", "gift", "1", "--check")):
        run = todoke("register", *words)
        assert run.returncode == 2 and "第1版" in run.stderr and "Traceback" not in run.stderr
    run = todoke("register", "answer", "gift", "Q0000000000", "same", "--by", "op07")
    assert run.returncode == 2 and "todoke register questions" in run.stderr


def test_a_pull_and_a_reprint_say_what_is_missing_in_one_line(todoke):
    run = todoke("labels", "pull", "gift", "--by", "佐藤", "--reason", "字形の誤り", "--code-point", "U+E000")
    assert run.returncode == 2 and "印字済みで、まだ引抜き一覧にないラベルが見つかりません" in run.stderr
    both = todoke(
        "labels", "pull", "gift", "--by", "佐藤", "--reason", "x", "--code-point", "U+E000", "--application-no", "1"
    )
    assert both.returncode == 2 and "いずれか一つ" in both.stderr
    place = ("--batch", "B", "--file", "labels_001.pdf", "--sheet", "1", "--cause", "汚損", "--by", "佐藤")
    run = todoke("labels", "reprint", "gift", *place)
    assert run.returncode == 2 and "この束のラベルは出力されていません" in run.stderr
    assert "Traceback" not in run.stderr
