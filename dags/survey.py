"""アンケートの集計

Web申込とともに届いたアンケートの回答を取り込み、少数の区分を伏せて集計し、グラフ付きのブックを出力します。

- **いつ**：毎週月曜8時（日本時間）。
- **個人情報**：集計だけを出力します。少ない人数の区分は契約の定めで伏せ、自由意見は件数だけを数えます。
- **やり直し**：何度実行しても安全です。回答が変わらなければ同じブックになります。
"""

from __future__ import annotations

from airflow.sdk import CronTriggerTimetable, chain, task

from todoke_dags.graph import process_dags
from todoke_dags.run import NOT_RELEASED, Counts, business_date, may_release


@process_dags(
    "survey",
    title="アンケートの集計",
    doc=__doc__,
    schedule=lambda _: CronTriggerTimetable("0 8 * * 1", timezone="Asia/Tokyo"),
)
def survey(contract: str) -> None:
    @task(task_display_name="回答の取込")
    def land() -> Counts:
        """Answers of the web database, as they stand."""
        from todoke.process import survey

        return survey.land(contract, business_date())

    @task.run_if(may_release, NOT_RELEASED)
    @task(task_display_name="集計・出力")
    def publish() -> Counts:
        """Aggregates with small cells suppressed, as a workbook with a chart (G21)."""
        from todoke.process import survey

        return survey.publish(contract, business_date())

    chain(land(), publish())
