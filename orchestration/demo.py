"""`make demo`: a made-up ward from its first file to the last report, through Airflow's own DAGs, in one process."""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pandas as pd

from orchestration import demo_checks, demo_environment
from orchestration.in_process import Airflow, report
from orchestration.print_room import report_pulls
from todoke.contract.loader import contract_folder
from todoke.errors import TodokeError
from todoke.model.codes import PullState
from todoke.process import resend_requests
from todoke.process.status import lines as status_lines
from todoke.simulate import carrier
from todoke.simulate.delivery_to_inbox import FILE_DELIVERY, deliver_base, inbox, passphrase
from todoke.simulate.files import write_corrections, write_pull_out, write_readdress
from todoke.simulate.orders import OrderStream
from todoke.simulate.ward import Ward
from todoke.store import facts
from todoke.store.ledger import Ledger

CONTRACT = demo_environment.CONTRACT
SIZES = {"small": 2_000, "full": 163_000}
SEED = 20260601
CORRECTIONS, LABELS = date(2026, 8, 20), date(2026, 9, 7)
PULL_OUT, PULLED, TO_THE_WARD = date(2026, 9, 10), date(2026, 9, 11), date(2026, 9, 14)
#: Printed households that the ward has pulled; of one of them the envelope is not found.
PULL_OUTS = 4
HAND_OVER, CATALOGUES_ARRIVED = date(2026, 11, 2), date(2026, 12, 20)
#: Business days of orders: the rush, month ends, the days round New Year, the deadline and the day after.
ORDER_DAYS = (
    date(2026, 11, 10),
    date(2026, 11, 11),
    date(2026, 11, 16),
    date(2026, 11, 30),
    date(2026, 12, 1),
    date(2026, 12, 15),
    date(2026, 12, 21),
    date(2026, 12, 28),
    date(2027, 1, 4),
    date(2027, 1, 5),
    date(2027, 1, 14),
    date(2027, 1, 15),
    date(2027, 1, 18),
)
LATE_CORRECTION, BACKFILLED = date(2026, 12, 21), date(2026, 12, 1)
REPORT_DAYS = (date(2026, 12, 10), date(2027, 1, 8), date(2027, 2, 10))
TOILETS, TOILETS_ARRIVE, SURVEY = date(2027, 1, 20), date(2027, 1, 29), date(2027, 1, 25)


class Demo:
    """The programme's events in the order of the calendar; each is a delivery from outside or a run of a DAG."""

    def __init__(self, airflow: Airflow, ward: Ward, home: Path) -> None:
        self._airflow, self._ward, self._home = airflow, ward, home
        self._ledger = Ledger(CONTRACT)
        self._carrier_until = date(2026, 11, 1)
        self.stages: dict[str, float] = {}

    def run(self, process: str, on: date, **conf: object) -> None:
        """Runs one DAG and stops the demo when it fails."""
        os.environ["TODOKE_NOW"] = f"{on}T18:00"
        result = self._airflow.run(f"{CONTRACT}_{process}", on, conf or None)
        self.stages[process] = self.stages.get(process, 0.0) + result.seconds
        _say(f"{on}  {process:<14} {result.seconds:6.1f}秒")
        if not result.success:
            report(result)
            raise SystemExit(1)

    def approve(self, on: date) -> bool:
        """A person says yes, through Airflow's API, to whatever is asked; whether anything was."""
        answered = self._airflow.answer_approvals(CONTRACT, on=on)
        for result in answered:
            self.stages["approval"] = self.stages.get("approval", 0.0) + result.seconds
            _say(f"{on}  {'approval':<14} {result.seconds:6.1f}秒")
        return bool(answered)

    def run_with_answers(self, process: str, on: date) -> None:
        """Runs one DAG, and again as long as a person has answered something that it asked."""
        self.run(process, on)
        while self.approve(on):
            self.run(process, on)

    @contextmanager
    def outside(self, what: str) -> Iterator[None]:
        """Counts the time that the simulated world takes."""
        started = time.monotonic()
        yield
        seconds = time.monotonic() - started
        self.stages["（模擬の外部）"] = self.stages.get("（模擬の外部）", 0.0) + seconds

    def carrier_reports(self, on: date) -> None:
        """The carrier's results since the last file; catalogues leave over the first days of November."""
        with self.outside("carrier"):
            columns = ("shipment_id", "kind", "sequence", "state", "released_rev", "released_on")
            shipments = self._shipments("goods", "toilet", "catalogue", columns=columns)
            to_go = shipments["released_on"].notna() & (shipments["state"] != "stopped")
            first = (shipments["kind"] == "catalogue") & (shipments["sequence"] == 1)
            released = shipments[to_go & ~(first & (on >= CATALOGUES_ARRIVED))].copy()
            catalogues = first[released.index]
            spread = released.loc[catalogues, "shipment_id"].map(lambda number: ord(number[-1]) % 5)
            start = pd.Timestamp(HAND_OVER) - pd.Timedelta(days=1)
            released.loc[catalogues, "released_on"] = [(start + pd.Timedelta(days=n)).date() for n in spread]
            released["revision"] = released["released_rev"].astype(int)
            carrier.write_results(released, inbox(CONTRACT, "carrier"), on=on, seed=SEED, since=self._carrier_until)
            self._carrier_until = on
        self.run("deliveries", on)

    def register_and_labels(self) -> None:
        """July to September: file, corrections, proof, test print, approval, labels."""
        for day in (FILE_DELIVERY, CORRECTIONS):
            if day == CORRECTIONS:
                with self.outside("corrections"):
                    write_corrections(self._ward, inbox(CONTRACT, "lgwan"), on=day, passphrase=passphrase(CONTRACT))
            self.run("intake", day)
            self.run_with_answers("register", day)
        self.run_with_answers("labels", LABELS)

    def pull_outs(self) -> None:
        """September: the ward has envelopes pulled out; they are found, pulled, and delivered to it (G08)."""
        with self.outside("pull-outs"):
            printed = self._shipments("catalogue", columns=("household_no", "state"))
            chosen = printed.loc[printed["state"] == "released", "household_no"].sort_values()
            write_pull_out(
                chosen.iloc[:: len(chosen) // PULL_OUTS][:PULL_OUTS].tolist(),
                inbox(CONTRACT, "lgwan"),
                on=PULL_OUT,
                passphrase=passphrase(CONTRACT),
            )
        for day in (PULL_OUT, PULLED, TO_THE_WARD):
            self.run("intake", day)
            if day != TO_THE_WARD:
                self.run("labels", day)
                with self.outside("pull-outs"):
                    results = {PullState.TO_FIND: PullState.PULLED, PullState.PULLED: PullState.DELIVERED}
                    report_pulls(CONTRACT, day, results, missing=1 if day == PULL_OUT else 0)

    def season(self) -> None:
        """November to January: catalogues arrive, orders come in, the late correction, the deadline."""
        self.carrier_reports(date(2026, 11, 6))
        with self.outside("orders"):
            with self._ledger.read() as tx:
                numbers = facts.numbers(tx, CONTRACT).to_pandas()
            catalogue = pd.read_csv(contract_folder(CONTRACT) / "catalogue.csv", dtype={"item_code": str})
            orders = OrderStream(self._ward, numbers, catalogue, SEED)
        reports = list(REPORT_DAYS)
        for day in ORDER_DAYS:
            while reports and reports[0] < day:
                self.run("reports", reports.pop(0))
            with self.outside("orders"):
                orders.write_day(day, os.environ[f"TODOKE_{CONTRACT.upper()}_WEB"], inbox(CONTRACT, "postcards"))
            self.carrier_reports(day)
            self.run("orders", day)
            if day == LATE_CORRECTION:
                self.late_correction(day)

    def late_correction(self, day: date) -> None:
        """A correction that came late: the register changes and an earlier day is computed again.

        Two catalogues go once more with it: one came back and the ward has found the address, one is asked for (G23,
        G24).
        """
        with self.outside("corrections"):
            write_corrections(self._ward, inbox(CONTRACT, "lgwan"), on=day, passphrase=passphrase(CONTRACT), late=True)
            self._catalogues_again(day)
        self.run("intake", day)
        self.run_with_answers("register", day)
        self.run_with_answers("labels", day)
        self.run("orders", BACKFILLED, reason="区の訂正データによる再計算", release=True)

    def _catalogues_again(self, day: date) -> None:
        sent = self._shipments("catalogue", columns=("household_no", "state")).sort_values("household_no")
        came_back = sent.loc[sent["state"] == "returned_unknown_address", "household_no"].tolist()[:1]
        secret = passphrase(CONTRACT)
        if came_back:
            write_readdress(came_back, inbox(CONTRACT, "lgwan"), on=day, seed=SEED, passphrase=secret)
        mislaid = sent.loc[sent["state"] == "delivered", "household_no"].iloc[0]
        with self._ledger.read() as tx:
            numbers = facts.numbers(tx, CONTRACT).to_pandas().set_index("household_no")["application_no"]
        resend_requests.request(CONTRACT, numbers[mislaid], "catalogue", "受取後に紛失", "demo")

    def _shipments(self, *kinds: str, columns: Sequence[str]) -> pd.DataFrame:
        with self._ledger.read() as tx:
            return facts.shipments(tx, CONTRACT, kinds, columns).to_pandas()

    def end(self) -> None:
        """After the deadline: toilets, survey, the last report."""
        self.carrier_reports(TOILETS)
        self.run("orders", TOILETS)
        self.run_with_answers("nonapplicants", TOILETS)
        self.run("survey", SURVEY)
        self.carrier_reports(TOILETS_ARRIVE)
        self.run("orders", TOILETS_ARRIVE)
        self.run("reports", REPORT_DAYS[-1])

    def again(self) -> None:
        """Every day's DAG once more: neither ledger nor outbox may change."""
        before = self._traces()
        for process, on in (("orders", TOILETS_ARRIVE), ("labels", LABELS), ("reports", REPORT_DAYS[0])):
            self.run(process, on)
        if self._traces() != before:
            raise demo_checks.NotClosed("同じ業務日の再実行で台帳か送信箱が変わりました")

    def _traces(self) -> tuple[object, ...]:
        from todoke.outbox.batch import Outbox

        with self._ledger.read() as tx:
            return self._ledger.pin(tx), Outbox(self._ledger).listing()


def _say(text: str) -> None:
    print(text, flush=True)


def _clean(home: Path) -> None:
    """The demo starts from nothing, and only ever deletes what a demo has made."""
    if home.exists() and any(home.iterdir()):
        if not demo_environment.mark(home).exists():
            raise TodokeError(
                "デモ以外のデータがあるため、始められません",
                where=str(home.name),
                next_step="TODOKE_HOME を変えてください",
            )
        shutil.rmtree(home)
    (home / "demo").mkdir(parents=True)
    demo_environment.mark(home).touch()


def main(arguments: list[str] | None = None) -> int:
    """The command line of the demo."""
    parser = argparse.ArgumentParser(
        prog="orchestration.demo", description="架空の区で事業を始めから終わりまで動かします"
    )
    parser.add_argument("--size", choices=SIZES, default="full", help="small: 2,000世帯、full: 163,000世帯")
    size = parser.parse_args(arguments).size
    started = time.monotonic()
    home = demo_environment.apply()
    _clean(home)
    answers = home / "demo" / "answers"
    _say(f"{SIZES[size]:,}世帯の架空の区を作ります…")
    ward = deliver_base(CONTRACT, SIZES[size], SEED, answers)
    with demo_environment.mail_server(home / "demo" / "mails"), Airflow() as airflow:
        demo = Demo(airflow, ward, home)
        demo.register_and_labels()
        demo.pull_outs()
        demo.season()
        demo.end()
        demo.again()
        checks = demo_checks.check_all(CONTRACT, answers)
    _table(demo, checks, ward, home, time.monotonic() - started)
    return 0


def _table(demo: Demo, checks: list[tuple[str, str]], ward: Ward, home: Path, seconds: float) -> None:
    _say(f"\n■ 入ったもの・出たもの（{len(ward.households):,}世帯 / {len(ward.persons):,}人）")
    for line in status_lines(CONTRACT):
        _say(f"  {line}")
    _say("\n■ 合計の照合")
    for what, figure in checks:
        _say(f"  ✓ {what}: {figure}")
    _say("\n■ かかった時間")
    for stage, spent in demo.stages.items():
        _say(f"  {stage:<16}{spent:7.1f}秒")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _say(f"  {'合計':<16}{seconds:7.1f}秒  最大メモリー {peak:,.0f} MB")
    mails = len(list((home / "demo" / "mails").glob("*.eml")))
    _say("\n■ 見る場所")
    _say("  make up                              Airflowの画面（実行の記録・承認・アセット）")
    _say(f"  {home / 'demo' / 'mails'}   区に届いたメール {mails}通")
    _say(f"  {home / 'quality' / CONTRACT}   品質検査の結果（HTML）")
    _say(f"  set -a; . {demo_environment.SECRETS}; set +a; export TODOKE_ENV=demo   （次の行の前に）")
    _say(f"  .venv/bin/todoke outbox export {CONTRACT} labels --to …   ラベルのPDFを復号して取り出す")


if __name__ == "__main__":
    sys.exit(main())
