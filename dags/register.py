"""世帯台帳の検査と発行

受領した世帯データを1行ずつ検査し、誤りのある行を理由とともに隔離し、残りを世帯台帳の新しい版として発行します。申込番号とWebの利用者情報もここで作ります。

- **いつ**：受領（`todoke://<契約>/received`）と承認（`todoke://<契約>/approval`）のたび。念のため毎日6時30分にも未処理の版を確かめます。
- **担当者の判断**：隔離した世帯があるとき（台帳に載せた隔離と同じときを除く）や、\
世帯の増減・変更が契約の上限を超えるときは、発行せずに「承認」へ依頼を出します\
（契約の `register.release: automatic` では、上限を超えないかぎり発行します）。\
「残りを発行する」「待つ」「ファイルを受け付けない」から選びます。答えはその内容だけに効きます。
- **照会票**：隔離した世帯を区に確かめるワークブックを、検査のたびに送信箱の `queries` に出します。
- **やり直し**：何度実行しても安全です。同じ入力からは同じ版ができ、申込番号は変わりません。
- **止まったとき**：行数の合わないファイルや、成り立たない台帳では発行しません。\
失敗したタスクのログの最後に、理由と対応があります。
- **発送の保留・停止**：秘匿となった世帯、対象外となった世帯の引渡し前の荷物をすぐに保留し、\
出荷指示済みのものは停止ファイルを運送会社に出します。引渡し済みのものは事故として確認依頼に載ります。\
発行が判断を待つあいだも同じです（発行を待つ版で保留・削除・秘匿となる世帯を、今の台帳で保留します）。
- **検査の結果**：品質検査の文書（`validate` の「詳細」にあるボタン、または戻り値 `page`。`quality/` の下のHTML）に、\
検査項目・件数・隔離の理由があります。個人情報は載りません。
- **人の判断**：同じ世帯か、同じ人か、改訂版にない世帯、停止した世帯は、発行の結果に確認事項（questions）の数で出ます。\
`todoke register questions` で確かめ、`todoke register answer` で答えると、次の発行で反映します。
- **次に動くもの**：発行すると `todoke://<契約>/register` が鳴り、宛名ラベルの準備が始まります。
"""

from __future__ import annotations

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, chain, task

from todoke_dags.approval_request import ask_for_approval
from todoke_dags.graph import asset, process_dags
from todoke_dags.quality_link import with_quality_page
from todoke_dags.run import Counts, business_date, news, skipped_until_approved


@process_dags(
    "register",
    title="世帯台帳の検査と発行",
    doc=__doc__,
    schedule=lambda contract: AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("30 6 * * *", timezone="Asia/Tokyo"),
        assets=asset(contract.id, "received") | asset(contract.id, "approval"),
    ),
)
def register(contract: str) -> None:
    @task(task_display_name="検査・隔離", queue="heavy")
    def validate() -> Counts:
        """Quarantine failing rows with reasons and close the gates on a bad version (G03, G04)."""
        from todoke.process import register_checks

        return register_checks.validate(contract, business_date())

    @task(task_display_name="台帳の発行", queue="heavy", outlets=[asset(contract, "register")])
    def publish() -> Counts:
        """Publish the register with entitlements, application numbers and web accounts (G05)."""
        from todoke.process import register

        with skipped_until_approved():
            return news(register.publish(contract, business_date()))

    @task(task_display_name="発送の保留・停止", trigger_rule="all_done")
    def stop() -> Counts:
        """Hold and stop at once what the register forbids, and put out the stop file for the carrier (G09)."""
        from todoke.process import stops

        return stops.stop(contract, business_date())

    requests, _ = ask_for_approval(contract, trigger_rule="none_failed")
    chain(with_quality_page(validate()), publish(), [stop(), requests])
