"""The monthly delivery report: what was shipped, arrived, came back or met an accident (G10, G11)."""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

from todoke.errors import TodokeError
from todoke.model.codes import ShipmentKind, ShipmentState
from todoke.outbox.workbook import Chart, Column, Sheet, render
from todoke.store.engine import Engine
from todoke.store.sqlfiles import load

_RETURNS = ("returned_unknown_address", "returned_refused", "returned_expired")
_ACCIDENTS = ("lost", "damaged", "delayed")
#: What `collect` reads: of every parcel, and of what the carrier said – the rest stands on the parcel.
SHIPMENT_COLUMNS = ("shipment_id", "kind", "state", "released_on", "handed_over_at", "delivered_on")
REPORTED_STATES = (*_RETURNS, *_ACCIDENTS)
_MOVEMENTS = ("released", "handed_over", "delivered", *REPORTED_STATES)
_RESULTS = frozenset(_MOVEMENTS) - {"released"}
_COUNT = '#,##0;-#,##0;"–"'
_KIND = {kind.value: kind for kind in ShipmentKind}
_STATE = {state.value: state for state in ShipmentState}
_WEEKDAYS = "月火水木金土日"
_NOTES = (
    "※ 「発送」は運送会社に引き渡した個数です。「出荷指示」は当社から運送会社に出荷を指示した個数です。",
    "※ 返戻・事故は、運送会社から最初に報告のあった日に1個として数えています。",
)


_MOVEMENT = pa.schema(
    [("moved_on", pa.date32()), ("kind", pa.string()), ("movement", pa.string()), ("shipments", pa.int64())]
)
_STANDING = pa.schema(
    [
        ("kind", pa.string()),
        *((name, pa.int64()) for name in ("handed_over", "delivered", "returned", "lost", "damaged", "on_the_way")),
    ]
)
_ACCIDENT = pa.schema(
    [
        ("occurred_on", pa.date32()),
        *((name, pa.string()) for name in ("kind", "accident", "shipment_id")),
        ("handed_over_on", pa.date32()),
        ("state", pa.string()),
        ("delivered_on", pa.date32()),
    ]
)


@dataclass(frozen=True)
class DeliveryMonth:
    """The figures of one month.

    `movements` (moved_on, kind, movement, shipments); `standing` (kind, handed_over, delivered, returned,
    lost, damaged, on_the_way) at the end of the month, since the programme began; `accidents`, one row each.
    """

    period: str
    movements: pa.Table
    standing: pa.Table
    accidents: pa.Table

    def to_json(self) -> str:
        """The figures as text; `from_json` gives the same month again."""
        tables = {"movements": self.movements, "standing": self.standing, "accidents": self.accidents}
        rows = {name: table.to_pylist() for name, table in tables.items()}
        return json.dumps({"period": self.period, **rows}, default=date.isoformat)

    @classmethod
    def from_json(cls, text: str) -> DeliveryMonth:
        """The month that `to_json` wrote."""
        kept = json.loads(text)
        schemas = {"movements": _MOVEMENT, "standing": _STANDING, "accidents": _ACCIDENT}
        return cls(kept["period"], **{name: _table(kept[name], schema) for name, schema in schemas.items()})


def _table(rows: list[dict[str, str | int | None]], schema: pa.Schema) -> pa.Table:
    """Rows of JSON, where a date is text, as a table."""
    columns = [pa.array([row[field.name] for row in rows]).cast(field.type) for field in schema]
    return pa.table(columns, schema=schema)


def collect(shipments: pa.Table, events: pa.Table, period: str) -> DeliveryMonth:
    """The figures of `period` (`YYYY-MM`).

    `shipments`: `SHIPMENT_COLUMNS`; `events`: shipment_id, state, occurred_at (naive Asia/Tokyo), what the carrier
    said in `REPORTED_STATES`; other states may stand among them.

    Raises:
        TodokeError: `period` is no month.
    """
    first, last = _bounds(period)
    params = {"first_day": first, "last_day": last}
    with Engine() as engine:
        engine.register("shipment", shipments)
        engine.register("shipment_event", events)
        movements, standing, accidents = (
            engine.fetch(load("deliveries", name), params) for name in ("movements", "standing", "accidents")
        )
    return DeliveryMonth(period, movements, standing, accidents)


def has_results(month: DeliveryMonth) -> bool:
    """Whether anything was shipped, arrived, came back or met an accident: no report without results (G10)."""
    return any(movement in _RESULTS for movement in month.movements["movement"].to_pylist())


def file_name(contract_id: str, period: str) -> str:
    """`<contract>_deliveries_<YYYY-MM>.xlsx`"""
    return f"{contract_id}_deliveries_{period}.xlsx"


def label_of(period: str) -> str:
    """`2026-11` as people read it: 2026年11月."""
    first, _ = _bounds(period)
    return f"{first.year}年{first.month}月"


def workbook(month: DeliveryMonth, *, title: str, programme: str, contractor: str) -> bytes:
    """The report as .xlsx: the month by kind, day by day with a chart, the standing so far, accidents."""
    sheets = (_month_sheet(month), _standing_sheet(month), _daily_sheet(month), _accident_sheet(month))
    heading = f"{title}（{label_of(month.period)}分）"
    return render(sheets, title=heading, subtitle=f"{programme}　{contractor}")


def figures(month: DeliveryMonth) -> dict[str, object]:
    """What the mail's body says (`deliveries.txt.j2`): counts by kind, totals, accidents, standing so far."""
    rows = _by_kind(month)
    last = _bounds(month.period)[1]
    return {
        "period": label_of(month.period),
        "last_day": f"{last.year}年{last.month}月{last.day}日",
        "kinds": rows,
        "total": _added(rows),
        "standing": [{**row, "label": _KIND[row["kind"]].label} for row in month.standing.to_pylist()],
        "accidents": month.accidents.num_rows,
    }


def _bounds(period: str) -> tuple[date, date]:
    try:
        first = date.fromisoformat(f"{period}-01")
    except ValueError:
        raise TodokeError("対象月の書き方が誤りです", where=period, next_step="YYYY-MM で指定してください") from None
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _kinds(month: DeliveryMonth) -> list[ShipmentKind]:
    """The kinds that occur, in the order of the programme."""
    seen = {*month.movements["kind"].to_pylist(), *month.standing["kind"].to_pylist()}
    return [kind for kind in ShipmentKind if kind.value in seen]


def _by_kind(month: DeliveryMonth) -> list[dict[str, int | str]]:
    counts = {kind: dict.fromkeys(_MOVEMENTS, 0) for kind in _kinds(month)}
    for row in month.movements.to_pylist():
        counts[_KIND[row["kind"]]][row["movement"]] += row["shipments"]
    return [
        {
            "label": kind.label,
            **count,
            "returned": sum(count[reason] for reason in _RETURNS),
            "accident": sum(count[accident] for accident in _ACCIDENTS),
        }
        for kind, count in counts.items()
    ]


def _added(rows: Iterable[Mapping[str, int | str]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for row in rows:
        for key, value in row.items():
            if isinstance(value, int):
                total[key] = total.get(key, 0) + value
    return total


def _count(key: str, heading: str, group: str = "", width: float = 10) -> Column:
    return Column(key, heading, width, _COUNT, group=group, total=True)


def _month_sheet(month: DeliveryMonth) -> Sheet:
    columns = (
        Column("label", "種別", 14),
        _count("released", "出荷指示"),
        _count("handed_over", "発送"),
        _count("delivered", "配達完了"),
        *(_count(reason, _reason(reason), "返戻", 12) for reason in _RETURNS),
        _count("returned", "計", "返戻", 8),
        *(_count(accident, _STATE[accident].label, "事故", 8) for accident in _ACCIDENTS),
    )
    schema = pa.schema([("label", pa.string()), *((c.key, pa.int64()) for c in columns[1:])])
    rows = pa.Table.from_pylist(_by_kind(month), schema)
    return Sheet("月間集計", columns, rows, notes=("単位：個", *_NOTES))


def _reason(state: str) -> str:
    """返戻（宛所不明） → 宛所不明"""
    return _STATE[state].label.removeprefix("返戻（").removesuffix("）")


def _standing_sheet(month: DeliveryMonth) -> Sheet:
    labels = [_KIND[code].label for code in month.standing["kind"].to_pylist()]
    columns = (
        Column("label", "種別", 14),
        _count("handed_over", "発送", width=12),
        _count("delivered", "配達完了", width=12),
        _count("returned", "返戻", width=12),
        _count("lost", "紛失", width=12),
        _count("damaged", "損傷", width=12),
        _count("on_the_way", "配送中", width=12),
    )
    last = _bounds(month.period)[1]
    notes = (
        f"単位：個。事業開始から{last.year}年{last.month}月{last.day}日までの累計です。",
        "※ 発送 ＝ 配達完了 ＋ 返戻 ＋ 紛失 ＋ 損傷（未配達のもの） ＋ 配送中（不在・保管中を含む）",
    )
    rows = month.standing.append_column("label", pa.array(labels, pa.string()))
    return Sheet("累計", columns, rows, notes)


def _daily_sheet(month: DeliveryMonth) -> Sheet:
    first, last = _bounds(month.period)
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    kinds = _kinds(month)
    parts = {
        "released": ("released",),
        "handed_over": ("handed_over",),
        "delivered": ("delivered",),
        "returned": _RETURNS,
    }
    headings = {"released": "出荷指示", "handed_over": "発送", "delivered": "配達完了", "returned": "返戻"}
    counts = {(row["moved_on"], row["kind"], row["movement"]): row["shipments"] for row in month.movements.to_pylist()}
    table: dict[str, list[object]] = {"day": list(days), "weekday": [_WEEKDAYS[day.weekday()] for day in days]}
    columns = [Column("day", "日付", 11), Column("weekday", "曜日", 6, centred=True)]
    for kind in kinds:
        for part, movements in parts.items():
            key = f"{kind.value}_{part}"
            table[key] = [sum(counts.get((day, kind.value, m), 0) for m in movements) for day in days]
            columns.append(_count(key, headings[part], kind.label, 9.5))
    chart = Chart(
        "column",
        f"{label_of(month.period)}　日別の配達完了",
        "day",
        tuple((f"{kind.value}_delivered", kind.label) for kind in kinds),
        stacked=True,
        category_format="d",
        unit="個",
    )
    return Sheet("日別", tuple(columns), pa.table(table), ("単位：個",), chart)


def _accident_sheet(month: DeliveryMonth) -> Sheet:
    table = month.accidents
    for name, labels in (
        ("kind", [_KIND[code].label for code in table["kind"].to_pylist()]),
        ("accident", [_STATE[code].label for code in table["accident"].to_pylist()]),
        ("state", [_STATE[code].label for code in table["state"].to_pylist()]),
    ):
        table = table.set_column(table.column_names.index(name), name, pa.array(labels, pa.string()))
    columns = (
        Column("occurred_on", "報告日", 11),
        Column("kind", "種別", 11),
        Column("accident", "事故", 8),
        Column("shipment_id", "出荷番号", 24),
        Column("handed_over_on", "発送日", 11),
        Column("state", "現在の状態", 22),
        Column("delivered_on", "配達完了日", 11, null="–"),
    )
    notes = () if table.num_rows else ("この月に報告された紛失・損傷・遅延はありません。",)
    return Sheet("事故一覧", columns, table, notes)
