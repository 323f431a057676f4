"""Postcards and carrier's results as their suites look at them, worked out apart from the SQL rules."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from todoke.quality.remarks import CardRules

if TYPE_CHECKING:
    import pandas as pd

_READ_FIELDS = ("application_no", "name_kana", "postal_code")
_ENDS = ("delivered", "returned_unknown_address", "returned_refused", "returned_expired")


def card_frame(card: pa.Table, line: pa.Table, item_codes: pa.ChunkedArray, rules: CardRules) -> pd.DataFrame:
    """One row per card, then one per slot, for `suites.run_suite("postcards", …)`; a column of the one kind is null in
    rows of the other.

    Args: as of `remarks.card_remarks`.

    Returns:
        `application_no`, `name_kana`, `postal_code` and `item_code` only where they are read with confidence.
    """
    import pandas as pd

    cards, lines = card.to_pandas(), line.to_pandas()
    readable = {name: (cards[name] != "") & (cards[f"{name}_confidence"] >= rules.threshold) for name in _READ_FIELDS}
    read = {name: cards[name].where(readable[name]) for name in _READ_FIELDS}
    number = read["application_no"]
    received, postmarked = (pd.to_datetime(cards[name]) for name in ("received_on", "postmarked_on"))
    outside = (received < pd.Timestamp(rules.opens_on)) | (received > pd.Timestamp(rules.ends_on))
    item_read = (lines["item_code"] != "") & (lines["item_confidence"] >= rules.threshold)
    known = lines["item_code"].isin(item_codes.to_pylist())
    of_cards = {
        "card_no": cards["card_no"],
        "image_file": cards["image_file"],
        **read,
        **{f"{name}_confidence": cards[f"{name}_confidence"] for name in (*_READ_FIELDS, "declined")},
        "received_missing": _faults(received.isna()),
        "number_unreadable": _faults(~readable["application_no"]),
        "number_invalid": _faults(number.dropna().map(lambda text: not _checks(text))),
        "postmark_later": _faults((postmarked > received)[postmarked.notna()]),
        "received_outside_term": _faults(outside),
    }
    of_lines = {
        "line_key": lines["card_no"] + "/" + lines["line_no"].astype(str),
        "line_no": lines["line_no"],
        "item_confidence": lines["item_confidence"],
        "card_missing": _faults(~lines["card_no"].isin(cards["card_no"])),
        "item_unreadable": _faults(~item_read),
        "item_unknown": _faults((~known)[item_read]),
        "quantity_text": lines["quantity_text"].where(lines["quantity_text"] != ""),
    }
    parts = [pd.DataFrame(columns, index=table.index) for columns, table in ((of_cards, cards), (of_lines, lines))]
    return pd.concat(parts, ignore_index=True)


def result_frame(event: pa.Table, shipment: pa.Table, starts_on: date, ends_on: date) -> pd.DataFrame:
    """One row per event, for `suites.run_suite("carrier_results", …)`; a check of a parcel stands in its first row.

    Args: as of `remarks.result_remarks`; `event` with source and source_ref.
    """
    import pandas as pd

    events, shipments = event.to_pandas(), shipment.to_pandas().set_index("shipment_id")
    moment = pd.to_datetime(events["occurred_at"])
    day, number = moment.dt.normalize(), events["shipment_id"]

    def of_row(of_parcel: pd.Series) -> pd.Series:
        return pd.Series(of_parcel.reindex(number).to_numpy(), index=events.index)

    released = pd.to_datetime(of_row(shipments["released_on"]))
    last = of_row(shipments["released_rev"]).fillna(0)
    handed = of_row(moment[events["state"] == "handed_over"].groupby(number).min())
    ended = of_row(moment[events["state"].isin(_ENDS)].groupby(number).min())
    first = ~number.duplicated()
    tracking = of_row(events.groupby("shipment_id")["tracking_no"].nunique())
    return pd.DataFrame(
        {
            "event_key": events["source"] + "/" + events["source_ref"],
            "shipment_id": number,
            "shipment_unknown": _faults(~number.isin(shipments.index)),
            "state": events["state"],
            "moment_missing": _faults(moment.isna()),
            "no_hand_over": _faults(handed.isna()[first & ended.notna()]),
            "hand_over_late": _faults((handed > ended)[first]),
            "tracking_no_changed": _faults((tracking > 1)[first]),
            "before_release": _faults((day < released)[released.notna()]),
            "revision_not_released": _faults((events["revision"] > last)[events["revision"].notna()]),
            "outside_term": _faults((day < pd.Timestamp(starts_on)) | (day > pd.Timestamp(ends_on))),
        }
    )


def _faults(flags: pd.Series) -> pd.Series:
    """1 for a fault, 0 for none; rows that are left out become NaN in the frame."""
    return flags.astype(np.float32)


def _checks(number: str) -> bool:
    """Ten digits of which the last two are right (ISO 7064 MOD 97-10)."""
    return number.isascii() and number.isdigit() and len(number) == 10 and int(number) % 97 == 1
