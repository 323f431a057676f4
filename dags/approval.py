"""承認

印刷・発送や、隔離のある世帯台帳の発行の前に、人が内容を確かめて答えを選びます（「承認」か「却下」。台帳では\
「残りを発行する」「待つ」「ファイルを受け付けない」）。依頼する側のDAG（宛名ラベル、未申込世帯、世帯台帳など）が1件ずつ始めます。

- **いつ**：依頼があったとき。実行IDは承認する内容のダイジェストで、同じ内容の依頼は一度だけ出ます。
- **答え方**：画面左の「要対応項目」から開き、件名と本文を読んで選びます。\
14日のうちに答えがなければ期限切れとなって何も出力せず、依頼した側の次の実行がもう一度依頼します（実行IDに回数が付きます）。
- **試し刷りの検査**：合格のときは、区の検査者（契約ファイルの `client.inspectors` の一覧から、コードと職で選びます。\
氏名は記入しません）と検査日も入れます。どちらかがないか、検査日が依頼より前や先の日付のときは、合格とせずにもう一度依頼します。
- **束ごとの承認**：ラベルが2束以上になるときは、先頭（郵便番号・町名の順。秘匿世帯は配送方法の順が先）から\
何束を印刷するかを\
入れられます（初めは全部）。残りは印刷されずに待ち、次の実行が改めて依頼します。
- **効き目**：承認はその内容だけに効きます。内容が1文字でも変われば、新しい依頼が出ます。
- **却下のあとで**：最初の答えが残ります。内容を直すと新しい依頼が出ます。\
同じ内容のままもう一度依頼するには `todoke approval reopen` を使います。
- **待つ**：何も発行せず、内容が変わるか翌日の実行で、もう一度依頼します。
- **次に動くもの**：答えを記録すると `todoke://<契約>/approval` が鳴り、依頼した側の出力が始まります。
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, get_current_context, task

from todoke_dags.answer import AnswerOperator, said
from todoke_dags.graph import asset, process_dags
from todoke_dags.run import Counts

APPROVE, REJECT = "承認", "却下"
ANSWER_WITHIN = timedelta(days=14)


def request_params() -> dict[str, Param]:
    """What is to be approved; filled in by the DAG that asks."""
    titles = {"subject": "対象", "digest": "内容のダイジェスト", "title": "件名", "body": "本文"}
    told = {name: Param("", type="string", title=title) for name, title in titles.items()}
    options = Param(["approved", "rejected"], type="array", items={"type": "string"}, minItems=1, title="答えの選択肢")
    return {
        **told,
        "options": options,
        "round": Param(1, type="integer", minimum=1, title="何回目の依頼か"),
        "batches": Param(0, type="integer", minimum=0, title="束の数（選べるとき）"),
    }


@process_dags(
    "approval",
    title="承認",
    doc=__doc__,
    schedule=lambda _: None,
    params=request_params,
    max_active_runs=50,
)
def approval(contract: str) -> None:
    answer = AnswerOperator(
        task_id="answer",
        task_display_name="承認または却下",
        subject="{{ params.title }}",
        body="{{ params.body }}",
        options=[APPROVE, REJECT],
        defaults=REJECT,
        response_timeout=ANSWER_WITHIN,
    )

    @task(task_display_name="答えの記録", outlets=[asset(contract, "approval")])
    def record(answered: dict) -> Counts:
        """Keep who said what to exactly which content; without an answer in time nothing is released."""
        from todoke.process import approval

        asked = get_current_context()["params"]
        verdict, by_whom = said(answered["chosen_options"], answered["responded_by_user"])
        place = (contract, asked["subject"], asked["digest"])
        return approval.record(*place, verdict, by_whom, asked["round"], **answered["params_input"])

    record(answer.output)
