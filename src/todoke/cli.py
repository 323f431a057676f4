"""The command line: what an engineer does without Airflow's UI. Operators' texts are Japanese."""

from __future__ import annotations

import csv
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from todoke import clock
from todoke.cli_arguments import ContractId, Person
from todoke.cli_labels import labels_app
from todoke.contract import loader
from todoke.errors import TodokeError

app = typer.Typer(help="届け：自治体事業の事務局業務", no_args_is_help=True, pretty_exceptions_enable=False)


def _group(name: str, told: str) -> typer.Typer:
    group = typer.Typer(help=told, no_args_is_help=True)
    app.add_typer(group, name=name)
    return group


ledger_app = _group("ledger", "台帳")
layout_app = _group("layout", "区のファイルのレイアウト")
outbox_app = _group("outbox", "出力（暗号化された送信箱）")
approval_app = _group("approval", "承認")
mail_app = _group("mail", "区へのメール")
receipts_app = _group("receipts", "受領（預かり証・記録簿）")
app.add_typer(labels_app, name="labels")
register_app = _group("register", "世帯台帳の版と確認事項")
parcels_app = _group("parcels", "出荷（再送の依頼）")

Day = Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="業務日")]


def main() -> None:
    """Runs the command line; an error of ours is one line on standard error and exit code 2."""
    try:
        app()
    except TodokeError as error:
        print(f"エラー: {error}", file=sys.stderr)
        sys.exit(2)


@app.command()
def key() -> None:
    """契約の鍵を新しく作って表示します（TODOKE_HOME とバックアップの外に保管してください）。"""
    print(secrets.token_hex(32))


@app.command()
def run(
    contract: ContractId,
    process: Annotated[str, typer.Argument(help="業務（intake, register, …）")],
    day: Day,
    approve: Annotated[bool, typer.Option("--approve", help="承認を自動で答えます（模擬環境だけ）")] = False,
    conf: Annotated[str, typer.Option(help="実行の設定（JSON）")] = "{}",
) -> None:
    """業務のDAGを、Airflowが動かすのと同じDAGのまま1回実行します。"""
    command = [sys.executable, "-m", "orchestration.in_process", contract, process]
    command += ["--date", f"{day:%Y-%m-%d}", "--conf", conf, *(["--approve"] if approve else [])]
    root = loader.project_root()
    path = os.pathsep.join(filter(None, [str(root), str(root / "src"), os.environ.get("PYTHONPATH")]))
    raise typer.Exit(subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False).returncode)


@app.command()
def simulate(
    contract: ContractId,
    households: Annotated[int, typer.Option(min=100, help="世帯数")] = 2_000,
    seed: Annotated[int, typer.Option(help="乱数の種")] = 20260601,
) -> None:
    """架空の区の世帯データと外字フォントを受信箱に置きます（TODOKE_ENV が demo か test のときだけ）。"""
    from todoke.simulate.delivery_to_inbox import deliver_base

    if not loader.is_simulation(contract):
        raise TodokeError(
            "模擬データは模擬環境の契約でだけ使えます",
            where=contract,
            next_step="TODOKE_ENV=demo を設定してください",
        )
    ward = deliver_base(contract, households, seed)
    print(f"受信箱に置きました: {households:,}世帯 / {len(ward.persons):,}人")


@app.command()
def check(contract: ContractId) -> None:
    """契約ファイルを、後の改訂と宛名ラベルの印字まで確かめます。誤りがあれば終了コード2。"""
    from todoke.process import contract_check

    print("契約ファイルに誤りはありません:", contract_check.check(contract, clock.now_tokyo().date()).id)


@app.command()
def status(contract: ContractId) -> None:
    """契約の今の状態（版・申込・出荷・未処理）を件数で示します。"""
    from todoke.process.status import lines

    print(*lines(contract), sep="\n")


@app.command()
def show(
    contract: ContractId,
    view: Annotated[str, typer.Argument(help="decision_current, shipment_current など")],
    limit: Annotated[int, typer.Option(help="行数（0はすべて）")] = 20,
) -> None:
    """台帳のビューをCSVで表示します。"""
    from todoke.store.ledger import Ledger, fetch_view
    from todoke.store.tables import VIEWS

    if view not in VIEWS:
        raise TodokeError("このビューはありません", where=view, next_step=f"使えるもの: {', '.join(VIEWS)}")
    ledger = Ledger(contract)
    with ledger.read() as tx:
        rows = fetch_view(tx, view, contract)
    _print_csv(rows[:limit] if limit else rows)


def _print_csv(rows: Sequence[Mapping[str, object]]) -> None:
    writer = csv.writer(sys.stdout)
    if rows:
        writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)


@ledger_app.command("verify")
def ledger_verify(contract: ContractId) -> None:
    """台帳の現在値を記録から作り直して照合します。食い違いがあれば終了コード1。"""
    from todoke.store.ledger import Ledger
    from todoke.store.verify import verify

    faults = verify(Ledger(contract))
    for fault in faults:
        print(fault)
    print("一致しました" if not faults else f"食い違い {len(faults)}件")
    raise typer.Exit(1 if faults else 0)


@layout_app.command("check")
def layout_check(
    contract: ContractId,
    kind: Annotated[str, typer.Argument(help="種類（households, additions, corrections など）")],
    file: Annotated[Path, typer.Argument(help="区のファイル", exists=True, dir_okay=False)],
) -> None:
    """ファイルを取り込むと何になるかを、取り込まずに示します（先頭の行は伏せ字）。受け入れられなければ終了コード2。"""
    from todoke.process.layout_check import check

    for line in check(contract, kind, file, clock.now_tokyo().date()):
        print(line)


@receipts_app.command("export")
def receipts_export(
    contract: ContractId,
    to: Annotated[Path, typer.Option(help="書き出すファイル（.xlsx）、またはフォルダー")],
) -> None:
    """受領記録簿（すべての受領・状態・理由・再送の回数）をワークブックに書き出します。"""
    from todoke.process.receipts import export_register

    target = to if to.suffix == ".xlsx" else to / f"{contract}_receipts_{clock.now_tokyo():%Y%m%d}.xlsx"
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    target.write_bytes(export_register(contract))
    print(f"書き出しました: {target}")


@register_app.command("versions")
def register_versions(contract: ContractId) -> None:
    """世帯台帳の版と、それぞれの元になった版・受領を示します。"""
    from todoke.process.register_versions import parents

    print(*parents(contract), sep="\n")


@register_app.command("diff")
def register_diff(
    contract: ContractId,
    older: Annotated[int, typer.Argument(help="古い版の番号")],
    newer: Annotated[int, typer.Argument(help="新しい版の番号")],
) -> None:
    """世帯台帳の2つの版の違いと、古い版を使った処理を、件数で示します。"""
    from todoke.process.register_versions import compared

    writer = csv.writer(sys.stdout)
    writer.writerow(("group", "kind", "count"))
    for group, counts in compared(contract, older, newer).items():
        writer.writerows((group, kind, count) for kind, count in counts.items())


@register_app.command("rebuild")
def register_rebuild(
    contract: ContractId,
    number: Annotated[int, typer.Argument(help="版の番号")],
    check: Annotated[bool, typer.Option("--check", help="食い違いがあれば終了コード1にします")] = False,
) -> None:
    """世帯台帳の版を、保管した原本から作り直して照合します。何も書き換えません。"""
    from todoke.process.register_rebuild import DIFFERS, rebuilt

    said = rebuilt(contract, number)
    for name, verdict in said.items():
        print(f"{name}: {verdict}")
    raise typer.Exit(1 if check and DIFFERS in said.values() else 0)


@register_app.command("questions")
def register_questions(contract: ContractId) -> None:
    """人の判断を待つ世帯をCSVで示します（世帯番号だけで、氏名・住所は出しません）。"""
    from todoke.process.register_answers import questions

    _print_csv(questions(contract))


@register_app.command("answer")
def register_answer(
    contract: ContractId,
    question: Annotated[str, typer.Argument(help="確認事項の番号（questions で示すもの）")],
    verdict: Annotated[str, typer.Argument(help="回答（same, different, remove, keep, resume, hold）")],
    by: Annotated[str, typer.Option(help="回答した人のアカウント名")],
) -> None:
    """確認事項への回答を記録します。次の「世帯台帳の検査と発行」で反映します。回答し直すと最後の回答が有効です。"""
    from todoke.process.register_answers import answer

    recorded = answer(contract, question, verdict, by)["recorded"]
    print("記録しました" if recorded else "すでに同じ回答があります")


@parcels_app.command("resend")
def parcels_resend(
    contract: ContractId,
    application_no: Annotated[str, typer.Option(help="申込番号")],
    cause: Annotated[str, typer.Option(help="理由（紛失など。氏名・住所は書かないでください）")],
    by: Person,
    kind: Annotated[str, typer.Option(help="catalogue か goods")] = "catalogue",
) -> None:
    """届かなかった出荷をもう一度送るよう依頼します。次の「宛名ラベル」か「申込の突合」で出荷を作ります。"""
    from todoke.process.resend_requests import request

    print(f"記録しました: {request(contract, application_no, kind, cause, by)['request_id']}")


@parcels_app.command("requests")
def parcels_requests(contract: ContractId) -> None:
    """再送の依頼と、それによる出荷をCSVで示します。"""
    from todoke.process.resend_requests import requests

    _print_csv(requests(contract))


@outbox_app.command("list")
def outbox_list(contract: ContractId, below: Annotated[str, typer.Argument(help="種類（labels など）")] = "") -> None:
    """出力したファイルの一覧です。"""
    from todoke.process.workspace import Workspace

    print(*Workspace.open(contract, clock.now_tokyo().date()).outbox.listing(below), sep="\n")


@outbox_app.command("export")
def outbox_export(
    contract: ContractId,
    below: Annotated[str, typer.Argument(help="種類、または種類/バッチ")],
    to: Annotated[Path, typer.Option(help="書き出すフォルダー")],
) -> None:
    """出力したファイルを復号して書き出します（渡した後は消してください）。"""
    from todoke.process.workspace import Workspace

    outbox = Workspace.open(contract, clock.now_tokyo().date()).outbox
    names = outbox.listing(below)
    for name in names:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.write_bytes(outbox.get(name))
    print(f"{len(names)}件を書き出しました")


@approval_app.command("list")
def approval_list(contract: ContractId) -> None:
    """承認の依頼と答えの一覧です（依頼日・対象・ダイジェスト・何回目か・答え・答えた人・検査者・検査日）。"""
    from todoke.process import approval
    from todoke.process.approvals import Verdict

    labels = {None: "未回答"} | {str(verdict): verdict.label for verdict in Verdict}
    for row in approval.history(contract):
        asked = (row["requested_on"], row["subject"], row["subject_digest"], f"{row['round']}回目")
        answered = (labels[row["verdict"]], row["by_whom"] or "", row["inspector"] or "", row["inspected_on"] or "")
        print(*asked, *answered, sep="\t")


@approval_app.command("reopen")
def approval_reopen(
    contract: ContractId,
    subject: Annotated[str, typer.Argument(help="対象（gift:labels:catalogue など）")],
    digest: Annotated[str, typer.Argument(help="内容のダイジェスト")],
    by_whom: Person,
) -> None:
    """却下された内容を、そのままもう一度依頼します。依頼した業務の次の実行が「要対応項目」に出します。"""
    from todoke.process import approval

    print(f"{approval.reopen(contract, subject, digest, by_whom)}回目の依頼として記録しました")


@mail_app.command("list")
def mail_list(contract: ContractId) -> None:
    """メールの名前・状態・Message-IDの一覧です（「送信中・到達不明」は、動いている実行がなければ人が決めます）。"""
    from todoke.outbox.send import PREPARED, SENDING, SENT, mails
    from todoke.store.ledger import Ledger

    labels = {PREPARED: "未送信", SENDING: "送信中・到達不明", SENT: "送信済み"}
    for name, state, message_id in mails(Ledger(contract)):
        print(f"{name}\t{labels[state]}\t{message_id}")


@mail_app.command("decide")
def mail_decide(
    contract: ContractId,
    name: Annotated[str, typer.Argument(metavar="KEY", help="メールの名前（report/deliveries/2026-11 など）")],
    sent: Annotated[bool, typer.Option("--sent/--send-again", help="届いていた／届いていないので送り直す")],
    by_whom: Person,
) -> None:
    """到達が不明なメールについて、確かめた結果を記録します。実行中の送信がないときに使ってください。"""
    from todoke.outbox.send import resolve
    from todoke.store.ledger import Ledger

    resolve(Ledger(contract), name, sent, by_whom)
    print("送信済みと記録しました" if sent else "次の実行で送り直します")


if __name__ == "__main__":
    main()
