"""世帯台帳の検査と発行

受領した世帯データを1行ずつ検査し、誤りのある行を理由とともに隔離し、残りを世帯台帳の新しい版として発行します。申込番号とWebの利用者情報もここで作ります。

- **いつ**：受領（`todoke://<契約>/received`）のたび。念のため毎日6時30分にも未処理の版を確かめます。
- **やり直し**：何度実行しても安全です。同じ入力からは同じ版ができ、申込番号は変わりません。
- **止まったとき**：前の版からの世帯の増減・変更が契約の上限を超えると発行しません。区に確認し、\
正しいファイルを受領してください。
- **発送の保留・停止**：秘匿となった世帯、対象外となった世帯の引渡し前の荷物をすぐに保留し、\
出荷指示済みのものは停止ファイルを運送会社に出します。引渡し済みのものは事故として確認依頼に載ります。
- **検査の結果**：品質検査の文書（`validate` のボタン、または戻り値 `page`。`quality/` の下のHTML）に、検査項目・件数・\
隔離の理由があります。個人情報は載りません。
- **人の判断**：同じ世帯か、同じ人か、改訂版にない世帯、停止した世帯は、発行の結果に確認事項（questions）の数で出ます。\
`todoke register questions` で確かめ、`todoke register answer` で答えると、次の発行で反映します。
- **次に動くもの**：発行すると `todoke://<契約>/register` が鳴り、宛名ラベルの準備が始まります。
"""

from __future__ import annotations

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, task

from todoke_dags.graph import asset, process_dags
from todoke_dags.quality_link import with_quality_page
from todoke_dags.run import Counts, business_date, news


@process_dags(
    "register",
    title="世帯台帳の検査と発行",
    doc=__doc__,
    schedule=lambda contract: AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("30 6 * * *", timezone="Asia/Tokyo"),
        assets=[asset(contract.id, "received")],
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

        return news(register.publish(contract, business_date()))

    @task(task_display_name="発送の保留・停止", trigger_rule="none_failed")
    def stop() -> Counts:
        """Hold and stop at once what the register forbids, and put out the stop file for the carrier (G09)."""
        from todoke.process import stops

        return stops.stop(contract, business_date())

    with_quality_page(validate()) >> publish() >> stop()
