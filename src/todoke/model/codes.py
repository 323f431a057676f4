"""The codes that decisions, parcels and receipts carry, each with its Japanese label."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Labelled(StrEnum):
    """A code that is stored, with the label that people read."""

    label: str

    def __new__(cls, value: str, label: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member


class Status(Labelled):
    """What became of an application or an amendment; applications = the sum of all five."""

    ACCEPTED = "accepted", "受理"
    REJECTED = "rejected", "不受理"
    REVIEW = "review", "要確認"
    WITHDRAWN = "withdrawn", "取下げ"
    SUPERSEDED = "superseded", "後の変更で置換"


class Reason(Labelled):
    """The first check that failed, in the order of the checks (`interfaces.md`, reconciliation)."""

    LATE = "late", "期限後の受付"
    DECLINED = "declined", "辞退"
    ILLEGIBLE = "illegible", "読取不能"
    UNKNOWN_HOUSEHOLD = "unknown_household", "申込番号不明"
    DEPARTED = "departed", "対象外となった世帯"
    IDENTITY = "identity", "本人確認不一致"
    NO_ITEMS = "no_items", "商品の記入なし"
    UNKNOWN_ITEM = "unknown_item", "商品コード・数量の誤り"
    REFUSED_ITEM = "refused_item", "取扱いできない商品"
    OVER_POINTS = "over_points", "ポイント超過"
    TOILET_SHIPPED = "toilet_shipped", "携帯トイレ発送済み"
    DUPLICATE = "duplicate", "重複申込み"
    NO_APPLICATION = "no_application", "対象の申込みなし"
    ALREADY_SHIPPED = "already_shipped", "引渡し済み"


class ShipmentKind(Labelled):
    """What a parcel holds."""

    CATALOGUE = "catalogue", "カタログ"
    GOODS = "goods", "防災用品"
    TOILET = "toilet", "携帯トイレ"
    COUPON = "coupon", "クーポン"
    NOTICE = "notice", "勧奨通知"


class Cause(Labelled):
    """Why a parcel exists; every parcel beyond the first of its kind needs one other than FIRST."""

    FIRST = "first", "初回"
    ADD = "add", "追加申込み"
    RESEND = "resend", "再送"
    REDELIVERY = "redelivery", "再配達"
    DEFECT = "defect", "不良品交換"
    READDRESS = "readdress", "住所変更による再発送"
    CORRECTION = "correction", "訂正"
    DIRECT = "direct", "直接配送"


class ShipmentState(Labelled):
    """Where a parcel stands. The first five are ours, the rest the carrier says."""

    PLANNED = "planned", "出荷待ち"
    ON_HOLD = "on_hold", "保留"
    CANCELLED = "cancelled", "取消"
    RELEASED = "released", "出荷指示済み"
    STOPPED = "stopped", "停止指示済み"
    HANDED_OVER = "handed_over", "運送会社引渡し"
    IN_TRANSIT = "in_transit", "配送中"
    DELIVERED = "delivered", "配達完了"
    ABSENT = "absent", "不在"
    HELD = "held", "保管中"
    RETURNED_UNKNOWN_ADDRESS = "returned_unknown_address", "返戻（宛所不明）"
    RETURNED_REFUSED = "returned_refused", "返戻（受取拒否）"
    RETURNED_EXPIRED = "returned_expired", "返戻（保管期限切れ）"
    LOST = "lost", "紛失"
    DAMAGED = "damaged", "損傷"
    DELAYED = "delayed", "遅延"


class PullReason(Labelled):
    """Why a printed label is taken out."""

    WARD_LIST = "ward_list", "区の抽出データ"
    GAIJI = "gaiji", "外字の印字誤り"
    SINGLE = "single", "個別の依頼"
    SUPERSEDED = "superseded", "新しいラベルあり"
    CONFIDENTIAL = "confidential", "秘匿世帯となった"
    DELETED = "deleted", "世帯の削除"
    HELD = "held", "世帯・ラベルの保留"
    NOT_WANTED = "not_wanted", "発送の取りやめ"


class PullState(Labelled):
    """Where a label on the pull list is. Once the carrier has it, it cannot be pulled."""

    TO_FIND = "to_find", "要引抜き"
    FOUND = "found", "発見"
    NOT_FOUND = "not_found", "発見できず"
    PULLED = "pulled", "引抜き済み"
    DELIVERED = "delivered", "区へ納品済み"
    TOO_LATE = "too_late", "引渡し済み"
    WITHDRAWN = "withdrawn", "依頼の取消"


class PullFinding(Labelled):
    """Why a line of a pull list that came back is not taken."""

    UNKNOWN_ITEM = "unknown_item", "管理番号が引抜き一覧にありません"
    STALE = "stale", "版が古くなっています。新しい引抜き一覧に記入してください"
    ITEM_TWICE = "item_twice", "同じ管理番号の行で結果が食い違っています。正しい1行だけに記入してください"
    RESULT_MISSING = "result_missing", "結果が空欄です"
    RESULT_UNKNOWN = "result_unknown", "結果は、発見・発見できず・引抜き済み・区へ納品済みから選んでください"
    STEP_BACK = "step_back", "今の状態から、この結果には進めません"
    PERSON_MISSING = "person_missing", "担当者が空欄です"


class Claim(Labelled):
    """What a household may have once."""

    CATALOGUE = "catalogue", "カタログ"
    ENTITLEMENT = "entitlement", "ポイント・携帯トイレ"


class ReceiptState(Labelled):
    """What became of a received file."""

    ACCEPTED = "accepted", "受領"
    REFUSED = "refused", "受領不可"
    REPEAT = "repeat", "同一内容（変更なし）"
    WAITING = "waiting", "確認待ち"
    SUPERSEDED = "superseded", "旧版"


class Finding(Labelled):
    """Why a row of a ward's file is in quarantine."""

    RAGGED = "ragged", "項目数の不一致"
    BAD_CHARACTER = "bad_character", "文字コード誤り"
    HOUSEHOLD_NO_MISSING = "household_no_missing", "世帯番号の誤り"
    HOUSEHOLD_DUPLICATE = "household_duplicate", "世帯の重複"
    SIZE_MISMATCH = "size_mismatch", "世帯人数の不一致"
    HEAD_MISSING = "head_missing", "世帯主なし"
    HEAD_TWICE = "head_twice", "世帯主が複数"
    MEMBER_NO_GAP = "member_no_gap", "世帯員番号の欠番・重複"
    POSTAL_CODE_UNKNOWN = "postal_code_unknown", "郵便番号の誤り"
    POSTAL_CODE_TOWN = "postal_code_town", "郵便番号と町名の不一致"
    ADDRESS_MISSING = "address_missing", "住所の欠落"
    KANA_INVALID = "kana_invalid", "かなの誤り"
    NAME_MISSING = "name_missing", "氏名の欠落"
    BIRTH_DATE_INVALID = "birth_date_invalid", "生年月日の誤り"
    GAIJI_UNKNOWN = "gaiji_unknown", "外字フォントにない文字"
    HOUSEHOLD_CONFLICT = "household_conflict", "世帯内の記載不一致"
    CONFIDENTIAL_INVALID = "confidential_invalid", "秘匿区分の誤り"
    CHANGE_INVALID = "change_invalid", "異動区分・異動事由・異動日の誤り"
    UNKNOWN_HOUSEHOLD = "unknown_household", "受領していない世帯番号"
    NOT_WANTED = "not_wanted", "区の回答により不採用"


class QueryDecision(Labelled):
    """What the ward answers to a finding that it was asked about (照会票)."""

    CORRECT = "correct", "訂正"
    REJECT = "reject", "却下"
    ASK_AGAIN = "ask_again", "再照会"


class QueryFinding(Labelled):
    """Why an answer of the ward is not taken."""

    UNKNOWN_ITEM = "unknown_item", "管理番号が今の照会票にありません"
    STALE = "stale", "版が古くなっています。新しい照会票に回答してください"
    ANSWERED = "answered", "すでに別の回答を受け取っています"
    ITEM_TWICE = "item_twice", "同じ管理番号の回答が2つあります"
    DECISION_MISSING = "decision_missing", "決定が空欄です"
    DECISION_UNKNOWN = "decision_unknown", "決定は、訂正・却下・再照会から選んでください"
    APPROVAL_FORBIDDEN = "approval_forbidden", "決まりに合わない行は承認できません"
    CORRECTION_FORBIDDEN = (
        "correction_forbidden",
        "値の訂正では直せません。データを送り直すか、却下してください",
    )
    VALUE_MISSING = "value_missing", "訂正後の値が空欄です"
    VALUE_UNREADABLE = "value_unreadable", "訂正後の値を読めません（200字以内の文字で書いてください）"
    PERSON_MISSING = "person_missing", "担当者が空欄です"


class CardFinding(Labelled):
    """Why a postcard's row is not taken."""

    CARD_NO_MISSING = "card_no_missing", "受付番号なし"
    DATE_INVALID = "date_invalid", "日付の誤り"
    CONFIDENCE_INVALID = "confidence_invalid", "確信度の誤り"
    CARD_REPEATED = "card_repeated", "受付番号の重複（内容相違）"


class CardRemark(Labelled):
    """What is noticed on a postcard that is taken; what becomes of it the reconciliation decides."""

    NUMBER_UNREADABLE = "number_unreadable", "申込番号を読めない"
    NUMBER_INVALID = "number_invalid", "申込番号の桁数・検査数字の誤り"
    NAME_NOT_KANA = "name_not_kana", "氏名カナがかなでない"
    POSTAL_CODE_MALFORMED = "postal_code_malformed", "郵便番号が7桁でない"
    POSTMARK_LATER = "postmark_later", "消印日が受付日より後"
    RECEIVED_OUTSIDE_TERM = "received_outside_term", "受付日が契約期間の外"
    IMAGE_MISSING = "image_missing", "画像ファイル名なし"
    ITEM_UNREADABLE = "item_unreadable", "商品コードを読めない"
    ITEM_UNKNOWN = "item_unknown", "カタログにない商品コード"
    QUANTITY_UNUSUAL = "quantity_unusual", "数量が1〜99でない"


class CarrierFinding(Labelled):
    """Why a row of the carrier's file is not taken."""

    SHIPMENT_ID_MISSING = "shipment_id_missing", "出荷番号なし"
    SHIPMENT_UNKNOWN = "shipment_unknown", "当方にない出荷番号"
    REVISION_INVALID = "revision_invalid", "改訂の誤り"
    STATE_UNKNOWN = "state_unknown", "対応表にない状態"
    MOMENT_INVALID = "moment_invalid", "日時の誤り"


class CarrierRemark(Labelled):
    """What is noticed in a carrier's results that are taken."""

    NO_HAND_OVER = "no_hand_over", "引受の記録がない"
    HAND_OVER_LATE = "hand_over_late", "引受が配達・返戻より後"
    BEFORE_RELEASE = "before_release", "出荷指示より前の日時"
    OUTSIDE_TERM = "outside_term", "日時が契約期間の外"
    REVISION_NOT_RELEASED = "revision_not_released", "出荷指示していない改訂"
    TRACKING_NO_CHANGED = "tracking_no_changed", "送り状番号が複数"


class Question(Labelled):
    """What a register version cannot decide by itself and asks a person (`interfaces.md`, from the ward)."""

    SAME_HOUSEHOLD = "same_household", "削除された世帯と同じ世帯か"
    PERSON_TWICE = "person_twice", "二つの世帯にいる人は同じ人か"
    REMOVED = "removed", "改訂版にない世帯（異動・配送の指示・停止）を取り消すか"
    STOPPED = "stopped", "停止を解くか"


class Verdict(Labelled):
    """What a person may say to a question."""

    SAME = "same", "同じ"
    DIFFERENT = "different", "別"
    REMOVE = "remove", "削除する"
    KEEP = "keep", "残す"
    RESUME = "resume", "再開する"
    HOLD = "hold", "再開を取り消し、止めたままにする"


VERDICTS: dict[Question, tuple[Verdict, ...]] = {
    Question.SAME_HOUSEHOLD: (Verdict.SAME, Verdict.DIFFERENT),
    Question.PERSON_TWICE: (Verdict.SAME, Verdict.DIFFERENT),
    Question.REMOVED: (Verdict.REMOVE, Verdict.KEEP),
    Question.STOPPED: (Verdict.RESUME, Verdict.HOLD),
}
#: Until these are answered a household gets no number, label or claim.
BEFORE_NUMBER = frozenset({Question.SAME_HOUSEHOLD, Question.PERSON_TWICE})
