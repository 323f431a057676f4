"""ファイルの受領

受信箱（`inbox/<契約>/…`）に届いたファイルを受け取り、受領証を発行し、復号・文字コードの変換・レイアウトの検査をして、データの新しい版を作ります。

- **いつ**：毎日8時から19時台まで10分ごと（日本時間）。
- **やり直し**：何度実行しても安全です。同じファイル、同じ中身のファイルは「再送」として記録するだけで、\
データは変わりません。
- **止まったとき**：壊れたファイルは丸ごと受け付けず、理由を受領証に残します。\
送付元に正しいファイルの再送を依頼してください。
- **次に動くもの**：新しい版ができると `todoke://<契約>/received` が鳴り、世帯台帳の検査が始まります。\
新着がなければ「スキップ」になります。
"""

from __future__ import annotations

from airflow.sdk import CronTriggerTimetable, task

from todoke_dags.graph import asset, process_dags
from todoke_dags.run import Counts, business_date, news


@process_dags(
    "intake",
    title="ファイルの受領",
    doc=__doc__,
    schedule=lambda _: CronTriggerTimetable("*/10 8-19 * * *", timezone="Asia/Tokyo"),
)
def intake(contract: str) -> None:
    @task(task_display_name="受領・復号・検査", outlets=[asset(contract, "received")])
    def receive() -> Counts:
        """Take what has arrived in the inbox into the lake (G02)."""
        from todoke.process import intake

        return news(intake.receive(contract, business_date()))

    receive()
