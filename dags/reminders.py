"""未申込世帯への勧奨通知

契約で決めた日に、まだ申込みのない世帯を確かめ、申込期限を知らせる通知の宛名を用意して承認を依頼します。承認された世帯にだけ、宛名と発送指示を出力します。

- **いつ**：毎日7時45分と、承認（`todoke://<契約>/approval`）のたび。契約の `reminder.day` の日までは、何もしません。
- **対象**：カタログが届いていて、申込みも辞退もなく、確認を待つ申込みもない世帯です。\
カタログが届いていない世帯は送信箱の `reminders/` の一覧に出し、通知は送りません。
- **前提**：直前の営業日までの「申込の突合と出荷指示」が済んでいること。済んでいなければ止まり、次の手順を示します。
- **承認**：依頼は「承認」のDAGに出ます。承認はその一覧（ダイジェスト）だけに効きます。\
承認前の出力は「スキップ」になります。
- **試し刷り**：書式か外字フォントが、検査に合格したものと違うときは、先に試し刷りの検査を依頼します。
- **束**：承認された宛名は、束に分けて一度に確定し、並行して出力します。
- **印字できない宛名**：その世帯を保留し、理由と文字を送信箱の一覧（`held`）に出します。
- **やり直し**：何度実行しても安全です。通知は1世帯に1通で、出力した後に対象を増やすことはありません。\
出力前に申込みのあった世帯は、対象から外れます。
"""

from __future__ import annotations

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, chain, task

from todoke_dags.approval_request import ask_for_approval
from todoke_dags.graph import asset, process_dags
from todoke_dags.label_batches import print_batches
from todoke_dags.run import NOT_RELEASED, Counts, business_date, may_release, skipped_until_approved


@process_dags(
    "reminders",
    title="未申込世帯への勧奨通知",
    doc=__doc__,
    schedule=lambda contract: AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("45 7 * * *", timezone="Asia/Tokyo"),
        assets=[asset(contract.id, "approval")],
    ),
)
def reminders(contract: str) -> None:
    @task(task_display_name="対象世帯の確認", queue="heavy")
    def propose() -> Counts:
        """Households that have not applied by the day of the reminder (G22)."""
        from todoke.process import reminders

        return reminders.propose(contract, business_date())

    @task.run_if(may_release, NOT_RELEASED)
    @task(task_display_name="出力する束の確定", queue="heavy")
    def claim_batches() -> list[list[str]]:
        """Lock the list that a person has approved, in batches that are printed side by side (G22)."""
        from todoke.process import label_claims, reminders

        with skipped_until_approved():
            return label_claims.shared_out(reminders.claim_batches(contract, business_date()))

    requests, _ = ask_for_approval(contract)
    batches = claim_batches()
    chain(propose(), [requests, batches])
    print_batches(contract, batches)
