"""宛名ラベルの印刷

外字を確かめ、印刷の計画を立て、試し刷り一式の検査と、印刷の承認を依頼します。承認された内容だけを、カスタマバーコード付きのラベルPDFと一覧・集計として出力します。

- **いつ**：台帳の発行（`todoke://<契約>/register`）と承認（`todoke://<契約>/approval`）のたび。\
念のため毎日7時にも確かめます。
- **外字**：使用する外字を大きく描いた外字確認票（PDF）、印字できない文字の一覧、保留した世帯の一覧を、\
送信箱の `gaiji` に出します。新しい外字フォントで使用中の外字の字形が変わったときは、\
その世帯の印刷を止めて「承認」に依頼を出し、前の字形で印字済みのラベルの一覧も出します。
- **承認**：依頼は「承認」のDAGに1件ずつ、二段階で出ます。まず試し刷りを区が検査し、検査者（コード）と検査日を入れます\
（書式と外字フォントが変わるまで有効）。合格の後、印刷する内容の承認を依頼します。承認はその内容（ダイジェスト）だけに効き、\
内容が変われば依頼し直します。承認前の出力は「スキップ」になります。
- **束**：承認されたラベルは、郵便番号・町名の順に `labels.labels_per_batch` 件までの束に分けて一度に確定し、\
並行して出力します。前の実行が残した束も出力します。
- **引抜き**：区の抽出データ（`pull_out`）の世帯は、印字前なら保留し、印字済みなら運送会社に停止を伝えて、\
束・ファイル・枚目・位置を引抜き一覧（送信箱の `pull_out`）に出します。\
結果を記入した一覧は `returned_work` に返します。\
引き抜いたものの納品一覧は `pull_delivery` に出ます。外字の印字誤りは `todoke labels pull --code-point` で引き抜きます。
- **刷り直し**：汚損などの1枚・1件は `todoke labels reprint` で、同じ内容のまま刷り直します。荷物は増えません。
- **やり直し**：何度実行しても安全です。出力済みの束は同じ内容で作り直され、同じ世帯に二度印刷されることはありません。
- **止まったとき**：外字フォントにない文字などが理由です。示されたファイルを区に依頼してください。
"""

from __future__ import annotations

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, chain, task

from todoke_dags.approval_request import ask_for_approval
from todoke_dags.graph import asset, process_dags
from todoke_dags.label_batches import print_batches
from todoke_dags.run import NOT_RELEASED, Counts, business_date, may_release, skipped_until_approved


@process_dags(
    "labels",
    title="宛名ラベルの印刷",
    doc=__doc__,
    schedule=lambda contract: AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 7 * * *", timezone="Asia/Tokyo"),
        assets=asset(contract.id, "register") | asset(contract.id, "approval"),
    ),
)
def labels(contract: str) -> None:
    @task(task_display_name="外字の確認", queue="heavy")
    def prove() -> Counts:
        """Prove every character of the register against the fonts."""
        from todoke.process import gaiji_proof

        return gaiji_proof.prove(contract, business_date())

    @task(task_display_name="印刷の計画", queue="heavy")
    def plan() -> Counts:
        """Who gets a label, who is held, who is excluded; every household is one of them."""
        from todoke.process import labels

        return labels.plan(contract, business_date())

    @task(task_display_name="試し刷り", queue="heavy")
    def test_pack() -> Counts:
        """The sheets a person looks at before saying yes."""
        from todoke.process import labels

        return labels.test_pack(contract, business_date())

    @task.run_if(may_release, NOT_RELEASED)
    @task(task_display_name="印刷する束の確定", queue="heavy")
    def claim_batches() -> list[list[str]]:
        """Lock what a person has approved, and that alone, in batches that are printed side by side."""
        from todoke.process import label_claims, labels

        with skipped_until_approved():
            return label_claims.shared_out(labels.claim_batches(contract, business_date()))

    @task(task_display_name="引抜き", trigger_rule="none_failed")
    def pull_out() -> Counts:
        """Find the printed labels of those whom the ward names, also when nothing was printed (G08)."""
        from todoke.process import pull_outs

        return pull_outs.pull_out(contract, business_date())

    requests, _ = ask_for_approval(contract)
    batches = claim_batches()
    chain(prove(), plan(), test_pack(), [requests, batches])
    chain(print_batches(contract, batches), pull_out())
