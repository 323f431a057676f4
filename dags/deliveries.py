"""配送結果の取込

配送会社から届いた結果を取り込み、出荷ごとの状態（引受・配達完了・不在・返戻など）に反映します。

- **いつ**：契約の営業日ごと。業務日が終わった翌日の午前1時に始まります。
- **過去分再実行**：できます。理由（`reason`）が必要です。
- **やり直し**：何度実行しても安全です。同じ結果は一度だけ記録されます。
- **止まったとき**：出荷番号が見つからない行などは隔離して件数に残します。配送会社に確認してください。
- **検査**：新しい結果が届いた日は、引受のない配達・期間外の日時などを「注意」として数えます。状態の反映は止めません。\
結果は品質検査の文書（`check_results` の「詳細」にあるボタン、または戻り値 `page`。`quality/` の下）にあります。
- **次に動くもの**：`todoke://<契約>/deliveries` が鳴ります。
"""

from __future__ import annotations

from airflow.sdk import chain, task

from business_timetables import BusinessDays
from todoke_dags.graph import asset, process_dags
from todoke_dags.quality_link import with_quality_page
from todoke_dags.run import Counts, business_date


@process_dags(
    "deliveries",
    title="配送結果の取込",
    doc=__doc__,
    schedule=lambda contract: BusinessDays(contract.id),
)
def deliveries(contract: str) -> None:
    @task(task_display_name="結果ファイルの取込")
    def land_results() -> Counts:
        """The carrier's result files of the day, every row accounted for."""
        from todoke.process import deliveries

        return deliveries.land_results(contract, business_date())

    @task(task_display_name="結果の検査")
    def check_results() -> Counts:
        """Gate what was taken of the results and count what is worth a look, when new ones have come."""
        from todoke.process import deliveries

        return deliveries.check_results(contract, business_date())

    @task(task_display_name="出荷状態への反映", queue="heavy", outlets=[asset(contract, "deliveries")])
    def settle() -> Counts:
        """Facts of the carrier become the state of each parcel."""
        from todoke.process import deliveries

        return deliveries.settle(contract, business_date())

    chain(land_results(), with_quality_page(check_results()), settle())
