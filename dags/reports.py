"""月次報告書

前月の配送完了の実績を報告書（ブック）にまとめ、数字を本文に入れたメールで区に送ります。実績のない月の報告書は作りません。

- **いつ**：報告の期日（毎月10日まで、閉庁日なら直前の営業日）の午前9時。
- **過去分再実行**：できます。理由（`reason`）が必要です。`release: true` を付けない限り、メールは送りません。
- **やり直し**：何度実行しても安全です。同じ報告のメールが二度送られることはありません。
- **止まったとき**：作成の途中で止まった報告書は、次の実行が同じ数字で仕上げます。\
送信の途中で止まったメールは「到達不明」として残り、ほかのメールは送られます。\
届いたかどうかを区に確かめて、`todoke mail decide` で記録してください。
"""

from __future__ import annotations

from airflow.sdk import chain, task

from business_timetables import ReportDays
from todoke_dags.graph import process_dags
from todoke_dags.run import NOT_RELEASED, Counts, business_date, may_release


@process_dags(
    "reports",
    title="月次報告書",
    doc=__doc__,
    schedule=lambda contract: ReportDays(contract.id),
)
def reports(contract: str) -> None:
    @task(task_display_name="報告書の作成", queue="heavy")
    def prepare() -> Counts:
        """The delivery report of the month before (G10), and any that an earlier run had begun."""
        from todoke.process import reports

        return reports.prepare(contract, business_date())

    @task.run_if(may_release, NOT_RELEASED)
    @task(task_display_name="区への送信")
    def send() -> Counts:
        """Each mail once: what broke while sending waits for a person (§2.4)."""
        from todoke.process import reports

        return reports.send(contract, business_date())

    chain(prepare(), send())
