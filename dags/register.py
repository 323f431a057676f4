"""世帯台帳の検査と発行

受領した世帯データを1行ずつ検査し、誤りのある行を理由とともに隔離し、残りを世帯台帳の新しい版として発行します。申込番号とWebの利用者情報もここで作ります。

- **いつ**：受領（`todoke://<契約>/received`）のたび。念のため毎日6時30分にも未処理の版を確かめます。
- **やり直し**：何度実行しても安全です。同じ入力からは同じ版ができ、申込番号は変わりません。
- **止まったとき**：隔離の割合や件数の減少が契約の上限を超えると発行しません。区に確認し、\
正しいファイルを受領してください。
- **人の判断**：同じ世帯か、同じ人か、改訂版にない世帯、停止した世帯は、発行の結果に確認事項（questions）の数で出ます。\
`todoke register questions` で確かめ、`todoke register answer` で答えると、次の発行で反映します。
- **次に動くもの**：発行すると `todoke://<契約>/register` が鳴り、宛名ラベルの準備が始まります。
"""

from __future__ import annotations

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, task

from todoke_dags.graph import asset, process_dags
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
        from todoke.process import register

        return register.validate(contract, business_date())

    @task(task_display_name="台帳の発行", queue="heavy", outlets=[asset(contract, "register")])
    def publish() -> Counts:
        """Publish the register with entitlements, application numbers and web accounts (G05)."""
        from todoke.process import register

        return news(register.publish(contract, business_date()))

    validate() >> publish()
