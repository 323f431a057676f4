"""未申込世帯への携帯トイレ

締切後の猶予日を過ぎても申込のない世帯を確かめ、対象の一覧を作って承認を依頼します。承認された世帯にだけ、宛名と出荷指示を出力します。

- **いつ**：毎週月曜7時30分と、承認（`todoke://<契約>/approval`）のたび。猶予日までは対象がなく、何もしません。
- **前提**：申込期限より後の業務日まで「申込の突合と出荷指示」が済んでいること。\
済んでいなければ止まり、次の手順を示します。
- **承認**：依頼は「承認」のDAGに出ます。承認はその一覧（ダイジェスト）だけに効きます。\
承認前の出力は「スキップ」になります。
- **試し刷り**：書式か外字フォントが、検査に合格したものと違うときは、先に試し刷りの検査を依頼します。
- **束**：承認された宛名は、束に分けて一度に確定し、並行して出力します。
- **印字できない宛名**：その世帯を保留し、理由と文字を送信箱の一覧（`held`）に出します。
- **やり直し**：何度実行しても安全です。すでに防災用品か携帯トイレを出した世帯に、もう一度出すことはありません。
- **確認中の世帯**：申込の確認が済んでいない世帯と、差出人の分からない申込みの差出人かもしれない世帯は待たせ、\
済んだ後の実行で扱います。
"""

from __future__ import annotations

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, chain, task

from todoke_dags.approval_request import ask_for_approval
from todoke_dags.graph import asset, process_dags
from todoke_dags.label_batches import print_batches
from todoke_dags.run import NOT_RELEASED, Counts, business_date, may_release, skipped_until_approved


@process_dags(
    "nonapplicants",
    title="未申込世帯への携帯トイレ",
    doc=__doc__,
    schedule=lambda contract: AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("30 7 * * 1", timezone="Asia/Tokyo"),
        assets=[asset(contract.id, "approval")],
    ),
)
def nonapplicants(contract: str) -> None:
    @task(task_display_name="対象世帯の確認", queue="heavy")
    def propose() -> Counts:
        """Households that neither applied nor wait for a decision (G15)."""
        from todoke.process import nonapplicants

        return nonapplicants.propose(contract, business_date())

    @task.run_if(may_release, NOT_RELEASED)
    @task(task_display_name="出力する束の確定", queue="heavy")
    def claim_batches() -> list[list[str]]:
        """Lock the list that a person has approved, in batches that are printed side by side (G15)."""
        from todoke.process import label_claims, nonapplicants

        with skipped_until_approved():
            return label_claims.shared_out(nonapplicants.claim_batches(contract, business_date()))

    requests, _ = ask_for_approval(contract)
    batches = claim_batches()
    chain(propose(), [requests, batches])
    print_batches(contract, batches)
