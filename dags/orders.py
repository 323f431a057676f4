"""申込の突合と出荷指示

Web申込・はがき・電話での変更を取り込み、世帯ごとに1件の申込を確定し、出荷指示ファイルと確認用の一覧を出力します。

- **いつ**：契約の営業日ごと。業務日が終わった翌日の午前1時に始まります。
- **業務日**：その日の24時までの申込を扱います。前の日を計算し直しても、確定済みの出荷は二重になりません。
- **過去分再実行**：できます。理由（`reason`）が必要です。`release: true` を付けない限り、出荷指示は出しません。
- **やり直し**：何度実行しても安全です。内容が変わらなければ何も書きません。
- **検査**：はがきが届いた日は全件を検査します。読取不能や検査数字の誤りなどは「注意」として数えるだけで、\
扱いは突合で決まります。取り込めないはずの行が見つかったときだけ止まります。\
結果は品質検査の文書（`check_postcards` の「詳細」にあるボタン、または戻り値 `page`。`quality/` の下）にあります。
- **次に動くもの**：`todoke://<契約>/orders` が確定の番号（settlement）だけを知らせます。
"""

from __future__ import annotations

from airflow.sdk import chain, get_current_context, task

from business_timetables import BusinessDays
from todoke_dags.graph import asset, process_dags
from todoke_dags.quality_link import with_quality_page
from todoke_dags.run import NOT_RELEASED, Counts, business_date, may_release


@process_dags(
    "orders",
    title="申込の突合と出荷指示",
    doc=__doc__,
    schedule=lambda contract: BusinessDays(contract.id),
)
def orders(contract: str) -> None:
    settled = asset(contract, "orders")

    @task(task_display_name="Web申込の取込")
    def land_web() -> Counts:
        """Applications and amendments of the web database, as they stand (§2.1)."""
        from todoke.process import orders

        return orders.land_web(contract, business_date())

    @task(task_display_name="はがきの取込")
    def land_postcards() -> Counts:
        """The scanned postcards of the day."""
        from todoke.process import orders

        return orders.land_postcards(contract, business_date())

    @task(task_display_name="はがきの検査")
    def check_postcards() -> Counts:
        """Gate what was taken of the cards and count what is worth a look, when new ones have come."""
        from todoke.process import orders

        return orders.check_postcards(contract, business_date())

    @task(task_display_name="突合・確定", queue="heavy", outlets=[settled])
    def settle() -> Counts:
        """One decision an application, one parcel a household; the bell carries the settlement's id alone."""
        from todoke.process import orders

        counts = orders.settle(contract, business_date())
        get_current_context()["outlet_events"][settled].extra = {"settlement": counts.get("settlement", "")}
        return counts

    @task.run_if(may_release, NOT_RELEASED)
    @task(task_display_name="出荷指示の出力", queue="heavy")
    def release() -> Counts:
        """Lock the parcels, then show the files to the carrier and the operators (§2.3)."""
        from todoke.process import orders

        return orders.release(contract, business_date())

    chain([land_web(), land_postcards()], with_quality_page(check_postcards()), settle(), release())
