-- Members once successors have taken their predecessors' place, under the number that we know them by. One that is
-- named only by an event after the reference date is such an event of the household that we know.
-- in: takeover, renamed_member (of the late ones)
SELECT
    COALESCE(takeover.identity_no, member.household_no) AS household_no,
    member.member_no,
    member.is_head,
    member.member_name,
    member.member_kana,
    member.birth_date,
    member.head_name,
    member.head_kana,
    member.postal_code,
    member.town,
    member.block,
    member.building,
    member.confidential
FROM member
LEFT JOIN alias ON member.household_no = alias.household_no
LEFT JOIN takeover ON member.household_no = takeover.successor_no
WHERE alias.household_no IS NULL OR (alias.is_last AND NOT takeover.is_late)
UNION ALL
SELECT
    household_no,
    member_no,
    is_head,
    member_name,
    member_kana,
    birth_date,
    head_name,
    head_kana,
    postal_code,
    town,
    block,
    building,
    confidential
FROM renamed_member
