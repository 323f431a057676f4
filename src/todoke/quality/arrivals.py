"""Postcards and carrier's results as their suites look at them, worked out apart from the SQL rules."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from todoke.quality.columns import Column, Flags, distinct
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

    parcel, state = Column.encoded(event["shipment_id"]), Column.encoded(event["state"])
    known = pc.index_in(parcel.values, shipment["shipment_id"].combine_chunks())
    moment = event["occurred_at"].to_numpy().astype("datetime64[us]")
    day = moment.astype("datetime64[D]")
    released = _of_row(shipment["released_on"].take(known), parcel).astype("datetime64[D]")
    last = np.nan_to_num(_of_row(shipment["released_rev"].take(known), parcel).astype(np.float64))
    revision = event["revision"].cast(pa.float64()).to_numpy()
    handed = _earliest(moment, parcel, state.where(pc.is_in(state.values, pa.array(["handed_over"]))))
    ended = _earliest(moment, parcel, state.where(pc.is_in(state.values, pa.array(_ENDS))))
    first = np.diff(np.maximum.accumulate(parcel.of_row), prepend=-1) > 0
    faults = {
        "shipment_unknown": parcel.where(pc.is_null(known)),
        "moment_missing": np.isnat(moment),
        "no_hand_over": np.where(first & ~np.isnat(ended), np.isnat(handed), np.nan),
        "hand_over_late": np.where(first, handed > ended, np.nan),
        "tracking_no_changed": np.where(first, _numbers_of(event["tracking_no"], parcel) > 1, np.nan),
        "before_release": np.where(np.isnat(released), np.nan, day < released),
        "revision_not_released": np.where(np.isnan(revision), np.nan, revision > last),
        "outside_term": (day < np.datetime64(starts_on)) | (day > np.datetime64(ends_on)),
    }
    keys = Column.encoded(pc.binary_join_element_wise(event["source"], event["source_ref"], "/"))
    everywhere = np.ones(event.num_rows, bool)
    texts = {"shipment_id": parcel.categories(everywhere), "state": state.categories(everywhere)}
    block = np.array(list(faults.values()), np.float32)
    numbers = pd.DataFrame(block.T, columns=list(faults))
    return pd.concat([pd.DataFrame({"event_key": keys.of_row, **texts}), numbers], axis=1)


def _of_row(of_parcel: pa.ChunkedArray, parcel: Column) -> NDArray[Any]:
    """A value of each parcel, for each event."""
    of_row: NDArray[Any] = of_parcel.to_numpy(zero_copy_only=False)[parcel.of_row]
    return of_row


def _earliest(moment: NDArray[np.datetime64], parcel: Column, only: Flags) -> NDArray[np.datetime64]:
    """For each event, when the first of some events of its parcel was; NaT where there is none."""
    first = np.full(len(parcel.values), np.datetime64("NaT"), "datetime64[us]")
    np.fmin.at(first, parcel.of_row[only], moment[only])
    of_row: NDArray[np.datetime64] = first[parcel.of_row]
    return of_row


def _numbers_of(tracking_no: pa.ChunkedArray, parcel: Column) -> NDArray[np.int64]:
    """For each event, how many tracking numbers its parcel has."""
    number = Column.encoded(tracking_no)
    width = len(number.values) + 1
    given = number.of_row < len(number.values)
    pairs = distinct(parcel.of_row[given] * width + number.of_row[given]).values.to_numpy() // width
    of_row: NDArray[np.int64] = np.bincount(pairs, minlength=len(parcel.values))[parcel.of_row]
    return of_row


def _faults(flags: pd.Series) -> pd.Series:
    """1 for a fault, 0 for none; rows that are left out become NaN in the frame."""
    return flags.astype(np.float32)


def _checks(number: str) -> bool:
    """Ten digits of which the last two are right (ISO 7064 MOD 97-10)."""
    return number.isascii() and number.isdigit() and len(number) == 10 and int(number) % 97 == 1
