"""ファイルの受領

受信箱（`inbox/<契約>/…`）に届いたファイルをウイルス検査して受け取り、復号・文字コードの変換・レイアウトの検査をして、データの新しい版を作ります。\
受け取ったファイルごとに預かり証（PDF）を送信箱の `receipts` に出します。

- **いつ**：毎日8時から19時台まで10分ごと（日本時間）。
- **やり直し**：何度実行しても安全です。最後に受け取ったものと同じファイル、同じ中身のファイルは「再送」として\
記録するだけで、データは変わりません。古い改訂（`_r<n>`）が後から届いたときは「旧版」として記録します。
- **人の判断**：以前に受け取り、その後に差し替わった内容がもう一度届いたときは、取り込まずに「承認」へ依頼を出します。\
承認すると次の受領で取り込み、却下すると受領不可にします。
- **照会票の回答・引抜きの結果**：記入した照会票と引抜き一覧を `returned_work` に置くと、1行ずつ確かめて取り込み、\
照会票は次の検査で、引抜き一覧はすぐに反映します。\
取り込めない行は、エラーの欄を加えた送り主のファイルとして送信箱の `returned_errors` に出します。
- **外字フォント**：`cloud` に置かれた外字フォントは、ファイル名ごとに最後に届いたものを使います。\
同じ名前の前のフォントと1字ずつ比べ、\
追加・削除・字形の変わった外字の一覧を送信箱の `gaiji/deliveries` に出します。
- **止まったとき**：壊れたファイル、ウイルスの見つかったファイル、特定個人情報を含むファイルは丸ごと受け付けず、\
理由を受領証に残します。送付元に正しいファイルの再送を依頼してください。\
「受信箱の確認」が失敗したときは、完了通知（.done）の届かないファイルがあります。
- **次に動くもの**：新しい版ができると `todoke://<契約>/received` が鳴り、世帯台帳の検査が始まります。\
新着がなければ「スキップ」になります。
"""

from __future__ import annotations

from airflow.sdk import CronTriggerTimetable, chain, task

from todoke_dags.approval_request import ask_for_approval
from todoke_dags.graph import asset, process_dags
from todoke_dags.run import Counts, business_date, news


@process_dags(
    "intake",
    title="ファイルの受領",
    doc=__doc__,
    schedule=lambda _: CronTriggerTimetable("*/10 8-19 * * *", timezone="Asia/Tokyo"),
)
def intake(contract: str) -> None:
    @task(task_display_name="受信箱の確認")
    def look() -> Counts:
        """Tell of files whose sidecar has not come; nothing waits for this."""
        from todoke.process import intake

        return intake.look(contract, business_date())

    @task(task_display_name="ウイルス検査")
    def check_viruses() -> Counts:
        """Check the files as they came, before anything of them is opened (T09)."""
        from todoke.process import intake

        return intake.check_viruses(contract, business_date())

    @task(task_display_name="受領・復号・検査", outlets=[asset(contract, "received")])
    def receive() -> Counts:
        """Take what has arrived in the inbox into the lake (G02)."""
        from todoke.process import intake

        return news(intake.receive(contract, business_date()))

    @task(task_display_name="外字フォントの比較", trigger_rule="all_done")
    def compare_fonts() -> Counts:
        """Tell what a new gaiji font draws otherwise than the one before it, whatever else was refused (G04)."""
        from todoke.process import gaiji_shapes

        return gaiji_shapes.compare(contract, business_date())

    @task(task_display_name="預かり証の発行", trigger_rule="all_done")
    def issue() -> Counts:
        """Put out the receipt of every file that has none yet, also of one that was refused (P01)."""
        from todoke.process import receipts

        return news(receipts.issue(contract, business_date()))

    @task(task_display_name="照会票・引抜き一覧の受領", outlets=[asset(contract, "received")])
    def take_answers() -> Counts:
        """Take filled-in queries and pull lists; what cannot be taken goes back in its own file (G04, G08)."""
        from todoke.process import returned_work

        return news(returned_work.take_answers(contract, business_date()))

    # a refusal fails the run at the last task: receipts are issued all the same
    requests, _ = ask_for_approval(contract, trigger_rule="none_failed")
    look()
    checked, certificates, taken = check_viruses(), issue(), receive()
    for take in (taken, take_answers()):
        chain(checked, take, [certificates, requests])
    taken >> compare_fonts()
