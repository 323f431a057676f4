"""One Arrow schema for each dataset and number. Columns are only added; readers name those they read.

`…_at` is a naive Asia/Tokyo timestamp, `…_on` a date. Datasets in `ENCRYPTED` hold personal data and are
written under the contract's key.
"""

from __future__ import annotations

import pyarrow as pa

_text = pa.string()
_at = pa.timestamp("us")
_on = pa.date32()
_int = pa.int32()


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


#: A ward's file as decoded, one row per member; text exactly as sent. `row_no` counts the file's data rows from 1; in
#: the wide form the members of a row share it, and `member_no` counts them.
WARD_ROW = _schema(
    receipt_no=_text,
    row_no=_int,
    household_no=_text,
    head_name=_text,
    head_kana=_text,
    member_name=_text,
    member_kana=_text,
    postal_code=_text,
    town=_text,
    block=_text,
    building=_text,
    household_size=_text,
    member_no=_text,
    birth_date=_text,
    relationship=_text,
    confidential=_text,
    former_household_no=_text,
    note=_text,
    change_kind=_text,
    change_reason=_text,
    changed_on=_text,
    extra=_text,
)

#: A row, or a household, that is not taken: reason code and place only, never a value. `byte_offset`, from the start
#: of the decrypted file, where a row could not be read.
QUARANTINE = _schema(
    receipt_no=_text, row_no=_int, household_no=_text, field=_text, reason=_text, byte_offset=pa.int64()
)

#: The quarantine of the register; `mended_by`: receipt of the later file that told of the household soundly, null where
#: the line stands. Rows of the file stay in quarantine either way.
REGISTER_QUARANTINE = QUARANTINE.append(pa.field("mended_by", pa.string()))

#: What is noticed in rows that are taken: reason code and place; `subject` is a 受付番号 or a shipment's id.
REMARK = _schema(subject=_text, field=_text, reason=_text)

#: Members of the households of a register version.
PERSON = _schema(
    household_no=_text,
    member_no=_int,
    is_head=pa.bool_(),
    member_name=_text,
    member_kana=_text,
    birth_date=_on,
    head_name=_text,
    head_kana=_text,
    postal_code=_text,
    town=_text,
    block=_text,
    building=_text,
)

#: Households of a register version. `state`: live, deleted, held. `state_reason` for the last two. `household_no` is
#: the number under which we came to know the household, `ward_no` the one that the ward uses now (a successor's).
#: `instruction`: receipt and row of the delivery instruction in force, complete or not.
HOUSEHOLD = _schema(
    household_no=_text,
    members=_int,
    postal_code=_text,
    confidential=pa.bool_(),
    instructed=pa.bool_(),
    state=_text,
    state_reason=_text,
    ward_no=_text,
    instruction=_text,
)

#: The numbers that a register version knows a household by beyond one, of every chain of successors. `identity_no`: the
#: household that `household_no` means, in whatever list of the ward; `is_last`: whether the ward uses it now.
HOUSEHOLD_ALIAS = _schema(household_no=_text, identity_no=_text, is_last=pa.bool_())

#: Households for which everything is to be held now.
STOP_ROW = _schema(receipt_no=_text, row_no=_int, household_no=_text, note=_text)

#: The address that the ward has found for a household, mostly for a catalogue that came back (G23).
READDRESS_ROW = _schema(
    receipt_no=_text,
    row_no=_int,
    household_no=_text,
    postal_code=_text,
    town=_text,
    block=_text,
    building=_text,
    note=_text,
)

#: Parcels that a person wants to have sent once more, and why (G24); `shipment_id`: the one that did not arrive.
RESEND_REQUEST = _schema(
    request_id=_text,
    shipment_id=_text,
    household_no=_text,
    kind=_text,
    reason=_text,
    by_whom=_text,
    requested_at=_at,
)
#: Households whose printed catalogues the ward wants taken out (引き抜き).
PULL_OUT_ROW = _schema(receipt_no=_text, row_no=_int, household_no=_text, note=_text)

#: Households to hold while a register waits for a person, and which of them are to be taken for confidential.
REGISTER_CAUTION = _schema(household_no=_text, confidential=pa.bool_())

#: What a register version asks a person. `kind`: `todoke.model.codes.Question`; `other_no`: the other household of a
#: pair; `receipt_no`: the file that is in question where it is not a pair.
REGISTER_QUESTION = _schema(question_id=_text, kind=_text, household_no=_text, other_no=_text, receipt_no=_text)

#: What persons answered, one row a question. `verdict`: `todoke.model.codes.Verdict`.
REGISTER_ANSWER = _schema(
    question_id=_text,
    kind=_text,
    household_no=_text,
    other_no=_text,
    receipt_no=_text,
    verdict=_text,
    by_whom=_text,
    answered_at=_at,
)

#: What the ward answered to the findings that it was asked about (照会票). `item_no`, `digest`: the item as shown;
#: `receipt_no` … `reason`: the finding; `decision`: `todoke.model.codes.QueryDecision`; `value`: the corrected one.
QUERY_ANSWER = _schema(
    item_no=_text,
    digest=_text,
    receipt_no=_text,
    row_no=_int,
    household_no=_text,
    field=_text,
    reason=_text,
    decision=_text,
    value=_text,
    by_whom=_text,
    note=_text,
    answer_receipt=_text,
    answer_row=_int,
)

#: A register version: the versions that it was made from (`role` input) and those that it consists of (output).
REGISTER = _schema(role=_text, dataset=_text, version=_text)

#: What the ward says of the delivery to a confidential household; the last row of a household counts.
DELIVERY_INSTRUCTION = _schema(
    receipt_no=_text,
    row_no=_int,
    household_no=_text,
    method=_text,
    postal_code=_text,
    address=_text,
    building=_text,
    recipient_name=_text,
    held_at=_text,
)

CATALOGUE = _schema(
    item_code=_text,
    item_name=_text,
    category=_text,
    points=_int,
    list_price_yen=_int,
    ward_set=_int,
    orderable_from=_on,
    orderable_to=_on,
    refused_from=_on,
    supplier=_text,
    lead_time_days=_int,
    stock_on_hand=_int,
)

WEB_APPLICATION = _schema(
    application_id=_text, application_no=_text, submitted_at=_at, cancelled_at=_at, updated_at=_at
)
WEB_LINE = _schema(application_id=_text, line_no=_int, item_code=_text, quantity=_int)
AMENDMENT = _schema(
    amendment_id=_text,
    application_no=_text,
    requested_at=_at,
    action=_text,
    operator=_text,
    updated_at=_at,
)
AMENDMENT_LINE = _schema(amendment_id=_text, line_no=_int, item_code=_text, quantity=_int)
SURVEY_ANSWER = _schema(application_id=_text, question_code=_text, answer=_text, answered_at=_at)

#: A scanned postcard. Text as read; confidences 0–1, empty when the scanner gave none.
POSTCARD = _schema(
    card_no=_text,
    received_on=_on,
    postmarked_on=_on,
    image_file=_text,
    application_no=_text,
    application_no_confidence=pa.float64(),
    name_kana=_text,
    name_kana_confidence=pa.float64(),
    postal_code=_text,
    postal_code_confidence=pa.float64(),
    declined=_text,
    declined_confidence=pa.float64(),
    receipt_no=_text,
    row_no=_int,
)
#: Slots of a postcard that hold a code or a quantity; `quantity_text` as read.
POSTCARD_LINE = _schema(
    card_no=_text,
    line_no=_int,
    item_code=_text,
    quantity_text=_text,
    item_confidence=pa.float64(),
)

CARRIER_RESULT = _schema(
    shipment_id=_text,
    revision=_int,
    tracking_no=_text,
    state=_text,
    occurred_at=_at,
    note=_text,
    receipt_no=_text,
    row_no=_int,
)

#: A change at the web source that came after the deadline and is not taken.
LATE_CHANGE = _schema(application_id=_text, changed_at=_at)

DATASETS: dict[str, pa.Schema] = {
    "ward_row": WARD_ROW,
    "addition_row": WARD_ROW,
    "correction_row": WARD_ROW,
    "bad_row": QUARANTINE,
    "quarantine": REGISTER_QUARANTINE,
    "person": PERSON,
    "household": HOUSEHOLD,
    "household_alias": HOUSEHOLD_ALIAS,
    "register_question": REGISTER_QUESTION,
    "register_answer": REGISTER_ANSWER,
    "register_caution": REGISTER_CAUTION,
    "register": REGISTER,
    "query_answer": QUERY_ANSWER,
    "query_bad_row": QUARANTINE,
    "stop_row": STOP_ROW,
    "readdress_row": READDRESS_ROW,
    "resend_request": RESEND_REQUEST,
    "pull_out_row": PULL_OUT_ROW,
    "pull_bad_row": QUARANTINE,
    "delivery_instruction": DELIVERY_INSTRUCTION,
    "catalogue": CATALOGUE,
    "web_application": WEB_APPLICATION,
    "web_line": WEB_LINE,
    "amendment": AMENDMENT,
    "amendment_line": AMENDMENT_LINE,
    "survey_answer": SURVEY_ANSWER,
    "postcard": POSTCARD,
    "postcard_line": POSTCARD_LINE,
    "postcard_bad_row": QUARANTINE,
    "postcard_remark": REMARK,
    "late_change": LATE_CHANGE,
    "carrier_result": CARRIER_RESULT,
    "carrier_bad_row": QUARANTINE,
    "carrier_remark": REMARK,
}

ENCRYPTED = frozenset(
    {
        "ward_row",
        "addition_row",
        "correction_row",
        "query_answer",
        "person",
        "delivery_instruction",
        "stop_row",
        "readdress_row",
        "resend_request",
        "pull_out_row",
        "postcard",
        "survey_answer",
        "carrier_result",
    }
)
