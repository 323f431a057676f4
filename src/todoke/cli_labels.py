"""`todoke labels`: pulling, printing anew, and the printer's grid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from todoke import clock
from todoke.cli_arguments import ContractId, Person

labels_app = typer.Typer(help="宛名ラベルの引抜きと刷り直し", no_args_is_help=True)


@labels_app.command("pull")
def labels_pull(
    contract: ContractId,
    by_whom: Person,
    cause: Annotated[str, typer.Option("--reason", help="引き抜く理由（短く）")],
    code_point: Annotated[str | None, typer.Option(help="正しく印字されなかった文字（U+E123）")] = None,
    application_no: Annotated[str | None, typer.Option(help="1件だけ引き抜くときの申込番号")] = None,
    batch: Annotated[str | None, typer.Option(help="位置で1件を選ぶときの束")] = None,
    file: Annotated[str, typer.Option(help="束の中のファイル")] = "labels_001.pdf",
    sheet: Annotated[int, typer.Option(min=1, help="枚目")] = 1,
    position: Annotated[int, typer.Option(min=1, help="位置")] = 1,
    at_most: Annotated[int | None, typer.Option(min=1, help="対象の件数の上限（外字でない文字では必須）")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="件数を示すだけで、何も記録しない")] = False,
) -> None:
    """印字済みのラベルを引抜き一覧に加え、運送会社に停止を伝えます。加えた件数・引渡し済みの件数を示します。"""
    from todoke.process import printed_labels, pull_outs

    said = pull_outs.request(
        contract,
        by_whom=by_whom,
        cause=cause,
        code_point=code_point,
        application_no=application_no,
        place=printed_labels.LabelPlace(batch, file, sheet, position) if batch else None,
        at_most=at_most,
        dry_run=dry_run,
    )
    what = "引抜きの対象です（記録していません）" if dry_run else "引抜き一覧に加えました"
    print(f"{what}: {said['listed']}件（引渡し済みで引き抜けないもの: {said['too_late']}件）")
    if said["request"]:
        print(f"依頼番号: {said['request']}（labels pull-end で、取り消すか、引き抜いたものを印刷し直せます）")


@labels_app.command("pull-end")
def labels_pull_end(
    contract: ContractId,
    request: Annotated[str, typer.Argument(help="labels pull が示した依頼番号")],
    by_whom: Person,
    cause: Annotated[str, typer.Option("--reason", help="理由（短く）")],
    again: Annotated[bool, typer.Option("--again/--withdraw", help="引き抜いたものを印刷し直す／依頼を取り消す")],
) -> None:
    """引抜きの依頼を終えます。取り消せるのは、まだ1件も引き抜いていないときだけです。引渡し済みのものは、引渡し済みのまま一覧に残ります。"""
    from todoke.process import pull_requests

    if again:
        said = pull_requests.print_anew(contract, request, by_whom=by_whom, cause=cause)
        print(
            f"引き抜いた{said['items']}件は、次の印刷の承認の後、新しいラベル（差替）で出ます。残りは引き抜いた後に出ます"
        )
    else:
        said = pull_requests.withdraw(contract, request, by_whom=by_whom, cause=cause)
        print(f"{said['items']}件の依頼を取り消しました。停止を伝えた荷物は、新しいラベル（差替）で出ます")


@labels_app.command("reprint")
def labels_reprint(
    contract: ContractId,
    batch: Annotated[str, typer.Option(help="束（labels の下のフォルダー名）")],
    file: Annotated[str, typer.Option(help="ファイル（labels_001.pdf など）")],
    sheet: Annotated[int, typer.Option(min=1, help="枚目")],
    cause: Annotated[str, typer.Option(help="理由（汚損・印字不良・紛失など）")],
    by_whom: Person,
    position: Annotated[int | None, typer.Option(min=1, help="位置（省くと1枚すべて）")] = None,
) -> None:
    """1枚、または1件のラベルを同じ内容で刷り直し、理由とともに記録します。荷物は増えません。"""
    from todoke.process import reprints

    said = reprints.reprint(
        contract, batch=batch, file=file, sheet=sheet, position=position, cause=cause, by_whom=by_whom
    )
    print(f"出力しました: labels_reprint/{said['reprint']}（{said['labels']}件）")


@labels_app.command("grid")
def labels_grid(
    contract: ContractId,
    to: Annotated[Path, typer.Argument(help="書き出すPDF")],
    form: Annotated[str, typer.Option(help="様式（catalogue_confidential など）。なければすべて")] = "",
) -> None:
    """印字位置を測る用紙（枠線・mm目盛り・十字）を書き出します。測ったずれは契約の offset_mm に足します。"""
    from todoke.process.labels import printer_grid

    to.write_bytes(printer_grid(contract, form, clock.now_tokyo().date()))
    print(f"書き出しました: {to}")
