"""The gift programme of the small ward: what the people around it do, and the tasks of each process without Airflow."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa
import yaml
from label_samples import eudc_font
from small_ward import CARRIER_HEADER, PASSPHRASE, drop, sealed, table

import databases
from todoke import clock
from todoke.errors import NotApproved
from todoke.orders.postcards import FIELDS as POSTCARD_HEADER
from todoke.outbox.batch import Outbox
from todoke.process import (
    approval,
    deliveries,
    gaiji_proof,
    gaiji_shapes,
    intake,
    labels,
    nonapplicants,
    orders,
    pull_outs,
    receipts,
    register,
    register_checks,
    reminders,
    reports,
    returned_work,
    stops,
    survey,
)
from todoke.process.workspace import Counts
from todoke.store import database
from todoke.store import tables as t
from todoke.store.ledger import Ledger
from todoke.store.verify import verify

CONTRACT, INSPECTOR = "gift", "02"
ARRIVED_ON = date(2026, 11, 4)
ROOT = Path(__file__).parents[2]


def prints(process: ModuleType) -> Callable[[str, date], Counts]:
    """What claims the batches of a process and prints one after the other."""

    def release_batches(contract: str, on: date) -> Counts:
        printed = [labels.print_batches(contract, on, [batch]) for batch in process.claim_batches(contract, on)]
        return {"batches": len(printed), "labels": sum(int(each["labels"]) for each in printed)}

    return release_batches


#: The tasks of each DAG in their order; what a person has not said yes to is skipped there.
TASKS: Mapping[str, tuple[Callable[[str, date], Counts], ...]] = {
    "intake": (
        intake.look,
        intake.check_viruses,
        intake.receive,
        gaiji_shapes.compare,
        returned_work.take_answers,
        receipts.issue,
    ),
    "register": (register_checks.validate, register.publish, stops.stop),
    "labels": (gaiji_proof.prove, labels.plan, labels.test_pack, prints(labels), pull_outs.pull_out),
    "orders": (orders.land_web, orders.land_postcards, orders.check_postcards, orders.settle, orders.release),
    "deliveries": (deliveries.land_results, deliveries.check_results, deliveries.settle),
    "reminders": (reminders.propose, prints(reminders)),
    "nonapplicants": (nonapplicants.propose, prints(nonapplicants)),
    "survey": (survey.land, survey.publish),
    "reports": (reports.prepare, reports.send),
}
#: By kind of parcel, what asks for the release of labels when their test print has passed.
_ASKS: Mapping[str, Callable[[str, date], Counts]] = {
    "catalogue": labels.test_pack,
    "toilet": nonapplicants.propose,
    "notice": reminders.propose,
}
_WEB_TABLES = """
CREATE TABLE application (application_id text PRIMARY KEY, application_no text, submitted_at timestamp,
    cancelled_at timestamp, updated_at timestamp);
CREATE TABLE application_line (application_id text, line_no int, item_code text, quantity int,
    PRIMARY KEY (application_id, line_no));
CREATE TABLE amendment (amendment_id text PRIMARY KEY, application_no text, requested_at timestamp, action text,
    operator text, updated_at timestamp);
CREATE TABLE amendment_line (amendment_id text, line_no int, item_code text, quantity int,
    PRIMARY KEY (amendment_id, line_no));
CREATE TABLE survey_answer (application_id text, question_code text, answer text, answered_at timestamp);
"""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
Items = Sequence[tuple[str, int]]


def installation(folder: Path, **settings: Any) -> Path:
    """A root like the checkout's, whose contract is lenient enough for a ward of thirteen households.

    Args:
        settings: sections of the contract and what is otherwise in them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("include", "expectations", "dags", "plugins"):
        (folder / name).symlink_to(ROOT / name)
    contract = folder / "contracts" / CONTRACT
    shutil.copytree(ROOT / "contracts" / CONTRACT, contract)
    body = yaml.safe_load((contract / "contract.yaml").read_text("utf-8"))
    for section, changed in {"register": {"drift_gate_percent": 20, "release": "automatic"}, **settings}.items():
        body[section] |= changed
    (contract / "contract.yaml").write_text(yaml.safe_dump(body, allow_unicode=True), "utf-8")
    return folder


class Programme:
    """One contract over a home of its own; its clock stands at the last thing that happened, and only goes forward."""

    def __init__(self, home: Path, root: Path, ledger_url: str | None = None, now: datetime | None = None) -> None:
        self.home, self.root = home, root
        self.now = now or datetime.fromisoformat("2026-07-01")
        home.mkdir(parents=True, exist_ok=True)
        self.variables: dict[str, str | None] = {
            "TODOKE_ROOT": str(root),
            "TODOKE_HOME": str(home),
            "TODOKE_LEDGER": ledger_url,
            "TODOKE_ENV": "test",
            "TODOKE_GIFT_KEY": databases.KEY,
            "TODOKE_GIFT_LGWAN_PASSPHRASE": PASSPHRASE,
            "TODOKE_GIFT_WEB": f"sqlite:///{home / 'web.db'}",
            "TODOKE_SMTP": None,
            "TODOKE_NOW": now and now.isoformat(),
        }

    @contextlib.contextmanager
    def entered(self) -> Iterator[Programme]:
        """The programme as the one that the environment names."""
        with databases.environment(**self.variables):
            try:
                yield self
            finally:
                database.engine_of(CONTRACT).dispose()

    @contextlib.contextmanager
    def copied(self, home: Path, root: Path | None = None) -> Iterator[Programme]:
        """The same at another place, which is there while the block runs; nobody may be connected to this one."""
        shutil.copytree(self.home, home)
        with databases.copied_database(self.variables["TODOKE_LEDGER"]) as url:
            yield Programme(home, root or self.root, url, self.now)

    # -- what other people do -----------------------------------------------------------------------------

    def ward_sends(self, kind: str, content: bytes, on: date, seq: int = 1) -> Path:
        """A file of the ward, encrypted anew."""
        return self.ward_sends_envelope(kind, sealed(content), on, seq)

    def ward_sends_envelope(self, kind: str, envelope: bytes, on: date, seq: int = 1) -> Path:
        """A file of the ward as it arrives."""
        return drop(self.inbox("lgwan"), f"{kind}_{on:%Y%m%d}_{seq:02d}.csv.pgp", envelope)

    def ward_sends_font(self) -> Path:
        return drop(self.inbox("cloud"), "EUDC.TTE", eudc_font())

    def inbox(self, source: str) -> Path:
        return self.home / "inbox" / CONTRACT / source

    def applies(self, name: str, household: str, at: str, items: Items, number: str = "") -> None:
        """A resident on the web site."""
        row = {"id": name, "no": number or self.number(household), "at": at}
        self._web("INSERT INTO application VALUES (:id, :no, :at, NULL, :at)", [row])
        self._lines("application_line", name, items)

    def cancels(self, name: str, at: str) -> None:
        """A resident takes back an application on the web site."""
        change = "UPDATE application SET cancelled_at = :at, updated_at = :at WHERE application_id = :id"
        self._web(change, [{"id": name, "at": at}])

    def phones(self, name: str, household: str, at: str, action: str, items: Items = ()) -> None:
        """The call centre keys in what a resident asks for."""
        row = {"id": name, "no": self.number(household), "at": at, "action": action}
        self._web("INSERT INTO amendment VALUES (:id, :no, :at, :action, 'op01', :at)", [row])
        self._lines("amendment_line", name, items)

    def answers(self, answers: Sequence[tuple[str, str, str, str]]) -> None:
        """Survey: application, question, answer, time."""
        rows = [dict(zip(("id", "question", "answer", "at"), row, strict=True)) for row in answers]
        self._web("INSERT INTO survey_answer VALUES (:id, :question, :answer, :at)", rows)

    def scans(self, on: date, *cards: Mapping[str, object], seq: int = 1) -> Path:
        """The day's postcards; what a card leaves out was read well or is blank."""
        rows = [[{"受付日": on.isoformat(), **card}.get(name, "") for name in POSTCARD_HEADER] for card in cards]
        return drop(self.inbox("postcards"), f"postcards_{on:%Y%m%d}_{seq:02d}.csv", table(POSTCARD_HEADER, rows))

    def card(self, number: str, household: str, kana: str, postal_code: str, items: Items, **more: object) -> dict:
        """A postcard that the scanner read without doubt."""
        card: dict[str, object] = {"受付番号": number, "申込番号": self.number(household), "申込番号確信度": 0.99}
        card |= {"氏名カナ": kana, "氏名カナ確信度": 0.97, "郵便番号": postal_code, "郵便番号確信度": 0.98}
        for slot, (code, quantity) in enumerate(items, 1):
            card |= {f"商品コード{slot}": code, f"数量{slot}": quantity, f"商品コード{slot}確信度": 0.96}
        return card | more

    def carrier_reports(self, on: date, *rows: tuple[str, int, str, str], seq: int = 1) -> Path:
        """A file of the carrier: (shipment, revision, its word for the state, `HH:MM` or a whole moment)."""
        lines = [
            (shipment, revision, f"4000{n:08d}", state, when if len(when) > 5 else f"{on} {when}", "")
            for n, (shipment, revision, state, when) in enumerate(rows)
        ]
        return drop(self.inbox("carrier"), f"results_{on:%Y%m%d}_{seq:02d}.csv", table(CARRIER_HEADER, lines))

    def hands_over(self, on: date, *kinds: str, but: Sequence[str] = ()) -> None:
        """The carrier takes all released parcels of some kinds, and says so; `but` are households."""
        rows = [
            (row["id"], row["released_rev"], "引受", "10:00")
            for row in self.rows("shipment")
            if row["kind"] in kinds and row["state"] == "released" and row["household_no"] not in but
        ]
        self.carrier_reports(on, *rows)
        self.run("deliveries", on)

    # -- what the programme does --------------------------------------------------------------------------

    def run(self, process: str, on: date) -> dict[str, Counts | str]:
        """All tasks of a process for a business date; what they said, by their names."""
        self._pass_time(on)
        said: dict[str, Counts | str] = {}
        for task in TASKS[process]:
            try:
                said[task.__name__] = task(CONTRACT, on)
            except NotApproved as error:
                said[task.__name__] = str(error)
        return said

    def answer(self, verdict: str = "approved") -> list[str]:
        """A person answers every open request, and after a passed test print the labels that are asked about then.

        Returns:
            their subjects. The yes and the no are as the request words them.
        """
        subjects = self.answer_open(verdict)
        if verdict == "approved" and any(":labels_test:" in subject for subject in subjects):
            asked_on = max(row["requested_on"] for row in self.rows("approval_request"))
            inspected = {subject.partition(":labels_test:")[2].partition("_")[0] for subject in subjects} - {""}
            for kind in sorted(inspected):
                _ASKS[kind](CONTRACT, asked_on)  # the approval's bell starts what asked
            subjects += self.answer_open(verdict)
        return subjects

    def answer_open(self, verdict: str = "approved", batches: object = approval.ALL) -> list[str]:
        """A person answers what is asked now, and no more; of labels in several, lets the first `batches` go."""
        waiting = approval.pending(CONTRACT)
        inspection = {"inspector": INSPECTOR, "inspected_on": clock.now_tokyo().date().isoformat()}
        for request in waiting:
            place = (CONTRACT, request["subject"], request["digest"])
            own = {"approved": request["options"][0], "rejected": request["options"][-1]}.get(verdict, verdict)
            some = batches if request["batches"] else approval.ALL
            approval.record(*place, own, "admin", request["round"], **inspection, batches=some)
        return [request["subject"] for request in waiting]

    def _pass_time(self, on: date) -> None:
        self.now = max(self.now + timedelta(minutes=1), datetime.combine(on, time(18)))
        os.environ["TODOKE_NOW"] = self.now.isoformat()

    # -- what is there now --------------------------------------------------------------------------------

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(CONTRACT)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.ledger)

    def number(self, household: str) -> str:
        """The application number of a household."""
        return next(r["application_no"] for r in self.rows("application_number") if r["household_no"] == household)

    def rows(self, name: str, **where: object) -> list[dict[str, Any]]:
        """The rows of a table of the ledger, in a fixed order."""
        query = sa.select(t.metadata.tables[name])
        for column, value in where.items():
            query = query.where(t.metadata.tables[name].c[column] == value)
        with self.ledger.read() as tx:
            rows = [dict(row) for row in tx.execute(query).mappings()]
        return sorted(rows, key=repr)

    def parcel(self, household: str, kind: str = "goods", sequence: int = 1) -> dict[str, Any]:
        """A parcel with its last revision's action and lines."""
        parcel = one(self.rows("shipment", household_no=household, kind=kind, sequence=sequence))
        here = {"shipment_id": parcel["id"], "rev": parcel["revision"]}
        lines = {row["item_code"]: row["quantity"] for row in self.rows("shipment_item", **here)}
        return {**parcel, "action": one(self.rows("shipment_revision", **here))["action"], "lines": lines}

    def decision(self, application: str) -> tuple[str, str | None]:
        """Status and reason of an application or an amendment."""
        row = one(self.rows("decision_head", application_id=application))
        return row["status"], row["reason"]

    def version(self, dataset: str) -> list[dict[str, Any]]:
        """The rows of a dataset's newest version."""
        from todoke.store.lake import Lake

        with self.ledger.read() as tx:
            head = self.ledger.heads(tx)[dataset]
        return Lake(self.ledger).read(head).to_pylist()

    def out(self, below: str = "") -> dict[str, bytes]:
        """The contents of what has gone out, by name."""
        return {name: self.outbox.get(name) for name in self.outbox.listing(below)}

    def shipped(self, kind: str = "防災用品") -> list[dict[str, str]]:
        """What the carrier has been told of parcels of a kind, in all files, by parcel and revision."""
        files = [csv.DictReader(io.StringIO(content.decode("cp932"))) for content in self.out("shipping").values()]
        rows = [row for file in files for row in file if row["種別"] == kind]
        return sorted(rows, key=lambda row: (row["出荷番号"], row["改訂"], row["商品コード"]))

    def control(self, below: str) -> list[dict[str, int]]:
        return [json.loads(content) for name, content in self.out(below).items() if name.endswith("control.json")]

    def traces(self) -> dict[str, Any]:
        """Every row of the ledger and every byte of the outbox, as they lie there."""
        outbox = self.home / "outbox"
        return {
            "ledger": {name: self.rows(name) for name in t.metadata.tables},
            "outbox": {str(p.relative_to(outbox)): p.read_bytes() for p in outbox.rglob("*") if p.is_file()},
        }

    def faults(self) -> list[Any]:
        """What heads and log of the ledger disagree about."""
        return list(verify(self.ledger))

    def _web(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        engine = sa.create_engine(str(self.variables["TODOKE_GIFT_WEB"]))
        with engine.begin() as connection:
            if not sa.inspect(connection).has_table("application"):
                for create in _WEB_TABLES.split(";"):
                    connection.execute(sa.text(create or "SELECT 1"))
            connection.execute(sa.text(statement), [{k: _stored(v) for k, v in row.items()} for row in rows])
        engine.dispose()

    def _lines(self, name: str, key: str, items: Items) -> None:
        rows = [{"id": key, "n": n, "code": code, "quantity": q} for n, (code, q) in enumerate(items, 1)]
        if rows:
            self._web(f"INSERT INTO {name} VALUES (:id, :n, :code, :quantity)", rows)

    def web_site_opens(self) -> None:
        """The web database is there, with nothing in it."""
        self._web("SELECT 1", [{}])


@contextlib.contextmanager
def on_ledger(kind: str, home: Path, root: Path) -> Iterator[Programme]:
    """A programme to which nothing has happened; its ledger (`sqlite`, `postgresql`) is there while the block runs."""
    with databases.fresh_database(kind) as url:
        yield Programme(home, root, url)


def arrived(programme: Programme) -> None:
    """Of eleven catalogues eight arrive, one comes back, one is lost."""
    parcels = [row["id"] for row in programme.rows("shipment", kind="catalogue", state="handed_over")]
    words = ["配達完了"] * 8 + ["宛所不明", "紛失"]
    rows = [(parcel, 1, word, "15:00") for parcel, word in zip(parcels, words, strict=False)]
    programme.carrier_reports(ARRIVED_ON, *rows)
    programme.run("deliveries", ARRIVED_ON)


def one(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The only one of them."""
    assert len(rows) == 1, len(rows)
    return rows[0]


def _stored(value: object) -> object:
    """Moments as SQLAlchemy reads them from SQLite."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return datetime.fromisoformat(value).isoformat(" ", "microseconds")
    return value
