"""The contract file as frozen models: a setting that is wrong is named with its key and what is allowed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from todoke.contract.label_forms import Labels
from todoke.contract.layout import Layout
from todoke.contract.settings import Settings

MonthDay = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
ItemId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,30}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,20}$")]
Post = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9A-F]{40}$")]
Process = Literal[
    "intake",
    "register",
    "labels",
    "orders",
    "deliveries",
    "reminders",
    "nonapplicants",
    "survey",
    "reports",
    "approval",
]

#: Processes that handle counts and nothing of a person: what a contract may do whose data stays with the client.
COUNTS_ALONE = frozenset({"reports", "approval"})


class Client(Settings):
    """Attributes:
    inspectors: who inspects test prints (G06), by the code that is keyed in: the post, never a name, for Airflow keeps
        what its forms show and take.
    """

    name: str
    mail: tuple[str, ...] = Field(min_length=1)
    inspectors: dict[Code, Post] = Field(default_factory=dict)


class Contractor(Settings):
    name: str
    desk: str


class Term(Settings):
    starts_on: date
    ends_on: date

    @model_validator(mode="after")
    def _in_order(self) -> Term:
        if self.ends_on <= self.starts_on:
            raise ValueError("ends_on は starts_on より後の日付にしてください")
        return self


class ClosedYearly(Settings):
    """Days closed every year, both ends included; may run over New Year."""

    start: MonthDay
    end: MonthDay


class Calendar(Settings):
    weekend_closed: bool = True
    national_holidays_closed: bool = True
    closed_yearly: tuple[ClosedYearly, ...] = ()


class Entitlement(Settings):
    points_per_member: int = Field(gt=0)


class Applications(Settings):
    opens_on: date
    deadline: date
    postcard_day: Literal["received", "postmark"] = "received"
    confidence_threshold: float = Field(ge=0, le=1, default=0.80)
    amend_until: Literal["deadline", "handover"] = "deadline"


class Catalogue(Settings):
    file: str
    handed_over_from: date


class Reminder(Settings):
    """The notice to households that have not applied by a day (G22)."""

    day: date


class Toilets(Settings):
    per_member: int = Field(gt=0)
    grace_days: int = Field(ge=0)
    declined_households: bool = True


class Intake(Settings):
    sidecar: Literal["required", "none"] = "required"
    bad_rows: Literal["quarantine", "refuse"] = "quarantine"
    bad_rows_per_mille: int = Field(ge=0, le=1000, default=20)
    envelopes: tuple[Literal["openpgp", "pgp_sda", "zip", "7z", "zip_crypto", "plain"], ...] = ("openpgp",)
    signers: tuple[Fingerprint, ...] = Field(
        default=(), description="OpenPGP keys of which one has to have signed; none: signatures are not asked for"
    )
    virus_check: Literal["clamd", "none"] = "none"
    sidecar_hours: int = Field(gt=0, default=24, description="a file without its sidecar for longer is told of")


class Register(Settings):
    drift_gate_percent: float = Field(ge=0, le=100)
    release: Literal["person", "automatic"] = Field(
        default="person", description="who lets a register go whose files left something in quarantine"
    )


class Carrier(Settings):
    name: str
    states: dict[str, str]

    @field_validator("states")
    @classmethod
    def _known_states(cls, states: dict[str, str]) -> dict[str, str]:
        from todoke.model.codes import ShipmentState

        unknown = sorted(set(states.values()) - {state.value for state in ShipmentState})
        if unknown:
            raise ValueError(f"出荷の状態にない値です: {', '.join(unknown)}")
        return states


class Question(Settings):
    """A survey question; one without choices is free text and is only counted."""

    title: str
    choices: dict[str, str] = Field(default_factory=dict)


class Survey(Settings):
    small_cell: int = Field(ge=1, description="cells below this count are suppressed")
    questions: dict[str, Question]


class Report(Settings):
    """A report of every month: `day` of the next month, moved onto an open day by `rule`."""

    kind: ItemId
    title: str
    rule: Literal["last_open_day_until", "next_open_day_from"]
    day: int = Field(ge=1, le=28)


class Mail(Settings):
    sender_name: str
    sender: str


class Consent(Settings):
    """The client's consent to our handling what the contract keeps on the client's premises; counts alone, ever.

    `document` is what it can be found by; `scope` has one value: no consent covers personal data, least of all
    特定個人情報.
    """

    given_on: date
    given_by: str = Field(min_length=1)
    document: str = Field(min_length=1)
    scope: Literal["counts"]


class Change(Settings):
    """A dated revision of the contract: from `valid_from` on the keys of `set` replace those of the file."""

    valid_from: date
    set: dict[str, Any]


class Contract(Settings):
    """One programme of one client."""

    id: ItemId
    name: str
    environment: Literal["simulation", "production"]
    client: Client
    contractor: Contractor
    #: whose machines may hold its data: `any`; `place_of_work`: it may not leave there (003 11(4)); `client`: the
    #: client's own alone (004 5F(1)ア)
    machine: Literal["any", "place_of_work", "client"]
    consent: Consent | None = None
    term: Term
    reference_date: date
    calendar: Calendar
    entitlement: Entitlement
    applications: Applications
    catalogue: Catalogue
    toilets: Toilets
    reminder: Reminder | None = None
    intake: Intake
    register_: Register = Field(alias="register")
    layouts: dict[str, Layout]
    carrier: Carrier
    labels: Labels
    survey: Survey
    processes: tuple[Process, ...]
    reports: tuple[Report, ...]
    mail: Mail
    changes: tuple[Change, ...] = ()

    @model_validator(mode="after")
    def _machine_allows(self) -> Contract:
        if self.machine == "any":
            return self
        if self.consent is None:
            raise ValueError(
                f"machine が {self.machine} の契約は、発注者の同意（consent: given_on, given_by, document, "
                "scope: counts）を記録しないと動かせません"
            )
        if self.consent.given_on > self.term.ends_on:
            raise ValueError("consent.given_on は契約期間（term）の終わりまでの日付にしてください")
        beyond = sorted(set(self.processes) - COUNTS_ALONE)
        if beyond:
            raise ValueError(f"同意は件数だけに及びます。processes から外してください: {', '.join(beyond)}")
        return self

    @model_validator(mode="after")
    def _dates_fit(self) -> Contract:
        term, deadline = self.term, self.applications.deadline
        if not term.starts_on <= deadline <= term.ends_on:
            raise ValueError("applications.deadline は契約期間（term）の中の日付にしてください")
        if (deadline - self.catalogue.handed_over_from).days < 30:
            raise ValueError("applications.deadline は catalogue.handed_over_from から1か月以上あけてください（G20）")
        if self.reminder is not None and not self.catalogue.handed_over_from < self.reminder.day < deadline:
            raise ValueError(
                "reminder.day は catalogue.handed_over_from より後、applications.deadline より前の日付にしてください"
            )
        if "labels" in self.processes and not self.client.inspectors:
            raise ValueError("processes に labels があるときは client.inspectors（コード: 職）を書いてください（G06）")
        if "reminders" in self.processes and self.reminder is None:
            raise ValueError("processes に reminders があるときは reminder.day を書いてください（G22）")
        return self
