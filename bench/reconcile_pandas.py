"""The rules of the daily reconciliation in pandas, as one would write them without SQL: the peer of the benchmark.

Whole columns wherever a rule allows it (merges, group-by, `np.select`); only the few amendments, each of which
stands on the one before it, are followed in a loop.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from reconcile_pandas_amendments import DECISION, Amended, follow_amendments, in_order
from todoke.orders.reconcile import OrderInputs, OrderRules

Frames = dict[str, pd.DataFrame]

SORTED_BY = {
    "decision": ["application_id"],
    "parcel": ["household_no", "cause", "cause_ref"],
    "parcel_line": ["household_no", "cause", "cause_ref", "item_code"],
}
REJECTED, WITHDRAWN = {"late", "duplicate"}, {"declined"}


def reconcile(inputs: OrderInputs, rules: OrderRules) -> Frames:
    """`decision`, `parcel` and `parcel_line` as `todoke.orders.reconcile` gives them, sorted as there."""
    frames = {name: table.to_pandas() for name, table in vars(inputs).items()}
    end = pd.Timestamp(rules.as_of) + pd.Timedelta(days=1)
    household = _households(frames, rules)
    holder = frames["application_number"].set_index("application_no")["household_no"]
    shipped = _released(frames["shipment"], end)
    web = _web(frames["web_application"], holder, end)
    cards = _cards(frames, holder, household, rules)
    apps = pd.concat([web, cards], ignore_index=True)
    lines = pd.concat([_lines(frames["web_line"], "W:"), _lines(frames["postcard_line"], "P:", "card_no")])
    apps = _content(apps, lines, frames["catalogue"])
    apps = _check(apps, household, shipped, rules)
    amendments = _amendments(frames, holder, end)
    amended = follow_amendments(apps, amendments, household, shipped, rules)
    apps, standing = _settle(apps, amended, shipped)
    apps["differs_from_standing"] = _differs(apps, standing, lines)
    changes = lines_of_amendments(frames["amendment_line"])
    decision = pd.concat([apps[DECISION], amended.decisions[DECISION]], ignore_index=True)
    wanted = {"decision": decision} | _parcels(standing, amended, household, lines, changes)
    return {name: frame.sort_values(SORTED_BY[name], ignore_index=True) for name, frame in wanted.items()}


# ---------------------------------------------------------------- what is known


def _households(frames: Frames, rules: OrderRules) -> pd.DataFrame:
    household = frames["household"].set_index("household_no")
    household["entitlement"] = household["members"] * rules.points_per_member
    household["delivery_postal"] = frames["delivery_postal"].set_index("household_no")["postal_code"]
    return household


def _released(shipment: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    shipped = shipment[pd.to_datetime(shipment["released_on"]) < end].copy()
    shipped.loc[shipped["handed_over_at"] >= end, "handed_over_at"] = pd.NaT
    return shipped


def _well_formed(number: pd.Series) -> pd.Series:
    """Ten digits, ISO 7064 MOD 97-10."""
    ten = number.str.fullmatch("[0-9]{10}", na=False)
    value = pd.to_numeric(number.where(ten, "0"))
    return ten & (value % 97 == 1)


def _household_of(number: pd.Series, holder: pd.Series) -> pd.Series:
    return number.where(_well_formed(number)).map(holder)


# ---------------------------------------------------------------- applications


def _web(web: pd.DataFrame, holder: pd.Series, end: pd.Timestamp) -> pd.DataFrame:
    web = web[web["submitted_at"] < end]
    return pd.DataFrame(
        {
            "application_id": "W:" + web["application_id"],
            "source": "web",
            "household_no": _household_of(web["application_no"], holder),
            "received_at": web["submitted_at"],
            "cancelled": web["cancelled_at"] < end,
            "declined": False,
            "illegible": False,
            "identity": False,
        }
    )


def _cards(frames: Frames, holder: pd.Series, household: pd.DataFrame, rules: OrderRules) -> pd.DataFrame:
    card = frames["postcard"]
    card = card[pd.to_datetime(card["received_on"]) < pd.Timestamp(rules.as_of) + pd.Timedelta(days=1)].copy()
    sure = {c: card[f"{c}_confidence"] >= rules.threshold for c in _CONFIDENT}
    number_read = sure["application_no"] & (card["application_no"].fillna("").str.strip() != "")
    card["name_ok"] = sure["name_kana"] & (card["name_key"].fillna("") != "")
    card["postal_ok"] = sure["postal_code"] & (card["postal_key"].fillna("") != "")
    owner = _household_of(card["application_no"].where(number_read), holder)
    owner = owner.fillna(card["card_no"].map(_matched(card[owner.isna()], frames, household)))
    marked = ~card["declined"].fillna("").str.strip().isin(["", "0"])
    unsure_mark = ~sure["declined"] & (marked | card["declined_confidence"].notna())
    bad_slots = card["card_no"].isin(_unreadable_slots(frames["postcard_line"], rules))
    comparable = card["name_ok"] | card["postal_ok"]
    received = pd.to_datetime(card["received_on"])
    if rules.postmark:
        received = pd.to_datetime(card["postmarked_on"]).fillna(received)
    return pd.DataFrame(
        {
            "application_id": "P:" + card["card_no"],
            "source": "postcard",
            "household_no": owner,
            "received_at": received.astype("datetime64[us]"),
            "cancelled": False,
            "declined": marked & sure["declined"],
            "illegible": bad_slots | unsure_mark | (owner.isna() & ~number_read) | ~comparable,
            "identity": owner.notna() & ~_agrees(card, owner, frames["kana_key"], household),
        }
    )


_CONFIDENT = ["application_no", "name_kana", "postal_code", "declined"]


def _unreadable_slots(slot: pd.DataFrame, rules: OrderRules) -> pd.Series:
    unsure = ~(slot["item_confidence"] >= rules.threshold)
    blank = slot["item_code"].fillna("").str.strip() == ""
    return slot.loc[unsure | blank | ~slot["quantity_readable"], "card_no"]


def _matched(card: pd.DataFrame, frames: Frames, household: pd.DataFrame) -> pd.Series:
    """Card number to the one household with its kana and postal code whose number is a digit away at most."""
    card = card[card["name_ok"] & card["postal_ok"]][["card_no", "application_no", "name_key", "postal_key"]]
    card = card.assign(read=card["application_no"].fillna("").str.replace("[^0-9]", "", regex=True))
    card = card[card["read"].str.len() == 10]
    near = card.merge(frames["kana_key"], left_on="name_key", right_on="kana_key")
    near = near.join(household[["postal_code", "delivery_postal", "state"]], on="household_no")
    same_code = (near["postal_key"] == near["postal_code"]) | (near["postal_key"] == near["delivery_postal"])
    near = near[same_code.astype(bool) & (near["state"] != "deleted")]
    near = near.merge(frames["application_number"], on="household_no", suffixes=("", "_own"))
    if near.empty:
        return pd.Series(dtype=object)
    read, own = (near[c].to_numpy().astype("S10").view("S1") for c in ("read", "application_no_own"))
    near = near[(read != own).reshape(-1, 10).sum(axis=1) <= 1]
    near = near.drop_duplicates(["card_no", "household_no"])
    alone = near[~near.duplicated("card_no", keep=False)]
    return alone.set_index("card_no")["household_no"]


def _agrees(card: pd.DataFrame, owner: pd.Series, kana: pd.DataFrame, household: pd.DataFrame) -> pd.Series:
    of_card = pd.DataFrame({"household_no": owner, "kana_key": card["name_key"]}).reset_index()
    known = kana.drop_duplicates()[["household_no", "kana_key"]]
    named = of_card.merge(known, on=["household_no", "kana_key"])["index"]
    postal = card["postal_key"]
    at_home = postal == owner.map(household["postal_code"])
    delivered = postal == owner.map(household["delivery_postal"])
    return (card["name_ok"] & card.index.isin(named)) | (card["postal_ok"] & (at_home | delivered).astype(bool))


# ---------------------------------------------------------------- lines and checks


def _lines(line: pd.DataFrame, prefix: str, key: str = "application_id") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "application_id": prefix + line[key],
            "item_code": line["item_code"],
            "quantity": line["quantity"].astype("float64"),
        }
    )


def lines_of_amendments(line: pd.DataFrame) -> pd.DataFrame:
    return _lines(line, "A:", "amendment_id")


def _content(orders: pd.DataFrame, lines: pd.DataFrame, catalogue: pd.DataFrame) -> pd.DataFrame:
    """Adds line_count, unknown, refused and points, each from the order's own lines on its own day."""
    day = orders.set_index("application_id")["received_at"].dt.normalize().rename("day")
    line = lines.join(day, on="application_id", how="inner").merge(catalogue, on="item_code", how="left")
    since, until, refused = (pd.to_datetime(line[c]) for c in ("orderable_from", "orderable_to", "refused_from"))
    line["unknown"] = line["points"].isna() | ~(line["quantity"] >= 1)
    line["refused"] = (refused <= line["day"]) | (line["day"] < since) | (line["day"] > until)
    line["points"] = (line["points"] * line["quantity"]).fillna(0)
    by_order = line.groupby("application_id")
    content = by_order.agg(
        line_count=("points", "size"), unknown=("unknown", "any"), refused=("refused", "any"), points=("points", "sum")
    )
    orders = orders.join(content, on="application_id")
    counts = {"line_count": 0, "points": 0, "unknown": False, "refused": False}
    kinds = {"line_count": int, "points": int, "unknown": bool, "refused": bool}
    return orders.fillna(counts).astype(kinds)


def _check(apps: pd.DataFrame, household: pd.DataFrame, shipped: pd.DataFrame, rules: OrderRules) -> pd.DataFrame:
    """Adds `reason`: the first check that fails, of those that need no other application."""
    goods, toilets = (shipped[shipped["kind"] == kind] for kind in ("goods", "toilet"))
    own_goods = set(zip(goods["household_no"], goods["source_ref"], strict=True))
    with_toilets = apps["household_no"].isin(toilets["household_no"])
    carried = pd.Series(False, index=apps.index)
    if with_toilets.any():
        pairs = zip(apps["household_no"], apps["application_id"], strict=True)
        carried = pd.Series([pair in own_goods for pair in pairs], index=apps.index)
    checks = {
        "late": apps["received_at"].dt.normalize() > pd.Timestamp(rules.deadline),
        "declined": apps["declined"],
        "illegible": apps["illegible"],
        "unknown_household": apps["household_no"].isna(),
        "departed": apps["household_no"].map(household["state"]).isin(["deleted", "held"]),
        "identity": apps["identity"],
        "no_items": apps["line_count"] == 0,
        "unknown_item": apps["unknown"],
        "refused_item": apps["refused"],
        "over_points": apps["points"] > apps["household_no"].map(household["entitlement"]),
        "toilet_shipped": with_toilets & ~carried,
    }
    conditions = [np.asarray(c, dtype=bool) for c in checks.values()]
    reason = np.select(conditions, list(checks), default="")
    in_review = (reason != "") & ~np.isin(reason, ["late", "declined"]) & ~apps["cancelled"]
    return apps.assign(reason=reason, in_review=in_review, good=(reason == "") & ~apps["cancelled"])


# ---------------------------------------------------------------- amendments


def _amendments(frames: Frames, holder: pd.Series, end: pd.Timestamp) -> pd.DataFrame:
    amendment = frames["amendment"]
    amendment = amendment[amendment["requested_at"] < end]
    amendment = pd.DataFrame(
        {
            "application_id": "A:" + amendment["amendment_id"],
            "household_no": _household_of(amendment["application_no"], holder),
            "received_at": amendment["requested_at"],
            "action": amendment["action"],
        }
    )
    amendment = _content(amendment, lines_of_amendments(frames["amendment_line"]), frames["catalogue"])
    return amendment.sort_values(["received_at", "application_id"], ignore_index=True)


# ---------------------------------------------------------------- the end


def _settle(apps: pd.DataFrame, amended: Amended, shipped: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Final status and reason of every application, and the standing one of each household."""
    goods = shipped[shipped["kind"] == "goods"]
    first = goods[goods["sequence"] == 1].set_index("household_no")["source_ref"]
    taken_back = apps["household_no"].map(amended.taken_back).astype("datetime64[us]")
    withdrawn = apps["cancelled"] | (apps["received_at"] <= taken_back)
    settled = apps["application_id"].isin(amended.settled)
    candidate = (apps["good"] | settled) & ~withdrawn & apps["household_no"].notna()
    candidates = in_order(apps[candidate])
    left = candidates["household_no"].isin(goods["household_no"])
    carried = candidates["application_id"] == candidates["household_no"].map(first)
    standing = candidates[carried | ~left].drop_duplicates("household_no")
    stands = apps.index.isin(standing.index)
    reason = apps["reason"].mask(candidate & ~stands, "duplicate").mask(stands | withdrawn, "")
    status = np.select(
        [withdrawn, reason == "", reason.isin(REJECTED), reason.isin(WITHDRAWN)],
        ["withdrawn", "accepted", "rejected", "withdrawn"],
        default="review",
    )
    return apps.assign(status=status, reason=reason.where(reason != "", None)), standing


def _differs(apps: pd.DataFrame, standing: pd.DataFrame, lines: pd.DataFrame) -> pd.Series:
    """Duplicates whose lines, summed by item, are not those of the application that stands."""
    duplicate = apps.loc[apps["reason"] == "duplicate", ["application_id", "household_no"]]
    pairs = duplicate.merge(standing[["household_no", "application_id"]], on="household_no", suffixes=("", "_standing"))
    concerned = pd.concat([pairs["application_id"], pairs["application_id_standing"]])
    content = lines[lines["application_id"].isin(concerned)].fillna({"item_code": "", "quantity": 0})
    content = content.groupby(["application_id", "item_code"], as_index=False)["quantity"].sum()
    own = pairs.merge(content, on="application_id")
    other = pairs.merge(
        content.rename(columns={"application_id": "application_id_standing"}), on="application_id_standing"
    )
    both = own.merge(other, on=["application_id", "item_code"], how="outer", suffixes=("", "_other"))
    different = both.loc[both["quantity"] != both["quantity_other"], "application_id"]
    return apps["application_id"].isin(different)


def _parcels(
    standing: pd.DataFrame,
    amended: Amended,
    household: pd.DataFrame,
    lines: pd.DataFrame,
    changes: pd.DataFrame,
) -> Frames:
    source = standing.set_index("household_no")["application_id"]
    homes = household.reindex(source.index)
    held = (homes["confidential"] & ~homes["instructed"]) | source.index.isin(amended.holding)
    parcel = pd.DataFrame({"cause": "first", "cause_ref": "", "source_ref": source, "held": held}).reset_index()
    founded = pd.DataFrame(amended.founded, columns=["household_no", "cause_ref"]).assign(cause="add")
    founded = founded.merge(parcel[["household_no", "source_ref", "held"]], on="household_no")
    parcel = pd.concat([parcel, founded], ignore_index=True)

    base = source.copy()
    base.update(pd.Series(amended.replaced, dtype=object))
    content = pd.DataFrame({"application_id": base, "cause_ref": ""}).reset_index()
    added = pd.DataFrame(amended.added, columns=["household_no", "cause_ref", "application_id"])
    content = pd.concat([content, added[added["household_no"].isin(source.index)]])
    content = content.merge(pd.concat([lines, changes]), on="application_id")
    content["cause"] = np.where(content["cause_ref"] == "", "first", "add")
    keys = ["household_no", "cause", "cause_ref", "item_code"]
    summed = content.groupby(keys, as_index=False)["quantity"].sum().astype({"quantity": int})
    return {"parcel": parcel, "parcel_line": summed}
